"""Which operator a Russian number was first given to, by the regulator's table of number ranges.

The table is open data of the Ministry of Digital Development (`DEF-9xx.csv`), fetched by whoever runs the router. Since
numbers move between operators, a range names only the first network; a lookup in the home location register is better.
"""

import csv
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Self

import msgspec

from pointsman.errors import ConfigError, Problem
from pointsman.message import Msisdn, Network, NetworkSource
from pointsman.text.msisdn import country_of
from pointsman.text.operators import operator_network

MOST_PROBLEMS = 20
"""Bad lines that one error lists; a file of another kind would fill the screen."""


class NumberRange(msgspec.Struct, frozen=True, kw_only=True):
    """A block of consecutive numbers, all given to one operator."""

    first: int
    last: int
    """Whole numbers in E.164; both belong to the range."""
    operator: str
    region: str
    network: Network | None
    """None when the operator's name is not one that we know."""
    line: int
    """Where in its file it stands."""


class NumberRanges:
    """Ranges in order, no two of them with a number in common."""

    __slots__ = ("_firsts", "_ranges")

    def __init__(self, ranges: Iterable[NumberRange]) -> None:
        """Raises `ValueError` when two ranges overlap."""
        self._ranges = tuple(sorted(ranges, key=attrgetter("first")))
        self._firsts = [block.first for block in self._ranges]
        for before, after in _overlaps(self._ranges):
            raise ValueError(f"the ranges {before.first}-{before.last} and {after.first}-{after.last} overlap")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a table in the regulator's form; the only function here that touches the disk.

        UTF-8 with or without a byte order mark, fields divided by `;`, a header that names `АВС/ DEF`, `От`, `До`,
        `Оператор` and `Регион`, among others. Raises `ConfigError` that lists the first bad lines.
        """
        try:
            with Path(path).open(encoding="utf-8-sig") as lines:
                return cls(read_ranges(lines, str(path)))
        except OSError as error:
            raise ConfigError([_problem(str(path), None, f"cannot be read: {error.strerror}")]) from error
        except UnicodeDecodeError as error:
            raise ConfigError([_problem(str(path), None, "is not UTF-8; save it in that encoding")]) from error

    def __len__(self) -> int:
        return len(self._ranges)

    def find(self, msisdn: Msisdn) -> NumberRange | None:
        """Return the range that a number lies in."""
        number = int(msisdn)
        place = bisect_right(self._firsts, number) - 1
        if place < 0 or number > self._ranges[place].last:
            return None
        return self._ranges[place]

    def lookup(self, msisdn: Msisdn) -> Network | None:
        """Return the network that a number was first given to; None when the table or the operator does not tell."""
        block = self.find(msisdn)
        return block.network if block else None


def classify(msisdn: Msisdn, ranges: NumberRanges | None = None) -> Network:
    """Return what a number alone tells of its network: by its range, else only the country by its numbering plan."""
    known = ranges.lookup(msisdn) if ranges is not None else None
    return known or Network(country=country_of(msisdn))


def read_ranges(lines: Iterable[str], file: str) -> list[NumberRange]:
    """Read the lines of a table; `file` is its name in errors. Raises `ConfigError`."""
    numbered = enumerate(lines, start=1)
    columns = _columns(_fields(next(numbered, (1, ""))[1]), file)
    ranges: list[NumberRange] = []
    problems: list[Problem] = []
    networks: dict[str, Network | None] = {}
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            ranges.append(_range(_fields(line), columns, number, networks))
        except (ValueError, csv.Error) as error:
            problems.append(_problem(file, number, str(error)))
        if len(problems) == MOST_PROBLEMS:
            break
    overlaps = _overlaps(sorted(ranges, key=attrgetter("first")))
    problems += [_overlap_problem(file, *pair) for pair in islice(overlaps, MOST_PROBLEMS - len(problems))]
    if problems:
        raise ConfigError(problems)
    return ranges


class _Columns(msgspec.Struct, frozen=True):
    """Where the fields that we need stand in a row."""

    code: int
    first: int
    last: int
    operator: int
    region: int


_HEADINGS = ("АВС/DEF", "От", "До", "Оператор", "Регион")
_BLANKS = re.compile(r"\s+")
_CODE = re.compile(r"[0-9]{3}")
_NUMBER = re.compile(r"[0-9]{1,7}")


def _fields(line: str) -> list[str]:
    """Divide one line. A quote that is not closed ends with it, so it spoils this row and swallows no other."""
    return next(csv.reader([line], delimiter=";"), [])


def _columns(header: Sequence[str], file: str) -> _Columns:
    headings = [_BLANKS.sub("", heading) for heading in header]
    missing = [heading for heading in _HEADINGS if heading not in headings]
    if missing:
        message = f"lacks the heading {', '.join(missing)}; expected {';'.join(_HEADINGS)} and others, divided by ;"
        raise ConfigError([_problem(file, 1, message)])
    return _Columns(*map(headings.index, _HEADINGS))


def _range(row: Sequence[str], columns: _Columns, line: int, networks: dict[str, Network | None]) -> NumberRange:
    """Make a range of a row; `networks` remembers the few operators that thousands of rows name."""
    if len(row) <= max(columns.code, columns.first, columns.last, columns.operator, columns.region):
        raise ValueError(f"has {len(row)} fields, fewer than the header needs")
    code, first, last = row[columns.code].strip(), row[columns.first].strip(), row[columns.last].strip()
    if not _CODE.fullmatch(code):
        raise ValueError(f"{code!r} is not a code of three digits")
    if not (_NUMBER.fullmatch(first) and _NUMBER.fullmatch(last)):
        raise ValueError(f"{first!r} to {last!r} are not numbers of at most seven digits")
    if int(first) > int(last):
        raise ValueError(f"{first} is after {last}")
    operator = row[columns.operator].strip()
    if operator not in networks:
        match = operator_network(operator)
        networks[operator] = Network("RU", match.mccmnc, NetworkSource.RANGE) if match else None
    base = int("7" + code) * 10_000_000
    return NumberRange(
        first=base + int(first),
        last=base + int(last),
        operator=operator,
        region=row[columns.region].strip(),
        network=networks[operator],
        line=line,
    )


def _overlaps(ordered: Sequence[NumberRange]) -> Iterator[tuple[NumberRange, NumberRange]]:
    """Yield neighbours with a number in common, out of ranges in the order of their first numbers."""
    return ((before, after) for before, after in pairwise(ordered) if after.first <= before.last)


def _overlap_problem(file: str, before: NumberRange, after: NumberRange) -> Problem:
    line, other = max(before.line, after.line), min(before.line, after.line)
    return _problem(file, line, f"overlaps the range of line {other}")


def _problem(file: str, line: int | None, message: str) -> Problem:
    return Problem(file=file, line=line, key="", message=message)
