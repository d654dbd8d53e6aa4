"""The plugins of one router, and the guard around their observers."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from pointsman.loading.candidate import Candidate
from pointsman.loading.values import LoadedPlugin, Quarantine
from pointsman.plugin import AnyProviderPlugin, Event, StorePlugin, StrategyPlugin

MAX_OBSERVER_FAILURES = 3
"""An observer that failed so often is not called any more."""
_log = logging.getLogger("pointsman.plugins")


class PluginSet:
    """The plugins of one router.

    What changes: an observer that keeps failing moves to `quarantined` and is not called any more, and so does a plugin
    whose strategy a router put aside.
    """

    def __init__(self, found: Iterable[Candidate], quarantined: Iterable[Quarantine]) -> None:
        self._found = tuple(found)
        self._quarantined = tuple(quarantined)
        self._failures: Counter[str] = Counter()
        self._observers = [(plugin, plugin.observe) for plugin in self._found if plugin.observe is not None]
        self.providers: Mapping[str, AnyProviderPlugin] = MappingProxyType(
            {provider.name: provider for plugin in self._found for provider in plugin.providers}
        )
        """Kinds of provider by the name that `router.toml` uses."""
        self.strategies: Mapping[str, StrategyPlugin] = MappingProxyType(
            {strategy.name: strategy for plugin in self._found for strategy in plugin.strategies}
        )
        """Strategies that plugins add, by the name that `router.toml` uses."""
        self.stores: Mapping[str, StorePlugin] = MappingProxyType(
            {store.name: store for plugin in self._found for store in plugin.stores}
        )
        """Kinds of store that plugins add, by the name that `router.toml` uses."""

    def __repr__(self) -> str:
        quarantined = [quarantine.name for quarantine in self._quarantined]
        return f"<PluginSet providers={sorted(self.providers)} quarantined={quarantined}>"

    @property
    def loaded(self) -> tuple[LoadedPlugin, ...]:
        """Plugins that were loaded; one whose observer or strategy failed later is still among them."""
        return tuple(plugin.loaded() for plugin in self._found)

    @property
    def quarantined(self) -> tuple[Quarantine, ...]:
        """Plugins that are out of use, or whose observer or strategy is."""
        return self._quarantined

    @property
    def observer_failures(self) -> Mapping[str, int]:
        """How often each plugin's observer failed; those that never did are missing."""
        return MappingProxyType(self._failures)

    @property
    def watches(self) -> bool:
        """Whether any plugin observes events."""
        return bool(self._observers)

    def observe(self, event: Event) -> Sequence[Quarantine]:
        """Show an event to every observer, each guarded from the others.

        Returns the plugins whose observer is not called any more from now on; mostly none. Raises nothing but
        `KeyboardInterrupt`.
        """
        stopped = []
        for plugin, observe in tuple(self._observers):
            try:
                observe(event)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - not even SystemExit of an observer may stop the router
                self._failures[plugin.name] += 1
                kind = type(error).__name__
                _log.warning("observer of plugin %s failed on %s: %s", plugin.name, type(event).__name__, kind)
                if self._failures[plugin.name] >= MAX_OBSERVER_FAILURES:
                    stopped.append(self._without_observer(plugin, kind))
        return stopped

    def put_aside(self, strategy: str, reason: str) -> Quarantine:
        """Note that the plugin of a strategy is out of use because of it. Raises `KeyError` for an unknown strategy."""
        for plugin in self._found:
            if any(one.name == strategy for one in plugin.strategies):
                quarantine = plugin.quarantine(f'its strategy "{strategy}" is out of use: {reason}')
                self._quarantined = (*self._quarantined, quarantine)
                return quarantine
        raise KeyError(strategy)

    def _without_observer(self, plugin: Candidate, kind: str) -> Quarantine:
        self._observers = [pair for pair in self._observers if pair[0] is not plugin]
        quarantine = plugin.quarantine(f"its observer failed {MAX_OBSERVER_FAILURES} times, the last time with {kind}")
        self._quarantined = (*self._quarantined, quarantine)
        return quarantine
