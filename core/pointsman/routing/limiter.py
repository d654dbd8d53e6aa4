"""How fast we may send: a generic cell rate algorithm whose rate gives way when the provider says "too fast"."""

import msgspec

SLOWEST = 1 / 64
"""The smallest share of the full rate that repeated "too fast" can lead to."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The limit of one provider, in segments per second."""

    rate: float
    burst: float = 1.0
    """Segments that may go at once after a pause."""
    recovery: float = 60.0
    """Seconds after a "too fast" until the full rate is back."""


class Limiter:
    """The state of one provider's limit: when the next segment is due, and how far the rate gave way.

    Times are monotonic seconds. Without a pace only pauses hold it back.
    """

    def __init__(self, pace: Pace | None) -> None:
        self._pace = pace
        self._due = float("-inf")
        self._paused_until = float("-inf")
        self._factor = 1.0
        self._factor_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Limiter due={self._due:.3f} paused_until={self._paused_until:.3f} factor={self._factor:.2f}>"

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may start; zero when it may start now."""
        wait = self._paused_until - now
        if self._pace is not None:
            wait = max(wait, self._due - now - (self._pace.burst - 1) / self._rate(self._pace, now))
        return max(wait, 0.0)

    def take(self, now: float, segments: int) -> None:
        """Account for a request that starts now.

        A request larger than the burst is let through whole and pays with a longer wait of the next one.
        """
        if self._pace is not None:
            self._due = max(self._due, now) + segments / self._rate(self._pace, now)

    def slow_down(self, now: float, pause: float) -> None:
        """Give way after "too fast": nothing starts for `pause` seconds, and the rate halves and then recovers."""
        self._paused_until = max(self._paused_until, now + pause)
        if self._pace is not None:
            self._factor = max(self._share(self._pace, now) / 2, SLOWEST)
            self._factor_at = now

    def _share(self, pace: Pace, now: float) -> float:
        if self._factor >= 1.0:
            return 1.0
        grown = self._factor + (1 - self._factor) * (now - self._factor_at) / pace.recovery
        return min(grown, 1.0)

    def _rate(self, pace: Pace, now: float) -> float:
        return pace.rate * self._share(pace, now)
