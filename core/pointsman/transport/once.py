"""Exactly one request on a connection that owes us nothing: what aiohttp would do behind our back is stopped here.

aiohttp repeats GET, PUT and DELETE by itself when the connection breaks after the request was written, which would send
a message twice. A client middleware runs inside that loop; it turns the errors that aiohttp repeats on into `Broken`.

aiohttp also takes whatever lies in an idle connection for the answer to the next request, be it a late second answer
or the "408 Request Timeout" that proxies say before they hang up: a message would get the fate of another one. So
a used connection on which something arrived unasked is thrown away, and the request goes out on another one.
"""

import select
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from pointsman.transport.failures import Broken
from pointsman.transport.watching import Watch


class Soiled(aiohttp.ClientError):
    """Something arrived on an idle connection; nothing has been written to it since."""


class WatchedRequest(aiohttp.ClientRequest):
    """A request that says when it leaves, and that refuses a connection on which something arrived unasked."""

    watch: Watch
    used: WeakSet[ResponseHandler]

    @staticmethod
    def check_support() -> None:
        """Raise `RuntimeError` when aiohttp would not call `send`: nobody would notice that requests leave."""
        if not hasattr(aiohttp.ClientRequest, "send"):
            raise RuntimeError(f"aiohttp {aiohttp.__version__} cannot be used; install aiohttp>=3.14,<4")

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Write the request. Raises `Soiled`, before the first byte, when the connection is not clean."""
        protocol = conn.protocol
        if protocol is not None:
            # A fresh connection is exempt: TLS 1.3 servers send session tickets straight after the handshake.
            if protocol in self.used and (protocol.should_close or _has_input(conn)):
                raise Soiled
            self.used.add(protocol)
        self.watch.leaving()
        return await super().send(conn)


class Once:
    """Client middleware that lets a `WatchedRequest` be written at most once. One for each request.

    `used` belongs to the session: the connections that have carried a request before.
    """

    __slots__ = ("_used", "_watch")

    def __init__(self, watch: Watch, used: WeakSet[ResponseHandler]) -> None:
        self._watch = watch
        self._used = used

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Pass the request on, again only for as long as nothing was written."""
        if not isinstance(request, WatchedRequest):
            raise TypeError("the session must be made with request_class=WatchedRequest")
        request.watch = self._watch
        request.used = self._used
        while True:
            try:
                return await handler(request)
            except Soiled:
                # Safe, because nothing was written, and finite, because each round uses up one idle connection.
                continue
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
                raise Broken from error


def _has_input(conn: Connection) -> bool:
    """Say whether the system holds bytes, or the end of the stream, that the event loop has not read yet."""
    sock = conn.transport.get_extra_info("socket") if conn.transport else None
    if sock is None or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))
