"""How fast an account spends, and how long its money lasts at that pace."""

import math
from decimal import Decimal

WINDOW = 900.0
"""Seconds; what was spent that long ago counts about a third of what is spent now."""
_SHORTEST = 60.0
"""Seconds; one charge in the first moments is no rate yet and is spread over as much time."""
_SLOWEST = 1e-9
"""Money a second; less is as good as nothing, and would make the money last for ever."""


class Spending:
    """What one account spends, in its own currency.

    State: the sum of all charges, each fading with its age, when it was true, and when the watching began. All times
    are monotonic seconds.
    """

    __slots__ = ("_at", "_faded", "_since")

    def __init__(self, since: float | None = None) -> None:
        """`since` is when the watching began; by default it begins with the first charge."""
        self._since = since
        self._at = since or 0.0
        self._faded = 0.0

    def add(self, amount: Decimal, now: float) -> None:
        """Count a charge; less than zero takes an earlier one back."""
        if self._since is None:
            self._since = self._at = now
        self._faded = max(self._faded_at(now) + float(amount), 0.0)
        self._at = max(self._at, now)

    def rate(self, now: float) -> float:
        """Return what is spent a second; 0 when nothing was, or so long ago that it does not matter any more."""
        if not self._faded or self._since is None:
            return 0.0
        watched = max(now - self._since, _SHORTEST)
        # As much of the window as was watched: without this a young process would seem to spend next to nothing.
        return self._faded_at(now) / (WINDOW * -math.expm1(-watched / WINDOW))

    def lasts(self, available: Decimal | None, now: float) -> float | None:
        """Return the seconds until so much is spent; None without spending, or when nobody knows how much there is."""
        if available is None:
            return None
        rate = self.rate(now)
        return max(float(available), 0.0) / rate if rate > _SLOWEST else None

    def _faded_at(self, now: float) -> float:
        return self._faded * math.exp(-max(now - self._at, 0.0) / WINDOW)
