"""The values that pass between the engine and a plugin: what to send, what came back, what it meant."""

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from pointsman.message import Channel, Message, Money, Msisdn, Network, Segments
from pointsman.outcome import Accepted, Outcome, Refused, Report, Unknown
from pointsman.secret import Discreet, Secret

Text = str | Secret
"""A value on the wire; a `Secret` is revealed by the transport only, so it shows in no log, error or repr."""

# -- HTTP ------------------------------------------------------------------------------------------------------------


class Form(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An `application/x-www-form-urlencoded` body in UTF-8; keys may repeat."""

    fields: tuple[tuple[str, Text], ...]


class Multipart(msgspec.Struct, frozen=True, tag=True):
    """A `multipart/form-data` body with a boundary."""

    fields: tuple[tuple[str, Text], ...]


class Raw(msgspec.Struct, frozen=True, tag=True):
    """A body of bytes with its content type."""

    content: bytes
    content_type: str


Body = Form | Multipart | Raw


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request, relative to the provider's `base_url`."""

    method: str
    path: str
    """Joined to the path of `base_url` with one slash; not yet percent-encoded."""
    query: tuple[tuple[str, Text], ...] = ()
    headers: tuple[tuple[str, Text], ...] = ()
    body: Body | None = None


class Response(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A complete HTTP answer. An answer that was cut short or too large never becomes one."""

    status: int
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    body: bytes = b""


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a provider made to us."""

    method: str
    query: tuple[tuple[str, str], ...] = ()
    content_type: str = ""
    body: bytes = b""


# -- what a plugin is asked to do ------------------------------------------------------------------------------------


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a login gave: a token and how long it is good for."""

    token: Secret
    valid_for: timedelta


class Submission(Discreet, frozen=True, kw_only=True, gc=False):
    """One message on its way to one provider."""

    ref: str
    """Our reference of this attempt; unique for ever, at most 32 characters `[0-9a-z]`."""
    message: Message
    to: Msisdn
    network: Network
    segments: Segments | None
    sender: str | None
    """The sender to show: the message's own, or the provider's first configured one."""
    ttl: timedelta | None
    """What is left of the life that the caller set; None when the caller set none.

    Always set for a Viber message with a fallback: the provider must have given it up before the SMS starts.
    """
    callback_url: Secret | None = None
    """Where the provider may report to, when we can be reached from outside; secret, because a token is part of it."""
    send_at: datetime | None = None
    """The provider shall keep it until then (UTC). Only where `ChannelLimits.schedules`, and the route wants it so."""
    send_at_local: datetime | None = None
    """The same on the recipient's clock, without a time zone. Only where `ChannelLimits.schedules_local`."""
    resend: bool = False
    """The provider shall send an SMS if the Viber message does not get through. Only where `ChannelLimits.resends`."""


class Batch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Messages that travel in one request. They share a channel and a batch key; there is at least one."""

    ref: str
    """Our reference of this request; never used for another request. At most 32 characters `[0-9a-z]`."""
    channel: Channel
    items: tuple[Submission, ...]


class Tracked(Discreet, frozen=True, kw_only=True):
    """An accepted message whose reports are still awaited."""

    ids: tuple[str, ...]
    to: Msisdn
    channel: Channel
    accepted_at: float
    """Wall time, seconds since the epoch."""
    ref: str = ""
    """Our reference of the attempt. Where `ids` is empty, the question is asked by it (`Polling.by_reference`)."""
    call_ref: str = ""
    """Our reference of the request in which it travelled, for providers that know only that one."""
    resend: bool = False
    """It was sent with `Submission.resend`: when the Viber message fails, the SMS in its place is still to come."""


class Window(msgspec.Struct, frozen=True):
    """A span of time, both ends in UTC; `start` belongs to it, `end` does not."""

    start: datetime
    end: datetime


# -- what a plugin found in an answer --------------------------------------------------------------------------------


class Oddity(enum.StrEnum):
    """What was strange about an answer that could still be read; counted and logged."""

    IDS_UNMAPPED = "ids_unmapped"
    """Accepted, but it does not tell which id belongs to which message."""
    FOREIGN_ID = "foreign_id"
    """It speaks of an id that was not asked for."""
    WRONG_NUMBER = "wrong_number"
    """It speaks of another number than the one we sent; that part was not used."""
    CODE_AND_TEXT_DISAGREE = "code_and_text_disagree"
    UNDOCUMENTED_CODE = "undocumented_code"
    SESSION_LENGTH = "session_length"


class Each(msgspec.Struct, frozen=True, gc=False):
    """One outcome per message of the batch, in the batch's order."""

    outcomes: tuple[Outcome, ...]


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome for the whole request.

    With `divisible` a refusal may be the fault of a single message that the answer does not name: the engine divides
    the batch and sends the halves, which is safe because nothing was sent.
    """

    outcome: Refused | Unknown
    divisible: bool = False


class SessionExpired(msgspec.Struct, frozen=True, kw_only=True):
    """The session is not valid any more; nothing was done. The engine logs in and repeats once."""

    code: str | None = None
    detail: str = ""


class Resubmit(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was sent, and the same batch in another form may be taken. The engine follows this once per attempt."""

    request: Request
    batch: Batch
    reason: Refused


class Absent(msgspec.Struct, frozen=True):
    """The provider does not know the message. Proof only after `Reconciling.settle` and a second look."""


class Balance(msgspec.Struct, frozen=True):
    """What a provider says of our account; None when it does not tell."""

    money: Money | None


class Incoming(Discreet, frozen=True, kw_only=True):
    """A message that somebody sent to us."""

    id: str
    """The provider's id of it; opaque text."""
    sender: str
    """The number or name that it came from, as the provider writes it."""
    sender_msisdn: Msisdn | None = None
    """The same as a valid number; None when it is not certain which one."""
    to: str
    """Our number or name that it was sent to, as the provider writes it."""
    text: str
    at: datetime | None = None
    """When the provider got it (UTC)."""


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's own figures about a span of time, in its own counting; None where it does not tell.

    They inform people and decide nothing: what the figures count is not said well enough for that.
    """

    sent: int | None = None
    delivered: int | None = None
    errors: int | None = None
    in_process: int | None = None
    expired: int | None = None
    rejected: int | None = None
    total: int | None = None
    total_with_errors: int | None = None
    delivery_ratio: Decimal | None = None


class PriceQuote(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the price list that a provider itself tells; it names a network, or a country as a whole."""

    channel: Channel
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    mccmnc: str | None = None
    mcc: str | None = None
    """The mobile country code, where the provider names no more of the network."""
    price: Money
    """Of one segment, or of one lookup."""
    name: str = ""
    """The provider's own words for what the price is for."""


T_co = TypeVar("T_co", covariant=True)


class Reading(msgspec.Struct, Generic[T_co], frozen=True, gc=False):
    """What was read, and how well."""

    value: T_co
    lenient: bool = False
    """The answer was not valid JSON and was repaired."""
    oddities: tuple[Oddity, ...] = ()


SubmitReading = Reading[Each | Whole | SessionExpired | Resubmit]
LoginReading = Reading[Session | Refused]
PollReading = Reading[tuple[Report, ...] | Refused | SessionExpired]
ReconcileReading = Reading[tuple[Accepted | Absent | Unknown, ...] | Refused | SessionExpired]
BalanceReading = Reading[Balance | Refused | SessionExpired]
CallbackReading = Reading[tuple[Report, ...]]
InboxReading = Reading[tuple[Incoming, ...] | Refused | SessionExpired]
StatisticsReading = Reading[Statistics | Refused | SessionExpired]
PricesReading = Reading[tuple[PriceQuote, ...] | Refused | SessionExpired]
