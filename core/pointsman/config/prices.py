"""Reads price lists: a CSV file, or tables in router.toml; both follow the same rules."""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from pointsman.config.problems import did_you_mean
from pointsman.config.values import parse_currency
from pointsman.errors import Problem
from pointsman.message import Channel
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.text import is_region

PLACES = ("mccmnc", "prefix", "country")
COLUMNS = (*PLACES, "channel", "price", "currency", "charged_on", "from", "to")
MAX_PROBLEMS = 20
"""A file that is wrong throughout is reported with so many problems and no more."""

_PRICE = re.compile(r"\d{1,9}(?:\.\d{1,12})?", re.ASCII)
_MCCMNC = re.compile(r"\d{5,6}", re.ASCII)
_PREFIX = re.compile(r"[1-9]\d{0,14}", re.ASCII)
_CHANNELS = {channel.value: channel for channel in Channel}
_CHARGED_ON = {charged.value: charged for charged in ChargedOn}
V = TypeVar("V")


class RowError(ValueError):
    """A row cannot be used: which column, and what is wrong with it."""

    def __init__(self, column: str, problem: str, suggestion: str | None = None) -> None:
        super().__init__(problem)
        self.column = column
        self.suggestion = suggestion


class RowReader:
    """Makes price rows out of texts by column, and refuses what was there before.

    `currency` is that of the account; every row must be in it, and rows without one get it. None while it is not
    known: then the first row that names one decides. `guess` is for rows that come before it, where the currency is
    not known because of another problem.
    """

    def __init__(self, currency: str | None, rated: Collection[str], guess: str | None = None) -> None:
        self.currency = currency
        self._rated = rated
        self._guess = guess
        self._seen: set[tuple[Channel, str, str, datetime | None]] = set()
        self._prices: dict[str, Decimal] = {}
        self._moments: dict[tuple[str, str], datetime | None] = {}

    def read(self, cells: Mapping[str, str]) -> PriceRow:
        """Return a row. Raises `RowError`."""
        get = cells.get
        places = [(column, text) for column in PLACES if (text := get(column))]
        if len(places) != 1:
            raise RowError("|".join(PLACES), "exactly one of mccmnc, prefix and country must be filled")
        column, place = places[0]
        _check_place(column, place)
        channel = _one_of("channel", get("channel") or "", _CHANNELS)
        start = self._moment("from", get("from"))
        end = self._moment("to", get("to"))
        if start is not None and end is not None and start >= end:
            raise RowError("to", "the row ends before it begins; exchange from and to")
        key = channel, column, place, start
        if key in self._seen:
            raise RowError(column, f"a second price for {channel} to {place} from the same day; remove one of them")
        self._seen.add(key)
        return PriceRow(
            channel=channel,
            price=self._price(get("price") or ""),
            currency=self._currency(get("currency") or ""),
            mccmnc=get("mccmnc") or None,
            prefix=get("prefix") or None,
            country=get("country") or None,
            charged_on=_one_of("charged_on", get("charged_on") or ChargedOn.SUBMIT.value, _CHARGED_ON),
            valid_from=start,
            valid_to=end,
        )

    # A list repeats few prices and dates over many rows, so each text is read once.

    def _price(self, text: str) -> Decimal:
        if text not in self._prices:
            self._prices[text] = _price(text)
        return self._prices[text]

    def _moment(self, column: str, text: str | None) -> datetime | None:
        if not text:
            return None
        if (column, text) not in self._moments:
            self._moments[column, text] = _moment(column, text)
        return self._moments[column, text]

    def _currency(self, text: str) -> str:
        if text and text == self.currency:
            return text
        if not text:
            currency = self.currency or self._guess
            if currency is None:
                raise RowError("currency", "no currency; name it here, or write currency in the provider's table")
            return currency
        try:
            parse_currency(text)
        except ValueError as error:
            raise RowError("currency", str(error)) from None
        if self.currency is not None:
            problem = f"{text} in an account in {self.currency}; a price list is in the currency of the account"
            raise RowError("currency", problem)
        if text not in self._rated:
            raise RowError("currency", f'there is no rate for {text}; add {text} = "…" to [rates]')
        self.currency = text
        return text


def read_price_file(path: Path, shown: str, rows: RowReader) -> tuple[tuple[PriceRow, ...], list[Problem]]:
    """Read a CSV file with a header; `shown` is how problems call it. Returns the good rows and all problems."""
    found: list[Problem] = []

    def note(line: int | None, column: str, message: str, suggestion: str | None = None) -> None:
        found.append(Problem(file=shown, line=line, key=column, message=message, suggestion=suggestion))

    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        note(None, "", f"the price list cannot be read: {error.strerror}")
        return (), found
    except UnicodeDecodeError as error:
        line_start = content.rfind(b"\n", 0, error.start) + 1
        line = content.count(b"\n", 0, error.start) + 1
        note(line, "", f"byte {error.start - line_start + 1} is not UTF-8; save the file as CSV in UTF-8")
        return (), found
    if "\0" in text:
        note(text.count("\n", 0, text.index("\0")) + 1, "", "there is a zero byte; this is not a CSV file")
        return (), found
    return tuple(_rows(text, rows, note, found)), found


Note = Callable[..., None]


def _rows(text: str, rows: RowReader, note: Note, found: Collection[Problem]) -> Iterable[PriceRow]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 0
    try:
        columns = _header(next(lines, []), note)
        if columns is None:
            return
        for cells in lines:
            line = lines.line_num
            if not cells:
                continue
            if len(cells) != len(columns):
                note(line, "", f"{len(cells)} cells under {len(columns)} columns; check commas and quotes")
            else:
                try:
                    yield rows.read(dict(zip(columns, map(str.strip, cells), strict=True)))
                except RowError as error:
                    note(line, error.column, str(error), error.suggestion)
            if len(found) >= MAX_PROBLEMS:
                note(line, "", f"{MAX_PROBLEMS} problems; the rest of the file was not read")
                return
    except csv.Error as error:
        note(line + 1, "", f"this is not CSV: {error}")


def _header(cells: list[str], note: Note) -> list[str] | None:
    """Return the names of the columns, or None after noting what is wrong with them."""
    columns = [cell.strip() for cell in cells]
    wrong = False
    if len(columns) == 1 and re.search(r"[;\t|]", columns[0]):
        note(1, "", "the cells are not separated by commas; save the file with commas")
        return None
    for column in columns:
        if column not in COLUMNS:
            note(1, column, "unknown column", did_you_mean(column, COLUMNS))
            wrong = True
    if doubled := {column for column in columns if columns.count(column) > 1}:
        note(1, sorted(doubled)[0], "the column is there twice; remove one")
        wrong = True
    if missing := [column for column in ("channel", "price") if column not in columns]:
        note(1, missing[0], f"the column is missing; the first line names the columns: {', '.join(COLUMNS)}")
        wrong = True
    if not set(PLACES) & set(columns):
        note(1, "|".join(PLACES), "none of the columns that say for which numbers a price is; add one")
        wrong = True
    return None if wrong else columns


def cells_of(table: object) -> dict[str, str]:
    """Return a table of router.toml as texts by column. Raises `RowError` for values that have no text of their own."""
    if not isinstance(table, dict):
        raise RowError("", 'expected a table such as { country = "RU", channel = "sms", price = "2.50" }')
    cells: dict[str, str] = {}
    for key, value in table.items():
        if key not in COLUMNS:
            raise RowError(key, "unknown key", did_you_mean(key, COLUMNS))
        match value:
            case str():
                cells[key] = value
            case date() if key in {"from", "to"}:
                cells[key] = value.isoformat()
            case float() | int() if key == "price" and not isinstance(value, bool):
                cells[key] = format(Decimal(str(value)), "f")
            case _:
                raise RowError(key, f'expected a text in quotes, such as {key} = "…"')
    return cells


def _check_place(column: str, text: str) -> None:
    match column:
        case "mccmnc" if not _MCCMNC.fullmatch(text):
            raise RowError(column, 'expected 5 or 6 digits, country code first, such as "25001"')
        case "prefix" if not _PREFIX.fullmatch(text):
            raise RowError(column, 'expected the first digits of numbers without "+", such as "7916"')
        case "country" if not is_region(text):
            raise RowError(column, 'expected a country as two capital letters (ISO 3166-1), such as "RU"')
        case _:
            return


def _price(text: str) -> Decimal:
    if not _PRICE.fullmatch(text):
        problem = "a price cannot be negative" if text.startswith("-") else "this is not a price"
        raise RowError("price", f'{problem}; expected an amount with a point, such as "0.0105"')
    return Decimal(text)


def _one_of(column: str, text: str, known: Mapping[str, V]) -> V:
    if text not in known:
        expected = ", ".join(f'"{word}"' for word in known)
        raise RowError(column, f"expected one of {expected}", did_you_mean(text, known, or_list=False))
    return known[text]


def _moment(column: str, text: str) -> datetime | None:
    """Return the moment of a date or a date with time. A bare date is a whole day in UTC, the last one included."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RowError(column, 'expected a date such as "2026-12-31"') from None
    if "T" in text or " " in text:
        if moment.tzinfo is None:
            raise RowError(column, 'the time needs its zone, such as "2026-12-31T00:00:00+03:00"')
        return moment
    if column == "from":
        return moment.replace(tzinfo=UTC)
    if moment.date() == date.max:
        return None  # the customary way to write "for ever"
    return moment.replace(tzinfo=UTC) + timedelta(days=1)
