"""`pointsman demo` and `pointsman bench`: passed on to their packages, which are imported only now."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pointsman.cli.exits import UsageError
from pointsman.cli.options import CONFIG_FILE, JsonOption


def demo(
    *,
    out: Annotated[Path, Parameter(help="A folder for the log and the metrics.")] = Path("demo-out"),
    seed: Annotated[int, Parameter(help="Decides the order of the messages and the times of delivery.")] = 7,
    config: Annotated[
        Path | None, Parameter(name=["--config", "-c"], help="The example's configuration; else ./router.toml.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Send a few hundred messages and lookups through the sandboxes while things go wrong there, and report.

    Nothing leaves this machine. Exit code 1 when a message did not end as its script implies.
    """
    from pointsman.demo import run_demo

    if config is None and not Path(CONFIG_FILE).exists():
        raise UsageError(f"no {CONFIG_FILE} here: give --config with the example that comes with the project")
    try:
        return run_demo(json=json, out=out, seed=seed, config=config)
    except OSError as error:
        raise UsageError(f"--out: {out}: {error.strerror}") from None


ROUTING = "routing"
"""The measurement that is no matter of speed, and made only when it is asked for by name."""
JOURNAL = "journal"
"""The measurement of a start with a large journal; making one takes a minute, so it is made only when asked for."""


def bench(
    *names: Annotated[str, Parameter(help="The measurements to make; all of speed when none is named.")],
    seconds: Annotated[float, Parameter(help="The length of one round.")] = 3.0,
    seeds: Annotated[str, Parameter(help="For routing: numbers, divided by commas; each is a world of its own.")] = "",
    scenario: Annotated[
        tuple[str, ...], Parameter(negative="", help="For routing: only this scenario; may be given again.")
    ] = (),
    messages: Annotated[int, Parameter(help="For journal: how many messages are in it.")] = 1_000_000,
    json: JsonOption = False,
) -> int:
    """Measure the speed in ratios of one run, or (routing) the choice against a clairvoyant and the peers' rules.

    Exit code 1 when a budget is not kept.
    """
    from pointsman.bench import BENCHES, run_bench, run_journal, run_routing

    if ROUTING in names:
        if len(names) > 1:
            raise UsageError("routing is measured on its own; leave the other names out")
        return run_routing(_seeds(seeds), _known(scenario), json=json)
    if seeds or scenario:
        raise UsageError("--seeds and --scenario go with: pointsman bench routing")
    if JOURNAL in names:
        if len(names) > 1:
            raise UsageError("the journal is measured on its own; leave the other names out")
        if not 0 < messages <= 10_000_000:
            raise UsageError("--messages is more than 0 and at most 10000000")
        return run_journal(messages, json=json)
    strangers = [name for name in names if name not in BENCHES]
    if strangers:
        raise UsageError(
            f"there is no measurement {strangers[0]!r}; there are {', '.join(BENCHES)}, {JOURNAL} and {ROUTING}"
        )
    if not 0 < seconds <= 600:
        raise UsageError("--seconds is more than 0 and at most 600")
    return run_bench(names, json=json, seconds=seconds)


def _seeds(text: str) -> tuple[int, ...]:
    from pointsman.bench.routing import SEEDS

    try:
        return tuple(int(one) for one in text.split(",")) if text else SEEDS
    except ValueError:
        raise UsageError(f"--seeds: {text!r} are no whole numbers divided by commas, such as 1,2,3") from None


def _known(scenarios: tuple[str, ...]) -> tuple[str, ...]:
    from pointsman.testing.simulator.scenarios import SCENARIOS

    known = [world.name for world in SCENARIOS]
    for name in scenarios:
        if name not in known:
            raise UsageError(f"--scenario: there is none called {name!r}; there are: {'; '.join(known)}")
    return scenarios
