"""How fast money is spent: an average that forgets, so that it follows what happens now."""

import math

WINDOW = 600.0
"""Seconds; what was spent that long ago counts about a third of what is spent now."""
_SHORTEST = 60.0
"""Seconds; one charge in the first moments of a process is no rate yet and is spread over as much time."""


class Spending:
    """What one account spends in one currency.

    State: the sum of all charges, each fading with its age, and when it was true.
    """

    __slots__ = ("_at", "_faded", "_since")

    def __init__(self, since: float) -> None:
        """`since` is when the watching began, in seconds of the clock that all later times come from."""
        self._since = since
        self._at = since
        self._faded = 0.0

    def add(self, amount: float, now: float) -> None:
        """Count a charge."""
        self._faded = self._faded_at(now) + amount
        self._at = max(self._at, now)

    def rate(self, now: float) -> float:
        """Return what is spent a second; 0 when nothing was, or so long ago that it does not matter any more."""
        watched = max(now - self._since, _SHORTEST)
        # As much of the window as was watched: without this a young process would seem to spend next to nothing.
        weight = WINDOW * -math.expm1(-watched / WINDOW)
        return self._faded_at(now) / weight

    def _faded_at(self, now: float) -> float:
        return self._faded * math.exp(-max(now - self._at, 0.0) / WINDOW)
