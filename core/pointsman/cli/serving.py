"""`pointsman serve`: the server in the foreground, and what signals mean to it."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator

from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.options import ConfigOption, find_config
from pointsman.config import load_config
from pointsman.daemon.listening import CannotListen
from pointsman.daemon.service import Service
from pointsman.errors import PointsmanError, StoreError
from pointsman.loading import load_plugins
from pointsman.telemetry import ThreadSink

AT_ONCE = 0.5
"""Seconds for what is in flight when the end must come at once."""
THRESHOLDS = (20_000, 10, 100)
"""When the garbage collector looks at what: rarely, because messages leave hardly any cycles, and never at so much that
the event loop would stand still for long."""
SWITCH_EVERY = 0.0005
"""Seconds for which a thread keeps the interpreter while others wait: the thread of the journal waits for it often,
and everybody waits for that thread."""


def serve(*, config: ConfigOption = None) -> int:
    """Run the server until SIGTERM or Ctrl-C; the log goes to standard output.

    SIGTERM ends it in order: first it says that it is not ready, then it lets nothing more in, what is in flight ends,
    and the rest stays in the journal. A second one ends it at once. SIGHUP takes the configuration in anew; one that is
    not valid changes nothing. Exit code 1 when it was ended at once, 2 when it could not start.
    """
    plugins = load_plugins()
    loaded = load_config(find_config(config), plugins=plugins)
    sys.setswitchinterval(SWITCH_EVERY)
    with contextlib.closing(ThreadSink(sys.stdout)) as sink:
        service = Service(loaded, plugins, sink, environment=os.environ)
        return asyncio.run(_serve(service))


async def _serve(service: Service) -> int:
    signals = _Signals(service)
    with signals.handled():
        try:
            await service.open()
        except CannotListen as error:
            raise UsageError(f"{error}; [daemon] listen and admin say where") from None
        except StoreError as error:
            raise UsageError(str(error)) from None
        _spare_collector()
        return await signals.served()


def _spare_collector() -> None:
    """Keep the garbage collector from going through everything that was imported, again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


class _Signals:
    """State: whether to stop, whether at once, and the reload that is under way."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = asyncio.Event()
        self._now = asyncio.Event()
        self._reloads: set[asyncio.Task[None]] = set()

    async def served(self) -> ExitCode:
        """Run until the end; return how it was."""
        await self._stop.wait()
        closing = asyncio.create_task(self._end())
        hurrying = asyncio.create_task(self._now.wait())
        await asyncio.wait((closing, hurrying), return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if closing.done():
            closing.result()
            return ExitCode.GOOD
        closing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await closing
        await self._service.close(patience=AT_ONCE)
        return ExitCode.FAILED

    async def _end(self) -> None:
        await self._service.drain()
        await self._service.close()

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Listen to signals meanwhile."""
        loop = asyncio.get_running_loop()
        handlers: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: self._end_asked,
            signal.SIGINT: self._end_asked,
            signal.SIGHUP: self._reload_asked,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def _end_asked(self) -> None:
        if self._stop.is_set():
            self._now.set()
        self._stop.set()

    def _reload_asked(self) -> None:
        task = asyncio.create_task(self._reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload(self) -> None:
        with contextlib.suppress(PointsmanError):  # the service has told why, in the log
            await self._service.reload()
