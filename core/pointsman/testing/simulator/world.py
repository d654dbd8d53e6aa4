"""A world to route messages in: networks, numbers, providers whose quality changes with time. Nothing in it is random.

Every toss of a coin is a hash of the seed, the message, the provider and what is tossed for, so that all policies meet
the same fate in the same situation, and one run can be compared with another message by message. Times are seconds from
the beginning of the scenario.
"""

from collections.abc import Mapping
from decimal import Decimal
from math import exp, log
from statistics import NormalDist
from types import MappingProxyType
from typing import TypeVar

import msgspec

from pointsman.message import MessageClass
from pointsman.routing.health import Silence
from pointsman.routing.price import ChargedOn


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider does for messages of one network at one time. Shares are from 0 to 1, times in seconds."""

    taken: float = 0.995
    """Share of requests that it takes; the others are refused as unavailable, or in doubt."""
    doubt: float = 0.001
    """Share of requests that time out; half of them were taken all the same."""
    latency: float = 0.15
    patience: float = 10.0
    """Until a request that times out is given up."""
    delivery: float = 0.97
    """Share of what it takes that reaches the phone, as far as this is its own doing."""
    delay: float = 6.0
    """Median from being taken to being delivered."""
    spread: float = 0.8
    """Standard deviation of the logarithm of the delay."""
    reported: float = 0.98
    """Share of deliveries that it reports."""
    owned_up: float = 0.7
    """Share of lost messages that it reports as undeliverable; of the others nothing is heard."""
    faked: float = 0.0
    """Share of lost messages that it reports as delivered."""


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A time from which a quality holds, for some networks or for all; of several the last one counts."""

    start: float = 0.0
    quality: Quality = Quality()
    networks: frozenset[str] = frozenset()


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """A provider as it really is."""

    name: str
    prices: Mapping[str, Decimal]
    """By network, as it charges them at the beginning."""
    phases: tuple[Phase, ...] = (Phase(),)
    dearer: tuple[tuple[float, Decimal], ...] = ()
    """From when on it charges so many times its first prices; our list does not say so."""
    tells_price: bool = False
    charged_on: ChargedOn = ChargedOn.SUBMIT
    balance: Decimal | None = None
    top_ups: tuple[tuple[float, Decimal], ...] = ()
    rate: float | None = None
    """Messages a second; more are refused as too fast."""
    silence: Silence = Silence.LOST
    """What the configuration says that its silence means."""
    joins: float = 0.0
    """It refuses everything before."""

    def quality(self, network: str, now: float) -> Quality:
        """Return how it does for a network at a time."""
        found = Quality()
        for phase in self.phases:
            if phase.start <= now and (not phase.networks or network in phase.networks):
                found = phase.quality
        return found

    def price(self, network: str, now: float) -> Decimal:
        """Return what it really charges."""
        factor = Decimal(1)
        for start, times in self.dearer:
            if start <= now:
                factor = times
        return self.prices[network] * factor


NETWORKS: Mapping[str, float] = MappingProxyType({"25001": 0.35, "25002": 0.3, "25020": 0.2, "25099": 0.15})
CLASSES: Mapping[MessageClass, float] = MappingProxyType({MessageClass.TRANSACTIONAL: 1.0})
LOSSES: Mapping[MessageClass, Decimal] = MappingProxyType(
    {MessageClass.OTP: Decimal(20), MessageClass.TRANSACTIONAL: Decimal(8), MessageClass.MARKETING: Decimal(2)}
)


class World(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario: who sends what to whom, and what the providers are like."""

    name: str
    about: str
    upstreams: tuple[Upstream, ...]
    networks: Mapping[str, float] = NETWORKS
    """Share of the traffic by the network that really serves the number."""
    classes: Mapping[MessageClass, float] = CLASSES
    losses: Mapping[MessageClass, Decimal] = LOSSES
    messages: int = 4000
    rate: float = 1.0
    """Messages a second."""
    ported: float = 0.0
    """Share of numbers that are served by another network than their range says."""
    dead: float = 0.02
    """Share of numbers that nobody can deliver to."""
    confirmed: float = 0.0
    """Share of deliveries that the recipient confirms by what he does with them."""
    life: float = 3600.0
    lookup_price: Decimal | None = None
    """Of a lookup, which tells which network really serves a number, and whether anybody can deliver to it."""

    @property
    def duration(self) -> float:
        """Seconds from the first message to the last."""
        return self.messages / self.rate


class Letter(msgspec.Struct, frozen=True, gc=False):
    """A message of the scenario."""

    index: int
    at: float
    network: str
    """That really serves the number."""
    by_range: str
    """That the number's range names."""
    message_class: MessageClass
    dead: bool
    loss: float


class Fate(msgspec.Struct, frozen=True, gc=False):
    """What becomes of an accepted message. Times count from the moment when it was taken."""

    delivered: float | None
    """None: never."""
    told: bool | None
    """What the provider reports: delivered or not; None when nothing is ever heard."""
    told_after: float
    confirmed_after: float | None


T = TypeVar("T")
_MASK = (1 << 64) - 1
_NORMAL = NormalDist()


def toss(seed: int, message: int, provider: int, purpose: int) -> float:
    """Return a number from 0 to 1 that depends on nothing but its arguments (splitmix64)."""
    value = (seed * 0x9E3779B97F4A7C15 + message * 0xBF58476D1CE4E5B9 + provider * 0x94D049BB133111EB + purpose) & _MASK
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((value ^ (value >> 31)) >> 11) / (1 << 53)


_NETWORK, _RANGE, _PORTED, _CLASS, _DEAD, _JITTER = range(1, 7)
_DELIVERED, _DELAY, _REPORTED, _FAKED, _SILENT, _REPORT_DELAY, _CONFIRMED, _CONFIRM_DELAY = range(16, 24)


def letters(world: World, seed: int) -> list[Letter]:
    """Return the messages of a scenario in the order of time."""
    made = []
    for index in range(world.messages):
        network = _drawn(world.networks, toss(seed, index, 0, _NETWORK))
        ported = toss(seed, index, 0, _PORTED) < world.ported
        message_class = _drawn(world.classes, toss(seed, index, 0, _CLASS))
        made.append(
            Letter(
                index=index,
                at=(index + toss(seed, index, 0, _JITTER)) / world.rate,
                network=network,
                by_range=_drawn(world.networks, toss(seed, index, 0, _RANGE)) if ported else network,
                message_class=message_class,
                dead=toss(seed, index, 0, _DEAD) < world.dead,
                loss=float(world.losses[message_class]),
            )
        )
    made.sort(key=lambda letter: letter.at)
    return made


def fate_of(seed: int, letter: Letter, provider: int, quality: Quality, confirmed: float) -> Fate:
    """Return what becomes of a message that a provider took."""

    def luck(purpose: int) -> float:
        return toss(seed, letter.index, provider, purpose)

    delay = exp(log(quality.delay) + quality.spread * _NORMAL.inv_cdf(min(max(luck(_DELAY), 1e-9), 1 - 1e-9)))
    if not letter.dead and luck(_DELIVERED) < quality.delivery:
        told = True if luck(_REPORTED) < quality.reported else None
        seen = delay + 5.0 + 60.0 * luck(_CONFIRM_DELAY) if luck(_CONFIRMED) < confirmed else None
        return Fate(delivered=delay, told=told, told_after=delay + 1.0, confirmed_after=seen)
    if luck(_FAKED) < quality.faked:
        return Fate(delivered=None, told=True, told_after=delay + 1.0, confirmed_after=None)
    told = False if luck(_SILENT) < quality.owned_up else None
    return Fate(delivered=None, told=told, told_after=20.0 + 120.0 * luck(_REPORT_DELAY), confirmed_after=None)


def _drawn(shares: Mapping[T, float], luck: float) -> T:
    luck *= sum(shares.values())
    *others, last = shares.items()
    for one, share in others:
        luck -= share
        if luck < 0:
            return one
    return last[0]
