"""Prices are those of the most specific line in force, and an unlisted price is unknown."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.message import Channel, Money, Msisdn, Network
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.routing.tariff import Price, Rates, Tariff

D = Decimal
RATES = Rates("EUR", {"RUB": D("0.0105"), "USD": D("0.92")})
NUMBER = Msisdn("79161234567")
MTS = Network(country="RU", mccmnc="25001")


def row(price: str, **place: object) -> PriceRow:
    """Return a line for SMS in roubles."""
    return PriceRow(**{"channel": Channel.SMS, "currency": "RUB", "price": D(price), **place})  # type: ignore[arg-type]


def day(number: int) -> datetime:
    """Return midnight of a day of January 2026."""
    return datetime(2026, 1, number, tzinfo=UTC)


def priced(rows: list[PriceRow], *, now: datetime | None = None, network: Network = MTS) -> str | None:
    """Return the price of one segment of an SMS to a number of MTS."""
    found = Tariff(rows, RATES).price(Channel.SMS, NUMBER, network, (now or day(15)).timestamp())
    return str(found.per_segment.amount) if found is not None else None


PLACES = [
    pytest.param([], None, id="an empty list"),
    pytest.param([row("1", country="KZ")], None, id="another country"),
    pytest.param([row("1", prefix="7917")], None, id="another prefix"),
    pytest.param([row("1", prefix="791612345678")], None, id="a prefix longer than the number"),
    pytest.param([row("1", mccmnc="25002")], None, id="another network"),
    pytest.param([row("1", channel=Channel.VIBER, country="RU")], None, id="another channel"),
    pytest.param([row("1", country="RU")], "1", id="country"),
    pytest.param([row("1", country="RU"), row("2", prefix="7")], "2", id="prefix beats country"),
    pytest.param([row("2", prefix="79"), row("3", prefix="7916")], "3", id="longer prefix beats shorter"),
    pytest.param([row("3", prefix="79161234567"), row("4", mccmnc="25001")], "4", id="network beats whole number"),
    pytest.param([row("0", country="RU")], "0", id="a price of nothing is a price"),
]


@pytest.mark.parametrize(("rows", "expected"), PLACES)
def test_the_most_specific_place_wins(rows: list[PriceRow], expected: str | None) -> None:
    """A network beats a prefix, a longer prefix a shorter one, a prefix a country; in either order of the list."""
    assert expected == priced(rows)
    assert expected == priced(rows[::-1])


DATES = [
    pytest.param([row("1", country="RU", valid_from=day(16))], None, id="not yet"),
    pytest.param([row("1", country="RU", valid_from=day(15))], "1", id="from this moment on"),
    pytest.param([row("1", country="RU", valid_to=day(15))], None, id="before this moment only"),
    pytest.param([row("1", country="RU", valid_to=day(16))], "1", id="until tomorrow"),
    pytest.param([row("1", country="RU"), row("2", country="RU", valid_from=day(1))], "2", id="the later one wins"),
    pytest.param(
        [row("1", country="RU"), row("2", country="RU", valid_from=day(1), valid_to=day(9))], "1", id="after an offer"
    ),
    pytest.param(
        [row("1", country="RU"), row("2", mccmnc="25001", valid_to=day(9))], "1", id="what has ended hides nothing"
    ),
]


@pytest.mark.parametrize(("rows", "expected"), DATES)
def test_lines_in_force(rows: list[PriceRow], expected: str | None) -> None:
    """A line holds from its first moment to before its last; of several the one that came into force last counts."""
    assert expected == priced(rows)
    assert expected == priced(rows[::-1])


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        pytest.param(Network(country="RU", mccmnc="25002"), "2", id="ported"),
        pytest.param(Network(country="RU", mccmnc=None), "1", id="network unknown"),
        pytest.param(Network(), "1", id="nothing known"),
    ],
)
def test_the_network_is_the_one_that_is_known(network: Network, expected: str) -> None:
    """A ported number costs what its new network costs; without a network, prefix and country decide."""
    rows = [row("4", mccmnc="25001"), row("2", mccmnc="25002"), row("1", prefix="7916")]

    assert expected == priced(rows, network=network)


def test_a_price_is_of_the_whole_message() -> None:
    """A message costs its segments, exactly, and is compared in the router's currency."""
    price = Tariff([row("2.95", country="RU", charged_on=ChargedOn.DELIVERY)], RATES).price(
        Channel.SMS, NUMBER, MTS, 0.0
    )

    assert isinstance(price, Price)
    assert price.of(3) == Money(D("8.85"), "RUB")
    assert (price.comparable, price.charged_on) == (D("0.030975"), ChargedOn.DELIVERY)


def test_rates_are_exact() -> None:
    """Money is converted without binary fractions; the same currency stays untouched; others are refused."""
    assert RATES.convert(Money(D("100"), "RUB"), "EUR") == Money(D("1.05"), "EUR")
    assert RATES.convert(Money(D("1.05"), "EUR"), "RUB") == Money(D(100), "RUB")
    assert RATES.convert(Money(D("0.10"), "XXX"), "XXX") == Money(D("0.10"), "XXX")
    assert (RATES.knows("EUR"), RATES.knows("USD"), RATES.knows("GBP")) == (True, True, False)
    with pytest.raises(KeyError):
        RATES.comparable(Money(D(1), "GBP"))


def test_a_line_needs_a_place() -> None:
    """A line for nowhere is refused rather than taken as one for everywhere."""
    with pytest.raises(ValueError, match="mccmnc, a prefix or a country"):
        Tariff([row("1")], RATES)


PLACE = st.one_of(
    st.sampled_from(["25001", "25002", "40101"]).map(lambda code: {"mccmnc": code}),
    st.sampled_from(["7", "79", "791", "7916", "79161", "7701", "380"]).map(lambda digits: {"prefix": digits}),
    st.sampled_from(["RU", "KZ"]).map(lambda country: {"country": country}),
)
DAY = st.none() | st.integers(1, 20).map(day)
ROW = st.builds(
    lambda place, channel, price, currency, start, end: PriceRow(
        channel=channel, price=price, currency=currency, valid_from=start, valid_to=end, **place
    ),
    PLACE,
    st.sampled_from([Channel.SMS, Channel.HLR]),
    st.decimals(0, 100, places=3),
    st.sampled_from(["RUB", "EUR", "USD"]),
    DAY,
    DAY,
)


def specificity(line: PriceRow) -> tuple[int, int, float]:
    """Return how specific a line is, and then how new."""
    rank = 2 if line.mccmnc is not None else 1 if line.prefix is not None else 0
    return rank, len(line.prefix or ""), line.valid_from.timestamp() if line.valid_from else -1.0


def by_search(rows: list[PriceRow], channel: Channel, to: str, network: Network, now: datetime) -> PriceRow | None:
    """Find the line by looking at all of them; the first of equals."""
    fitting = [
        line
        for line in rows
        if line.channel is channel
        and (line.mccmnc is None or line.mccmnc == network.mccmnc)
        and (line.prefix is None or to.startswith(line.prefix))
        and (line.country is None or line.country == network.country)
        and (line.valid_from is None or line.valid_from <= now)
        and (line.valid_to is None or now < line.valid_to)
    ]
    return max(fitting, key=specificity, default=None)


@given(
    rows=st.lists(ROW, max_size=25),
    channel=st.sampled_from(list(Channel)),
    to=st.sampled_from(["79161234567", "79261234567", "77011234567", "380501234567"]),
    network=st.builds(
        Network,
        country=st.sampled_from([None, "RU", "KZ", "UA"]),
        mccmnc=st.sampled_from([None, "25001", "25002", "40101", "25599"]),
    ),
    now=st.integers(1, 20).map(day),
)
@settings(max_examples=300, deadline=None)
def test_the_index_finds_what_a_search_finds(
    rows: list[PriceRow], channel: Channel, to: str, network: Network, now: datetime
) -> None:
    """For any list the indexed look-up gives the line that looking at every line gives."""
    tariff = Tariff(rows, RATES)
    found = tariff.price(channel, Msisdn(to), network, now.timestamp())

    assert len(tariff) == len(rows)
    assert (found.row if found is not None else None) is by_search(rows, channel, to, network, now)
    assert found is None or found.comparable == RATES.comparable(Money(found.row.price, found.row.currency))


NUMBERS = st.integers(10**6, 10**15 - 1).map(str)
HOUR = st.none() | st.integers(0, 72).map(lambda hours: day(1) + timedelta(hours=hours))


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_prefixes_of_any_length_are_found(data: st.DataObject) -> None:
    """With overlapping prefixes of one to fifteen digits and any moments, index and search agree for any number."""
    numbers = data.draw(st.lists(NUMBERS, min_size=1, max_size=4))
    prefix = st.builds(
        lambda to, length, last: to[: length - 1] + last,
        st.sampled_from(numbers),
        st.integers(1, 15),
        st.sampled_from("0123456789"),
    )
    exact = st.builds(lambda to, length: to[:length], st.sampled_from(numbers), st.integers(1, 15))
    rows = data.draw(
        st.lists(
            st.builds(
                lambda place, start, end: row("1", prefix=place, valid_from=start, valid_to=end),
                (prefix | exact).filter(lambda digits: not digits.startswith("0")),
                HOUR,
                HOUR,
            ),
            max_size=40,
        )
    )
    now = data.draw(HOUR.filter(bool))
    tariff = Tariff(rows, RATES)
    for to in numbers:
        found = tariff.price(Channel.SMS, Msisdn(to), Network(), now.timestamp())
        assert (found.row if found is not None else None) is by_search(rows, Channel.SMS, to, Network(), now)
