"""What a plugin adds to the stores: a kind of store under a name. See `docs/writing-a-store.md`."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from pointsman.clock import Clock


class StoreOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a store is made of."""

    address: str
    """What stands behind the colon of `store = "kind:…"`, as it is."""
    folder: Path
    """Where the configuration is; relative paths start here."""
    clock: Clock
    """Where the store takes the time from."""


class StorePlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of store, as a plugin registers it."""

    name: str
    """What stands before the colon of `store = "kind:…"`: 1 to 32 of `a-z 0-9 _`, beginning with a letter."""
    make: Callable[[StoreOptions], object]
    """Returns a `pointsman.store.Store`. Does no input or output: that is for its `open`. Raises `StoreError`."""
