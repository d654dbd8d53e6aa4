"""Opens the sockets of the server and closes them in order."""

import os
import socket

from aiohttp import web

from pointsman.config import Address
from pointsman.errors import PointsmanError

KEEP_ALIVE = 75.0
"""Seconds that an idle connection is kept; longer than the proxies in front keep theirs."""
LINGER = 2.0
"""Seconds to read what a client still sends after it was refused, so that it sees the answer."""
BACKLOG = 1024


class CannotListen(PointsmanError):
    """A socket cannot be opened; says which and why."""


class Ear:
    """One listener. `bind` takes its place, so that nobody else can, and `open` begins to listen there.

    State: the sockets, and the runner while it is open.
    """

    def __init__(self, app: web.Application, address: Address, patience: float) -> None:
        """When it closes, requests get `patience` seconds to end."""
        self._wanted = address
        self._sockets: list[socket.socket] = []
        self._runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=patience,
            auto_decompress=False,
            lingering_time=LINGER,
        )

    def bind(self) -> None:
        """Take the place. Raises `CannotListen`."""
        port = self._wanted.port
        try:
            found = socket.getaddrinfo(
                self._wanted.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
            )
        except OSError:
            raise CannotListen(f"cannot listen on {self._wanted}: the host is not known here") from None
        for family, kind, protocol, _, (host, *_) in dict.fromkeys(found):
            try:
                port = self._bound(socket.socket(family, kind, protocol), host, port)
            except OSError as error:
                self._let_go()
                raise CannotListen(f"cannot listen on {self._wanted}: {_reason(error)}") from None

    def _bound(self, opened: socket.socket, host: object, port: int) -> int:
        """Bind a socket; return its port, which all of a host's addresses share."""
        self._sockets.append(opened)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if opened.family is socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
        return int(opened.getsockname()[1])

    async def open(self) -> None:
        """Begin to listen."""
        await self._runner.setup()
        for one in self._sockets:
            await web.SockSite(self._runner, one, backlog=BACKLOG).start()

    @property
    def address(self) -> Address:
        """Where it listens, with the port that was taken."""
        host, port = self._sockets[0].getsockname()[:2]
        return Address(str(host), int(port))

    async def close(self) -> None:
        """Take no more connections, let the requests that are being served end, close."""
        await self._runner.cleanup()
        self._let_go()

    def _let_go(self) -> None:
        for one in self._sockets:
            one.close()
        self._sockets.clear()


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else "it cannot be used"
