"""How fast the daemon is, as a share of what a bare HTTP proxy does with the same requests.

Both are processes of their own and get the same requests from the same client, which does next to nothing itself. The
daemon answers before it sends, so what counts is messages that were sent: a round ends when the provider has the last
one and its outcome is in the journal.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from statistics import median, quantiles

import aiohttp
import msgspec

from pointsman.bench.embedded import ROUNDS, provider
from pointsman.bench.figures import Amount, Figure, Found
from pointsman.bench.load import latencies_of
from pointsman.bench.serving import Daemon, folder_on_disk, serving, until
from pointsman.bench.traffic import CONCURRENCY, number_of, text_of

BUDGET = 0.60
"""The least share of the proxy's rate that the daemon is to reach."""
MOST_STALL = 50.0
"""Milliseconds for which the event loop may be held up."""
A_SECOND = 1000
"""Messages of a round for each second of its length."""
LOOK_EVERY = 0.005
ACCEPTED = 202


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


def proxy_question(number: int) -> bytes:
    """Return the request for the bare proxy."""
    return post("/messages", message(number))


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """A server that takes messages by HTTP: where it is, how it is asked, and how it is known that all were sent."""

    port: int
    question: Callable[[int], bytes]
    """The bytes of a request, from its number."""
    sent: Callable[[], Awaitable[int]]
    """How many messages the provider has; cheap to ask."""
    settled: Callable[[], Awaitable[int]]
    """Of how many the outcome is known. Asked only when the provider has all, because asking costs the server time."""


class Round(msgspec.Struct, frozen=True):
    """What one round found."""

    rate: float
    """Messages that were sent, a second."""
    latencies: tuple[float, ...]
    """Seconds to the answer, of each."""


async def measure_daemon(seconds: float, rounds: int = ROUNDS) -> tuple[Found, ...]:
    """Measure the daemon against the bare proxy, in alternating rounds of so many thousand messages each."""
    count = max(int(seconds * A_SECOND), CONCURRENCY)
    async with AsyncExitStack() as opened:
        port = await opened.enter_async_context(provider())
        session = await opened.enter_async_context(aiohttp.ClientSession())
        proxy = proxy_front(await opened.enter_async_context(running_proxy(port)), port, session)
        folder = opened.enter_context(folder_on_disk())
        daemon = await opened.enter_async_context(serving(folder, port))
        front = daemon_front(daemon, port, session)
        first = 0
        for one in (proxy, front):  # connections, sessions, first pages of the journal
            await send(one, range(first, first + CONCURRENCY * 2))
        pairs = []
        for number in range(1, rounds + 1):
            first = number * 1_000_000
            pairs.append(
                (await send(proxy, range(first, first + count)), await send(front, range(first, first + count)))
            )
        stall = await daemon.metric("pointsman_event_loop_stall_seconds")
        memory = daemon.memory()
    return (_compared(pairs), *_amounts([other for _, other in pairs], stall, memory))


def _compared(pairs: list[tuple[Round, Round]]) -> Figure:
    ratios = tuple(other.rate / proxy.rate for proxy, other in pairs)
    return Figure(
        name="daemon, durable journal, metrics and log on",
        rate=median(other.rate for _, other in pairs),
        baseline=median(proxy.rate for proxy, _ in pairs),
        ratio=median(ratios),
        budget=BUDGET,
        rounds=ratios,
    )


def _amounts(rounds: list[Round], stall: float, memory: float) -> tuple[Amount, ...]:
    hundredths = quantiles([one for each in rounds for one in each.latencies], n=100)
    return (
        Amount(name=f"daemon: answer to {CONCURRENCY} clients at once, median", value=hundredths[49] * 1e3, unit="ms"),
        Amount(name="daemon: the slowest answer of a hundred", value=hundredths[98] * 1e3, unit="ms"),
        Amount(name="daemon: longest stall of the event loop", value=stall * 1e3, unit="ms", most=MOST_STALL),
        Amount(name="daemon: resident memory after these messages", value=memory, unit="MiB"),
    )


async def send(front: Front, numbers: range) -> Round:
    """Post messages at the concurrency of the measurements; return when all of them were sent."""
    count = len(numbers)
    sent, settled = await front.sent() + count, await front.settled() + count
    began = time.perf_counter()
    latencies = await latencies_of(front.port, front.question, numbers, at_once=CONCURRENCY, status=ACCEPTED)

    async def all_sent() -> bool:
        return await front.sent() >= sent

    async def all_settled() -> bool:
        return await front.settled() >= settled

    await until(all_sent, LOOK_EVERY)
    await until(all_settled, LOOK_EVERY)
    return Round(count / (time.perf_counter() - began), tuple(latencies))


def proxy_front(port: int, provider_port: int, session: aiohttp.ClientSession) -> Front:
    """Return how the bare proxy is asked; what it answered was sent."""
    sent = partial(served, session, provider_port)
    return Front(port=port, question=proxy_question, sent=sent, settled=sent)


def daemon_front(daemon: Daemon, provider_port: int, session: aiohttp.ClientSession) -> Front:
    """Return how the daemon is asked."""
    key = f"Authorization: Bearer {daemon.key}"
    return Front(
        port=daemon.port,
        question=lambda number: post("/v1/messages", message(number), key),
        sent=partial(served, session, provider_port),
        settled=daemon.sent,
    )


async def served(session: aiohttp.ClientSession, port: int) -> int:
    """Return how many messages the provider of the measurement has taken."""
    async with session.get(f"http://127.0.0.1:{port}/served") as answer:
        return int(await answer.read())


@asynccontextmanager
async def running_proxy(provider_port: int) -> AsyncIterator[int]:
    """Run the bare proxy in front of a provider and yield its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pointsman.bench.proxy",
        str(provider_port),
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
