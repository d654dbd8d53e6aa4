"""How long it takes to let one message of a client in, with every limit and every rule of the spend guard on."""

from collections.abc import Sequence
from random import Random
from statistics import median
from time import process_time

from pointsman.bench.choosing import ROUND, empty_round
from pointsman.bench.figures import Figure
from pointsman.clock import SystemClock
from pointsman.config import Config, parse_config
from pointsman.guard import Guard
from pointsman.loading import load_plugins
from pointsman.message import Channel, Envelope, MessageClass, Msisdn, Network, Sms
from pointsman.router import Router
from pointsman.text import count_segments

BUDGET = 20e-6
"""Seconds for one message, on a machine that makes a round of an empty loop in `ROUND`."""
FLOOD_BUDGET = 30e-6
"""The same when more numbers are sent to than are counted exactly."""
USUAL = 10**4
"""Numbers that are sent to again and again."""
FLOOD = 10**8
WARM_UP = 150_000
"""Messages before it is measured."""
_ROUNDS = 5
_ORDER = 100
_CONFIG = """
[clients.bench]
key_sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
max_rate = 1000000000
daily_messages = 1000000000
daily_spend = 1000000000
lookups_per_day = 1000000000
countries = ["RU", "KZ"]
prefixes_denied = ["7900", "8816"]
senders = ["BENCH"]
channels = ["sms"]
max_price = 10
max_segments = 3

[guard]
daily_spend = 1000000000
per_number = ["1000000 in 10m", "1000000 in 1d"]
per_range = ["1000000 in 10m"]
per_country = ["100000000 in 1h"]
per_unusual_country = ["100000000 in 1h"]
min_confirmed = 0.1
confirmed_of = 100000000

[providers.one]
plugin = "smstele"
login = { env = "LOGIN" }
password = { env = "PASSWORD" }
currency = "EUR"
prices = [ { country = "RU", channel = "sms", price = "0.01" } ]

[[routes]]
name = "all"
providers = ["one"]
confirms = true
"""


async def measure_guarding(seconds: float) -> tuple[Figure, ...]:
    """Measure messages in orders of a hundred, beside an empty loop in the same run; both in processor time."""
    return (
        _measured("a message let in under every rule", _Bench(_config(), USUAL), seconds, BUDGET),
        _measured("the same in a flood of new numbers", _Bench(_config(), FLOOD), seconds, FLOOD_BUDGET),
    )


def _measured(name: str, bench: "_Bench", seconds: float, budget: float) -> Figure:
    bench.warm_up()
    rates, allowed = [], []
    for _ in range(_ROUNDS):
        before = empty_round()
        rates.append(bench.messages_per_second(seconds / _ROUNDS))
        allowed.append(1.0 / (budget / ROUND * (before + empty_round()) / 2.0))
    rounds = tuple(rate / most for rate, most in zip(rates, allowed, strict=True))
    return Figure(
        name=f"{name}, in {budget / ROUND:,.0f} rounds of an empty loop",
        rate=median(rates),
        baseline=median(allowed),
        ratio=median(rounds),
        budget=1.0,
        rounds=rounds,
    )


def _config() -> Config:
    return parse_config(_CONFIG, plugins=load_plugins(), env={"LOGIN": "bench", "PASSWORD": "none at all"})


class _Bench:
    def __init__(self, config: Config, numbers: int) -> None:
        self._random = Random(1)
        router = Router(config)
        self._guard = Guard(config, SystemClock(), expected=router.expected_price, emit=router.tell)
        self._numbers = numbers
        self._count = 0

    def warm_up(self) -> None:
        """Send so much that the counters are as full as they get."""
        for _ in range(WARM_UP // _ORDER):
            self._guard.admit("bench", self._order())

    def messages_per_second(self, seconds: float) -> float:
        """Let orders in for so long; making them is not measured."""
        spent, count = 0.0, 0
        while spent < seconds:
            orders = [self._order() for _ in range(20)]
            begun = process_time()
            for order in orders:
                self._guard.admit("bench", order)
            spent += process_time() - begun
            count += sum(map(len, orders))
        return count / spent

    def _order(self) -> Sequence[Envelope]:
        return [self._envelope() for _ in range(_ORDER)]

    def _envelope(self) -> Envelope:
        self._count += 1
        to = Msisdn(f"791{self._random.randrange(self._numbers):08d}")
        message = Sms(to=to, text="Your code is 1234", sender="BENCH", message_class=MessageClass.OTP)
        return Envelope(
            id=f"{self._count:028x}",
            message=message,
            channel=Channel.SMS,
            to=to,
            network=Network(country="RU"),
            segments=count_segments(message.text),
            accepted_at=0.0,
            deadline=float("inf"),
        )
