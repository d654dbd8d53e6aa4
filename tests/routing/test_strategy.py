"""Each strategy orders candidates as it says, and chance is fair."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from itertools import permutations
from random import Random

import pytest

from pointsman.routing.candidate import Candidate, Reason
from pointsman.routing.strategy import STRATEGIES, Cheapest, Priority, Terms, Weighted

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
    ("name", "reason"), [("cheapest", Reason.CHEAPEST), ("priority", Reason.PRIORITY), ("weighted", Reason.WEIGHT)]
)
def test_each_says_why(name: str, reason: Reason) -> None:
    """Every strategy that can be named in the configuration gives its reason."""
    assert STRATEGIES[name].reason is reason
