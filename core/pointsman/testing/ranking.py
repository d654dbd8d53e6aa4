"""Tries a strategy on choices as a router makes them, and says where it breaks its contract."""

from collections.abc import Iterator, Sequence
from random import Random

from pointsman.engine.strategies import is_order
from pointsman.plugin import Choice, Offer, Rank


def strategy_problems(rank: Rank, random: Random, *, choices: int = 200) -> tuple[str, ...]:
    """Return what is wrong with a strategy; nothing when it is fit to be used.

    It must order any offers: none, one, several that are alike, without a price, never heard of, or resting. The same
    offers and choice, the random generator's state included, must give the same order.
    """
    problems: dict[str, None] = {}
    for _ in range(choices):
        offers = sample_offers(random, random.randrange(6))
        problems.update(dict.fromkeys(_problems(rank, offers, random)))
    return tuple(problems)


def sample_offers(random: Random, count: int) -> tuple[Offer, ...]:
    """Return offers as a decision may have them: `p0`, `p1` and so on, in the order of a route."""
    return tuple(_offer(random, position) for position in range(count))


def _problems(rank: Rank, offers: Sequence[Offer], random: Random) -> Iterator[str]:
    state = random.getstate()
    orders: list[list[str]] = []
    for _ in range(2):
        random.setstate(state)
        choice = Choice(random=random, weights={"p0": 2.0, "p1": 0.0}, loss=0.1)
        try:
            order = rank(offers, choice)
        except Exception as error:  # noqa: BLE001 - it is somebody else's code
            yield f"it raises {type(error).__name__} for {len(offers)} offers: {error}"
            return
        if not is_order(order, offers):
            yield f"it returns no order of {len(offers)} offers, each once and as it was given"
            return
        orders.append([one.provider for one in order])
    if orders[0] != orders[1]:
        yield "the same offers and choice give another order; take chance from choice.random only"


def _offer(random: Random, position: int) -> Offer:
    price = random.choice([None, 0.0, 0.01, 0.05])
    return Offer(
        provider=f"p{position}",
        position=position,
        price=price,
        cost=None if price is None else price + random.choice([0.0, 0.02]),
        on_delivery=random.random() < 0.5,
        chance=random.choice([0.0, 0.5, 0.97, 1.0]),
        evidence=random.choice([0.0, 3.0, 5000.0]),
        taken=random.choice([0.0, 0.9, 1.0]),
        delay=random.choice([None, 0.0, 4.0]),
        wait=random.choice([0.0, 0.9]),
        runway=random.choice([None, 0.0, 60.0]),
        resting=random.random() < 0.1,
    )
