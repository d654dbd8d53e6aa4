"""What became of messages of one kind at one provider, and how likely the next one is to arrive in time.

Theory of operation. Three things are known of an accepted message: it was delivered, it failed, or nothing has been
heard of it yet. Silence is evidence too, and the later the stronger. With F(t) the share of delivered messages that
are reported by the age t, and p the chance of a delivery, a message that is silent at the age t counts as a failure
with the weight F(1-p)/(1-pF): hardly at all while reports may still come, in full when they should have come long
ago. The p that is consistent with its own weights is the most likely one, and is found by iteration.

Two memories are kept. The slow one is exact while nothing changes; the quick one holds only the latest messages. When
both tell stories too different for chance (by the likelihood ratio), the quick one is believed and the slow one
starts again from it. Both fade with time, so that what is not used any more becomes unknown again.
"""

from bisect import bisect_left
from math import log

import msgspec


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """How quickly health is learnt and forgotten. Times in seconds, sizes in messages."""

    quick: float = 25.0
    slow: float = 400.0
    quick_half_life: float = 1800.0
    slow_half_life: float = 6 * 3600.0
    alarm: float = 4.5
    """Log of the likelihood ratio from which the memories are said to tell different stories."""
    horizon: float = 600.0
    """A delivery that is reported later than this counts as one that failed."""
    grain: float = 5.0
    """Messages that are accepted within this time are looked at together while they are silent."""
    prior: float = 0.9
    """What is believed of a provider about which nothing is known."""
    prior_weight: float = 4.0
    cell_weight: float = 8.0
    """How many messages the belief about the whole provider counts against those of one of its networks."""


FIRST_EDGE = 0.5
EDGE_RATIO = 1.4
USUAL_DELAY = 8.0
"""Seconds within which half of the reports are expected before any has come."""
PRIOR_REPORTS = 12.0


class Delays:
    """How long reports of delivery take: a histogram with edges in geometric steps, fading with each new report."""

    __slots__ = ("_counts", "_edges", "_fade", "_shares", "_stale")

    def __init__(self, horizon: float, memory: float = 400.0) -> None:
        edges = [FIRST_EDGE]
        while edges[-1] < horizon:
            edges.append(edges[-1] * EDGE_RATIO)
        edges[-1] = horizon
        self._edges = edges
        self._fade = 1.0 - 1.0 / memory
        before = 0.0
        self._counts: list[float] = []
        for edge in edges:
            share = edge / (edge + USUAL_DELAY)
            self._counts.append(PRIOR_REPORTS * (share - before))
            before = share
        self._shares: list[float] = []
        self._stale = True

    def note(self, delay: float) -> None:
        """Take in the delay of a report that came within the horizon."""
        place = min(bisect_left(self._edges, delay), len(self._edges) - 1)
        fade = self._fade
        self._counts = [count * fade for count in self._counts]
        self._counts[place] += 1.0
        self._stale = True

    def share(self, age: float) -> float:
        """Return the share of reports that have come by this age, from 0 to 1."""
        if self._stale:
            self._add_up()
        place = bisect_left(self._edges, age)
        return self._shares[place] if place < len(self._shares) else 1.0

    def usual(self, share: float = 0.5) -> float:
        """Return the age by which this share of the reports has come."""
        if self._stale:
            self._add_up()
        place = bisect_left(self._shares, share)
        return self._edges[min(place, len(self._edges) - 1)]

    def _add_up(self) -> None:
        total = sum(self._counts)
        so_far = 0.0
        shares = []
        for count in self._counts:
            # What lies in a step may come at its end, so the share at its beginning is what may be counted on.
            shares.append(so_far / total)
            so_far += count
        self._shares = shares
        self._stale = False


class Memory:
    """How many went well and how many did not, lately: each newcomer fades the others, and so does time."""

    __slots__ = ("_at", "_fade", "_half_life", "bad", "good")

    def __init__(self, size: float, half_life: float) -> None:
        self._fade = 1.0 - 1.0 / size
        self._half_life = half_life
        self._at = 0.0
        self.good = 0.0
        self.bad = 0.0

    def note(self, now: float, *, good: bool, weight: float = 1.0) -> None:
        """Take in the fate of one message."""
        self.age(now)
        fade = self._fade
        self.good = self.good * fade + (weight if good else 0.0)
        self.bad = self.bad * fade + (0.0 if good else weight)

    def age(self, now: float) -> None:
        """Forget what time has made doubtful."""
        passed = now - self._at
        if passed > 0.0:
            if self.good or self.bad:
                left = 0.5 ** (passed / self._half_life)
                self.good *= left
                self.bad *= left
            self._at = now

    def follow(self, other: "Memory") -> None:
        """Start again from what another memory holds."""
        self.good, self.bad = other.good, other.bad

    @property
    def weight(self) -> float:
        """How many messages it stands for."""
        return self.good + self.bad


class Belief(msgspec.Struct, frozen=True, gc=False):
    """A chance of delivery, and how many messages it rests on."""

    chance: float
    weight: float


ROUNDS = 4
"""Iterations for the chance that is consistent with its own weights; each reading goes on from the last one."""
FRESH = 0.25
"""Seconds for which a belief is not worked out again: hundreds of messages may be sent and reported within them."""
NEAR = 0.002
"""Priors that differ by less are taken to be the same."""
_EDGE = 1e-3


class Cell:
    """The evidence about messages of one kind: two memories, and those of which nothing has been heard yet."""

    __slots__ = ("_at", "_belief", "_learning", "_prior", "_quick", "_silent", "_slow")

    def __init__(self, learning: Learning) -> None:
        self._learning = learning
        self._quick = Memory(learning.quick, learning.quick_half_life)
        self._slow = Memory(learning.slow, learning.slow_half_life)
        self._silent: dict[int, int] = {}
        """By grain of time when they were accepted, oldest first."""
        self._belief: Belief | None = None
        self._at = 0.0
        self._prior = 0.0

    def __repr__(self) -> str:
        return f"<Cell good={self._slow.good:.0f} bad={self._slow.bad:.0f} silent={sum(self._silent.values())}>"

    def accepted(self, at: float) -> None:
        """Wait for news of a message."""
        grain = int(at / self._learning.grain)
        self._silent[grain] = self._silent.get(grain, 0) + 1

    def heard(self, at: float) -> bool:
        """Wait no more for a message accepted at `at`; False when it was written off already."""
        grain = int(at / self._learning.grain)
        waiting = self._silent.get(grain, 0)
        if waiting == 0:
            return False
        if waiting == 1:
            del self._silent[grain]
        else:
            self._silent[grain] = waiting - 1
        return True

    def note(self, now: float, *, good: bool) -> None:
        """Take in the fate of a message."""
        self._quick.note(now, good=good)
        self._slow.note(now, good=good)
        if differ(self._quick, self._slow, self._learning.alarm):
            self._slow.follow(self._quick)

    def write_off(self, now: float) -> None:
        """Count as failed what has been silent for longer than the horizon."""
        last = int((now - self._learning.horizon) / self._learning.grain)
        while self._silent:
            grain = next(iter(self._silent))
            if grain >= last:
                return
            for _ in range(self._silent.pop(grain)):
                self.note(now, good=False)

    def belief(self, now: float, delays: Delays, prior: float, prior_weight: float) -> Belief:
        """Return the chance of delivery, shrunk towards `prior` as if that stood for `prior_weight` messages."""
        known = self._belief
        if known is not None and now - self._at < FRESH and abs(prior - self._prior) < NEAR:
            return known
        self.write_off(now)
        start = known.chance if known is not None else prior
        self._at, self._prior = now, prior
        self._quick.age(now)
        self._slow.age(now)
        silent = self._by_share(now, delays)
        slow, slow_silent = _solve(self._slow, silent, start, prior, prior_weight)
        quick, quick_silent = _solve(self._quick, silent, start, prior, prior_weight)
        weight = self._quick.weight + quick_silent
        if weight * divergence(quick, slow) > self._learning.alarm:
            self._belief = Belief(quick, weight)
        else:
            self._belief = Belief(slow, self._slow.weight + slow_silent)
        return self._belief

    def _by_share(self, now: float, delays: Delays) -> list[tuple[float, int]]:
        """Return how many are silent, by the share of reports that should have come by their age."""
        grain = self._learning.grain
        together: dict[float, int] = {}
        for place, count in self._silent.items():
            share = delays.share(now - (place + 0.5) * grain)
            together[share] = together.get(share, 0) + count
        together.pop(0.0, None)
        return list(together.items())


def _solve(
    memory: Memory, silent: list[tuple[float, int]], start: float, prior: float, prior_weight: float
) -> tuple[float, float]:
    """Return the most likely chance, and for how many failures those that are silent count."""
    good, bad = memory.good + prior * prior_weight, memory.bad + (1.0 - prior) * prior_weight
    chance, lost = start, 0.0
    for _ in range(ROUNDS if silent else 1):
        miss = 1.0 - chance
        lost = sum([count * share * miss / (1.0 - chance * share + 1e-9) for share, count in silent])
        chance = good / (good + bad + lost)
    return chance, lost


def divergence(one: float, other: float) -> float:
    """Return how surprising `one` is where `other` is expected, for each message (Kullback and Leibler, in nats)."""
    one = min(max(one, _EDGE), 1.0 - _EDGE)
    other = min(max(other, _EDGE), 1.0 - _EDGE)
    return one * log(one / other) + (1.0 - one) * log((1.0 - one) / (1.0 - other))


def differ(quick: Memory, slow: Memory, alarm: float) -> bool:
    """Say whether two memories tell stories too different for chance."""
    if quick.weight < 1.0 or slow.weight < 1.0:
        return False
    return quick.weight * divergence(quick.good / quick.weight, slow.good / slow.weight) > alarm
