"""Reads the parameters of a call in the order in which the document's examples show them being checked."""

import re
from collections.abc import Container
from datetime import datetime, timedelta, timezone

import msgspec

from pointsman.message import Channel
from pointsman.sandbox import Pair, Params, read_form
from pointsman_smstele.sandbox.refusals import Refusal, Rejected

CHARSETS = {"windows-1251": "cp1251", "utf-8": "utf-8", "koi8-r": "koi8-r"}
"""The documented names and what Python calls them; the first is the default."""
MOSCOW_TIME = timezone(timedelta(hours=3))
LONGEST_VIBER_VALIDITY = 86_400
"""Seconds."""

_PHONE = re.compile(r"[1-9][0-9]{6,14}")
_SENDER = re.compile(r"[0-9]{1,15}|[A-Za-z0-9 ._\-&!+*/()#]{1,11}")
_LIST = re.compile("[,;]")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What `sendsms` is asked to do, checked."""

    channel: Channel
    phones: tuple[str, ...]
    text: str
    """Empty for lookups, whatever came with them."""
    id: str | None
    """None leaves the choice to the provider."""
    sender: str | None
    translit: bool
    flash: bool
    """To be shown at once and not kept; of SMS only."""
    due_at: float | None
    """Wall time for which the message was deferred."""
    viber_life: float | None
    """Seconds, of Viber messages only: the life of an SMS has no documented unit and is not acted upon."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What `status` is asked for; at least one is given."""

    id: str | None
    phone: str | None


def decode(query: bytes, body: bytes) -> list[Pair]:
    """Decode both in the charset that a parameter declares, wherever it stands; windows-1251 when none does."""
    declared = Params(read_form(query, "latin-1") + read_form(body, "latin-1")).first("charset")
    codec = CHARSETS.get((declared or "").lower(), CHARSETS["windows-1251"])
    return read_form(query, codec) + read_form(body, codec)


def check_credentials(params: Params, login: str, password: str) -> None:
    """Let the one account in. Raises `Rejected`."""
    if not params.first("login"):
        raise Rejected(Refusal.MISSING_LOGIN)
    if not params.first("psw"):
        raise Rejected(Refusal.MISSING_PASSWORD)
    if (params.first("login"), params.first("psw")) != (login, password):
        raise Rejected(Refusal.BAD_CREDENTIALS)


def read_order(params: Params, *, longest_id: int, senders: Container[str]) -> Order:
    """Read the parameters of `sendsms` but the credentials. Raises `Rejected` for the first that is wrong."""
    client_id = _id(params, longest_id)
    phones = _phones(params)
    lookup = params.first("hlr") == "1"
    text = "" if lookup else _text(params)
    charset = params.first("charset")
    if charset is not None and charset.lower() not in CHARSETS:
        raise Rejected(Refusal.INVALID_CHARSET, f"charset={charset}")
    sender = _sender(params, senders)
    due_at = _deferred(params)
    _whole_number(params, "validity")
    viber_life = _whole_number(params, "viber_validity", LONGEST_VIBER_VALIDITY)
    channel = Channel.HLR if lookup else Channel.VIBER if params.first("viber") == "1" else Channel.SMS
    return Order(
        channel=channel,
        viber_life=viber_life if channel is Channel.VIBER else None,
        phones=phones,
        text=text,
        id=client_id,
        sender=sender,
        translit=params.first("translit") == "1",
        flash=channel is Channel.SMS and params.first("flash") == "1",
        due_at=due_at,
    )


def read_question(params: Params) -> Question:
    """Read the parameters of `status` but the credentials. Raises `Rejected` when there is nothing to look for."""
    question = Question(id=params.first("id"), phone=params.first("phone"))
    if not question.id and not question.phone:
        raise Rejected(Refusal.MISSING_ID, "id")
    return question


def _id(params: Params, longest: int) -> str | None:
    client_id = params.first("id")
    if client_id is not None and not 0 < len(client_id) <= longest:
        raise Rejected(Refusal.INVALID_ID, f"id={client_id}")
    return client_id


def _phones(params: Params) -> tuple[str, ...]:
    phones = params.first("phones")
    if phones is None:
        raise Rejected(Refusal.MISSING_PHONES, "phones")
    numbers = tuple(_LIST.split(phones))
    if not all(_PHONE.fullmatch(number) for number in numbers):
        raise Rejected(Refusal.INVALID_PHONES, f"phones={phones}")
    return numbers


def _text(params: Params) -> str:
    text = params.first("mes")
    if not text:
        raise Rejected(Refusal.MISSING_TEXT, "mes")
    return text


def _sender(params: Params, registered: Container[str]) -> str | None:
    sender = params.first("sender")
    if sender is None:
        return None
    if not _SENDER.fullmatch(sender):
        raise Rejected(Refusal.INVALID_SENDER, f"sender={sender}")
    if sender not in registered:
        raise Rejected(Refusal.SENDER_NOT_ALLOWED, sender)
    return sender


def _deferred(params: Params) -> float | None:
    deferred = params.first("deferred")
    if deferred is None:
        return None
    try:
        return datetime.strptime(deferred, "%Y-%m-%d %H:%M:%S").replace(tzinfo=MOSCOW_TIME).timestamp()
    except ValueError:
        raise Rejected(Refusal.INVALID_DEFERRED, f"deferred={deferred}") from None


def _whole_number(params: Params, name: str, largest: int | None = None) -> int | None:
    value = params.first(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal()) or (largest is not None and int(value) > largest):
        raise Rejected(Refusal.INVALID_VALIDITY, f"{name}={value}")
    return int(value)
