"""What became of messages of one kind at one provider, and how likely the next one is to arrive in time.

Theory of operation. Three things are known of an accepted message: it was delivered, it failed, or nothing has been
heard of it yet. Silence is evidence too, and the later the stronger. With F(t) the share of delivered messages that
are reported by the age t, and p the chance of a delivery, a message that is silent at the age t counts as a failure
with the weight F(1-p)/(1-pF): hardly at all while reports may still come, in full when they should have come long
ago. The p that is consistent with its own weights is the most likely one, and is found by iteration.

Several memories are kept. The longest one is exact while nothing changes; the shorter ones hold only the latest
messages and see a change sooner, a large one within few messages, a small one within many. When a shorter one tells a
story too different from the longer one's for chance (by the likelihood ratio), it is believed, and the longer ones
start again from it. All fade with time, so that what is not used any more becomes unknown again.
"""

from bisect import bisect_left
from math import log

import msgspec


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """How quickly health is learnt and forgotten. Times in seconds, sizes in messages."""

    memories: tuple[float, ...] = (3000.0, 600.0, 120.0, 25.0)
    """How many messages each memory holds, the longest first."""
    half_life: float = 6 * 3600.0
    """Of the longest memory; the others fade in proportion, but none sooner than the shortest half-life."""
    shortest_half_life: float = 1800.0
    alarm: float = 6.0
    """Log of the likelihood ratio from which two memories are said to tell different stories."""
    horizon: float = 600.0
    """A delivery that is reported later than this counts as one that failed."""
    grain: float = 5.0
    """Messages that are accepted within this time are looked at together while they are silent."""
    prior: float = 0.95
    """What is believed before anything is known of anybody."""
    prior_weight: float = 4.0
    """How many messages the average of all providers counts in the belief about one of them."""
    cell_weight: float = 8.0
    """How many messages the belief about a provider counts in that about one of its networks, if they differ."""
    kin_weight: float = 200.0
    """How many messages the average of all providers counts as long as chance explains that a provider differs."""
    cell_kin_weight: float = 600.0
    """How many messages the belief about a provider counts in that about a network, likewise."""
    cell_alarm: float = 5.0
    """Log of the likelihood ratio from which they are said to differ."""


FIRST_EDGE = 0.5
EDGE_RATIO = 1.4
USUAL_DELAY = 8.0
"""Seconds within which half of the reports are expected before any has come."""
PRIOR_REPORTS = 12.0


class Delays:
    """How long reports of delivery take: a histogram with edges in geometric steps, fading with each new report."""

    __slots__ = ("_counts", "_edges", "_fade", "_shares", "_stale", "known")

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
        self.known = False
        """Whether any report has come. Read it only."""

    def note(self, delay: float) -> None:
        """Take in the delay of a report that came within the horizon."""
        place = min(bisect_left(self._edges, delay), len(self._edges) - 1)
        fade = self._fade
        self._counts = [count * fade for count in self._counts]
        self._counts[place] += 1.0
        self._stale = self.known = True

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
        # The first step at whose beginning so many have come; that is the end of the one before.
        place = bisect_left(self._shares, share)
        return self._edges[max(place - 1, 0)]

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
    """How many of the latest messages went well and how many did not.

    Each newcomer fades those before it, and so does time. A message counts by its place among those that were sent,
    not by when its fate became known: failures are told late, so the latest news are always the bad ones.
    """

    __slots__ = ("_at", "_half_life", "bad", "fade", "good")

    def __init__(self, size: float, half_life: float) -> None:
        self.fade = 1.0 - 1.0 / size
        self._half_life = half_life
        self._at: float | None = None
        """When it was last looked at; what came before the first look is as fresh as that."""
        self.good = 0.0
        self.bad = 0.0

    def copy(self) -> "Memory":
        """Return one that holds the same."""
        copy = Memory(1.0, self._half_life)
        copy.fade, copy._at, copy.good, copy.bad = self.fade, self._at, self.good, self.bad
        return copy

    def begin(self, newer: int = 1) -> None:
        """Make room for messages that are being sent."""
        left = self.fade**newer
        self.good *= left
        self.bad *= left

    def settle(self, newer: int, *, good: bool) -> None:
        """Take in the fate of a message after which `newer` others have been sent."""
        if good:
            self.good += self.fade**newer
        else:
            self.bad += self.fade**newer

    def age(self, now: float) -> None:
        """Forget what time has made doubtful."""
        passed = now - self._at if self._at is not None else 0.0
        if self._at is None:
            self._at = now
        elif passed > 0.0:
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
    """A chance of delivery, how many messages it rests on, and which memory it comes from, 0 for the longest."""

    chance: float
    weight: float
    memory: int = 0


ROUNDS = 4
"""Iterations for the chance that is consistent with its own weights; each reading goes on from the last one."""
FRESH = 0.25
"""Seconds for which a belief is not worked out again: hundreds of messages may be sent and reported within them."""
NEAR = 0.002
"""Priors that differ by less are taken to be the same."""
OWNED_UP = 0.5
"""The share of lost messages that are expected to be told of before any has been lost."""
OWNED_UP_WEIGHT = 10.0
_EDGE = 1e-3


class _Silent(msgspec.Struct, gc=False):
    """Messages that were sent at about the same time, and of which nothing has been heard."""

    count: int
    place: int
    """The place of the latest of them among all that were sent."""
    at: float
    """When the latest of them was accepted. Those that are silent are the younger ones, the older have reported."""


class Count:
    """How many messages have been sent by one channel of a provider; the places of all its cells are counted by it."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent = 0


class Cell:
    """The evidence about messages of one kind: memories, and those of which nothing has been heard yet.

    All cells of a channel fade by the same count, so that memories of one size reach back equally far: whoever asks
    whether a network differs from the channel as a whole compares what happened at the same time.
    """

    __slots__ = ("_at", "_belief", "_count", "_learning", "_memories", "_owned_up", "_prior", "_seen", "_silent")

    def __init__(self, learning: Learning, count: Count) -> None:
        self._learning = learning
        self._count = count
        self._seen = count.sent
        self._memories = tuple(Memory(size, _half_life(learning, size)) for size in learning.memories)
        self._silent: dict[int, _Silent] = {}
        """By grain of time when they were accepted, oldest first."""
        self._owned_up = Memory(learning.memories[-2], learning.shortest_half_life)
        self._belief: Belief | None = None
        self._at = 0.0
        self._prior = 0.0

    def __repr__(self) -> str:
        longest = self._memories[0]
        silent = sum(one.count for one in self._silent.values())
        return f"<Cell good={longest.good:.0f} bad={longest.bad:.0f} silent={silent}>"

    def copy(self) -> "Cell":
        """Return one with the same evidence, to look at; what it is asked changes nothing here."""
        copy = Cell(self._learning, self._count)
        copy._seen = self._seen
        copy._memories = tuple(memory.copy() for memory in self._memories)
        copy._silent = self._silent.copy()
        copy._owned_up = self._owned_up.copy()
        copy._belief, copy._at, copy._prior = self._belief, self._at, self._prior
        return copy

    def accepted(self, at: float) -> None:
        """Wait for news of a message, which has been counted already; what was remembered fades when it is needed."""
        grain = int(at / self._learning.grain)
        silent = self._silent.get(grain)
        if silent is None:
            self._silent[grain] = _Silent(1, self._count.sent, at)
        else:
            silent.count += 1
            silent.place = self._count.sent
            silent.at = at

    def heard(self, at: float, *, good: bool | None, told: bool = True) -> bool:
        """Take in the fate of a message accepted at `at`, None for one that says nothing of the provider.

        `told` is whether the provider said it: a loss that is only concluded from its silence is not owned up to.
        Returns False when it is not waited for: it was written off already.
        """
        grain = int(at / self._learning.grain)
        silent = self._silent.get(grain)
        if silent is None:
            return False
        silent.count -= 1
        if not silent.count:
            del self._silent[grain]
        if good is not None:
            self._settle(silent.place, good=good)
            if not good:
                self._lost(told=told)
        return True

    @property
    def owned_up(self) -> float:
        """The share of lost messages of which it was told that they were lost."""
        told = self._owned_up
        return (told.good + OWNED_UP * OWNED_UP_WEIGHT) / (told.weight + OWNED_UP_WEIGHT)

    def note(self, *, good: bool) -> None:
        """Take in a message that was not waited for, with its fate; it has been counted already."""
        self._settle(self._count.sent, good=good)

    def belief(self, now: float, delays: Delays, prior: float, prior_weight: float, longest: int = 0) -> Belief:
        """Return the chance of delivery, shrunk towards `prior` as if that stood for `prior_weight` messages.

        No memory longer than `longest` is believed: what happened before is known to be over.
        """
        known = self._belief
        if known is not None and now - self._at < FRESH and abs(prior - self._prior) < NEAR and known.memory >= longest:
            return known
        self._catch_up()
        self._write_off(now)
        start = known.chance if known is not None else prior
        self._at, self._prior = now, prior
        silent = self._by_share(now, delays)
        believed: Belief | None = None
        for place, memory in enumerate(self._memories):
            memory.age(now)
            if place < longest:
                continue
            chance, lost = _solve(memory, silent, start, prior, prior_weight)
            weight = memory.weight + lost
            if believed is None or weight * divergence(chance, believed.chance) > self._learning.alarm:
                believed = Belief(chance, weight, place)
        self._belief = believed or Belief(prior, 0.0)
        return self._belief

    def _catch_up(self) -> None:
        """Fade by what has been sent meanwhile."""
        newer = self._count.sent - self._seen
        if newer:
            self._seen = self._count.sent
            for memory in self._memories:
                memory.begin(newer)

    def _settle(self, place: int, *, good: bool) -> None:
        self._catch_up()
        newer = self._count.sent - place
        for memory in self._memories:
            memory.settle(newer, good=good)
        for at in range(len(self._memories) - 1, 0, -1):
            shorter, longer = self._memories[at], self._memories[at - 1]
            if differ(shorter, longer, self._learning.alarm):
                for one in self._memories[:at]:
                    one.follow(shorter)

    def _lost(self, *, told: bool) -> None:
        self._owned_up.begin()
        self._owned_up.settle(0, good=told)

    def _write_off(self, now: float) -> None:
        """Count as failed what has been silent for longer than the horizon."""
        last = int((now - self._learning.horizon) / self._learning.grain)
        while self._silent:
            grain = next(iter(self._silent))
            if grain >= last:
                return
            silent = self._silent.pop(grain)
            for _ in range(silent.count):
                self._settle(silent.place, good=False)
                self._lost(told=False)

    def _by_share(self, now: float, delays: Delays) -> list[tuple[float, int, int]]:
        """Return how many are silent, with the share of reports that should have come by their age, and the newer."""
        sent = self._count.sent
        found = []
        for silent in self._silent.values():
            share = delays.share(now - silent.at)
            if share > 0.0:
                found.append((share, silent.count, sent - silent.place))
        return found


def _solve(
    memory: Memory, silent: list[tuple[float, int, int]], start: float, prior: float, prior_weight: float
) -> tuple[float, float]:
    """Return the most likely chance, and for how many failures those that are silent count."""
    good, bad = memory.good + prior * prior_weight, memory.bad + (1.0 - prior) * prior_weight
    weighed = [(share, count * memory.fade**newer) for share, count, newer in silent]
    chance, lost = start, 0.0
    for _ in range(ROUNDS if silent else 1):
        miss = 1.0 - chance
        lost = sum([weight * share * miss / (1.0 - chance * share + 1e-9) for share, weight in weighed])
        chance = good / (good + bad + lost)
    return chance, lost


def divergence(one: float, other: float) -> float:
    """Return how surprising `one` is where `other` is expected, for each message (Kullback and Leibler, in nats)."""
    one = min(max(one, _EDGE), 1.0 - _EDGE)
    other = min(max(other, _EDGE), 1.0 - _EDGE)
    return one * log(one / other) + (1.0 - one) * log((1.0 - one) / (1.0 - other))


def differ(shorter: Memory, longer: Memory, alarm: float) -> bool:
    """Say whether two memories tell stories too different for chance."""
    if shorter.weight < 1.0 or longer.weight < 1.0:
        return False
    return shorter.weight * divergence(shorter.good / shorter.weight, longer.good / longer.weight) > alarm


def _half_life(learning: Learning, size: float) -> float:
    return max(learning.half_life * size / learning.memories[0], learning.shortest_half_life)
