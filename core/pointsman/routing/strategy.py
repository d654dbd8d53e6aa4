"""In which order candidates are tried. A strategy is a pure function of candidates, weights and chance."""

from collections.abc import Mapping, Sequence
from math import inf, log
from operator import attrgetter, itemgetter
from random import Random
from types import MappingProxyType
from typing import Protocol

from pointsman.routing.candidate import Candidate, Ranked, Reason


class Strategy(Protocol):
    """An ordering rule. `reason` is what it gives as the reason for its first choice."""

    reason: Reason

    def rank(self, candidates: Sequence[Candidate], weights: Mapping[str, float], random: Random) -> Sequence[Ranked]:
        """Return all candidates, the best first."""
        ...


class Cheapest:
    """The lowest price of the whole message; unknown prices come last, equal ones in the route's order."""

    reason = Reason.CHEAPEST

    def rank(self, candidates: Sequence[Candidate], weights: Mapping[str, float], random: Random) -> Sequence[Ranked]:
        """Order by price."""
        del weights, random
        in_order = sorted(candidates, key=_position)
        known = [(one.comparable, one) for one in in_order if one.comparable is not None]
        known.sort(key=itemgetter(0))
        ranked = [Ranked(candidate=one, score=float(price)) for price, one in known]
        return ranked + [Ranked(candidate=one) for one in in_order if one.comparable is None]


class Priority:
    """The order in which the route lists its providers."""

    reason = Reason.PRIORITY

    def rank(self, candidates: Sequence[Candidate], weights: Mapping[str, float], random: Random) -> Sequence[Ranked]:
        """Order by position."""
        del weights, random
        return [Ranked(candidate=one, score=float(one.position)) for one in sorted(candidates, key=_position)]


class Weighted:
    """Shares in proportion to weights: each place is drawn from those that are left.

    All places are drawn at once: each candidate gets a random waiting time with its weight as the rate, and they are
    ranked as they arrive. Whoever is left has the same chances at each place as in drawing one by one.

    A provider without a weight counts 1; one with weight 0 is tried only after all others.
    """

    reason = Reason.WEIGHT

    def rank(self, candidates: Sequence[Candidate], weights: Mapping[str, float], random: Random) -> Sequence[Ranked]:
        """Draw without putting back; the score is the place."""
        arrivals = [(_waiting_time(weights.get(one.provider, 1.0), random), one) for one in candidates]
        arrivals.sort(key=itemgetter(0))
        return [Ranked(candidate=one, score=float(place)) for place, (_, one) in enumerate(arrivals)]


def _waiting_time(weight: float, random: Random) -> float:
    return -log(1.0 - random.random()) / weight if weight > 0 else inf


_position = attrgetter("position")


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {"cheapest": Cheapest(), "priority": Priority(), "weighted": Weighted()}
)
