"""A clock that stands still: time passes when a test says so, or when nothing else is left to happen."""

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Callable

START = 1_700_000_000.0
"""Wall time at which a `FakeClock` starts unless told otherwise: 14 November 2023, 22:13:20 UTC."""
QUIET_TURNS = 40
"""Turns of the event loop without a look at the clock after which it counts as settled.

An exchange between a client and a server in one loop takes some fifteen turns, and both look at the clock.
"""
MOST_TURNS = 20_000
"""Turns after which `FakeClock.settle` gives up on a loop that never comes to rest."""
_MONOTONIC_START = 5_000.0
"""Far from the wall time, so that code which mixes the two up fails."""
_REAL_PAUSE = 0.001
"""Seconds of real time between two looks at whether somebody is still busy outside of this clock."""


class FakeClock:
    """A `pointsman.clock.Clock` for tests.

    `advance` moves it by hand. Within `autojump` it moves by itself to the next moment for which somebody waits, as
    soon as nothing else can happen, so that minutes of waiting take no time.
    """

    def __init__(self, start: float = START) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = 0
        self._looks = 0

    def __repr__(self) -> str:
        return f"<FakeClock elapsed={self._elapsed} sleeping={self.sleeping}>"

    def now(self) -> float:
        """Wall time, seconds since the epoch."""
        self._looks += 1
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Monotonic time in seconds."""
        self._looks += 1
        return _MONOTONIC_START + self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has come so much further; zero or less only yields to other tasks."""
        self._looks += 1
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._order, waker))
        await waker

    @property
    def sleeping(self) -> int:
        """How many tasks wait for this clock."""
        return sum(not waker.done() for _, _, waker in self._sleepers)

    def set_wall(self, seconds: float) -> None:
        """Set the wall time as an administrator does; monotonic time and those who sleep notice nothing."""
        self._start = seconds - self._elapsed

    async def advance(self, seconds: float) -> None:
        """Let so much time pass.

        Whoever sleeps wakes at the very moment for which it waited, in the order of these moments, and everything that
        follows from it happens before the clock goes on.
        """
        until = self._elapsed + seconds
        await self.settle()
        while (due := self._next()) is not None and due <= until:
            self._move(due)
            await self.settle()
        self._elapsed = until
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that can happen now. Raises `RuntimeError` when that never ends."""
        quiet = 0
        for _ in range(MOST_TURNS):
            looks = self._looks
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._looks == looks else 0
            if quiet >= QUIET_TURNS:
                return
        raise RuntimeError(f"after {MOST_TURNS} turns of the event loop something still looks at the clock")

    @contextlib.asynccontextmanager
    async def autojump(self, busy: Callable[[], bool] = lambda: False) -> AsyncIterator[None]:
        """Jump to the next moment for which somebody sleeps, whenever nothing else is left to happen.

        `busy` says that something is going on which takes real time, such as a request that a server leaves without an
        answer: the clock then stands still. `ScriptedSandbox.busy` is made for this.
        """
        jumping = asyncio.create_task(self._jump(busy), name="autojump")
        try:
            yield
        finally:
            jumping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await jumping

    async def _jump(self, busy: Callable[[], bool]) -> None:
        while True:
            await self.settle()
            due = self._next()
            if due is None or busy():
                await asyncio.sleep(_REAL_PAUSE)
            else:
                self._move(due)

    def _next(self) -> float | None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _move(self, due: float) -> None:
        """Go to a moment and wake all who waited for it."""
        self._elapsed = max(self._elapsed, due)
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            waker = heapq.heappop(self._sleepers)[2]
            if not waker.done():
                waker.set_result(None)
