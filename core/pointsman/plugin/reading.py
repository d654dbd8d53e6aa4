"""Help for reading answers: JSON that is nearly JSON, and what a bare HTTP status says.

The repair is targeted at the damage that real providers' documents and servers show (bare keys, missing and trailing
commas, stray escapes, lost closing brackets). A generic repair would also "succeed" by moving one field into another,
which is worse than failing. It serves answers only, and whoever uses it marks the reading as lenient.
"""

import re
from typing import Any

import msgspec

from pointsman.events import Operation
from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin.wire import Response

Json = Any
"""Decoded JSON before a plugin's Struct gives it a shape."""


REPAIR_LIMIT = 128 * 1024
"""Bytes; answers that need repair are short, and a long one is no answer of a provider."""


class Unreadable(ValueError):
    """The bytes are not JSON and cannot be repaired into it."""


def read_json(body: bytes) -> tuple[Json, bool]:
    """Decode JSON; return the value and whether it had to be repaired.

    Raises `Unreadable` when even the repaired text is not JSON.
    """
    try:
        return msgspec.json.decode(body), False
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    if len(body) > REPAIR_LIMIT:
        raise Unreadable(f"not JSON, and too long to repair: {len(body)} bytes")
    text = body.decode("utf-8", "replace")
    try:
        return msgspec.json.decode(repair(text)), True
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(f"neither JSON nor repairable: {text[:80]!r}") from error


_BLANK_IN_KEY = re.compile(r'"(\w+)[ \t]+(\w+)"(?=\s*:)')
_DATE = re.compile(r'"(?:\\/|\\|/)Date\((-?\d+)([+-]\d{4})?\)[\\/]*"')
_LINE_OF_ONE_QUOTE = re.compile(r'([,{\[][ \t\r]*\n\s*)"[ \t\r]*\n(?=\s*")')
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_]\w*)(\s*:)")
_END_OF_NUMBER = re.compile(r"\s*:\s*(?:-?\d[\d.]*|true|false|null)\s+")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
# Possessive, and an open string ends with the text: however the quotes lie, the text is walked through once.
_STRING = re.compile(r'("(?:[^"\\]|\\.)*+(?:"|\\?\Z))', re.DOTALL)
_WHOLE_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ESCAPED_QUOTE = re.compile(r'[,{]\s*\\(?:"|\Z)')


def repair(text: str) -> str:
    """Return `text` with the known kinds of damage mended; what is fine already is left alone."""
    text = text.strip().lstrip("\ufeff")
    text = _DATE.sub(r'"/Date(\1\2)/"', text)
    if _escapes_astray(text):
        text = text.replace('\\"', '"')
    text = _LINE_OF_ONE_QUOTE.sub(r"\1", text)
    text = _BLANK_IN_KEY.sub(r'"\1\2"', text)
    text = _outside_strings(text, _BARE_KEY, r'\1"\2"\3')
    text = _missing_commas(text)
    text = _outside_strings(text, _TRAILING_COMMA, r"\1")
    return text + _closing(text)


def _pieces(text: str) -> list[str]:
    """Cut the text at its strings: even places are outside of strings, odd places are strings."""
    return _STRING.split(text)


def _escapes_astray(text: str) -> bool:
    """Say whether a quote is escaped where a key begins; inside of a string that is as it should be."""
    pieces = _pieces(text)
    suspects = pieces[::2]
    if len(pieces) > 1 and not _WHOLE_STRING.fullmatch(pieces[-2]):
        suspects.append(pieces[-2])
    return any(_ESCAPED_QUOTE.search(suspect) for suspect in suspects)


def _outside_strings(text: str, pattern: re.Pattern[str], replacement: str) -> str:
    pieces = _pieces(text)
    pieces[::2] = [pattern.sub(replacement, piece) if piece else "" for piece in pieces[::2]]
    return "".join(pieces)


def _missing_commas(text: str) -> str:
    """Put a comma where a value is followed by a key with only white space between."""
    pieces = _pieces(text)
    for place in range(2, len(pieces) - 1, 2):
        between, after = pieces[place], pieces[place + 2] if place + 2 < len(pieces) else ""
        if not after.lstrip().startswith(":"):
            continue
        before_is_value = pieces[place - 2].rstrip().endswith((":", "[", ","))
        ends_a_value = between.strip() == "" and before_is_value and pieces[place - 1] != ""
        ends_a_bracket = between.rstrip().endswith(("}", "]"))
        if ends_a_value or ends_a_bracket or _END_OF_NUMBER.fullmatch(between):
            pieces[place] = between.rstrip() + "," + between[len(between.rstrip()) :]
    return "".join(pieces)


def _closing(text: str) -> str:
    """Return the brackets that are still open at the end."""
    stack: list[str] = []
    for piece in _pieces(text)[::2]:
        for character in piece:
            if character in "{[":
                stack.append("}" if character == "{" else "]")
            elif character in "}]" and stack and stack[-1] == character:
                stack.pop()
    return "".join(reversed(stack))


MAX_RETRY_AFTER = 3600.0
"""Seconds; a provider that asks for more is not waited for but left out."""


def retry_after(response: Response) -> float | None:
    """Return the seconds that a `Retry-After` header asks for; a date or nonsense counts as not given."""
    text = response.headers.get("retry-after", "").strip()
    return min(float(text), MAX_RETRY_AFTER) if text.isdecimal() and text.isascii() else None


def http_verdict(response: Response, operation: Operation) -> Refused | Unknown | None:
    """Judge an answer by its HTTP status alone, for bodies that say nothing. None for a 2xx.

    A provider's own table comes first; this is the rule for proxies and pages of HTML. After a submit, only a status
    that means "not processed" is a refusal; any other 5xx may come from a proxy after the provider took the message.
    """
    status = response.status
    code = f"http_{status}"
    wait = retry_after(response)
    match status:
        case _ if 200 <= status < 300:
            return None
        case 401:
            return Refused(fault=Fault.CREDENTIALS, code=code)
        case 402:
            return Refused(fault=Fault.CREDITS, code=code)
        case 403:
            return Refused(fault=Fault.FORBIDDEN, code=code)
        case 413 | 414 | 431:
            return Refused(fault=Fault.LIMIT, code=code)
        case 429:
            return Refused(fault=Fault.THROTTLED, code=code, retry_after=wait)
        case 503 if wait is not None:
            return Refused(fault=Fault.THROTTLED, code=code, retry_after=wait)
        case 503:
            return Refused(fault=Fault.UNAVAILABLE, code=code)
        case _ if status >= 500 and operation is Operation.SUBMIT:
            return Unknown(reason=UnknownReason.GATEWAY, code=code)
        case _ if status >= 500:
            return Refused(fault=Fault.UNAVAILABLE, code=code)
        case _:
            return Refused(fault=Fault.REQUEST, code=code)
