"""What providers really charge corrects the list, once enough prices were told, and a drift is told once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.message import Channel, Network
from pointsman.routing.observed import DRIFT, FADE, MOST, SURE, Drift, ObservedPrices

D = Decimal
SMS = Channel.SMS
MTS, MEGAFON = (Network(country="RU", mccmnc=mccmnc) for mccmnc in ("25001", "25002"))


def told(observed: ObservedPrices, *prices: str, network: Network = MTS, listed: str = "2") -> list[Drift]:
    """Note prices that were told; return the drifts that were news."""
    drifts = (observed.note(SMS, network, D(price), D(listed)) for price in prices)
    return [drift for drift in drifts if drift is not None]


def test_prices_that_agree_correct_nothing() -> None:
    """Told as listed, or within the limit: the ratio is 1 and nothing is news."""
    observed = ObservedPrices()

    assert told(observed, *["2"] * 50, *["2.01"] * 50) == []
    assert observed.ratio(SMS, MTS) == 1.0
    assert observed.drifts() == ()


def test_one_odd_price_is_no_drift() -> None:
    """Fewer prices than make one sure correct nothing."""
    observed = ObservedPrices()

    assert told(observed, "4", "4") == []
    assert observed.ratio(SMS, MTS) == 1.0


def test_a_new_price_is_learnt_and_told_once() -> None:
    """A price that changed is in the ratio, is told once it is sure, and not again while it stays."""
    observed = ObservedPrices()
    drifts = told(observed, *["3"] * 60)

    assert [(drift.channel, drift.network) for drift in drifts] == [(SMS, "25001")]
    assert drifts[0].ratio == pytest.approx(1.5)
    assert observed.ratio(SMS, MTS) == pytest.approx(1.5)
    assert [drift.ratio for drift in observed.drifts()] == pytest.approx([1.5])


def test_a_price_that_comes_back_is_news_too() -> None:
    """When told and listed agree again, that is told, and nothing is corrected any more."""
    observed = ObservedPrices()
    told(observed, *["3"] * 60)
    drifts = told(observed, *["2"] * 200)

    assert drifts
    assert drifts[-1].ratio == pytest.approx(1.0, abs=2 * DRIFT)
    assert observed.ratio(SMS, MTS) == 1.0


def test_numbers_of_two_prices_make_an_average() -> None:
    """Where some numbers of a network cost more, the ratio is what a message costs on the average."""
    observed = ObservedPrices()
    told(observed, *["2", "2", "2", "4"] * 40)

    assert observed.ratio(SMS, MTS) == pytest.approx(1.25, abs=0.05)


def test_the_latest_counts_most() -> None:
    """Each told price counts so much less than the next one."""
    observed = ObservedPrices()
    told(observed, "2", "2", "2", "2", "4")
    older = sum(FADE**newer for newer in range(1, 5))

    assert observed.ratio(SMS, MTS) == pytest.approx((older * 1.0 + 2.0) / (older + 1.0))


def test_networks_and_channels_are_told_apart() -> None:
    """A drift in one network says nothing of another one or of another channel."""
    observed = ObservedPrices()
    told(observed, *["3"] * 10)

    assert observed.ratio(SMS, MEGAFON) == 1.0
    assert observed.ratio(Channel.VIBER, MTS) == 1.0


@pytest.mark.parametrize(("price", "listed"), [("1", "0"), ("1", "-1"), ("-1", "2")])
def test_nonsense_is_ignored(price: str, listed: str) -> None:
    """A listed price of nothing has no ratio, and nobody pays us."""
    observed = ObservedPrices()

    assert told(observed, *[price] * 20, listed=listed) == []
    assert observed.ratio(SMS, MTS) == 1.0


def test_networks_are_bounded() -> None:
    """Of more networks than there are places the one that was told longest ago is forgotten."""
    observed = ObservedPrices()
    told(observed, *["3"] * 10, network=MTS)
    told(observed, *["3"] * 10, network=MEGAFON)
    for number in range(MOST - 1):
        told(observed, "2", network=Network(country="RU", mccmnc=f"9{number:05}"))

    assert observed.ratio(SMS, MTS) == 1.0
    assert observed.ratio(SMS, MEGAFON) == pytest.approx(1.5)
    assert len(observed._told) == MOST


@given(prices=st.lists(st.decimals("0", "1000", places=4), min_size=1, max_size=60))
def test_a_ratio_lies_between_the_told_ones(prices: list[Decimal]) -> None:
    """Whatever is told, the ratio is an average of it, or 1; nothing is corrected before it is sure."""
    observed = ObservedPrices()
    for price in prices:
        observed.note(SMS, MTS, price, D(2))
    ratio, ratios = observed.ratio(SMS, MTS), [float(price / 2) for price in prices]

    assert ratio == 1.0 or min(ratios) - 1e-9 <= ratio <= max(ratios) + 1e-9
    assert ratio == 1.0 or len(prices) >= SURE
