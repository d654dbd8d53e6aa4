"""Whether a lookup before sending pays, against what really comes of sending with one and without."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.message import Channel, MessageClass, Money, Network, NetworkSource
from pointsman.routing.candidate import Candidate, Decision, Reason, Subject
from pointsman.routing.paying import (
    CURIOSITY,
    CURIOSITY_AT_FIRST,
    WELL_KNOWN,
    Prospect,
    SameLuck,
    advise,
    out_of_curiosity,
    weigh,
)
from pointsman.routing.ported import Odds
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.routing.strategy import STRATEGIES, Terms
from pointsman.routing.tariff import Price
from pointsman.routing.verdict import Verdict, Why

HOME = Network("RU", "25001", NetworkSource.RANGE)
Offers = Mapping[str, tuple[str | None, float]]
"""By provider its price and its chance to deliver."""


def candidate(
    name: str,
    price: str | None,
    chance: float = 1.0,
    *,
    charged_on: ChargedOn = ChargedOn.SUBMIT,
    owned_up: float = 0.0,
) -> Candidate:
    """Return a provider that could take the message."""
    known = None
    if price is not None:
        row = PriceRow(channel=Channel.SMS, price=Decimal(price), currency="EUR", country="RU", charged_on=charged_on)
        known = Price(Money(row.price, "EUR"), row.price, charged_on, row)
    return Candidate(
        provider=name,
        position=0,
        price=known,
        total=known.per_segment if known is not None else None,
        comparable=known.comparable if known is not None else None,
        funds=None,
        health=chance,
        evidence=1e9,
        owned_up=owned_up,
        sender="SHOP",
    )


SUBJECT = Subject(
    channel=Channel.SMS, message_class=MessageClass.TRANSACTIONAL, network=Network("RU"), parts=1, prefix="7916"
)


def decision(*candidates: Candidate, loss: float = 0.0, strategy: str = "balanced") -> Decision:
    """Return the choice among providers."""
    ranking = tuple(STRATEGIES[strategy].rank(candidates, Terms(generator=SameLuck, loss=loss))) if candidates else ()
    return Decision(
        id="",
        message_id="m1",
        at=0.0,
        route="all",
        strategy=strategy,
        reason=Reason.SCORE,
        ranking=ranking,
        excluded=(),
        subject=SUBJECT,
    )


def offers(table: Offers, loss: float = 0.0) -> Decision:
    """Return the choice among what is offered in one network."""
    return decision(*(candidate(name, price, chance) for name, (price, chance) in table.items()), loss=loss)


def ask(places: Mapping[str, Offers], odds: Odds, price: float | None, loss: float = 0.0) -> Verdict:
    """Return the verdict for a number of 25001 in a world where each network has its own offers."""

    def choose(network: Network) -> Decision:
        return offers(places[network.mccmnc or ""], loss)

    return advise(HOME, odds, choose, lambda _: loss, price)


def odds(dead: float = 0.0, told: float = 1.0, **networks: float) -> Odds:
    """Return what a number may turn out to be; `n25002=0.1` is the chance of a network."""
    return Odds(dead=dead, told=told, networks=tuple((name[1:], share) for name, share in networks.items()))


# -- against what really comes of it -----------------------------------------------------------------------------------

PRICES = st.decimals("0.01", "2", places=2).map(str)
OFFERS = st.fixed_dictionaries({name: st.tuples(PRICES, st.floats(0.0, 1.0)) for name in "abc"})
NETWORKS = ("25001", "25002", "25020")


def cost(offer: tuple[str | None, float], loss: float) -> float:
    """Return what sending by an offer costs in the end: its price, and the loss as often as it does not deliver."""
    price, chance = offer
    return float(price or 0) + (1.0 - chance) * loss


@given(
    places=st.fixed_dictionaries(dict.fromkeys(NETWORKS, OFFERS)),
    weights=st.tuples(*[st.floats(0.01, 1.0)] * 3),
    dead=st.floats(0.0, 1.0),
    told=st.floats(0.0, 1.0),
    price=st.floats(0.0, 1.0),
    loss=st.floats(0.0, 5.0),
)
def test_the_saving_is_what_sending_costs_with_and_without(places, weights, dead, told, price, loss):
    """Over all that a number may turn out to be, the cost without a lookup less that with one is saving less price.

    So whoever follows the verdict never pays more than who always or never looks up.
    """
    shares = dict(zip(NETWORKS, (weight / sum(weights) for weight in weights), strict=True))
    blind = min(places["25001"].values(), key=lambda offer: cost(offer, loss))
    name = next(one for one, offer in places["25001"].items() if offer == blind)
    without = dead * float(blind[0]) + (1 - dead) * sum(
        share * cost(places[network][name], loss) for network, share in shares.items()
    )
    informed = (1 - dead) * sum(
        share * min(cost(offer, loss) for offer in places[network].values()) for network, share in shares.items()
    )
    with_it = price + told * informed + (1 - told) * without

    verdict = ask(places, Odds(dead=dead, told=told, networks=tuple(shares.items())), price, loss)

    assert verdict.saving - price == pytest.approx(without - with_it, abs=1e-6)
    followed = with_it if verdict.look else without
    assert followed <= min(with_it, without) + 1e-6
    assert verdict.why is (Why.SAVES if verdict.look else Why.DEAR)


def test_messages_one_by_one_come_to_the_same():
    """A hundred thousand messages whose fate is drawn one by one cost what the verdict says, lookups included."""
    places: dict[str, Offers] = {
        "25001": {"a": ("0.80", 0.97), "b": ("1.10", 0.98)},
        "25002": {"a": ("1.60", 0.60), "b": ("0.85", 0.97)},
    }
    chances, loss, price = odds(dead=0.1, n25001=0.8, n25002=0.2), 4.0, 0.05
    random = Random(7)
    paid = {False: 0.0, True: price * 100_000}
    for _ in range(100_000):
        is_dead, network, luck = random.random() < 0.1, "25001" if random.random() < 0.8 else "25002", random.random()
        for looked in (False, True):
            if looked and is_dead:
                continue
            amount, chance = places[network]["b" if looked and network == "25002" else "a"]
            listed = places["25001"]["a"][0] if is_dead else amount
            paid[looked] += float(listed or 0) + (loss if not is_dead and luck >= chance else 0.0)

    verdict = ask(places, chances, price, loss)

    assert verdict.look
    assert (paid[False] - paid[True]) / 100_000 == pytest.approx(verdict.saving - price, abs=0.01)


# -- edges -------------------------------------------------------------------------------------------------------------

FLAT: dict[str, Offers] = {network: {"a": ("1.00", 1.0), "b": ("1.20", 1.0)} for network in NETWORKS}
CROSSED: dict[str, Offers] = {
    "25001": {"a": ("0.50", 1.0), "b": ("1.00", 1.0)},
    "25002": {"a": ("2.00", 1.0), "b": ("0.50", 1.0)},
}


def test_a_lookup_without_a_price_is_not_free():
    """Where the price list does not say what a lookup costs, none is made."""
    verdict = ask(CROSSED, odds(dead=0.9, n25001=0.5, n25002=0.5), None)
    assert (verdict.look, verdict.why, verdict.cost) == (False, Why.NO_PRICE, None)


def test_the_same_price_everywhere_saves_nothing():
    """Where every network costs the same, it makes no difference which one it is."""
    verdict = ask(FLAT, odds(n25001=0.5, n25002=0.3, n25020=0.2), 0.001)
    assert (verdict.look, verdict.why, verdict.saving) == (False, Why.DEAR, 0.0)


def test_who_has_no_choice_saves_on_dead_numbers_only():
    """With one candidate the network changes nothing; a number that does not exist is still not paid for."""
    alone: dict[str, Offers] = {"25001": {"a": ("1.00", 1.0)}, "25002": {"a": ("3.00", 1.0)}}
    assert ask(alone, odds(n25001=0.5, n25002=0.5), 0.01).saving == 0.0
    assert ask(alone, odds(dead=0.1, n25001=0.5, n25002=0.5), 0.01).saving == pytest.approx(0.1)


def test_what_costs_as_much_as_it_saves_does_not_pay():
    """A lookup must save more than its price; between equals nobody is asked."""
    assert not ask(FLAT, odds(dead=0.5, n25001=1.0), 0.5).look
    assert ask(FLAT, odds(dead=0.5, n25001=1.0), 0.499).look


def test_a_ported_number_is_worth_the_difference():
    """Half the numbers of a network cost 1.50 less by another provider: a lookup saves 0.75."""
    assert ask(CROSSED, odds(n25001=0.5, n25002=0.5), 0.1).saving == pytest.approx(0.75)


def test_what_is_charged_on_delivery_is_not_wasted():
    """A number that does not exist costs nothing where only deliveries do; a message sent again costs twice."""
    gone = odds(dead=0.5)
    on_delivery = decision(candidate("a", "1.00", charged_on=ChargedOn.DELIVERY))
    again = decision(candidate("a", "1.00", owned_up=0.5))
    assert weigh(on_delivery, (), gone, loss=0.0, price=0.1).saving == 0.0
    assert weigh(again, (), gone, loss=0.0, price=0.1).saving == pytest.approx(0.75)


def test_a_lost_message_counts():
    """Where the prices are the same but one provider loses messages of the other network, the loss is what is saved."""
    places: dict[str, Offers] = {
        "25001": {"a": ("1.00", 1.0), "b": ("1.01", 1.0)},
        "25002": {"a": ("1.00", 0.5), "b": ("1.01", 1.0)},
    }
    assert ask(places, odds(n25001=0.9, n25002=0.1), 0.1, loss=10.0).saving == pytest.approx(0.1 * (5.0 - 0.01))


def test_an_unlisted_price_is_no_saving():
    """Where the price of either choice is unknown in the other network, nothing is known to be saved."""
    places: dict[str, Offers] = {"25001": CROSSED["25001"], "25002": {"a": (None, 1.0), "b": ("0.50", 1.0)}}
    assert ask(places, odds(n25001=0.5, n25002=0.5), 0.1).saving == 0.0


def test_nobody_could_take_it():
    """Without a candidate there is nothing to save."""
    assert weigh(decision(), (), odds(), loss=0.0, price=0.1).why is Why.NO_CANDIDATE


@pytest.mark.parametrize("strategy", ["priority", "weighted"])
def test_an_order_that_heeds_no_price_is_not_improved(strategy: str):
    """Where the network does not change the order, knowing it saves nothing, whatever luck would draw."""
    there = (candidate("a", "2.00"), candidate("b", "0.50"))
    here = (candidate("a", "0.50"), candidate("b", "1.00"))
    prospects = [Prospect(share=0.05, decision=decision(*there, strategy=strategy)) for _ in range(20)]
    assert weigh(decision(*here, strategy=strategy), prospects, odds(), loss=0.0, price=0.1).saving == 0.0


# -- curiosity ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("evidence", "share"), [(0.0, CURIOSITY_AT_FIRST), (WELL_KNOWN, CURIOSITY)])
def test_a_few_are_looked_up_to_learn(evidence: float, share: float):
    """A small share is looked up although it does not pay, a larger one while little is known."""
    verdict = Verdict(look=False, why=Why.DEAR, cost=0.01, paid=1.0)
    assert out_of_curiosity(verdict, evidence, share - 0.001).why is Why.LEARNS
    assert not out_of_curiosity(verdict, evidence, share + 0.001).look


def test_curiosity_costs_a_hundredth_at_most():
    """Where a lookup costs as much as a message, one in a hundred is looked up to learn."""
    dear = Verdict(look=False, why=Why.DEAR, cost=1.0, paid=1.0)
    assert out_of_curiosity(dear, 0.0, 0.009).look
    assert not out_of_curiosity(dear, 0.0, 0.011).look
    assert not out_of_curiosity(Verdict(look=False, why=Why.NO_PRICE), 0.0, 0.0).look
    saves = Verdict(look=True, why=Why.SAVES, saving=1.0, cost=0.1)
    assert out_of_curiosity(saves, 0.0, 0.0) is saves
