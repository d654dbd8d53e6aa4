"""Runs random traffic through a real router and the real sandboxes, and keeps all that either side has to tell."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from random import Random

import msgspec
from aiohttp import web

from pointsman.clock import as_utc
from pointsman.config import parse_config
from pointsman.engine.answers import Figures
from pointsman.engine.status import ProviderStatus
from pointsman.errors import InvalidMessage
from pointsman.events import Event
from pointsman.loading import load_plugins
from pointsman.message import Channel, Message, Sms
from pointsman.outcome import Receipt, Refused
from pointsman.plugin import Callback, Incoming
from pointsman.router import Router
from pointsman.routing.drift import Comparison
from pointsman.routing.inbox import InboxCursor
from pointsman.sandbox import Sandbox
from pointsman.store import MemoryStore, Record
from pointsman_affiliate_hlr.sandbox.callbacks import Callbacks, CallbackStyle
from pointsman_devino.sandbox import DevinoSandbox

from .bench import Bench
from .mischief import KINDS, STANDING, upset
from .traffic import NONSENSE, Setup, draw_bursts, draw_delivery, draw_setup, write_config

TOKEN = "obviously-fake-callback-token"
PATIENCE = "500ms"
"""Of real time, for a request that hangs."""
ENOUGH = "20s"
"""The same where none does."""
AFTERWARDS = 3 * 86400.0
"""Seconds after which nobody looks into anything any more."""
_PLUGINS = load_plugins()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question about figures, and how many segments the sandbox had taken before and after."""

    figures: Figures
    before: int
    after: int


class Story(msgspec.Struct, kw_only=True, eq=False):
    """Everything that one seed gave."""

    seed: int
    setup: Setup
    bench: Bench
    store: MemoryStore
    events: list[Event] = []
    records: list[Record] = []
    receipts: dict[str, Receipt] = {}
    refused_at_the_door: int = 0
    nonsense: int = 0
    letters: dict[str, list[Incoming]] = {}
    """What was read from the inbox, by account."""
    asked: list[Asked] = []
    quotes: list[tuple[Comparison, ...]] = []
    statuses: dict[str, ProviderStatus] = {}
    opening: dict[str, Decimal] = {}

    @property
    def boxes(self) -> dict[str, Sandbox]:
        """The sandboxes by account."""
        bench = self.bench
        return {
            "devino": bench.devino,
            "second": bench.second,
            "smstele": bench.smstele,
            "affiliate": bench.affiliate,
        }


class Door:
    """Takes callbacks over HTTP and hands them to a router, as a server in front of it would."""

    def __init__(self) -> None:
        self.router: Router | None = None
        self.url = ""
        self._runner = web.ServerRunner(web.Server(self._take, access_log=None), shutdown_timeout=0.05)

    async def open(self) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0]
        self.url = f"http://{host}:{port}"

    async def close(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    async def _take(self, request: web.BaseRequest) -> web.Response:
        _, name, token = request.path.rsplit("/", 2)
        callback = Callback(
            method=request.method,
            query=tuple(request.query.items()),
            content_type=request.headers.get("Content-Type", ""),
            body=await request.read(),
        )
        if self.router is None:
            return web.Response(status=503)
        reply = await self.router.callback(name, callback, token)
        return web.Response(status=reply.status, body=reply.body)


class Play:
    """One seed: draws everything, lets it happen, waits until nothing can happen any more."""

    def __init__(self, bench: Bench, door: Door, seed: int, count: int) -> None:
        self.random = Random(seed)
        self._door = door
        self._bench = bench
        self._count = count
        self._waits: dict[str, bool] = {}
        self._ids: list[str] = []
        self._cursors: dict[str, InboxCursor] = {}
        self.story = Story(seed=seed, setup=draw_setup(self.random), bench=bench, store=MemoryStore())

    async def run(self) -> Story:
        """Let it happen."""
        story = self.story
        self._prepare()
        clock = self._bench.clock
        router = self._door.router = self._router()
        async with clock.autojump(self._busy):
            await router.start()
            try:
                await self._act(router)
                await self._end(router)
            finally:
                self._door.router = None
                await router.aclose(patience=0.2)
        return story

    def _prepare(self) -> None:
        random = self.random
        for name, box in self.story.boxes.items():
            box.random.seed(random.random())
            box.delivery = draw_delivery(random)
            self._waits[name] = random.random() < 0.85
            upset(box, random, waits=self._waits[name])
            poor = random.random() < 0.4
            rich = {"affiliate": "0.0400"}.get(name, "60") if poor else "100000"
            box.account.balance = self.story.opening[name] = Decimal(rich)
        for name in ("smstele", "affiliate"):
            box = self.story.boxes[name]
            odd = STANDING[KINDS[box.name]]
            box.standing = {quirk for quirk in odd if random.random() < 0.15}
        now = as_utc(self._bench.clock.now())
        for name in ("devino", "second"):
            box = self.story.boxes[name]
            box.invalid_numbers = set(random.sample(("79160004501", "79260004502", "79030004503"), 1))
            box.state_lag = random.choice((0.0, 0.0, 30.0))
            self.story.letters[name] = []
            self._cursors[name] = InboxCursor.starting(now - timedelta(hours=2))
        affiliate = self._bench.affiliate
        affiliate.bad_numbers = {"79160004504"}
        affiliate.ported.update({"79160004500": "25002", "79260004501": "25099"})
        affiliate.callbacks = Callbacks(
            style=random.choice(list(CallbackStyle)),
            copies=random.choice((1, 1, 2)),
            late=random.choice((0.0, 7.0)),
            stale_after_final=random.random() < 0.3,
            capitals=random.random() < 0.3,
        )

    def _router(self) -> Router:
        story = self.story
        urls = {name: box.base_url for name, box in story.boxes.items()}
        balances = {name: str(amount) for name, amount in story.opening.items()}
        calls_back = self.random.random() < 0.4
        address = self._door.url if calls_back else ""
        patience = ENOUGH if all(self._waits.values()) else PATIENCE
        text = write_config(story.setup, urls, balances, address or "http://127.0.0.1:1", patience)
        if not calls_back:
            text = text.replace('public_url = "http://127.0.0.1:1"', "")
        env = {name: value for box in story.boxes.values() for name, value in box.environment.items()}
        return Router(
            parse_config(text, plugins=_PLUGINS, env={**env, "CALLBACK_TOKEN": TOKEN}),
            plugins=_PLUGINS,
            store=story.store,
            observers=[story.events.append],
            clock=self._bench.clock,
            random=Random(story.seed),
            only_loopback=True,
        )

    def _busy(self) -> bool:
        """Say whether real time has to pass: a request hangs. One that waits for the clock must not stop it."""
        return any(box.busy() for name, box in self.story.boxes.items() if not self._waits[name])

    async def _act(self, router: Router) -> None:
        clock, random = self._bench.clock, self.random
        running: list[asyncio.Task[None]] = []
        asides = (self._expire, self._pay, self._receive, self._read_inbox, self._figures, self._quote, self._withdraw)
        for burst in draw_bursts(random, self._count, clock.now()):
            await clock.sleep(burst.pause)
            running.append(asyncio.create_task(self._send(router, burst.messages, together=burst.together)))
            if random.random() < 0.6:
                await random.choice(asides)(router)
        await asyncio.gather(*running)

    async def _send(self, router: Router, messages: tuple[Message, ...], *, together: bool) -> None:
        if self.random.random() < 0.1:
            await self._send_nonsense(router)
        taken = [message for message in messages if self._is_fine(router, message)]
        if together:
            self._ids += [receipt.id for receipt in await router.send_many(taken)]
            return
        for message in taken:
            self._ids.append((await router.submit(message)).id)

    def _is_fine(self, router: Router, message: Message) -> bool:
        try:
            router.check(message)
        except InvalidMessage:
            self.story.refused_at_the_door += 1
            return False
        return True

    async def _send_nonsense(self, router: Router) -> None:
        try:
            await router.send(Sms(self.random.choice(NONSENSE), "to nobody"))
        except InvalidMessage:
            self.story.nonsense += 1

    # Asides

    async def _expire(self, router: Router) -> None:
        del router
        box = self.random.choice((self._bench.devino, self._bench.second))
        self.random.choice((box.sessions.expire, box.sessions.forget))()

    async def _pay(self, router: Router) -> None:
        del router
        for box in (self._bench.devino, self._bench.second):
            box.account.top_up(Decimal(self.random.choice((5, 50))))

    async def _receive(self, router: Router) -> None:
        del router
        for name in ("devino", "second"):
            box = self.story.boxes[name]
            for _ in range(self.random.randint(1, 3)):
                box.receive(f"STOP {self.random.random()}", sender="79161234567", to="SHOP")

    async def _read_inbox(self, router: Router) -> None:
        name = self.random.choice(("devino", "second"))
        result = await router.incoming(name, self._cursors[name])
        if not isinstance(result, Refused):
            letters, self._cursors[name] = result
            self.story.letters[name] += letters

    async def _figures(self, router: Router) -> None:
        box = self._bench.devino
        before = segments_taken(box)
        now = as_utc(self._bench.clock.now())
        figures = await router.statistics("devino", since=now - timedelta(days=30), until=now + timedelta(hours=1))
        if not isinstance(figures, Refused):
            self.story.asked.append(Asked(figures=figures, before=before, after=segments_taken(box)))

    async def _quote(self, router: Router) -> None:
        quotes = await router.prices("affiliate")
        if not isinstance(quotes, Refused):
            self.story.quotes.append(quotes)

    async def _withdraw(self, router: Router) -> None:
        if self._ids:
            await router.cancel(self.random.choice(self._ids))

    # The end

    async def _end(self, router: Router) -> None:
        story, clock = self.story, self._bench.clock
        await asyncio.gather(*(router.wait(message_id) for message_id in self._ids))
        for box in story.boxes.values():
            box.faults.clear()
        await clock.sleep(AFTERWARDS)
        await router.read_balances()
        for name in ("devino", "second"):
            await self._until_told(lambda name=name: self._finish_inbox(router, name))
        await self._figures(router)
        await self._quote(router)
        story.statuses = {status.name: status for status in router.providers()}
        for message_id in self._ids:
            record = await story.store.get(message_id)
            receipt = await router.receipt(message_id)
            if record is not None and receipt is not None:
                story.records.append(record)
                story.receipts[message_id] = receipt

    async def _finish_inbox(self, router: Router, name: str) -> bool:
        result = await router.incoming(name, self._cursors[name])
        if isinstance(result, Refused):
            return False
        letters, self._cursors[name] = result
        self.story.letters[name] += letters
        return True

    async def _until_told(self, ask: Callable[[], Awaitable[bool]]) -> None:
        while not await ask():
            await self._bench.clock.sleep(600)


def segments_taken(box: DevinoSandbox) -> int:
    """Return the segments of all SMS that a sandbox took."""
    return sum(one.segments for one in box.ledger.messages if one.channel is Channel.SMS)
