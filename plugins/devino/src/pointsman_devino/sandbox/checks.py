"""What Devino checks before it does anything, each check by itself; the handlers put them into the document's order."""

import re
from datetime import UTC, datetime

from pointsman.sandbox import Params

MAX_TEXT = 2000

_SENDER = re.compile(r"\d{1,15}|[\x20-\x7e]{1,11}")
_NUMBER = re.compile(r"[1-9]\d{9,14}")
_MOMENTS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
_BINDING = (
    "The parameters dictionary contains a null entry for parameter '{name}' of non-nullable type 'DateTime' for method "
    "'System.Web.Mvc.ActionResult {method}(System.String, DateTime, DateTime)' in "
    "'RestService.Controllers.SmsController'. An optional parameter must be a reference type, a nullable type, or be "
    "declared as an optional parameter. Parameter name: parameters"
)


class ApiError(Exception):
    """A refusal with one of the codes of the document's table of errors; an empty text means the usual one."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(f"{code} {text}".strip())
        self.code = code
        self.text = text


class ViberError(Exception):
    """A refusal with one of Viber's own words, such as `error-subject-format`."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def required(params: Params, *names: str) -> None:
    """Refuse with code 1 when a parameter is missing or has no value."""
    for name in names:
        if not any(value.strip() for value in params.all(name)):
            raise ApiError(1, f"{name} can not be null or empty Parameter name: {name.lower()}")


def text_of(params: Params, name: str) -> str:
    """Return the first value, or nothing."""
    return params.first(name) or ""


def read_number(text: str) -> str | None:
    """Return the number as digits, or None when it is none.

    The document shows 79031234567, +79031234567 and 89031234567. A plus sign that was not encoded arrives as a blank.
    """
    digits = text[1:] if text.startswith(("+", " ")) else text
    if re.fullmatch(r"89\d{9}", text):
        digits = "7" + text[1:]
    return digits if digits.isascii() and _NUMBER.fullmatch(digits) else None


def sender_fits(sender: str) -> bool:
    """At most 15 digits or 11 Latin characters."""
    return sender.isascii() and _SENDER.fullmatch(sender) is not None


def minutes(params: Params, name: str) -> int:
    """Return a validity; absent and empty count as 0, which means no limit. Code 2 when it is no whole number."""
    text = text_of(params, name).strip()
    if text and not (text.isascii() and text.isdecimal()):
        raise ApiError(2, f"Invalid argument: {name}")
    return int(text or "0")


def moment(params: Params, name: str) -> float | None:
    """Return a time in UTC as seconds since the epoch; None when it is absent or empty. Code 2 when it is no time.

    A blank between date and time is taken as well: the document's own examples have it.
    """
    text = text_of(params, name).strip()
    if not text:
        return None
    for form in _MOMENTS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    raise ApiError(2, f"Invalid argument: {name}")


def period(params: Params, method: str, first: str, last: str) -> tuple[float, float]:
    """Return the two times of a report; a missing one is code 9, worded as the framework behind the API words it."""
    times = []
    for name in (first, last):
        time = moment(params, name)
        if time is None:
            raise ApiError(9, _BINDING.format(name=name, method=method))
        times.append(time)
    return times[0], times[1]
