"""A toy provider with one way to send, on a clock that only moves when a test moves it."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import pytest

from pointsman.message import Channel
from pointsman.sandbox import Call, Endpoint, OutOfMoney, Reply, Sandbox


class ManualClock:
    """Time moved by hand; whoever sleeps wakes when it has come far enough."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Wall time."""
        return self.time

    def monotonic(self) -> float:
        """The same time."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Wait until the time has been moved far enough."""
        waker = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.time + seconds, waker))
        await waker

    @property
    def sleeping(self) -> int:
        """How many sleep."""
        return sum(not waker.done() for _, waker in self._sleepers)

    def advance(self, seconds: float) -> None:
        """Move the time and wake whoever is due."""
        self.time += seconds
        for due, waker in self._sleepers:
            if due <= self.time and not waker.done():
                waker.set_result(None)


class Toy(Sandbox):
    """`POST /api/send` takes `to`, `text` and `ref`; one message costs 1."""

    name = "toy"
    base_paths = ("/api", "/legacy")
    environment = {"TOY_KEY": "demo-key"}
    quirks = frozenset({"shout"})

    def endpoints(self) -> list[Endpoint]:
        """Two endpoints."""
        return [
            Endpoint("Send", ("POST",), ("/send",), self.send),
            Endpoint("Show", ("GET",), ("/message/{id}",), self.show),
        ]

    async def send(self, call: Call) -> Reply:
        """Take a message."""
        value = call.params.first
        try:
            message = self.accept(
                call,
                ids=(f"m{call.number}",),
                channel=Channel.SMS,
                to=value("to") or "",
                text=value("text") or "",
                reference=value("ref"),
                price=Decimal(1),
            )
        except OutOfMoney:
            return self.error_reply(call, "8", "")
        return Reply.json({"id": message.id.upper() if call.quirk == "shout" else message.id})

    async def show(self, call: Call) -> Reply:
        """Tell the stage of a message."""
        message = self.ledger.message(call.params.first("id") or "")
        return Reply.json({"stage": message.stage(call.at).name if message else None})

    def error_reply(self, call: Call, code: str, text: str) -> Reply:
        """Word an error."""
        return Reply.json({"code": code, "text": text or "usual"}, 400)


@pytest.fixture
def clock() -> ManualClock:
    """A clock moved by hand."""
    return ManualClock()


@pytest.fixture
async def toy(clock: ManualClock) -> AsyncIterator[Toy]:
    """A running toy with money for 100 messages."""
    async with Toy(clock=clock, balance=Decimal(100)) as sandbox:
        yield sandbox


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that opens a connection for every request."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True), timeout=aiohttp.ClientTimeout(total=5)
    ) as session:
        yield session


@pytest.fixture
def toy_class() -> type[Toy]:
    """The class, for tests that need a toy of their own."""
    return Toy
