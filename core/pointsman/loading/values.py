"""What became of each plugin, as values."""

import msgspec


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin that is out of use, and why."""

    name: str
    """Of the entry point, or of the object that was passed."""
    distribution: str | None
    """None for a plugin that was passed as an object."""
    version: str | None
    reason: str
    claims: tuple[str, ...] = ()
    """Kinds of provider that it tried to register, as far as it came."""
    strategies: tuple[str, ...] = ()
    """Strategies that it tried to register, as far as it came."""


class LoadedPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin in use."""

    name: str
    distribution: str | None
    version: str | None
    hooks: tuple[str, ...]
    """Hooks that it implements, in the order of the alphabet."""
    provides: tuple[str, ...]
    """Kinds of provider that it registered."""
    strategies: tuple[str, ...] = ()
    """Strategies that it registered."""
