"""One row of a price list, read from the texts of its cells: the same rules for CSV files and router.toml."""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TypeVar

import msgspec

from pointsman.config.problems import did_you_mean
from pointsman.config.values import parse_currency
from pointsman.message import Channel
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.text import is_region

PLACES = ("mccmnc", "prefix", "country")
ONE_PLACE = "|".join(PLACES)
"""Stands for the three columns of which one must be filled."""
COLUMNS = (*PLACES, "channel", "price", "currency", "charged_on", "from", "to")
Cells = tuple[str, ...]
"""The texts of a row in the order of `COLUMNS`."""

_PRICE = re.compile(r"\d{1,9}(?:\.\d{1,12})?", re.ASCII)
_MCCMNC = re.compile(r"\d{5,6}", re.ASCII)
_PREFIX = re.compile(r"[1-9]\d{0,14}", re.ASCII)
_CHANNELS = {channel.value: channel for channel in Channel}
_CHARGED_ON = {charged.value: charged for charged in ChargedOn}
V = TypeVar("V")


class RowError(ValueError):
    """A cell cannot be used: which column, and what is wrong with it."""

    def __init__(self, column: str, problem: str, suggestion: str | None = None) -> None:
        super().__init__(problem)
        self.column = column
        self.suggestion = suggestion


class BadRow(ValueError):
    """A row cannot be used; `flaws` is everything that is wrong with it, at least one thing."""

    def __init__(self, flaws: Iterable[RowError]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("; ".join(map(str, self.flaws)))


class _Terms(msgspec.Struct, frozen=True):
    """What a row says besides for which numbers it is."""

    channel: Channel
    price: Decimal
    currency: str
    charged_on: ChargedOn
    start: datetime | None
    end: datetime | None


class RowReader:
    """Makes price rows out of the texts of their cells, and refuses what was there before.

    `currency` is that of the account; every row must be in it, and rows without one get it. None while it is not
    known: then the first row that names one decides. `guess` is for rows that come before it, where the currency is
    not known because of another problem.
    """

    def __init__(self, currency: str | None, rated: Container[str], guess: str | None = None) -> None:
        self.currency = currency
        self._rated = rated
        self._guess = guess
        self._seen: set[tuple[Channel, datetime | None, str, str, str]] = set()
        self._terms: dict[Cells, _Terms] = {}

    def read(self, cells: Cells) -> PriceRow:
        """Return a row of the texts under `COLUMNS`, empty where nothing stands. Raises `BadRow`."""
        try:
            return self._read(cells)
        except RowError as first:
            raise BadRow(self.flaws(cells) or (first,)) from None

    def flaws(self, cells: Cells) -> tuple[RowError, ...]:
        """Return what is wrong with each cell of a row, in the order of the columns."""
        mccmnc, prefix, country, channel, price, currency, charged_on, start, end = cells
        checks: tuple[Callable[[], object], ...] = (
            partial(_checked_place, mccmnc, prefix, country),
            partial(_one_of, "channel", channel, _CHANNELS),
            partial(_price, price),
            partial(self._currency, currency),
            partial(_charged_on, charged_on),
            partial(_start, start),
            partial(_end, end),
            partial(_check_order, start, end),
        )
        found: dict[tuple[str, str], RowError] = {}
        for check in checks:
            try:
                check()
            except RowError as error:
                found.setdefault((error.column, str(error)), error)
        return tuple(found.values())

    def _read(self, cells: Cells) -> PriceRow:
        mccmnc, prefix, country = cells[:3]
        column = _checked_place(mccmnc, prefix, country)
        # A list repeats few terms over many numbers, so that reading each of them once saves most of the work.
        terms = self._terms.get(cells[3:])
        if terms is None:
            terms = self._terms[cells[3:]] = self._read_terms(*cells[3:])
        key = terms.channel, terms.start, mccmnc, prefix, country
        if key in self._seen:
            raise RowError(column, f"a second price for {terms.channel} from the same day; remove one of them")
        self._seen.add(key)
        return PriceRow(
            channel=terms.channel,
            price=terms.price,
            currency=terms.currency,
            mccmnc=mccmnc or None,
            prefix=prefix or None,
            country=country or None,
            charged_on=terms.charged_on,
            valid_from=terms.start,
            valid_to=terms.end,
        )

    def _read_terms(self, channel: str, price: str, currency: str, charged_on: str, start: str, end: str) -> _Terms:
        _check_order(start, end)
        return _Terms(
            _one_of("channel", channel, _CHANNELS),
            _price(price),
            self._currency(currency),
            _charged_on(charged_on),
            _start(start),
            _end(end),
        )

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


def _checked_place(mccmnc: str, prefix: str, country: str) -> str:
    """Return the column that says for which numbers a price is. Raises `RowError`."""
    if mccmnc and not prefix and not country:
        if not _MCCMNC.fullmatch(mccmnc):
            raise RowError("mccmnc", 'expected 5 or 6 digits, country code first, such as "25001"')
        return "mccmnc"
    if prefix and not mccmnc and not country:
        if not _PREFIX.fullmatch(prefix):
            raise RowError("prefix", 'expected the first digits of numbers without "+", such as "7916"')
        return "prefix"
    if country and not mccmnc and not prefix:
        if not is_region(country):
            raise RowError("country", 'expected a country as two capital letters (ISO 3166-1), such as "RU"')
        return "country"
    raise RowError(ONE_PLACE, "exactly one of mccmnc, prefix and country must be filled")


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


def _charged_on(text: str) -> ChargedOn:
    return _one_of("charged_on", text or ChargedOn.SUBMIT, _CHARGED_ON)


def _start(text: str) -> datetime | None:
    return _moment("from", text) if text else None


def _end(text: str) -> datetime | None:
    return _moment("to", text) if text else None


def _check_order(start: str, end: str) -> None:
    """Raise `RowError` for a row that ends before it begins, or one of whose ends cannot be read."""
    first, last = _start(start), _end(end)
    if first is not None and last is not None and first >= last:
        raise RowError("to", "the row ends before it begins; exchange from and to")


def _moment(column: str, text: str) -> datetime | None:
    """Return the moment of a date or a date with time. A bare date is a whole day in UTC, the last one included."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _exact_moment(column, text)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if column == "from":
        return midnight
    if day == date.max:
        return None  # the customary way to write "for ever"
    return midnight + timedelta(days=1)


def _exact_moment(column: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RowError(column, 'expected a date such as "2026-12-31"') from None
    if moment.tzinfo is None:
        raise RowError(column, 'the time needs its zone, such as "2026-12-31T00:00:00+03:00"')
    return moment
