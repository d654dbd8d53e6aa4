"""Makes a configuration out of a parsed TOML document: one pass over all sections, problems gathered."""

from collections.abc import Container, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from pointsman.config.limits import GuardConfig
from pointsman.config.model import ClientConfig, Config, DaemonConfig, ProviderConfig, RetentionConfig, RouterConfig
from pointsman.config.problems import Problems, did_you_mean
from pointsman.config.providers import ProviderReader
from pointsman.config.routes import RouteReader
from pointsman.config.secrets import SecretReader
from pointsman.config.stores import MEMORY, SQLITE
from pointsman.config.tables import TableReader
from pointsman.config.values import (
    Address,
    Cap,
    ClockTime,
    Destination,
    Duration,
    IpRange,
    KeyHashes,
    Life,
    NewFile,
    PublicUrl,
    StoreUrl,
    Zone,
    check_name,
    is_loopback,
    parse_address,
    parse_cap,
    parse_clock_time,
    parse_currency,
    parse_destination,
    parse_duration,
    parse_ip_range,
    parse_key_hashes,
    parse_life,
    parse_public_url,
    parse_region,
    parse_zone,
)
from pointsman.config.webhooks import HostPattern, WebhookSecrets, parse_host_pattern, parse_webhook_secrets
from pointsman.loading import PluginSet
from pointsman.plugin import Provider
from pointsman.secret import Secret

SECTIONS = ("router", "retention", "rates", "daemon", "clients", "guard", "providers", "policies", "routes")
"""The tables at the top of the file."""


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller wants to be different from the file."""

    base_urls: Mapping[str, str] = {}
    """By provider; checked like the ones in the file."""


class DocumentReader:
    """Reads one document. `base` is the folder where relative paths start."""

    def __init__(self, problems: Problems, env: Mapping[str, str], base: Path, plugins: PluginSet) -> None:
        self._problems = problems
        self._base = base
        self._plugins = plugins
        self._secrets = SecretReader(env, base)
        self._tables = TableReader(
            problems,
            {
                Duration: parse_duration,
                Life: parse_life,
                ClockTime: parse_clock_time,
                Zone: parse_zone,
                Address: parse_address,
                IpRange: parse_ip_range,
                KeyHashes: parse_key_hashes,
                Cap: parse_cap,
                Destination: parse_destination,
                PublicUrl: parse_public_url,
                Secret: self._secrets.read,
                WebhookSecrets: lambda value: parse_webhook_secrets(value, self._secrets.read),
                HostPattern: parse_host_pattern,
                Path: self._file,
                NewFile: self._new_file,
                StoreUrl: self._store,
            },
            self._secrets.hide,
        )

    def read(self, document: dict[str, Any], overrides: Overrides) -> Config | None:
        """Return the configuration, or None after noting problems."""
        self._tables.refuse_unknown(document, SECTIONS, ())
        router = self._router(document.get("router", {}))
        currency = self._own_currency(document.get("router", {}))
        retention = self._tables.read(document.get("retention", {}), RetentionConfig, ("retention",))
        daemon = self._daemon(document.get("daemon", {}))
        clients = self._clients(self._section(document, "clients"))
        guard = self._tables.read(document.get("guard", {}), GuardConfig, ("guard",))
        rates = self._rates(self._section(document, "rates"), currency)
        rated = rates if currency is not None and isinstance(document.get("rates", {}), dict) else _Anything()
        providers, built = self._providers(document, currency or RouterConfig().currency, rated, overrides)
        self._check_inboxes(clients, document)
        self._check_keys(clients, daemon)
        reader = RouteReader(self._problems, self._tables, built, self._plugins)
        policies = reader.policies(self._section(document, "policies"))
        routes = reader.routes(document.get("routes"), policies)
        if len(self._problems) or router is None or daemon is None or retention is None or guard is None:
            return None
        return Config(
            file=self._problems.file,
            router=router,
            retention=retention,
            rates=rates,
            daemon=daemon,
            clients=clients,
            guard=guard,
            providers=providers,
            policies={name: policy for name, policy in policies.items() if policy is not None},
            routes=routes,
        )

    def _section(self, document: Mapping[str, object], name: str) -> dict[str, Any]:
        section = document.get(name, {})
        if isinstance(section, dict):
            return section
        self._problems.add((name,), f"expected a table [{name}]")
        return {}

    def _router(self, table: object) -> RouterConfig | None:
        for key, parse in (("region", parse_region), ("currency", parse_currency)):
            if isinstance(table, dict) and isinstance(table.get(key), str):
                try:
                    parse(table[key])
                except ValueError as error:
                    self._problems.add(("router", key), str(error))
        return self._tables.read(table, RouterConfig, ("router",))

    def _daemon(self, table: object) -> DaemonConfig | None:
        daemon = self._tables.read(table, DaemonConfig, ("daemon",))
        if daemon is None:
            return None
        if daemon.admin_key_sha256 is None and not is_loopback(daemon.admin.host):
            problem = f"{daemon.admin.host} can be reached from other machines"
            hint = "set admin_key_sha256 (`pointsman key` makes one), or listen on 127.0.0.1"
            self._problems.add(("daemon", "admin"), problem, hint)
        if daemon.listen == daemon.admin and daemon.admin.port:
            self._problems.add(("daemon", "admin"), "is where the public API listens already; take another port")
        return daemon

    def _check_inboxes(self, clients: Mapping[str, ClientConfig], document: Mapping[str, object]) -> None:
        providers = self._section(document, "providers") if isinstance(document.get("providers", {}), dict) else {}
        for name, client in clients.items():
            for place, provider in enumerate(client.inbox):
                if provider not in providers:
                    path = ("clients", name, "inbox", place)
                    self._problems.add(path, "there is no such provider", did_you_mean(provider, providers))

    def _check_keys(self, clients: Mapping[str, ClientConfig], daemon: DaemonConfig | None) -> None:
        """Refuse one key for two: nobody could say whose limits hold."""
        managers = () if daemon is None else daemon.admin_key_sha256 or ()
        owners = dict.fromkeys(managers, "management")
        for name, client in clients.items():
            for digest in client.key_sha256:
                owner = owners.setdefault(digest, f"client {name}")
                if owner != f"client {name}":
                    path = ("clients", name, "key_sha256")
                    self._problems.add(path, f"is the key of {owner}, too", "`pointsman key` makes another one")

    def _own_currency(self, table: object) -> str | None:
        """Return the currency in which prices are compared, whatever else is wrong with the section; None if it is."""
        try:
            return parse_currency(table.get("currency", RouterConfig().currency)) if isinstance(table, dict) else None
        except ValueError:
            return None

    def _clients(self, section: Mapping[str, object]) -> dict[str, ClientConfig]:
        clients: dict[str, ClientConfig] = {}
        for name, table in section.items():
            path = ("clients", name)
            self._check_name(name, path)
            client = self._tables.read(table, ClientConfig, path, {"name": name})
            if client is not None:
                clients[name] = client
        return clients

    def _rates(self, section: Mapping[str, object], currency: str | None) -> dict[str, Decimal]:
        """Return the rates. One that is there but wrong counts as 1, so that nobody is told that it is missing."""
        rates = {} if currency is None else {currency: Decimal(1)}
        for name, value in section.items():
            path = ("rates", name)
            rates[name] = Decimal(1)
            try:
                parse_currency(name)
            except ValueError as error:
                self._problems.add(path, str(error))
            before = len(self._problems)
            rate = self._tables.value(value, Decimal, path)
            if len(self._problems) > before:
                continue
            if rate <= 0:
                self._problems.add(path, "a rate is greater than zero")
            elif name == currency and rate != 1:
                self._problems.add(path, f"{currency} is router.currency, so its rate is 1; remove this line")
            else:
                rates[name] = rate
        return rates

    def _providers(
        self,
        document: Mapping[str, object],
        router_currency: str,
        rated: Container[str],
        overrides: Overrides,
    ) -> tuple[dict[str, ProviderConfig], dict[str, Provider | None]]:
        section = self._section(document, "providers")
        reader = ProviderReader(
            self._problems,
            self._tables,
            self._secrets,
            self._plugins,
            base=self._base,
            router_currency=router_currency,
            rated=rated,
        )
        if not section and isinstance(document.get("providers", {}), dict):
            self._problems.add(("providers",), "there is no provider; add a table [providers.<name>]")
        for name in overrides.base_urls.keys() - section.keys():
            hint = did_you_mean(name, section)
            self._problems.add(("providers", name), "an address was given for a provider that does not exist", hint)
        configs: dict[str, ProviderConfig] = {}
        built: dict[str, Provider | None] = {}
        for name, table in section.items():
            self._check_name(name, ("providers", name))
            config, built[name] = reader.read(name, table, overrides.base_urls.get(name))
            if config is not None:
                configs[name] = config
        return configs, built

    def _check_name(self, name: str, path: tuple[str, ...]) -> None:
        try:
            check_name(name)
        except ValueError as error:
            self._problems.add(path, str(error))

    def _file(self, value: object) -> Path:
        """Return the path of a file that exists."""
        if isinstance(value, str) and (path := self._base / value).is_file():
            return path
        raise ValueError(
            f"there is no file {self._base / value}" if isinstance(value, str) else "expected a path in quotes"
        )

    def _new_file(self, value: object) -> NewFile:
        """Return the path of a file that can be made where it is not."""
        if not isinstance(value, str) or not value:
            raise ValueError("expected a path in quotes")
        path = self._base / value
        if path.is_dir():
            raise ValueError(f"{path} is a folder; name a file in it")
        if not path.parent.is_dir():
            raise ValueError(f"there is no folder {path.parent}")
        return NewFile(path)

    def _store(self, value: object) -> StoreUrl:
        """Return where messages are kept; a file with its path from here."""
        scheme, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
        if scheme == MEMORY and colon and not rest:
            return StoreUrl(value)
        if scheme == SQLITE and colon:
            return StoreUrl(f"{SQLITE}:{self._new_file(rest)}")
        if scheme in self._plugins.stores and colon:
            return StoreUrl(value)
        known = [f'"{MEMORY}:"', f'"{SQLITE}:pointsman.db"', *(f'"{one}:…"' for one in sorted(self._plugins.stores))]
        raise ValueError(f"expected where messages are kept, such as {' or '.join(known)}")


class _Anything:
    """Holds everything: stands for the currencies with a rate where a problem keeps us from knowing them."""

    def __contains__(self, _: object) -> bool:
        return True
