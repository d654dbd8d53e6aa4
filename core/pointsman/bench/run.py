"""Running measurements by name and printing their figures."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import msgspec
from rich.console import Console
from rich.table import Table

from pointsman.bench.embedded import Figure, measure_embedded

Bench = Callable[[float], Awaitable[tuple[Figure, ...]]]

BENCHES: Mapping[str, Bench] = MappingProxyType({"embedded": measure_embedded})


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
        Console().print(_table(figures))
    return 0 if all(figure.within for figure in figures) else 1


async def _measured(bench: Bench, seconds: float) -> tuple[Figure, ...]:
    return await bench(seconds)


def _table(figures: list[Figure]) -> Table:
    table = Table("measurement", "rate/s", "bare client/s", "ratio", "budget", "rounds")
    for figure in figures:
        verdict = "kept" if figure.within else "MISSED"
        table.add_row(
            figure.name,
            f"{figure.rate:,.0f}",
            f"{figure.baseline:,.0f}",
            f"{figure.ratio:.2f}",
            f"{figure.budget:.2f} {verdict}",
            " ".join(f"{one:.2f}" for one in figure.rounds),
        )
    return table
