"""Options that several commands share, and the search for the configuration."""

import dataclasses
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pointsman.cli.exits import UsageError

CONFIG_VARIABLE = "POINTSMAN_CONFIG"
CONFIG_FILE = "router.toml"

ConfigOption = Annotated[
    Path | None,
    Parameter(name=["--config", "-c"], help=f"The configuration; else ${CONFIG_VARIABLE}, else ./{CONFIG_FILE}."),
]
JsonOption = Annotated[
    bool,
    Parameter(name="--json", negative="", show_default=False, help="Write JSON to standard output instead of tables."),
]
LogOption = Annotated[
    Path | None, Parameter(name="--log", help="Append one line of JSON for every call to a provider to this file.")
]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Common:
    """Options of every command that uses the router."""

    config: ConfigOption = None
    json: JsonOption = False
    log: LogOption = None


def find_config(given: Path | None) -> Path:
    """Return the file to read: the one that was given, else the environment's, else `./router.toml`.

    Raises `UsageError` when there is none.
    """
    if given is not None:
        return given
    if from_environment := os.environ.get(CONFIG_VARIABLE):
        return Path(from_environment)
    if Path(CONFIG_FILE).exists():
        return Path(CONFIG_FILE)
    raise UsageError(
        f"there is no configuration: give --config FILE, set {CONFIG_VARIABLE}, or put a {CONFIG_FILE} into this folder"
    )
