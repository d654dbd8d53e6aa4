"""How fast we may send: a generic cell rate algorithm whose rate gives way when the provider says "too fast".

Theory of operation. The algorithm counts in *paced seconds*, a time that runs with the clock at the full rate and
slower after "too fast". So what is owed stays owed when the rate changes: paying it off only takes longer.
"""

from math import sqrt

import msgspec

SLOWEST = 1 / 64
"""The smallest share of the full rate that repeated "too fast" can lead to."""
NOTHING = 1e-9
"""Seconds; a shorter wait is a rounding error."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The limit of one provider, in segments per second."""

    rate: float
    burst: float = 1.0
    """Segments that may go at once after a pause."""
    recovery: float = 60.0
    """Seconds after a "too fast" until the full rate is back; more than zero."""


class Limiter:
    """The state of one provider's limit: when the next segment is due, and how far the rate gave way.

    Times are monotonic seconds. Without a pace only pauses hold it back.
    """

    def __init__(self, pace: Pace | None) -> None:
        self._pace = pace
        self._due = float("-inf")
        """In paced seconds."""
        self._paused_until = float("-inf")
        self._slowed_at = 0.0
        self._slowed_at_paced = 0.0
        self._share = 1.0
        """Of the full rate, at the moment of the last "too fast"."""
        self._free_at = float("-inf")
        """When the next request may start."""

    def __repr__(self) -> str:
        return f"<Limiter due={self._due:.3f} paused_until={self._paused_until:.3f} share={self._share:.2f}>"

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may start; zero when it may start now."""
        wait = self._free_at - now
        return wait if wait > NOTHING else 0.0

    @property
    def burst(self) -> float:
        """Segments that may go at once; infinite without a pace."""
        return float("inf") if self._pace is None else self._pace.burst

    def work_off(self, segments: int) -> float:
        """Return the seconds that so many waiting segments take at the full rate."""
        return 0.0 if self._pace is None else segments / self._pace.rate

    def give_back(self, now: float, segments: int) -> None:
        """Undo a take after all; what the time since then worked off anyway is not given back twice."""
        self.take(now, -segments)

    def take(self, now: float, segments: int) -> None:
        """Account for a request that starts now.

        A request larger than the burst is let through whole and pays with a longer wait of the next one.
        """
        if self._pace is not None:
            self._due = max(self._due, self._paced(self._pace, now)) + segments / self._pace.rate
            self._free()

    def renew(self, pace: Pace | None) -> None:
        """Go on at another pace; what is owed stays owed, and pauses go on."""
        self._pace = pace
        self._free()

    def slow_down(self, now: float, pause: float) -> None:
        """Give way after "too fast": nothing starts for `pause` seconds, and the rate halves and then recovers."""
        self._paused_until = max(self._paused_until, now + pause)
        if self._pace is not None:
            recovered = min((now - self._slowed_at) / self._pace.recovery, 1.0)
            share = self._share + (1 - self._share) * recovered
            self._slowed_at_paced = self._paced(self._pace, now)
            self._slowed_at = now
            self._share = max(share / 2, SLOWEST)
        self._free()

    def _free(self) -> None:
        """Work out when the next request may start; that does not change until the next take or "too fast"."""
        self._free_at = self._paused_until
        if self._pace is not None:
            paced = self._due - (self._pace.burst - 1) / self._pace.rate
            self._free_at = max(self._free_at, self._moment(self._pace, paced))

    def _paced(self, pace: Pace, now: float) -> float:
        """Return the paced seconds at a moment: the integral of a share that grows evenly to one."""
        passed = now - self._slowed_at
        growing = min(passed, pace.recovery)
        lost = (1 - self._share) * (growing - growing * growing / (2 * pace.recovery))
        return self._slowed_at_paced + passed - lost

    def _moment(self, pace: Pace, paced: float) -> float:
        """Return when so many paced seconds will have passed; the inverse of `_paced` from the last "too fast" on."""
        ahead = paced - self._slowed_at_paced
        if ahead <= 0:
            return self._slowed_at
        missing = 1 - self._share
        grown = pace.recovery * (1 - missing / 2)
        if ahead >= grown:
            return self._slowed_at + pace.recovery + (ahead - grown)
        root = sqrt(self._share * self._share + 2 * missing * ahead / pace.recovery)
        return self._slowed_at + 2 * ahead / (self._share + root)
