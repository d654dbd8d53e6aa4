"""Reads a provider's table: the common keys, the plugin's own keys, the price list."""

import contextlib
import re
from collections.abc import Container, Mapping
from pathlib import Path as FilePath
from typing import Any, assert_never

import msgspec

from pointsman.config.lines import Path
from pointsman.config.model import ProviderConfig
from pointsman.config.prices import MAX_PROBLEMS, read_price_file, read_price_table
from pointsman.config.problems import Problems, did_you_mean
from pointsman.config.rows import BadRow, RowReader
from pointsman.config.secrets import SecretReader
from pointsman.config.tables import TableReader, texts_of
from pointsman.config.values import parse_base_url, parse_currency
from pointsman.loading import PluginSet
from pointsman.message import Channel
from pointsman.plugin import AnyProviderPlugin, Profile, Provider
from pointsman.routing.price import PriceRow
from pointsman.text import valid_sender

COMMON_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(ProviderConfig)) - {"name", "settings"}
"""Keys that a provider's table may hold whatever its plugin is."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,}")


class ProviderReader:
    """Reads the tables of one configuration."""

    def __init__(
        self,
        problems: Problems,
        tables: TableReader,
        secrets: SecretReader,
        plugins: PluginSet,
        *,
        base: FilePath,
        router_currency: str,
        rated: Container[str],
    ) -> None:
        self._problems = problems
        self._tables = tables
        self._secrets = secrets
        self._plugins = plugins
        self._base = base
        self._router_currency = router_currency
        self._rated = rated

    def read(self, name: str, table: object, base_url: str | None) -> tuple[ProviderConfig | None, Provider | None]:
        """Return the configuration and the provider that the plugin makes of it; None for what cannot be had.

        `base_url` stands in for the one of the table.
        """
        path = ("providers", name)
        if not isinstance(table, dict):
            self._problems.add(path, f"expected a table [providers.{name}]")
            return None, None
        before = len(self._problems)
        plugin = self._plugin(table, path)
        # Without a plugin nobody knows its keys, but the common ones are checked all the same.
        settings, built = (None, None) if plugin is None else self._settings(plugin, table, path)
        currency, prices = self._money(table, path, built.profile if built else None)
        url = self._base_url(plugin, table, path, base_url)
        given: dict[str, Any] = {"name": name, "plugin": table.get("plugin"), "settings": settings}
        given |= {"currency": currency, "prices": prices, "base_url": url}
        common = {key: table[key] for key in COMMON_KEYS - given.keys() if key in table}
        config = self._tables.read(common, ProviderConfig, path, given)
        if built is not None:
            self._check_senders(table, built.profile, path)
        self._check_token(table, path)
        return (config if len(self._problems) == before else None), built

    def _plugin(self, table: Mapping[str, object], path: Path) -> AnyProviderPlugin | None:
        name = table.get("plugin")
        if not isinstance(name, str):
            problem = "plugin is missing; add it to this table" if name is None else "expected a text in quotes"
            self._problems.add((*path, "plugin"), problem, did_you_mean(str(path[-1]), self._plugins.providers))
            return None
        if name in self._plugins.providers:
            return self._plugins.providers[name]
        for quarantine in self._plugins.quarantined:
            if name == quarantine.name or name in quarantine.claims:
                self._problems.add((*path, "plugin"), f'the plugin "{name}" is out of use: {quarantine.reason}')
                return None
        hint = did_you_mean(name, self._plugins.providers)
        self._problems.add((*path, "plugin"), f'there is no plugin "{name}"; install it, or correct the name', hint)
        return None

    def _settings(
        self, plugin: AnyProviderPlugin, table: Mapping[str, object], path: Path
    ) -> tuple[msgspec.Struct | None, Provider | None]:
        # A plugin that declares a common key, such as the currency, is told what the table says under it.
        own = {field.encode_name for field in msgspec.structs.fields(plugin.settings)}
        self._tables.refuse_unknown(table, own | COMMON_KEYS, path)
        values = {key: value for key, value in table.items() if key in own}
        settings = self._tables.read(values, plugin.settings, path)
        return settings, None if settings is None else self._built(plugin, settings, path)

    def _built(self, plugin: AnyProviderPlugin, settings: msgspec.Struct, path: Path) -> Provider | None:
        try:
            built: Any = plugin.build(settings)
        except ValueError as error:
            self._problems.add(path, self._secrets.hide(str(error)))
            return None
        except Exception as error:  # noqa: BLE001 - a third party's code must not break the report of the rest
            self._problems.add(path, f'the plugin "{plugin.name}" broke on these settings: {type(error).__name__}')
            return None
        if not isinstance(built, Provider) or not isinstance(getattr(built, "profile", None), Profile):
            self._problems.add(path, f'the plugin "{plugin.name}" did not make a Provider with a Profile')
            return None
        return built

    def _money(
        self, table: Mapping[str, object], path: Path, profile: Profile | None
    ) -> tuple[str, tuple[PriceRow, ...]]:
        """Return the currency of the account (as written, else the plugin's, else the price list's) and the prices."""
        written, known = table.get("currency"), profile is not None
        currency = profile.currency if profile else None
        if written is not None:
            try:
                currency = parse_currency(written)
            except ValueError as error:
                self._problems.add((*path, "currency"), str(error))
                currency, known = None, False
        if currency is not None and currency not in self._rated:
            self._problems.add((*path, "currency"), f'there is no rate for {currency}; add {currency} = "…" to [rates]')
        rows = RowReader(currency, self._rated, guess=None if known else self._router_currency)
        prices = self._prices(table.get("prices", []), (*path, "prices"), rows)
        return rows.currency or self._router_currency, prices

    def _prices(self, value: object, path: Path, rows: RowReader) -> tuple[PriceRow, ...]:
        if isinstance(value, str):
            prices, problems = read_price_file(self._base / value, str(self._base / value), rows)
            if problems and problems[0].line is None:
                self._problems.add(path, f"{self._base / value}: {problems[0].message}")
            else:
                self._problems.add_all(problems)
            return prices
        if not isinstance(value, list):
            self._problems.add(path, "expected the path of a CSV file in quotes, or a list of tables { … }")
            return ()
        before = len(self._problems)
        found = []
        for place, item in enumerate(value):
            try:
                found.append(read_price_table(item, rows))
            except BadRow as bad:
                for flaw in bad.flaws:
                    at = (*path, place, flaw.column) if flaw.column else (*path, place)
                    self._problems.add(at, str(flaw), flaw.suggestion)
            if len(self._problems) >= before + MAX_PROBLEMS:
                self._problems.add(path, f"{MAX_PROBLEMS} problems; the rest of the list was not read")
                break
        return tuple(found)

    def _base_url(
        self, plugin: AnyProviderPlugin | None, table: Mapping[str, object], path: Path, override: str | None
    ) -> str:
        url = override if override is not None else table.get("base_url", plugin.base_url if plugin else None)
        if url is None and plugin is None:
            return ""
        if url is None and plugin is not None:
            hint = f'the plugin "{plugin.name}" has no address of its own'
            self._problems.add((*path, "base_url"), "base_url is missing; add it to this table", hint)
            return ""
        try:
            return parse_base_url(url, allow_plain_http=table.get("allow_plain_http") is True)
        except ValueError as error:
            self._problems.add((*path, "base_url"), str(error))
            return ""

    def _check_token(self, table: Mapping[str, object], path: Path) -> None:
        with contextlib.suppress(ValueError):  # where there is no secret, that has been noted
            token = self._secrets.read(table["callback_token"]) if "callback_token" in table else None
            if token is not None and not _TOKEN.fullmatch(token.reveal()):
                problem = "expected 16 or more of A-Z a-z 0-9 _ -: it is part of a URL"
                self._problems.add((*path, "callback_token"), problem)

    def _check_senders(self, table: Mapping[str, object], profile: Profile, path: Path) -> None:
        """Refuse senders that no channel of the provider could show."""
        seen: set[str] = set()
        for place, sender in texts_of(table.get("senders")):
            at = (*path, "senders", place)
            if sender in seen:
                self._problems.add(at, f'the sender "{sender}" is there twice; remove one')
                continue
            seen.add(sender)
            try:
                shown = any(_may_show(profile, channel, sender) for channel in profile.channels)
            except Exception as error:  # noqa: BLE001 - a third party's code, as in _built
                self._problems.add(at, f'the plugin "{table["plugin"]}" broke on this sender: {type(error).__name__}')
                continue
            if not shown:
                problem = f'"{sender}" cannot be a sender here; most are 1 to 11 letters and digits, or up to 15 digits'
                self._problems.add(at, problem)


def _may_show(profile: Profile, channel: Channel, sender: str) -> bool:
    rule = profile.channels[channel].senders
    match channel:
        case Channel.HLR:
            return False
        case _ if rule is not None:
            return rule(sender)
        case Channel.SMS:
            return valid_sender(sender)
        case Channel.VIBER:
            return bool(sender.strip())
        case _:
            assert_never(channel)
