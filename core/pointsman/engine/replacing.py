"""How much of a provider's station a new configuration replaces, and what the new one takes over from the old."""

import enum
from collections.abc import Callable

from pointsman.config import ProviderConfig
from pointsman.engine.assembly import Kept, Workshop, build_station
from pointsman.engine.station import Station
from pointsman.errors import PluginError
from pointsman.loading import PluginSet
from pointsman.plugin import Provider, TellsBalance


class Replacement(enum.Enum):
    """What becomes of a provider's station."""

    NONE = enum.auto()
    """It stays, and what changed is applied to it."""
    CONNECTIONS = enum.auto()
    """The account is the same, but it is reached in another way: by other time limits, or more requests at once."""
    ACCOUNT = enum.auto()
    """It may be another account: nothing that was learnt of the old one is sure to hold."""


def replacement_of(before: ProviderConfig | None, after: ProviderConfig) -> Replacement:
    """Say what becomes of a provider's station; a provider that there was not has another account."""
    if before is None:
        return Replacement.ACCOUNT
    account = (before.plugin, before.base_url, before.settings, before.currency)
    if account != (after.plugin, after.base_url, after.settings, after.currency):
        return Replacement.ACCOUNT
    connections = (before.connect_timeout, before.read_timeout, before.max_in_flight)
    if connections != (after.connect_timeout, after.read_timeout, after.max_in_flight):
        return Replacement.CONNECTIONS
    return Replacement.NONE


def built_anew(
    how: Replacement,
    before: ProviderConfig | None,
    after: ProviderConfig,
    station: Station | None,
    plugins: PluginSet,
    shop: Workshop,
) -> Callable[[], Station]:
    """Return what builds a provider's station; it takes its time and raises `PluginError`.

    `station` is the one that the new one takes the place of, if any.
    """

    def build() -> Station:
        if how is Replacement.CONNECTIONS and station is not None:
            return build_station(after, station.provider, shop, _everything(station))
        provider = _built(after, plugins)
        kept = Kept() if before is None or station is None else _of_account(before, after, station, provider)
        return build_station(after, provider, shop, kept)

    return build


def _everything(station: Station) -> Kept:
    view = station.view
    return Kept(
        ledger=view.ledger, limiter=view.limiter, breakers=view.breakers, health=view.health, observed=view.observed
    )


def _of_account(before: ProviderConfig, after: ProviderConfig, station: Station, provider: Provider) -> Kept:
    """Return what goes on although it may be another account.

    Where only the plugin's settings changed, it may as well be the same one: then the pace goes on, and so do the books
    where nobody can be asked what is there. To begin them anew would be to forget what was spent.
    """
    same_place = (before.plugin, before.base_url) == (after.plugin, after.base_url)
    if not same_place or before.currency != after.currency:
        return Kept()
    tells = isinstance(provider, TellsBalance)
    return Kept(limiter=station.view.limiter, ledger=None if tells else station.view.ledger)


def _built(config: ProviderConfig, plugins: PluginSet) -> Provider:
    plugin = plugins.providers.get(config.plugin)
    if plugin is None:
        raise PluginError(config.plugin, f"it is not loaded, but the provider {config.name} needs it")
    try:
        return plugin.build(config.settings)
    except Exception as error:
        raise PluginError(
            config.plugin, f"it broke on the settings of {config.name}: {type(error).__name__}"
        ) from error
