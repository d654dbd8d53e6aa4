"""Who is next where some are more urgent than others, and nobody may starve: a pure choice."""

from collections import Counter
from collections.abc import Collection

PASSED_OVER = 8
"""How often somebody who waits is passed over in a row; so each urgency that waits has at least one place of ten."""


class Turns:
    """Hands out places to urgencies; lower goes first. State: how often each was passed over while it waited."""

    def __init__(self) -> None:
        self._passed: Counter[int] = Counter()

    def next(self, waiting: Collection[int]) -> int:
        """Return which of those that wait has the next place; `waiting` is not empty."""
        hungry = [one for one in waiting if self._passed[one] >= PASSED_OVER]
        # Of several the one that waited longest; of equals the more urgent.
        chosen = min(hungry, key=lambda one: (-self._passed[one], one)) if hungry else min(waiting)
        for one in tuple(self._passed):
            if one not in waiting:
                del self._passed[one]
        for one in waiting:
            self._passed[one] += 1
        self._passed[chosen] = 0
        return chosen
