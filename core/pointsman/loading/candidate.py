"""Tries one plugin: loads it, checks its hooks and lets it register what it offers."""

import inspect
from collections.abc import Callable

import pluggy

from pointsman.errors import PluginError
from pointsman.loading.blame import described
from pointsman.loading.registration import registration_problem, store_problem, strategy_problem
from pointsman.loading.values import LoadedPlugin, Quarantine
from pointsman.plugin import AnyProviderPlugin, Event, ProviderPlugin, StorePlugin, StrategyPlugin
from pointsman.plugin.hookspecs import Hooks

HOOKS = tuple(name for name in vars(Hooks) if not name.startswith("_"))
"""The names of all hooks."""


class Candidate:
    """A plugin that is being tried; what it turns out to offer is added to it."""

    def __init__(
        self,
        name: str,
        load: Callable[[], object],
        distribution: str | None = None,
        version: str | None = None,
        package: str | None = None,
    ) -> None:
        """`package` is the outermost one of its code, where that is known before it is loaded."""
        self.name = name
        self.distribution = distribution
        self.version = version
        self.hooks: tuple[str, ...] = ()
        self.providers: list[AnyProviderPlugin] = []
        self.strategies: list[StrategyPlugin] = []
        self.stores: list[StorePlugin] = []
        self.observe: Callable[[Event], None] | None = None
        self._load = load
        self._package = package

    def try_out(self) -> Quarantine | None:
        """Load it and let it register; returns why it cannot be used, or None."""
        try:
            plugin = self._load()
            if isinstance(plugin, ProviderPlugin):
                self._register(plugin)
            elif isinstance(plugin, StrategyPlugin):
                self._register_strategy(plugin)
            elif isinstance(plugin, StorePlugin):
                self._register_store(plugin)
            else:
                self._call_hooks(plugin)
        except KeyboardInterrupt:
            raise
        except PluginError as error:
            return self.quarantine(error.problem)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, even SystemExit
            return self.quarantine(f"it raised while it was loaded: {described(error, self._package)}")
        return None

    def quarantine(self, reason: str) -> Quarantine:
        """Return this plugin as one that is out of use."""
        return Quarantine(
            name=self.name,
            distribution=self.distribution,
            version=self.version,
            reason=reason,
            claims=tuple(provider.name for provider in self.providers),
            strategies=tuple(strategy.name for strategy in self.strategies),
        )

    def loaded(self) -> LoadedPlugin:
        """Return this plugin as one in use."""
        return LoadedPlugin(
            name=self.name,
            distribution=self.distribution,
            version=self.version,
            hooks=self.hooks,
            provides=tuple(provider.name for provider in self.providers),
            strategies=tuple(strategy.name for strategy in self.strategies),
        )

    def _call_hooks(self, plugin: object) -> None:
        manager = pluggy.PluginManager("pointsman")
        manager.add_hookspecs(Hooks)
        manager.register(plugin, self.name)
        callers = manager.get_hookcallers(plugin) or []
        self.hooks = tuple(sorted(caller.name for caller in callers))
        try:
            manager.check_pending()
        except pluggy.PluginValidationError:
            wrong = ", ".join(sorted(caller.name for caller in callers if not caller.has_spec()))
            raise PluginError(self.name, f"there is no hook {wrong}; the hooks are {', '.join(HOOKS)}") from None
        for caller in callers:
            if any(inspect.iscoroutinefunction(implementation.function) for implementation in caller.get_hookimpls()):
                raise PluginError(self.name, f"the hook {caller.name} is async; hooks are plain functions")
        manager.hook.register_providers(register=self._register)
        manager.hook.register_strategies(register=self._register_strategy)
        manager.hook.register_stores(register=self._register_store)
        if "observed" in self.hooks:
            self.observe = _observer(manager)
        if not (self.providers or self.strategies or self.stores or self.observe):
            nothing = "it registers no provider, no strategy and no store"
            why = nothing if self.hooks else f"it has none of the hooks {', '.join(HOOKS)}"
            raise PluginError(self.name, f"it offers nothing: {why}")

    def _register(self, provider: AnyProviderPlugin) -> None:
        if problem := registration_problem(provider):
            raise PluginError(self.name, problem)
        if any(provider.name == other.name for other in self.providers):
            raise PluginError(self.name, f'it registers the provider "{provider.name}" twice')
        self.providers.append(provider)

    def _register_strategy(self, strategy: StrategyPlugin) -> None:
        if problem := strategy_problem(strategy):
            raise PluginError(self.name, problem)
        if any(strategy.name == other.name for other in self.strategies):
            raise PluginError(self.name, f'it registers the strategy "{strategy.name}" twice')
        self.strategies.append(strategy)

    def _register_store(self, store: StorePlugin) -> None:
        if problem := store_problem(store):
            raise PluginError(self.name, problem)
        if any(store.name == other.name for other in self.stores):
            raise PluginError(self.name, f'it registers the store "{store.name}" twice')
        self.stores.append(store)


def _observer(manager: pluggy.PluginManager) -> Callable[[Event], None]:
    def observe(event: Event) -> None:
        manager.hook.observed(event=event)

    return observe
