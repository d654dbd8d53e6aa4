"""A server that speaks bytes, so that it can misbehave in every way, and transports that close themselves."""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.clock import SystemClock
from pointsman.transport import Endpoint, Transport

Reply = Callable[["RawServer", asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"ok", *headers: str, status: str = "200 OK") -> bytes:
    """Bytes of a complete answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawServer:
    """Reads whole requests, keeps them, and does with each what the next item of the script says.

    An item is bytes to write, or a coroutine function; the last item serves all further requests. None hangs up.
    """

    def __init__(self, script: tuple[bytes | Reply | None, ...], tls: ssl.SSLContext | None) -> None:
        self._script = list(script)
        self._tls = tls
        self._tasks: set[asyncio.Task[Any]] = set()
        self.requests: list[bytes] = []
        self.connections = 0
        self.received = asyncio.Event()
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"

    async def stop(self) -> None:
        """Stop listening and drop everybody."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._tasks.add(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.requests.append(await self._request(reader))
                self.received.set()
                step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
                match step:
                    case None:
                        return
                    case bytes():
                        writer.write(step)
                        await writer.drain()
                    case _:
                        await step(self, writer)
                if writer.is_closing():
                    return

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0)
        return head + await reader.readexactly(length)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[RawServer]]]:
    """Start a `RawServer` with a script."""
    servers: list[RawServer] = []

    async def start(*script: bytes | Reply | None, tls: ssl.SSLContext | None = None) -> RawServer:
        server = RawServer(script, tls)
        await server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Awaitable[Transport]]]:
    """Open a transport to an address."""
    transports: list[Transport] = []

    async def start(url: str, *, only_loopback: bool = False, **settings: Any) -> Transport:
        transport = Transport(Endpoint(url, **settings), SystemClock(), only_loopback=only_loopback)
        await transport.open()
        transports.append(transport)
        return transport

    yield start
    for transport in transports:
        await transport.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """Make a self-signed certificate for a subject alternative name; returns certificate and key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificates, is not installed")

    def make(name: str) -> tuple[Path, Path]:
        folder = tmp_path_factory.mktemp("tls")
        cert, key = folder / "cert.pem", folder / "key.pem"
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        names = ["-subj", "/CN=test", "-addext", f"subjectAltName={name}"]
        command = [openssl, "req", "-x509", *kind, *names, "-days", "2", "-keyout", str(key), "-out", str(cert)]
        subprocess.run(command, check=True, capture_output=True)
        return cert, key

    return make


@pytest.fixture
def answering() -> Callable[..., bytes]:
    """The bytes of a complete answer."""
    return answer
