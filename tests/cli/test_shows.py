"""`demo` and `bench` are passed on with their options."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pointsman.bench import prices
from pointsman.bench.embedded import ROUNDS
from pointsman.bench.run import is_noisy

from .conftest import Runner


def test_demo(pointsman: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo gets its options, and its verdict is the exit code."""
    seen: dict[str, Any] = {}

    def run_demo(**options: object) -> int:
        seen.update(options)
        return 1

    monkeypatch.setattr("pointsman.demo.run_demo", run_demo)
    (folder / "router.toml").touch()

    run = pointsman("demo", "--out", "there", "--seed", "5", "--json")

    assert (1, {"json": True, "out": Path("there"), "seed": 5, "config": None}) == (run.code, seen)


def test_demo_elsewhere(pointsman: Runner) -> None:
    """Where there is no example to play with, the demo says what to do."""
    run = pointsman("demo")

    words = "no router.toml here: give --config with the example that comes with the project"
    assert (run.code, run.err) == (2, f"pointsman: {words}\n")


def test_bench(pointsman: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurements get their names and the length of a round."""
    seen: list[Any] = []

    def run_bench(names: tuple[str, ...], *, json: bool, seconds: float) -> int:
        seen.append((names, json, seconds))
        return 0

    monkeypatch.setattr("pointsman.bench.run_bench", run_bench)
    monkeypatch.setattr("pointsman.bench.BENCHES", {"one": None})

    run = pointsman("bench", "one", "--seconds", "0.5")

    assert (run.code, seen) == (0, [(("one",), False, 0.5)])


@pytest.mark.parametrize(("rounds", "noisy"), [((0.7, 0.8, 0.9), False), ((0.6, 0.8, 0.9), True)])
def test_noise(rounds: tuple[float, ...], *, noisy: bool) -> None:
    """Rounds that differ by more than 30 % of their median are called noisy."""
    assert is_noisy(rounds) is noisy


def test_prices_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement of price lists reads its own list without a problem and has a figure for each budget."""
    monkeypatch.setattr(prices, "ROWS", 2000)
    loading, looking_up = asyncio.run(prices.measure_prices(0.001))

    assert (loading.budget, looking_up.budget) == (prices.LOADING_BUDGET, prices.LOOKUP_BUDGET)
    assert all(figure.rate > 0 and len(figure.rounds) == ROUNDS for figure in (loading, looking_up))
