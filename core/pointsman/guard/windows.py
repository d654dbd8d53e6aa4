"""How often something happened lately, for any number of things, in a memory that is bounded.

Theory of operation. Time is cut into parts, a fifth of the window each; every part has a table of its own, and the
oldest is dropped as a whole. The part that has just begun and the five before it are added up, so that what is counted
is counted for as long as the window and up to a fifth of it longer: in no window of this length, wherever it begins,
does more happen than a cap allows.

A table counts exactly until it has `EXACT` keys. Keys that come later share counters, three each, of which the smallest
is believed. It is never less than the truth. So whoever floods a table makes strangers wait too early at worst, and
nobody's count is ever lost: nothing is evicted but by time.
"""

from array import array
from collections import deque

PARTS = 5
EXACT = 50_000
"""Keys that one table counts exactly; they take some 5 MB."""
_BITS = 18
_WIDTH = 1 << _BITS
_MASK = _WIDTH - 1


class Shared:
    """Counters that keys share: three rows of 2^18, 3 MB, whatever the number of keys."""

    def __init__(self) -> None:
        self._cells = array("I", bytes(4 * 3 * _WIDTH))

    def get(self, key: int) -> int:
        """Return a count that is not below that of the key."""
        cells = self._cells
        one, two, three = _places(key)
        return min(cells[one], cells[two], cells[three])

    def add(self, key: int, count: int) -> None:
        """Count; below zero takes back what was counted before."""
        for place in _places(key):
            self._cells[place] += count


def _places(key: int) -> tuple[int, int, int]:
    return key & _MASK, _WIDTH + (key >> _BITS & _MASK), 2 * _WIDTH + (key >> 2 * _BITS & _MASK)


class Table:
    """The counts of one part of a window. State: exact counts, and the shared ones once those are too many."""

    __slots__ = ("_exact", "counts", "shared")

    def __init__(self, exact: int) -> None:
        self.counts: dict[int, int] = {}
        self.shared: Shared | None = None
        self._exact = exact

    def get(self, key: int) -> int:
        """Return how often a key was counted, or more."""
        count = self.counts.get(key)
        if count is not None:
            return count
        return self.shared.get(key) if self.shared is not None else 0

    def add(self, key: int) -> None:
        """Count a key once."""
        count = self.counts.get(key)
        if count is not None:
            self.counts[key] = count + 1
        elif len(self.counts) < self._exact:
            self.counts[key] = 1
        else:
            if self.shared is None:
                self.shared = Shared()
            self.shared.add(key, 1)

    def take_back(self, key: int) -> None:
        """Undo one `add`. The key keeps its place: one that moved between the two kinds of count would lose some."""
        if key in self.counts:
            self.counts[key] -= 1
        elif self.shared is not None:
            self.shared.add(key, -1)


class Window:
    """Counts keys (hashes of 54 bits or more) over the last `seconds`. Times are monotonic seconds."""

    def __init__(self, seconds: float, exact: int = EXACT) -> None:
        self.seconds = seconds
        self._part = seconds / PARTS
        self._exact = exact
        self._slot = -1
        self._ends = float("-inf")
        """When the newest part ends."""
        self._tables: deque[Table] = deque(maxlen=PARTS + 1)

    def count(self, key: int, now: float) -> int:
        """Return how often a key was counted lately."""
        if now >= self._ends:
            self._move(now)
        total = 0
        for table in self._tables:
            count = table.counts.get(key)
            if count is not None:
                total += count
            elif table.shared is not None:
                total += table.shared.get(key)
        return total

    def add(self, key: int, now: float) -> Table:
        """Count a key; return where, for taking it back."""
        if now >= self._ends:
            self._move(now)
        table = self._tables[-1]
        table.add(key)
        return table

    def falls(self, key: int, below: int, now: float) -> float:
        """Return in how many seconds the count of a key falls below a number, if nothing more is counted."""
        left = self.count(key, now)
        for place, table in enumerate(self._tables):
            left -= table.get(key)
            if left < below:
                oldest = self._slot - len(self._tables) + 1 + place
                return max((oldest + PARTS + 1) * self._part - now, 0.0)
        return self.seconds

    def _move(self, now: float) -> None:
        """Begin the part of this moment, and as many empty ones as there were since the last."""
        slot = int(now // self._part)
        for _ in range(min(slot - self._slot, PARTS + 1)):
            self._tables.append(Table(self._exact))
        self._slot = slot
        self._ends = (slot + 1) * self._part
