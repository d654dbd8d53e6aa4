"""Turns a provider's own price table into a price list of ours: other names, decimal commas, codes in two columns."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from pointsman.config.problems import did_you_mean
from pointsman.config.rows import COLUMNS, PLACES, BadRow, RowReader
from pointsman.errors import Problem
from pointsman.routing.price import PriceRow
from pointsman.text import bundled_networks

DELIMITERS = (",", ";", "\t", "|")
SOURCES = (*COLUMNS, "mcc", "mnc")
"""What a column of the table may stand for: ours, and the two parts of MCC/MNC."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BLANKS = re.compile(r"[\s\u00a0\u202f\u2009']+")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to read a table."""

    names: Mapping[str, str] = {}
    """Ours to theirs; a column that is not here is looked for under our name."""
    delimiter: str | None = None
    """None: the one that the first line has most of."""
    defaults: Mapping[str, str] = {}
    """Cells of ours that stand in for empty ones."""


def read_foreign(
    content: bytes, shown: str, plan: Plan, rows: RowReader
) -> tuple[tuple[tuple[int, PriceRow], ...], list[Problem]]:
    """Return the rows that could be read, each with its line, and a problem for everything that could not."""
    table = _Table(shown, plan, rows)
    return tuple(table.read(decoded(content))), table.problems


def decoded(content: bytes) -> str:
    """Return a table as text: UTF-8, UTF-16 with its mark, else Windows-1251, in which no byte is wrong enough."""
    if content.startswith(_UTF_16):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1251", "replace")


def written(rows: Sequence[PriceRow]) -> str:
    """Return rows as the text of a price list, with those columns that hold anything."""
    cells = [cells_of(row) for row in rows]
    always = {"channel", "price"}
    used = [place for place, name in enumerate(COLUMNS) if name in always or any(one[place] for one in cells)]
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([COLUMNS[place] for place in used])
    writer.writerows([one[place] for place in used] for one in cells)
    return file.getvalue()


def cells_of(row: PriceRow) -> tuple[str, ...]:
    """Return the texts of a row under `COLUMNS`."""
    return (
        row.mccmnc or "",
        row.prefix or "",
        row.country or "",
        row.channel.value,
        format(row.price, "f"),
        row.currency,
        row.charged_on.value,
        _moment(row.valid_from),
        _moment(row.valid_to),
    )


class _Table:
    """One table while it is read; `problems` is what was wrong so far."""

    def __init__(self, shown: str, plan: Plan, rows: RowReader) -> None:
        self.problems: list[Problem] = []
        self._shown = shown
        self._plan = plan
        self._rows = rows

    def read(self, text: str) -> Iterator[tuple[int, PriceRow]]:
        """Yield the rows that can be read."""
        first = text.split("\n", 1)[0]
        delimiter = self._plan.delimiter or max(DELIMITERS, key=first.count)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            heading = [cell.strip() for cell in next(lines, [])]
            places = self._places(heading)
            if places is None:
                return
            for cells in lines:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(heading):
                    self._note(lines.line_num, "", f"{len(cells)} cells under {len(heading)} columns; check the quotes")
                    continue
                found = {name: cells[place].strip() for name, place in places.items()}
                try:
                    yield lines.line_num, self._rows.read(ours(found, self._plan.defaults))
                except BadRow as bad:
                    for flaw in bad.flaws:
                        self._note(lines.line_num, flaw.column, str(flaw), flaw.suggestion)
        except csv.Error as error:
            self._note(lines.line_num, "", f"this is not CSV: {error}; nothing below was read")

    def _places(self, heading: Sequence[str]) -> dict[str, int] | None:
        """Return where each of our columns stands, or None after noting what is missing."""
        lowered = [name.lower() for name in heading]
        places: dict[str, int] = {}
        for source in SOURCES:
            theirs = self._plan.names.get(source, source)
            count = lowered.count(theirs.lower())
            if count == 1:
                places[source] = lowered.index(theirs.lower())
            elif count > 1:
                self._note(1, theirs, "the column is there twice; rename one")
            elif source in self._plan.names:
                self._note(1, theirs, "there is no such column", did_you_mean(theirs, heading))
        have = {*places, *self._plan.defaults}
        if "price" not in have:
            self._note(1, "price", f"say which of {', '.join(heading)} it is: --column price=NAME")
        if "channel" not in have:
            self._note(1, "channel", "no column tells the channel; say --channel sms, or --column channel=NAME")
        if not have & {*PLACES, "mcc"}:
            self._note(1, "|".join(PLACES), "no column says for which numbers a price is; say --column prefix=NAME")
        return None if self.problems else places

    def _note(self, line: int, column: str, message: str, suggestion: str | None = None) -> None:
        self.problems.append(Problem(file=self._shown, line=line, key=column, message=message, suggestion=suggestion))


def ours(found: Mapping[str, str], defaults: Mapping[str, str]) -> tuple[str, ...]:
    """Return the cells of a row under `COLUMNS`; of several that say for which numbers it is, the most exact one."""
    cells = {name: found.get(name) or defaults.get(name, "") for name in COLUMNS}
    mcc, mnc = _digits(found.get("mcc", "")), _digits(found.get("mnc", ""))
    mccmnc = _digits(cells["mccmnc"]) or (_joined(mcc, mnc) if mcc and mnc else "")
    prefix = _digits(cells["prefix"].removesuffix("*"))
    cells["mccmnc"] = mccmnc
    cells["prefix"] = "" if mccmnc else prefix.removeprefix("00")
    cells["country"] = "" if mccmnc or prefix else cells["country"].upper()
    cells["channel"] = cells["channel"].lower()
    cells["currency"] = cells["currency"].upper()
    cells["price"] = _amount(cells["price"])
    cells["from"], cells["to"] = _date(cells["from"]), _date(cells["to"])
    return tuple(cells[name] for name in COLUMNS)


def _joined(mcc: str, mnc: str) -> str:
    """Join a code whose second half may have lost its zeros in a spreadsheet: the network that there is."""
    codes = [f"{mcc}{mnc.zfill(length)}" for length in (2, 3)]
    return next((code for code in codes if bundled_networks().find(code) is not None), codes[0])


def _digits(text: str) -> str:
    return re.sub(r"[\s\u00a0()\-+]", "", text)


def _amount(text: str) -> str:
    """Return an amount with a point. Of a point and a comma the last one divides, the other one groups."""
    text = _BLANKS.sub("", text)
    if "," in text and "." in text:
        text = text.replace("," if text.rindex(".") > text.rindex(",") else ".", "")
    return text.replace(",", ".")


def _date(text: str) -> str:
    found = _DOTTED.fullmatch(text)
    return f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}" if found else text


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
