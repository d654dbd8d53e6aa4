"""Lays out tables as plain lines: nothing that identifies is cut, and no line is longer than the terminal is wide.

A table that is too wide folds the columns that may be folded, between words only; if that is not enough, each of its
rows becomes a group of lines, `heading  value`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from rich.cells import cell_len

from pointsman.message import Money

GAP = "  "
NARROWEST = 8
"""Characters that a folded column has at least."""
FEWEST_DECIMALS = 2


class Laid(msgspec.Struct, frozen=True):
    """A table as lines without blanks at their ends."""

    heading: str | None
    lines: tuple[str, ...]


class _Column(msgspec.Struct, frozen=True):
    title: str
    right: bool
    folds: bool
    cells: tuple[str, ...]

    @property
    def widest(self) -> int:
        return max(map(cell_len, (self.title, *self.cells)), default=0)

    @property
    def narrowest(self) -> int:
        """As narrow as it may get without breaking a word."""
        if not self.folds:
            return self.widest
        words = (word for cell in self.cells for word in cell.split())
        return min(self.widest, max(NARROWEST, *map(cell_len, (self.title, *words))))


def lay_out(
    columns: Iterable[str], rows: Iterable[Sequence[object]], width: int | None, *, as_records: bool = False
) -> Laid:
    """Return a table as lines of at most `width` characters, or of any length without it.

    `>` before a heading aligns its column to the right, `~` lets it be folded. None is an empty cell; columns without
    anything in them are left out. Amounts of one currency get the same number of decimals within a column.
    `as_records` gives groups of lines, whatever the width.
    """
    found = _columns(tuple(columns), [*rows])
    headed = any(column.title for column in found)
    if not found:
        return Laid(None, ())
    widths = None if as_records else _widths(found, width)
    if widths is None:
        return Laid(None, tuple(_records(found, width)))
    heading = _line(found, widths, [column.title for column in found]) if headed else None
    lines = [line for row in zip(*(column.cells for column in found), strict=True) for line in _row(found, widths, row)]
    return Laid(heading, tuple(lines))


def amounts(column: Sequence[object]) -> list[str]:
    """Return cells as text; amounts of one currency with the decimals of the most exact one, two at least."""
    decimals: dict[str, int] = {}
    for cell in column:
        if isinstance(cell, Money):
            exponent = cell.amount.normalize().as_tuple().exponent
            needed = -exponent if isinstance(exponent, int) else 0
            decimals[cell.currency] = max(FEWEST_DECIMALS, needed, decimals.get(cell.currency, 0))
    return [_as_text(cell, decimals) for cell in column]


def _as_text(cell: object, decimals: Mapping[str, int]) -> str:
    match cell:
        case None:
            return ""
        case Money(amount=amount, currency=currency):
            return f"{amount:.{decimals[currency]}f} {currency}"
        case _:
            return str(cell)


def folded(text: str, width: int | None) -> list[str]:
    """Cut a text between words into lines of at most `width` characters; a longer word has a line of its own."""
    if width is None or cell_len(text) <= width:
        return [text]
    lines: list[str] = []
    for word in text.split():
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _columns(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[_Column]:
    found = []
    for place, heading in enumerate(headings):
        cells = tuple(amounts([row[place] for row in rows]))
        if any(cells):
            title = heading.lstrip(">~")
            found.append(_Column(title, heading.startswith(">"), heading.startswith("~"), cells))
    return found


def _widths(columns: Sequence[_Column], width: int | None) -> list[int] | None:
    """Return how wide each column becomes; None when they do not fit."""
    widths = [column.widest for column in columns]
    if width is None:
        return widths
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    # The widest gives way first, so that short words keep their line.
    for place in sorted(range(len(columns)), key=lambda one: -widths[one]):
        if excess > 0:
            less = min(excess, widths[place] - columns[place].narrowest)
            widths[place] -= less
            excess -= less
    return widths if excess <= 0 else None


def _row(columns: Sequence[_Column], widths: Sequence[int], cells: Sequence[str]) -> Iterator[str]:
    parts = [
        folded(cell, width) if column.folds else [cell]
        for column, width, cell in zip(columns, widths, cells, strict=True)
    ]
    for depth in range(max(map(len, parts))):
        yield _line(columns, widths, [part[depth] if depth < len(part) else "" for part in parts])


def _line(columns: Sequence[_Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    padded = []
    for column, width, cell in zip(columns, widths, cells, strict=True):
        blanks = " " * (width - cell_len(cell))
        padded.append(blanks + cell if column.right else cell + blanks)
    return GAP.join(padded).rstrip()


def _records(columns: Sequence[_Column], width: int | None) -> Iterator[str]:
    key = max(cell_len(column.title) for column in columns)
    room = None if width is None else max(width - key - len(GAP), NARROWEST)
    for place in range(len(columns[0].cells)):
        if place:
            yield ""
        for column in columns:
            for depth, part in enumerate(folded(column.cells[place], room) if column.cells[place] else ()):
                title = "" if depth else column.title
                yield f"{title}{' ' * (key - cell_len(title))}{GAP}{part}".rstrip()
