"""SMStele's answers as values, however the server spells them.

The document shows every number as a string and omits keys at will, so each answer is first reduced to trimmed texts
under lower-case keys and only then given its shape. A row that cannot be used is never guessed at: it is left out.
"""

import enum
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from pointsman.plugin import Json, Unreadable, read_json

NO_INFORMATION = -99
"""What the document's examples show in `status`, `error` and `err` of messages that went well; no table lists it."""


_NO_ERROR = frozenset({"0", str(NO_INFORMATION)})


class Stat(enum.StrEnum):
    """The field `stat` of a status row: the delivery states of SMPP 3.4."""

    ENROUTE = "ENROUTE"
    ACCEPTD = "ACCEPTD"
    DELIVRD = "DELIVRD"
    UNDELIV = "UNDELIV"
    EXPIRED = "EXPIRED"
    REJECTD = "REJECTD"
    DELETED = "DELETED"
    UNKNOWN = "UNKNOWN"


class ErrorAnswer(msgspec.Struct, frozen=True):
    """A request that was turned down as a whole."""

    code: str
    """As written; documented codes are zero or negative."""
    description: str


class SentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message in the answer of `sendsms`."""

    id: str
    phone: str
    error: int
    parts: int | None
    """Of `cnt`."""
    operator: str
    """Empty when the provider's number plan does not know the number."""
    mnc: str


class SendAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `sendsms` to a request that was taken."""

    count: int | None
    """Of the outer `cnt`; whether it counts recipients or parts is not documented."""
    rows: tuple[SentRow, ...]


class StatusRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message in the answer of `status`."""

    id: str
    phone: str
    stat: str
    error: int
    """Of `err`."""
    at: datetime | None
    """Of `last_timestamp`; None when it is missing or has no time zone."""
    operator: str
    mnc: str


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `status`."""

    rows: tuple[StatusRow, ...]
    complete: bool
    """False when a row could not be used or the list is not closed: then what is not listed may still exist."""


def read_send(body: bytes) -> tuple[SendAnswer | ErrorAnswer | None, bool]:
    """Read the body of `sendsms`; None when it is neither of its two forms. Says also whether it was repaired."""
    answer, lenient = _object(body)
    fields = _texts(answer)
    error = _error(fields)
    rows = answer.get("messages")
    match rows:
        case list() if error is None or error.code in _NO_ERROR:
            found, _ = _rows(rows, _sent_row(fields.get("id", "")))
            return SendAnswer(count=_number(fields.get("cnt", "")), rows=found), lenient
        case None:
            return error, lenient
        case _:
            return None, lenient


def read_status(body: bytes) -> tuple[StatusAnswer | ErrorAnswer | None, bool]:
    """Read the body of `status`; None when it is neither of its two forms. Says also whether it was repaired."""
    answer, lenient = _object(body)
    error = _error(_texts(answer))
    rows = answer.get("results")
    match rows:
        case list() if error is None or error.code in _NO_ERROR:
            found, all_used = _rows(rows, _status_row)
            complete = all_used and (not lenient or _list_is_closed(body))
            return StatusAnswer(rows=found, complete=complete), lenient
        case None:
            return error, lenient
        case _:
            return None, lenient


def _object(body: bytes) -> tuple[dict[str, Json], bool]:
    """Decode a JSON object with lower-case keys; anything else is an empty object."""
    try:
        value, lenient = read_json(body)
    except (Unreadable, RecursionError):  # a body of nothing but brackets exhausts the decoder
        return {}, False
    return _lower(value), lenient


def _lower(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        return {}
    return {str(key).strip().lower(): item for key, item in value.items()}


def _texts(fields: dict[str, Json]) -> dict[str, str]:
    """Keep what is text or a whole number, as trimmed text."""
    kept = {key: item for key, item in fields.items() if isinstance(item, str | int) and not isinstance(item, bool)}
    return {key: str(item).strip() for key, item in kept.items()}


def _error(fields: dict[str, str]) -> ErrorAnswer | None:
    code = fields.get("error", "")
    number = _number(code)
    if not code:
        return None
    return ErrorAnswer(str(number) if number is not None else code[:32], fields.get("description", ""))


Row = TypeVar("Row")


def _rows(rows: list[Json], shape: Callable[[dict[str, str]], Row | None]) -> tuple[tuple[Row, ...], bool]:
    """Shape each row; say whether all could be used. Empty objects, as in the document's skeletons, are no rows."""
    filled = [row for row in rows if row != {}]
    shaped = [shape(_texts(_lower(row))) for row in filled]
    usable = tuple(row for row in shaped if row is not None)
    return usable, len(usable) == len(filled)


def _sent_row(id_of_all: str) -> Callable[[dict[str, str]], SentRow | None]:
    def shape(fields: dict[str, str]) -> SentRow | None:
        phone = _phone(fields)
        if not phone:
            return None
        return SentRow(
            id=fields.get("id", "") or id_of_all,
            phone=phone,
            error=_code(fields.get("error", "")),
            parts=_number(fields.get("cnt", "")),
            operator=fields.get("operator", ""),
            mnc=fields.get("mnc", ""),
        )

    return shape


def _status_row(fields: dict[str, str]) -> StatusRow | None:
    phone, own_id = _phone(fields), fields.get("id", "")
    if not phone or not own_id:
        return None
    return StatusRow(
        id=own_id,
        phone=phone,
        stat=fields.get("stat", "").upper(),
        error=_code(fields.get("err", "")),
        at=_time(fields.get("last_timestamp", "")),
        operator=fields.get("operator", ""),
        mnc=fields.get("mnc", ""),
    )


def _phone(fields: dict[str, str]) -> str:
    return fields.get("phone", "").removeprefix("+")


def _code(text: str) -> int:
    number = _number(text)
    return NO_INFORMATION if number is None else number


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,9}", text) else None


def _time(text: str) -> datetime | None:
    """Read `2018-06-04 18:41:09+03`."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _list_is_closed(body: bytes) -> bool:
    """Say whether a repaired answer lacks nothing but the outer brace, as the document's own example does."""
    return body.rstrip().removesuffix(b"}").rstrip().endswith(b"]")
