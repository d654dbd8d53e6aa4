"""What Devino's bytes say: their JSON, dates, ids, prices and errors as Structs, with the document's damage tolerated.

Nothing here raises for anything that a server may send: what cannot be read is None.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from pointsman.plugin import Json, Unreadable, read_json

LONGEST_DETAIL = 500


class Error(msgspec.Struct, frozen=True):
    """`{Code, Desc}`: their error body."""

    code: int
    detail: str


class SmsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `Sms/State` about one segment, and that part of the answer of `Viber/State` which is the same."""

    state: int
    description: str = ""
    at: datetime | None = None
    """The most telling of its four dates: reported, else report received, else submitted, else created."""
    price: Decimal | None = None


class ViberAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `Viber/State` about one message."""

    own: SmsAnswer
    """Of the Viber message itself; its state is one of Viber's."""
    resent: tuple[SmsAnswer, ...] = ()
    """The segments of the SMS that the provider sent in its place."""


class HlrAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One object of the answer of `Hlr/State`."""

    id: str
    state: int
    description: str = ""
    number: str = ""
    country: str = ""
    operator: str = ""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer after decoding."""

    text: str
    """All of it, without byte order mark and outer white space."""
    json: Json = None
    is_json: bool = False
    error: Error | None = None
    lenient: bool = False
    """It was not valid JSON and was repaired, or only its error code could be found."""


_ERROR_CODE = re.compile(r'\bCode"?\s*:\s*"?(-?\d{1,9})(?!\d)', re.IGNORECASE)
_ERROR_TEXT = re.compile(r'\bDesc"?\s*:', re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"-?\d{1,9}")
_AMOUNT = re.compile(r"-?\d{1,15}(?:[.,]\d{1,9})?")
_DATE = re.compile(r"Date\((-?\d{1,17})(?:[+-]\d{4})?\)")
_OPAQUE = re.compile(r"[!-~]{1,128}")
_TOKEN = re.compile(r"[0-9A-Za-z_.~+/=-]{1,256}")
_LARGEST = 10**30
"""No id or number is longer; Python itself refuses to print integers of thousands of digits."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_body(content: bytes) -> Body:
    """Decode a body and find the error in it, if it is one, in any of the spellings that occur."""
    text = content.decode("utf-8", "replace").lstrip("\ufeff").strip()
    try:
        value, lenient = read_json(content)
    except (Unreadable, RecursionError):
        # The last resort is for what was meant as an object: a page of HTML or half a list may hold such words too.
        error = _error_in_text(text) if text.startswith(("{", "Code")) else None
        return Body(text=text, error=error, lenient=error is not None)
    return Body(text=text, json=value, is_json=True, error=_error_in_object(value), lenient=lenient)


def _error_in_object(value: Json) -> Error | None:
    fields = fields_of(value)
    code = whole_number(fields.get("code"))
    return None if code is None else Error(code, plain(fields.get("desc"))[:LONGEST_DETAIL])


def _error_in_text(text: str) -> Error | None:
    code = _ERROR_CODE.search(text)
    if code is None:
        return None
    found = _ERROR_TEXT.search(text)
    detail = text[found.end() :].strip().removesuffix("}").strip().strip('"') if found else ""
    return Error(int(code.group(1)), detail[:LONGEST_DETAIL])


def fields_of(value: Json) -> Mapping[str, Json]:
    """Return an object's fields by lower-case name: their spelling varies between the document's own pages."""
    return {str(key).strip().lower(): field for key, field in value.items()} if isinstance(value, dict) else {}


def plain(value: Json) -> str:
    """Return text, or a number as text; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return str(value)
    return value if isinstance(value, str) else ""


def whole_number(value: Json) -> int | None:
    """Return a whole number that came as a number or as text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 10**9 else None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        return int(value)
    return None


def amount(value: Json) -> Decimal | None:
    """Return an amount that came as a number or as text, with a point or a comma; None for anything else."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.isascii() or not _AMOUNT.fullmatch(text.strip()):
        return None
    return Decimal(text.strip().replace(",", "."))


def moment(value: Json) -> datetime | None:
    """Return the UTC time of `/Date(ms)/`; None for anything else and for .NET's smallest date, which means no date.

    An offset in it says where the clock stood; the milliseconds count from 1970 in UTC all the same.
    """
    found = _DATE.search(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        at = _EPOCH + timedelta(milliseconds=int(found.group(1)))
    except OverflowError:
        return None
    return at if at.year > 1 else None


def message_id(value: Json) -> str | None:
    """Return an opaque id as text; None for what cannot be one. A number is kept digit by digit."""
    text = plain(value)
    return text if _OPAQUE.fullmatch(text) else None


def read_ids(body: Body) -> tuple[str, ...] | None:
    """Return the ids of a successful submit; None when the body is not a list of ids."""
    if not isinstance(body.json, list):
        return None
    ids = [message_id(value) for value in body.json]
    known = tuple(value for value in ids if value is not None)
    return known if ids and len(known) == len(ids) else None


def read_token(body: Body) -> str | None:
    """Return the session id: a quoted string that the document itself calls not JSON, so bare text will do."""
    if body.is_json and not isinstance(body.json, str):
        return None
    token = (body.json if body.is_json else body.text).strip().strip('"').strip()
    return token if _TOKEN.fullmatch(token) else None


def says_nothing(body: Body) -> bool:
    """Say whether a body is blank: nothing at all, an empty string or null."""
    return body.text.strip('" ') == "" or (body.is_json and body.json is None)


def read_balance(body: Body) -> Decimal | None:
    """Return the balance: a bare or quoted number; None when the body is something else."""
    return amount(body.json if isinstance(body.json, str) else body.text)


def read_sms_state(body: Body) -> SmsAnswer | None:
    """Return the state of a segment; None when the body holds none."""
    return _state_in(fields_of(body.json))


def read_viber_state(body: Body) -> ViberAnswer | None:
    """Return the state of a Viber message and of the SMS in its place; None when the body holds none."""
    fields = fields_of(body.json)
    own = _state_in(fields)
    if own is None:
        return None
    parts = (_state_in(fields_of(row)) for row in rows_of(fields.get("resentsms")))
    return ViberAnswer(own=own, resent=tuple(part for part in parts if part is not None))


def rows_of(value: Json) -> list[Json]:
    """Return the rows of a list, a single object as a list of one; none of anything else."""
    return [value] if isinstance(value, dict) else value if isinstance(value, list) else []


def _state_in(fields: Mapping[str, Json]) -> SmsAnswer | None:
    state = whole_number(fields.get("state"))
    if state is None:
        return None
    return SmsAnswer(
        state=state,
        description=plain(fields.get("statedescription"))[:LONGEST_DETAIL],
        at=_first_moment(
            fields.get(name) for name in ("reporteddateutc", "timestamputc", "submitteddateutc", "creationdateutc")
        ),
        price=amount(fields.get("price")),
    )


def _first_moment(values: Iterable[Json]) -> datetime | None:
    return next((at for at in map(moment, values) if at is not None), None)


def read_hlr_states(body: Body) -> tuple[HlrAnswer, ...] | None:
    """Return the lookups that an answer speaks of; None when it is not a list of objects (or one object)."""
    rows = [body.json] if isinstance(body.json, dict) else body.json
    if not isinstance(rows, list):
        return None
    answers = tuple(answer for answer in map(_hlr_state, rows) if answer is not None)
    return answers if answers or not rows else None


def _hlr_state(row: Json) -> HlrAnswer | None:
    fields = fields_of(row)
    about, state = message_id(fields.get("messageid")), whole_number(fields.get("statecode"))
    if about is None or state is None:
        return None
    return HlrAnswer(
        id=about,
        state=state,
        description=plain(fields.get("statedesc"))[:LONGEST_DETAIL],
        number=plain(fields.get("destinationaddress")),
        country=plain(fields.get("country")),
        operator=plain(fields.get("mobileoperator")),
    )
