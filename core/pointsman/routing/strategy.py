"""In which order candidates are tried. A strategy is a pure function of candidates, weights and chance."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
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
        ordered = sorted(candidates, key=_by_price)
        return [
            Ranked(candidate=candidate, score=None if candidate.comparable is None else float(candidate.comparable))
            for candidate in ordered
        ]


class Priority:
    """The order in which the route lists its providers."""

    reason = Reason.PRIORITY

    def rank(self, candidates: Sequence[Candidate], weights: Mapping[str, float], random: Random) -> Sequence[Ranked]:
        """Order by position."""
        del weights, random
        ordered = sorted(candidates, key=lambda candidate: candidate.position)
        return [Ranked(candidate=candidate, score=float(candidate.position)) for candidate in ordered]


class Weighted:
    """Shares in proportion to weights: each place is drawn from those that are left.

    A provider without a weight counts 1; one with weight 0 is tried only after all others.
    """

    reason = Reason.WEIGHT

    def rank(self, candidates: Sequence[Candidate], weights: Mapping[str, float], random: Random) -> Sequence[Ranked]:
        """Draw without putting back."""
        left = list(candidates)
        ranked: list[Ranked] = []
        while left:
            shares = [weights.get(candidate.provider, 1.0) for candidate in left]
            drawn = random.choices(left, shares)[0] if sum(shares) > 0 else left[0]
            ranked.append(Ranked(candidate=drawn, score=float(len(ranked))))
            left.remove(drawn)
        return ranked


def _by_price(candidate: Candidate) -> tuple[bool, Decimal, int]:
    return candidate.comparable is None, candidate.comparable or Decimal(0), candidate.position


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {"cheapest": Cheapest(), "priority": Priority(), "weighted": Weighted()}
)
