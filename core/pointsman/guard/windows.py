"""How often something happened lately, for any number of things, in a memory that is bounded.

Theory of operation. Time is cut into parts, a fifth of the window each. The part that has just begun and the five
before it are added up, so that what is counted is counted for as long as the window and up to a fifth of it longer: in
no window of this length, wherever it begins, does more happen than a cap allows.

The counts of one key, by part, are one number: 30 bits for each part, the newest lowest, and below them the part in
which it was written. Keys are in two generations, and what is counted moves into the younger one; a generation in which
nothing can count any more is dropped as a whole.

So are `EXACT` keys counted. Keys that come later share counters, three each for each part, of which the smallest is
believed. It is never less than the truth. So whoever floods a window makes strangers wait too early at worst, and
nobody's count is ever lost: nothing is evicted but by time.
"""

from array import array
from collections import deque

PARTS = 5
EXACT = 100_000
"""Keys that one window counts exactly; they take some 15 MB."""
_LIVE = PARTS + 1
_SLOT_BITS = 32
_SLOT = (1 << _SLOT_BITS) - 1
_FIELD_BITS = 30
_FIELD = (1 << _FIELD_BITS) - 1
_ONE = 1 << _SLOT_BITS
"""One in the newest part."""
MOST = _FIELD
"""More than is ever counted."""
_FIELDS = (1 << _FIELD_BITS * _LIVE) - 1
_BITS = 18
_WIDTH = 1 << _BITS
_MASK = _WIDTH - 1


class Shared:
    """Counters that keys share: three rows of 2^18, 3 MB, whatever the number of keys."""

    def __init__(self) -> None:
        self.cells = array("I", bytes(4 * 3 * _WIDTH))

    def get(self, key: int) -> int:
        """Return a count that is not below that of the key."""
        cells = self.cells
        one, two, three = _places(key)
        return min(cells[one], cells[two], cells[three])

    def add(self, key: int, count: int) -> None:
        """Count; below zero takes back what was counted before."""
        for place in _places(key):
            self.cells[place] += count


def _places(key: int) -> tuple[int, int, int]:
    return key & _MASK, _WIDTH + (key >> _BITS & _MASK), 2 * _WIDTH + (key >> 2 * _BITS & _MASK)


class Window:
    """Counts keys (hashes of 54 bits or more) over the last `seconds`. Times are monotonic seconds.

    State: the exact counts in two generations, and the shared counters of the parts in which they were needed.
    """

    def __init__(self, seconds: float, exact: int = EXACT) -> None:
        self._part = seconds / PARTS
        self._exact = exact
        self._slot = 0
        """The part of the present moment, counted from the beginning of time."""
        self._ends = float("-inf")
        """When it ends."""
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._born = 0
        """The part in which the younger generation began."""
        self._shared: deque[tuple[int, Shared]] = deque()

    def __len__(self) -> int:
        """Return how many keys are counted exactly."""
        return len(self._young) + len(self._old)

    def count(self, key: int, now: float) -> int:
        """Return how often a key was counted lately."""
        if now >= self._ends:
            self._move(now)
        counts = self._young.get(key) or self._old.get(key)
        total = 0
        if counts:
            left = (counts >> _SLOT_BITS) << _FIELD_BITS * min(self._slot - (counts & _SLOT), _LIVE) & _FIELDS
            while left:
                total += left & _FIELD
                left >>= _FIELD_BITS
        return total + self._shared_count(key) if self._shared else total

    def add(self, key: int, now: float, cap: int = MOST) -> bool:
        """Count a key once, unless it was counted `cap` times lately; say whether it was counted now."""
        if now >= self._ends:
            self._move(now)
        slot, young = self._slot, self._young
        counts = young.get(key) or self._old.get(key)
        total = self._shared_count(key) if self._shared else 0
        if counts:
            rest = left = (counts >> _SLOT_BITS) << _FIELD_BITS * min(slot - (counts & _SLOT), _LIVE) & _FIELDS
            while rest:
                total += rest & _FIELD
                rest >>= _FIELD_BITS
            if total >= cap:
                return False
            if key not in young:
                del self._old[key]
            young[key] = left + 1 << _SLOT_BITS | slot
        elif total >= cap:
            return False
        elif len(young) + len(self._old) < self._exact:
            young[key] = _ONE | slot
        else:
            self._sharing().add(key, 1)
        return True

    def take_back(self, key: int, at: float) -> None:
        """Count a key once less that was counted at a moment. Within one part a key is counted in one way only."""
        slot = int(at // self._part)
        counts = self._young if key in self._young else self._old
        known = counts.get(key, 0)
        age = (known & _SLOT) - slot
        if 0 <= age < _LIVE and known >> _SLOT_BITS + _FIELD_BITS * age & _FIELD:
            counts[key] = known - (_ONE << _FIELD_BITS * age)
            return
        for shared_at, shared in self._shared:
            if shared_at == slot:
                shared.add(key, -1)

    def falls(self, key: int, below: int, now: float) -> float:
        """Return in how many seconds the count of a key falls below a number, if nothing more is counted."""
        left = self.count(key, now)
        for slot in range(self._slot - PARTS, self._slot + 1):
            left -= self._count_of(key, slot)
            if left < below:
                return max((slot + _LIVE) * self._part - now, 0.0)
        return self._part * _LIVE

    def _count_of(self, key: int, slot: int) -> int:
        """Return how often a key was counted in one part."""
        counts = self._young.get(key) or self._old.get(key) or 0
        age = (counts & _SLOT) - slot
        exact = counts >> _SLOT_BITS + _FIELD_BITS * age & _FIELD if 0 <= age < _LIVE else 0
        return exact + sum(shared.get(key) for at, shared in self._shared if at == slot)

    def _shared_count(self, key: int) -> int:
        one, two, three = _places(key)
        total = 0
        for _, shared in self._shared:
            cells = shared.cells
            total += min(cells[one], cells[two], cells[three])
        return total

    def _sharing(self) -> Shared:
        """Return the shared counters of this part."""
        if not self._shared or self._shared[-1][0] != self._slot:
            self._shared.append((self._slot, Shared()))
        return self._shared[-1][1]

    def _move(self, now: float) -> None:
        """Begin the part of this moment; drop what does not count any more."""
        self._slot = int(now // self._part)
        self._ends = (self._slot + 1) * self._part
        if self._slot - self._born >= _LIVE:
            self._old, self._young, self._born = self._young, {}, self._slot
        while self._shared and self._slot - self._shared[0][0] >= _LIVE:
            self._shared.popleft()
