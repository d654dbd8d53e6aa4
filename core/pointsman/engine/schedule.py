"""Messages that wait for their time: they take no place among those on their way, and no provider is chosen yet."""

import asyncio
import heapq

from pointsman.clock import Clock

LONGEST_SLEEP = 60.0
"""Seconds between two looks at the wall clock: if somebody sets it forward, or the machine slept, nothing is later."""
WOKEN_AT_ONCE = 500
"""Messages that are woken in one go; more would hold up the event loop when a campaign is due."""

MOST_GONE = 1_000
"""Those who were let go before their time are forgotten once they are so many, and more than those who wait."""


class Schedule:
    """Wakes messages when they are due by the wall clock, never before: a clock that is set back prolongs the wait.

    State: who waits, in the order of their times, and the task that sleeps until the first of them is due. It exists
    only while somebody waits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, str]] = []
        self._waiting: dict[str, asyncio.Future[bool]] = {}
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Schedule waiting={len(self)}>"

    def __len__(self) -> int:
        return len(self._waiting)

    async def until(self, message_id: str, due: float) -> bool:
        """Wait until a moment (wall time); say whether it came, or somebody dropped the message before."""
        if due <= self._clock.now():
            return True
        if self._closed:
            return False
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = waiting
        heapq.heappush(self._heap, (due, message_id))
        if self._task is None or self._heap[0][1] == message_id:
            self._start_again()
        try:
            return await waiting
        finally:
            self._waiting.pop(message_id, None)
            if len(self._heap) > 2 * len(self._waiting) + MOST_GONE:
                self._heap = [one for one in self._heap if one[1] in self._waiting]
                heapq.heapify(self._heap)

    def drop(self, message_id: str) -> None:
        """Let a message go at once, if it waits: it is not wanted any more."""
        waiting = self._waiting.get(message_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(False)

    async def close(self) -> int:
        """Let everybody go; return how many were not due yet."""
        self._closed = True
        count = sum(not waiting.done() for waiting in self._waiting.values())
        for message_id in tuple(self._waiting):
            self.drop(message_id)
        self._heap.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        return count

    def _start_again(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._run(), name="schedule")

    async def _run(self) -> None:
        """Wake whoever is due and sleep until the next one is, for as long as anybody waits."""
        woken = 0
        while self._heap:
            due, message_id = self._heap[0]
            waiting = self._waiting.get(message_id)
            left = due - self._clock.now()
            if waiting is not None and not waiting.done() and left > 0:
                await self._clock.sleep(min(left, LONGEST_SLEEP))
                continue
            heapq.heappop(self._heap)
            if waiting is not None and not waiting.done():
                waiting.set_result(True)
                woken += 1
                if woken % WOKEN_AT_ONCE == 0:
                    await self._clock.sleep(0)
        self._task = None
