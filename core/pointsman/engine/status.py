"""How a provider is doing, as a value to show."""

from collections.abc import Mapping

import msgspec

from pointsman.engine.station import Station
from pointsman.message import Channel, Money
from pointsman.routing.breaker import BreakerState
from pointsman.routing.rests import Rest, Rests


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One provider at one moment."""

    name: str
    plugin: str
    channels: tuple[Channel, ...]
    balance: Money | None
    """What should be on the account; None when nobody knows."""
    available: Money | None
    """The same less floor and what is in flight."""
    breakers: Mapping[Channel, BreakerState]
    health: Mapping[Channel, float]
    rests: tuple[Rest, ...]
    """What is out of use there, and why."""
    quarantined: str | None
    waiting: int
    """Messages in its queue."""
    in_flight: int
    """Requests on their way."""


def status_of(station: Station, rests: Rests, monotonic: float, wall: float) -> ProviderStatus:
    """Return the status of a station now."""
    view = station.view
    ledger = view.ledger
    return ProviderStatus(
        name=station.name,
        plugin=station.plugin,
        channels=tuple(view.limits),
        balance=Money(ledger.balance, view.currency) if ledger.balance is not None else None,
        available=Money(ledger.available, view.currency) if ledger.available is not None else None,
        breakers={channel: breaker.state(monotonic) for channel, breaker in view.breakers.items()},
        health={channel: breaker.health for channel, breaker in view.breakers.items()},
        rests=tuple(rest for rest in rests if rest.provider == station.name and wall < rest.until),
        quarantined=view.quarantined,
        waiting=station.lane.waiting,
        in_flight=station.lane.in_flight,
    )
