"""Runs the demo: sets the stage, plays the script, tells what came of it."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec
from rich.console import Console

from pointsman.clock import Clock, SystemClock
from pointsman.demo.cases import Case, load_cases
from pointsman.demo.play import Player
from pointsman.demo.records import Records
from pointsman.demo.report import Report
from pointsman.demo.script import PROVIDERS, SCRIPT, Act, steps_of, stopped_in
from pointsman.demo.show import show
from pointsman.demo.stage import Stage, load, set_stage
from pointsman.demo.tally import Tally
from pointsman.demo.telling import Facts, Played, tell
from pointsman.demo.verdict import Books
from pointsman.demo.watch import Lines, Screen, Silent, Watch
from pointsman.loading import PluginSet, load_plugins
from pointsman.router import Router
from pointsman.routing.breaker import BreakerSettings
from pointsman.routing.tariff import Rates

DEFAULT_CONFIG = Path("router.toml")
BREAKER = BreakerSettings(rest=1.5)
"""Nobody wants to watch for half a minute how a breaker rests."""
PATIENCE = 60.0
"""Seconds after which the script is broken off and judged as far as it came."""
Prepare = Callable[[Stage], None]
"""Changes the sandboxes before the first message."""


def run_demo(*, json: bool = False, out: Path = Path("demo-out"), seed: int = 7, config: Path | None = None) -> int:
    """Run the demo on loopback and print its report; return 0 if everything ended as the script implies, else 1.

    `json` prints one JSON document instead of tables. Log and metrics are written to the folder `out`. `seed` decides
    the order of messages and the times of delivery. `config` is the file of the project's example, by default
    `./router.toml`. Runs an event loop of its own. Raises `ConfigError` when the configuration cannot be used,
    `OSError` when `out` cannot be written to.
    """
    console = Console(highlight=False)
    report = perform(config or DEFAULT_CONFIG, out, seed, console=None if json else console)
    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        show(report, console)
    return 0 if report.ok else 1


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a performance needs besides those who watch it."""

    config: Path
    plugins: PluginSet
    environment: Mapping[str, str]
    stage: Stage
    script: Sequence[Act]
    cases: Sequence[Case]
    seed: int


def perform(
    config: Path,
    out: Path,
    seed: int,
    *,
    console: Console | None = None,
    script: Sequence[Act] = SCRIPT,
    prepare: Prepare | None = None,
) -> Report:
    """Play a script with the messages of its steps, and return the report.

    Without a console nothing is shown meanwhile. `prepare` may change the sandboxes before they start. Raises as
    `run_demo` does.
    """
    plugins = load_plugins()
    stage, environment = set_stage(config, plugins, seed)
    steps = steps_of(script)
    cases = [case for case in load_cases() if case.step in steps]
    stage.script_fates(cases)
    if prepare is not None:
        prepare(stage)
    setting = Setting(
        config=config, plugins=plugins, environment=environment, stage=stage, script=script, cases=cases, seed=seed
    )
    tally = Tally()
    with Records(out, frozenset(PROVIDERS), environment) as records:
        played = asyncio.run(_run(setting, tally, records, console))
    facts = Facts(
        config=str(config),
        seed=seed,
        cases=cases,
        breaking=stopped_in(script),
        played=played,
        books=_books(tally, records, stage),
        log=str(records.log),
        metrics=str(records.metrics),
    )
    return tell(facts, tally)


def _books(tally: Tally, records: Records, stage: Stage) -> Books:
    lines, left = records.calls()
    return Books(
        events=tally.requests,
        log=lines,
        left=left,
        metric=records.counted(),
        arrived=stage.requests,
        lines_lost=records.lines_lost,
    )


async def _run(setting: Setting, tally: Tally, records: Records, console: Console | None) -> Played:
    """Start everything, play the script, stop everything."""
    clock = SystemClock()
    started = clock.monotonic()
    async with setting.stage as stage:
        config = load(setting.config, setting.plugins, setting.environment, stage.base_urls)
        before = stage.balances()
        router = Router(
            config,
            plugins=setting.plugins,
            observers=[tally, records],
            random=Random(setting.seed),
            breaker=BREAKER,
            only_loopback=True,
        )
        async with router:
            dearest = _dearest(router, setting.cases)
            async with _watch(console, router, tally, len(setting.cases), clock) as watch:
                player = Player(router, stage, setting.cases, Random(setting.seed), watch.phase)
                unfinished = await _play(player, setting.script)
            await router.read_balances()
            receipts = await player.conclude()
            believed = {status.name: status.balance for status in router.providers()}
        return Played(
            receipts=receipts,
            invalid=frozenset(player.invalid),
            dearest=dearest,
            copies=stage.copies(),
            rates=Rates(config.router.currency, config.rates),
            currencies={name: config.providers[name].currency for name in PROVIDERS},
            before=before,
            after=stage.balances(),
            believed=believed,
            seconds=clock.monotonic() - started,
            unfinished=unfinished,
        )


async def _play(player: Player, script: Iterable[Act]) -> str | None:
    """Play the script; return why it was broken off, if it was."""
    try:
        async with asyncio.timeout(PATIENCE):
            await player.play(script)
    except TimeoutError:
        return f"it was not over after {PATIENCE:.0f} s"
    return None


def _dearest(router: Router, cases: Iterable[Case]) -> dict[str, Decimal]:
    """Ask, before anything was sent, what the dearest provider would charge for each message."""
    dearest = {}
    for case in cases:
        if case.to is not None:
            ranking = router.explain(case.message).ranking
            prices = [one.candidate.comparable for one in ranking if one.candidate.comparable is not None]
            dearest[case.name] = max(prices, default=Decimal(0))
    return dearest


def _watch(console: Console | None, router: Router, tally: Tally, total: int, clock: Clock) -> Watch:
    if console is None:
        return Silent()
    return Screen(console, router, tally, total, clock) if console.is_terminal else Lines(console, tally, total, clock)
