"""Price lists side by side: which of our lines a provider's line is compared with, and what comes of it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pointsman.message import Channel, Money
from pointsman.plugin import PriceQuote
from pointsman.routing.drift import TOLERANCE, Comparison, Standing, compare
from pointsman.routing.price import PriceRow
from pointsman.routing.tariff import Rates

RATES = Rates("EUR", {"RUB": Decimal("0.01")})
NOW = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
COUNTRIES = {"25001": "RU", "25002": "RU", "40101": "KZ"}


def quote(price: str, currency: str = "EUR", **place: str) -> PriceQuote:
    """Return a provider's line for lookups."""
    return PriceQuote(channel=Channel.HLR, price=Money(Decimal(price), currency), **place)


def row(price: str, currency: str = "EUR", channel: Channel = Channel.HLR, **more) -> PriceRow:
    """Return a line of ours."""
    return PriceRow(channel=channel, price=Decimal(price), currency=currency, **more)


def compared(quotes: list[PriceQuote], rows: list[PriceRow]) -> tuple[Comparison, ...]:
    """Compare, at a fixed moment."""
    return compare(quotes, rows, RATES, NOW, COUNTRIES.get)


def told(quotes: list[PriceQuote], rows: list[PriceRow]) -> list[tuple[Standing, Decimal | None]]:
    """Return what came of each line."""
    return [(one.standing, one.difference) for one in compared(quotes, rows)]


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        ("0.002", "0.0020", (Standing.SAME, Decimal(0))),
        ("0.0021", "0.002", (Standing.DRIFT, Decimal(5))),
        ("0.001", "0.002", (Standing.DRIFT, Decimal(-50))),
        ("0", "0", (Standing.SAME, Decimal(0))),
        ("0.002", "0", (Standing.DRIFT, None)),
    ],
)
def test_a_difference_is_told_in_percent_of_ours(theirs: str, ours: str, expected: tuple) -> None:
    """In one currency every difference is a drift, up or down; above a price of zero it has no percentage."""
    assert told([quote(theirs, country="RU")], [row(ours, country="RU")]) == [expected]


def test_what_we_do_not_list_is_said_and_not_zero() -> None:
    """A line that we have no price for is unlisted, and has neither a price of ours nor a difference."""
    (only,) = compared([quote("0.002", country="BY", name="Belarus")], [row("0.003", country="RU")])

    assert (only.standing, only.row, only.ours, only.difference, only.drift) == (
        Standing.UNLISTED,
        None,
        None,
        None,
        False,
    )


def test_a_line_for_a_network_is_compared_with_ours_for_the_network_else_for_its_country() -> None:
    """Our line for the network comes first; without one, the line for its country holds there."""
    rows = [row("1", country="RU"), row("2", mccmnc="25001")]

    assert told([quote("2", mccmnc="25001"), quote("1", mccmnc="25002")], rows) == [(Standing.SAME, 0)] * 2


def test_a_line_for_a_country_is_compared_with_our_networks_there_as_well() -> None:
    """What we list for a network overrides the country, so it is compared unless the provider names that network."""
    rows = [row("1", country="RU"), row("1", mccmnc="25001"), row("3", mccmnc="25002"), row("9", mccmnc="40101")]

    assert told([quote("1", country="RU")], rows) == [
        (Standing.SAME, 0),
        (Standing.SAME, 0),
        (Standing.DRIFT, told_of("3")),
    ]
    assert told([quote("1", country="RU"), quote("3", mccmnc="25002")], rows) == [(Standing.SAME, 0)] * 3


def told_of(ours: str) -> Decimal:
    """Return the difference of a price of one to ours, in percent."""
    return (1 - Decimal(ours)) / Decimal(ours) * 100


def test_a_line_may_name_the_country_by_its_mobile_code_only() -> None:
    """A provider that names no more than 250 is compared with our networks whose codes begin so."""
    assert told([quote("2", mcc="250")], [row("2", mccmnc="25001")]) == [(Standing.SAME, 0)]


def test_a_price_in_another_currency_is_converted_and_may_be_a_little_off() -> None:
    """Our rates are not the provider's, so only more than the tolerance is a drift."""
    ours = [row("0.002", country="RU")]
    near, far = TOLERANCE / 100, TOLERANCE / 100 + Decimal("0.01")

    assert told([quote(str(Decimal("0.2") * (1 + near)), "RUB", country="RU")], ours) == [(Standing.SAME, TOLERANCE)]
    assert told([quote(str(Decimal("0.2") * (1 + far)), "RUB", country="RU")], ours) == [
        (Standing.DRIFT, TOLERANCE + 1)
    ]


def test_a_currency_without_a_rate_is_said() -> None:
    """A price in a currency that we have no rate for cannot be compared, unless ours is in the same one."""
    quotes = [quote("1", "CHF", country="RU")]

    assert told(quotes, [row("1", country="RU")]) == [(Standing.NO_RATE, None)]
    assert told(quotes, [row("1", "CHF", country="RU")]) == [(Standing.SAME, 0)]


def test_only_what_is_in_force_counts() -> None:
    """A line that is over or not begun is not ours now; of several in force the latest holds."""
    rows = [
        row("7", country="RU", valid_from=datetime(2027, 1, 1, tzinfo=UTC)),
        row("2", country="RU", valid_from=datetime(2026, 6, 1, tzinfo=UTC)),
        row("1", country="RU"),
        row("9", country="BY", valid_to=datetime(2026, 1, 1, tzinfo=UTC)),
    ]

    assert told([quote("2", country="RU"), quote("9", country="BY")], rows) == [
        (Standing.SAME, 0),
        (Standing.UNLISTED, None),
    ]


def test_channels_are_kept_apart() -> None:
    """A price of ours for SMS says nothing about a lookup, and neither does a price by prefix about a network."""
    rows = [row("1", country="RU", channel=Channel.SMS), row("1", prefix="7916")]

    assert told([quote("1", country="RU")], rows) == [(Standing.UNLISTED, None)]
