"""Reads bodies, queries and paths into Structs; every refusal names the field at fault and repeats no value."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from pointsman.config.problems import did_you_mean
from pointsman.daemon.problems import Failure, FieldProblem, Kind, Place, at_field
from pointsman.message import Channel, FallbackBy, FallbackTrigger, MessageClass

T = TypeVar("T")
WORDS: Mapping[str, Iterable[str]] = {
    "channel": tuple(Channel),
    "class": tuple(MessageClass),
    "by": tuple(FallbackBy),
    "on": tuple(FallbackTrigger),
}
"""Fields that take one of a few words."""
LONGEST_NAME = 40
_WHERE = re.compile(r"(.*?)(?: - at `(?:key in )?\$([^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
    "date": "a date",
    "datetime": "a date with time (RFC 3339)",
}


def read_json(body: bytes) -> Any:
    """Return a body as JSON. Raises `Failure` for what is none."""
    if not body.strip():
        raise Failure(Kind.MALFORMED, "the body is empty; send JSON")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        words = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error).partition(" - at ")[0]
        raise Failure(Kind.MALFORMED, f"the body is not JSON: {words}") from None
    except RecursionError:
        raise Failure(Kind.MALFORMED, "the body is nested too deeply") from None


def read_at_once(body: bytes, kind: Any) -> Any:
    """Return a body as what a schema asks for, in one go; None for one in which anything is wrong, or an array.

    The long way, by `read_json` and `shape`, finds out what is wrong and says it in words; it takes four times as long.
    """
    try:
        return _decoder(kind)(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(kind).decode


def shape(value: Any, kind: Any, default: Mapping[str, str]) -> Any:
    """Return decoded JSON as what a schema asks for; `default` is in the fields of it that are left out.

    The items of an array are judged one by one, so that the problems of all are told at once. Raises `Failure`.
    """
    if not isinstance(value, list):
        try:
            return msgspec.convert(_filled(value, default), kind)
        except msgspec.ValidationError as error:
            raise Failure(Kind.INVALID, errors=[_in_body(error, None, kind)]) from None
    items: list[Any] = []
    problems: list[FieldProblem] = []
    for place, item in enumerate(value):
        try:
            if isinstance(item, list):
                problems.append(at_field("", "expected an object, not an array", place))
            else:
                items.append(msgspec.convert(_filled(item, default), kind))
        except msgspec.ValidationError as error:
            problems.append(_in_body(error, place, kind))
    if problems:
        raise Failure(Kind.INVALID, errors=problems)
    return tuple(items)


def _filled(value: Any, default: Mapping[str, str]) -> Any:
    return {**default, **value} if default and isinstance(value, dict) else value


@lru_cache(maxsize=256)
def no_parameters(kind: type[T], place: Place) -> T:
    """Return the Struct of a query or a path in which nothing is given. Raises `Failure` where something must be."""
    return read_parameters((), kind, place)


def read_parameters(given: Iterable[tuple[str, str]], kind: type[T], place: Place) -> T:
    """Return the parameters of a query or a path as a Struct. Raises `Failure`."""
    values: dict[str, str] = {}
    for name, text in given:
        if name in values:
            raise Failure(Kind.INVALID, errors=[_parameter(place, name, "is given twice; give it once")])
        values[name] = text
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        words, steps = _parts(str(error))
        if found := _MISSING.fullmatch(words):
            problem = _parameter(place, found[1], "is missing")
        elif found := _UNKNOWN.fullmatch(words):
            known = [field.encode_name for field in msgspec.structs.fields(kind)]  # type: ignore[arg-type]
            problem = _parameter(place, found[1], _unknown(found[1], known))
        else:
            problem = _parameter(place, ".".join(steps) or "?", _in_words(words, ""))
        raise Failure(Kind.INVALID, errors=[problem]) from None


def _parameter(place: Place, name: str, problem: str) -> FieldProblem:
    return FieldProblem(place=place, field=_name(name), problem=problem)


def _in_body(error: msgspec.ValidationError, place: int | None, kind: Any) -> FieldProblem:
    words, steps = _parts(str(error))
    if found := _MISSING.fullmatch(words):
        return at_field(".".join((*steps, found[1])), "is missing", place)
    if found := _UNKNOWN.fullmatch(words):
        field = ".".join((*steps, _name(found[1])))
        return at_field(field, _unknown(found[1], () if steps else _fields_of(kind)), place)
    return at_field(".".join(steps), _in_words(words, steps[-1] if steps else ""), place)


def _fields_of(kind: Any) -> set[str]:
    info = msgspec.inspect.type_info(kind)
    kinds = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    return {field.encode_name for one in kinds if isinstance(one, msgspec.inspect.StructType) for field in one.fields}


def _unknown(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, known, or_list=False)
    return f"is not known here; {hint}" if hint else "is not known here; remove it"


def _parts(text: str) -> tuple[str, list[str]]:
    """Cut a message of msgspec into what it says and the steps to the place."""
    found = _WHERE.fullmatch(text)
    words, path = (found[1], found[2] or "") if found else (text, "")
    return words, [_name(name or number) for name, number in _STEP.findall(path)]


def _in_words(text: str, field: str) -> str:
    """Say what msgspec says without the value that it quotes."""
    if text.startswith("Invalid "):
        known = WORDS.get(field)
        return f"is none of {', '.join(known)}" if known else "has a value that is not allowed here"
    for word, plain in _TYPES.items():
        text = text.replace(f"`{word}`", plain)
    text = text.replace("`", "").replace(" | ", " or ")
    return text[:1].lower() + text[1:200]


def _name(text: str) -> str:
    """Return the name of a field that a client made up, fit to be shown."""
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= LONGEST_NAME else f"{clean[:LONGEST_NAME]}…"
