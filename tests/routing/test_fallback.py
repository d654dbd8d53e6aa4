"""Whether and when an SMS takes the place of a Viber message: every combination of what the decision depends on."""

from collections.abc import Iterator
from itertools import chain, combinations, product

import msgspec
import pytest

from pointsman.message import FallbackTrigger
from pointsman.outcome import State
from pointsman.routing.failover import OnUnknown
from pointsman.routing.fallback import Never, Standing, Start, Step, Wait, decide, last_look

UNTIL = 100.0
BEFORE, AFTER = 99.9, 100.0
FAILED, UNDELIVERED, REJECTED, EXPIRED, SILENT = FallbackTrigger
ALL = frozenset(FallbackTrigger)
BAD = {
    State.FAILED: FAILED,
    State.UNDELIVERED: UNDELIVERED,
    State.REJECTED: REJECTED,
    State.EXPIRED: EXPIRED,
}


def standing(
    state: State,
    *,
    on: frozenset[FallbackTrigger] = ALL,
    taken: bool = True,
    in_doubt: bool = False,
    on_unknown: OnUnknown = OnUnknown.RECONCILE,
    now: float = BEFORE,
    due: float = 0.0,
) -> Standing:
    """Return how a message stands whose time is over at second 100."""
    return Standing(
        state=state, taken=taken, in_doubt=in_doubt, on=on, due=due, until=UNTIL, on_unknown=on_unknown, now=now
    )


def everything() -> Iterator[Standing]:
    """Walk through every combination."""
    sets = chain.from_iterable(combinations(FallbackTrigger, count) for count in range(len(FallbackTrigger) + 1))
    for state, on, taken, in_doubt, on_unknown, now in product(
        State, [frozenset(one) for one in sets], (True, False), (True, False), OnUnknown, (0.0, BEFORE, AFTER, 1e6)
    ):
        yield standing(state, on=on, taken=taken, in_doubt=in_doubt, on_unknown=on_unknown, now=now)


EVERYTHING = tuple(everything())


@pytest.mark.parametrize(("state", "trigger"), BAD.items())
def test_a_certain_end_starts_it_at_once(state: State, trigger: FallbackTrigger):
    """A bad end whose trigger was named starts the SMS whatever the time; with no other trigger it does so too."""
    taken = state is not State.FAILED

    assert decide(standing(state, taken=taken)) == Start(trigger)
    assert decide(standing(state, taken=taken, on=frozenset({trigger}))) == Start(trigger)


@pytest.mark.parametrize(("state", "trigger"), BAD.items())
def test_nothing_starts_before_the_message_was_due(state: State, trigger: FallbackTrigger):
    """A bad end of a message that its provider kept starts the SMS when it would have been due, to the second."""
    early = standing(state, due=50.0, now=49.9)

    assert decide(early) == Wait(50.0)
    assert decide(msgspec.structs.replace(early, now=50.0)) == Start(trigger)
    assert decide(msgspec.structs.replace(early, on=frozenset())) == Never()


@pytest.mark.parametrize(("state", "trigger"), BAD.items())
def test_an_end_that_was_not_named_waits_for_silence(state: State, trigger: FallbackTrigger):
    """A bad end that is no trigger counts as silence where that is one; else there is never an SMS."""
    taken = state is not State.FAILED

    assert decide(standing(state, taken=taken, on=ALL - {trigger, FAILED})) == Wait(UNTIL)
    assert decide(standing(state, taken=taken, on=ALL - {trigger, FAILED}, now=AFTER)) == Start(SILENT)
    assert decide(standing(state, taken=taken, on=ALL - {trigger, FAILED, SILENT})) == Never()


def test_a_life_that_ended_before_anybody_took_it_is_both():
    """A message that expired in our hands is one that nobody took: either trigger starts the SMS."""
    for trigger in (FAILED, EXPIRED):
        assert decide(standing(State.EXPIRED, taken=False, on=frozenset({trigger}))) == Start(trigger)

    assert decide(standing(State.EXPIRED, taken=True, on=frozenset({FAILED}))) == Never()


def test_silence_counts_from_the_end_of_the_margin():
    """While a message is out, nothing starts before life and margin are over, and without `silent` only news does."""
    assert decide(standing(State.SENT)) == Wait(UNTIL)
    assert decide(standing(State.SENT, now=AFTER)) == Start(SILENT)
    for now in (BEFORE, AFTER):
        assert decide(standing(State.SENT, on=ALL - {SILENT}, now=now)) == Wait(None)


@pytest.mark.parametrize("state", [State.UNKNOWN, State.UNDELIVERED, State.REJECTED, State.EXPIRED, State.SENT])
@pytest.mark.parametrize("on_unknown", OnUnknown)
def test_doubt_needs_the_leave_to_send_twice(state: State, on_unknown: OnUnknown):
    """With a copy in doubt nothing starts at once; later it does only where a duplicate is better than a loss."""
    doubtful = standing(state, in_doubt=True, on_unknown=on_unknown)
    late = msgspec.structs.replace(doubtful, now=AFTER)
    allowed = on_unknown is OnUnknown.NEXT

    assert decide(doubtful) == Wait(UNTIL)
    if allowed:
        assert decide(late) == Start(SILENT)
    else:
        assert decide(late) == (Wait(None) if state is State.SENT else Never())


def test_an_unknown_end_is_waited_on_for_news():
    """What nobody knows may still turn out to have failed; once life and margin are over that helps no more."""
    named = frozenset({UNDELIVERED})

    assert decide(standing(State.UNKNOWN, on=named)) == Wait(UNTIL)
    assert decide(standing(State.UNKNOWN, on=named, now=AFTER)) == Never()
    assert decide(standing(State.UNKNOWN, now=AFTER)) == Start(SILENT)


def starts(step: Step) -> bool:
    """Say whether a step starts the SMS."""
    return isinstance(step, Start)


def test_what_must_never_be_followed():
    """Of all combinations: nothing follows what was delivered, given up or is on its way, and nothing doubtful at once.

    What may have arrived is followed neither before its life and margin are over nor without the leave to send twice.
    """
    settled = {State.DELIVERED, State.CANCELLED, State.RESOLVED}
    under_way = {State.ACCEPTED, State.SCHEDULED, State.SENDING}
    for one in EVERYTHING:
        step = decide(one)
        if one.state in settled:
            assert step == Never()
        elif one.state in under_way:
            assert step == Wait(None)
        early = one.now < UNTIL and (one.in_doubt or one.state not in BAD)
        forbidden = one.in_doubt and one.on_unknown is not OnUnknown.NEXT
        assert not (starts(step) and (early or forbidden)), one


def test_what_starts_it_was_named():
    """Of all combinations: the trigger that is told is one that the caller named, and silence is told only late."""
    for one in EVERYTHING:
        step = decide(one)
        if isinstance(step, Start):
            assert step.trigger in one.on, one
            assert step.trigger is not SILENT or one.now >= UNTIL, one


def test_what_failed_for_certain_is_followed():
    """Of all combinations: a certain bad end that was named starts the SMS, whatever else holds."""
    for one in EVERYTHING:
        if one.state in BAD and not one.in_doubt and BAD[one.state] in one.on:
            assert starts(decide(one)), one


def test_no_wait_is_for_the_past():
    """Of all combinations: a moment that is waited for is still to come, so that no loop spins."""
    for one in EVERYTHING:
        step = decide(one)
        assert not isinstance(step, Wait) or step.until is None or step.until > one.now, one


def test_the_last_look_is_within_the_margin():
    """The provider is asked once more 15 seconds before silence counts, or after half of a short margin."""
    assert last_look(1000.0, 90.0) == 1075.0
    assert last_look(1000.0, 10.0) == 1005.0
