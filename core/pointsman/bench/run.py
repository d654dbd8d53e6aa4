"""Running measurements by name and printing their figures."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from types import MappingProxyType

import msgspec
from rich.console import Console
from rich.text import Text

from pointsman.bench.choosing import measure_choosing
from pointsman.bench.daemon import measure_daemon
from pointsman.bench.embedded import measure_embedded
from pointsman.bench.figures import Amount, Figure, Found
from pointsman.bench.guarding import measure_guarding
from pointsman.bench.journal import measure_journal
from pointsman.bench.lookups import measure_lookups
from pointsman.bench.prices import measure_prices
from pointsman.text.tables import lay_out

NOISE = 0.3
"""Share of their median by which the rounds may differ before a remark is due."""

Bench = Callable[[float], Awaitable[tuple[Found, ...]]]

BENCHES: Mapping[str, Bench] = MappingProxyType(
    {
        "embedded": measure_embedded,
        "choosing": measure_choosing,
        "prices": measure_prices,
        "guarding": measure_guarding,
        "daemon": measure_daemon,
        "lookups": measure_lookups,
    }
)


def run_bench(names: tuple[str, ...] = (), *, json: bool = False, seconds: float = 3.0) -> int:
    """Run the named measurements (all when none is named); return 0 when every budget is kept, else 1.

    `seconds` is the length of one round. Raises `KeyError` for an unknown name.
    """
    figures: list[Found] = []
    for bench in [BENCHES[name] for name in names or tuple(BENCHES)]:
        figures += asyncio.run(_measured(bench, seconds))
    return _told(figures, json=json)


def run_journal(messages: int, *, json: bool = False) -> int:
    """Measure a start with so many messages in the journal; return 0 when every budget is kept, else 1."""
    return _told(asyncio.run(measure_journal(messages)), json=json)


def _told(found: Sequence[Found], *, json: bool) -> int:
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        _show(found, Console(highlight=False))
    return 0 if all(one.within for one in found) else 1


async def _measured(bench: Bench, seconds: float) -> tuple[Found, ...]:
    return await bench(seconds)


def _show(found: Sequence[Found], console: Console) -> None:
    if figures := [one for one in found if isinstance(one, Figure)]:
        columns = ("~measurement", ">rate/s", ">baseline/s", ">ratio", ">budget", "verdict", "~rounds")
        _print(columns, [_cells(one) for one in figures], console)
    if amounts := [one for one in found if isinstance(one, Amount)]:
        _print(("~measurement", ">found", "unit", ">at most", "verdict"), [_amount(one) for one in amounts], console)


def _print(columns: Sequence[str], rows: Sequence[Sequence[object]], console: Console) -> None:
    laid = lay_out(columns, rows, console.width if console.is_terminal else None)
    if laid.heading is not None:
        console.print(Text(laid.heading, style="bold"), soft_wrap=True)
    for line in laid.lines:
        console.print(Text(line), soft_wrap=True)


def _cells(figure: Figure) -> tuple[object, ...]:
    verdict = "kept" if figure.within else "MISSED"
    return (
        figure.name,
        f"{figure.rate:,.0f}",
        f"{figure.baseline:,.0f}",
        f"{figure.ratio:.2f}",
        f"{figure.budget:.2f}",
        f"{verdict}, noisy" if is_noisy(figure.rounds) else verdict,
        " ".join(f"{one:.2f}" for one in figure.rounds),
    )


def _amount(amount: Amount) -> tuple[object, ...]:
    most = "" if amount.most is None else f"{amount.most:,.0f}"
    verdict = "" if amount.most is None else "kept" if amount.within else "MISSED"
    return (amount.name, f"{amount.value:,.1f}", amount.unit, most, verdict)


def is_noisy(rounds: Sequence[float]) -> bool:
    """Say whether the rounds differ so much that their median says little: the machine was busy with something else."""
    return max(rounds) - min(rounds) > NOISE * median(rounds)
