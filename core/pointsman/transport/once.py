"""Exactly one request on a connection that owes us nothing: its bytes are written here, and never again.

The connections are aiohttp's, with its resolver, its TLS and its parser of answers; its client is not used. That client
repeats GET, PUT and DELETE by itself when a connection breaks after the request was written, which would send a message
twice, and it costs about as much as the rest of an exchange together.

aiohttp also takes whatever lies in an idle connection for the answer to the next request, be it a late second answer
or the "408 Request Timeout" that proxies say before they hang up: a message would get the fate of another one. So
a used connection on which something arrived unasked is thrown away, and the request goes out on another one.
"""

import asyncio
import inspect
import select
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_parser import RawResponseMessage
from yarl import URL

_EXACT = float("inf")
"""From how many seconds on aiohttp rounds a time limit up: never."""
_SWITCHING = 101


class Line:
    """The way to one origin. State: which of its connections have carried a request before."""

    __slots__ = ("_connector", "_timeouts", "_used", "_where")

    def __init__(self, connector: aiohttp.TCPConnector, origin: str) -> None:
        """Make it in the event loop in which it is used."""
        self._connector = connector
        # One for all requests: a connector wants to know of a request nothing but where it goes.
        self._where = aiohttp.ClientRequest("GET", URL(origin), loop=asyncio.get_running_loop())
        self._used: WeakSet[ResponseHandler] = WeakSet()
        self._timeouts: tuple[float, aiohttp.ClientTimeout] = (0.0, aiohttp.ClientTimeout())

    @staticmethod
    def check_support() -> None:
        """Raise `RuntimeError` when aiohttp cannot be used like this: it is not what its documentation describes."""
        known = inspect.signature(aiohttp.TCPConnector.connect).parameters.keys() >= {"req", "traces", "timeout"}
        if not known or not all(hasattr(ResponseHandler, name) for name in ("set_response_params", "read")):
            raise RuntimeError(f"aiohttp {aiohttp.__version__} cannot be used; install aiohttp>=3.14,<4")

    async def connect(self, within: float) -> Connection:
        """Return a connection to which nothing was said that we did not ask for; `within` are seconds.

        Its user ends it with `release` once the answer was read, else with `close`. Raises what aiohttp raises, and
        `aiohttp.ConnectionTimeoutError`.
        """
        if self._timeouts[0] != within:
            self._timeouts = within, aiohttp.ClientTimeout(connect=within, ceil_threshold=_EXACT)
        while True:
            try:
                connection = await self._connector.connect(self._where, traces=[], timeout=self._timeouts[1])
            except TimeoutError as error:
                raise aiohttp.ConnectionTimeoutError from error
            if self._is_clean(connection):
                return connection
            # Nothing was written, and each round uses up one idle connection, so there is an end.
            connection.close()

    def _is_clean(self, connection: Connection) -> bool:
        protocol = connection.protocol
        if protocol is None:
            return False
        if protocol not in self._used:
            # A fresh connection is exempt: TLS 1.3 servers send session tickets straight after the handshake.
            self._used.add(protocol)
            return True
        return not protocol.should_close and not _has_input(connection)


async def ask(
    connection: Connection, data: bytes, *, is_bodiless: bool
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Write a request; return the head of its answer, and the body as it comes. Call it once for a connection.

    `is_bodiless` says that the answer has no body, whatever its head says. Raises what aiohttp raises, and
    `aiohttp.http_exceptions.HttpProcessingError` for what is not HTTP.
    """
    protocol = connection.protocol
    if protocol is None or protocol.transport is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(skip_payload=is_bodiless, read_until_eof=True)
    protocol.transport.write(data)
    while True:
        message, content = await protocol.read()
        if message.code >= 200 or message.code == _SWITCHING:
            return message, content


def _has_input(connection: Connection) -> bool:
    """Say whether the system holds bytes, or the end of the stream, that the event loop has not read yet."""
    sock = connection.transport.get_extra_info("socket") if connection.transport else None
    if sock is None or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))
