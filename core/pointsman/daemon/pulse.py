"""Feels how long the event loop was held up: while it is, nobody is answered and nothing is sent."""

import asyncio

from prometheus_client import CollectorRegistry, Gauge

EVERY = 0.02
"""Seconds between two beats."""
HALF = 30.0
"""Seconds of one of the two spans of which the worst is told."""


class Pulse:
    """The metric of stalls. State: the worst of the span at hand and of the one before, and the next beat."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._span = 0
        self._worst = 0.0
        self._before = 0.0
        self._timer: asyncio.TimerHandle | None = None
        gauge = Gauge(
            "pointsman_event_loop_stall_seconds",
            "The longest time of the last minute (at least half of it) for which the event loop was held up.",
            registry=registry,
        )
        gauge.set_function(lambda: max(self._worst, self._before))

    async def beat(self) -> None:
        """Have the event loop call now and then, and note how late it did, until cancelled.

        It is a timer of the loop that is late. A task that sleeps is woken by such a timer one turn of the loop later
        still, and would tell of two turns as if they were one.
        """
        loop = asyncio.get_running_loop()
        self._wait(loop)
        try:
            await loop.create_future()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + EVERY
        self._timer = loop.call_at(due, self._late, loop, due)

    def _late(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        self.note(now - due, now)
        self._wait(loop)

    def note(self, late: float, now: float) -> None:
        """Note that a beat came so many seconds late."""
        span = int(now // HALF)
        if span != self._span:
            self._before = self._worst if span == self._span + 1 else 0.0
            self._span, self._worst = span, 0.0
        self._worst = max(self._worst, late)
