"""How a provider is doing, as a value to show."""

from collections.abc import Iterator, Mapping

import msgspec

from pointsman.engine.station import Station
from pointsman.message import Channel, Money
from pointsman.routing.breaker import BreakerState
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.observed import Drift
from pointsman.routing.rests import Rest, Rests


class OpenCell(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker that keeps messages out, or lets through only a few to see whether it works again."""

    channel: Channel
    network: str | None
    """MCC and MNC; None for the channel as a whole."""
    state: BreakerState
    reason: str
    """Why, in words: failures, or what the operator gave as the reason."""
    until: float | None
    """Wall time when it lets a message through to try; None when it does already, or when only a reset ends it."""


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One provider at one moment."""

    name: str
    plugin: str
    channels: tuple[Channel, ...]
    balance: Money | None
    """What should be on the account; None when nobody knows."""
    available: Money | None
    """The same less floor, what is in flight, and what is going to be charged on delivery."""
    runway: float | None = None
    """Seconds until nothing is available at the rate of the last quarter of an hour; None when that cannot be said."""
    breakers: Mapping[Channel, BreakerState]
    """Of the channels as a whole."""
    open_cells: tuple[OpenCell, ...] = ()
    """Breakers that are not closed, those of single networks included."""
    health: Mapping[Channel, float]
    """The chance that it delivers a message in time once it has taken it, as far as has been learnt, from 0 to 1."""
    evidence: Mapping[Channel, float] = {}
    """How many messages that rests on; small means that it is mostly a guess."""
    taken: Mapping[Channel, float] = {}
    """The share of attempts that it takes, from 0 to 1; what is not its own doing does not count."""
    drifts: tuple[Drift, ...] = ()
    """Where it charges something else than our price list says."""
    price_ratios: Mapping[Channel, float] = {}
    """What it charges on each channel, in listed prices and on the average; only where it told enough."""
    rests: tuple[Rest, ...]
    """What is out of use there, and why."""
    quarantined: str | None
    drained: str | None = None
    """Why the operator lets it have nothing new; None when it may."""
    waiting: int
    """Messages in its queue."""
    in_flight: int
    """Requests on their way."""


def status_of(station: Station, rests: Rests, monotonic: float, wall: float) -> ProviderStatus:
    """Return the status of a station now. It is only looked at, in whatever thread metrics are read."""
    view = station.view
    ledger = view.ledger
    expected = {channel: view.health.glance(channel, monotonic) for channel in view.limits}
    return ProviderStatus(
        name=station.name,
        plugin=station.plugin,
        channels=tuple(view.limits),
        balance=Money(ledger.balance, view.currency) if ledger.balance is not None else None,
        available=Money(ledger.available, view.currency) if ledger.available is not None else None,
        runway=ledger.runway(monotonic),
        open_cells=tuple(_open_cells(view.breakers, monotonic, wall)),
        breakers={channel: breaker.state(monotonic) for channel, breaker in view.breakers.items()},
        health={channel: one.chance for channel, one in expected.items()},
        evidence={channel: one.weight for channel, one in expected.items()},
        taken={channel: one.taken for channel, one in expected.items()},
        drifts=view.observed.drifts(),
        price_ratios=view.observed.ratios(),
        rests=tuple(rest for rest in rests if rest.provider == station.name and wall < rest.until),
        quarantined=view.quarantined,
        drained=view.drained,
        waiting=station.lane.waiting,
        in_flight=station.lane.in_flight,
    )


def _open_cells(breakers: Mapping[Channel, CellBreakers], monotonic: float, wall: float) -> Iterator[OpenCell]:
    for channel, cells in breakers.items():
        for shut in cells.shut_cells(monotonic):
            yield OpenCell(
                channel=channel,
                network=shut.network,
                state=shut.state,
                reason=shut.reason,
                until=None if shut.until is None else wall + shut.until - monotonic,
            )
