"""The service: puts store, router and listeners together, keeps them running, takes the configuration in anew, ends."""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from importlib import metadata
from random import Random
from typing import Any

from pointsman.clock import Clock, SystemClock
from pointsman.config import Config, load_config, secrets_of
from pointsman.daemon.app import build_app
from pointsman.daemon.company import HEEDED, Company
from pointsman.daemon.diary import Diary, LibraryLines
from pointsman.daemon.endpoint import Listener
from pointsman.daemon.figures import Figures
from pointsman.daemon.house import House, Posture
from pointsman.daemon.keeping import Keeping
from pointsman.daemon.listening import Ear
from pointsman.daemon.notify import Notifier
from pointsman.daemon.openapi import document
from pointsman.daemon.pulse import Pulse
from pointsman.daemon.readiness import Readiness
from pointsman.daemon.shown import ReloadShown
from pointsman.daemon.table import ENDPOINTS
from pointsman.errors import PointsmanError, RouterClosed
from pointsman.events import MessageMoved, MessageTaken
from pointsman.loading import PluginSet
from pointsman.router import Router
from pointsman.telemetry import Labels, LogFormat, LogLevel, MetricsObserver, Registry, Sink, StateObserver


class Service:
    """One server. Call `open`, then `run` until somebody wants it to stop, then `close`.

    State: the configuration in force, and whether it is starting, running or closing.
    """

    def __init__(
        self,
        config: Config,
        plugins: PluginSet,
        sink: Sink,
        *,
        environment: Mapping[str, str],
        clock: Clock | None = None,
    ) -> None:
        """Put the parts together; opens nothing. Raises `PluginError` and `ConfigError` as `Router` does."""
        self._config = config
        self._plugins = plugins
        self._environment = environment
        self._clock = clock or SystemClock()
        self.diary = Diary(sink, LogFormat(config.router.log_format), self._clock)
        self.diary.learn(secrets_of(config))
        self._libraries = LibraryLines(self.diary)
        self._notifier = Notifier(environment)
        registry = Registry()
        version = metadata.version("pointsman")
        self._metrics = MetricsObserver(_labels(config, plugins), version, registry)
        self.router = Router(config, plugins=plugins, clock=self._clock, observers=[self.diary, self._metrics])
        self.router.observe(
            StateObserver(self.router.providers, registry, clock=self._clock), MessageTaken, MessageMoved
        )
        self.company = Company(config, self.router, self._clock, Random())
        self.router.observe(self.company, *HEEDED)
        self._readiness = Readiness(self.router)
        self.house = House(
            gateway=self.router,
            company=self.company,
            posture=Posture(config),
            clock=self._clock,
            figures=Figures(registry, (endpoint.path for endpoint in ENDPOINTS)),
            registry=registry,
            openapi=document(ENDPOINTS, version),
            readiness=lambda: self._readiness.reasons(self.house),
            reload=self.reload,
        )
        self.router.observe(self.house.streams, MessageMoved)
        self._keeping = Keeping(
            self.router, lambda: self._config.retention.terms(), self._notifier, self.diary, self._clock
        )
        self._pulse = Pulse(registry)
        patience = float(config.daemon.drain_patience)
        logger = self.diary
        self.public = Ear(build_app(self.house, ENDPOINTS, Listener.PUBLIC, logger), config.daemon.listen, patience)
        self.admin = Ear(build_app(self.house, ENDPOINTS, Listener.ADMIN, logger), config.daemon.admin, patience)
        self._tasks: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()
        self._running = asyncio.Event()

    async def open(self) -> None:
        """Take the ports, open the store, start the router, listen. What was opened is closed when this fails.

        Raises `StoreError`, `CannotListen`, `ConfigError`.
        """
        asyncio.get_running_loop().set_exception_handler(self.diary.background)
        self._libraries.attach()
        async with contextlib.AsyncExitStack() as opened:
            opened.callback(self._libraries.detach)
            for ear in (self.admin, self.public):
                ear.bind()
                opened.push_async_callback(ear.close)
            await self.router.start()
            opened.push_async_callback(self.router.aclose, 0.0)
            await self.company.start()
            opened.push_async_callback(self.company.close)
            await self.admin.open()
            await self.public.open()
            self._begin(self._keeping.erase())
            self._begin(self._keeping.feed_watchdog())
            self._begin(self._keeping.watch_store(self.house))
            self._begin(self._pulse.beat())
            opened.pop_all()
        self._readiness.started = True
        self._running.set()
        self._notifier.ready()
        self.diary.write(
            LogLevel.INFO,
            "daemon.started",
            listen=str(self.public.address),
            admin=str(self.admin.address),
            store=self._config.router.store.partition(":")[0],
            durable=self.router.store.durable,
            config=self._config.file,
        )

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Say that the end has begun, and wait until those who ask have seen it."""
        self._readiness.draining = True
        self._notifier.stopping()
        self.diary.write(LogLevel.INFO, "daemon.draining")
        await self._clock.sleep(float(self._config.daemon.drain_delay))

    async def close(self, *, patience: float | None = None) -> None:
        """Let nothing more in, let what is in flight end within `patience` seconds, close everything.

        What has not left stays in the journal.
        """
        self._readiness.draining = True
        patience = float(self._config.daemon.drain_patience) if patience is None else patience
        async with contextlib.AsyncExitStack() as steps:  # from the last to the first, whatever one of them raises
            steps.callback(self._libraries.detach)
            steps.push_async_callback(self.admin.close)
            steps.push_async_callback(self.router.aclose, patience)
            steps.push_async_callback(self.company.close)
            steps.push_async_callback(self._end_tasks)
            steps.push_async_callback(self.public.close)
            steps.callback(self.house.streams.close)
        self.diary.write(LogLevel.INFO, "daemon.stopped")

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reload(self) -> ReloadShown:
        """Take the configuration in anew, all of it or nothing. Raises `PointsmanError`: `ConfigError` tells all.

        Messages on their way are not disturbed. What is asked for while the service starts is done after that, and a
        service that ends takes nothing in any more: systemd would take the end of a reload for being ready.
        """
        await self._running.wait()
        async with self._reloading:
            if self._readiness.draining:
                raise RouterClosed("the server is closing")
            self._notifier.reloading(self._clock.monotonic())
            try:
                return await self._reload()
            finally:
                self._notifier.ready()

    async def _reload(self) -> ReloadShown:
        try:
            config = await asyncio.to_thread(
                load_config, self._config.file, plugins=self._plugins, env=self._environment
            )
        except PointsmanError as error:
            self.router.reload_refused(error)
            raise
        posture = Posture(config)
        self.diary.learn([*secrets_of(self._config), *secrets_of(config)])
        changes = await self.router.reload(config)
        # From here on nothing waits and nothing fails: who is served sees all of it or nothing.
        self._config, self.house.posture = config, posture
        self.company.configure(config)
        return ReloadShown(changes=changes.words())


def _labels(config: Config, plugins: PluginSet) -> Labels:
    return Labels(
        providers=frozenset(config.providers),
        plugins=frozenset((*plugins.providers, *(one.name for one in plugins.quarantined))),
        clients=frozenset(config.clients),
        currencies=frozenset(config.rates),
        strategies=Labels(providers=frozenset()).strategies | frozenset(plugins.strategies),
    )
