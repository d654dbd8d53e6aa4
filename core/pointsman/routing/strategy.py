"""In which order candidates are tried. A strategy is a pure function of candidates and of the terms of the choice."""

from collections.abc import Callable, Mapping, Sequence
from math import inf, log, sqrt
from operator import attrgetter, itemgetter
from random import Random
from types import MappingProxyType
from typing import Protocol

import msgspec

from pointsman.routing.candidate import Candidate, Ranked, Reason
from pointsman.routing.price import ChargedOn


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a choice depends on besides the candidates."""

    generator: Callable[[], Random]
    """Returns the generator of this choice, always the same; making one takes long, and few strategies need it."""
    weights: Mapping[str, float] = {}
    """Shares of the traffic by provider; 1 where none is given."""
    loss: float = 0.0
    """What it costs, in the router's currency, that this message is not delivered."""
    allowance: float = 0.0
    """How much more than the best a choice may cost for the sake of learning, in the router's currency."""

    @property
    def random(self) -> Random:
        """Where chance comes from."""
        return self.generator()


class Strategy(Protocol):
    """An ordering rule."""

    reason: Reason
    """Why the first in the order that it made last is first."""

    def rank(self, candidates: Sequence[Candidate], terms: Terms) -> Sequence[Ranked]:
        """Return all candidates, the best first."""
        ...


class Cheapest:
    """The lowest price of the whole message; unknown prices come last, equal ones in the route's order."""

    reason = Reason.CHEAPEST

    def rank(self, candidates: Sequence[Candidate], terms: Terms) -> Sequence[Ranked]:
        """Order by price."""
        del terms
        in_order = sorted(candidates, key=_position)
        known = [(price, one) for one in in_order if (price := one.expected_price) is not None]
        known.sort(key=itemgetter(0))
        ranked = [Ranked(candidate=one, score=price) for price, one in known]
        return ranked + [Ranked(candidate=one) for one in in_order if one.comparable is None]


class Priority:
    """The order in which the route lists its providers."""

    reason = Reason.PRIORITY

    def rank(self, candidates: Sequence[Candidate], terms: Terms) -> Sequence[Ranked]:
        """Order by position."""
        del terms
        return [Ranked(candidate=one, score=float(one.position)) for one in sorted(candidates, key=_position)]


class Weighted:
    """Shares in proportion to weights: each place is drawn from those that are left.

    All places are drawn at once: each candidate gets a random waiting time with its weight as the rate, and they are
    ranked as they arrive. Whoever is left has the same chances at each place as in drawing one by one.

    A provider without a weight counts 1; one with weight 0 is tried only after all others.
    """

    reason = Reason.WEIGHT

    def rank(self, candidates: Sequence[Candidate], terms: Terms) -> Sequence[Ranked]:
        """Draw without putting back; the score is the place."""
        weights, random = terms.weights, terms.random
        arrivals = [(_waiting_time(weights.get(one.provider, 1.0), random), one) for one in candidates]
        arrivals.sort(key=itemgetter(0))
        return [Ranked(candidate=one, score=float(place)) for place, (_, one) in enumerate(arrivals)]


class Fastest:
    """The shortest usual time until a delivery is reported; where none is known, in the route's order at the end."""

    reason = Reason.FASTEST

    def rank(self, candidates: Sequence[Candidate], terms: Terms) -> Sequence[Ranked]:
        """Order by delay, longer by as much as a message has to be sent again on the average."""
        del terms
        in_order = sorted(candidates, key=_position)
        known = [(one.delay / max(one.health * one.taken, HOPELESS), one) for one in in_order if one.delay is not None]
        known.sort(key=itemgetter(0))
        ranked = [Ranked(candidate=one, score=score) for score, one in known]
        return ranked + [Ranked(candidate=one) for one in in_order if one.delay is None]


HOPELESS = 0.01
"""The least share of deliveries that is reckoned with."""
RETRY_COST = 0.02
"""What one refused attempt costs, as a share of a lost message: time, and one of the attempts that a message has."""
SECOND_LOSS = 0.1
"""The share of messages, reported as lost and sent again by another provider, that are lost there too or too late."""
SHORT_RUNWAY = 1800.0
"""Seconds until an account is empty, below which its providers are spared so that one remains to fail over to."""
SPARING = 0.05
"""The surcharge of an account that is all but empty, as a share of the price."""
CURIOSITY = 0.02
"""The share of choices that may try another than the best, so that what was learnt long ago is learnt anew."""
CURIOSITY_ABOUT_NEWCOMERS = 0.3
"""The same while there is a candidate of which hardly anything is known."""
WELL_KNOWN = 25.0
"""Messages from which a candidate is known well enough to be tried only where it may be the best."""
BENEFIT_OF_DOUBT = 1.2
"""Standard errors by which every candidate is taken to be better than it seems."""
OPTIMISM = 3.0
"""The same where a candidate is tried only to learn."""
UNSURE = 0.1
"""What is added to the variance of one message, so that a few messages of one kind prove nothing."""


class Balanced:
    """The least expected total cost: price, and the risk of losing the message at what that would cost.

    A small share of the choices goes to a candidate that may be better than it seems, as long as what this is expected
    to cost is covered by the allowance.
    """

    reason = Reason.SCORE

    def rank(self, candidates: Sequence[Candidate], terms: Terms) -> Sequence[Ranked]:
        """Order by expected cost; unknown prices come last, in the route's order."""
        in_order = sorted(candidates, key=_position)
        known = [(expected_cost(one, terms.loss), one) for one in in_order if one.comparable is not None]
        known.sort(key=itemgetter(0))
        ranked = [Ranked(candidate=one, score=cost) for cost, one in known]
        if len(known) > 1:
            _explore(ranked, terms)
        return ranked + [Ranked(candidate=one) for one in in_order if one.comparable is None]


def expected_cost(candidate: Candidate, loss: float, doubt: float = BENEFIT_OF_DOUBT) -> float:
    """Return what choosing a candidate is expected to cost, in the router's currency.

    `doubt` is how many standard errors its chance of delivery is taken to be better than it seems. Without the benefit
    of the doubt, bad luck with the first messages would never be found out to have been luck.
    """
    comparable, listed = candidate.comparable, candidate.price
    price = 0.0 if comparable is None else float(comparable) * candidate.drift
    chance = _at_best(candidate, doubt)
    paid = price * chance if listed is not None and listed.charged_on is ChargedOn.DELIVERY else price
    taken, told, runway = candidate.taken, candidate.owned_up, candidate.runway
    refused = (1.0 / taken - 1.0) * RETRY_COST if taken > HOPELESS else 1.0
    lost = loss - told * (loss * (1.0 - SECOND_LOSS) - price)
    late = chance * candidate.wait + (refused if refused < 1.0 else 1.0)
    spared = price * _sparing(runway) if runway is not None and runway < SHORT_RUNWAY else 0.0
    return paid + (1.0 - chance) * lost + late * loss + spared


def expected_payment(candidate: Candidate, doubt: float = BENEFIT_OF_DOUBT) -> float:
    """Return how much of the expected cost is paid to the provider; the rest is risk."""
    price = candidate.expected_price or 0.0
    return price * _at_best(candidate, doubt) if candidate.pays_on_delivery else price


def _sparing(runway: float) -> float:
    return SPARING * (1.0 - runway / SHORT_RUNWAY)


def _explore(ranked: list[Ranked], terms: Terms) -> None:
    """Now and then put one first that is hardly known or may be better than the best, if that is not too dear."""
    if terms.allowance <= 0.0:
        return  # a choice that is only looked at, or nothing has been put aside
    luck = terms.random.random()
    if luck >= CURIOSITY_ABOUT_NEWCOMERS:
        return
    best = ranked[0].score or 0.0
    affordable = [one for one in ranked[1:] if one.score is not None and one.score - best <= terms.allowance]
    able = [one for one in affordable if one.candidate.evidence < WELL_KNOWN]
    if luck < CURIOSITY:
        able += [
            one
            for one in affordable
            if one.candidate.evidence >= WELL_KNOWN and expected_cost(one.candidate, terms.loss, OPTIMISM) < best
        ]
    if able:
        chosen = able[terms.random.randrange(len(able))]
        ranked.remove(chosen)
        ranked.insert(0, msgspec.structs.replace(chosen, explored=True))


def _at_best(candidate: Candidate, doubt: float) -> float:
    chance, weight = candidate.health, candidate.evidence + 1.0
    error = sqrt((chance * (1.0 - chance) + UNSURE / weight) / weight)
    best = chance + doubt * error
    return best if best < 1.0 else 1.0


def _waiting_time(weight: float, random: Random) -> float:
    return -log(1.0 - random.random()) / weight if weight > 0 else inf


_position = attrgetter("position")


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "balanced": Balanced(),
        "cheapest": Cheapest(),
        "fastest": Fastest(),
        "priority": Priority(),
        "weighted": Weighted(),
    }
)
