"""Whether a lookup before sending pays: what it is expected to save, against its price.

Theory of operation. Without a lookup a number is taken to exist and to be served by the network that its range names.
If it does not exist, what is paid for it is lost. If another network serves it, the provider that was chosen costs what
it costs there, in money and in risk, and another one might have been chosen. A lookup tells both before anything is
paid. So it saves

    dead · (what is paid for a number that does not exist)
    + (1 - dead) · sum over networks of (chance · (cost of the blind choice there - cost of the informed choice there))

as often as it tells anything in time, and pays if that is more than its price. What is not known adds nothing: an
unlisted price is never taken for a saving, and never for free.
"""

from collections.abc import Callable, Sequence
from random import Random

import msgspec

from pointsman.message import Network, NetworkSource
from pointsman.routing.candidate import Candidate, Decision
from pointsman.routing.ported import Odds
from pointsman.routing.strategy import expected_cost
from pointsman.routing.verdict import Verdict, Why

CURIOSITY = 0.005
"""The share of messages whose numbers are looked up only to learn of their range."""
CURIOSITY_AT_FIRST = 0.1
"""The same while hardly anything is known of the range."""
WELL_KNOWN = 50.0
"""Lookups from which a range is known well enough."""
LEARNING = 0.01
"""What lookups only to learn may cost, as a share of what the messages cost."""


class Prospect(msgspec.Struct, frozen=True, kw_only=True):
    """The choice that would be made if a number were known to be served by a certain network."""

    share: float
    """The chance that this network serves the number if it exists."""
    decision: Decision


class SameLuck(Random):
    """Draws the middle every time: what is only weighed must not depend on chance, nor use any up."""

    def random(self) -> float:
        """Return the middle."""
        return 0.5

    def getrandbits(self, k: int, /) -> int:
        """Return the same bits every time: the seed of a decision is drawn so."""
        del k
        return 0


def weigh(blind: Decision, prospects: Sequence[Prospect], odds: Odds, *, loss: float, price: float | None) -> Verdict:
    """Return whether a lookup for `price` pays.

    `blind` is the choice by what is known now; `prospects` are those that may follow from a lookup, as far as they may
    differ from it. `loss` is what a message costs that is not delivered.
    """
    if price is None:
        return Verdict(look=False, why=Why.NO_PRICE)
    chosen = blind.chosen
    if chosen is None:
        return Verdict(look=False, why=Why.NO_CANDIDATE, cost=price)
    better = sum(one.share * _gain(chosen, one.decision, loss) for one in prospects)
    saving = odds.told * (odds.dead * wasted(chosen) + (1.0 - odds.dead) * better)
    look = saving > price
    why = Why.SAVES if look else Why.DEAR
    return Verdict(look=look, why=why, saving=saving, cost=price, paid=chosen.expected_price or 0.0)


def wasted(candidate: Candidate) -> float:
    """Return what is paid for a number that does not exist: it is sent again where the provider says that it failed."""
    price = candidate.expected_price
    if price is None or candidate.pays_on_delivery:
        return 0.0
    return price * (1.0 + candidate.owned_up)


def _gain(blind: Candidate, informed: Decision, loss: float) -> float:
    """Return how much less the informed choice costs than the blind one would in the same place."""
    there = next((one.candidate for one in informed.ranking if one.candidate.provider == blind.provider), None)
    chosen = informed.chosen
    if there is None or chosen is None or there.comparable is None or chosen.comparable is None:
        return 0.0
    return expected_cost(there, loss, doubt=0.0) - expected_cost(chosen, loss, doubt=0.0)


def advise(
    known: Network,
    odds: Odds,
    choose: Callable[[Network], Decision],
    loss_of: Callable[[Sequence[Candidate]], float],
    price: float | None,
) -> Verdict:
    """Return whether a lookup pays for a message whose number is known to be served by a network, as far as it is.

    `choose` makes the choice that would be made if a network were known; draw with `SameLuck` there.
    """
    if price is None:
        return Verdict(look=False, why=Why.NO_PRICE)
    blind = choose(known)
    prospects = [
        Prospect(share=share, decision=choose(Network(known.country, mccmnc, NetworkSource.HLR)))
        for mccmnc, share in odds.networks
        if mccmnc != known.mccmnc
    ]
    loss = loss_of([one.candidate for one in blind.ranking])
    return weigh(blind, prospects, odds, loss=loss, price=price)


def out_of_curiosity(verdict: Verdict, evidence: float, luck: float) -> Verdict:
    """Now and then look up what is not expected to pay: without results nobody would ever learn that it does.

    `evidence` is how many lookups are known of the range, `luck` a draw from 0 to 1.
    """
    if verdict.why is not Why.DEAR or verdict.cost is None:
        return verdict
    share = CURIOSITY if evidence >= WELL_KNOWN else CURIOSITY_AT_FIRST
    if luck * verdict.cost >= min(share * verdict.cost, LEARNING * verdict.paid):
        return verdict
    return msgspec.structs.replace(verdict, look=True, why=Why.LEARNS)
