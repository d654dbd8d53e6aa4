"""How fast the daemon is, as a share of what a bare HTTP proxy does with the same requests; so far, the proxy's side.

Both are processes of their own and get the same requests from the same client, which does next to nothing itself. The
daemon is plugged in as another `Front`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from pointsman.bench.embedded import (
    ROUNDS,
    Figure,
    bare_rate,
    provider,
    routed_rate,
    write_config,
)
from pointsman.bench.load import rate_of
from pointsman.bench.traffic import CONCURRENCY, number_of, text_of
from pointsman.telemetry import Labels, MetricsObserver

BUDGET = 0.60
"""The least share of the proxy's rate that the daemon is to reach."""


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """A server that takes messages by HTTP: its program, and how it is asked."""

    name: str
    command: Callable[[int], Sequence[str]]
    """Arguments of Python, from the port of the provider; the program prints its port and ends with its input."""
    question: Callable[[int], bytes]
    """The bytes of a request, from its number."""
    status: int
    """Of the answer to a message that was taken."""


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return the bytes of a POST of JSON."""
    lines = "".join(f"{line}\r\n" for line in headers)
    return (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{lines}\r\n"
    ).encode() + body


def message(number: int) -> bytes:
    """Return a message as JSON."""
    return msgspec.json.encode({"channel": "sms", "to": number_of(number), "text": text_of(number)})


PROXY = Front(
    name="bare proxy",
    command=lambda port: ("-m", "pointsman.bench.proxy", str(port)),
    question=lambda number: post("/messages", message(number)),
    status=202,
)


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What one interleaved run found without the daemon: messages a second, round by round."""

    client: tuple[float, ...]
    """A bare client."""
    router: tuple[float, ...]
    """The embedded router with metrics."""
    proxy: tuple[float, ...]
    """The bare proxy."""

    def allowed(self, budget: float = BUDGET) -> float:
        """Return the microseconds that the daemon may take for a message."""
        return median(1e6 / rate / budget for rate in self.proxy)


async def measure_front(front: Front, seconds: float) -> Figure:
    """Measure a front against the bare proxy, in alternating rounds of `seconds` each."""
    async with provider() as port, _running(PROXY, port) as proxy, _running(front, port) as other:
        pairs = [(await _rate(PROXY, proxy, seconds), await _rate(front, other, seconds)) for _ in range(ROUNDS)]
    ratios = tuple(rate / baseline for baseline, rate in pairs)
    return Figure(
        name=front.name,
        rate=median(rate for _, rate in pairs),
        baseline=median(baseline for baseline, _ in pairs),
        ratio=median(ratios),
        budget=BUDGET,
        rounds=ratios,
    )


async def measure_reference(seconds: float, rounds: int = ROUNDS) -> Reference:
    """Measure the bare client, the embedded router and the bare proxy in alternating rounds of `seconds` each."""
    client, router, proxied = [], [], []
    async with AsyncExitStack() as opened:
        port = await opened.enter_async_context(provider())
        config = write_config(Path(opened.enter_context(TemporaryDirectory())), port)
        proxy = await opened.enter_async_context(_running(PROXY, port))
        for _ in range(rounds):
            metrics = MetricsObserver(Labels(providers=frozenset({"bench"})), "bench")
            client.append(await bare_rate(port, seconds))
            router.append(await routed_rate(config, seconds, (metrics,)))
            proxied.append(await _rate(PROXY, proxy, seconds))
    return Reference(client=tuple(client), router=tuple(router), proxy=tuple(proxied))


async def _rate(front: Front, port: int, seconds: float) -> float:
    return await rate_of(port, front.question, seconds, at_once=CONCURRENCY, status=front.status)


@asynccontextmanager
async def _running(front: Front, provider_port: int) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *front.command(provider_port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the server under measurement has no pipes")
        yield int(await process.stdout.readline())
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


def _tell(found: Reference) -> None:
    for name, rates in (("bare client", found.client), ("embedded router", found.router), ("proxy", found.proxy)):
        each = " ".join(f"{one:,.0f}" for one in rates)
        sys.stdout.write(f"{name:16} {median(rates):8,.0f}/s {1e6 / median(rates):6.0f} us  rounds {each}\n")
    pairs = zip(found.client, found.router, found.proxy, strict=True)
    ratios = [(router / client, proxy / client) for client, router, proxy in pairs]
    sys.stdout.write(f"router to client {median(one for one, _ in ratios):.2f}, proxy to client ")
    sys.stdout.write(f"{median(other for _, other in ratios):.2f}\n")
    sys.stdout.write(f"the daemon may take {found.allowed():,.0f} us for a message, for {BUDGET:.2f} of the proxy\n")


if __name__ == "__main__":
    _tell(asyncio.run(measure_reference(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)))
