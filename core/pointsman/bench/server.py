"""A provider that answers at once: so little work per request that it never is the bottleneck of a measurement.

It speaks just enough of Devino's protocol for a session, a balance and single messages, tells under `/served` how many
messages it has taken, and runs in a process of its own. Started as `python -m pointsman.bench.server`, it prints its
port and serves until its standard input is closed.
"""

import asyncio
import sys

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: "
_SESSION = b'"BENCHSESSIONBENCHSESSIONBENCHSESSION"'
_FIRST_ID = 579700854169272358


class _Answering(asyncio.Protocol):
    """One connection. State: what has been read of the next request."""

    served = 0

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = 0
            place = head.find(b"content-length:")
            if place >= 0:
                length = int(head[place + 15 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        if self._transport is None:
            return
        if b"/sms/send" in head:
            _Answering.served += 1
            body = b'["%d"]' % (_FIRST_ID + _Answering.served)
        elif b"/served" in head:
            body = b"%d" % _Answering.served
        elif b"/balance" in head:
            body = b"1000000000"
        else:
            body = _SESSION
        self._transport.write(_HEAD + b"%d\r\n\r\n" % len(body) + body)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answering, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
