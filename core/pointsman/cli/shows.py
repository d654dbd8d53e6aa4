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


def bench(
    *names: Annotated[str, Parameter(help="The measurements to make; all when none is named.")],
    seconds: Annotated[float, Parameter(help="The length of one round.")] = 3.0,
    json: JsonOption = False,
) -> int:
    """Measure the speed against a bare client in the same run. Exit code 1 when a budget is not kept."""
    from pointsman.bench import BENCHES, run_bench

    strangers = [name for name in names if name not in BENCHES]
    if strangers:
        raise UsageError(f"there is no measurement {strangers[0]!r}; there are {', '.join(BENCHES)}")
    if not 0 < seconds <= 600:
        raise UsageError("--seconds is more than 0 and at most 600")
    return run_bench(names, json=json, seconds=seconds)
