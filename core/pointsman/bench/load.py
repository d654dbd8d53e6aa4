"""A client that does next to nothing itself, so that a server under measurement has the processor."""

import asyncio
import time
from collections.abc import Callable

_LENGTH = b"content-length:"


class _Asking(asyncio.Protocol):
    """One connection that asks again and again. State: what has been read of the next answer."""

    def __init__(self, ask: Callable[[], bytes | None], over: Callable[[str | None], None], status: bytes) -> None:
        self._ask = ask
        self._over = over
        self._status = b"HTTP/1.1 " + status
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._go_on()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        place = head.find(_LENGTH)
        length = int(head[place + len(_LENGTH) :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        answer, self._buffer = self._buffer, b""
        if answer.startswith(self._status):
            self._go_on()
        else:
            self._end(f"answered {answer[:80]!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._over("hung up")

    def _go_on(self) -> None:
        question = self._ask()
        if question is None:
            self._end(None)
        elif self._transport is not None:
            self._transport.write(question)

    def _end(self, problem: str | None) -> None:
        self._over(problem)
        if self._transport is not None:
            self._transport.close()


async def rate_of(port: int, question: Callable[[int], bytes], seconds: float, *, at_once: int, status: int) -> float:
    """Return how many requests a second a server answers with so many connections; the first moments do not count.

    `question` makes the bytes of a request from its number. Raises `RuntimeError` when an answer has another status.
    """
    number = 0
    started = time.perf_counter() + seconds / 5
    until = started + seconds
    counted = 0
    open_ends = [asyncio.get_running_loop().create_future() for _ in range(at_once)]

    def ask() -> bytes | None:
        nonlocal number, counted
        now = time.perf_counter()
        if now >= until:
            return None
        counted += now >= started
        number += 1
        return question(number)

    def asking(end: "asyncio.Future[str | None]") -> Callable[[], _Asking]:
        return lambda: _Asking(ask, lambda problem: None if end.done() else end.set_result(problem), b"%d" % status)

    for end in open_ends:
        await asyncio.get_running_loop().create_connection(asking(end), "127.0.0.1", port)
    for problem in await asyncio.gather(*open_ends):
        if problem is not None:
            raise RuntimeError(f"the server under measurement {problem}")
    return counted / (time.perf_counter() - started)
