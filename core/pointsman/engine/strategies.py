"""Strategies of plugins, kept from doing harm: what is no order of the offers is replaced by the balanced one."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from pointsman.clock import Clock
from pointsman.engine.guard import Broke, Guard
from pointsman.plugin import Choice, Offer, StrategyPlugin
from pointsman.routing.candidate import Candidate, Ranked, Reason
from pointsman.routing.strategy import STRATEGIES, Strategy, Terms, expected_cost

STAND_IN = STRATEGIES["balanced"]
"""Orders the candidates where a strategy failed to."""
_log = logging.getLogger("pointsman.plugins")


def strategies_of(
    plugins: Mapping[str, StrategyPlugin], clock: Clock, put_aside: Callable[[str, str], None]
) -> Mapping[str, Strategy]:
    """Return the built-in strategies and those of plugins; `put_aside` is told of one that is out of use, and why."""
    added = {name: GuardedStrategy(plugin, clock, partial(put_aside, name)) for name, plugin in plugins.items()}
    return MappingProxyType({**STRATEGIES, **added})


class GuardedStrategy:
    """The strategy of a plugin. Each failure concerns one choice; after some of them it is not asked any more.

    State: what its guard counts, and who made the last order.
    """

    def __init__(self, plugin: StrategyPlugin, clock: Clock, put_aside: Callable[[str], None]) -> None:
        self._plugin = plugin
        self._guard = Guard(clock, put_aside)
        self.reason = Reason.PLUGIN
        """Of the last order: also whether it is the strategy's own."""

    def rank(self, candidates: Sequence[Candidate], terms: Terms) -> Sequence[Ranked]:
        """Return the order of the plugin, or the balanced one when it gives none."""
        if not self._guard.quarantined:
            offers = tuple(offer_of(one, terms.loss) for one in candidates)
            choice = Choice(random=terms.random, weights=terms.weights, loss=terms.loss)
            try:
                order = self._guard.call(
                    "rank", lambda: self._plugin.rank(offers, choice), partial(is_order, offers=offers)
                )
            except Broke as broke:
                _log.warning("strategy %s: %s; the balanced order is used", self._plugin.name, broke)
            else:
                self.reason = Reason.PLUGIN
                found = {id(offer): one for offer, one in zip(offers, candidates, strict=True)}
                return [Ranked(candidate=found[id(offer)]) for offer in order]
        self.reason = STAND_IN.reason
        return STAND_IN.rank(candidates, terms)


def offer_of(candidate: Candidate, loss: float) -> Offer:
    """Return a candidate as a plugin sees it."""
    return Offer(
        provider=candidate.provider,
        position=candidate.position,
        price=candidate.expected_price,
        cost=expected_cost(candidate, loss) if candidate.comparable is not None else None,
        on_delivery=candidate.pays_on_delivery,
        chance=candidate.health,
        evidence=candidate.evidence,
        taken=candidate.taken,
        delay=candidate.delay,
        wait=candidate.wait,
        runway=candidate.runway,
        resting=candidate.forced,
    )


def is_order(value: object, offers: Sequence[Offer]) -> bool:
    """Say whether a value is an order of all offers, each once and as it was given."""
    if not isinstance(value, list | tuple) or len(value) != len(offers):
        return False
    return {id(one) for one in value} == {id(one) for one in offers}
