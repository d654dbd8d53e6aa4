"""From options to a running router: the configuration, the plugins, the log."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from pointsman.cli.exits import UsageError
from pointsman.cli.options import Common, find_config
from pointsman.cli.output import Output
from pointsman.config import Config, load_config, secrets_of
from pointsman.engine.bus import Observer
from pointsman.loading import PluginSet, load_plugins
from pointsman.router import Router
from pointsman.secret import Secret
from pointsman.store import MemoryStore, Store
from pointsman.telemetry import LogFormat, LogObserver, Masker, ThreadSink, build_logger


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a command has before it starts a router."""

    config: Config
    plugins: PluginSet
    output: Output
    log: Path | None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets of the configuration."""
        return tuple(secrets_of(self.config))


def set_up(common: Common) -> Setup:
    """Read the configuration. Raises `UsageError` when there is none and `ConfigError` when it is wrong."""
    plugins = load_plugins()
    config = load_config(find_config(common.config), plugins=plugins)
    output = Output(json=common.json, secrets=secrets_of(config))
    for quarantine in plugins.quarantined:
        output.note(f"the plugin {quarantine.name} is out of use: {quarantine.reason}")
    return Setup(config=config, plugins=plugins, output=output, log=common.log)


@contextlib.asynccontextmanager
async def opened(
    setup: Setup, *, store: Store | None = None, observers: Iterable[Observer] = ()
) -> AsyncIterator[Router]:
    """Run a router, with its log if one is wanted; what a command sends is not for the journal of a daemon.

    Raises `UsageError` when the log cannot be written.
    """

    def broken(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        setup.output.note(f"internal error in the background: {type(error).__name__}, please report it")

    asyncio.get_running_loop().set_exception_handler(broken)
    with _log(setup) as log:
        watching = (*observers, log) if log is not None else tuple(observers)
        keeper = store or MemoryStore()
        async with Router(setup.config, plugins=setup.plugins, store=keeper, observers=watching) as router:
            yield router


@contextlib.contextmanager
def _log(setup: Setup) -> Iterator[Observer | None]:
    if setup.log is None:
        yield None
        return
    try:
        stream = setup.log.open("ab")
    except OSError as error:
        why = error.strerror if setup.log.parent.is_dir() else f"there is no folder {setup.log.parent}"
        raise UsageError(f"--log: {setup.log} cannot be written: {why}") from None
    with stream, contextlib.closing(ThreadSink(stream)) as sink:
        yield LogObserver(build_logger(sink, format=LogFormat.JSON, secrets=setup.secrets), Masker())
        sink.flush()
        if sink.dropped:
            setup.output.note(f"--log: {sink.dropped} lines could not be written to {setup.log}")
