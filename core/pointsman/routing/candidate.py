"""Who could take a message now, who could not and why, and in which order the former are tried."""

import enum
from decimal import Decimal

import msgspec

from pointsman.message import Channel, MessageClass, Money, Network
from pointsman.routing.price import ChargedOn
from pointsman.routing.tariff import Price
from pointsman.routing.verdict import Verdict


class Exclusion(enum.StrEnum):
    """Why a provider is no candidate."""

    CHANNEL = "channel"
    """It does not offer the channel."""
    TOO_LONG = "too_long"
    FLASH = "flash"
    """The message is to be shown at once, which it does not offer."""
    SCHEDULE = "schedule"
    """The route leaves the schedule to the provider, which it does not offer."""
    RESEND = "resend"
    """The caller leaves the SMS in place of a Viber message to the provider, which it does not offer."""
    SENDER_MISSING = "sender_missing"
    SENDER_FORM = "sender_form"
    """The sender is not well formed for it."""
    SENDER_NOT_ALLOWED = "sender_not_allowed"
    """The configuration lists its senders, and this is none of them."""
    TRIED = "tried"
    """It had its turn with this message."""
    FUNDS = "funds"
    BREAKER = "breaker"
    RESTING = "resting"
    PAUSED = "paused"
    """Its pace, what waits there already, or a pause it asked for take longer than the message lives."""
    QUARANTINED = "quarantined"
    """Its plugin broke the contract."""
    DRAINED = "drained"
    """The operator lets it have nothing new."""


class Reason(enum.StrEnum):
    """Why the first candidate is first; a closed set, used as a label."""

    ONLY = "only"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    PRIORITY = "priority"
    WEIGHT = "weight"
    SCORE = "score"
    PLUGIN = "plugin"
    """The order is that of a strategy which a plugin added."""
    EXPLORE = "explore"
    """It may be better than it seems, and a small share of the traffic is there to find out."""
    ALL_DOWN = "all_down"
    """Every breaker was open, so the best was tried anyway."""
    HALF_DOWN = "half_down"
    """Those that work had their turn, and more than half were held back by breakers, so the best of these was tried."""
    NONE = "none"


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A provider that could take the message now."""

    provider: str
    position: int
    """Its place in the route's list."""
    price: Price | None
    total: Money | None
    """For the whole message, in the provider's currency; None when the price list does not say."""
    comparable: Decimal | None
    """The same in the router's currency."""
    funds: Decimal | None
    """What its account has left above floor and holds; None when nobody knows."""
    sender: str | None
    """The sender that would be shown."""
    health: float
    """The chance that it delivers the message in time once it took it, from 0 to 1, as far as has been learnt."""
    evidence: float = 0.0
    """How many messages that rests on; small means that it is mostly a guess."""
    taken: float = 1.0
    """The share of requests that it takes, from 0 to 1."""
    owned_up: float = 0.0
    """The share of lost messages that it reports as lost, so that they can be sent again."""
    delay: float | None = None
    """Seconds until it usually reports a delivery; None when nothing is known."""
    drift: float = 1.0
    """How many times the listed price the provider has charged lately, as far as it tells."""
    wait: float = 0.0
    """The share of the message's life that it would wait there for its turn, from 0 to 1."""
    runway: float | None = None
    """Seconds until its account has nothing left at the present rate of spending; None when that cannot be said."""
    keeps: bool = False
    """It would keep the message until it is due; else it sends at once."""
    forced: bool = False
    """Its breaker does not admit the message, but too many providers are held back to leave it out."""

    @property
    def expected_price(self) -> float | None:
        """What the whole message is expected to cost in the router's currency; None when the list does not say."""
        return None if self.comparable is None else float(self.comparable) * self.drift

    @property
    def pays_on_delivery(self) -> bool:
        """Whether it charges for delivered messages only."""
        return self.price is not None and self.price.charged_on is ChargedOn.DELIVERY


class Excluded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A provider that could not, and why."""

    provider: str
    why: Exclusion
    detail: str = ""
    until: float | None = None
    """Wall time when this may end, where it is known."""


class Ranked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A candidate in its place; the lower the score the better."""

    candidate: Candidate
    score: float | None = None
    explored: bool = False
    """It is in this place although others are expected to be better."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What of a message a decision is about: nothing by which anybody could be reached, and nothing of the text."""

    channel: Channel
    message_class: MessageClass
    network: Network
    parts: int
    prefix: str
    """The first digits of the number, 7 at most; at least 4 are left out."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the order of the candidates was made from besides the candidates."""

    seed: int
    """Of the generator that the strategy drew from; 64 bits."""
    currency: str
    """The router's, in which candidates are compared."""
    loss: float
    """What it costs, in the router's currency, that the message is not delivered."""
    loss_told: bool = False
    """The policy says so; else it is so many times the price of the cheapest candidate."""
    allowance: float = 0.0
    """How much more than the best the choice might cost for the sake of learning, in the router's currency."""
    weights: tuple[tuple[str, float], ...] = ()
    served: int = 0
    """Providers that work and had their turn; counted only where somebody is behind a breaker that may be forced."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything that one choice was made of."""

    id: str
    message_id: str
    at: float
    """Wall time, seconds since the epoch."""
    route: str | None
    strategy: str
    reason: Reason
    ranking: tuple[Ranked, ...]
    excluded: tuple[Excluded, ...]
    subject: Subject
    conditions: Conditions | None = None
    """None where no route is for the message, so that nothing was ranked."""
    held_back: tuple[Candidate, ...] = ()
    """Those behind breakers that might have been forced and were not; they are among the excluded as well."""
    lookup: Verdict | None = None
    """Whether the number would be looked up before; only where that is asked for without sending."""

    @property
    def chosen(self) -> Candidate | None:
        """The best candidate, or None when there is none."""
        return self.ranking[0].candidate if self.ranking else None
