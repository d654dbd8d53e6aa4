"""What is sent: messages, their numbers, networks, segments, classes and prices."""

import enum
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NewType

import msgspec

from pointsman.secret import Discreet

Msisdn = NewType("Msisdn", str)
"""A recipient in E.164: 7 to 15 digits, no leading zero, no plus sign. Only `text.msisdn` makes them."""


class Channel(enum.StrEnum):
    """Which of the three services a message uses."""

    SMS = "sms"
    VIBER = "viber"
    HLR = "hlr"


class MessageClass(enum.StrEnum):
    """How urgent a message is and what its loss costs; decides time limits and what an unknown outcome leads to."""

    OTP = "otp"
    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"


class Alphabet(enum.StrEnum):
    """How the characters of an SMS travel (3GPP TS 23.038)."""

    GSM7 = "GSM7"
    UCS2 = "UCS2"


class Segments(msgspec.Struct, frozen=True, gc=False):
    """How a text is cut into parts of an SMS.

    `units` are septets (GSM7; an extension character is two) or UTF-16 code units (UCS2).
    """

    alphabet: Alphabet
    units: int
    count: int


class NetworkSource(enum.StrEnum):
    """How we came to know a network, from the weakest evidence to the strongest."""

    COUNTRY = "country"
    RANGE = "range"
    HLR = "hlr"


class Network(msgspec.Struct, frozen=True, gc=False):
    """The network that serves a number, as far as it is known."""

    country: str | None = None
    """ISO 3166-1 alpha-2, such as `RU`; None for numbers of no single country."""
    mccmnc: str | None = None
    """Mobile country and network code as digits, such as `25001`; kept as text because zeros lead."""
    source: NetworkSource = NetworkSource.COUNTRY


class Money(msgspec.Struct, frozen=True, gc=False):
    """An exact amount of one currency (ISO 4217 alpha-3)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class FallbackBy(enum.StrEnum):
    """Who sends the SMS when a Viber message did not get through; never both."""

    ROUTER = "router"
    """We do, as a message of its own over any provider of SMS."""
    PROVIDER = "provider"
    """The provider of the Viber message does, with the same text; only providers that offer it are candidates."""


class FallbackTrigger(enum.StrEnum):
    """What of a Viber message makes the router send the SMS instead."""

    FAILED = "failed"
    """Nobody took it."""
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SILENT = "silent"
    """Its life and the margin after it are over, and nobody said that it was delivered."""


class Fallback(Discreet, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """An SMS that takes the place of a Viber message which did not get through."""

    text: str | None = None
    """None: the text of the Viber message."""
    sender: str | None = None
    """None: the sender of the Viber message."""
    by: FallbackBy = FallbackBy.ROUTER
    on: frozenset[FallbackTrigger] = frozenset(FallbackTrigger)
    """What starts the SMS where the router sends it; `by = "provider"` leaves this to the provider."""
    ttl: timedelta | None = None
    """The life of the SMS, from its own start."""
    transliterate: bool = False


class Sms(
    Discreet,
    frozen=True,
    tag="sms",
    tag_field="channel",
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """A text message.

    `ttl` limits its life over all attempts; after that it is worthless and is not sent any more.
    `sender` may be left to the configuration of the provider that is chosen.
    `reference` is the caller's own name for it; it is kept and returned, not sent.
    """

    to: str
    text: str
    sender: str | None = None
    message_class: MessageClass = msgspec.field(default=MessageClass.TRANSACTIONAL, name="class")
    ttl: timedelta | None = None
    """Counts from the moment when it may be sent."""
    reference: str | None = None
    tags: tuple[str, ...] = ()
    send_at: datetime | None = None
    """Not before this moment; it must say its time zone."""
    send_at_local: datetime | None = None
    """Not before this time on the recipient's clock; it must not say a time zone. Excludes `send_at`."""
    flash: bool = False
    """Shown at once and not kept (class 0); only providers that offer it are candidates."""
    transliterate: bool = False
    """Write Cyrillic in Latin letters before segments are counted."""


class Viber(
    Discreet,
    frozen=True,
    tag="viber",
    tag_field="channel",
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """A Viber message; the fields mean what they mean for an SMS."""

    to: str
    text: str
    sender: str | None = None
    message_class: MessageClass = msgspec.field(default=MessageClass.TRANSACTIONAL, name="class")
    ttl: timedelta | None = None
    reference: str | None = None
    tags: tuple[str, ...] = ()
    send_at: datetime | None = None
    send_at_local: datetime | None = None
    fallback: Fallback | None = None
    """An SMS in its place when it does not get through."""


class HlrLookup(
    Discreet,
    frozen=True,
    tag="hlr",
    tag_field="channel",
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """A question to the home location register: does the number exist, is it on, which network serves it."""

    to: str
    message_class: MessageClass = msgspec.field(default=MessageClass.TRANSACTIONAL, name="class")
    ttl: timedelta | None = None
    reference: str | None = None
    tags: tuple[str, ...] = ()


Message = Sms | Viber | HlrLookup


def channel_of(message: Message) -> Channel:
    """Return the channel of a message."""
    match message:
        case Sms():
            return Channel.SMS
        case Viber():
            return Channel.VIBER
        case HlrLookup():
            return Channel.HLR


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Who brought a message in, and where its news go."""

    client: str
    """The name of a client in the configuration."""
    callback_url: str | None = None
    """Where the client is told what becomes of it; None: nowhere."""


class Envelope(Discreet, frozen=True, kw_only=True, gc=False):
    """A message after parsing, with all that is known of it before routing; one that exists is valid.

    Times are wall time in seconds since the epoch.
    """

    id: str
    """28 hexadecimal digits, in order of time."""
    message: Message
    channel: Channel
    to: Msisdn
    network: Network
    segments: Segments | None
    """None for what has no text."""
    accepted_at: float
    deadline: float
    """No attempt starts after this."""
    due: float = 0.0
    """No attempt starts before this, unless the provider keeps the schedule."""
    local: datetime | None = None
    """`due` on the recipient's clock, without a time zone; only where the caller gave it so."""
    parent: str | None = None
    """The Viber message in whose place this SMS is sent."""
    origin: Origin | None = None
    """None for what the program sends in which the router lives."""

    @property
    def parts(self) -> int:
        """What it counts as for prices and limits: the segments of an SMS; anything else is one."""
        return self.segments.count if self.segments is not None and self.channel is Channel.SMS else 1
