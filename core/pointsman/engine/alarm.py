"""Waking many who wait for moments far ahead, with one task for all of them.

It looks at the wall clock every minute: if somebody sets that forward, or the machine slept, nobody is woken later.
"""

import asyncio
import heapq

from pointsman.clock import Clock
from pointsman.engine.schedule import LONGEST_SLEEP


class Alarm:
    """Sets events at moments of wall time. State: a heap of these, and the task that waits for the first of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0
        self._earlier = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Alarm waiting={len(self._heap)}>"

    def set(self, at: float, event: asyncio.Event) -> None:
        """Set an event at a moment; who does not wait any more is woken for nothing."""
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, event))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="alarm")
        elif self._heap[0][1] == self._count:
            self._earlier.set()

    async def close(self) -> None:
        """Wake nobody any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._heap:
            wait = self._heap[0][0] - self._clock.now()
            if wait <= 0:
                heapq.heappop(self._heap)[2].set()
                continue
            self._earlier.clear()
            waiting = {
                asyncio.create_task(self._clock.sleep(min(wait, LONGEST_SLEEP))),
                asyncio.create_task(_told(self._earlier)),
            }
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waiting:
                    one.cancel()
        self._task = None


async def _told(event: asyncio.Event) -> None:
    await event.wait()
