"""How fast price lists are: read from a file, beside reading its cells; looked up, beside looking into a dict."""

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from pointsman.bench.embedded import ROUNDS
from pointsman.bench.figures import Figure
from pointsman.config.prices import read_price_file
from pointsman.config.rows import RowReader
from pointsman.message import Channel, Msisdn, Network
from pointsman.routing.tariff import Rates, Tariff

ROWS = 100_000
NUMBERS = 20_000
"""Different numbers that are looked up, so that no answer is still in the processor's nearest memory."""
LOADING_BUDGET = 0.07
"""Reading a list with its checks and its index takes at most fourteen times as long as its bare cells: below 1 s."""
LOOKUP_BUDGET = 0.03
"""A look-up takes at most as long as some thirty in a dict: below 2 µs."""
NOW = 1_780_000_000.0

Question = tuple[Msisdn, Network]


async def measure_prices(seconds: float) -> tuple[Figure, ...]:
    """Measure in alternating rounds of some `seconds` each. The rates are rows and look-ups in a second."""
    text = _list_of(ROWS)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "prices.csv"
        file.write_text(text)
        loading = _compare(lambda: len(_load(file)), lambda: _cells(text), seconds)
        tariff = _load(file)
    questions = _questions()
    known = dict(questions)
    looking_up = _compare(lambda: _ask(tariff, questions), lambda: _look(known, questions), seconds)
    return (
        _figure(f"loading a price list of {ROWS:,} rows, beside its bare cells", loading, LOADING_BUDGET),
        _figure(f"looking a price up among {ROWS:,} rows, beside a dict", looking_up, LOOKUP_BUDGET),
    )


def _list_of(count: int) -> str:
    """Return a list by prefixes of all lengths with a few networks and countries, partly with dates."""
    networks = [f"250{number:02d},," for number in range(100)]
    countries = [f",,{code}" for code in ("RU", "KZ", "BY", "UA", "DE")]
    prefixes = (f",{prefix}," for prefix in _prefixes())
    places = [*networks, *countries, *islice(prefixes, count - len(networks) - len(countries))]
    ends = ("RUB,submit,,", "RUB,delivery,2026-01-01,", "RUB,submit,2026-01-01,2027-12-31")
    rows = [f"{place},sms,{number % 97}.25,{ends[number % 3]}" for number, place in enumerate(places)]
    return "\n".join(["mccmnc,prefix,country,channel,price,currency,charged_on,from,to", *rows]) + "\n"


def _prefixes() -> Iterator[str]:
    """Yield Russian mobile prefixes, each once: four, five, six digits and so on."""
    for length in range(2, 9):
        for number in range(10**length):
            yield f"79{number:0{length}d}"


def _load(file: Path) -> Tariff:
    rows, problems = read_price_file(file, "prices.csv", RowReader("RUB", {"RUB"}))
    if problems or len(rows) != ROWS:
        raise RuntimeError(f"the list of the measurement cannot be read: {problems[:1]}")
    return Tariff(rows, Rates("EUR", {"RUB": Decimal("0.0105")}))


def _cells(text: str) -> int:
    return sum(1 for _ in csv.reader(io.StringIO(text, newline=""), strict=True))


def _questions() -> Sequence[Question]:
    """Return numbers with what is known of them: a network with a price, one without, or only the country."""
    random = Random(1)
    networks = [Network(country="RU", mccmnc="25001"), Network(country="RU", mccmnc="25901"), Network(country="RU")]
    return [(Msisdn(f"79{random.randrange(10**9):09d}"), networks[place % 3]) for place in range(NUMBERS)]


def _ask(tariff: Tariff, questions: Sequence[Question]) -> int:
    price, channel = tariff.price, Channel.SMS
    for to, network in questions:
        price(channel, to, network, NOW)
    return len(questions)


def _look(known: dict[Msisdn, Network], questions: Sequence[Question]) -> int:
    look = known.get
    for to, _ in questions:
        look(to)
    return len(questions)


def _compare(measured: Callable[[], int], baseline: Callable[[], int], seconds: float) -> list[tuple[float, float]]:
    """Return the rates of both in each round."""
    measured()
    return [(_rate(measured, seconds / 2), _rate(baseline, seconds / 2)) for _ in range(ROUNDS)]


def _rate(work: Callable[[], int], seconds: float) -> float:
    """Return how many things are done in a second; the work is done at least once."""
    done, started = 0, time.perf_counter()
    while True:
        done += work()
        spent = time.perf_counter() - started
        if spent >= seconds:
            return done / spent


def _figure(name: str, rounds: Sequence[tuple[float, float]], budget: float) -> Figure:
    ratios = tuple(rate / baseline for rate, baseline in rounds)
    return Figure(
        name=name,
        rate=median(rate for rate, _ in rounds),
        baseline=median(baseline for _, baseline in rounds),
        ratio=median(ratios),
        budget=budget,
        rounds=ratios,
    )
