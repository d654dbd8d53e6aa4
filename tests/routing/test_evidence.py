"""What is made of reports and of silence: beliefs stay chances, see changes soon, and are not alarmed by chance."""

from heapq import heappop, heappush
from itertools import pairwise, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.routing.evidence import Cell, Count, Delays, Learning, Memory, differ, divergence

LEARNING = Learning()
HORIZON = LEARNING.horizon
CHANCES = st.floats(0.0, 1.0)
WHEN = 1_000_000.0
"""When tests of memories begin: clocks that are not set count from whenever the machine was started."""


class Line:
    """A cell with its count and delays; messages come at a pace, and their reports after a delay."""

    def __init__(self, learning: Learning = LEARNING, *, seed: int = 1, at: float = WHEN) -> None:
        self.count, self.delays = Count(), Delays(learning.horizon)
        self.cell = Cell(learning, self.count)
        self.random = Random(seed)
        self.now = at
        self._coming: list[tuple[float, float, bool]] = []

    def accept(self, times: int = 1) -> None:
        """Have messages accepted now."""
        for _ in range(times):
            self.count.sent += 1
            self.cell.accepted(self.now)

    def hear(self, at: float, *, good: bool) -> bool:
        """Hear of a message that was accepted at `at`."""
        known = self.cell.heard(at, good=good)
        if good and known:
            self.delays.note(self.now - at)
        return known

    def believe(self, prior: float = LEARNING.prior, weight: float = LEARNING.prior_weight) -> float:
        """Return the belief now."""
        return self.cell.belief(self.now, self.delays, prior, weight).chance

    def wait(self, seconds: float) -> None:
        """Let time pass and reports come."""
        self.now += seconds
        while self._coming and self._coming[0][0] <= self.now:
            _, at, good = heappop(self._coming)
            self.hear(at, good=good)

    def send(
        self, messages: int, chance: float, *, every: float = 1.0, delay: float = 5.0, silent: bool = False
    ) -> list[float]:
        """Send messages of which so many arrive; return what is believed after each. Lost ones are told, or are not."""
        believed = []
        for _ in range(messages):
            self.wait(every)
            self.accept()
            good = self.random.random() < chance
            if good or not silent:
                heappush(self._coming, (self.now + self.random.expovariate(1.0 / delay), self.now, good))
            believed.append(self.believe())
        return believed


# -- delays ------------------------------------------------------------------------------------------------------------


def test_before_any_report_the_usual_delay_is_expected() -> None:
    """Half of the reports are expected within some seconds, nearly all within the horizon, and nothing is known."""
    delays = Delays(HORIZON)

    assert not delays.known
    assert 4.0 < delays.usual() < 16.0
    assert delays.share(0.0) == 0.0
    assert delays.share(HORIZON / 2) > 0.9
    assert delays.share(HORIZON + 1.0) == 1.0


@pytest.mark.parametrize("usual", [0.7, 30.0, 300.0])
def test_delays_are_learnt(usual: float) -> None:
    """A hundred reports outweigh what was expected; what comes in a step counts from its end only."""
    delays = Delays(HORIZON)
    for _ in range(100):
        delays.note(usual)

    assert delays.known
    assert usual <= delays.usual() <= usual * 1.4
    assert delays.share(usual / 1.5) < 0.2
    assert delays.share(usual * 1.5) > 0.8


def test_delays_change() -> None:
    """What reports took long ago is forgotten by what they take now."""
    delays = Delays(HORIZON)
    for _ in range(1000):
        delays.note(2.0)
    for _ in range(1000):
        delays.note(120.0)

    assert delays.usual() > 100.0


@given(
    noted=st.lists(st.floats(0.0, HORIZON), max_size=60),
    ages=st.lists(st.floats(-10.0, 10 * HORIZON), min_size=2, max_size=20),
    share=st.floats(0.01, 0.99),
)
def test_shares_grow_with_age(noted: list[float], ages: list[float], share: float) -> None:
    """Whatever was noted: the share of reports that have come is one, never falls with age, and `usual` fits to it."""
    delays = Delays(HORIZON)
    for delay in noted:
        delays.note(delay)
    shares = [delays.share(age) for age in sorted(ages)]

    assert all(0.0 <= one <= 1.0 + 1e-9 for one in shares)
    assert all(one <= other + 1e-12 for one, other in pairwise(shares))
    assert delays.share(delays.usual(share) * 1.5) >= share - 1e-9


# -- memories ----------------------------------------------------------------------------------------------------------


def told(memory: Memory, *fates: bool) -> Memory:
    """Take in the fates of messages, each known at once."""
    for good in fates:
        memory.begin()
        memory.settle(0, good=good)
    return memory


def test_a_memory_holds_as_many_as_its_size() -> None:
    """However many are told, it stands for so many messages, and for the latest of them."""
    memory = told(Memory(25.0, 3600.0), *[True] * 1000)
    assert memory.weight == pytest.approx(25.0)

    told(memory, *[False] * 75)
    assert memory.bad / memory.weight > 0.9


def test_a_message_counts_by_its_place() -> None:
    """News of an old message count as if they had come when it was sent, in whatever order news come."""
    at_once = told(Memory(25.0, 3600.0), True, False, True)
    for order in permutations([(2, True), (1, False), (0, True)]):
        late = Memory(25.0, 3600.0)
        late.begin(3)
        for newer, good in order:
            late.settle(newer, good=good)

        assert (late.good, late.bad) == pytest.approx((at_once.good, at_once.bad))


def test_time_makes_it_fade() -> None:
    """After a half-life half is left, of the good and of the bad; looking back in time changes nothing."""
    memory = Memory(100.0, 60.0)
    memory.age(WHEN)
    told(memory, *[True] * 10, *[False] * 10)
    good, bad = memory.good, memory.bad
    memory.age(WHEN + 60.0)
    assert (memory.good, memory.bad) == pytest.approx((good / 2, bad / 2))

    memory.age(WHEN)
    assert (memory.good, memory.bad) == pytest.approx((good / 2, bad / 2))


def test_the_first_look_forgets_nothing() -> None:
    """What was told before anybody looked is not as old as the clock: a machine may have run for months."""
    memory = told(Memory(100.0, 60.0), True)
    memory.age(WHEN)

    assert memory.good == 1.0


@given(shorter=st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), longer=st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)))
def test_equal_stories_do_not_differ(shorter: tuple[float, float], longer: tuple[float, float]) -> None:
    """Memories of equal shares never differ, whatever their weights; and nothing is said of what is hardly known."""
    one, other = Memory(25.0, 60.0), Memory(600.0, 60.0)
    one.good, one.bad = shorter
    other.good, other.bad = longer
    if differ(one, other, LEARNING.alarm):
        assert one.weight >= 1.0
        assert other.weight >= 1.0
        assert one.good / one.weight != pytest.approx(other.good / other.weight, abs=1e-3)
    other.good, other.bad = one.good * 3, one.bad * 3

    assert not differ(one, other, LEARNING.alarm)


@given(one=CHANCES, other=CHANCES)
def test_divergence_tells_chances_apart(one: float, other: float) -> None:
    """It is never below zero, zero for equal chances, and above zero for those that differ."""
    assert divergence(one, one) == 0.0
    assert divergence(one, other) >= -1e-12
    if abs(one - other) > 1e-2:
        assert divergence(one, other) > 1e-5


# -- silence -----------------------------------------------------------------------------------------------------------


def test_silence_is_evidence_and_the_later_the_stronger() -> None:
    """A provider that accepts and never reports loses its good name bit by bit, first hardly at all."""
    line = Line()
    line.send(300, 0.97)
    before = line.believe()
    beliefs = []
    for _ in range(40):
        line.accept()
        line.now += 1.0
        beliefs.append(line.believe())

    assert beliefs[0] > before - 0.01
    assert beliefs[-1] < 0.75
    late = Line()
    late.send(300, 0.97)
    late.accept(40)
    late.now += 2 * HORIZON
    assert late.believe() < 0.5


def test_a_report_that_comes_in_time_undoes_silence() -> None:
    """Messages that were thought lost and are then reported as delivered leave no doubt behind."""
    line = Line()
    line.send(200, 1.0)
    line.wait(60.0)
    line.believe()
    accepted = line.now
    line.accept(30)
    line.now += HORIZON / 2
    doubted = line.believe()
    for _ in range(30):
        assert line.hear(accepted, good=True)
    line.now += 1.0

    assert doubted < 0.7
    assert line.believe() > 0.95


def test_what_stays_silent_is_written_off_once() -> None:
    """After the horizon a message counts as lost, later reports change nothing, and nothing counts twice."""
    line = Line()
    accepted = line.now
    line.accept(10)
    line.now += HORIZON + 2 * LEARNING.grain
    line.believe()
    shown = repr(line.cell)
    assert "bad=10 silent=0" in shown

    assert not line.hear(accepted, good=True)
    assert not line.hear(accepted, good=False)
    line.now += 1.0
    line.believe()
    assert "good=0 bad=10 silent=0" in repr(line.cell)


def test_what_is_neither_good_nor_bad_ends_the_wait_only() -> None:
    """A fate that says nothing of the provider counts for nothing, and is not counted as silence either."""
    line, other = Line(), Line()
    for one in (line, other):
        one.send(50, 1.0)
        one.wait(60.0)
    line.accept()
    assert line.cell.heard(line.now, good=None)
    line.now += HORIZON * 2
    other.now += HORIZON * 2

    assert "bad=0 silent=0" in repr(line.cell)
    assert line.believe() == pytest.approx(other.believe(), abs=0.01)


def test_a_crowd_that_is_still_on_its_way_is_not_lost() -> None:
    """At a hundred messages a second those of the last second have not reported yet, and that speaks against nobody."""
    line = Line(seed=3)
    believed = line.send(6000, 0.97, every=0.01, delay=1.0)

    assert min(believed[2000:]) > 0.9


# -- beliefs -----------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.sampled_from(["accept", "good", "bad", "nothing", "note", "look"]), st.floats(0.0, 900.0)), max_size=80
)


@given(steps=STEPS, prior=CHANCES, weight=st.floats(0.01, 1e3), longest=st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_a_belief_is_a_chance(steps: list[tuple[str, float]], prior: float, weight: float, longest: int) -> None:
    """Whatever happens in whatever order: a chance from 0 to 1, a weight, and a memory that may be used."""
    line, open_ = Line(), []
    for step, passed in steps:
        line.now += passed
        match step:
            case "accept":
                line.accept()
                open_.append(line.now)
            case "note":
                line.count.sent += 1
                line.cell.note(good=passed < 450.0)
            case "good" | "bad" | "nothing" if open_:
                line.cell.heard(open_.pop(), good={"good": True, "bad": False, "nothing": None}[step])
        belief = line.cell.belief(line.now, line.delays, prior, weight, longest)
        assert 0.0 <= belief.chance <= 1.0
        assert belief.weight >= 0.0
        assert longest <= belief.memory < len(LEARNING.memories)
        assert 0.0 <= line.cell.owned_up <= 1.0


@given(order=st.permutations(range(12)), bad=st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_the_order_of_reports_does_not_matter(order: list[int], bad: int) -> None:
    """The fates of a few messages lead to one belief, in whatever order they become known."""
    beliefs = []
    for told_in in (range(12), order):
        line = Line()
        sent = []
        for _ in range(12):
            line.now += 6.0
            line.accept()
            sent.append(line.now)
        for place in told_in:
            line.cell.heard(sent[place], good=place >= bad)
        line.now += 1.0
        beliefs.append(line.believe())

    assert beliefs[0] == pytest.approx(beliefs[1], abs=0.02)


SEEN_AFTER = {(0.97, 0.3, False): 45, (0.97, 0.3, True): 130, (0.97, 0.7, False): 150, (0.3, 0.97, False): 110}
"""By the chance before and after a change, and whether losses are silent: messages within which it must be seen."""


@pytest.mark.parametrize(("before", "after", "silent"), SEEN_AFTER)
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_change_is_seen_within_few_messages(before: float, after: float, silent: bool, seed: int) -> None:
    """The belief comes closer to what is than to what was, the sooner the larger the change."""
    line = Line(seed=seed)
    line.send(1500, before, silent=silent)
    believed = line.send(400, after, silent=silent)

    middle = (before + after) / 2
    seen = next(place for place, chance in enumerate(believed) if (chance < middle) == (after < before))
    assert seen <= SEEN_AFTER[before, after, silent]
    assert believed[-1] == pytest.approx(after, abs=0.12)


@pytest.mark.parametrize("chance", [0.99, 0.97, 0.9, 0.6])
@pytest.mark.parametrize("silent", [False, True])
def test_chance_alone_raises_no_alarm(chance: float, silent: bool) -> None:
    """In five thousand messages of one kind no belief is far from the truth, once there is something to go by."""
    believed = Line(seed=7).send(5000, chance, silent=silent)

    assert max(abs(one - chance) for one in believed[200:]) < 0.16
    assert sum(believed[200:]) / len(believed[200:]) == pytest.approx(chance, abs=0.02)


def test_what_is_not_used_becomes_unknown_again() -> None:
    """After a day without messages nearly nothing is left, and the prior is believed."""
    line = Line()
    line.send(500, 0.5)
    assert line.believe() < 0.6
    line.now += 5 * 86400.0

    assert line.believe() == pytest.approx(LEARNING.prior, abs=0.02)
    assert line.cell.belief(line.now, line.delays, LEARNING.prior, LEARNING.prior_weight).weight < 1.0


def test_what_is_silent_does_not_pile_up() -> None:
    """Whatever the number of messages, as many groups of silent ones are kept as the horizon has grains."""
    line = Line()
    line.send(20_000, 0.0, every=0.1, silent=True)

    assert len(line.cell._silent) <= HORIZON / LEARNING.grain + 2


def test_those_who_own_up_are_told_from_those_who_do_not() -> None:
    """The share of losses that were told starts at a half and follows what happens."""
    honest, silent = Line(), Line()
    assert honest.cell.owned_up == 0.5
    honest.send(300, 0.5, every=5.0)
    silent.send(300, 0.5, every=5.0, silent=True)

    assert honest.cell.owned_up > 0.9
    assert silent.cell.owned_up < 0.2


def test_a_copy_changes_nothing() -> None:
    """What a copy is asked and told leaves the original as it was, write-offs included."""
    line = Line()
    line.send(100, 0.9)
    line.accept(5)
    shown, copy = repr(line.cell), line.cell.copy()
    assert copy.belief(line.now + 3 * HORIZON, line.delays, 0.95, 4.0).chance < 0.95
    copy.note(good=False)

    assert repr(line.cell) == shown
    assert repr(copy) != shown
