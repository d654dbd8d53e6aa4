"""How long one choice takes: ten providers, ten thousand lines of prices, breakers, balances and learnt health."""

from decimal import Decimal
from random import Random
from statistics import median
from time import process_time

from pointsman.bench.figures import Figure
from pointsman.message import Alphabet, Channel, Envelope, Msisdn, Network, NetworkSource, Segments, Sms
from pointsman.outcome import Accepted, DeliveryState, Report
from pointsman.plugin import ChannelLimits
from pointsman.routing.breaker import BreakerSettings
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.choose import Chooser, Moment, View
from pointsman.routing.health import Commons, Health
from pointsman.routing.ledger import Ledger
from pointsman.routing.limiter import Limiter
from pointsman.routing.match import Match, Route
from pointsman.routing.price import PriceRow
from pointsman.routing.rests import Rests
from pointsman.routing.stakes import Instant, Result, Stakes
from pointsman.routing.strategy import STRATEGIES
from pointsman.routing.tariff import Rates, Tariff

PROVIDERS = 10
ROWS = 10_000
"""Lines of prices, over all providers."""
BUDGET = 50e-6
"""Seconds for one choice, on a machine that makes a round of an empty loop in `ROUND`."""
ROUND = 30e-9
"""Seconds; machines are three times slower when they are shared, and a ratio must not depend on that."""
LEARNT = 2_000
"""Messages whose fate is known before the choices are measured."""
_NETWORKS = ("25001", "25002", "25020", "25099")
_ROUNDS = 5


async def measure_choosing(seconds: float) -> tuple[Figure, ...]:
    """Measure choices by the default strategy, beside an empty loop in the same run; both in processor time."""
    bench = _Bench()
    bench.learn(LEARNT)
    rounds, rates, allowed = [], [], []
    for _ in range(_ROUNDS):
        before = empty_round()
        rates.append(bench.choices_per_second(seconds / _ROUNDS))
        allowed.append(1.0 / (BUDGET / ROUND * (before + empty_round()) / 2.0))
        rounds.append(rates[-1] / allowed[-1])
    return (
        Figure(
            name=f"a choice among {PROVIDERS} providers with {ROWS:,} prices, "
            f"in {BUDGET / ROUND:,.0f} rounds of an empty loop",
            rate=median(rates),
            baseline=median(allowed),
            ratio=median(rounds),
            budget=1.0,
            rounds=tuple(rounds),
        ),
    )


def empty_round(count: int = 300_000) -> float:
    """Return the seconds of one round of a loop that does next to nothing."""
    total = 0
    begun = process_time()
    for number in range(count):
        total += number
    return (process_time() - begun) / count


class _Bench:
    def __init__(self) -> None:
        self._random = Random(1)
        rates, rests, commons = Rates("EUR", {}), Rests(), Commons()
        views = {f"p{place}": self._view(f"p{place}", rates, commons) for place in range(PROVIDERS)}
        self._chooser = Chooser(views, rests, rates, STRATEGIES, lambda _: True)
        self._stakes = Stakes(views, rests, rates)
        self._route = Route(name="all", match=Match(), providers=tuple(views), strategy="balanced")
        self._now = 0.0

    def learn(self, messages: int) -> None:
        """Send messages, so that there is something to weigh."""
        for number in range(messages):
            self._now += 0.05
            envelope = self._envelope(number)
            decision = self._chooser.choose(envelope, self._route, self._moment(1.0), decision_id="")
            instant = Instant(wall=self._now, monotonic=self._now)
            stake = self._stakes.take(envelope, decision, instant).stake
            if stake is None:
                continue
            outcome = Accepted(ids=(str(number),))
            self._stakes.settle(envelope, 1, stake, Result(outcome=outcome, started_at=self._now), instant)
            bad = self._random.random() < 0.03
            state = DeliveryState.UNDELIVERABLE if bad else DeliveryState.DELIVERED
            report = Report(provider_id=str(number), state=state, final=True)
            later = Instant(wall=self._now + 4.0, monotonic=self._now + 4.0)
            self._stakes.reported(stake.candidate.provider, envelope.id, 1, report, later)

    def choices_per_second(self, seconds: float) -> float:
        """Choose for so long, for numbers all over the price lists, while the clock goes on."""
        envelopes = [self._envelope(number) for number in range(1_000)]
        begun = process_time()
        count = 0
        start = self._now
        while (passed := process_time() - begun) < seconds:
            self._now = start + passed
            for envelope in envelopes[:100]:
                self._chooser.choose(envelope, self._route, self._moment(0.0), decision_id="")
            count += 100
        return count / (process_time() - begun)

    def _moment(self, allowance: float) -> Moment:
        return Moment(wall=self._now, monotonic=self._now, random=self._random, allowance=allowance)

    def _envelope(self, number: int) -> Envelope:
        to = Msisdn(f"79{self._random.randrange(10**9):09d}")
        return Envelope(
            id=f"{number:028x}",
            message=Sms(to=to, text="x"),
            channel=Channel.SMS,
            to=to,
            network=Network("RU", self._random.choice(_NETWORKS), NetworkSource.RANGE),
            segments=Segments(alphabet=Alphabet.GSM7, units=1, count=1),
            accepted_at=self._now,
            deadline=self._now + 3600.0,
        )

    def _view(self, name: str, rates: Rates, commons: Commons) -> View:
        rows = [
            PriceRow(
                channel=Channel.SMS,
                price=Decimal(self._random.randrange(200, 400)) / 10_000,
                currency="EUR",
                prefix=f"79{prefix:03d}",
            )
            for prefix in range(ROWS // PROVIDERS)
        ]
        return View(
            name=name,
            limits={Channel.SMS: ChannelLimits()},
            senders=frozenset(),
            default_sender="SHOP",
            tariff=Tariff(rows, rates),
            ledger=Ledger(opening=Decimal(1_000_000)),
            currency="EUR",
            limiter=Limiter(None),
            breakers={Channel.SMS: CellBreakers(BreakerSettings(), self._random)},
            health=Health(commons),
        )
