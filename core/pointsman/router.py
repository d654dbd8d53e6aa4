"""The router: messages in, receipts out. It puts the parts together, starts and stops them, and does nothing else."""

import asyncio
import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Self

from pointsman.clock import Clock, SystemClock
from pointsman.config import Config, Overrides, build_providers, load_config, store_for
from pointsman.engine.accounts import Accounts
from pointsman.engine.asking import Asking
from pointsman.engine.asks import AsksProviders
from pointsman.engine.assembly import Workshop, build_aftermath, build_door, build_station, confirming_of
from pointsman.engine.attempts import Attempts
from pointsman.engine.balances import Balances
from pointsman.engine.bus import Bus, Observer
from pointsman.engine.control import Control
from pointsman.engine.desk import Desk
from pointsman.engine.doubts import Doubts
from pointsman.engine.front import build_front
from pointsman.engine.ids import Ids
from pointsman.engine.journal import keep_decisions
from pointsman.engine.locating import Locating
from pointsman.engine.looking import Looking
from pointsman.engine.lookups import Lookups
from pointsman.engine.operating import IsOperated
from pointsman.engine.orders import Order, Screen, Submitted
from pointsman.engine.receiving import Receiving
from pointsman.engine.recorder import Recorder
from pointsman.engine.reloading import Living, Reloading
from pointsman.engine.screening import ServesScreens
from pointsman.engine.station import Station
from pointsman.engine.status import ProviderStatus, status_of
from pointsman.engine.strategies import strategies_of
from pointsman.engine.switches import Switches
from pointsman.engine.winding import Winding
from pointsman.errors import RouterClosed
from pointsman.events import Event, PluginQuarantined
from pointsman.loading import PluginSet, load_plugins
from pointsman.message import Envelope, Message, MessageClass
from pointsman.outcome import Receipt
from pointsman.plugin import AnyProviderPlugin, Callback, Response
from pointsman.routing.breaker import BreakerSettings
from pointsman.routing.candidate import Decision
from pointsman.routing.choose import Chooser, View
from pointsman.routing.health import Commons
from pointsman.routing.rests import Rests
from pointsman.routing.stakes import Stakes
from pointsman.routing.tariff import Rates
from pointsman.store import Store
from pointsman.store.interface import Claim
from pointsman.text import valid_sender

BALANCE_PATIENCE = 2.0
"""Seconds that the start waits for the first reading of the balances."""
DRAIN_PATIENCE = 10.0
"""Seconds that requests in flight get at the end before they are cut off."""


class Router(AsksProviders, ServesScreens, IsOperated):
    """Routes messages over the configured providers. Use it as `async with`, or call `start` and `aclose`.

    Everything that a router knows lives in it; two routers in one process share nothing. It must be used from the
    event loop in which it was started.
    """

    def __init__(
        self,
        config: Config,
        *,
        plugins: PluginSet | None = None,
        store: Store | None = None,
        observers: Iterable[Observer] = (),
        clock: Clock | None = None,
        random: Random | None = None,
        breaker: BreakerSettings | None = None,
        only_loopback: bool = False,
    ) -> None:
        """Put a router together; connects to nobody.

        `store` is the one that the configuration names unless given. `clock` and `random` make tests and replays
        exact. With `only_loopback` requests to any other address fail before they leave. Raises `PluginError` when a
        plugin that the configuration names is missing, `ConfigError` when the number ranges cannot be read.
        """
        self._config = config
        self._plugins = plugins if plugins is not None else load_plugins()
        self._clock = clock or SystemClock()
        self._random = random or Random()
        self._bus = Bus()
        self._store = store or store_for(config, self._plugins, self._clock)
        self._rates = Rates(config.router.currency, config.rates)
        self._rests = Rests()
        self._ids = Ids(self._clock, self._random)
        self._stations: dict[str, Station] = {}
        self._running = False
        self._closed = False
        self._opened = contextlib.AsyncExitStack()
        for observer in observers:
            self._bus.subscribe(observer)
        if self._plugins.watches:
            self._bus.subscribe(self._tell_plugins)
        self._build(breaker or BreakerSettings(), only_loopback=only_loopback)

    def _build(self, breaker: BreakerSettings, *, only_loopback: bool) -> None:
        config = self._config
        recorder = self._recorder = Recorder(self._store, self._bus, self._clock)
        views: dict[str, View] = {}
        stakes = Stakes(views, self._rests, self._rates, confirming_of(config))
        attempts = Attempts(self._stations, stakes, recorder, self._bus, self._clock)
        shop = Workshop(
            clock=self._clock,
            random=self._random,
            ids=self._ids,
            bus=self._bus,
            rates=self._rates,
            start=attempts.start,
            breaker=breaker,
            commons=Commons(),
            only_loopback=only_loopback,
            public_url=config.daemon.public_url,
        )
        self._build_stations(shop, views)
        strategies = strategies_of(self._plugins.strategies, self._clock, self._put_aside)
        looking = Looking(self._bus, self._clock)
        after = build_aftermath(self._stations, stakes, recorder, self._rates, self._bus, self._clock)
        resolving, self._judging, self._tracking = after.resolving, after.judging, after.tracking
        self._receiving = Receiving(self._stations, self._tracking)
        self._lookups = Lookups(self._clock, size=config.router.lookup_cache, age=float(config.router.lookup_age))
        self._door = build_door(config, views, self._clock, self._ids, self._lookups)
        prices = {name: one.prices for name, one in config.providers.items()}
        self._asking = Asking(self._current, prices, recorder, self._rates, self._clock)
        self._desk = Desk(
            stations=self._stations,
            chooser=Chooser(views, self._rests, self._rates, strategies, valid_sender),
            attempts=attempts,
            looking=looking,
            resolving=resolving,
            recorder=recorder,
            bus=self._bus,
            clock=self._clock,
            ids=self._ids,
            random=self._random,
            replay=self._tracking.replay,
            in_force=self._door.in_force,
        )
        self._doubts = Doubts(looking, resolving, self._tracking, recorder, self._clock)
        self._balances = Balances(self._rests, self._rates, self._bus, self._clock)
        self._control = Control(self._current, self._rests, self._bus, self._clock)
        self._locating = Locating(self._desk, self._door, self._lookups)
        self._tracking.learn = self._locating.learn
        parts = self._desk, self._tracking, self._doubts, self._door, self._locating, after.debts
        front = build_front(*parts, most=config.router.max_in_flight, most_waiting=config.router.max_waiting)
        self._serving, self._dispatcher = front.serving, front.dispatcher
        self._intake, self._bulk, self._recovery = front.intake, front.bulk, front.recovery
        self._accounts = Accounts(recorder, self._rates)
        self._operate(config, views, shop, stakes)
        resolving.taken = self._serving.taken
        self._judging.resending = self._serving.resending

    def _build_stations(self, shop: Workshop, views: dict[str, View]) -> None:
        for name, provider in build_providers(self._config, self._plugins).items():
            self._stations[name] = build_station(self._config.providers[name], provider, shop)
            views[name] = self._stations[name].view
        self._current = {**self._stations}

    def _operate(self, config: Config, views: dict[str, View], shop: Workshop, stakes: Stakes) -> None:
        self._switches = Switches(
            self._current, self._store, self._rests, self._control, self._balances, self._bus, self._clock
        )
        living = Living(
            stations=self._stations,
            current=self._current,
            views=views,
            shop=shop,
            plugins=self._plugins,
            store=self._store,
            rests=self._rests,
            stakes=stakes,
            door=self._door,
            lookups=self._lookups,
            locating=self._locating,
            asking=self._asking,
            balances=self._balances,
            tracking=self._tracking,
            switches=self._switches,
            winding=Winding(self._tracking, self._doubts, self._clock),
        )
        self._reloading = Reloading(config, living, self._check_running)

    @classmethod
    def from_toml(
        cls,
        path: str | os.PathLike[str],
        *,
        plugins: Iterable[AnyProviderPlugin] = (),
        env: Mapping[str, str] | None = None,
        overrides: Overrides | None = None,
        store: Store | None = None,
        observers: Iterable[Observer] = (),
        clock: Clock | None = None,
        random: Random | None = None,
        breaker: BreakerSettings | None = None,
        only_loopback: bool = False,
    ) -> Self:
        """Read a configuration and put its router together.

        `plugins` are kinds of provider besides the installed ones. `env` is where `{ env = … }` looks instead of the
        process's environment. Raises `ConfigError` with everything that is wrong with the file.
        """
        found = load_plugins(plugins)
        config = load_config(Path(path), plugins=found, env=env, overrides=overrides)
        return cls(
            config,
            plugins=found,
            store=store,
            observers=observers,
            clock=clock,
            random=random,
            breaker=breaker,
            only_loopback=only_loopback,
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Open the store and the connections, read the balances, begin to poll.

        What was opened is closed again when this fails. Raises `RouterClosed` after `aclose` or a start that failed,
        `ConfigError` when the file for decisions cannot be written.
        """
        if self._closed:
            raise RouterClosed("the router was closed and cannot be started again: put a new one together")
        try:
            await self._open()
        except BaseException:
            await self.aclose(0.0)
            raise
        self._running = True

    async def _open(self) -> None:
        opened = self._opened
        await self._store.open()
        opened.push_async_callback(self._store.close)
        await keep_decisions(self._config, self._bus, opened)
        await self._switches.restore()
        opened.push_async_callback(self._reloading.close)
        for station in self._stations.values():
            await station.transport.open()
        for quarantine in self._plugins.quarantined:
            self._bus.emit(PluginQuarantined(at=self._clock.now(), plugin=quarantine.name, reason=quarantine.reason))
        opened.push_async_callback(self._tracking.close)
        self._tracking.start(self._stations)
        opened.push_async_callback(self._balances.close)
        self._balances.start(self._stations)
        await self._balances.known(BALANCE_PATIENCE)
        opened.push_async_callback(self._dispatcher.close)
        opened.push_async_callback(self._accounts.close)
        await self._accounts.restore(self._stations)
        await self._recovery.start()
        await self._dispatcher.start()

    async def aclose(self, patience: float = DRAIN_PATIENCE) -> None:
        """Stop: what has not left is cancelled, what is in flight gets `patience` seconds, the rest is cut off.

        What is to be sent later is cancelled with the rest, unless a provider keeps it already.

        A message whose request was cut off is `unknown`. What can be closed is closed even if something else cannot.
        """
        self._running = False
        self._closed = True
        self._desk.closing = True
        async with self._opened.pop_all() as steps:
            steps.push_async_callback(self._doubts.close)
            steps.push_async_callback(self._serving.close)
            await self._recovery.close()
            await self._intake.close()
            await asyncio.gather(*(lane.close(patience) for lane in self._reloading.lanes()))

    async def send(self, message: Message, *, until_final: bool = False) -> Receipt:
        """Send one message; return when a provider took it or nobody will, or with its last report.

        One that is to be sent later is waited for, unless its route leaves that to a provider; `submit` does not wait.
        A lookup always waits for its result. The SMS in place of a Viber message belongs to it: one that starts at once
        is waited for, and the last report is that of both. Raises `InvalidMessage` for what nobody could send,
        `RouterClosed`.
        """
        self._check_running()
        sent = await self._serving.send(self._door.parse(message), until_final=until_final)
        return await self._recorder.receipt(sent)

    async def submit(self, message: Message) -> Receipt:
        """Take one message and return at once; it is sent in the background, when it is due.

        `wait` gives its end, `receipt` what is known by now, `cancel` takes it back as long as it has not left. Raises
        `InvalidMessage`, `RouterClosed`.
        """
        self._check_running()
        return await self._intake.submit(message)

    async def submit_many(
        self, orders: Sequence[Order], *, client: str, claim: Claim | None = None, screen: Screen | None = None
    ) -> Submitted:
        """Take messages of a client, all or none, and return when they are written down; they are sent by and by.

        A `claim` that was made before brings the messages that were taken then. `screen` says whether the client may
        have them sent. Raises `InvalidMessages`, also for a channel that no configured provider has, `KeyReused`,
        `Denied`, `Busy` when more wait than `router.max_waiting` allows, `StoreUnavailable`, `RouterClosed`; then
        nothing was taken.
        """
        self._check_running()
        return await self._intake.submit_many(orders, client, claim, screen)

    async def send_many(self, messages: Iterable[Message], *, until_final: bool = False) -> list[Receipt]:
        """Send several messages; return their receipts in the same order.

        All are checked before the first is sent: raises `InvalidMessages` if any is wrong, and then none was sent.
        Raises `SomeFailed` when all are done but something unforeseen, such as a full disk, happened to some of them.
        """
        self._check_running()
        return await self._bulk.send(messages, until_final=until_final)

    def check(self, message: Message) -> Envelope:
        """Return a message as it would be taken now, without taking it. Raises `InvalidMessage`."""
        return self._door.parse(message).envelope

    def explain(self, message: Message) -> Decision:
        """Return the decision that would be made for a message now, without sending it. Raises `InvalidMessage`.

        `pointsman.why` says in words why the first is first. Decisions for messages that are sent come as events
        `DecisionMade`.
        Where the route wants lookups, `Decision.lookup` says whether one would be made before, and why; none is.
        """
        parsed = self._door.parse(message)
        decision = self._desk.chooser.choose(
            parsed.envelope, parsed.route, self._desk.moment(), decision_id=self._ids.new()
        )
        return self._locating.explained(parsed, decision)

    def providers(self) -> tuple[ProviderStatus, ...]:
        """Return how every provider is doing."""
        now, wall = self._clock.monotonic(), self._clock.now()
        return tuple(status_of(station, self._rests, now, wall) for station in tuple(self._current.values()))

    @property
    def plugins(self) -> PluginSet:
        """The plugins that were found, and those that were put aside."""
        return self._plugins

    async def receipt(self, message_id: str) -> Receipt | None:
        """Return what is known of a message; None for an unknown one."""
        record = await self._recorder.get(message_id)
        return await self._recorder.receipt(record) if record is not None else None

    async def wait(self, message_id: str) -> Receipt:
        """Wait until nothing more is going to be done for a message, or for the SMS in its place.

        Raises `KeyError` for an unknown one.
        """
        return await self._recorder.receipt(await self._serving.until_final(message_id))

    async def confirm(self, message_id: str) -> bool:
        """Note that the recipient of a message got it: a code was entered, a link was opened.

        Health is learnt from it in routes that say `confirms`: whoever reports deliveries that nobody confirms loses
        his traffic. Says whether a provider had taken the message; False for an unknown one.
        """
        record = await self._recorder.get(message_id)
        return record is not None and self._judging.confirm(record)

    async def referred(self, client: str, reference: str, limit: int = 100) -> tuple[Receipt, ...]:
        """Return a client's messages with this reference of its own, the latest first."""
        records = await self._store.referred(client, reference, limit)
        return tuple([await self._recorder.receipt(record) for record in records])

    async def cancel(self, message_id: str) -> bool:
        """Keep a message from being sent if it has not left yet; say whether it was still on its way.

        For a Viber message that has left, this keeps the SMS in its place from being sent. When this returns, no
        attempt begins any more; with a durable store that holds after a crash too. Raises `StoreUnavailable` when it
        cannot be written down; then nothing has changed.
        """
        return await self._intake.cancel(message_id)

    def backlog(self) -> Mapping[MessageClass, int]:
        """Return how many messages of each class wait in the store until there is room for them, or they are due."""
        return self._dispatcher.backlog()

    @property
    def store(self) -> Store:
        """Where messages are kept."""
        return self._store

    async def callback(self, provider: str, callback: Callback, token: str | None = None) -> Response:
        """Take in what a provider reports to us; return what it wants to hear. Raises `KeyError` for a stranger.

        Where the configuration has a `callback_token`, only who shows it as `token` is listened to; others hear 404.
        """
        return await self._receiving.take(provider, callback, token)

    def observe(self, observer: Observer, *kinds: type[Event]) -> None:
        """Tell `observer` of every event from now on, or only of these kinds.

        It must be quick; what it raises is logged and ignored.
        """
        self._bus.subscribe(observer, *kinds)

    def _tell_plugins(self, event: Event) -> None:
        for quarantine in self._plugins.observe(event):
            self._bus.emit(PluginQuarantined(at=self._clock.now(), plugin=quarantine.name, reason=quarantine.reason))

    def _put_aside(self, strategy: str, reason: str) -> None:
        put = self._plugins.put_aside(strategy, reason)
        self._bus.emit(PluginQuarantined(at=self._clock.now(), plugin=put.name, reason=put.reason))

    def _check_running(self) -> None:
        if not self._running:
            raise RouterClosed("the router is not running: use `async with Router(…)` or call `start` first")
