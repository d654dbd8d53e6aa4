"""Waking many who wait for moments far ahead, with one task for all of them.

It looks at the wall clock every minute: if somebody sets that forward, or the machine slept, nobody is woken later.
"""

import asyncio
import heapq

from pointsman.clock import Clock
from pointsman.engine.schedule import LONGEST_SLEEP, MOST_GONE


class Alarm:
    """Sets events at moments of wall time.

    State: who waits until when, a heap of the moments, in which those who left may stay for a while, and the task that
    waits for the first of them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[asyncio.Event, float] = {}
        self._heap: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0
        self._earlier = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Alarm waiting={len(self._waiting)}>"

    def set(self, at: float, event: asyncio.Event) -> None:
        """Set an event at a moment, and not at the one that was asked for before."""
        if self._waiting.get(event) == at:
            return
        self._waiting[event] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, event))
        self._tidy()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="alarm")
        elif self._heap[0][1] == self._count:
            self._earlier.set()

    def forget(self, event: asyncio.Event) -> None:
        """Do not set an event any more: nobody waits for it."""
        self._waiting.pop(event, None)
        self._tidy()

    async def close(self) -> None:
        """Wake nobody any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._waiting) + MOST_GONE:
            self._heap = [one for one in self._heap if self._waiting.get(one[2]) == one[0]]
            heapq.heapify(self._heap)

    async def _run(self) -> None:
        while self._heap:
            at, _, event = self._heap[0]
            wait = at - self._clock.now()
            if wait <= 0:
                heapq.heappop(self._heap)
                if self._waiting.get(event) == at:
                    del self._waiting[event]
                    event.set()
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
