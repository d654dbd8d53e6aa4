"""A strategy: the cheapest of those that deliver, and only then the others."""

from collections.abc import Sequence

from pointsman.plugin import Choice, Offer, StrategyPlugin

ENOUGH = 0.9
"""The chance of delivery from which on only the price counts."""


def rank(offers: Sequence[Offer], choice: Choice) -> Sequence[Offer]:
    """Order by price those that are good enough; behind them the others, the likeliest to deliver first."""
    del choice

    def place(offer: Offer) -> tuple[bool, float, int]:
        if offer.chance >= ENOUGH and offer.price is not None:
            return False, offer.price, offer.position
        return True, -offer.chance, offer.position

    return sorted(offers, key=place)


CAREFUL = StrategyPlugin(name="careful", rank=rank)
