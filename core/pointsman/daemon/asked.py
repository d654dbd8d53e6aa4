"""What clients send, as Structs: the names of the API, and how they become messages of ours."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from pointsman.config.values import LONGEST_LIFE, parse_duration
from pointsman.errors import InvalidMessage
from pointsman.message import (
    Fallback,
    FallbackBy,
    FallbackTrigger,
    HlrLookup,
    Message,
    MessageClass,
    Sms,
    Viber,
)

MOST_MESSAGES = 1000
"""In one array."""
_ISO = re.compile(r"PT?(?=\d)(?:(\d{1,4})D)?T?(?:(\d{1,5})H)?(?:(\d{1,7})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?", re.ASCII)

Number = Annotated[
    str,
    msgspec.Meta(max_length=40, description="The recipient, with or without `+`; national numbers are read by region."),
]
Text = Annotated[str, msgspec.Meta(max_length=50_000)]
SenderId = Annotated[str, msgspec.Meta(max_length=40, description="At most 11 letters and digits, or 15 digits.")]
Reference = Annotated[
    str, msgspec.Meta(min_length=1, max_length=255, description="Your own name for it; it is kept and returned.")
]
Tags = Annotated[tuple[Annotated[str, msgspec.Meta(max_length=64)], ...], msgspec.Meta(max_length=32)]
CallbackUrl = Annotated[
    str, msgspec.Meta(max_length=2048, description="Where you are told what becomes of it; `https://…`.")
]
Ttl = Annotated[
    float | str,
    msgspec.Meta(description='How long it is worth sending: seconds, `"5m"`, `"1h30m"` or ISO 8601 such as `"PT5M"`.'),
]
Zoned = Annotated[datetime, msgspec.Meta(tz=True, description="Not before this moment (RFC 3339, with its zone).")]
Local = Annotated[
    datetime,
    msgspec.Meta(tz=False, description="Not before this time on the recipient's clock; without a zone."),
]


class FallbackRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An SMS in place of a Viber message that does not get through."""

    text: Text | None = None
    sender: SenderId | None = None
    by: FallbackBy = FallbackBy.ROUTER
    on: frozenset[FallbackTrigger] | None = None
    ttl: Ttl | None = None
    transliterate: bool = False


class SmsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sms", tag_field="channel"):
    """A text message; the channel of what names none."""

    to: Number
    text: Text
    sender: SenderId | None = None
    message_class: MessageClass = msgspec.field(default=MessageClass.TRANSACTIONAL, name="class")
    ttl: Ttl | None = None
    send_at: Zoned | None = None
    send_at_local: Local | None = None
    reference: Reference | None = None
    callback_url: CallbackUrl | None = None
    tags: Tags = ()
    flash: bool = False
    transliterate: bool = False


class ViberRequest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="viber", tag_field="channel"
):
    """A Viber message."""

    to: Number
    text: Text
    sender: SenderId | None = None
    message_class: MessageClass = msgspec.field(default=MessageClass.TRANSACTIONAL, name="class")
    ttl: Ttl | None = None
    send_at: Zoned | None = None
    send_at_local: Local | None = None
    reference: Reference | None = None
    callback_url: CallbackUrl | None = None
    tags: Tags = ()
    fallback: FallbackRequest | None = None


class HlrRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="hlr", tag_field="channel"):
    """A lookup as a message; `POST /v1/lookups` takes the same without `channel`."""

    to: Number
    message_class: MessageClass = msgspec.field(default=MessageClass.TRANSACTIONAL, name="class")
    ttl: Ttl | None = None
    reference: Reference | None = None
    callback_url: CallbackUrl | None = None
    tags: Tags = ()


class LookupRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lookup."""

    to: Number
    message_class: MessageClass = msgspec.field(default=MessageClass.TRANSACTIONAL, name="class")
    ttl: Ttl | None = None
    reference: Reference | None = None
    callback_url: CallbackUrl | None = None
    tags: Tags = ()


MessageRequest = SmsRequest | ViberRequest | HlrRequest


class ReferenceQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages are asked for."""

    reference: Reference
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class InboxQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incoming messages are asked for; `until` does not belong to the span."""

    provider: Annotated[str, msgspec.Meta(max_length=32)]
    since: Annotated[datetime, msgspec.Meta(tz=True)]
    until: Annotated[datetime, msgspec.Meta(tz=True)]


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a stream begins, for those who cannot set the header `Last-Event-ID`."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None


class NoQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No parameters."""


class AnyQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters that are somebody else's."""


class NoPath(msgspec.Struct, frozen=True, kw_only=True):
    """A path without variables."""


class MessagePath(msgspec.Struct, frozen=True, kw_only=True):
    """A message."""

    id: Annotated[str, msgspec.Meta(max_length=64)]


class NumberPath(msgspec.Struct, frozen=True, kw_only=True):
    """A number."""

    msisdn: Number


class ProviderPath(msgspec.Struct, frozen=True, kw_only=True):
    """A provider."""

    name: Annotated[str, msgspec.Meta(max_length=64)]


class CallbackPath(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that reports, and its secret."""

    provider: Annotated[str, msgspec.Meta(max_length=64)]
    token: Annotated[str, msgspec.Meta(max_length=256)]


class DrainRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a provider is taken out of use."""

    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class DeadQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which news that could not be posted are asked for."""

    client: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    after: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


class RetryRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which news are to be posted again: those named, or all of a client."""

    seqs: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=2**62)], ...], msgspec.Meta(max_length=1000)] = ()
    client: Annotated[str, msgspec.Meta(max_length=32)] | None = None


class Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No body, or an empty object."""


def message_of(request: MessageRequest | LookupRequest) -> Message:
    """Return the message. Raises `InvalidMessage`."""
    ttl = _life("ttl", request.ttl)
    match request:
        case SmsRequest():
            return Sms(
                **_common(request, ttl), **_later(request), flash=request.flash, transliterate=request.transliterate
            )
        case ViberRequest():
            return Viber(**_common(request, ttl), **_later(request), fallback=_fallback(request.fallback))
        case HlrRequest() | LookupRequest():
            return HlrLookup(**_common(request, ttl))


def _common(request: MessageRequest | LookupRequest, ttl: timedelta | None) -> dict[str, Any]:
    return {
        "to": request.to,
        "message_class": request.message_class,
        "ttl": ttl,
        "reference": request.reference,
        "tags": request.tags,
    }


def _later(request: SmsRequest | ViberRequest) -> dict[str, Any]:
    return {
        "text": request.text,
        "sender": request.sender,
        "send_at": request.send_at,
        "send_at_local": request.send_at_local,
    }


def _fallback(request: FallbackRequest | None) -> Fallback | None:
    if request is None:
        return None
    return Fallback(
        text=request.text,
        sender=request.sender,
        by=request.by,
        on=request.on if request.on is not None else frozenset(FallbackTrigger),
        ttl=_life("fallback.ttl", request.ttl),
        transliterate=request.transliterate,
    )


def _life(field: str, given: float | str | None) -> timedelta | None:
    if given is None:
        return None
    seconds = _seconds(given) if isinstance(given, str) else float(given)
    if seconds is None:
        raise InvalidMessage(field, 'is no duration; write seconds, "5m", "1h30m" or "PT5M"')
    if not 0 < seconds <= LONGEST_LIFE:
        raise InvalidMessage(field, "must be longer than zero and at most 30 days")
    return timedelta(seconds=seconds)


def _seconds(text: str) -> float | None:
    found = _ISO.fullmatch(text)
    if found is not None and any(found.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + seconds
    try:
        return float(parse_duration(text[:40]))
    except ValueError:
        return None
