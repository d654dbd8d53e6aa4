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
from pointsman.bench.embedded import Figure, measure_embedded
from pointsman.bench.guarding import measure_guarding
from pointsman.bench.prices import measure_prices
from pointsman.text.tables import lay_out

NOISE = 0.3
"""Share of their median by which the rounds may differ before a remark is due."""

Bench = Callable[[float], Awaitable[tuple[Figure, ...]]]

BENCHES: Mapping[str, Bench] = MappingProxyType(
    {
        "embedded": measure_embedded,
        "choosing": measure_choosing,
        "prices": measure_prices,
        "guarding": measure_guarding,
    }
)


def run_bench(names: tuple[str, ...] = (), *, json: bool = False, seconds: float = 3.0) -> int:
    """Run the named measurements (all when none is named); return 0 when every budget is kept, else 1.

    `seconds` is the length of one round. Raises `KeyError` for an unknown name.
    """
    figures: list[Figure] = []
    for bench in [BENCHES[name] for name in names or tuple(BENCHES)]:
        figures += asyncio.run(_measured(bench, seconds))
    if json:
        sys.stdout.write(msgspec.json.encode(figures).decode() + "\n")
    else:
        _show(figures, Console(highlight=False))
    return 0 if all(figure.within for figure in figures) else 1


async def _measured(bench: Bench, seconds: float) -> tuple[Figure, ...]:
    return await bench(seconds)


def _show(figures: list[Figure], console: Console) -> None:
    columns = ("~measurement", ">rate/s", ">baseline/s", ">ratio", ">budget", "verdict", "~rounds")
    rows = [_cells(figure) for figure in figures]
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


def is_noisy(rounds: Sequence[float]) -> bool:
    """Say whether the rounds differ so much that their median says little: the machine was busy with something else."""
    return max(rounds) - min(rounds) > NOISE * median(rounds)
