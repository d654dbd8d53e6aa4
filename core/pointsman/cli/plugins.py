"""`pointsman plugins`: what is loaded, and what is out of use and why."""

import msgspec

from pointsman.cli.exits import ExitCode
from pointsman.cli.options import JsonOption
from pointsman.cli.output import Output
from pointsman.loading import load_plugins
from pointsman.loading.values import LoadedPlugin, Quarantine


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """All plugins."""

    loaded: tuple[LoadedPlugin, ...]
    quarantined: tuple[Quarantine, ...]


def plugins(*, json: JsonOption = False) -> int:
    """Show which plugins are loaded, and which are out of use and why. Exit code 1 when one is out of use."""
    found = load_plugins()
    output = Output(json=json)
    output.record(Listing(loaded=found.loaded, quarantined=found.quarantined))
    loaded = [(plugin.name, _origin(plugin), "loaded", _offers(plugin)) for plugin in found.loaded]
    quarantined = [(plugin.name, _origin(plugin), "out of use", plugin.reason) for plugin in found.quarantined]
    output.table(("plugin", "distribution", "state", "~remarks"), [*loaded, *quarantined])
    return output.ended(ExitCode.FAILED if found.quarantined else ExitCode.GOOD)


def _offers(plugin: LoadedPlugin) -> str:
    providers = f"providers: {', '.join(plugin.provides) or 'none'}"
    return f"{providers}; strategies: {', '.join(plugin.strategies)}" if plugin.strategies else providers


def _origin(plugin: LoadedPlugin | Quarantine) -> str:
    return " ".join(filter(None, (plugin.distribution, plugin.version)))
