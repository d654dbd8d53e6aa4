"""Reads a CSV file of messages or numbers: its encoding, its columns, its rows, and where each problem is."""

import csv
import hashlib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from pointsman.cli.exits import UsageError
from pointsman.config.problems import did_you_mean

DELIMITERS = (",", ";", "\t")
"""Spreadsheets write what their country is used to."""
STANDARD_INPUT = "-"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

Cells = Mapping[str, str]
"""The texts of a row by column; an empty cell is missing."""


class Line(msgspec.Struct, frozen=True):
    """One row as it was written."""

    row: int
    """As a spreadsheet counts: the first row of the file is 1."""
    cells: Cells


class RowProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong with a row."""

    row: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.field}: {self.problem}" if self.field else f"row {self.row}: {self.problem}"


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns a file has to have."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    others: bool = False
    """Other columns may be there and are not read."""
    bare: str | None = None
    """A file without a row of names is a list, line by line, of values for this column."""
    verbatim: tuple[str, ...] = ()
    """Blanks at the ends of these cells are kept."""


class Sheet:
    """The content of one file, read once: what was checked is what is sent, even if the file changes meanwhile."""

    def __init__(self, name: str, content: bytes, columns: Columns) -> None:
        """Raises `UsageError` when the file as a whole cannot be used."""
        self.name = name
        self.digest = hashlib.sha256(content).hexdigest()
        self._content = content
        self._check_encoding()
        first = self._first_line()
        self._delimiter = max(DELIMITERS, key=first.count)
        names = tuple(cell.strip().lower() for cell in _split(first, self._delimiter))
        self._bare = columns.bare if columns.bare not in names else None
        self._names = (self._bare,) if self._bare is not None else names
        self._verbatim = columns.verbatim
        problems = list(_column_problems(self._names, columns))
        if problems:
            raise UsageError(*(f"{name}: {problem}" for problem in problems))

    @classmethod
    def read(cls, path: Path, columns: Columns) -> Self:
        """Read a file, or standard input for `-`. Raises `UsageError` when it cannot be used."""
        try:
            if str(path) == STANDARD_INPUT:
                return cls("standard input", sys.stdin.buffer.read() if sys.stdin is not None else b"", columns)
            return cls(str(path), path.read_bytes(), columns)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None

    @property
    def lines(self) -> int:
        """Lines of the file; rows are at most as many."""
        return self._content.count(b"\n")

    def rows(self) -> Iterator[Line | RowProblem]:
        """Walk through the rows; empty ones are left out. After a mistake in quotes nothing more can be read."""
        if self._bare is not None:
            for row, text in enumerate(self._text(), start=1):
                if text.strip():
                    yield Line(row, {self._bare: text.strip()})
            return
        reader = csv.reader(self._text(), delimiter=self._delimiter, strict=True)
        row = 0
        try:
            for row, cells in enumerate(reader, start=1):
                if row > 1 and any(cell.strip() for cell in cells):
                    yield self._line(row, cells)
        except csv.Error as error:
            yield RowProblem(row + 1, "", f"line {reader.line_num}: {_what_is_wrong(error)}; the rest was not read")

    def _line(self, row: int, cells: Sequence[str]) -> Line | RowProblem:
        if len(cells) != len(self._names):
            return RowProblem(row, "", f"has {len(cells)} cells, but the first row names {len(self._names)}")
        found = {}
        for name, cell in zip(self._names, cells, strict=True):
            if bare := cell.strip():
                found[name] = cell if name in self._verbatim else bare
        return Line(row, found)

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(self._content), "utf-8-sig", newline="")

    def _check_encoding(self) -> None:
        if self._content.startswith(_UTF_16):
            raise UsageError(f"{self.name}: this is UTF-16; save the file as CSV in UTF-8")
        try:
            self._content.decode()
        except UnicodeDecodeError as error:
            line = self._content.count(b"\n", 0, error.start) + 1
            raise UsageError(
                f"{self.name}:{line}: this is not UTF-8 (byte {error.start}); save the file as CSV in UTF-8"
            ) from None

    def _first_line(self) -> str:
        first = self._text().readline().strip("\r\n")
        if not first.strip():
            raise UsageError(f"{self.name}: the first line is empty; it must name the columns")
        return first


def _what_is_wrong(error: csv.Error) -> str:
    # The module has no other sign by which a cell that is too long differs from a wrong quote.
    if "field larger than field limit" in str(error):
        return f"a cell has more than {csv.field_size_limit():,} characters: shorten it, or see whether a quote is open"
    return f"{error}: a quote inside a cell is written twice, and the cell stands in quotes"


def _split(first: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:  # a first line of more than 128 KiB
        return []


def _column_problems(names: Sequence[str], columns: Columns) -> Iterator[str]:
    known = (*columns.required, *columns.optional)
    for name in columns.required:
        if name not in names:
            optional = f"; it may name {','.join(columns.optional)}" if columns.optional else ""
            yield f'there is no column "{name}"; the first row must name {",".join(columns.required)}{optional}'
    for place, name in enumerate(names):
        if name in names[:place] and name in known:
            yield f'the column "{name}" is there twice; remove one'
        elif name not in known and not columns.others:
            hint = did_you_mean(name, known)
            yield f'unknown column "{name}"' + (f" ({hint})" if hint else "")
