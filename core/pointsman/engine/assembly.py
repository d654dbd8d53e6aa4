"""Putting a router together: from the configuration and the plugins to stations, chooser and routes."""

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random

import msgspec

from pointsman.clock import Clock
from pointsman.config import Config, ProviderConfig, QuietConfig
from pointsman.engine.bus import Bus
from pointsman.engine.calling import Caller
from pointsman.engine.debts import Debts
from pointsman.engine.early import Early
from pointsman.engine.guard import Broke, Guard
from pointsman.engine.ids import Ids
from pointsman.engine.judging import Judging
from pointsman.engine.lane import Lane, Starter
from pointsman.engine.lookups import Lookups
from pointsman.engine.parsing import Door, LifeLimits, Rules
from pointsman.engine.recorder import Recorder
from pointsman.engine.repricing import Repricing
from pointsman.engine.resolving import Resolving
from pointsman.engine.station import Station
from pointsman.engine.tracking import Tracking
from pointsman.events import PluginQuarantined
from pointsman.message import Channel, MessageClass
from pointsman.plugin import ChannelLimits, Polls, Provider, ReceivesCallbacks
from pointsman.routing.breaker import BreakerSettings
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.choose import View
from pointsman.routing.health import Commons, Health, Silence
from pointsman.routing.ledger import Ledger
from pointsman.routing.limiter import Limiter, Pace
from pointsman.routing.match import Route
from pointsman.routing.observed import ObservedPrices
from pointsman.routing.quiet import Quiet
from pointsman.routing.stakes import Stakes
from pointsman.routing.tariff import Rates, Tariff
from pointsman.secret import Secret
from pointsman.text import NumberRanges
from pointsman.transport import Endpoint, Transport


class Workshop(msgspec.Struct, frozen=True, kw_only=True):
    """What stations are made with."""

    clock: Clock
    random: Random
    ids: Ids
    bus: Bus
    rates: Rates
    start: Starter
    breaker: BreakerSettings
    commons: Commons
    only_loopback: bool
    public_url: str | None = None
    """Where we can be reached from outside."""


def build_door(config: Config, views: Mapping[str, View], clock: Clock, ids: Ids, lookups: Lookups) -> Door:
    """Return what reads messages. Raises `ConfigError` when the number ranges cannot be read."""
    rules = build_rules(config, load_ranges(config), views)
    return Door(rules, clock=clock, ids=ids, network_of=lookups.network)


def load_ranges(config: Config) -> NumberRanges | None:
    """Return the number ranges, if there are any. Raises `ConfigError` when they cannot be read. Takes its time."""
    file = config.router.number_ranges
    return NumberRanges.load(file) if file else None


def build_rules(config: Config, ranges: NumberRanges | None, views: Mapping[str, View]) -> Rules:
    """Return what messages are read and routed by."""
    return Rules(
        region=config.router.region,
        ranges=ranges,
        routes=build_routes(config),
        lives=build_lives(config),
        offers={name: frozenset(view.limits) for name, view in views.items()},
    )


def confirming_of(config: Config) -> frozenset[str]:
    """Return the routes whose recipients confirm what they get."""
    return frozenset(route.name for route in config.routes if route.confirms)


class Aftermath(msgspec.Struct, frozen=True, kw_only=True):
    """What deals with messages after they were taken."""

    resolving: Resolving
    judging: Judging
    tracking: Tracking
    debts: Debts


def build_aftermath(
    stations: Mapping[str, Station], stakes: Stakes, recorder: Recorder, rates: Rates, bus: Bus, clock: Clock
) -> Aftermath:
    """Return what clears up outcomes, follows reports and draws the consequences, put together."""
    debts = Debts(stations, rates, bus, clock)
    resolving = Resolving(stations, recorder, debts, rates, bus, clock)
    judging = Judging(stakes, bus, clock)
    tracking = Tracking(recorder, Early(recorder.store, bus, clock), resolving, debts, judging, bus, clock)
    tracking.compare = Repricing(stakes, rates, bus, clock).compare
    return Aftermath(resolving=resolving, judging=judging, tracking=tracking, debts=debts)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a station takes over from the one before it; None is made anew."""

    ledger: Ledger | None = None
    limiter: Limiter | None = None
    breakers: Mapping[Channel, CellBreakers] | None = None
    health: Health | None = None
    observed: ObservedPrices | None = None


_NOTHING = Kept()


def build_station(config: ProviderConfig, provider: Provider, shop: Workshop, kept: Kept = _NOTHING) -> Station:
    """Return a provider with its queue and connections; opens nothing yet."""
    view = _view(config, provider, shop, kept)
    guard = Guard(shop.clock, _quarantine(view, config.plugin, shop))
    view.limits = {channel: _guarded(limits, guard) for channel, limits in view.limits.items()}
    endpoint = Endpoint(
        base_url=config.base_url,
        connect_timeout=float(config.connect_timeout),
        read_timeout=float(config.read_timeout),
        connections=config.max_in_flight,
    )
    transport = Transport(endpoint, shop.clock, only_loopback=shop.only_loopback)
    caller = Caller(config.name, provider, transport, guard, shop.bus, shop.clock, slots=config.max_in_flight)
    lane = Lane(
        provider,
        caller,
        guard,
        view.limiter,
        shop.clock,
        shop.ids,
        shop.start,
        slots=config.max_in_flight,
        batch=config.batch,
    )
    view.queued = lane.parts_before
    return Station(
        name=config.name,
        plugin=config.plugin,
        provider=provider,
        transport=transport,
        guard=guard,
        caller=caller,
        lane=lane,
        view=view,
        polling={channel: config.poll.over(rule) for channel, rule in provider.profile.polling.items()},
        balance_every=float(config.balance_every),
        account=account_of(config, provider),
        callback_token=config.callback_token,
        callback_url=callback_url(config, provider, shop.public_url),
    )


def account_of(config: ProviderConfig, provider: Provider) -> str:
    """Return what stands for a provider's account: a short hash of plugin, address and the name of the account.

    It is too short to find out a name by trying many: each fits some.
    """
    name = provider.profile.account
    parts = config.plugin, config.base_url, name.reveal() if isinstance(name, Secret) else ""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def build_routes(config: Config) -> tuple[Route, ...]:
    """Return the routes with their policies worked in."""
    routes = []
    for route in config.routes:
        policy = config.policy_of(route)
        routes.append(
            Route(
                name=route.name,
                match=route.match,
                providers=route.providers,
                strategy=policy.strategy,
                weights=tuple(policy.weights.items()),
                losses=policy.loss.items(),
                confirms=route.confirms,
                max_attempts=policy.max_attempts,
                on_unknown=route.on_unknown,
                fallback_margin=float(policy.fallback_margin),
                schedule=route.schedule,
                quiet=_quiet(route.quiet),
                lookup=route.lookup,
                lookup_patience=float(policy.lookup_patience) if policy.lookup_patience is not None else None,
            )
        )
    return tuple(routes)


def _quiet(config: QuietConfig | None) -> Quiet | None:
    if config is None:
        return None
    return Quiet(start=config.start, end=config.end, classes=config.classes, zone=config.zone)


def build_lives(config: Config) -> LifeLimits:
    """Return how long messages live that come without a limit."""
    return {
        (route.name, message_class): float(config.policy_of(route).ttl.of(message_class))
        for route in config.routes
        for message_class in MessageClass
    }


def _view(config: ProviderConfig, provider: Provider, shop: Workshop, kept: Kept) -> View:
    limits = provider.profile.channels
    return View(
        name=config.name,
        limits=limits,
        senders=frozenset(config.senders),
        default_sender=config.senders[0] if config.senders else None,
        tariff=Tariff(config.prices, shop.rates),
        ledger=kept.ledger or _ledger(config, shop.clock.monotonic()),
        currency=config.currency,
        limiter=kept.limiter or Limiter(pace_of(config)),
        breakers=kept.breakers or {channel: CellBreakers(shop.breaker, shop.random) for channel in limits},
        health=kept.health or Health(shop.commons, silence=silence_of(config, provider)),
        observed=kept.observed or ObservedPrices(),
    )


def callback_url(config: ProviderConfig, provider: Provider, public_url: str | None) -> Secret | None:
    """Return where a provider may report to: nowhere, unless we can be reached and it has a token to show."""
    token = config.callback_token
    if public_url is None or token is None or not isinstance(provider, ReceivesCallbacks):
        return None
    return Secret(f"{public_url}/v1/callbacks/{config.name}/{token.reveal()}")


def pace_of(config: ProviderConfig) -> Pace | None:
    """Return how fast a provider may be sent to; None for no limit."""
    return Pace(rate=config.max_rate, burst=max(config.max_rate, 1.0)) if config.max_rate else None


def silence_of(config: ProviderConfig, provider: Provider) -> Silence:
    """Say what the silence of a provider means: where nobody says, nothing from one that cannot report."""
    if config.silence is not None:
        return config.silence
    return Silence.LOST if isinstance(provider, Polls | ReceivesCallbacks) else Silence.NOTHING


def floor_of(config: ProviderConfig) -> Decimal:
    """Return the amount that is left on an account."""
    return Decimal(0) if config.floor is None else config.floor


def _ledger(config: ProviderConfig, now: float) -> Ledger:
    return Ledger(floor=floor_of(config), opening=config.opening_balance, since=now)


def _guarded(limits: ChannelLimits, guard: Guard) -> ChannelLimits:
    """Return the limits with the plugin's rule for senders under guard; where it breaks, the sender does not fit."""
    rule = limits.senders
    if rule is None:
        return limits

    def senders(sender: str) -> bool:
        try:
            return guard.call("senders", lambda: rule(sender), lambda value: isinstance(value, bool))
        except Broke:
            return False

    return msgspec.structs.replace(limits, senders=senders)


def _quarantine(view: View, plugin: str, shop: Workshop) -> Callable[[str], None]:
    def quarantine(reason: str) -> None:
        view.quarantined = reason
        shop.bus.emit(PluginQuarantined(at=shop.clock.now(), plugin=plugin, reason=reason))

    return quarantine
