"""The pace is kept over every window of time, and gives way when a provider says that it is too fast."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.routing.limiter import SLOWEST, Limiter, Pace

SMALL = 1e-6


def sends(limiter: Limiter, now: float, until: float, segments: int = 1) -> list[float]:
    """Send requests one after the other, each as soon as it may; return when each started."""
    starts = []
    while (now := now + limiter.wait(now)) < until:
        limiter.take(now, segments)
        starts.append(now)
    return starts


def worst_excess(taken: list[tuple[float, int]], rate: float) -> float:
    """Return by how many segments any window held more than the rate allows, its last request left out."""
    worst = -math.inf
    for first in range(len(taken)):
        before = 0
        for last in range(first, len(taken)):
            worst = max(worst, before - rate * (taken[last][0] - taken[first][0]))
            before += taken[last][1]
    return worst


def test_without_a_pace_only_pauses_hold_back() -> None:
    """A provider without a limit is never waited for, unless it asked for a pause."""
    limiter = Limiter(None)
    limiter.take(0.0, 1000)

    assert limiter.wait(0.0) == 0.0
    limiter.slow_down(0.0, 5.0)
    assert (limiter.wait(0.0), limiter.wait(4.0), limiter.wait(5.0)) == (5.0, 1.0, 0.0)


def test_a_steady_stream_goes_at_the_rate() -> None:
    """After the burst, segments go out at exactly the rate."""
    starts = sends(Limiter(Pace(rate=4.0, burst=3.0)), 0.0, 5.0)

    assert starts[:3] == [0.0, 0.0, 0.0]
    assert starts[3:] == pytest.approx([0.25 * n for n in range(1, len(starts) - 2)])
    assert len(starts) == 22


def test_a_request_larger_than_the_burst_passes() -> None:
    """It goes at once and whole, and the next one waits for as long as it cost."""
    limiter = Limiter(Pace(rate=10.0, burst=1.0))
    assert limiter.wait(0.0) == 0.0
    limiter.take(0.0, 25)

    assert limiter.wait(0.0) == pytest.approx(2.5)


def test_a_pause_saves_no_more_than_the_burst() -> None:
    """However long nothing was sent, only the burst may go at once."""
    limiter = Limiter(Pace(rate=2.0, burst=5.0))
    sends(limiter, 0.0, 10.0)

    assert sum(start == 1000.0 for start in sends(limiter, 1000.0, 1001.0)) == 5


REQUESTS = st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(1, 12)), min_size=1, max_size=40)
"""Seconds that somebody lets pass beyond the wait, and the segments of the request."""


@given(REQUESTS, st.floats(0.1, 50.0), st.floats(1.0, 20.0))
@settings(max_examples=100, deadline=None)
def test_no_window_exceeds_the_pace(requests: list[tuple[float, int]], rate: float, burst: float) -> None:
    """In any window, the segments before its last request are at most the burst and what the rate allows."""
    limiter = Limiter(Pace(rate=rate, burst=burst))
    now, taken = 0.0, []
    for idle, segments in requests:
        now += limiter.wait(now) + idle
        limiter.take(now, segments)
        taken.append((now, segments))

    assert worst_excess(taken, rate) <= burst - 1 + SMALL


@given(REQUESTS, st.data())
@settings(max_examples=100, deadline=None)
def test_no_window_exceeds_the_pace_when_it_gives_way(requests: list[tuple[float, int]], data: st.DataObject) -> None:
    """Giving way never lets more through: what was owed before it is still owed, even without a pause."""
    pace = Pace(rate=5.0, burst=8.0, recovery=20.0)
    limiter = Limiter(pace)
    now, taken = 0.0, []
    for idle, segments in requests:
        for _ in range(data.draw(st.integers(0, 2))):
            limiter.slow_down(now, 0.0)
        now += limiter.wait(now) + idle
        limiter.take(now, segments)
        taken.append((now, segments))

    assert worst_excess(taken, pace.rate) <= pace.burst - 1 + SMALL


@given(REQUESTS, st.lists(st.floats(0.0, 30.0), max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_wait_is_exact(requests: list[tuple[float, int]], pauses: list[float]) -> None:
    """After the wait the next request may start, and just before its end it may not."""
    limiter = Limiter(Pace(rate=3.0, burst=2.0, recovery=10.0))
    now = 0.0
    for place, (idle, segments) in enumerate(requests):
        if place < len(pauses):
            limiter.slow_down(now, pauses[place])
        wait = limiter.wait(now)
        if wait > 0.01:
            assert limiter.wait(now + wait - 0.001) > 0.0
        now += wait
        assert limiter.wait(now) == 0.0
        limiter.take(now, segments)
        now += idle


def test_too_fast_pauses_and_halves_the_rate() -> None:
    """Nothing starts during the pause; after it segments go at half the rate, soon more."""
    limiter = Limiter(Pace(rate=10.0, recovery=1e9))
    limiter.slow_down(0.0, 3.0)
    starts = sends(limiter, 0.0, 23.0)

    assert starts[0] == 3.0
    assert len(starts) == pytest.approx(100, abs=1)


def test_the_rate_recovers_fully() -> None:
    """Half the rate grows evenly to the full rate, three quarters of it on average, and then it is full."""
    limiter = Limiter(Pace(rate=10.0, recovery=60.0))
    limiter.slow_down(0.0, 0.0)

    assert len(sends(limiter, 0.0, 60.0)) == pytest.approx(450, abs=2)
    assert len(sends(limiter, 60.0, 70.0)) == pytest.approx(100, abs=1)


@pytest.mark.parametrize(("recovery", "wait"), [(1e9, 1.0), (60.0, 0.7245)])
def test_repeated_too_fast_has_a_floor(recovery: float, wait: float) -> None:
    """However often it is too fast, one sixty-fourth of the rate is left; it recovers as quickly as any other."""
    limiter = Limiter(Pace(rate=64.0, recovery=recovery))
    for _ in range(50):
        limiter.slow_down(0.0, 0.0)
    limiter.take(0.0, 1)

    assert limiter._share == SLOWEST
    assert limiter.wait(0.0) == pytest.approx(wait, abs=1e-4)
    assert len(sends(limiter, recovery, recovery + 10.0)) == pytest.approx(640, abs=1)


def test_giving_way_again_starts_from_what_has_recovered() -> None:
    """A second "too fast" halves the rate that was reached by then, not the full rate and not the first half."""
    limiter = Limiter(Pace(rate=1.0, recovery=60.0))
    limiter.slow_down(0.0, 0.0)
    limiter.slow_down(30.0, 0.0)

    assert limiter._share == pytest.approx(0.375)


def test_what_others_may_know_of_the_pace() -> None:
    """The burst and the time that a queue takes follow from the pace; without one both are no limit."""
    paced, free = Limiter(Pace(rate=4.0, burst=3.0)), Limiter(None)

    assert (paced.burst, paced.work_off(10)) == (3.0, 2.5)
    assert (free.burst, free.work_off(10)) == (float("inf"), 0.0)


def test_the_longest_pause_holds() -> None:
    """A later answer that asks for less does not shorten a pause."""
    limiter = Limiter(None)
    limiter.slow_down(0.0, 60.0)
    limiter.slow_down(1.0, 1.0)

    assert limiter.wait(1.0) == 59.0


def test_what_is_given_back_may_be_taken_again():
    """After a take was undone as much may go at once as before it, and never more than the burst."""
    limiter = Limiter(Pace(rate=1.0, burst=3.0))
    limiter.take(10.0, 3)
    assert limiter.wait(10.0) == pytest.approx(1.0)

    limiter.give_back(10.0, 3)
    limiter.give_back(90.0, 3)

    for _ in range(3):
        assert limiter.wait(90.0) == 0.0
        limiter.take(90.0, 1)
    assert limiter.wait(90.0) == pytest.approx(1.0)
