"""Windows: never more than the cap in any span of their length, whatever the traffic, in a bounded memory."""

import sys
from collections import defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pointsman.guard.windows import EXACT, PARTS, Window

SECONDS = 600.0
STEPS = st.lists(st.tuples(st.floats(0, 400), st.integers(0, 2)), min_size=1, max_size=120)


@given(STEPS, st.integers(1, 4), st.sampled_from([0, 1, EXACT]))
def test_never_more_than_the_cap_in_any_span(steps, cap, exact):
    """Between any moment and the one a window later no more is let in than the cap, exact or with shared counters.

    Whoever is let in too late is so by a fifth of the window at most, where counters are not shared.
    """
    window, now = Window(SECONDS, exact), 5000.0
    let_in: defaultdict[int, list[float]] = defaultdict(list)
    for pause, number in steps:
        now += pause
        key = hash((number, "x"))
        mine = let_in[key]
        if window.add(key, now, cap):
            mine.append(now)
            assert sum(at > now - SECONDS for at in mine) <= cap
        else:
            assert sum(at > now - SECONDS * (1 + 1 / PARTS) for at in mine) >= cap or exact < EXACT
            falls = window.falls(key, cap, now)
            assert window.count(key, now) >= cap
            assert 0 <= falls <= SECONDS * (1 + 1 / PARTS)


@given(STEPS, st.sampled_from([0, 1, EXACT]))
def test_taking_back_is_exact(steps, exact):
    """After everything was taken back nothing is counted, whichever counters were used and whatever came in between."""
    window, now, added = Window(SECONDS, exact), 0.0, []
    for pause, number in steps:
        now += pause
        key = hash((number, "x"))
        assert window.add(key, now)
        added.append((key, now))
    for key, at in reversed(added):
        window.take_back(key, at)

    assert [window.count(hash((number, "x")), now) for number in range(3)] == [0, 0, 0]


def test_falls_tells_the_very_moment():
    """Just before the time that is told the count is still as high as the limit, then it is lower."""
    window = Window(SECONDS)
    for at in (0.0, 130.0, 250.0):
        window.add(7, at)

    falls = window.falls(7, 2, 250.0)

    assert window.count(7, 250.0 + falls - 0.001) == 2
    assert window.count(7, 250.0 + falls + 0.001) < 2


def test_a_million_numbers_cost_a_bounded_memory_and_hide_nobody():
    """A flood of numbers within one part neither grows without end, nor makes a hot number look cold."""
    window, random = Window(SECONDS), Random(1)
    hot = [random.getrandbits(63) for _ in range(50)]
    for _ in range(3):
        for key in hot[:25]:
            window.add(key, 0.0)
    for _ in range(1_000_000):
        window.add(random.getrandbits(63), 1.0)
    for _ in range(3):
        for key in hot[25:]:
            window.add(key, 2.0)

    assert len(window) == EXACT
    (shared,) = [one for _, one in window._shared]
    assert sys.getsizeof(window._young) + sys.getsizeof(shared.cells) < 12_000_000
    assert all(window.count(key, 3.0) >= 3 for key in hot)
    strangers = [window.count(random.getrandbits(63), 3.0) for _ in range(10_000)]
    assert sum(count >= 5 for count in strangers) < 500


def test_shared_counters_are_rarely_wrong_at_a_usual_load():
    """With 250,000 numbers in one part, more than are counted exactly, hardly any stranger seems to have sent."""
    window, random = Window(SECONDS), Random(2)
    for _ in range(250_000):
        window.add(random.getrandbits(63), 0.0)

    wrong = sum(window.count(random.getrandbits(63), 1.0) >= 3 for _ in range(10_000))
    assert wrong <= 2
