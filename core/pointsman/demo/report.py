"""What the demo tells at its end, as one value: printed for people, or as JSON for machines."""

import enum
from decimal import Decimal

import msgspec

from pointsman.demo.verdict import Deviation
from pointsman.message import Channel, MessageClass
from pointsman.outcome import Fault, State, UnknownReason


class Settlement(enum.StrEnum):
    """How an unknown outcome was dealt with."""

    TAKEN = "taken"
    """The provider was asked, and had taken the message."""
    NOT_TAKEN = "not_taken"
    """The provider was asked, and never got it; it was safe to go on."""
    REPORTED = "reported"
    """A later report proved that it had been taken."""
    SENT_AGAIN = "sent_again"
    """Nobody can tell; for this class a duplicate is better than a loss."""
    LEFT_UNKNOWN = "left_unknown"
    """Nobody can tell; for this class a loss is better than a duplicate."""


class FailoverCause(enum.StrEnum):
    """What made a message go on."""

    REFUSED = "refused"
    UNKNOWN = "unknown"
    NO_RESULT = "no_result"
    """A lookup was taken, but the provider could not answer it."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages of a channel and class ended in a state; None stands for a refusal before routing."""

    channel: Channel
    message_class: MessageClass
    state: State | None
    count: int


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to a provider."""

    provider: str
    operation: str
    outcome: str
    count: int


class Codes(msgspec.Struct, frozen=True, kw_only=True):
    """Codes with which a provider refused or left us in doubt, or our own words for a silence."""

    provider: str
    operation: str
    code: str
    count: int


class Failover(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that went on to another provider, and why."""

    from_provider: str
    to_provider: str
    cause: FailoverCause
    fault: Fault | None
    """Of a refusal."""
    code: str
    count: int


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider charged, in its currency."""

    provider: str
    currency: str
    booked: Decimal
    """What the router booked."""
    in_doubt: Decimal
    """What it charged beyond that, for messages about which it cannot be asked."""


class Savings(msgspec.Struct, frozen=True, kw_only=True):
    """All spending in the router's currency, against the dearest candidate of each message."""

    currency: str
    spent: Decimal
    dearest: Decimal


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One account."""

    provider: str
    currency: str
    before: Decimal
    charged: Decimal
    """For our messages."""
    other: Decimal
    """Paid in, less what others spent from the same account."""
    after: Decimal
    believed: Decimal | None
    """What the router takes the account to hold after its last reading."""


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt whose outcome was unknown at first."""

    message: str
    channel: Channel
    message_class: MessageClass
    to: str
    """Masked."""
    provider: str
    reason: UnknownReason
    code: str | None
    taken: bool
    """What the provider's books say."""
    settlement: Settlement
    next_provider: str | None


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """A text message of which the providers took more than one copy."""

    message: str
    message_class: MessageClass
    to: str
    """Masked."""
    providers: tuple[str, ...]
    allowed: bool


class BreakerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker that moved."""

    provider: str
    channel: Channel
    network: str | None
    """MCC and MNC; None for the whole channel."""
    before: str
    after: str
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything."""

    ok: bool
    config: str
    seed: int
    seconds: float
    messages: tuple[Ended, ...]
    calls: tuple[Calls, ...]
    codes: tuple[Codes, ...]
    failovers: tuple[Failover, ...]
    spending: tuple[Spending, ...]
    savings: Savings
    balances: tuple[BalanceRow, ...]
    breakers: tuple[BreakerRow, ...]
    unknowns: tuple[Doubt, ...]
    duplicates: tuple[Duplicate, ...]
    requests_made: int
    """By the router; as many as there are lines of the log and counts of the metric."""
    requests_seen: int
    """By the sandboxes: all but those to a server that was down."""
    log: str
    metrics: str
    deviations: tuple[Deviation, ...]
