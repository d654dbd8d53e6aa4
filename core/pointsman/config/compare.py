"""What is different between two configurations, and what of it a running router cannot take over."""

import enum
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from pointsman.config.model import Config, ProviderConfig
from pointsman.config.problems import Problems
from pointsman.errors import ConfigError


class Aspect(enum.StrEnum):
    """What of a provider's table changed; a closed set."""

    PLUGIN = "plugin"
    ADDRESS = "address"
    SETTINGS = "settings"
    """The plugin's own keys, credentials included."""
    CURRENCY = "currency"
    PRICES = "prices"
    MONEY = "money"
    """Floor, opening balance, or how often the balance is read."""
    SENDERS = "senders"
    LIMITS = "limits"
    """Pace, requests at once, or messages in one request."""
    TIMEOUTS = "timeouts"
    REPORTS = "reports"
    """When it is asked for reports, what its silence means, or its token for callbacks."""


ASPECTS: Mapping[str, Aspect] = MappingProxyType(
    {
        "plugin": Aspect.PLUGIN,
        "base_url": Aspect.ADDRESS,
        "allow_plain_http": Aspect.ADDRESS,
        "settings": Aspect.SETTINGS,
        "currency": Aspect.CURRENCY,
        "prices": Aspect.PRICES,
        "floor": Aspect.MONEY,
        "opening_balance": Aspect.MONEY,
        "balance_every": Aspect.MONEY,
        "senders": Aspect.SENDERS,
        "max_rate": Aspect.LIMITS,
        "max_in_flight": Aspect.LIMITS,
        "batch": Aspect.LIMITS,
        "connect_timeout": Aspect.TIMEOUTS,
        "read_timeout": Aspect.TIMEOUTS,
        "poll": Aspect.REPORTS,
        "silence": Aspect.REPORTS,
        "callback_token": Aspect.REPORTS,
        "callback_from": Aspect.REPORTS,
    }
)
"""Every key of a provider's table, and which aspect of it that is."""

ROUTER_KEYS = frozenset({"region", "number_ranges", "lookup_cache", "lookup_age"})
DAEMON_KEYS = frozenset(
    {
        "public_url",
        "admin_key_sha256",
        "proxies",
        "drain_delay",
        "body_timeout",
        "max_body",
        "max_requests",
        "max_streams",
    }
)
"""Keys of `[router]` and `[daemon]` that a running router takes over. Whatever else changes there needs a restart."""


class ProviderChange(msgspec.Struct, frozen=True):
    """A provider whose table says something else now."""

    name: str
    aspects: tuple[Aspect, ...]
    """In the order of their names."""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.aspects)})"


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a new configuration changed. It is false where it says the same as the old one."""

    added: tuple[str, ...] = ()
    """Providers that there were not."""
    removed: tuple[str, ...] = ()
    """Providers that are gone."""
    changed: tuple[ProviderChange, ...] = ()
    routes: bool = False
    policies: bool = False
    rates: bool = False
    clients: bool = False
    guard: bool = False
    retention: bool = False
    keys: tuple[str, ...] = ()
    """Keys of `[router]` and `[daemon]`, such as `router.region`."""

    def __bool__(self) -> bool:
        return bool(self.words())

    def words(self) -> tuple[str, ...]:
        """Return every change in a few words, for people; no value of the configuration is among them."""
        words = [f"provider {name} added" for name in self.added]
        words += [f"provider {name} removed" for name in self.removed]
        words += [f"provider {change} changed" for change in self.changed]
        sections = {
            "routes": self.routes,
            "policies": self.policies,
            "rates": self.rates,
            "clients": self.clients,
            "guard": self.guard,
            "retention": self.retention,
        }
        words += [f"{name} changed" for name, is_changed in sections.items() if is_changed]
        words += [f"{key} changed" for key in self.keys]
        return tuple(words)


def compare(old: Config, new: Config) -> Reloaded:
    """Return what is different between two configurations."""
    both = [name for name in new.providers if name in old.providers]
    changes = [ProviderChange(name, aspects_of(old.providers[name], new.providers[name])) for name in both]
    return Reloaded(
        added=tuple(name for name in new.providers if name not in old.providers),
        removed=tuple(name for name in old.providers if name not in new.providers),
        changed=tuple(change for change in changes if change.aspects),
        routes=new.routes != old.routes,
        policies=new.policies != old.policies,
        rates=new.rates != old.rates,
        clients=new.clients != old.clients,
        guard=new.guard != old.guard,
        retention=new.retention != old.retention,
        keys=tuple(f"{table}.{key}" for table, key in _other_keys(old, new)),
    )


def aspects_of(old: ProviderConfig, new: ProviderConfig) -> tuple[Aspect, ...]:
    """Return what of a provider's table is different."""
    changed = _different(old, new)
    return tuple(sorted({ASPECTS[key] for key in changed if key in ASPECTS}))


def check_reloadable(old: Config, new: Config) -> None:
    """Raise `ConfigError` for every key that changed and that only a restart can take over, with its line."""
    refused = [
        (table, key)
        for table, key in _other_keys(old, new)
        if key not in (ROUTER_KEYS if table == "router" else DAEMON_KEYS)
    ]
    if not refused:
        return
    problems = Problems(new.file, _text_of(new.file))
    for path in refused:
        problems.add(path, "cannot change while the router runs", "restart it, or put the old value back")
    raise ConfigError(problems.error().problems)


def _other_keys(old: Config, new: Config) -> Iterator[tuple[str, str]]:
    yield from (("router", key) for key in _different(old.router, new.router))
    yield from (("daemon", key) for key in _different(old.daemon, new.daemon))


def _different(old: msgspec.Struct, new: msgspec.Struct) -> list[str]:
    return [name for name in old.__struct_fields__ if getattr(old, name) != getattr(new, name)]


def _text_of(file: str) -> str:
    """Return the text of the file, to find lines in; nothing where it cannot be read any more."""
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""
