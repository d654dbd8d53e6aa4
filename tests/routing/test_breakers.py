"""The breakers of a channel: one network's outage closes that cell alone, a provider's outage closes the channel."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from pointsman.routing.breaker import BreakerSettings, BreakerState, Move
from pointsman.routing.breakers import IDLE, IN_USE, CellBreakers
from pointsman.routing.cells import CellLease, Shut

CLOSED, OPEN, PROBING = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.PROBING
A, B, C = "25001", "25002", "25099"
EXACT = BreakerSettings(in_a_row=3, window=6, share=0.5, rest=30.0, longest_rest=600.0, jitter=0.0)
"""Without jitter, so that times can be foretold."""


def breakers(most: int = 256) -> CellBreakers:
    """Return the breakers of a channel that nobody has used yet."""
    return CellBreakers(EXACT, Random(1), most)


def lease_of(one: CellBreakers, network: str | None, now: float = 0.0, *, force: bool = False) -> CellLease:
    """Take a lease that must be there."""
    lease, _ = one.acquire(now, network, force=force)
    assert lease is not None
    return lease


def bring(one: CellBreakers, results: Iterable[tuple[str | None, bool]], now: float = 0.0) -> list[Move]:
    """Let attempts end one after the other; return the moves."""
    moves: list[Move] = []
    for network, good in results:
        moves += one.record(lease_of(one, network, now), now, good=good)
    return moves


def failing(*networks: str | None) -> list[tuple[str | None, bool]]:
    """Return a failure at each of these networks."""
    return [(network, False) for network in networks]


def working(*networks: str | None) -> list[tuple[str | None, bool]]:
    """Return a good result at each of these networks."""
    return [(network, True) for network in networks]


# -- whose failures they are -------------------------------------------------------------------------------------------


def test_one_network_s_outage_opens_its_cell_alone() -> None:
    """Three failures in a row at one network close it, and nothing else, while another works."""
    one = breakers()

    assert bring(one, [*working(B), *failing(A, A, A)]) == [Move(CLOSED, OPEN, "3 failures in a row", A)]
    assert [one.admits(0.0, network) for network in (A, B, C, None)] == [False, True, True, True]
    assert one.state(0.0) is CLOSED


def test_failures_of_several_networks_open_the_channel_at_once() -> None:
    """It takes no more failures than with one network, and nobody is admitted any more."""
    one = breakers()

    assert bring(one, [*working(A, B, C), *failing(A, B, A)]) == [Move(CLOSED, OPEN, "3 failures in a row")]
    assert [one.admits(0.0, network) for network in (A, B, C, None)] == [False] * 4


def test_the_next_network_that_fails_as_well_opens_the_channel() -> None:
    """After one network's outage, a failure of another without a success in between shows that it is all of it."""
    one = breakers()
    bring(one, [*working(A, B), *failing(A, A, A)])

    assert bring(one, failing(B))[0] == Move(CLOSED, OPEN, "4 failures in a row")


def test_a_success_in_between_keeps_the_channel_open_to_others() -> None:
    """After one network's outage a single failure of another that works says nothing."""
    one = breakers()
    bring(one, [*working(A, B), *failing(A, A, A), *working(B)])

    assert bring(one, failing(B)) == []


def test_the_only_network_in_use_stands_for_the_channel() -> None:
    """With nothing to compare it with, a network's outage is the channel's, told once."""
    one = breakers()

    assert bring(one, failing(A, A, A)) == [Move(CLOSED, OPEN, "3 failures in a row")]
    assert one.admits(0.0, B) is False


@pytest.mark.parametrize(("age", "network"), [(IN_USE - 1, A), (IN_USE, None)])
def test_what_worked_long_ago_is_not_in_use(age: float, network: str | None) -> None:
    """A network shows for ten minutes after a good result that others work, and no longer."""
    one = breakers()
    bring(one, working(B))

    assert [move.network for move in bring(one, failing(A, A, A), now=age)] == [network]


def test_failures_of_unknown_networks_speak_of_the_channel() -> None:
    """What cannot be put down to a network opens the channel even while one works."""
    assert bring(breakers(), [*working(B), *failing(None, None, None)]) == [Move(CLOSED, OPEN, "3 failures in a row")]


def test_a_share_of_one_network_is_its_own() -> None:
    """Too many failures among the last results close the network that they came from, if the others' are good."""
    one = breakers()
    results = [*failing(A, A), *working(A)] * 2

    assert bring(one, [*working(B), *results, *failing(A)]) == [Move(CLOSED, OPEN, "4 of the last 6 failed", A)]
    assert one.state(0.0) is CLOSED


def test_a_share_of_several_networks_is_the_channel_s() -> None:
    """Where too many of the last results failed without any one network, too, the channel closes."""
    one = breakers()
    results = [*working(A), *failing(A, B), *working(B), *failing(A, B)]

    assert bring(one, results) == [Move(CLOSED, OPEN, "4 of the last 6 failed")]


def test_a_network_without_a_breaker_speaks_of_the_channel() -> None:
    """When all places are taken, the failures of one network more open the channel: nothing else could stop them."""
    one = breakers(most=1)
    kept = lease_of(one, B)
    bring(one, working(B))

    assert bring(one, failing(A, A, A)) == [Move(CLOSED, OPEN, "3 failures in a row")]
    one.release(kept)


@given(order=st.lists(st.sampled_from([A, B, C]), max_size=80))
@settings(max_examples=100, deadline=None)
def test_who_works_never_notices(order: list[str]) -> None:
    """However the attempts fall, two networks that always work are never closed by a third that always fails."""
    one = breakers()
    bring(one, working(B, C))
    for network in order:
        lease, _ = one.acquire(0.0, network)
        assert (lease is not None) or network == A
        if lease is not None:
            one.record(lease, 0.0, good=network != A)

    assert one.state(0.0) is CLOSED


@given(
    before=st.lists(st.tuples(st.sampled_from([A, B, C, None]), st.booleans()), max_size=40),
    order=st.lists(st.sampled_from([A, B, C, None]), min_size=60, max_size=60),
)
@settings(max_examples=100, deadline=None)
def test_when_everything_fails_nobody_is_admitted(
    before: list[tuple[str | None, bool]], order: list[str | None]
) -> None:
    """Whatever happened before, once all attempts fail, none of the networks that are tried is admitted for long."""
    one = breakers()
    for network, good in [*before, *failing(*order)]:
        lease, _ = one.acquire(0.0, network)
        if lease is not None:
            one.record(lease, 0.0, good=good)
    tried = {network for network in order if order.count(network) >= EXACT.window}

    assert not any(one.admits(0.0, network) for network in tried)


# -- leases ------------------------------------------------------------------------------------------------------------


def test_an_attempt_needs_both() -> None:
    """After an outage of the channel one probe goes out for all networks together, and its success closes it."""
    one = breakers()
    bring(one, failing(A, B, A))

    assert one.acquire(29.0, B) == (None, ())
    lease, moves = one.acquire(30.0, B)
    assert moves == (Move(OPEN, PROBING, "rest is over"),)
    assert one.acquire(30.0, A) == (None, ())
    assert lease is not None
    assert one.record(lease, 31.0, good=True) == (Move(PROBING, CLOSED, "probe succeeded"),)
    assert one.admits(31.0, A)


def test_a_network_s_probe_is_its_own() -> None:
    """After an outage of one network a single probe of it goes out, while the others go on."""
    one = breakers()
    bring(one, [*working(B), *failing(A, A, A)])
    probe = lease_of(one, A, 30.0)

    assert one.acquire(30.0, A) == (None, ())
    bring(one, working(B), now=30.0)
    one.release(probe)
    assert one.record(lease_of(one, A, 30.0), 31.0, good=False) == (Move(PROBING, OPEN, "probe failed", A),)
    shut = one.shut(31.0, A)
    assert shut == Shut(network=A, state=OPEN, reason="probe failed", until=91.0)


def test_a_cancelled_probe_gives_both_places_back() -> None:
    """A probe of network and channel at once that ends without a verdict leaves neither waiting for ever."""
    one = breakers()
    bring(one, [*working(B), *failing(A, A, A)])
    one.trip(0.0, "test", 30.0)
    probe = lease_of(one, A, 30.0)
    one.release(probe)

    assert one.admits(30.0, A)
    assert one.admits(30.0, B)


def test_a_late_result_says_nothing_anywhere() -> None:
    """A result from before the channel opened counts neither for it nor for the network's breaker that came after."""
    one = breakers()
    late = [lease_of(one, A) for _ in range(4)]
    bring(one, failing(A, B, A))
    bring(one, working(A), now=30.0)
    for lease in late:
        assert not one.holds(lease)
        assert one.record(lease, 30.0, good=False) == ()

    assert one.admits(30.0, A)


def test_results_are_dropped_for_each_breaker_by_itself() -> None:
    """A result from before its network opened is late there, and still counts for the channel."""
    one = breakers()
    late = lease_of(one, A)
    bring(one, [*working(B), *failing(A, A, A)])
    health = one.health
    one.record(late, 0.0, good=False)

    assert one.health < health
    assert one.state(0.0, A) is OPEN


def test_the_channel_takes_its_networks_over() -> None:
    """When the channel opens, a network that was shut before is told as closed: what follows is the channel's word."""
    one = breakers()
    bring(one, [*working(B), *failing(A, A, A)])
    moves = bring(one, failing(B))

    assert moves[1:] == [Move(OPEN, CLOSED, "the whole channel opened", A)]
    assert [shut.network for shut in one.shut_cells(0.0)] == [None]
    bring(one, working(B), now=30.0)
    assert one.admits(30.0, A)


def test_force_goes_through_both() -> None:
    """A forced attempt goes out although both are shut; its success opens both to everybody again."""
    one = breakers()
    bring(one, [*working(B), *failing(A, A, A)])
    lease = lease_of(one, A, force=True)

    assert lease.forced
    assert one.record(lease, 1.0, good=True) == (Move(OPEN, CLOSED, "it works again", A),)
    assert one.admits(1.0, A)


# -- how many ----------------------------------------------------------------------------------------------------------


def test_the_number_of_networks_is_bounded() -> None:
    """However many networks there are, only so many have breakers: the newest, and those that are shut or in use."""
    one = breakers(most=3)
    bring(one, [*working(B), *failing(A, A, A)])
    flying = lease_of(one, C)
    for number in range(100):
        bring(one, working(f"310{number:03}"))

    assert len(one._cells) <= 3
    assert one.admits(0.0, A) is False
    assert one.holds(flying)


def test_idle_networks_are_forgotten() -> None:
    """An hour without a message is enough to forget a network, shut or not, when another one comes."""
    one = breakers()
    bring(one, [*working(B), *failing(A, A, A)])
    one.trip(0.0, "test", network=C)
    bring(one, working("31026"), now=IDLE)

    assert set(one._cells) == {C, "31026"}


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_a_trip_by_hand_is_not_ended_by_a_success() -> None:
    """No result of an attempt that was on its way, forced or not, opens to others what the operator closed."""
    one = breakers()
    flying = lease_of(one, A)
    bring(one, failing(A, B, A))
    forced = lease_of(one, A, force=True)

    assert one.trip(1.0, "they work on their lines", 100.0) == ()
    assert one.record(forced, 2.0, good=True) == ()
    assert one.record(flying, 2.0, good=True) == ()
    assert one.shut(2.0) == Shut(network=None, state=OPEN, reason="they work on their lines", until=101.0)
    assert one.acquire(2.0, A, force=True) == (None, ())


def test_a_trip_by_hand_ends_with_a_probe() -> None:
    """After its time a trip is over like any rest: one attempt is let through, and what it comes to decides."""
    one = breakers()

    assert one.trip(0.0, "drained", 100.0) == (Move(CLOSED, OPEN, "drained"),)
    assert (one.is_held(99.0), one.is_held(100.0)) == (True, False)
    assert bring(one, working(A), now=100.0) == [Move(PROBING, CLOSED, "probe succeeded")]


def test_a_failure_after_a_trip_is_no_trip() -> None:
    """A breaker that opens by itself after a trip by hand has run out may be forced again, and says its own reason."""
    one = breakers()
    one.trip(0.0, "drained", 10.0)
    bring(one, failing(A), now=10.0)

    assert one.is_held(11.0) is False
    assert one.shut_cells(11.0)[0].reason == "probe failed"


def test_a_trip_without_a_time_lasts_until_it_is_reset() -> None:
    """Without a time it stays shut however long it takes, no end is told, and a reset opens it to all at once."""
    one = breakers()
    one.trip(0.0, "contract ended")

    assert one.shut_cells(1e9) == (Shut(network=None, state=OPEN, reason="contract ended", until=None),)
    assert one.reset("signed again") == (Move(OPEN, CLOSED, "signed again"),)
    assert one.admits(1e9, A)
    assert one.last_move == Move(OPEN, CLOSED, "signed again")


def test_one_network_is_tripped_alone() -> None:
    """By hand, too, one network can be taken out, outlasts an outage of the channel, and comes back by itself."""
    one = breakers()

    assert one.trip(0.0, "bad route", network=A) == (Move(CLOSED, OPEN, "bad route", A),)
    assert (one.is_held(0.0, A), one.is_held(0.0, B)) == (True, False)
    bring(one, failing(B, C, B))
    bring(one, working(B), now=30.0)
    assert one.admits(30.0, A) is False
    assert one.reset("good again", network=A) == (Move(OPEN, CLOSED, "good again", A),)
    assert one.reset("good again", network=B) == ()
    assert one.admits(30.0, A)


def test_a_reset_opens_everything() -> None:
    """A reset closes the channel's breaker and those of all networks, and forgets what they had counted."""
    one = breakers()
    bring(one, [*working(B), *failing(A, A, A), *working(B), *failing(C)])

    assert one.reset("operator") == (Move(OPEN, CLOSED, "operator", A),)
    assert one.shut_cells(0.0) == ()
    assert bring(one, [*working(B), *failing(C)]) == []


class AnyBreakers(RuleBasedStateMachine):
    """Drives the breakers of a channel in all ways at once and holds them against their documented rules."""

    leases = Bundle("leases")
    networks = st.sampled_from([A, B, C, None])

    def __init__(self) -> None:
        super().__init__()
        self.settings = BreakerSettings(in_a_row=3, window=5, rest=10.0, longest_rest=35.0, probes=2, jitter=0.1)
        self.all = CellBreakers(self.settings, Random(7), most=2)
        self.now = 0.0
        self.out: dict[int, CellLease] = {}
        self.shut_until: dict[str | None, float] = {}
        self.eras: dict[str | None, tuple[int, int]] = {}

    def moved(self, moves: Iterable[Move]) -> None:
        """Note what opened and until when, and what is open no more."""
        for move in moves:
            if move.after is OPEN:
                breaker = self.all._breaker(move.network)
                assert breaker is not None
                self.shut_until[move.network] = breaker.open_until
            else:
                self.shut_until.pop(move.network, None)
        for network in {*self.shut_until} - {None, *self.all._cells}:
            self.shut_until.pop(network)

    @rule(seconds=st.floats(0.0, 50.0) | st.just(IDLE))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule(target=leases, network=networks, force=st.booleans())
    def acquire(self, network: str | None, force: bool) -> CellLease | None:
        """A lease is given as `admits` and `is_held` foretold, and both breakers stand behind it."""
        admitted, held = self.all.admits(self.now, network), self.all.is_held(self.now, network)
        assert (self.all.shut(self.now, network) is None) == admitted
        lease, moves = self.all.acquire(self.now, network, force=force)
        self.moved(moves)

        assert (lease is not None) == (admitted or (force and not held))
        if lease is None:
            assert moves == ()
            return None
        assert lease.forced == (not admitted)
        assert self.all.holds(lease)
        self.out[id(lease)] = lease
        return lease

    @rule(lease=consumes(leases), good=st.booleans())
    def record(self, lease: CellLease | None, good: bool) -> None:
        """A result opens by failing and closes by succeeding, and moves no other network unless the channel opens."""
        if lease is None:
            return
        held = {key: self.all.is_held(self.now, key) for key in (None, lease.network)}
        moves = self.all.record(lease, self.now, good=good)
        self.out.pop(id(lease))
        self.moved(moves)

        channel = [move for move in moves if move.network is None]
        for move in moves:
            if move.network in (None, lease.network) and move.reason != "the whole channel opened":
                assert move.after is (CLOSED if good else OPEN)
                assert not held[move.network] or move.after is OPEN
            else:
                assert channel
                assert channel[0].after is OPEN
                assert move.after is CLOSED

    @rule(lease=consumes(leases))
    def release(self, lease: CellLease | None) -> None:
        """A lease that is given back moves nothing, and frees the places that its probes took."""
        if lease is None:
            return
        has_both = lease.network is None or lease.cell is not None
        freed = has_both and self.all.holds(lease) and not lease.forced
        states = [self.all.state(self.now, key) for key in (None, A, B, C)]
        self.all.release(lease)
        self.out.pop(id(lease))

        assert states == [self.all.state(self.now, key) for key in (None, A, B, C)]
        assert not freed or self.all.admits(self.now, lease.network)

    @rule(network=networks, seconds=st.none() | st.floats(1.0, 20.0))
    def trip(self, network: str | None, seconds: float | None) -> None:
        """By hand it opens at once, also to force."""
        self.moved(self.all.trip(self.now, "by hand", seconds, network=network))

        assert self.all.state(self.now, network) is OPEN
        assert self.all.is_held(self.now, network)
        assert "by hand" in {shut.reason for shut in self.all.shut_cells(self.now)}

    @rule(network=networks)
    def reset(self, network: str | None) -> None:
        """By hand it closes from every state."""
        self.moved(self.all.reset("by hand", network=network))
        if network is None:
            self.shut_until.clear()

        assert self.all.state(self.now, network) is CLOSED

    @invariant()
    def nothing_leaks(self) -> None:
        """What each breaker believes to be out is what was handed out and not given back; none of it is negative."""
        for network, cell in self.all._cells.items():
            mine = [one for one in self.out.values() if one.network == network and one.born == cell.born]
            assert cell.out == len(mine)
            probes = [one for one in mine if one.cell is not None and one.cell.probe and cell.breaker.holds(one.cell)]
            assert cell.breaker._probes_out == len(probes) <= self.settings.probes
        whole = self.all._whole
        probes = [one for one in self.out.values() if one.whole.probe and whole.holds(one.whole)]
        assert whole._probes_out == len(probes) <= self.settings.probes

    @invariant()
    def eras_only_grow(self) -> None:
        """A breaker's era never falls, and a network's later breaker is known from its earlier ones."""
        eras: dict[str | None, tuple[int, int]] = {
            network: (cell.born, cell.breaker._era) for network, cell in self.all._cells.items()
        }
        eras[None] = (0, self.all._whole._era)

        assert all(era >= self.eras.get(network, (0, 0)) for network, era in eras.items())
        self.eras.update(eras)

    @invariant()
    def what_rests_admits_nobody(self) -> None:
        """From its opening to the end of its rest a breaker admits nobody, and the channel's nobody at all."""
        for network, until in self.shut_until.items():
            if self.now < until:
                assert not any(self.all.admits(self.now, one) for one in ([network] if network else [A, B, C, None]))
        for shut in self.all.shut_cells(self.now):
            assert shut.state is PROBING or not self.all.admits(self.now, shut.network)

    @invariant()
    def is_bounded(self) -> None:
        """No more networks have a breaker than may, except those that were tripped by hand."""
        assert len(self.all._cells) <= 2 + len(self.all._by_hand)


TestAnyBreakers = AnyBreakers.TestCase
TestAnyBreakers.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
