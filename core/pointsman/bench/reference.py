"""What the daemon is held against, measured without it; `python -m pointsman.bench.reference` prints it."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from pointsman.bench.daemon import ACCEPTED, BUDGET, proxy_question, running_proxy
from pointsman.bench.embedded import ROUNDS, bare_rate, provider, routed_rate, write_config
from pointsman.bench.load import rate_of
from pointsman.bench.traffic import CONCURRENCY
from pointsman.telemetry import Labels, MetricsObserver


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


async def measure_reference(seconds: float, rounds: int = ROUNDS) -> Reference:
    """Measure the bare client, the embedded router and the bare proxy in alternating rounds of `seconds` each."""
    client, router, proxied = [], [], []
    async with AsyncExitStack() as opened:
        port = await opened.enter_async_context(provider())
        config = write_config(Path(opened.enter_context(TemporaryDirectory())), port)
        proxy = await opened.enter_async_context(running_proxy(port))
        for _ in range(rounds):
            metrics = MetricsObserver(Labels(providers=frozenset({"bench"})), "bench")
            client.append(await bare_rate(port, seconds))
            router.append(await routed_rate(config, seconds, (metrics,)))
            proxied.append(await rate_of(proxy, proxy_question, seconds, at_once=CONCURRENCY, status=ACCEPTED))
    return Reference(client=tuple(client), router=tuple(router), proxy=tuple(proxied))


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
