"""What is strange about a price list is told once, with its place; what is usual is not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from pointsman.config.examine import JUMP, SOON, Oddity, Placed, examine
from pointsman.message import Channel
from pointsman.routing.price import PriceRow
from pointsman.text import Networks, bundled_networks
from pointsman.text.networks import KnownNetwork

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FEW = Networks(
    [KnownNetwork(mccmnc=f"2500{number}", country="RU", operator=f"O{number}", brand="") for number in range(8)]
)


def row(price: str = "1", **fields: object) -> PriceRow:
    """Return a row for SMS."""
    return PriceRow(**{"channel": Channel.SMS, "price": Decimal(price), "currency": "EUR", **fields})  # type: ignore[arg-type]


def examined(*rows: PriceRow, networks: Networks = FEW) -> list[tuple[str, Oddity]]:
    """Return what is found, with the number of the row that it is found at."""
    placed = [Placed(f"{place}", one) for place, one in enumerate(rows)]
    return [(one.where, one.what) for one in examine("list", placed, networks, NOW)]


TEN = [row(prefix=f"791{digit}") for digit in range(10)]
CASES = {
    "nothing": ([], []),
    "a good list": ([row(country="RU"), row("2", prefix="7916"), row("3", mccmnc="25001")], []),
    "a new price": ([row(country="RU"), row("2", country="RU", valid_from=NOW - DAY)], []),
    "a price to come": ([row(country="RU", valid_to=NOW + DAY), row("2", country="RU", valid_from=NOW + DAY)], []),
    "an old overlap": (
        [row(country="RU", valid_to=NOW - DAY), row("2", country="RU", valid_from=NOW - 2 * DAY)],
        [],
    ),
    "an overlap": (
        [row(country="RU", valid_to=NOW + 9 * DAY), row("2", country="RU", valid_from=NOW - DAY)],
        [("0", Oddity.OVERLAP)],
    ),
    "other numbers do not overlap": (
        [row(country="RU", valid_to=NOW + 99 * DAY), row("2", country="KZ", valid_from=NOW)],
        [],
    ),
    "ends soon": ([row(country="RU", valid_to=NOW + SOON)], [("0", Oddity.ENDS)]),
    "ends later": ([row(country="RU", valid_to=NOW + SOON + DAY)], []),
    "has ended": ([row(country="RU", valid_to=NOW)], [("0", Oddity.ENDS)]),
    "an offer over a price": ([row(country="RU"), row("2", country="RU", valid_from=NOW, valid_to=NOW + DAY)], []),
    "ten prefixes": ([row(prefix="791"), *TEN], [("0", Oddity.COVERED)]),
    "nine prefixes": ([row(prefix="791"), *TEN[1:]], []),
    "ten prefixes, one of which begins later": (
        [row(prefix="791"), *TEN[1:], row(prefix="7910", valid_from=NOW)],
        [],
    ),
    "ten prefixes of another channel": ([row(prefix="791", channel=Channel.HLR), *TEN], []),
    "free": ([row("0", country="RU")], [("0", Oddity.FREE)]),
    "ten times": ([row(country="RU"), row(prefix="79"), row(str(JUMP), prefix="791")], []),
    "more than ten times": (
        [row(country="RU"), row(prefix="79"), row(str(JUMP + 1), prefix="791")],
        [("2", Oddity.JUMP)],
    ),
    "less than a tenth": ([row(country="RU"), row(prefix="79"), row("0.09", prefix="791")], [("2", Oddity.JUMP)]),
    "two that are far apart": ([row(country="RU"), row("11", prefix="79")], [("0", Oddity.JUMP)]),
    "far apart in two countries": ([row(country="RU"), row("11", country="KZ"), row("11", prefix="77")], []),
    "networks without a price": ([row(mccmnc="25001")], [("list", Oddity.GAP)]),
    "all networks": ([row(mccmnc=f"2500{number}") for number in range(8)], []),
    "the country has a price": ([row(mccmnc="25001"), row(country="RU")], []),
    "a prefix may cover the rest": ([row(mccmnc="25001"), row(prefix="79")], []),
    "the country has a price for another channel": (
        [row(mccmnc="25001"), row(country="RU", channel=Channel.HLR)],
        [("list", Oddity.GAP)],
    ),
}


@pytest.mark.parametrize(("rows", "expected"), CASES.values(), ids=CASES)
def test_findings(rows: list[PriceRow], expected: list[tuple[str, Oddity]]) -> None:
    """Each kind of slip is found where it is, and lists as people write them are quiet."""
    assert examined(*rows) == expected


def test_a_finding_says_what_to_do() -> None:
    """The words name the row, what is wrong and what to do; of many networks only the first are named."""
    [gap] = examine("prices.csv", [Placed("prices.csv:2", row(mccmnc="25001"))], FEW, NOW)
    [ends] = examine("prices.csv", [Placed("prices.csv:2", row(country="RU", valid_to=NOW + DAY))], FEW, NOW)

    named = "25000 O0, 25002 O2, 25003 O3, 25004 O4, 25005 O5 and 2 more"
    assert str(gap) == f"prices.csv: gap: sms: networks of RU without a price: {named}; add a row for the country"
    assert str(ends).startswith("prices.csv:2: ends: sms country RU: ends on 2026-06-02 and nothing follows")


def test_the_bundled_table_serves() -> None:
    """With the table of networks that comes with the package, a list of one network has a gap."""
    assert examined(row(mccmnc="25001"), networks=bundled_networks()) == [("list", Oddity.GAP)]
