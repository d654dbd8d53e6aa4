"""Makes the store that a configuration names."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from pointsman.clock import Clock
from pointsman.errors import PluginError
from pointsman.loading import PluginSet
from pointsman.plugin import StoreOptions
from pointsman.store import MemoryStore, Store
from pointsman.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pointsman.config.model import Config

MEMORY = "memory"
SQLITE = "sqlite"
BUILT_IN = frozenset({MEMORY, SQLITE})
"""Kinds of store that no plugin may call its own."""
_NEEDED = frozenset(name for name in dir(Store) if not name.startswith("_"))


def store_for(config: "Config", plugins: PluginSet, clock: Clock) -> Store:
    """Return the store that `store` in `[router]` names, not open yet.

    Raises `PluginError` when a plugin has none of that kind or makes something that is no store.
    """
    scheme, _, address = config.router.store.partition(":")
    if scheme == MEMORY:
        return MemoryStore()
    if scheme == SQLITE:
        return SqliteStore(address, clock=clock)
    plugin = plugins.stores.get(scheme)
    if plugin is None:
        raise PluginError(scheme, f"it is not loaded, but messages are to be kept in {scheme}:")
    made = plugin.make(StoreOptions(address=address, folder=Path(config.file).parent, clock=clock))
    missing = sorted(name for name in _NEEDED if not hasattr(made, name))
    if missing:
        raise PluginError(scheme, f"what it makes is no store: it has no {', '.join(missing)}")
    return cast("Store", made)
