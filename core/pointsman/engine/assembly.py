"""Putting a router together: from the configuration and the plugins to stations, chooser and routes."""

from collections.abc import Callable, Mapping
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
from pointsman.engine.parsing import Door, LifeLimits
from pointsman.engine.recorder import Recorder
from pointsman.engine.repricing import Repricing
from pointsman.engine.resolving import Resolving
from pointsman.engine.station import Station
from pointsman.engine.tracking import Tracking
from pointsman.events import PluginQuarantined
from pointsman.message import MessageClass
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
    file = config.router.number_ranges
    return Door(
        region=config.router.region,
        ranges=NumberRanges.load(file) if file else None,
        routes=build_routes(config),
        lives=build_lives(config),
        offers={name: frozenset(view.limits) for name, view in views.items()},
        clock=clock,
        ids=ids,
        network_of=lookups.network,
    )


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


def build_station(config: ProviderConfig, provider: Provider, shop: Workshop) -> Station:
    """Return a provider with its queue and connections; opens nothing yet."""
    view = _view(config, provider, shop)
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
        callback_token=config.callback_token,
        callback_url=_callback_url(config, provider, shop.public_url),
    )


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


def _view(config: ProviderConfig, provider: Provider, shop: Workshop) -> View:
    limits = provider.profile.channels
    return View(
        name=config.name,
        limits=limits,
        senders=frozenset(config.senders),
        default_sender=config.senders[0] if config.senders else None,
        tariff=Tariff(config.prices, shop.rates),
        ledger=_ledger(config, shop.clock.monotonic()),
        currency=config.currency,
        limiter=Limiter(Pace(rate=config.max_rate, burst=max(config.max_rate, 1.0)) if config.max_rate else None),
        breakers={channel: CellBreakers(shop.breaker, shop.random) for channel in limits},
        health=Health(shop.commons, silence=config.silence or _silence(provider)),
        observed=ObservedPrices(),
    )


def _callback_url(config: ProviderConfig, provider: Provider, public_url: str | None) -> Secret | None:
    """Return where a provider may report to: nowhere, unless we can be reached and it has a token to show."""
    token = config.callback_token
    if public_url is None or token is None or not isinstance(provider, ReceivesCallbacks):
        return None
    return Secret(f"{public_url}/v1/callbacks/{config.name}/{token.reveal()}")


def _silence(provider: Provider) -> Silence:
    """Say what the silence of a provider means: nothing, where it cannot report."""
    return Silence.LOST if isinstance(provider, Polls | ReceivesCallbacks) else Silence.NOTHING


def _ledger(config: ProviderConfig, now: float) -> Ledger:
    if config.floor is None:
        return Ledger(opening=config.opening_balance, since=now)
    return Ledger(floor=config.floor, opening=config.opening_balance, since=now)


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
