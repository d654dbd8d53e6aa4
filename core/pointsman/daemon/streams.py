"""Streams of news: server-sent events out of the store, from any place, to readers that keep up.

Theory of operation. Nothing is kept for a reader: each reads the store from the place where it is, whenever something
happened. So a reader that comes back misses nothing, and one that does not read costs a connection and no more; it is
cut off when what was written to it has not left within `WRITE_PATIENCE`.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionResetError

from pointsman.clock import Clock
from pointsman.daemon.problems import Failure, Kind
from pointsman.events import Event, MessageMoved
from pointsman.store import Store
from pointsman.store.interface import News

HEARTBEAT = 15.0
"""Seconds without news after which a sign of life is sent."""
WRITE_PATIENCE = 10.0
PAGE = 200
"""Pieces of news that are read and written together."""
LOOK_AGAIN = 2.0
"""Seconds after which a stream looks for news that nobody here told of: another process may share the store."""
GATHER = 0.02
"""Seconds in which news gather, so that a busy stream reads pages and not single pieces."""
RETRY_MS = 2000
"""What readers are told to wait before they come back."""


class Streams:
    """The open streams. An observer of events: whatever moves a message wakes them.

    State: how many each client has, the signal of the next news, and whether all are to end.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: Counter[str] = Counter()
        self._pulse = asyncio.Event()
        self._closing = asyncio.Event()

    def __call__(self, event: Event) -> None:
        """Note an event."""
        if isinstance(event, MessageMoved):
            self._pulse.set()

    def close(self) -> None:
        """End all streams soon; none begins any more."""
        self._closing.set()
        self._pulse.set()

    @property
    def count(self) -> int:
        """Streams that are open."""
        return self._open.total()

    @contextlib.contextmanager
    def place(self, client: str, most: int) -> Iterator[None]:
        """Take a place for a stream. Raises `Failure` when there is none, or the server is closing."""
        if self._closing.is_set():
            raise Failure(Kind.CLOSING, retry_after=RETRY_MS / 1000)
        if self.count >= most or self._open[client] >= max(most // 10, 1):
            raise Failure(Kind.TOO_MANY, "too many streams of events are open", retry_after=10.0)
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

    async def run(
        self,
        response: web.StreamResponse,
        store: Store,
        client: str,
        after: int,
        may_go_on: Callable[[], bool],
    ) -> None:
        """Write a client's news after a place until he leaves, falls behind, may not read on, or the server closes.

        `may_go_on` is asked before each look into the store.
        """
        with contextlib.suppress(ClientConnectionResetError, ConnectionError, TimeoutError):
            await self._write(response, f"retry: {RETRY_MS}\n\n".encode())
            written_at = self._clock.monotonic()
            while not self._closing.is_set() and may_go_on():
                pulse = self._next_pulse()
                page = await store.news(client, after, PAGE)
                if page:
                    await self._write(response, b"".join(map(encoded, page)))
                    after, written_at = page[-1].seq, self._clock.monotonic()
                elif self._clock.monotonic() - written_at >= HEARTBEAT:
                    await self._write(response, b": still here\n\n")
                    written_at = self._clock.monotonic()
                if len(page) < PAGE:
                    await self._more(pulse)

    def _next_pulse(self) -> asyncio.Event:
        """Return what the next news set; taken before reading, so that nothing falls between the two."""
        if self._pulse.is_set() and not self._closing.is_set():
            self._pulse = asyncio.Event()
        return self._pulse

    async def _more(self, pulse: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(pulse.wait(), LOOK_AGAIN)
        if not self._closing.is_set():
            await asyncio.sleep(GATHER)

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(WRITE_PATIENCE):
            await response.write(data)


def encoded(news: News) -> bytes:
    """Return a piece of news as an event of a stream. Its body is JSON in one line."""
    return b"id: %d\nevent: message\ndata: %s\n\n" % (news.seq, news.body)
