"""What a plugin adds to the strategies: an ordering rule under a name. See `docs/writing-a-strategy.md`."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeAlias

import msgspec


class Offer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A provider that could take the message now, and what is known of it. Money is in the router's currency."""

    provider: str
    position: int
    """Its place in the route's list, from 0."""
    price: float | None
    """What the whole message is expected to cost; None when the price list does not say, which is not for nothing."""
    cost: float | None
    """What choosing it is expected to cost, losses and risks included, by which `balanced` orders; None likewise."""
    on_delivery: bool = False
    """It charges for delivered messages only."""
    chance: float
    """The chance that it delivers the message in time once it took it, from 0 to 1, as far as has been learnt."""
    evidence: float = 0.0
    """How many messages that rests on; small means that it is mostly a guess."""
    taken: float = 1.0
    """The share of requests that it takes, from 0 to 1."""
    delay: float | None = None
    """Seconds until it usually reports a delivery; None when nothing is known."""
    wait: float = 0.0
    """The share of the message's life that it would wait there for its turn, from 0 to 1."""
    runway: float | None = None
    """Seconds until its account has nothing left at the present rate of spending; None when that cannot be said."""
    resting: bool = False
    """It rests after failures, and is asked for only because too many others do."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What an order depends on besides the offers."""

    random: Random
    """The only chance that a strategy may use; thus a decision can be made again."""
    weights: Mapping[str, float] = {}
    """The policy's `weights` by provider."""
    loss: float = 0.0
    """What it costs, in the router's currency, that this message is not delivered."""


Rank: TypeAlias = Callable[[Sequence[Offer], Choice], Sequence[Offer]]
"""Returns all offers, the best first. A pure function: the same offers and choice give the same order."""


class StrategyPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy, as a plugin registers it."""

    name: str
    """What `strategy = "…"` in `router.toml` says: 1 to 32 of `a-z 0-9 _`, beginning with a letter."""
    rank: Rank
