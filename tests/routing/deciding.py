"""Decisions of every kind, made by the real chooser over providers in random conditions."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from pointsman.message import (
    Alphabet,
    Channel,
    Envelope,
    MessageClass,
    Msisdn,
    Network,
    NetworkSource,
    Segments,
    Sms,
)
from pointsman.plugin import ChannelLimits
from pointsman.routing.breaker import BreakerSettings
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.candidate import Decision
from pointsman.routing.choose import Chooser, Moment, View
from pointsman.routing.health import Commons, Estimate, Health
from pointsman.routing.ledger import Ledger
from pointsman.routing.limiter import Limiter, Pace
from pointsman.routing.match import Match, Route
from pointsman.routing.observed import ObservedPrices
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.routing.rests import Rests
from pointsman.routing.strategy import STRATEGIES
from pointsman.routing.tariff import Rates, Tariff

NOW = 1_800_000_000.123456
RATES = Rates("EUR", {"RUB": Decimal("0.010503")})
NETWORKS = ("25001", "25002", "25099", None)
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon")


class AnyHealth(Health):
    """Of a provider of which anything may have been learnt."""

    def __init__(self, random: Random) -> None:
        super().__init__(Commons())
        self._random = random

    def estimate(self, channel: Channel, network: Network, now: float) -> Estimate:
        """Draw an estimate."""
        del channel, network, now
        random = self._random
        return Estimate(
            chance=random.random() if random.random() < 0.9 else float(random.getrandbits(1)),
            weight=random.choice([0.0, random.uniform(0, 30), random.uniform(0, 5000)]),
            taken=random.uniform(0.0, 1.0),
            owned_up=random.random(),
            delay=random.choice([None, random.expovariate(0.1)]),
        )


class AnyPrices(ObservedPrices):
    """Of a provider that may charge anything."""

    __slots__ = ("_random",)

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    def ratio(self, channel: Channel, network: Network) -> float:
        """Draw a ratio."""
        del channel, network
        return self._random.choice([1.0, self._random.uniform(0.5, 2.0)])


def decisions(seed: int, count: int) -> Iterator[Decision]:
    """Make decisions; the same seed makes the same ones."""
    random = Random(seed)
    for number in range(count):
        names = random.sample(NAMES, random.randint(1, len(NAMES)))
        views = {name: _view(name, random) for name in names}
        route = Route(
            name="all",
            match=Match(),
            providers=tuple(names),
            strategy=random.choice([*STRATEGIES, "balanced", "balanced"]),
            weights=tuple((name, random.choice([0.0, 1.0, random.uniform(0, 9)])) for name in names[1:]),
            losses=tuple((one, Decimal(random.randint(0, 500)) / 1000) for one in MessageClass)
            if random.random() < 0.5
            else (),
        )
        moment = Moment(
            wall=NOW + number,
            monotonic=100.0,
            random=random,
            allowance=random.choice([0.0, random.uniform(0, 0.2), 10.0]),
        )
        chooser = Chooser(views, Rests(), RATES, STRATEGIES, lambda _: True)
        tried = [name for name in names if random.random() < 0.15]
        yield chooser.choose(
            _envelope(random, number),
            route if random.random() < 0.99 else None,
            moment,
            tried=tried,
            decision_id=f"{number:028x}-1",
        )


def _envelope(random: Random, number: int) -> Envelope:
    to, parts = f"7916{random.randint(0, 9_999_999):07d}", random.randint(1, 4)
    return Envelope(
        id=f"{number:028x}",
        message=Sms(to=to, text="Your secret is 4711", message_class=random.choice([*MessageClass])),
        channel=Channel.SMS,
        to=Msisdn(to),
        network=Network("RU", random.choice(NETWORKS), random.choice([*NetworkSource])),
        segments=Segments(Alphabet.GSM7, parts, parts),
        accepted_at=NOW,
        deadline=NOW + number + random.uniform(10, 5000),
    )


def _view(name: str, random: Random) -> View:
    currency = random.choice(["EUR", "RUB"])
    price = Decimal(random.randint(0, 999_999)) / 10 ** random.randint(2, 7)
    rows = [
        PriceRow(
            channel=Channel.SMS,
            price=price,
            currency=currency,
            country="RU",
            charged_on=random.choice([*ChargedOn]),
        )
    ]
    ledger = Ledger(opening=Decimal(random.randint(0, 10_000_000)) / 1000, since=0.0)
    if random.random() < 0.5:
        ledger = Ledger()
    elif (held := ledger.hold(Decimal("0.5"))) is not None:
        ledger.settle(held, Decimal("0.25"), 50.0)
    limiter = Limiter(Pace(rate=1.0, burst=1.0) if random.random() < 0.3 else None)
    if random.random() < 0.3:
        limiter.slow_down(100.0, random.uniform(0.1, 9))
    return View(
        name=name,
        limits={Channel.SMS: ChannelLimits()},
        senders=frozenset(),
        default_sender="SHOP",
        tariff=Tariff(rows if random.random() < 0.85 else [], RATES),
        ledger=ledger,
        currency=currency,
        limiter=limiter,
        breakers={Channel.SMS: _breakers(random)},
        health=AnyHealth(random),
        observed=AnyPrices(random),
    )


def _breakers(random: Random) -> CellBreakers:
    breakers = CellBreakers(BreakerSettings(), random)
    if random.random() < 0.35:
        for _ in range(5):
            lease, _ = breakers.acquire(99.0, None)
            if lease is not None:
                breakers.record(lease, 99.0, good=False)
    elif random.random() < 0.1:
        breakers.trip(99.0, "test")
    return breakers
