"""Posting to addresses that clients chose: one POST out, one `Answer` in, never an exception.

The guard stands where a socket is made, and judges the address that is about to be connected to. What stands before
that proves nothing: names lead anywhere, and aiohttp does not ask a resolver for an address that is written as such.
"""

import asyncio
import importlib.metadata
import socket
import ssl
from collections.abc import Mapping
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from pointsman.clock import Clock
from pointsman.daemon.webhooks.addresses import may_be_called
from pointsman.daemon.webhooks.fates import Answer, outcome_of, wanted_pause
from pointsman.daemon.webhooks.settings import Settings
from pointsman.events import WebhookOutcome
from pointsman.transport.connecting import DNS_CACHE_SECONDS, tls_context
from pointsman.transport.failures import failure_of
from pointsman.transport.once import Once, WatchedRequest
from pointsman.transport.values import Endpoint, FailureReason, Progress
from pointsman.transport.watching import Watch

MOST_READ = 64 * 1024
"""Bytes of an answer's body that are read, to use the connection again; nobody looks at them."""
KEEPALIVE = 4.0
"""Seconds; common servers close idle connections after five."""
_EXACT = float("inf")
_OUTCOMES = {
    FailureReason.TIMEOUT: WebhookOutcome.TIMEOUT,
    FailureReason.CONNECT_TIMEOUT: WebhookOutcome.TIMEOUT,
    FailureReason.UNREADABLE: WebhookOutcome.ERROR,
}


class Forbidden(PermissionError):
    """This address is not posted to."""


class Caller:
    """The connections to all receivers: one pool for public addresses, one where private ones are allowed as well.

    State: the sessions, which exist between `open` and `close`.
    """

    def __init__(self, clock: Clock, settings: Settings, resolver: AbstractResolver | None = None) -> None:
        self._clock = clock
        self._settings = settings
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._used: WeakSet[ResponseHandler] = WeakSet()
        self._timeout = aiohttp.ClientTimeout(
            total=settings.timeout, connect=settings.connect_timeout, ceil_threshold=_EXACT
        )

    async def open(self) -> None:
        """Prepare the sessions; connects to nobody."""
        WatchedRequest.check_support()
        context = await asyncio.to_thread(tls_context, None)
        self._sessions = {private: self._session(context, allow_private=private) for private in (False, True)}

    async def close(self) -> None:
        """Close all connections; posts on their way fail."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, allow_private: bool) -> Answer:
        """Post once. A redirect is not followed. Raises nothing but `asyncio.CancelledError`."""
        endpoint = Endpoint(
            base_url="", connect_timeout=self._settings.connect_timeout, read_timeout=self._settings.timeout
        )
        watch = Watch(endpoint, self._clock, self._settings.timeout, Progress())
        try:
            async with watch.limit:
                return await self._answer(url, headers, body, watch, allow_private=allow_private)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, Forbidden):
                return Answer(outcome=WebhookOutcome.BLOCKED, detail="the host leads to an address that is not allowed")
            return _failed(error, watch)
        except Exception as error:  # noqa: BLE001 - whatever it is called, the letter was not taken
            return _failed(error, watch)

    async def _answer(
        self, url: str, headers: Mapping[str, str], body: bytes, watch: Watch, *, allow_private: bool
    ) -> Answer:
        async with self._sessions[allow_private].post(
            URL(url, encoded=True),
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=self._timeout,
            middlewares=(Once(watch, self._used),),
        ) as response:
            header = response.headers.get("Retry-After")
            now = self._clock.now()
            wanted = None if header is None else wanted_pause(header, now, self._settings.longest_wanted)
            outcome = outcome_of(response.status, asks_to_wait=wanted is not None)
            await _drain(response)
            return Answer(outcome=outcome, status=response.status, retry_after=wanted)

    def _session(self, context: ssl.SSLContext, *, allow_private: bool) -> aiohttp.ClientSession:
        version = importlib.metadata.version("pointsman")
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ttl_dns_cache=DNS_CACHE_SECONDS,
                keepalive_timeout=KEEPALIVE,
                resolver=self._resolver or aiohttp.ThreadedResolver(),
                ssl=context,
                socket_factory=_guarded(allow_private=allow_private),
            ),
            request_class=WatchedRequest,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": f"pointsman/{version}",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            },
            # A small body may become a huge one; nobody reads it, so nobody decompresses it.
            auto_decompress=False,
            trust_env=False,
            raise_for_status=False,
        )


class _Guard:
    """Makes sockets, but not to where nothing is posted."""

    __slots__ = ("_allow_private",)

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    def __call__(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = address
        if not may_be_called(str(where[0]), allow_private=self._allow_private):
            raise Forbidden
        return socket.socket(family, kind, protocol)


def _guarded(*, allow_private: bool) -> _Guard:
    return _Guard(allow_private=allow_private)


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read a short body, so that the connection can be used again. The status has said all, whatever comes now."""
    size = 0
    try:
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > MOST_READ:
                response.close()
                return
    except (aiohttp.ClientError, TimeoutError, OSError):
        response.close()


def _failed(error: Exception, watch: Watch) -> Answer:
    failure = failure_of(error, left=watch.progress.left)
    return Answer(outcome=_OUTCOMES.get(failure.reason, WebhookOutcome.UNREACHABLE), detail=failure.detail)
