"""The three sandboxes of the demo: found through the plugins, started, stopped, and their books."""

import pkgutil
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from decimal import Decimal
from pathlib import Path
from typing import Self

import msgspec

from pointsman.config import Config, Overrides, load_config
from pointsman.demo import script
from pointsman.demo.accounts import account_options
from pointsman.demo.cases import Case
from pointsman.errors import ConfigError, PluginError, Problem
from pointsman.loading import PluginSet
from pointsman.message import Channel
from pointsman.sandbox import DeliveryPlan, Sandbox

DELIVERY = DeliveryPlan(seconds_to_sent=0.1, seconds_to_final=0.4, spread=0.5)
"""Quick, so that the demo is; about every fourth message is not yet delivered when it is asked about first."""
RANGES = Path(__file__).parent / "data" / "ranges.csv"


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """One message that a sandbox took."""

    provider: str
    channel: Channel
    to: str
    fate: str
    price: Decimal


class Stage:
    """The sandboxes by the names of their providers. Use it as `async with`.

    State: which of them are stopped, each with the socket that keeps its port for it.
    """

    def __init__(self, sandboxes: Mapping[str, Sandbox]) -> None:
        self.sandboxes = sandboxes
        self._kept: dict[str, socket.socket] = {}
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for sandbox in self.sandboxes.values():
                await stack.enter_async_context(sandbox)
            self._running = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        for kept in self._kept.values():
            kept.close()
        await self._running.aclose()

    @property
    def base_urls(self) -> dict[str, str]:
        """Where they listen."""
        return {name: sandbox.base_url for name, sandbox in self.sandboxes.items()}

    @property
    def requests(self) -> int:
        """How many requests reached them."""
        return sum(sandbox.ledger.arrivals for sandbox in self.sandboxes.values())

    def copies(self) -> list[Copy]:
        """Return everything that they took."""
        return [
            Copy(
                provider=name,
                channel=message.channel,
                to=message.to,
                fate=message.course.fate.value,
                price=message.price,
            )
            for name, sandbox in self.sandboxes.items()
            for message in sandbox.ledger.messages
        ]

    def balances(self) -> dict[str, Decimal]:
        """Return what is on the accounts."""
        return {name: sandbox.account.balance for name, sandbox in self.sandboxes.items()}

    async def stop(self, name: str) -> None:
        """Stop one; its port refuses connections and stays ours, so that no other program can take it meanwhile."""
        sandbox = self.sandboxes[name]
        await sandbox.close()
        kept = self._kept[name] = socket.socket()
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            kept.bind(("127.0.0.1", sandbox.port))

    async def restart(self, name: str) -> None:
        """Start it again where it was."""
        self._kept.pop(name).close()
        await self.sandboxes[name].start(port=self.sandboxes[name].port)

    def expire_sessions(self, name: str) -> None:
        """Let every session of one expire. Raises `ValueError` for one that has no sessions."""
        if self.sandboxes[name].control("POST", "sessions/expire", b"") is None:
            raise ValueError(f"the sandbox {name} has no sessions")

    def drain(self, name: str, left: Decimal) -> None:
        """Let somebody else spend from an account until this much is left."""
        account = self.sandboxes[name].account
        account.spend(account.balance - left, subject="another service")

    def script_fates(self, cases: Iterable[Case]) -> None:
        """Tell all of them what the networks do with which number."""
        for case in cases:
            if case.to is not None and case.fate is not None:
                for sandbox in self.sandboxes.values():
                    sandbox.outcomes[case.to] = case.fate


def kinds_of(plugins: PluginSet) -> dict[str, Callable[..., Sandbox]]:
    """Return the sandbox classes of the demo's providers. Raises `PluginError` when one is missing."""
    kinds: dict[str, Callable[..., Sandbox]] = {}
    for name in script.PROVIDERS:
        plugin = plugins.providers.get(name)
        if plugin is None or plugin.sandbox is None:
            raise PluginError(name, "the demo needs it with its sandbox; install the plugins that come with pointsman")
        kinds[name] = pkgutil.resolve_name(plugin.sandbox)
    return kinds


def set_stage(path: Path, plugins: PluginSet, seed: int) -> tuple[Stage, dict[str, str]]:
    """Make the sandboxes for a configuration; return also the credentials that they ask for.

    Raises `ConfigError` for a configuration that cannot be used here, `PluginError` for a missing plugin.
    """
    kinds = kinds_of(plugins)
    environment: dict[str, str] = {}
    for kind in kinds.values():
        environment |= kind().environment
    config = load(path, plugins, environment)
    sandboxes = {
        name: kind(seed=seed, delivery=DELIVERY, **account_options(config, name)) for name, kind in kinds.items()
    }
    return Stage(sandboxes), environment


def load(
    path: Path, plugins: PluginSet, environment: Mapping[str, str], base_urls: Mapping[str, str] | None = None
) -> Config:
    """Read the configuration, with the demo's own number ranges where it names none. Raises `ConfigError`."""
    config = load_config(path, plugins=plugins, env=environment, overrides=Overrides(base_urls=base_urls or {}))
    for name in script.PROVIDERS:
        if name not in config.providers or config.providers[name].plugin != name:
            message = f'the demo needs it with plugin = "{name}"; use the router.toml of the project'
            raise ConfigError([Problem(file=str(path), line=None, key=f"providers.{name}", message=message)])
    if config.router.number_ranges is not None:
        return config
    return msgspec.structs.replace(config, router=msgspec.structs.replace(config.router, number_ranges=RANGES))
