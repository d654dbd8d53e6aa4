"""Reads `hlr/create` in every shape in which clients are known to send it, and judges what it holds."""

import re
from collections.abc import Collection, Iterable

import msgspec

from pointsman.sandbox import Pair, Params, read_form, read_multipart
from pointsman_affiliate_hlr.sandbox.codes import Code
from pointsman_affiliate_hlr.sandbox.directory import LAST_TARIFF, STANDARD_TARIFF

_MSISDN = re.compile(r"[1-9][0-9]{6,14}")
_REFERENCE = re.compile(r"[A-Za-z0-9]{1,32}")


class Item(msgspec.Struct, frozen=True):
    """One lookup as it was written; numbers are as good as text. Other keys are ignored."""

    msisdn: str | int | None = None
    reference: str | int | None = None
    tariff: str | int | None = None
    callback_url: str | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One lookup, checked."""

    msisdn: str
    reference: str
    tariff: int
    callback_url: str | None


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong with an item: its code in a single request, and how error 14 describes it in a batch."""

    code: Code
    payload: str
    reference: str


class Intake(msgspec.Struct, frozen=True):
    """The items of one request, and whether they came as an array."""

    items: tuple[Item, ...]
    batch: bool


class BadPayload(ValueError):
    """The request as a whole cannot be read; the text follows `Incorrect payload: `."""


class _Envelope(msgspec.Struct, frozen=True):
    """A JSON object that holds the parameter `payload`, decoded or as text."""

    payload: tuple[Item, ...] | str


def looks_like_json(body: bytes) -> bool:
    """Tell raw JSON from form fields, since the header cannot be trusted."""
    return body.lstrip()[:1] in (b"{", b"[")


def read_pairs(query: bytes, body: bytes, content_type: str) -> list[Pair]:
    """Decode what is not JSON: query, `multipart/form-data` and urlencoded fields."""
    pairs = read_form(query)
    if not body or looks_like_json(body):
        return pairs
    fields = read_multipart(body, content_type)
    return pairs + (read_form(body) if fields is None else fields)


def read_intake(params: Params, body: bytes) -> Intake:
    """Read the items. Raises `BadPayload` when there is JSON that cannot be read as one or several items."""
    payload = params.first("payload")
    if payload is not None:
        return Intake(_array(payload.encode()), batch=True)
    if looks_like_json(body):
        return _read_json(body)
    fields = {name: params.first(name) for name in Item.__struct_fields__}
    return Intake((Item(**fields),), batch=False)


def _read_json(body: bytes) -> Intake:
    if body.lstrip().startswith(b"["):
        return Intake(_array(body), batch=True)
    try:
        return Intake(_array_of(msgspec.json.decode(body, type=_Envelope).payload), batch=True)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadPayload("invalid JSON") from None
    try:
        return Intake((msgspec.json.decode(body, type=Item),), batch=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadPayload("invalid structure") from None


def _array_of(payload: tuple[Item, ...] | str) -> tuple[Item, ...]:
    return _array(payload.encode()) if isinstance(payload, str) else payload


def _array(text: bytes) -> tuple[Item, ...]:
    try:
        items = msgspec.json.decode(text, type=tuple[Item, ...])
    except msgspec.ValidationError:
        raise BadPayload("invalid structure") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadPayload("invalid JSON") from None
    if not items:
        raise BadPayload("empty array")
    return items


def examine(item: Item, bad_numbers: Collection[str] = ()) -> Wanted | Flaw:
    """Check one item; `bad_numbers` are incorrect however well formed they are."""
    msisdn, reference = _text(item.msisdn), _text(item.reference)
    tariff = _text(item.tariff)
    if not msisdn:
        return Flaw(Code.INCORRECT_MSISDN, "missing msisdn", reference)
    if not reference:
        return Flaw(Code.REFERENCE_ABSENT, "missing reference", reference)
    if not _MSISDN.fullmatch(msisdn) or msisdn in bad_numbers:
        return Flaw(Code.INCORRECT_MSISDN, "incorrect msisdn", reference)
    if not _REFERENCE.fullmatch(reference):
        return Flaw(Code.INVALID_REFERENCE, "incorrect reference", reference)
    if tariff and not (tariff.isascii() and tariff.isdecimal() and int(tariff) <= LAST_TARIFF):
        return Flaw(Code.INVALID_TARIFF, "incorrect tariff", reference)
    return Wanted(
        msisdn=msisdn,
        reference=reference,
        tariff=int(tariff) if tariff else STANDARD_TARIFF,
        callback_url=item.callback_url,
    )


def first_flaw(examined: Iterable[Wanted | Flaw]) -> Flaw | None:
    """Return the first item that is not in order."""
    return next((each for each in examined if isinstance(each, Flaw)), None)


def _text(value: str | int | None) -> str:
    return "" if value is None else str(value)
