"""Reads router.toml from a file or a text; every problem is found before any is reported."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pointsman.config.document import DocumentReader, Overrides
from pointsman.config.model import Config
from pointsman.config.problems import Problems
from pointsman.errors import ConfigError, PluginError, Problem
from pointsman.loading import PluginSet
from pointsman.plugin import Provider

_TOML_PLACE = re.compile(r"(.*) \(at line (\d+), column (\d+)\)|(.*) \(at end of document\)", re.DOTALL)


def load_config(
    path: str | os.PathLike[str],
    *,
    plugins: PluginSet,
    env: Mapping[str, str] | None = None,
    overrides: Overrides | None = None,
) -> Config:
    """Read a configuration from a file; relative paths in it start at its folder.

    `env` is where `{ env = … }` looks, by default the environment of the process. Raises `ConfigError` with all
    problems.
    """
    file = Path(path)
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([_whole_file(file, None, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([_whole_file(file, line, "this is not UTF-8; save the file in UTF-8")]) from None
    return parse_config(text, str(file), plugins=plugins, env=env, overrides=overrides, base=file.parent)


def parse_config(
    text: str,
    filename: str = "router.toml",
    *,
    plugins: PluginSet,
    env: Mapping[str, str] | None = None,
    overrides: Overrides | None = None,
    base: Path | None = None,
) -> Config:
    """Read a configuration from its text; relative paths in it start at `base`, by default the working folder.

    Raises `ConfigError` with all problems.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers and nesting beyond what Python reads
        raise ConfigError([_not_toml(filename, text, str(error))]) from None
    problems = Problems(filename, text)
    reader = DocumentReader(problems, os.environ if env is None else env, base or Path(), plugins)
    config = reader.read(document, overrides or Overrides())
    if config is None:
        raise problems.error()
    return config


def build_providers(config: Config, plugins: PluginSet) -> dict[str, Provider]:
    """Return a new provider object for each provider of the configuration.

    Raises `PluginError` when the configuration was read with other plugins than these.
    """
    built: dict[str, Provider] = {}
    for name, provider in config.providers.items():
        plugin = plugins.providers.get(provider.plugin)
        if plugin is None:
            raise PluginError(provider.plugin, f"it is not loaded, but the provider {name} needs it")
        built[name] = plugin.build(provider.settings)
    return built


def _whole_file(file: Path, line: int | None, message: str) -> Problem:
    return Problem(file=str(file), line=line, key="", message=message)


def _not_toml(filename: str, text: str, error: str) -> Problem:
    found = _TOML_PLACE.fullmatch(error)
    message, line, column, at_end = found.groups() if found else (error, None, None, None)
    if line is None:
        return Problem(
            file=filename, line=len(text.splitlines()) or 1, key="", message=f"this is not TOML: {at_end or message}"
        )
    return Problem(file=filename, line=int(line), key="", message=f"this is not TOML: {message}, column {column}")
