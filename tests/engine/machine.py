"""A machine on which routers live one after the other: over the same providers, store and clock."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from types import MappingProxyType
from typing import Any, TypeVar

from pointsman.config import parse_config
from pointsman.events import Event
from pointsman.loading import load_plugins
from pointsman.router import Router
from pointsman.store.record import Record
from pointsman.testing import SCRIPTED, FakeClock, KeptStore

from .rig import Account, configuration

E = TypeVar("E", bound=Event)


class Machine:
    """Starts routers and makes them die."""

    def __init__(self, accounts: Mapping[str, Account], clock: FakeClock, tables: Mapping[str, Any]) -> None:
        self.accounts = dict(accounts)
        self.clock = clock
        self.tables = dict(tables)
        self.store = KeptStore()
        self.router: Router | None = None
        self.events: list[Event] = []

    async def start(self) -> Router:
        """Start a router on what the last one left."""
        known = load_plugins([SCRIPTED])
        text = configuration(
            self.accounts, self.tables.get("route", {}), self.tables.get("policy", {}), self.tables.get("sections", {})
        )
        config = parse_config(text, plugins=known, env={})
        self.router = Router(
            config,
            plugins=known,
            clock=self.clock,
            observers=[self.events.append],
            store=self.store,
            random=Random(1),
            only_loopback=True,
        )
        await self.router.start()
        return self.router

    async def crash(self) -> None:
        """Kill the router: it writes nothing any more, and its connections break."""
        self.store.crash()
        assert self.router is not None
        for station in self.router._stations.values():
            await station.transport.close()
        self.store = self.store.after_crash()

    async def restart(self) -> Router:
        """Kill the router and start another one."""
        await self.crash()
        return await self.start()

    async def stop(self) -> None:
        """End the router as an operator does; the store is found again by the next one."""
        assert self.router is not None
        await self.router.aclose(0.5)
        self.store = self.store.after_crash()

    def told(self, kind: type[E]) -> list[E]:
        """Return the events of a kind, oldest first."""
        return [event for event in self.events if isinstance(event, kind)]

    def record(self, message_id: str) -> Record:
        """Return what is kept of a message."""
        return next(one for one in self.store.records if one.envelope.id == message_id)

    def available(self, provider: str) -> object:
        """Return what a provider's account has left."""
        assert self.router is not None
        status = next(one for one in self.router.providers() if one.name == provider)
        return status.available.amount if status.available is not None else None


@asynccontextmanager
async def machine(
    accounts: Mapping[str, Account],
    clock: FakeClock,
    tables: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncIterator[Machine]:
    """Start the providers; whatever routers leave behind is ended with them."""
    before = asyncio.all_tasks()
    one = Machine(accounts, clock, tables)
    for account in accounts.values():
        await account.sandbox.start()
    try:
        yield one
    finally:
        if one.router is not None and not one.store.dead.is_set():
            await one.router.aclose(0.0)
        for account in accounts.values():
            await account.sandbox.close()
        for _ in range(3):  # who is cancelled may want to write that down, and waits for a store that is gone
            for task in asyncio.all_tasks() - before - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0.01)
