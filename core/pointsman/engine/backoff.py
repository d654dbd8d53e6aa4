"""How long to leave somebody alone who could not help: twice as long after each failure, up to a limit."""

FIRST = 1.0
LONGEST = 60.0
LONGEST_WANTED = 3600.0
"""Seconds for which somebody may ask to be left alone; more looks like a mistake."""
DOUBLINGS = 6
"""No pause is doubled more often; the longest one is reached by then."""


class Backoff:
    """The failures in a row, and the moment until which nobody is asked. Times are monotonic seconds."""

    __slots__ = ("failures", "until")

    def __init__(self) -> None:
        self.failures = 0
        self.until = float("-inf")

    def __repr__(self) -> str:
        return f"<Backoff failures={self.failures} until={self.until}>"

    def pauses(self, now: float) -> bool:
        """Say whether it is too early to ask again."""
        return now < self.until

    def failed(self, asked_at: float, now: float, wanted: float | None = None) -> None:
        """Begin a pause: of `wanted` seconds, an hour at most, or else of 1 s and twice as long each time, up to 60 s.

        A failure of what was asked before the present pause ended makes it no longer by itself: several questions on
        their way together fail for one reason.
        """
        if not self.failures or asked_at >= self.until:
            self.failures += 1
        doubled = min(FIRST * 2.0 ** min(self.failures - 1, DOUBLINGS), LONGEST)
        self.until = max(self.until, now + (doubled if wanted is None else min(wanted, LONGEST_WANTED)))

    def succeeded(self) -> None:
        """Forget the failures: all is well again."""
        self.failures = 0
        self.until = float("-inf")
