"""The three sandboxes of the demo: found through the plugins, charged by the price lists of `router.toml`, started."""

import pkgutil
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Self

import msgspec

from pointsman.config import Config, Overrides, load_config
from pointsman.demo import script
from pointsman.demo.cases import Case
from pointsman.errors import ConfigError, Problem
from pointsman.loading import PluginSet
from pointsman.message import Channel, Msisdn
from pointsman.routing import tariff as listed
from pointsman.sandbox import DeliveryPlan, Sandbox, Tariff
from pointsman.text import NumberRanges, classify

DELIVERY = DeliveryPlan(seconds_to_sent=0.1, seconds_to_final=0.4, spread=0.5)
"""Quick, so that the demo is; about every fourth message is not yet delivered when it is asked about first."""
DEVINOS_BALANCE = Decimal("2500.00")
"""Where the other two begin is said by `opening_balance`."""
RANGES = Path(__file__).parent / "data" / "ranges.csv"
UNLISTED = Decimal("1.00")
"""What a sandbox charges where the price list says nothing."""


class Place(msgspec.Struct, frozen=True):
    """Numbers that cost the same, by what they begin with."""

    prefix: str
    number: Msisdn
    """One of them."""
    operator: str
    """What SMStele calls their network; empty for all networks abroad together."""


PLACES = (
    Place("7916", Msisdn("79165550000"), "mMTS"),
    Place("7926", Msisdn("79265550000"), "mMEGAFON"),
    Place("7903", Msisdn("79035550000"), "mBEELINE"),
    Place("7977", Msisdn("79775550000"), "mTELE2"),
    Place("7995", Msisdn("79955550000"), "mYOTA"),
    Place("7", Msisdn("79675550000"), "another"),
    Place("77", Msisdn("77015550000"), ""),
    Place("375", Msisdn("375295550000"), ""),
)


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

    async def __aenter__(self) -> Self:
        for sandbox in self.sandboxes.values():
            await sandbox.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for kept in self._kept.values():
            kept.close()
        for sandbox in self.sandboxes.values():
            await sandbox.close()

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
    """Return the sandbox classes of the demo's providers. Raises `ConfigError` when one is missing."""
    kinds: dict[str, Callable[..., Sandbox]] = {}
    for name in script.PROVIDERS:
        plugin = plugins.providers.get(name)
        if plugin is None or plugin.sandbox is None:
            raise _unsuited("", f"the demo needs the plugin {name} with its sandbox; install the bundled plugins")
        kinds[name] = pkgutil.resolve_name(plugin.sandbox)
    return kinds


def set_stage(path: Path, plugins: PluginSet, seed: int) -> tuple[Stage, dict[str, str]]:
    """Make the sandboxes for a configuration; return also the credentials that they ask for.

    Raises `ConfigError` for a configuration that cannot be used here.
    """
    kinds = kinds_of(plugins)
    environment: dict[str, str] = {}
    for kind in kinds.values():
        environment |= kind().environment
    config = load(path, plugins, environment)
    options = {name: _options(config, name) for name in script.PROVIDERS}
    sandboxes = {name: kind(seed=seed, delivery=DELIVERY, **options[name]) for name, kind in kinds.items()}
    return Stage(sandboxes), environment


def load(
    path: Path, plugins: PluginSet, environment: Mapping[str, str], base_urls: Mapping[str, str] | None = None
) -> Config:
    """Read the configuration, with the demo's own number ranges where it names none. Raises `ConfigError`."""
    config = load_config(path, plugins=plugins, env=environment, overrides=Overrides(base_urls=base_urls or {}))
    for name in script.PROVIDERS:
        if name not in config.providers or config.providers[name].plugin != name:
            raise _unsuited(str(path), f"the demo's script needs a provider [providers.{name}] of the plugin {name}")
    if config.router.number_ranges is not None:
        return config
    return msgspec.structs.replace(config, router=msgspec.structs.replace(config.router, number_ranges=RANGES))


def _options(config: Config, name: str) -> dict[str, object]:
    """Return what makes an account charge what the price list of its provider says, each in its sandbox's own way."""
    provider = config.providers[name]
    ranges = NumberRanges.load(config.router.number_ranges) if config.router.number_ranges else None
    prices = listed.Tariff(provider.prices, listed.Rates(config.router.currency, config.rates))

    def price(channel: Channel, place: Place) -> Decimal:
        found = prices.price(channel, place.number, classify(place.number, ranges), 0.0)
        return found.per_segment.amount if found is not None else UNLISTED

    def by_prefix(channel: Channel) -> Tariff:
        return Tariff(UNLISTED, {place.prefix: price(channel, place) for place in PLACES})

    opening = {} if provider.opening_balance is None else {"balance": provider.opening_balance}
    match name:
        case script.DEVINO:
            return {
                "balance": DEVINOS_BALANCE,
                "tariff": by_prefix(Channel.SMS),
                "lookup_tariff": by_prefix(Channel.HLR),
            }
        case script.SMSTELE:
            return {"prices": {place.operator: price(Channel.SMS, place) for place in PLACES}, **opening}
        case script.AFFILIATE:
            return {"tariffs": dict.fromkeys(range(10), by_prefix(Channel.HLR)), **opening}
        case _:
            raise ValueError(name)


def _unsuited(file: str, message: str) -> ConfigError:
    return ConfigError([Problem(file=file or "demo", line=None, key="", message=message)])
