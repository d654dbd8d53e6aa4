"""A receiver that misbehaves on demand, a store with news in it, and posters that close themselves."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from pointsman.config import ClientConfig
from pointsman.config.webhooks import WebhookSecrets
from pointsman.daemon.webhooks import Poster, Settings
from pointsman.errors import StoreUnavailable
from pointsman.events import Event
from pointsman.message import Alphabet, Channel, Envelope, Msisdn, Network, Origin, Segments, Sms
from pointsman.outcome import Accepted, Attempt, DeliveryState, Report
from pointsman.secret import Secret
from pointsman.store import MemoryStore
from pointsman.store.change import Begin, Intent, Note, Settle
from pointsman.store.interface import Fate
from pointsman.testing import FakeClock

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Post(msgspec.Struct):
    """What a receiver got."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The id of the webhook."""
        return self.headers["webhook-id"]

    @property
    def news(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def told(self) -> tuple[str, str]:
        """Message and type."""
        return self.news["data"]["id"], self.news["type"]

    def verify(self, secret: str = SECRET) -> None:
        """Raise unless it is signed with a secret."""
        Webhook(secret).verify(self.body, dict(self.headers))


class Hooks:
    """A server that keeps what is posted to it. `answer` is a status, or a handler; it may be changed at any time."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answer: int | Handler = 204
        self.headers: dict[str, str] = {}
        self.at_once = self.most_at_once = 0
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port of this machine."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site.port}/hook"

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.posts.append(Post(request.path_qs, dict(request.headers.items()), await request.read()))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            if isinstance(self.answer, int):
                return web.Response(status=self.answer, headers=self.headers)
            return await self.answer(request)
        finally:
            self.at_once -= 1


class Store(MemoryStore):
    """A memory store whose letters cannot be settled for a while."""

    broken = False
    settled: list[tuple[int, Fate]]

    def __init__(self) -> None:
        super().__init__()
        self.settled = []
        self.refused = 0

    async def settle_letter(self, seq: int, fate: Fate) -> None:
        """Settle a letter, unless the disk is full."""
        if self.broken:
            self.refused += 1
            raise StoreUnavailable("store", "the disk is full")
        self.settled.append((seq, fate))
        await super().settle_letter(seq, fate)


class Desk:
    """A store, and the news in it."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.store = Store()
        self.count = 0

    async def sent(self, url: str, client: str = "shop") -> str:
        """A message of a client that a provider took; returns its id."""
        self.count += 1
        now, ident = self.clock.now(), f"{self.count:028x}"
        envelope = Envelope(
            id=ident,
            message=Sms(to="+79161234567", text="code 4711", reference=f"order-{self.count}"),
            channel=Channel.SMS,
            to=Msisdn("79161234567"),
            network=Network("RU"),
            segments=Segments(Alphabet.GSM7, 9, 1),
            accepted_at=now,
            deadline=now + 3600,
            origin=Origin(client, url),
        )
        await self.store.accept([envelope])
        begin = Begin(Intent(number=1, provider="p", ref="r", call_ref="r", decision_id="d", started_at=now))
        await self.store.apply(ident, begin, now)
        attempt = Attempt(
            number=1,
            provider="p",
            ref="r",
            calls=1,
            outcome=Accepted(ids=(ident,)),
            started_at=now,
            duration=0.1,
            decision_id="d",
        )
        await self.store.apply(ident, Settle(attempt), now)
        return ident

    async def delivered(self, ident: str) -> None:
        """It is reported as delivered."""
        report = Report(provider_id=ident, state=DeliveryState.DELIVERED, final=True)
        await self.store.apply(ident, Note(1, report), self.clock.now())


class Running(Poster):
    """A poster, the events that it told, and the clock that it runs by."""

    events: list[Event]
    clock: FakeClock

    async def until(self, happened: Callable[[], object], *, seconds: float = 60.0, step: float = 0.05) -> None:
        """Let time pass until something is so; fails when it is not so within this time of the clock."""
        end = self.clock.now() + seconds
        while not happened():
            assert self.clock.now() < end, f"it did not happen within {seconds} s"
            await self.clock.advance(step)
            await asyncio.sleep(0.001)

    async def quiet(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.advance(seconds)
        await asyncio.sleep(0.02)
        await self.clock.advance(0.0)


def client_config(name: str = "shop", *secrets: str, **others: Any) -> ClientConfig:
    """A client that may have everything."""
    known = WebhookSecrets(tuple(map(Secret, secrets or (SECRET,))))
    given: dict[str, Any] = {"allow_plain_callbacks": True, "allow_private_callbacks": True, "webhook_secret": known}
    return ClientConfig(**{"name": name, "key_sha256": "0" * 64, **given, **others})


@pytest.fixture
def config() -> Callable[..., ClientConfig]:
    """Make the table of a client."""
    return client_config


@pytest.fixture
def clock() -> FakeClock:
    """A clock that agrees with the one by which signatures are verified."""
    return FakeClock(time.time())


@pytest.fixture
def desk(clock: FakeClock) -> Desk:
    """A store without news."""
    return Desk(clock)


@pytest.fixture
async def listen() -> AsyncIterator[Callable[..., Awaitable[Hooks]]]:
    """Start a receiver."""
    servers: list[Hooks] = []

    async def start(answer: int | Handler = 204, **headers: str) -> Hooks:
        hooks = Hooks()
        hooks.answer, hooks.headers = answer, {name.replace("_", "-"): value for name, value in headers.items()}
        await hooks.start()
        servers.append(hooks)
        return hooks

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
async def post(desk: Desk) -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    """Start a poster on the store; with clients other than the usual one if they are given."""
    posters: list[Poster] = []

    async def start(*clients: ClientConfig, resolver: Any = None, **settings: Any) -> Running:
        events: list[Event] = []
        known = {client.name: client for client in clients or (client_config(),)}
        poster = Running(
            desk.store,
            known,
            clock=desk.clock,
            random=Random(4),
            emit=events.append,
            settings=Settings(**{"closing": 0.05, **settings}),
            resolver=resolver,
        )
        poster.events, poster.clock = events, desk.clock
        await poster.start()
        posters.append(poster)
        return poster

    yield start
    for poster in posters:
        await poster.close()
