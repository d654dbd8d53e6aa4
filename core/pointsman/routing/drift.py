"""A provider's own price list beside ours: what we pay for what, and where our list is out of date."""

import enum
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import msgspec

from pointsman.message import Money
from pointsman.plugin import PriceQuote
from pointsman.routing.price import PriceRow
from pointsman.routing.tariff import Rates

TOLERANCE = Decimal(2)
"""Percent that a price in another currency may differ by: our rates are not the provider's."""
_HUNDRED = Decimal(100)


class Standing(enum.StrEnum):
    """How our price stands to the provider's."""

    SAME = "same"
    DRIFT = "drift"
    """Ours is not what the provider says."""
    UNLISTED = "unlisted"
    """Our list has no price for it, which is not a price of zero."""
    NO_RATE = "no_rate"
    """We have no rate for the currency that the provider names."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a provider's price list, beside one of ours."""

    quote: PriceQuote
    standing: Standing
    row: PriceRow | None = None
    """The line of our list; None when none is for this."""
    ours: Money | None = None
    difference: Decimal | None = None
    """By how many percent the provider's price is above ours; None where that cannot be said."""

    @property
    def drift(self) -> bool:
        """Our price is not the provider's."""
        return self.standing is Standing.DRIFT


def compare(
    quotes: Sequence[PriceQuote],
    rows: Iterable[PriceRow],
    rates: Rates,
    now: float,
    country_of: Callable[[str], str | None],
) -> tuple[Comparison, ...]:
    """Compare every line of a provider's list with those of ours that are for the same, in the provider's order.

    A line for a country is compared with ours for the country, and with ours for each network there of which the
    provider does not speak itself. Ours by prefix are left out: a prefix does not tell a network. `now` is wall time;
    `country_of` tells the country of an MCC/MNC.
    """
    ours = _Ours(rows, now, country_of)
    named = {(quote.channel, quote.mccmnc) for quote in quotes if quote.mccmnc is not None}
    found: list[Comparison] = []
    for quote in quotes:
        matching = [row for row in ours.matching(quote) if quote.mccmnc or (row.channel, row.mccmnc) not in named]
        found += [_beside(quote, row, rates) for row in matching] or [
            Comparison(quote=quote, standing=Standing.UNLISTED)
        ]
    return tuple(found)


class _Ours:
    """The lines of our list that are in force, by the places that they name."""

    def __init__(self, rows: Iterable[PriceRow], now: float, country_of: Callable[[str], str | None]) -> None:
        self._country_of = country_of
        self._countries: dict[tuple[str, str], PriceRow] = {}
        self._networks: dict[tuple[str, str], PriceRow] = {}
        self._within: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for row in sorted((row for row in rows if _in_force(row, now)), key=_start):
            if row.country is not None:
                self._countries[row.channel, row.country] = row
            elif row.mccmnc is not None:
                if (row.channel, row.mccmnc) not in self._networks:
                    for place in {row.mccmnc[:3], country_of(row.mccmnc)} - {None}:
                        self._within[row.channel, str(place)].append(row.mccmnc)
                self._networks[row.channel, row.mccmnc] = row

    def matching(self, quote: PriceQuote) -> list[PriceRow]:
        """Return our lines for what a quote is for."""
        country, channel = quote.country, quote.channel
        if quote.mccmnc is not None:
            row = self._networks.get((channel, quote.mccmnc))
            country = country or self._country_of(quote.mccmnc)
            row = row or self._countries.get((channel, country or ""))
            return [row] if row is not None else []
        whole = self._countries.get((channel, country or ""))
        codes = dict.fromkeys(
            code for place in (quote.mcc, country) if place for code in self._within.get((channel, place), ())
        )
        return [*([whole] if whole is not None else []), *(self._networks[channel, code] for code in codes)]


def _beside(quote: PriceQuote, row: PriceRow, rates: Rates) -> Comparison:
    ours = Money(row.price, row.currency)
    theirs = quote.price
    converted = theirs.currency != ours.currency
    if converted and not (rates.knows(theirs.currency) and rates.knows(ours.currency)):
        return Comparison(quote=quote, standing=Standing.NO_RATE, row=row, ours=ours)
    theirs_here = rates.convert(theirs, ours.currency).amount
    apart = theirs_here - ours.amount
    difference = (apart / ours.amount * _HUNDRED) if ours.amount else None if apart else Decimal(0)
    allowed = TOLERANCE if converted else Decimal(0)
    same = difference is not None and abs(difference) <= allowed
    return Comparison(
        quote=quote,
        standing=Standing.SAME if same else Standing.DRIFT,
        row=row,
        ours=ours,
        difference=difference,
    )


def _in_force(row: PriceRow, now: float) -> bool:
    begun = row.valid_from is None or row.valid_from.timestamp() <= now
    return begun and (row.valid_to is None or now < row.valid_to.timestamp())


def _start(row: PriceRow) -> float:
    return row.valid_from.timestamp() if row.valid_from is not None else float("-inf")
