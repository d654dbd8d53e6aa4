"""Breakers follow their table, and their rules hold however calls and time are mixed."""

import math
from collections import deque
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from pointsman.routing.breaker import MOVES, Breaker, BreakerSettings, BreakerState, Lease, Move, Signal

CLOSED, OPEN, PROBING = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.PROBING
EXACT = BreakerSettings(in_a_row=3, window=6, rest=30.0, longest_rest=600.0, jitter=0.0)
"""Without jitter, so that times can be foretold."""


def breaker(**changes: float) -> Breaker:
    """Return a closed breaker without jitter."""
    values = {name: getattr(EXACT, name) for name in EXACT.__struct_fields__}
    return Breaker(BreakerSettings(**{**values, **changes}), Random(1))


def lease_of(one: Breaker, now: float, *, force: bool = False) -> Lease:
    """Take a lease that must be there."""
    lease, _ = one.acquire(now, force=force)
    assert lease is not None
    return lease


def fail(one: Breaker, now: float, times: int = 1) -> Move | None:
    """Let attempts fail one after the other; return the last move."""
    move = None
    for _ in range(times):
        move = one.record(lease_of(one, now), now, good=False)
    return move


def test_enough_failures_in_a_row_open_it() -> None:
    """It opens with the failure that completes the row, not before, and says so."""
    one = breaker()

    assert fail(one, 0.0, 2) is None
    assert fail(one, 0.0) == Move(CLOSED, OPEN, "3 failures in a row")
    assert (one.state(29.9), one.open_until) == (OPEN, 30.0)


def test_a_success_breaks_the_row() -> None:
    """Only failures without a success between them make a row."""
    one = breaker()
    fail(one, 0.0, 2)
    one.record(lease_of(one, 0.0), 0.0, good=True)

    assert fail(one, 0.0, 2) is None


def test_too_large_a_share_of_the_window_opens_it() -> None:
    """More than half of a full window opens it; exactly half does not, nor does a window that is not full."""
    one = breaker(in_a_row=100)
    verdicts = [False, True, False, True, False, True]
    moves = [one.record(lease_of(one, 0.0), 0.0, good=good) for good in verdicts]

    assert moves == [None] * 6
    one.record(lease_of(one, 0.0), 0.0, good=False)  # drops the failure at the far end
    assert one.record(lease_of(one, 0.0), 0.0, good=False) == Move(CLOSED, OPEN, "4 of the last 6 failed")


def test_rests_double_up_to_the_longest() -> None:
    """Each probe that fails doubles the rest, up to the longest, however long the provider is down."""
    one = breaker()
    now = 0.0
    fail(one, now, 3)
    rests = [one.open_until - now]
    for _ in range(2000):
        now = one.open_until
        fail(one, now)
        rests.append(one.open_until - now)

    assert rests[:7] == [30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]
    assert set(rests[5:]) == {600.0}


@pytest.mark.parametrize("forced", [False, True])
def test_a_success_forgets_the_rests(forced: bool) -> None:
    """After a success, of a probe or of a forced attempt, the next rest is short again."""
    one = breaker()
    fail(one, 0.0, 3)
    fail(one, 30.0)
    now = 31.0 if forced else 90.0
    move = one.record(lease_of(one, now, force=forced), now, good=True)

    assert move is not None
    assert move.after is CLOSED
    fail(one, now, 3)
    assert one.open_until == now + 30.0


def test_jitter_lengthens_a_rest_by_its_share_at_most() -> None:
    """Rests differ between processes, are never shorter than asked for, and at most a tenth longer."""
    rests = set()
    for seed in range(50):
        one = Breaker(BreakerSettings(), Random(seed))
        fail(one, 0.0, 5)
        rests.add(one.open_until)

    assert len(rests) == 50
    assert min(rests) >= 30.0
    assert max(rests) <= 33.0


def test_an_open_one_admits_nobody_but_by_force() -> None:
    """While it rests there is no lease, except where every provider is down; then it is marked as forced."""
    one = breaker()
    fail(one, 0.0, 3)

    assert one.admits(29.9) is False
    assert one.acquire(29.9) == (None, None)
    assert one.acquire(29.9, force=True) == (Lease(era=1, probe=False, forced=True), None)


def test_a_forced_failure_changes_nothing() -> None:
    """A forced attempt that fails neither counts nor lengthens the rest."""
    one = breaker()
    fail(one, 0.0, 3)

    assert one.record(lease_of(one, 10.0, force=True), 10.0, good=False) is None
    assert one.open_until == 30.0


def test_one_probe_at_a_time() -> None:
    """After the rest one attempt is let through; the next only when that one was given back."""
    one = breaker()
    fail(one, 0.0, 3)

    assert one.state(30.0) is PROBING
    lease, move = one.acquire(30.0)
    assert lease == Lease(era=2, probe=True)
    assert move == Move(OPEN, PROBING, "rest is over")
    assert one.admits(30.0) is False
    assert one.acquire(30.0) == (None, None)
    one.release(lease)
    assert one.acquire(30.0) == (Lease(era=2, probe=True), None)


def test_without_probes_it_says_so() -> None:
    """A breaker that allows no probes neither admits nor gives a lease: the two never disagree."""
    one = breaker(probes=0)
    fail(one, 0.0, 3)

    assert one.admits(30.0) is False
    assert one.acquire(30.0)[0] is None


def test_a_late_result_says_nothing() -> None:
    """A result whose lease is of an earlier era is dropped: it neither opens, closes nor frees a probe's place."""
    one = breaker()
    early = [lease_of(one, 0.0) for _ in range(9)]
    fail(one, 0.0, 3)

    assert [one.record(lease, 1.0, good=good) for lease, good in zip(early, [True, False] * 3, strict=False)] == [
        None
    ] * 6
    assert one.state(1.0) is OPEN
    probe = lease_of(one, 30.0)
    one.release(early[7])
    assert one.admits(30.0) is False
    assert one.record(early[8], 30.0, good=True) is None
    assert one.holds(probe)
    assert not one.holds(early[8])


def test_a_late_probe_frees_no_place() -> None:
    """A probe that is given back after a new rest has begun was not one of the probes that are out now."""
    one = breaker()
    fail(one, 0.0, 3)
    late = lease_of(one, 30.0)
    one.trip(31.0, "outside evidence", 10.0)
    lease_of(one, 41.0)
    one.release(late)

    assert one.admits(41.0) is False


def test_tripping_by_hand() -> None:
    """It opens by hand from closed and probing, for as long as asked; an open one rests at least that long."""
    one = breaker()

    assert one.trip(0.0, "drained", 100.0) == Move(CLOSED, OPEN, "drained")
    assert one.open_until == 100.0
    assert one.trip(50.0, "again", 20.0) is None
    assert one.open_until == 100.0
    assert one.trip(100.0, "again", 20.0) is None
    assert one.state(119.9) is OPEN
    probe = lease_of(one, 120.0)
    assert one.trip(121.0, "outside evidence") == Move(PROBING, OPEN, "outside evidence")
    assert one.open_until == 151.0
    assert one.record(probe, 121.0, good=True) is None


def test_resetting_by_hand() -> None:
    """It closes by hand from every state, and forgets failures and rests."""
    one = breaker()
    fail(one, 0.0, 2)
    assert one.reset("operator") is None
    assert fail(one, 0.0, 2) is None
    fail(one, 0.0)
    assert one.reset("operator") == Move(OPEN, CLOSED, "operator")
    fail(one, 0.0, 3)
    assert one.open_until == 30.0
    lease_of(one, 30.0)
    assert one.reset("operator") == Move(PROBING, CLOSED, "operator")


def test_health_is_the_share_of_good_results() -> None:
    """Health starts at one, sinks with failures, and rises again as they leave the window."""
    one = breaker(in_a_row=100, share=1.0)

    assert one.health == 1.0
    fail(one, 0.0)
    assert one.health == pytest.approx(2 / 3)
    for _ in range(6):
        one.record(lease_of(one, 0.0), 0.0, good=True)
    assert one.health == 1.0


ACTIONS = [
    *[("acquire", force) for force in (0, 1)],
    *[("good", place) for place in range(2)],
    *[("bad", place) for place in range(2)],
    ("release", 0),
    ("trip", 0),
    ("reset", 0),
    ("later", 0),
]
DEPTH = 8


def small_scope(one: Breaker, held: tuple[Lease, ...], now: float, depth: int, seen: set[object]) -> set[object]:
    """Try every sequence of so many actions on a breaker; return the moves that occurred."""
    signature = (one._state, one._failures_in_a_row, tuple(one._recent), one._probes_out, one._open_until - now)
    key = (signature, tuple((lease.era - one._era, lease.probe, lease.forced) for lease in held), depth)
    if depth == 0 or key in seen:
        return set()
    seen.add(key)
    moves: set[object] = set()
    for kind, argument in ACTIONS:
        twin, leases, then, moved = copy_of(one), held, now, None
        match kind:
            case "acquire" if len(held) < 2:
                lease, moved = twin.acquire(now, force=bool(argument))
                leases = (*held, lease) if lease is not None else held
            case "good" | "bad" if argument < len(held):
                moved = twin.record(held[argument], now, good=kind == "good")
                leases = held[:argument] + held[argument + 1 :]
            case "release" if held:
                twin.release(held[0])
                leases = held[1:]
            case "trip":
                moved = twin.trip(now, "by hand")
            case "reset":
                moved = twin.reset("by hand")
            case "later":
                then = now + 10.0
            case _:
                continue
        if moved is not None:
            moves.add((moved.before, moved.after))
        moves |= small_scope(twin, leases, then, depth - 1, seen)
    return moves


def copy_of(one: Breaker) -> Breaker:
    """Return a breaker in the same state."""
    twin = Breaker(one._settings, one._random)
    for name, value in vars(one).items():
        setattr(twin, name, deque(value, value.maxlen) if isinstance(value, deque) else value)
    return twin


def test_every_sequence_stays_within_the_table() -> None:
    """Of all sequences of eight actions none needs a row that is missing, and every row of the table occurs."""
    one = breaker(in_a_row=2, window=2, rest=10.0, longest_rest=20.0)

    moves = small_scope(one, (), 0.0, DEPTH, set())

    assert moves == {(before, after) for (before, _), after in MOVES.items()}


@pytest.mark.parametrize("state", list(BreakerState))
def test_the_table_has_a_way_out_of_every_state(state: BreakerState) -> None:
    """Nothing is a dead end, a reset closes whatever is not closed, and no row leads where it began."""
    rows = {signal: after for (before, signal), after in MOVES.items() if before is state}

    assert rows
    assert state not in rows.values()
    assert state is CLOSED or rows[Signal.RESET] is CLOSED


class AnyBreaker(RuleBasedStateMachine):
    """Drives a breaker in all ways at once and holds it against its documented rules."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.settings = BreakerSettings(in_a_row=3, window=4, rest=10.0, longest_rest=35.0, probes=1, jitter=0.1)
        self.breaker = Breaker(self.settings, Random(7))
        self.now = 0.0
        self.probes: set[int] = set()
        """Of the present era, by identity."""
        self.row = 0
        self.doublings = 0

    def moved(self, move: Move | None) -> None:
        """Note a change of state: a new era begins."""
        if move is not None:
            self.probes.clear()
            self.row = 0

    @rule(seconds=st.floats(0.0, 50.0))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule(target=leases, force=st.booleans())
    def acquire(self, force: bool) -> Lease | None:
        """A lease is given as `admits` foretold, and never a second probe."""
        before, admitted = self.breaker.state(self.now), self.breaker.admits(self.now)
        lease, move = self.breaker.acquire(self.now, force=force)
        self.moved(move)

        assert (lease is not None) == (admitted or force)
        if lease is None:
            return None
        assert lease.probe == (before is PROBING and admitted)
        assert lease.forced == (not admitted)
        assert self.breaker.holds(lease)
        if lease.probe:
            self.probes.add(id(lease))
            assert len(self.probes) <= self.settings.probes
        return lease

    @rule(lease=consumes(leases), good=st.booleans())
    def record(self, lease: Lease | None, good: bool) -> None:
        """A result moves the breaker exactly when the rules say so."""
        if lease is None:
            return
        before, current = self.breaker._state, self.breaker.holds(lease)
        move = self.breaker.record(lease, self.now, good=good)
        if not current:
            assert move is None
            return
        if lease.probe:
            assert move is not None
            assert move.after is (CLOSED if good else OPEN)
        elif lease.forced:
            assert (move is not None) == good
        else:
            self.row = 0 if good else self.row + 1
            assert before is CLOSED
            assert move is None or (move.after is OPEN and not good)
            assert self.row < self.settings.in_a_row or move is not None
        if move is not None and move.after is OPEN:
            self.check_rest()
        elif move is not None:
            self.doublings = 0
        self.moved(move)

    def check_rest(self) -> None:
        """A rest is twice the one before, up to the longest, plus jitter."""
        exact = min(self.settings.rest * 2**self.doublings, self.settings.longest_rest)
        rest = self.breaker.open_until - self.now
        self.doublings += 1

        assert exact - 1e-6 <= rest <= exact * (1 + self.settings.jitter) + 1e-6

    @rule(lease=consumes(leases))
    def release(self, lease: Lease | None) -> None:
        """A probe that is given back frees its place, and nothing else happens."""
        if lease is None:
            return
        state = self.breaker._state
        freed = lease.probe and self.breaker.holds(lease)
        self.breaker.release(lease)
        self.probes.discard(id(lease))

        assert self.breaker._state is state
        assert not freed or self.breaker.admits(self.now)

    @rule(rest=st.none() | st.floats(1.0, 20.0))
    def trip(self, rest: float | None) -> None:
        """By hand it opens at once and admits nobody."""
        was_open = self.breaker._state is OPEN
        move = self.breaker.trip(self.now, "by hand", rest)
        if not was_open and rest is None:
            self.check_rest()
        self.moved(move)

        assert self.breaker.state(self.now) is OPEN
        assert self.breaker.admits(self.now) is False

    @rule()
    def reset(self) -> None:
        """By hand it closes from every state."""
        self.moved(self.breaker.reset("by hand"))
        self.row = 0
        self.doublings = 0

        assert self.breaker.state(self.now) is CLOSED

    @invariant()
    def is_sound(self) -> None:
        """The number of probes out is what was handed out, and the state is the one that time has made of it."""
        assert self.breaker._probes_out == len(self.probes)
        assert math.isfinite(self.breaker.open_until)
        assert (self.breaker.state(self.now) is CLOSED) == (self.breaker._state is CLOSED)


TestAnyBreaker = AnyBreaker.TestCase
TestAnyBreaker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
