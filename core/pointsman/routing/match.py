"""Which messages a route is for."""

import enum
from decimal import Decimal

import msgspec

from pointsman.message import Channel, Envelope, HlrLookup, MessageClass
from pointsman.routing.failover import OnUnknown, default_on_unknown
from pointsman.routing.quiet import Quiet


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions on a message; an empty one holds for every message, and all must hold."""

    channel: frozenset[Channel] = frozenset()
    message_class: frozenset[MessageClass] = frozenset()
    country: frozenset[str] = frozenset()
    mccmnc: frozenset[str] = frozenset()
    prefix: tuple[str, ...] = ()
    sender: frozenset[str] = frozenset()
    tag: frozenset[str] = frozenset()

    def holds(self, envelope: Envelope) -> bool:
        """Say whether a message fulfils every condition."""
        message, network = envelope.message, envelope.network
        sender = None if isinstance(message, HlrLookup) else message.sender
        return (
            (not self.channel or envelope.channel in self.channel)
            and (not self.message_class or message.message_class in self.message_class)
            and (not self.country or network.country in self.country)
            and (not self.mccmnc or network.mccmnc in self.mccmnc)
            and (not self.prefix or envelope.to.startswith(self.prefix))
            and (not self.sender or sender in self.sender)
            and (not self.tag or not self.tag.isdisjoint(message.tags))
        )


class Schedule(enum.StrEnum):
    """Who keeps a message that is to be sent later."""

    ROUTER = "router"
    """We do; a provider is chosen when it is due."""
    PROVIDER = "provider"
    """A provider does: only those that offer it are candidates, and it cannot be cancelled any more."""


class Lookup(enum.StrEnum):
    """Whether a number is looked up before a message is sent to it."""

    NEVER = "never"
    ALWAYS = "always"
    """Unless a fresh result is known."""
    AUTO = "auto"
    """Where that is expected to save more than it costs."""


FALLBACK_MARGIN = 90.0
"""Seconds; see `Route.fallback_margin`."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A rule: which messages, which providers, which policy."""

    name: str
    match: Match
    providers: tuple[str, ...]
    """In order of preference, which counts where nothing else decides."""
    strategy: str
    weights: tuple[tuple[str, float], ...] = ()
    losses: tuple[tuple[MessageClass, Decimal], ...] = ()
    """What a lost message costs by class, in the router's currency; where none is given, so many times its price."""
    confirms: bool = False
    """Recipients may confirm what they got."""
    max_attempts: int = 4
    on_unknown: OnUnknown | None = None
    """None: as the message's class prefers."""
    schedule: Schedule = Schedule.ROUTER
    fallback_margin: float = FALLBACK_MARGIN
    """Seconds from the end of a Viber message's life to the SMS in its place: what providers may be late."""
    lookup: Lookup = Lookup.NEVER
    quiet: Quiet | None = None
    """When messages of some classes are not sent."""
    lookup_patience: float | None = None
    """Seconds that a message waits for its lookup at most; None: as its class can wait."""


def route_of(routes: tuple[Route, ...], envelope: Envelope) -> Route | None:
    """Return the first route that is for a message."""
    return next((route for route in routes if route.match.holds(envelope)), None)


def preference(route: Route | None, envelope: Envelope) -> OnUnknown:
    """Return what an outcome that nobody can clear up leads to: as the route says, else the message's class."""
    chosen = route.on_unknown if route is not None else None
    return chosen or default_on_unknown(envelope.message.message_class, envelope.channel)


LOOKUP_PATIENCE = 30.0
"""Seconds that a message waits for its lookup where the policy does not say."""
LOOKUP_PATIENCE_OTP = 5.0
"""The same for a one-time password."""
LOOKUP_SHARE = 0.1
"""The share of a message's life that it waits for its lookup at most."""


def patience(route: Route, envelope: Envelope) -> float:
    """Return the seconds that a message waits for its lookup at most."""
    otp = envelope.message.message_class is MessageClass.OTP
    wanted = route.lookup_patience
    if wanted is None:
        wanted = LOOKUP_PATIENCE_OTP if otp else LOOKUP_PATIENCE
    return min(wanted, LOOKUP_SHARE * (envelope.deadline - max(envelope.due, envelope.accepted_at)))
