"""The order in which candidates are tried, those behind breakers included: what a decision and its replay share."""

from collections.abc import Sequence
from random import Random

from pointsman.routing.candidate import Candidate, Conditions, Ranked, Reason
from pointsman.routing.strategy import Strategy, Terms


class _Seeded:
    """Makes a generator when it is needed first."""

    __slots__ = ("_random", "_seed")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random: Random | None = None

    def __call__(self) -> Random:
        """Return the generator."""
        if self._random is None:
            self._random = Random(self._seed)
        return self._random


def rank(
    strategy: Strategy, candidates: Sequence[Candidate], forced: Sequence[Candidate], conditions: Conditions
) -> tuple[Sequence[Ranked], Reason]:
    """Order the candidates, and behind them the best of those behind breakers if these are more than half.

    When every breaker is open, all those behind them are candidates. Both lists are in the route's order. The same
    arguments give the same result, to the last bit.
    """
    if not (candidates or forced):
        return (), Reason.NONE
    terms = Terms(
        generator=_Seeded(conditions.seed),
        weights=dict(conditions.weights),
        loss=conditions.loss,
        allowance=conditions.allowance,
    )
    ranking = list(strategy.rank(candidates, terms)) if candidates else []
    reason = strategy.reason
    working = len(candidates) + conditions.served
    if forced and not working:
        return strategy.rank(forced, terms), Reason.ALL_DOWN
    too_many = len(forced) - (working + len(forced)) // 2
    if too_many > 0:
        ranking += strategy.rank(forced, terms)[:too_many]
    if not candidates:
        return ranking, Reason.HALF_DOWN if ranking else Reason.NONE
    if len(candidates) == 1:
        return ranking, Reason.ONLY
    return ranking, Reason.EXPLORE if ranking[0].explored else reason
