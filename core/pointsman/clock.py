"""Time as an argument: everything that reads a clock or waits gets one of these."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from and how one waits for it."""

    def now(self) -> float:
        """Wall time in seconds since the epoch; may jump when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for at least this long; zero or less only yields to other tasks."""
        ...


class SystemClock:
    """The machine's own clock."""

    # The functions themselves: a message asks for the time some thirty-six times.
    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(max(seconds, 0.0))


def cpu_time() -> float:
    """Seconds that the processor worked for this thread; only differences mean anything."""
    return time.thread_time()


def as_utc(seconds: float) -> datetime:
    """Epoch seconds as an aware datetime in UTC."""
    return datetime.fromtimestamp(seconds, tz=UTC)
