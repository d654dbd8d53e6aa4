"""Checks what a plugin registers; Structs do not check what they are made of."""

import inspect
import re

import msgspec

from pointsman.plugin import ProviderPlugin, StorePlugin, StrategyPlugin
from pointsman.routing.strategy import STRATEGIES

_STORES = frozenset({"memory", "sqlite"})
"""Kinds of store that are built in."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_NAME_RULE = "a name is 1 to 32 of a-z 0-9 _ and starts with a letter"


def registration_problem(provider: object) -> str | None:
    """Say what is wrong with what a plugin registers, or None."""
    if not isinstance(provider, ProviderPlugin):
        return f"it registers a {type(provider).__name__}, not a ProviderPlugin"
    name: object = provider.name
    build: object = provider.build
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"it registers the name {name!r}; {_NAME_RULE}"
    if not callable(build):
        return f'the build of the provider "{name}" cannot be called'
    return _settings_problem(name, provider.settings)


def strategy_problem(strategy: object) -> str | None:
    """Say what is wrong with a strategy that a plugin registers, or None."""
    if not isinstance(strategy, StrategyPlugin):
        return f"it registers a {type(strategy).__name__} as a strategy, not a StrategyPlugin"
    name: object = strategy.name
    rank: object = strategy.rank
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"it registers the strategy {name!r}; {_NAME_RULE}"
    if name in STRATEGIES:
        return f'it registers the strategy "{name}", which is built in; choose another name'
    if not callable(rank):
        return f'the rank of the strategy "{name}" cannot be called'
    if inspect.iscoroutinefunction(rank):
        return f'the rank of the strategy "{name}" is async; it is a plain function'
    return None


def store_problem(store: object) -> str | None:
    """Say what is wrong with a kind of store that a plugin registers, or None."""
    if not isinstance(store, StorePlugin):
        return f"it registers a {type(store).__name__} as a store, not a StorePlugin"
    name: object = store.name
    make: object = store.make
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"it registers the store {name!r}; {_NAME_RULE}"
    if name in _STORES:
        return f'it registers the store "{name}", which is built in; choose another name'
    if not callable(make):
        return f'the make of the store "{name}" cannot be called'
    if inspect.iscoroutinefunction(make):
        return f'the make of the store "{name}" is async; it is a plain function'
    return None


def _settings_problem(name: str, settings: object) -> str | None:
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        return f'the settings of the provider "{name}" are not a msgspec.Struct'
    config = settings.__struct_config__
    if not (config.frozen and config.forbid_unknown_fields):
        return f'the settings of the provider "{name}" need frozen=True and forbid_unknown_fields=True'
    try:
        msgspec.json.Decoder(settings)
    except (TypeError, NameError) as error:
        return f'the settings of the provider "{name}" have a type that cannot be read: {error}'
    return None
