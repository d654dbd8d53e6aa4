"""Their JSON as values: what an answer says, whatever spelling it comes in."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from pointsman.message import Money
from pointsman.plugin import Json, Unreadable, read_json

REFERENCE_HANDLE: Final = "reference/"
"""Begins the id of a lookup that was taken without telling its id; the rest is our reference.

It is also the path under which such a lookup can be asked for, after `hlr/`.
"""

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_REFERENCE = re.compile(r"[0-9A-Za-z]{1,32}")
_CODE = re.compile(r"(-?[0-9]{1,9})(?:\.0+)?")
_PRICE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,12})?(?:[eE]-[0-9]{1,2})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MCCMNC = re.compile(r"[0-9]{5,6}")
_ADDRESS_OR_KEY = re.compile(r"https?:\\?/\\?/\S+|\b(?:live|test)_\S+", re.IGNORECASE)
"""What the provider's words may repeat of our request and nobody may read: a callback address, a key."""
_LINE_BREAKS = bytes.maketrans(b"\r\n\t", b"   ")
_LOST_PLUS = re.compile(r" (?=[0-9]{2}:?[0-9]{2}$)")
_DETAIL_LENGTH = 200
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says of one lookup, or of a request as a whole."""

    code: str | None = None
    """Its `error` as a plain decimal number; None when it has none that is a number."""
    description: str = ""
    reference: str = ""
    id: str | None = None
    price: Money | None = None


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to the request that creates lookups."""

    top: Answer
    items: tuple[Answer, ...] = ()
    """Empty when the answer speaks of one lookup, or of the request alone."""


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """A lookup with its state, from a status query or a callback."""

    status: str
    """Their word in lower case."""
    id: str | None = None
    reference: str = ""
    msisdn: str = ""
    """Digits only."""
    mccmnc: str | None = None
    ported: bool | None = None
    roaming: bool | None = None
    operator: str | None = None
    at: datetime | None = None


def decode(body: bytes) -> tuple[Json, bool]:
    """Decode an answer; None when it is no JSON at all, and whether it had to be repaired."""
    try:
        return read_json(body)
    except (Unreadable, RecursionError):
        pass
    # A sample of theirs has a line break inside of a key; between values a line break is as good as a blank.
    try:
        return read_json(body.translate(_LINE_BREAKS))[0], True
    except (Unreadable, RecursionError):
        return None, False


def created(value: Json) -> Created | None:
    """Read a decoded answer to a create; None when it is neither an object nor an array."""
    match value:
        case list():
            return Created(top=Answer(), items=_answers(value, ""))
        case dict():
            fields = fold(value)
            result = fields.get("result")
            entries = result if isinstance(result, list) else [result]
            return Created(top=answer(fields), items=_answers(entries, text(fields.get("currency"))))
        case _:
            return None


def _answers(entries: list[Json], currency: str) -> tuple[Answer, ...]:
    return tuple(answer(fold(entry), currency) for entry in entries if isinstance(entry, dict))


def answer(fields: Mapping[str, Json], currency: str = "") -> Answer:
    """Read the folded fields of one answer; `currency` holds where it names none itself."""
    error = text(fields.get("error"))
    number = _CODE.fullmatch(error)
    words = text(first(fields, "errordescription", "message", "description")) or ("" if number else error)
    found = "; ".join(_phrases(fields.get("errors")))
    told = _ADDRESS_OR_KEY.sub("***", f"{words}: {found}" if words and found else words or found)
    return Answer(
        code=str(int(number[1])) if number else None,
        description=told[:_DETAIL_LENGTH],
        reference=text(fields.get("reference")),
        id=provider_id(fields.get("id")),
        price=money(text(fields.get("price")), text(fields.get("currency")) or currency),
    )


def _phrases(value: Json, depth: int = 2) -> tuple[str, ...]:
    """Collect the texts below `errors`, which lists them by field: `{"msisdn": ["is not valid"]}`."""
    match value:
        case str():
            return (value.strip(),)
        case list() if depth:
            return tuple(found for entry in value for found in _phrases(entry, depth - 1))
        case dict() if depth:
            return tuple(
                f"{name} {found}".strip() for name, entry in value.items() for found in _phrases(entry, depth - 1)
            )
        case _:
            return ()


def lookups(value: Json, depth: int = 3) -> tuple[Lookup, ...]:
    """Find every object with a status in a decoded answer or callback, at most `depth` wrappers deep."""
    match value:
        case list() if depth:
            return tuple(found for entry in value for found in lookups(entry, depth - 1))
        case dict():
            fields = fold(value)
            if text(first(fields, "status", "state")):
                return (lookup(fields),)
            wrapped = [inner for inner in value.values() if isinstance(inner, dict | list)]
            return lookups(wrapped, depth - 1) if depth and wrapped else ()
        case _:
            return ()


def lookup(fields: Mapping[str, Json]) -> Lookup:
    """Read the folded fields of one lookup.

    What a callback carries is not published, so the names of related interfaces are understood too.
    """
    network = text(first(fields, "network", "networkcode", "mccmnc")) or (
        text(fields.get("mcc")) + text(fields.get("mnc"))
    )
    return Lookup(
        status=text(first(fields, "status", "state")).lower(),
        id=provider_id(first(fields, "id", "hlrid", "queryid")),
        reference=reference_of(first(fields, "reference", "externalid", "extid")),
        msisdn=re.sub(r"[^0-9]", "", text(first(fields, "msisdn", "phone", "number", "to"))),
        mccmnc=network if _MCCMNC.fullmatch(network) else None,
        ported=_flag(first(fields, "detailsported", "ported")),
        roaming=_flag(first(fields, "detailsroaming", "roaming")),
        operator=text(first(fields, "brandname", "brand", "operator"))[:_DETAIL_LENGTH] or None,
        at=_moment(text(first(fields, "statusdatetime", "statusdate"))),
    )


def fold(value: Mapping[str, Json]) -> dict[str, Json]:
    """Bring keys to one spelling: lower case, letters and digits only; `details.ported` becomes `detailsported`.

    One of the documented samples has a key with a leading blank, and callbacks may use any case.
    """
    folded: dict[str, Json] = {}
    for key, held in value.items():
        name = _plain(key)
        folded.setdefault(name, held)
        if isinstance(held, dict):
            for inner_key, inner in held.items():
                folded.setdefault(name + _plain(inner_key), inner)
    return folded


def text(value: Json) -> str:
    """A scalar as text without blanks around it; empty for anything else.

    Numbers come as strings in the documented samples and as numbers from some servers.
    """
    match value:
        case str():
            return value.strip()
        case bool():
            return str(value).lower()
        case int() if abs(value) < 10**30:
            return str(value)
        case float():
            return repr(value)
        case _:
            return ""


def provider_id(value: Json) -> str | None:
    """An id that can stand in a path; None for one that is missing or is no such text."""
    spelt = text(value)
    return spelt if _ID.fullmatch(spelt) else None


def reference_of(value: Json) -> str:
    """A reference as the provider allows one; empty for one that is missing or is no such text."""
    spelt = text(value)
    return spelt if _REFERENCE.fullmatch(spelt) else ""


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def first(fields: Mapping[str, Json], *names: str) -> Json:
    """Return the first of these folded fields that holds something."""
    return next((fields[name] for name in names if text(fields.get(name))), None)


def money(amount: str, currency: str) -> Money | None:
    """An exact amount; None for what is no price or names no currency."""
    if not _PRICE.fullmatch(amount) or not _CURRENCY.fullmatch(currency):
        return None
    return Money(amount=Decimal(amount), currency=currency)


def _flag(value: Json) -> bool | None:
    return _FLAGS.get(text(value).lower())


def _moment(spelt: str) -> datetime | None:
    """A time with its zone; in a query string the `+` of the zone often arrives as a blank."""
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub("+", spelt) if "T" in spelt else spelt)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
