"""Opens the sockets of the server and closes them in order."""

import errno
import os

from aiohttp import web

from pointsman.config import Address
from pointsman.errors import PointsmanError

KEEP_ALIVE = 75.0
"""Seconds that an idle connection is kept; longer than the proxies in front keep theirs."""
LINGER = 2.0
"""Seconds to read what a client still sends after it was refused, so that it sees the answer."""


class CannotListen(PointsmanError):
    """A socket cannot be opened; says which and why."""


class Ear:
    """One listener. State: the runner while it is open."""

    def __init__(self, app: web.Application, address: Address, patience: float) -> None:
        self._address = address
        self._runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=patience,
            auto_decompress=False,
            lingering_time=LINGER,
        )

    async def open(self) -> None:
        """Listen. Raises `CannotListen`."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._address.host, self._address.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise CannotListen(f"cannot listen on {self._address}: {_reason(error)}") from None

    @property
    def address(self) -> Address:
        """Where it listens, with the port that was taken."""
        host, port = self._runner.addresses[0][:2]
        return Address(str(host), int(port))

    async def close(self) -> None:
        """Take no more connections, let the requests that are being served end, close."""
        await self._runner.cleanup()


def _reason(error: OSError) -> str:
    """Return why; asyncio puts the reason into a sentence of its own, with the address once more."""
    if error.errno == errno.EADDRINUSE:
        return "the port is in use"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return "the host is not known here"
