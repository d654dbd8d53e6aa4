"""Watching one request: whether it left this machine, when it started, and until when an answer is awaited."""

import asyncio

from pointsman.clock import Clock
from pointsman.transport.values import Endpoint, Progress


class Watch:
    """The progress and the time limits of one request, from the moment on when it has a place in our own pool.

    Two limits: `connect_by` seconds for a connection, kept by aiohttp where one has to be made, and `limit`, which
    starts to run with the first byte of the request. The caller's own time-out shortens both.
    """

    __slots__ = ("_clock", "_loop", "_read_timeout", "_started", "_until", "connect_by", "limit", "progress")

    def __init__(self, endpoint: Endpoint, clock: Clock, timeout: float | None, progress: Progress) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._read_timeout = endpoint.read_timeout
        self._started = clock.monotonic()
        self._until = None if timeout is None else self._loop.time() + timeout
        self.connect_by = endpoint.connect_timeout if timeout is None else min(endpoint.connect_timeout, timeout)
        self.limit = asyncio.timeout(None)
        self.progress = progress

    def leaving(self) -> None:
        """Note that the connection stands and that the first byte is about to be written."""
        self.progress.left = True
        answer_by = self._loop.time() + self._read_timeout
        self.limit.reschedule(answer_by if self._until is None else min(answer_by, self._until))

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._started
