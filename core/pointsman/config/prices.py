"""Reads price lists: a CSV file, or tables in router.toml."""

import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from decimal import Decimal
from operator import itemgetter
from pathlib import Path

from pointsman.config.problems import did_you_mean
from pointsman.config.rows import COLUMNS, ONE_PLACE, PLACES, BadRow, Cells, RowError, RowReader
from pointsman.errors import Problem
from pointsman.routing.price import PriceRow

MAX_PROBLEMS = 20
"""A list that is wrong throughout is reported with so many problems and no more."""


def read_price_file(path: Path, shown: str, rows: RowReader) -> tuple[tuple[PriceRow, ...], list[Problem]]:
    """Read a CSV file with a header; `shown` is how problems call it.

    Returns the good rows and all problems. The one problem of a file that cannot be read has no line.
    """
    file = _PriceFile(shown, rows, MAX_PROBLEMS)
    text = file.text_of(path)
    found = () if text is None else tuple(row for _, row in file.rows_of(text))
    return found, file.problems


def read_numbered_rows(
    path: Path, shown: str, rows: RowReader
) -> tuple[tuple[tuple[int, PriceRow], ...], list[Problem]]:
    """Do the same, each row with the number of its line, and stop at no number of problems."""
    file = _PriceFile(shown, rows, sys.maxsize)
    text = file.text_of(path)
    return () if text is None else tuple(file.rows_of(text)), file.problems


class _PriceFile:
    """One file while it is read; `problems` is what was wrong so far."""

    def __init__(self, shown: str, rows: RowReader, most: int) -> None:
        self.problems: list[Problem] = []
        self._shown = shown
        self._rows = rows
        self._most = most

    def text_of(self, path: Path) -> str | None:
        """Return the content as text, or None after noting why it is none."""
        try:
            content = path.read_bytes()
            text = content.decode("utf-8-sig")
        except OSError as error:
            self._note(None, "", f"the price list cannot be read: {error.strerror}")
            return None
        except UnicodeDecodeError as error:
            column = error.start - content.rfind(b"\n", 0, error.start)
            line = content.count(b"\n", 0, error.start) + 1
            self._note(line, "", f"byte {column} is not UTF-8; save the file as CSV in UTF-8")
            return None
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            self._note(line, "", "there is a zero byte; this is not a CSV file")
            return None
        return text

    def rows_of(self, text: str) -> Iterator[tuple[int, PriceRow]]:
        """Yield the good rows with the numbers of their lines, and note the others."""
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            columns = [cell.strip() for cell in next(lines, [])]
            if not self._good_header(columns):
                return
            in_order = itemgetter(*(columns.index(column) if column in columns else -1 for column in COLUMNS))
            for cells in filter(None, lines):
                if len(cells) != len(columns):
                    problem = f"{len(cells)} cells under {len(columns)} columns; check commas and quotes"
                    self._note(lines.line_num, "", problem)
                else:
                    try:
                        yield lines.line_num, self._rows.read(in_order([*map(str.strip, cells), ""]))
                    except BadRow as bad:
                        for flaw in bad.flaws:
                            self._note(lines.line_num, flaw.column, str(flaw), flaw.suggestion)
                if len(self.problems) >= self._most:
                    self._note(lines.line_num, "", f"{self._most} problems; the rest of the file was not read")
                    return
        except csv.Error as error:
            self._note(lines.line_num, "", f"this is not CSV: {error}")

    def _good_header(self, columns: list[str]) -> bool:
        if len(columns) == 1 and re.search(r"[;\t|]", columns[0]):
            self._note(1, "", "the cells are not separated by commas; save the file with commas")
            return False
        for column in columns:
            if column not in COLUMNS:
                self._note(1, column, "unknown column", did_you_mean(column, COLUMNS))
        for column in sorted({column for column in columns if columns.count(column) > 1}):
            self._note(1, column, "the column is there twice; remove one")
        for column in ("channel", "price"):
            if column not in columns:
                names = ", ".join(COLUMNS)
                self._note(1, column, f"the column is missing; the first line names the columns: {names}")
        if not set(PLACES) & set(columns):
            self._note(1, ONE_PLACE, "none of the columns that say for which numbers a price is; add one")
        return not self.problems

    def _note(self, line: int | None, column: str, message: str, suggestion: str | None = None) -> None:
        self.problems.append(Problem(file=self._shown, line=line, key=column, message=message, suggestion=suggestion))


def read_price_table(table: object, rows: RowReader) -> PriceRow:
    """Return a table of router.toml as a row. Raises `BadRow`."""
    if not isinstance(table, dict):
        raise BadRow([RowError("", 'expected a table such as { country = "RU", channel = "sms", price = "2.50" }')])
    cells = dict.fromkeys(COLUMNS, "")
    flaws: list[RowError] = []
    excused: set[str] = set()
    for key, value in table.items():
        if key not in COLUMNS:
            flaws.append(RowError(key, "unknown key", did_you_mean(key, COLUMNS)))
            excused.update(COLUMNS)  # whichever it was meant to be
            continue
        try:
            cells[key] = _text_of(key, value)
        except RowError as error:
            flaws.append(error)
            excused.add(key)
    texts: Cells = tuple(cells.values())
    if not flaws:
        return rows.read(texts)
    raise BadRow([*flaws, *(flaw for flaw in rows.flaws(texts) if not _follows(flaw, cells, excused))])


def _text_of(key: str, value: object) -> str:
    match value:
        case str():
            return value
        case date() if key in {"from", "to"}:
            return value.isoformat()
        case float() | int() if key == "price" and not isinstance(value, bool):
            return format(Decimal(str(value)), "f")
        case _:
            raise RowError(key, f'expected a text in quotes, such as {key} = "…"')


def _follows(flaw: RowError, cells: Mapping[str, str], excused: AbstractSet[str]) -> bool:
    """Say whether something is only missing because what stands in its place has been refused already."""
    columns = PLACES if flaw.column == ONE_PLACE else (flaw.column,)
    return not any(cells[column] for column in columns) and not excused.isdisjoint(columns)
