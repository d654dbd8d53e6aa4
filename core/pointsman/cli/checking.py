"""`pointsman check`: everything that is wrong with the configuration, all at once."""

import msgspec

from pointsman.cli.exits import ExitCode
from pointsman.cli.options import ConfigOption, JsonOption, find_config
from pointsman.cli.output import Output, plural
from pointsman.config import Config, load_config, secrets_of
from pointsman.errors import ConfigError, Problem
from pointsman.loading import load_plugins
from pointsman.router import Router


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration holds, or what is wrong with it."""

    file: str
    good: bool
    problems: tuple[Problem, ...] = ()
    providers: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    price_rows: int = 0
    networks: int = 0
    """Different networks (MCC/MNC) that the price lists name."""


def check(*, config: ConfigOption = None, json: JsonOption = False) -> int:
    """Check the configuration, with its price lists and number ranges, and list everything that is wrong with it.

    Secrets are fetched, to see that they are there, and never shown. Nobody is contacted. Exit code 2 when something
    is wrong.
    """
    file = find_config(config)
    try:
        found, output = _read(file, json=json)
    except ConfigError as error:
        output = Output(json=json)
        output.record(Summary(file=str(file), good=False, problems=error.problems))
        for problem in error.problems:
            output.note(str(problem))
        count = len(error.problems)
        output.note(f"{file}: {plural(count, 'problem')}")
        return output.ended(ExitCode.USAGE)
    summary = _summary(found)
    output.record(summary)
    output.show(f"{file}: good")
    output.table(
        ("", "~"),
        [
            ("providers", f"{len(summary.providers)}: {', '.join(summary.providers)}"),
            ("routes", f"{len(summary.routes)}: {', '.join(summary.routes)}"),
            ("prices", f"{plural(summary.price_rows, 'row')}, {plural(summary.networks, 'network')} by MCC/MNC"),
        ],
    )
    return output.ended(ExitCode.GOOD)


def _read(file: object, *, json: bool) -> tuple[Config, Output]:
    plugins = load_plugins()
    config = load_config(str(file), plugins=plugins)
    Router(config, plugins=plugins)  # reads the number ranges, and opens nothing
    return config, Output(json=json, secrets=secrets_of(config))


def _summary(config: Config) -> Summary:
    rows = [row for provider in config.providers.values() for row in provider.prices]
    return Summary(
        file=config.file,
        good=True,
        providers=tuple(config.providers),
        routes=tuple(route.name for route in config.routes),
        price_rows=len(rows),
        networks=len({row.mccmnc for row in rows if row.mccmnc is not None}),
    )
