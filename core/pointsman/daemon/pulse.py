"""Feels how long the event loop was held up: while it is, nobody is answered and nothing is sent."""

import asyncio

from prometheus_client import CollectorRegistry, Gauge

EVERY = 0.02
"""Seconds between two beats."""
HALF = 30.0
"""Seconds of one of the two spans of which the worst is told."""


class Pulse:
    """The metric of stalls. State: the worst of the span at hand and of the one before."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._span = 0
        self._worst = 0.0
        self._before = 0.0
        gauge = Gauge(
            "pointsman_event_loop_stall_seconds",
            "The longest time of the last minute (at least half of it) for which the event loop was held up.",
            registry=registry,
        )
        gauge.set_function(lambda: max(self._worst, self._before))

    async def beat(self) -> None:
        """Wake up now and then, and note how late that was; by the clock of the loop, which is what is felt."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            now = loop.time()
            self.note(now - due, now)

    def note(self, late: float, now: float) -> None:
        """Note that a beat came so many seconds late."""
        span = int(now // HALF)
        if span != self._span:
            self._before = self._worst if span == self._span + 1 else 0.0
            self._span, self._worst = span, 0.0
        self._worst = max(self._worst, late)
