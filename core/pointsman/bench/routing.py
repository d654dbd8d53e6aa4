"""`pointsman bench routing`: the router's choice against a clairvoyant and against the rules of the peers."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from statistics import median
from types import MappingProxyType

import msgspec
from rich.console import Console
from rich.text import Text

from pointsman.routing.match import Lookup
from pointsman.testing.simulator.baselines import BASELINES
from pointsman.testing.simulator.oracle import Oracle
from pointsman.testing.simulator.routed import Routed
from pointsman.testing.simulator.run import MakePolicy, Policy, Result, Scene, play
from pointsman.testing.simulator.scenarios import SCENARIOS
from pointsman.text.tables import lay_out

SEEDS = (101, 102, 103)
MEDIAN_BUDGET = 1.10
"""Total cost in the median scenario, in that of the clairvoyant."""
WORST_BUDGET = 1.25
BASELINE_BUDGET = 1.03
"""What the choice may cost in the cost of the best baseline, in any scenario."""
ORACLE, OURS = "oracle", "balanced"


def _ours(scene: Scene) -> Policy:
    """Return the router's choice as one would configure it: with lookups where they pay, if they have a price."""
    return Routed(scene, lookup=Lookup.NEVER if scene.world.lookup_price is None else Lookup.AUTO)


POLICIES: Mapping[str, MakePolicy] = MappingProxyType(
    {ORACLE: Oracle, OURS: _ours, **{kind.name: kind for kind in BASELINES}}
)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy made of one scenario, over all seeds."""

    policy: str
    total: Decimal
    """Money and the value of what was lost, in the router's currency."""
    money: Decimal
    delivered: float
    """The share that was delivered in time."""
    copies: int
    """Messages that arrived once more."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario under all policies."""

    scenario: str
    about: str
    standings: tuple[Standing, ...]

    def of(self, policy: str) -> Standing:
        """Return the standing of one policy."""
        return next(one for one in self.standings if one.policy == policy)

    def ratio(self, policy: str) -> float:
        """Return the total cost of a policy in that of the clairvoyant."""
        return float(self.of(policy).total / self.of(ORACLE).total)

    @property
    def best_baseline(self) -> Standing:
        """The baseline that costs least."""
        others = [one for one in self.standings if one.policy not in {ORACLE, OURS}]
        return min(others, key=lambda one: one.total)

    @property
    def against_best(self) -> float:
        """Our total cost in that of the best baseline."""
        return float(self.of(OURS).total / self.best_baseline.total)


class RoutingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All scenarios, and whether the budgets are kept."""

    seeds: tuple[int, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def median(self) -> float:
        """Our total cost in the median scenario, in that of the clairvoyant."""
        return median(one.ratio(OURS) for one in self.comparisons)

    @property
    def worst(self) -> Comparison:
        """The scenario in which we are furthest from the clairvoyant."""
        return max(self.comparisons, key=lambda one: one.ratio(OURS))

    @property
    def nearest(self) -> Comparison:
        """The scenario in which a baseline comes nearest to us, or passes us."""
        return max(self.comparisons, key=lambda one: one.against_best)

    @property
    def within(self) -> bool:
        """Whether all three budgets are kept."""
        return (
            self.median <= MEDIAN_BUDGET
            and self.worst.ratio(OURS) <= WORST_BUDGET
            and self.nearest.against_best <= BASELINE_BUDGET
        )


def measure_routing(
    seeds: Sequence[int] = SEEDS, scenarios: Sequence[str] = (), *, processes: int = 2
) -> RoutingFigures:
    """Play every scenario, or those named, under every policy, once for each seed. Raises `KeyError` for a stranger."""
    known = {world.name: place for place, world in enumerate(SCENARIOS)}
    places = [known[name] for name in scenarios] if scenarios else range(len(SCENARIOS))
    work = [(place, policy, seed) for place in places for policy in POLICIES for seed in seeds]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(_play, work, chunksize=4))
    return RoutingFigures(
        seeds=tuple(seeds),
        comparisons=tuple(
            Comparison(
                scenario=SCENARIOS[place].name,
                about=SCENARIOS[place].about,
                standings=tuple(
                    _standing(
                        policy, [one for key, one in zip(work, results, strict=True) if key[:2] == (place, policy)]
                    )
                    for policy in POLICIES
                ),
            )
            for place in places
        ),
    )


def run_routing(seeds: Sequence[int] = SEEDS, scenarios: Sequence[str] = (), *, json: bool = False) -> int:
    """Measure and print; return 0 when every budget is kept, else 1."""
    figures = measure_routing(seeds, scenarios)
    if json:
        sys.stdout.write(msgspec.json.encode(figures).decode() + "\n")
    else:
        _show(figures, Console(highlight=False))
    return 0 if figures.within else 1


def _play(work: tuple[int, str, int]) -> Result:
    place, policy, seed = work
    return play(SCENARIOS[place], seed, POLICIES[policy])


def _standing(policy: str, results: Sequence[Result]) -> Standing:
    return Standing(
        policy=policy,
        total=sum((one.total for one in results), Decimal(0)),
        money=sum((one.money for one in results), Decimal(0)),
        delivered=sum(one.delivered for one in results) / sum(one.messages for one in results),
        copies=sum(one.copies for one in results),
    )


def _show(figures: RoutingFigures, console: Console) -> None:
    _print(console, ("~scenario", ">clairvoyant", *[f">{name}" for name in list(POLICIES)[1:]]), _totals(figures))
    console.print()
    _print(console, ("~scenario", *[f">{name}" for name in POLICIES]), _shares(figures))
    console.print()
    for line in _verdicts(figures):
        console.print(Text(line), soft_wrap=True)


def _totals(figures: RoutingFigures) -> list[tuple[object, ...]]:
    return [
        (one.scenario, f"{one.of(ORACLE).total:,.0f}", *[f"{one.ratio(name):.3f}" for name in list(POLICIES)[1:]])
        for one in figures.comparisons
    ]


def _shares(figures: RoutingFigures) -> list[tuple[object, ...]]:
    def cell(standing: Standing) -> str:
        return f"{standing.delivered:.1%}" + (f" +{standing.copies}" if standing.copies else "")

    return [(one.scenario, *[cell(one.of(name)) for name in POLICIES]) for one in figures.comparisons]


def _verdicts(figures: RoutingFigures) -> list[str]:
    worst, nearest = figures.worst, figures.nearest

    def line(what: str, value: float, budget: float) -> str:
        return f"{what}: {value:.3f}; budget {budget:.2f}: {'kept' if value <= budget else 'MISSED'}"

    return [
        "First table: total cost (money and the value of what was lost) of the clairvoyant, and of the others in it.",
        "Second table: what was delivered in time, and how many messages arrived once more.",
        line("Median scenario, in the clairvoyant's cost", figures.median, MEDIAN_BUDGET),
        line(f"Worst scenario ({worst.scenario})", worst.ratio(OURS), WORST_BUDGET),
        line(
            f"Against the best baseline, at worst ({nearest.scenario}, {nearest.best_baseline.policy})",
            nearest.against_best,
            BASELINE_BUDGET,
        ),
        f"Seeds: {', '.join(map(str, figures.seeds))}",
    ]


def _print(console: Console, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    laid = lay_out(columns, rows, console.width if console.is_terminal else None)
    if laid.heading is not None:
        console.print(Text(laid.heading, style="bold"), soft_wrap=True)
    for line in laid.lines:
        console.print(Text(line), soft_wrap=True)
