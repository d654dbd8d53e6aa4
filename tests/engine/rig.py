"""What the tests of the engine share: a running router over sandboxes, and everything that it told."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from pointsman.clock import Clock
from pointsman.config import parse_config
from pointsman.engine.bus import Observer
from pointsman.engine.status import ProviderStatus
from pointsman.events import Called, Event, Operation, Spent
from pointsman.loading import PluginSet, load_plugins
from pointsman.message import HlrLookup, Message, Sms
from pointsman.outcome import Accepted, Receipt
from pointsman.plugin import AnyProviderPlugin
from pointsman.router import Router
from pointsman.sandbox import Sandbox
from pointsman.store import Store
from pointsman.testing import SCRIPTED, FakeClock

E = TypeVar("E", bound=Event)
DEVINO_KEYS: Mapping[str, Any] = {
    "plugin": "devino",
    "login": {"env": "DEVINO_LOGIN"},
    "password": {"env": "DEVINO_PASSWORD"},
    "senders": ["SHOP"],
    "currency": "RUB",
    "balance_every": "10h",
}
"""A Devino account that asks for its balance at the start and then leaves it alone."""


class Account(msgspec.Struct, frozen=True):
    """A provider's sandbox and the keys of its table in `router.toml`."""

    sandbox: Sandbox
    keys: Mapping[str, Any]


def account(sandbox: Sandbox, **keys: Any) -> Account:
    """Return an account at a scripted sandbox, unless the keys name another plugin."""
    return Account(sandbox, {"plugin": "scripted", **keys})


def devino(sandbox: Sandbox, **keys: Any) -> Account:
    """Return an account at a Devino sandbox."""
    return Account(sandbox, {**DEVINO_KEYS, **keys})


def price(amount: str, channel: str = "sms", **more: Any) -> dict[str, Any]:
    """Return a line of a price list for all of Russia."""
    return {"country": "RU", "channel": channel, "price": amount, **more}


class Rig:
    """A running router."""

    def __init__(self, router: Router, events: list[Event]) -> None:
        self.router = router
        self.events = events

    def told(self, kind: type[E]) -> list[E]:
        """Return the events of a kind, oldest first."""
        return [event for event in self.events if isinstance(event, kind)]

    def calls(self, operation: Operation) -> list[Called]:
        """Return the calls of an operation, oldest first."""
        return [event for event in self.told(Called) if event.operation is operation]

    def spent(self, provider: str) -> Decimal:
        """Return what the router says that a provider charged."""
        return sum((event.price.amount for event in self.told(Spent) if event.provider == provider), Decimal(0))

    def status(self, provider: str) -> ProviderStatus:
        """Return how a provider is doing."""
        return next(status for status in self.router.providers() if status.name == provider)

    def available(self, provider: str) -> Decimal | None:
        """Return what a provider's account has left for new messages."""
        available = self.status(provider).available
        return available.amount if available is not None else None


@asynccontextmanager
async def routing(
    accounts: Mapping[str, Account],
    *,
    clock: Clock | None = None,
    plugins: Iterable[AnyProviderPlugin] = (),
    found: PluginSet | None = None,
    route: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    observers: Iterable[Observer] = (),
    store: Store | None = None,
    ranges: Path | None = None,
    random: Random | None = None,
    sections: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> AsyncIterator[Rig]:
    """Start the sandboxes and a router over them; one route sends everything to all, in the order given.

    `sections` are further tables at the top of the file.
    """
    events: list[Event] = []
    known = found if found is not None else load_plugins([SCRIPTED, *plugins])
    for one in accounts.values():
        await one.sandbox.start()
    try:
        text = configuration(accounts, route or {}, policy or {}, sections)
        if ranges is not None:
            text = f"[router]\nnumber_ranges = {json.dumps(str(ranges))}\n{text}"
        env = {name: value for one in accounts.values() for name, value in one.sandbox.environment.items()}
        config = parse_config(text, plugins=known, env=env)
        told = [events.append, *observers]
        router = Router(
            config, plugins=known, clock=clock, observers=told, store=store, random=random, only_loopback=True
        )
        async with router:
            yield Rig(router, events)
    finally:
        for one in accounts.values():
            await one.sandbox.close()


def configuration(
    accounts: Mapping[str, Account],
    route: Mapping[str, Any],
    policy: Mapping[str, Any],
    sections: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> str:
    """Write a `router.toml`."""
    lines = ["[rates]", 'RUB = "0.01"']
    for name, one in accounts.items():
        lines += [f"[providers.{name}]", *_lines({"base_url": one.sandbox.base_url, **one.keys})]
    lines += ["[policies.default]", *_lines({"strategy": "priority", **policy})]
    lines += ["[[routes]]", *_lines({"name": "all", "providers": list(accounts), **route})]
    for name, table in sections.items():
        lines += [f"[{name}]", *_lines(table)]
    return "\n".join(lines)


def number(place: int) -> str:
    """Return a Russian mobile number, another one for each place from 0 to 9,999."""
    return f"7916123{place:04d}"


def sms(place: int = 0, text: str = "hello", **fields: Any) -> Sms:
    """Return a message to the number of a place."""
    return Sms(to=number(place), text=text, **fields)


def lookup(place: int = 0, **fields: Any) -> HlrLookup:
    """Return a lookup of the number of a place."""
    return HlrLookup(to=number(place), **fields)


def sending(rig: Rig, *messages: Message) -> list[asyncio.Task[Receipt]]:
    """Send messages side by side, in this order."""
    return [asyncio.create_task(rig.router.send(message)) for message in messages]


async def finish(clock: FakeClock, tasks: Sequence[asyncio.Task[Receipt]]) -> list[Receipt]:
    """Wait for messages while the clock goes on by itself."""
    async with clock.autojump():
        return list(await asyncio.gather(*tasks))


def accepted(receipt: Receipt) -> Accepted:
    """Return the outcome of the last attempt, which took the message."""
    outcome = receipt.attempts[-1].outcome
    assert isinstance(outcome, Accepted)
    return outcome


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in table.items()]


def _toml(value: object) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            return json.dumps(value)
