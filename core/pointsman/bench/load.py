"""A client that does next to nothing itself, so that a server under measurement has the processor."""

import asyncio
import time
from collections.abc import Callable, Sequence

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

    def ask() -> bytes | None:
        nonlocal number, counted
        now = time.perf_counter()
        if now >= until:
            return None
        counted += now >= started
        number += 1
        return question(number)

    await _on_connections(port, [ask] * at_once, status)
    return counted / (time.perf_counter() - started)


async def latencies_of(
    port: int, question: Callable[[int], bytes], numbers: range, *, at_once: int, status: int
) -> list[float]:
    """Make the requests of these numbers with so many connections; return the seconds to each answer.

    Raises `RuntimeError` when an answer has another status.
    """
    left = iter(numbers)
    found: list[float] = []

    def asking() -> Callable[[], bytes | None]:
        asked: float | None = None

        def ask() -> bytes | None:
            nonlocal asked
            now = time.perf_counter()
            if asked is not None:
                found.append(now - asked)
            number = next(left, None)
            if number is None:
                return None
            asked = now
            return question(number)

        return ask

    await _on_connections(port, [asking() for _ in range(at_once)], status)
    return found


async def _on_connections(port: int, askers: Sequence[Callable[[], bytes | None]], status: int) -> None:
    """Let each ask on a connection of its own until it has no more questions."""
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in askers]

    def over(end: "asyncio.Future[str | None]") -> Callable[[str | None], None]:
        return lambda problem: None if end.done() else end.set_result(problem)

    def made(ask: Callable[[], bytes | None], end: "asyncio.Future[str | None]") -> Callable[[], _Asking]:
        return lambda: _Asking(ask, over(end), b"%d" % status)

    for ask, end in zip(askers, ends, strict=True):
        await loop.create_connection(made(ask, end), "127.0.0.1", port)
    for problem in await asyncio.gather(*ends):
        if problem is not None:
            raise RuntimeError(f"the server under measurement {problem}")
