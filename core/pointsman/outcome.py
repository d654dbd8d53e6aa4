"""What became of it: outcomes of attempts, reports that come later, states, receipts."""

import enum
from datetime import datetime
from typing import assert_never

import msgspec

from pointsman.message import Channel, MessageClass, Money, Msisdn, Network, Segments
from pointsman.secret import Discreet


class Fault(enum.StrEnum):
    """Why a message was refused; the closed list that failover, health and metrics understand.

    `routing.failover.RULES` says what each of them leads to.
    """

    RECIPIENT = "recipient"
    CONTENT = "content"
    REQUEST = "request"
    LIMIT = "limit"
    UNSUPPORTED = "unsupported"
    SENDER = "sender"
    DECLINED = "declined"
    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    CREDITS = "credits"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    NO_ROUTE = "no_route"


class UnknownReason(enum.StrEnum):
    """Why nobody can say whether a request took effect."""

    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    UNREADABLE = "unreadable"
    GATEWAY = "gateway"
    """The provider or a proxy before it says that something broke on its way further."""
    TOO_LARGE = "too_large"
    CANCELLED = "cancelled"
    """We stopped waiting: the process is closing, or died (and the journal remembers only the start)."""
    PLUGIN = "plugin"
    """The plugin raised while it read the answer."""


class Accepted(Discreet, frozen=True, gc=False, kw_only=True, tag="accepted"):
    """The provider took the message."""

    ids: tuple[str, ...]
    """The provider's ids, one per segment where it gives so many; opaque text. Empty when they could not be mapped."""
    duplicate: bool = False
    """The provider had it already under the same reference: an earlier attempt did get through."""
    price: Money | None = None
    """What the provider says that it charged for the whole message."""
    segments: int | None = None
    """How many parts the provider says that it made."""
    network: Network | None = None


class Refused(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="refused"):
    """A definite no: nothing was sent, and the provider (or we ourselves) said why."""

    fault: Fault
    code: str | None = None
    """The provider's own code, unchanged."""
    detail: str = ""
    """The provider's own words, for people; never decided upon, never a label."""
    certain: bool = False
    """For a bad number: every provider would say the same."""
    retry_after: float | None = None
    """Seconds that the provider asked us to wait."""


class Unknown(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="unknown"):
    """It may have been sent. Never read as a failure, never as a success."""

    reason: UnknownReason
    code: str | None = None
    detail: str = ""


Outcome = Accepted | Refused | Unknown


def outcome_label(outcome: Outcome) -> str:
    """Return the outcome as one of three words, for labels."""
    match outcome:
        case Accepted():
            return "accepted"
        case Refused():
            return "refused"
        case Unknown():
            return "unknown"
        case _:
            assert_never(outcome)


class State(enum.StrEnum):
    """Where a message is; what the API shows."""

    ACCEPTED = "accepted"
    """Taken by us, not yet on its way."""
    SCHEDULED = "scheduled"
    """Kept by us until it is due."""
    SENDING = "sending"
    SENT = "sent"
    """Taken by a provider, no final report yet."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    """A provider or the network refused it after it had been taken."""
    FAILED = "failed"
    """Nobody took it."""
    UNKNOWN = "unknown"
    """It may have been sent; a report may still tell."""
    CANCELLED = "cancelled"
    RESOLVED = "resolved"
    """A lookup with its result."""


class DeliveryState(enum.StrEnum):
    """What a provider reports about an accepted SMS or Viber message."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DELETED = "deleted"
    UNKNOWN = "unknown"


class LookupState(enum.StrEnum):
    """What a provider reports about an HLR lookup."""

    PENDING = "pending"
    REACHABLE = "reachable"
    ABSENT = "absent"
    NONEXISTENT = "nonexistent"
    FAILED = "failed"
    UNKNOWN = "unknown"


class LookupResult(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The answer of a home location register."""

    state: LookupState
    network: Network | None = None
    ported: bool | None = None
    roaming: bool | None = None
    operator: str | None = None
    """The provider's own text."""
    at: datetime | None = None
    """When it was found out; its age is counted from here."""


class Report(Discreet, frozen=True, gc=False, kw_only=True):
    """Later news about something that a provider accepted, by poll or by callback."""

    provider_id: str
    """The id that `Accepted.ids` held."""
    state: DeliveryState | None = None
    lookup: LookupResult | None = None
    """Exactly one of `state` and `lookup` is set."""
    final: bool = False
    at: datetime | None = None
    """When it happened, by the provider's clock."""
    code: str | None = None
    detail: str = ""
    fault: Fault | None = None
    """Whose fault a bad state is, where the provider's documentation tells."""
    certain: bool = False
    """For a bad number: every provider would say the same."""
    price: Money | None = None
    to: Msisdn | None = None
    """The number that the provider says the report is about; checked against ours."""
    read: bool = False
    """A Viber message was read, not only delivered."""
    reference: str | None = None
    """Our own reference, where the provider returns it."""


class SettledBy(enum.StrEnum):
    """What told us the outcome of an attempt."""

    ANSWER = "answer"
    RECONCILED = "reconciled"
    REPORT = "report"


class Attempt(Discreet, frozen=True, gc=False, kw_only=True):
    """One submit of one message to one provider."""

    number: int
    """1, 2, 3 … over all providers."""
    provider: str
    ref: str
    """Our reference for it, at most 32 characters `[0-9a-z]`; shared only with a repeat that it keeps harmless."""
    call_ref: str = ""
    """The reference of the request in which it travelled last; messages of one batch share it."""
    calls: int
    """Requests in which it travelled: more than one when a session had to be renewed or a batch was divided."""
    outcome: Outcome
    settled_by: SettledBy = SettledBy.ANSWER
    started_at: float
    """Wall time, seconds since the epoch."""
    duration: float
    """Seconds from hand-over to outcome, waiting for our own limits excluded."""
    price: Money | None = None
    """What it cost: told by the provider, else from the price list; None when nothing was charged or nobody knows."""
    shared: bool = False
    """It took the place of an equal message in the same request, which alone is charged."""
    on_delivery: Money | None = None
    """What is going to be charged when it is delivered, where the price list says so."""
    decision_id: str
    account: str = ""
    """Stands for the account at the provider; see `Station.account`."""
    first_unknown: Unknown | None = None
    """What the outcome was before it was reconciled."""


class Receipt(Discreet, frozen=True, gc=False, kw_only=True):
    """What the caller gets: the state of a message and every attempt that was made."""

    id: str
    channel: Channel
    message_class: MessageClass
    to: Msisdn
    network: Network
    segments: Segments | None
    state: State
    attempts: tuple[Attempt, ...] = ()
    reason: Refused | None = None
    """Why nobody took it."""
    lookup: LookupResult | None = None
    reference: str | None = None
    possible_duplicate: bool = False
    """It was sent again although an earlier attempt may have got through."""
    read: bool = False
    """A Viber message was read, not only delivered."""
    fallback: "Receipt | None" = None
    """The SMS in place of a Viber message that did not get through; `state` is then that of the whole."""
    client: str | None = None
    """Who brought it in; None: the program in which the router lives."""
    accepted_at: float
    due: float | None = None
    """Wall time before which it was not to be sent; None for a message that did not have to wait."""
    updated_at: float

    @property
    def provider(self) -> str | None:
        """The provider that has the message, if one took it."""
        for attempt in reversed(self.attempts):
            if isinstance(attempt.outcome, Accepted):
                return attempt.provider
        return None
