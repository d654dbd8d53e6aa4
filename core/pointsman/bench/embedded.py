"""How fast the embedded router is, as a share of what a bare HTTP client does with the same requests."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import aiohttp

from pointsman.bench.figures import Figure
from pointsman.bench.traffic import CONCURRENCY, LOGIN, fields_of, number_of, text_of
from pointsman.message import Sms
from pointsman.outcome import State
from pointsman.router import Router
from pointsman.telemetry import Labels, LogFormat, LogObserver, Masker, MetricsObserver, ThreadSink, build_logger

ROUNDS = 5
BUDGET = 0.70

_CONFIG = """
[providers.bench]
plugin = "devino"
base_url = "http://127.0.0.1:{port}/rest"
login = {{ env = "LOGIN" }}
password = {{ env = "PASSWORD" }}
senders = ["BENCH"]
currency = "EUR"
max_in_flight = {concurrency}
prices = [ {{ country = "RU", channel = "sms", price = "0.01" }} ]
poll = {{ first = "1h" }}
"""


async def measure_embedded(seconds: float) -> tuple[Figure, ...]:
    """Measure in alternating rounds of `seconds` each: bare client, router with metrics, router with a log as well."""
    async with provider() as port:
        with TemporaryDirectory() as folder:
            config = Path(folder) / "router.toml"
            config.write_text(_CONFIG.format(port=port, concurrency=CONCURRENCY))
            return await _compare(config, port, seconds, Path(folder) / "calls.jsonl")


async def _compare(config: Path, port: int, seconds: float, log: Path) -> tuple[Figure, ...]:
    bare: list[float] = []
    metrics: list[float] = []
    logged: list[float] = []
    labels = Labels(providers=frozenset({"bench"}))
    with log.open("wb") as stream:
        sink = ThreadSink(stream)
        logger = build_logger(sink, format=LogFormat.JSON)
        try:
            for _ in range(ROUNDS):
                bare.append(await bare_rate(port, seconds))
                metrics.append(await routed_rate(config, seconds, (MetricsObserver(labels, "bench"),)))
                observers = (MetricsObserver(labels, "bench"), LogObserver(logger, Masker()))
                logged.append(await routed_rate(config, seconds, observers))
        finally:
            sink.close()
    return (
        _figure("embedded send, memory store, metrics on", metrics, bare),
        _figure("embedded send, memory store, metrics and log on", logged, bare),
    )


def _figure(name: str, rates: list[float], bare: list[float]) -> Figure:
    ratios = tuple(one / other for one, other in zip(rates, bare, strict=True))
    return Figure(
        name=name,
        rate=median(rates),
        baseline=median(bare),
        ratio=median(ratios),
        budget=BUDGET,
        rounds=ratios,
    )


async def bare_rate(port: int, seconds: float) -> float:
    """Send the requests that the router would send, with nothing around them."""
    url = f"http://127.0.0.1:{port}/rest/Sms/Send"
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send(number: int) -> None:
            async with session.post(url, data=fields_of(number_of(number), text_of(number))) as answer:
                if answer.status != 200 or not await answer.json():
                    raise RuntimeError("the provider of the measurement did not answer")

        return await _rate(send, seconds)


async def routed_rate(config: Path, seconds: float, observers: tuple[Callable[..., None], ...]) -> float:
    """Return the rate of a router in this process."""
    async with Router.from_toml(config, env=LOGIN, observers=observers, only_loopback=True) as router:

        async def send(number: int) -> None:
            receipt = await router.send(Sms(to=number_of(number), text=text_of(number)))
            if receipt.state is not State.SENT:
                raise RuntimeError(f"message {number} ended as {receipt.state}: {receipt.reason}")

        return await _rate(send, seconds)


async def _rate(send: Callable[[int], Awaitable[None]], seconds: float) -> float:
    """Return how often `send` is done in a second with so many at once; the first moments do not count."""
    done = 0
    until = time.perf_counter() + seconds / 5

    async def worker(first: int) -> None:
        nonlocal done
        number = first
        while time.perf_counter() < until:
            await send(number)
            number += CONCURRENCY
            done += 1

    await asyncio.gather(*(worker(first) for first in range(CONCURRENCY)))
    done = 0
    started = time.perf_counter()
    until = started + seconds
    await asyncio.gather(*(worker(1_000_000 + first) for first in range(CONCURRENCY)))
    return done / (time.perf_counter() - started)


def write_config(folder: Path, port: int) -> Path:
    """Write the configuration of a router for the provider of the measurement, and return where."""
    config = folder / "router.toml"
    config.write_text(_CONFIG.format(port=port, concurrency=CONCURRENCY))
    return config


@asynccontextmanager
async def provider() -> AsyncIterator[int]:
    """Run the provider of the measurement and yield its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pointsman.bench.server",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the provider of the measurement has no pipes")
        yield int(await process.stdout.readline())
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()
