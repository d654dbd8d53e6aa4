"""Turns a table of TOML into a Struct, key by key, so that every problem is found and not only the first."""

import enum
import math
import re
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from pointsman.config.lines import Path
from pointsman.config.problems import Problems, did_you_mean

Parser = Callable[[object], object]
"""Makes a value of one type out of what TOML holds; raises `ValueError` with a sentence for people."""
T = TypeVar("T", bound=msgspec.Struct)


class _Missing(enum.Enum):
    """Stands for a value that could not be read; its problem has been noted."""

    MISSING = enum.auto()


MISSING = _Missing.MISSING

_WORDS = {
    "str": "a text in quotes",
    "int": "a whole number",
    "float": "a number",
    "decimal": "an amount",
    "bool": "true or false",
    "array": "a list in [ ]",
    "object": "a table in { }",
    "date": "a date",
    "datetime": "a date with time",
}
_EXPECTED = re.compile(r"Expected `([^`]+)`(?:, got `([^`]+)`)?(.*)", re.DOTALL)


class TableReader:
    """Reads tables with the parsers of one configuration; everything that is wrong goes into `problems`.

    `hide` removes secrets from messages that somebody else's Struct composes.
    """

    def __init__(self, problems: Problems, parsers: Mapping[type, Parser], hide: Callable[[str], str] = str) -> None:
        self._problems = problems
        self._parsers = parsers
        self._hide = hide

    def read(self, table: object, kind: type[T], path: Path, given: Mapping[str, Any] | None = None) -> T | None:
        """Return the table as a Struct, or None after noting why it cannot be one.

        `given` are fields that the caller has already and that the table must not hold.
        """
        before = len(self._problems)
        values = dict(given or {})
        if not isinstance(table, dict):
            self._problems.add(path, f"expected a table, got {_word_of(table)}")
            return None
        fields = {f.encode_name: f for f in msgspec.structs.fields(kind) if f.name not in values}
        self.refuse_unknown(table, fields, path)
        for key, field in fields.items():
            if key in table:
                values[field.name] = self.value(table[key], field.type, (*path, key))
            elif field.required:
                self._problems.add((*path, key), f"{key} is missing; add it to this table")
        if len(self._problems) > before:
            return None
        try:
            return kind(**values)
        except (ValueError, TypeError) as error:
            self._problems.add(path, self._hide(str(error)))
            return None

    def refuse_unknown(self, table: Mapping[str, object], known: Collection[str], path: Path) -> None:
        """Note every key that nobody knows."""
        for key in table:
            if key not in known:
                self._problems.add((*path, key), "unknown key", did_you_mean(key, known))

    def value(self, value: object, kind: Any, path: Path) -> Any:
        """Return a value as what an annotation asks for; what it returns after a problem must not be used."""
        kind = _without_none(kind)
        if parser := self._parsers.get(kind):
            return self._parsed(parser, value, path)
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in {tuple, list, frozenset} and isinstance(value, list) and _is_plain(origin, arguments):
            return origin([self.value(item, arguments[0], (*path, place)) for place, item in enumerate(value)])
        if origin in {dict, Mapping} and isinstance(value, dict) and arguments[0] is str:
            return {key: self.value(item, arguments[1], (*path, key)) for key, item in value.items()}
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.read(value, kind, path)
        return self._converted(value, kind, path)

    def _parsed(self, parser: Parser, value: object, path: Path) -> object:
        try:
            return parser(value)
        except ValueError as error:
            self._problems.add(path, str(error))
            return MISSING

    def _converted(self, value: object, kind: Any, path: Path) -> object:
        try:
            converted = msgspec.convert(value, kind, dec_hook=self._custom)
        except msgspec.ValidationError as error:
            self._problems.add(path, *_in_plain_words(str(error), kind))
            return MISSING
        is_number = isinstance(converted, Decimal | float)
        if is_number and not math.isfinite(converted):
            self._problems.add(path, "expected a number that is finite")
        return converted

    def _custom(self, kind: type, value: object) -> object:
        """Serve types that stand deep inside of an annotation, such as a secret in a union."""
        if kind in self._parsers:
            return self._parsers[kind](value)
        raise ValueError(f"a setting cannot be of the type {kind.__name__}; this is a fault of the plugin")


def texts_of(value: object) -> Iterator[tuple[int, str]]:
    """Yield the texts in a list of a table, each with its place: what can be checked although others are no texts."""
    for place, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, str):
            yield place, item


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        others = [part for part in typing.get_args(kind) if part is not types.NoneType]
        if len(others) == 1:
            return others[0]
    return kind


def _is_plain(origin: Any, arguments: tuple[Any, ...]) -> bool:
    """Say whether every item of this list has the same type."""
    return len(arguments) == 1 or (origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis)


def _word_of(value: object) -> str:
    match value:
        case bool():
            return _WORDS["bool"]
        case str() | int() | float():
            return _WORDS[type(value).__name__]
        case list():
            return _WORDS["array"]
        case dict():
            return _WORDS["object"]
        case _:
            return "a date or time"


def _in_plain_words(message: str, kind: Any) -> tuple[str, str | None]:
    """Return what msgspec found wrong as a sentence for people, and a hint if there is one."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        words = [str(member.value) for member in kind]
        asked = re.search(r"Invalid enum value '(.*)'", message)
        hint = did_you_mean(asked[1], words, or_list=False) if asked else None
        return "expected one of " + ", ".join(f'"{word}"' for word in words), hint
    for described in (part.description for part in typing.get_args(kind)[1:] if isinstance(part, msgspec.Meta)):
        if described:
            return f"expected {described}", None
    if message.startswith("Invalid decimal string"):
        return 'expected an amount with a point, such as "0.0105"', None
    found = _EXPECTED.match(message)
    if not found:
        return message, None
    names = [_WORDS.get(name, name) for name in found[1].split(" | ") if name != "null"]
    text = f"expected {' or '.join(names)}{found[3]}"
    return (f"{text}, got {_WORDS.get(found[2], found[2])}" if found[2] else text), None
