"""A client that says whatever it is told to, also what no library would send, and reads what comes back."""

import asyncio
from typing import Self

import msgspec

PATIENCE = 10.0
"""Seconds for an answer."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent, byte by byte."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    broken: bool = False
    """It is no HTTP, or its framing is a lie: only the framework can answer it."""

    def encoded(self) -> bytes:
        """Return it as it goes out."""
        lines = [b"%s %s HTTP/1.1" % (self.method, self.target), *(b"%s: %s" % one for one in self.headers)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media(self) -> str:
        """What the body is, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()


class Hangup(Exception):
    """The server closed the connection without a whole answer."""


class Wire:
    """One connection after the other. State: the one that is open."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._drop()

    async def ask(self, request: Request) -> Answer:
        """Send a request and return the answer. Raises `Hangup`, and `TimeoutError` when nothing comes back."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._ask(request)
        except (OSError, asyncio.IncompleteReadError, ValueError, TimeoutError) as error:
            self._drop()
            if isinstance(error, TimeoutError):
                raise
            raise Hangup(type(error).__name__) from error

    async def _ask(self, request: Request) -> Answer:
        is_new = self._open is None
        if self._open is None:
            self._open = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._open
        writer.write(request.encoded())
        try:
            answer = await _read(reader, has_body=request.method != b"HEAD")
        except (OSError, asyncio.IncompleteReadError):
            self._drop()
            if is_new:
                raise
            return await self._ask(request)  # the server had closed an idle connection
        if request.broken or answer.headers.get("connection", "").lower() == "close":
            self._drop()
        return answer

    def _drop(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


async def _read(reader: asyncio.StreamReader, *, has_body: bool) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    if status == 100:
        return await _read(reader, has_body=has_body)
    headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:] if line)}
    if not has_body or status in {204, 304}:
        return Answer(status=status, headers=headers, body=b"")
    if headers.get("content-type", "").startswith("text/event-stream"):
        await reader.readuntil(b"\n\n")
        return Answer(status=status, headers={**headers, "connection": "close"}, body=b"")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status=status, headers=headers, body=await _chunks(reader))
    return Answer(status=status, headers=headers, body=await reader.readexactly(int(headers["content-length"])))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body
