"""Keeping a plugin's mistakes to itself: what it raises or how long it takes must not reach anybody else."""

from collections.abc import Callable
from typing import TypeVar

from pointsman.clock import Clock

T = TypeVar("T")

TOO_LONG = 0.25
"""Seconds of the event loop that one call of a plugin's function may take."""
STRIKES = 3
"""A plugin that broke its contract so often is out of use until the configuration changes."""


class Broke(Exception):
    """A plugin's function raised or returned something that its contract does not know."""


class Guard:
    """Calls the functions of one provider's plugin and counts what they do wrong."""

    def __init__(self, clock: Clock, quarantine: Callable[[str], None]) -> None:
        self._clock = clock
        self._quarantine = quarantine
        self._strikes = 0

    @property
    def quarantined(self) -> bool:
        """Whether the plugin is out of use: nothing new is asked of it, not even reports or a balance."""
        return self._strikes >= STRIKES

    def call(self, what: str, function: Callable[[], T], sound: Callable[[T], bool]) -> T:
        """Return what `function` returns, if that is `sound`. Raises `Broke` otherwise."""
        started = self._clock.monotonic()
        try:
            value = function()
            fits = sound(value)
        except Exception as error:
            reason = f"{what} raised {type(error).__name__}"
            self.strike(reason)
            raise Broke(reason) from error
        if self._clock.monotonic() - started > TOO_LONG:
            self.strike(f"{what} kept the event loop for more than {TOO_LONG} s")
        if not fits:
            reason = f"{what} returned {type(value).__name__} where its contract knows something else"
            self.strike(reason)
            raise Broke(reason)
        return value

    def strike(self, reason: str) -> None:
        """Count a breach of contract."""
        self._strikes += 1
        if self._strikes == STRIKES:
            self._quarantine(reason)
