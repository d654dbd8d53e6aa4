"""Each strategy orders candidates as it says, and chance is fair."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import permutations
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.message import Channel, Money
from pointsman.routing.candidate import Candidate, Ranked, Reason
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.routing.strategy import (
    CURIOSITY,
    CURIOSITY_ABOUT_NEWCOMERS,
    RETRY_COST,
    SECOND_LOSS,
    SHORT_RUNWAY,
    SPARING,
    STRATEGIES,
    WELL_KNOWN,
    Balanced,
    Cheapest,
    Fastest,
    Priority,
    Terms,
    Weighted,
    expected_cost,
)
from pointsman.routing.tariff import Price

NO_WEIGHTS: Mapping[str, float] = {}
CHI_SQUARED_999 = {1: 10.83, 2: 13.82, 3: 16.27, 5: 20.52}
"""By degrees of freedom: a value that a fair draw exceeds once in a thousand times."""


def candidate(name: str, position: int = 0, comparable: str | None = None) -> Candidate:
    """Return a candidate of which nothing is known but name, place and price."""
    return Candidate(
        provider=name,
        position=position,
        price=None,
        total=None,
        comparable=Decimal(comparable) if comparable is not None else None,
        funds=None,
        health=1.0,
        sender=None,
    )


def terms(weights: Mapping[str, float], random: Random) -> Terms:
    """Return the terms of a choice in which nothing but weights and chance counts."""
    return Terms(generator=lambda: random, weights=weights)


A, B, C, D = (candidate(name, position) for position, name in enumerate("abcd"))


def chi_squared(counts: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """Return how far counts are from what their shares lead one to expect."""
    total = sum(counts.values())
    return sum((counts[name] - total * share) ** 2 / (total * share) for name, share in shares.items())


def test_cheapest_orders_by_price() -> None:
    """The lower price comes first, equal prices in the route's order, unknown ones last, whatever the input's order."""
    dear, cheap = candidate("dear", 0, "2"), candidate("cheap", 3, "0.5")
    twin, unknown = candidate("twin", 4, "0.50"), candidate("unknown", 1)
    orders = {
        tuple(one.candidate.provider for one in Cheapest().rank(order, terms(NO_WEIGHTS, Random(0))))
        for order in permutations([dear, cheap, twin, unknown])
    }

    assert orders == {("cheap", "twin", "dear", "unknown")}


def test_an_unknown_price_is_not_free() -> None:
    """A price of zero comes first; a price that nobody knows comes last and has no score."""
    ranked = Cheapest().rank([candidate("unknown", 0), candidate("free", 1, "0")], terms(NO_WEIGHTS, Random(0)))

    assert [(one.candidate.provider, one.score) for one in ranked] == [("free", 0.0), ("unknown", None)]


def test_priority_is_the_order_of_the_route() -> None:
    """The position alone decides, not the price and not the order of the input."""
    ranked = Priority().rank([candidate("second", 1, "0.1"), candidate("first", 0, "9")], terms(NO_WEIGHTS, Random(0)))

    assert [(one.candidate.provider, one.score) for one in ranked] == [("first", 0.0), ("second", 1.0)]


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param({"a": 1.0, "b": 1.0, "c": 1.0}, id="equal"),
        pytest.param({"a": 7.0, "b": 2.0, "c": 1.0}, id="unequal"),
        pytest.param({"a": 0.02, "b": 0.98}, id="fractions"),
    ],
)
def test_first_places_go_by_weight(weights: dict[str, float]) -> None:
    """Each provider is first in proportion to its weight."""
    random, candidates = Random(20260117), [one for one in (A, B, C) if one.provider in weights]
    first = Counter(Weighted().rank(candidates, terms(weights, random))[0].candidate.provider for _ in range(20_000))
    total = sum(weights.values())

    shares = {name: weight / total for name, weight in weights.items()}
    assert chi_squared(first, shares) < CHI_SQUARED_999[len(weights) - 1]


def test_later_places_go_by_weight_too() -> None:
    """Whole orders are as probable as drawing without putting back makes them."""
    weights, random = {"a": 5.0, "b": 3.0, "c": 2.0}, Random(20260118)
    orders = Counter(
        "".join(one.candidate.provider for one in Weighted().rank([A, B, C], terms(weights, random)))
        for _ in range(20_000)
    )
    shares = {
        "".join(order): weights[order[0]] / 10 * weights[order[1]] / (10 - weights[order[0]])
        for order in permutations("abc")
    }

    assert chi_squared(orders, shares) < CHI_SQUARED_999[5]


def test_a_missing_weight_is_one() -> None:
    """A provider that the weights do not name counts like one of weight 1."""
    random = Random(20260119)
    first = Counter(Weighted().rank([A, B], terms({"a": 3.0}, random))[0].candidate.provider for _ in range(20_000))

    assert chi_squared(first, {"a": 0.75, "b": 0.25}) < CHI_SQUARED_999[1]


def test_weight_zero_comes_last() -> None:
    """A provider of weight 0 is tried only after all others, and several of them in the route's order."""
    weights, random = {"a": 0.0, "b": 1.0, "c": 0.0, "d": 1.0}, Random(3)
    orders = {
        tuple(one.candidate.provider for one in Weighted().rank([A, B, C, D], terms(weights, random)))
        for _ in range(500)
    }

    assert orders == {("b", "d", "a", "c"), ("d", "b", "a", "c")}


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_all_candidates_are_ranked_once(name: str) -> None:
    """No strategy loses or invents a candidate, and the same chance gives the same order."""
    strategy = STRATEGIES[name]
    candidates = [A, candidate("b", 1, "1"), candidate("c", 2, "0"), D]

    ranked = strategy.rank(candidates, terms({"a": 2.0, "d": 0.0}, Random(5)))
    again = strategy.rank(candidates, terms({"a": 2.0, "d": 0.0}, Random(5)))

    assert sorted(one.candidate.provider for one in ranked) == ["a", "b", "c", "d"]
    assert list(ranked) == list(again)
    assert list(strategy.rank([], terms(NO_WEIGHTS, Random(5)))) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("balanced", Reason.SCORE),
        ("cheapest", Reason.CHEAPEST),
        ("fastest", Reason.FASTEST),
        ("priority", Reason.PRIORITY),
        ("weighted", Reason.WEIGHT),
    ],
)
def test_each_says_why(name: str, reason: Reason) -> None:
    """Every strategy that can be named in the configuration gives its reason."""
    assert STRATEGIES[name].reason is reason


# -- balanced ----------------------------------------------------------------------------------------------------------

SURE = 1e18
"""So much evidence that there is no doubt to have the benefit of."""


ON_DELIVERY = Price(
    Money(Decimal(2), "EUR"),
    Decimal(2),
    ChargedOn.DELIVERY,
    PriceRow(channel=Channel.SMS, price=Decimal(2), currency="EUR", country="RU"),
)


def known(name: str = "a", comparable: str | None = "2", **fields: Any) -> Candidate:
    """Return a candidate of which all is known: it owns up to nothing, always takes messages and delivers them."""
    given = {"health": 1.0, "evidence": SURE, **fields}
    return msgspec.structs.replace(candidate(name, comparable=comparable), **given)


COSTS = {
    "the price alone, where nothing is lost": (known(), 10.0, 2.0),
    "the price and the risk": (known(health=0.9), 10.0, 2.0 + 0.1 * 10.0),
    "whoever owns up costs a second price, and a little of the loss": (
        known(health=0.9, owned_up=1.0),
        10.0,
        2.0 + 0.1 * (2.0 + SECOND_LOSS * 10.0),
    ),
    "half of the losses are owned up": (
        known(health=0.9, owned_up=0.5),
        10.0,
        2.0 + 0.1 * (0.5 * 10.0 + 0.5 * (2.0 + SECOND_LOSS * 10.0)),
    ),
    "refusals cost time": (known(taken=0.5), 10.0, 2.0 + 1.0 * RETRY_COST * 10.0),
    "who refuses everything costs a loss, not more": (known(taken=0.0), 10.0, 2.0 + 10.0),
    "waiting costs its share of the message's life": (known(wait=0.25), 10.0, 2.0 + 0.25 * 10.0),
    "who is going to lose it need not be waited for": (known(health=0.0, wait=0.25), 10.0, 2.0 + 10.0),
    "what is charged on delivery is paid for deliveries": (
        known(price=ON_DELIVERY, health=0.5),
        10.0,
        2.0 * 0.5 + 0.5 * 10.0,
    ),
    "told prices correct the list": (known(drift=1.5), 10.0, 3.0),
    "an account with a long runway pays nothing more": (known(runway=SHORT_RUNWAY), 10.0, 2.0),
    "an account that is half down pays half of the surcharge": (
        known(runway=SHORT_RUNWAY / 2),
        10.0,
        2.0 * (1.0 + SPARING / 2),
    ),
    "an account that is all but empty pays all of it": (known(runway=0.0), 10.0, 2.0 * (1.0 + SPARING)),
    "nobody minds the loss": (known(health=0.5), 0.0, 2.0),
}


@pytest.mark.parametrize(("one", "loss", "cost"), COSTS.values(), ids=COSTS.keys())
def test_what_a_choice_is_expected_to_cost(one: Candidate, loss: float, cost: float) -> None:
    """Price, risk, refusals, waiting and a short runway add up as computed by hand."""
    assert expected_cost(one, loss) == pytest.approx(cost)


def test_little_evidence_has_the_benefit_of_the_doubt() -> None:
    """The less is known of a candidate the better it is taken to be, never better than certain."""
    costs = [expected_cost(known(health=0.7, evidence=evidence), 10.0) for evidence in (0.0, 5.0, 50.0, 500.0, SURE)]

    assert costs == sorted(costs)
    assert costs[0] == 2.0
    assert costs[-1] == pytest.approx(2.0 + 0.3 * 10.0)


def names(ranking: Sequence[Ranked]) -> list[str]:
    """Return who stands where."""
    return [one.candidate.provider for one in ranking]


def balanced(*candidates: Candidate, loss: float = 10.0, allowance: float = 0.0, seed: int = 0) -> Sequence[Ranked]:
    """Rank by the least expected cost."""
    return Balanced().rank(candidates, Terms(generator=lambda: Random(seed), loss=loss, allowance=allowance))


def test_what_a_loss_costs_decides_between_cheap_and_good() -> None:
    """The cheap one is chosen where losses hardly matter, the good one where they do."""
    cheap, good = known("cheap", "1", health=0.8), known("good", "2", health=0.98)

    assert names(balanced(cheap, good, loss=1.0)) == ["cheap", "good"]
    assert names(balanced(cheap, good, loss=20.0)) == ["good", "cheap"]


def test_balanced_orders_by_cost_and_unknown_prices_come_last() -> None:
    """Whatever the input's order; equal costs in the route's order; who has no price has no score."""
    first, twin = known("first", "2", position=0), known("twin", "2", position=1)
    dear, unknown = known("dear", "3", position=2), known("unknown", None, position=3, health=1.0)
    orders = {tuple(names(balanced(*order))) for order in permutations([first, twin, dear, unknown])}

    assert orders == {("first", "twin", "dear", "unknown")}
    assert balanced(unknown)[0].score is None


def firsts(*candidates: Candidate, allowance: float, times: int = 20_000) -> Counter[str]:
    """Return how often each is first, over many choices with one source of chance."""
    random = Random(20260117)
    terms = Terms(generator=lambda: random, loss=10.0, allowance=allowance)
    counts: Counter[str] = Counter()
    for _ in range(times):
        ranking = Balanced().rank(candidates, terms)
        assert ranking[0].explored == (ranking[0].candidate.provider != "best")
        assert not any(one.explored for one in ranking[1:])
        counts[ranking[0].candidate.provider] += 1
    return counts


def test_newcomers_are_tried_in_their_share() -> None:
    """Who is hardly known is tried in so many choices, equally often, as long as the allowance covers it."""
    best = known("best")
    new, other = (known(name, "3", health=0.95, evidence=0.0, position=1) for name in ("new", "other"))
    counts = firsts(best, new, other, allowance=5.0)

    share = CURIOSITY_ABOUT_NEWCOMERS
    assert chi_squared(counts, {"best": 1 - share, "new": share / 2, "other": share / 2}) < CHI_SQUARED_999[2]


def test_what_was_learnt_long_ago_is_learnt_anew() -> None:
    """Who is known well enough is tried in a small share of the choices, and only if it may be the best."""
    best, near = known("best"), known("near", "2.5", health=0.9, evidence=WELL_KNOWN)
    hopeless = known("hopeless", "2.5", health=0.1, evidence=1000.0)
    near = msgspec.structs.replace(near, comparable=Decimal("1.9"))
    counts = firsts(best, near, hopeless, allowance=1000.0)

    assert counts["hopeless"] == 0
    assert chi_squared(counts, {"best": 1 - CURIOSITY, "near": CURIOSITY}) < CHI_SQUARED_999[1]


def test_exploring_never_costs_more_than_the_allowance() -> None:
    """A newcomer that would cost more than has been put aside is not tried; nor anybody without an allowance."""
    best, dear = known("best"), known("dear", "6", evidence=0.0)

    assert firsts(best, dear, allowance=3.9, times=2000)["dear"] == 0
    assert firsts(best, dear, allowance=0.0, times=2000)["dear"] == 0
    assert firsts(best, dear, allowance=4.1, times=2000)["dear"] > 0


def test_balanced_is_the_same_for_the_same_chance() -> None:
    """One seed gives one sequence of rankings, exploring included."""
    candidates = [known("best"), known("new", "2.1", evidence=0.0), known("old", "2.2", health=0.9, evidence=30.0)]
    runs = []
    for _ in range(2):
        random = Random(4711)
        terms = Terms(generator=partial(lambda random: random, random), loss=10.0, allowance=100.0)
        runs.append([tuple(names(Balanced().rank(candidates, terms))) for _ in range(200)])

    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 1


CHANCES = st.floats(0.0, 1.0)


@given(
    health=CHANCES,
    evidence=st.floats(0.0, 1e6),
    taken=CHANCES,
    owned_up=CHANCES,
    wait=st.floats(0.0, 0.999),
    drift=st.floats(0.0, 100.0),
    runway=st.none() | st.floats(0.0, 1e9),
    price=st.none() | st.decimals("0", "1000", places=4).map(str),
    loss=st.floats(0.0, 1e6),
    better=st.floats(0.0, 1.0),
)
@settings(deadline=None)
def test_costs_are_sane(price: str | None, loss: float, better: float, **fields: Any) -> None:
    """An expected cost is finite and not below zero; a dearer message or a dearer loss never makes it less."""
    one = known(comparable=price, **fields)
    cost = expected_cost(one, loss)

    assert 0.0 <= cost < float("inf")
    assert expected_cost(one, loss + better) >= cost - 1e-6
    if price is not None:
        dearer = msgspec.structs.replace(one, comparable=Decimal(price) + 1)
        assert expected_cost(dearer, loss) >= cost - 1e-6


# -- fastest -----------------------------------------------------------------------------------------------------------


def test_fastest_orders_by_usual_delay() -> None:
    """The shorter delay comes first; sending again takes as much longer; unknown ones are last."""
    quick, slow = known("quick", delay=4.0, position=1), known("slow", delay=9.0, position=0)
    lossy, refusing = (
        known("lossy", delay=4.0, health=0.5, position=2),
        known("refusing", delay=4.0, taken=0.4, position=3),
    )
    new, newer = known("new", delay=None, position=4), known("newer", delay=None, position=5)
    orders = {
        tuple(names(Fastest().rank(order, terms(NO_WEIGHTS, Random(0)))))
        for order in permutations([quick, slow, lossy, refusing, new, newer])
    }

    assert orders == {("quick", "lossy", "slow", "refusing", "new", "newer")}
    assert [one.score for one in Fastest().rank([quick, lossy, new], terms(NO_WEIGHTS, Random(0)))] == [4.0, 8.0, None]
