"""What is next for a message that is found after its process died."""

from typing import Any

import pytest

from pointsman.outcome import Accepted, Attempt, Fault, Outcome, Refused, State, Unknown, UnknownReason
from pointsman.routing.failover import Finish, GoOn, LookInto, OnUnknown, Repeat, Situation
from pointsman.routing.resuming import Follow, Found, next_step, past_of

TAKEN = Accepted(ids=("1",))
LOST = Unknown(reason=UnknownReason.CANCELLED)
BUSY = Refused(fault=Fault.THROTTLED, retry_after=3.0)
OFF = Refused(fault=Fault.UNAVAILABLE)


def attempts(*outcomes: Outcome) -> tuple[Attempt, ...]:
    """Return attempts with these outcomes, each at a provider of its own."""
    return tuple(
        Attempt(
            number=place,
            provider=f"p{place}",
            ref=f"r{place}",
            calls=1,
            outcome=outcome,
            started_at=0.0,
            duration=0.0,
            decision_id="d",
        )
        for place, outcome in enumerate(outcomes, start=1)
    )


def step(*outcomes: Outcome, found: dict[str, Any] | None = None, **changes: Any) -> object:
    """Return the next step after these outcomes, with plenty of everything left."""
    made = attempts(*outcomes)
    values = {
        "past": past_of(made),
        "max_attempts": 10,
        "now": 0.0,
        "deadline": 1000.0,
        "another": True,
        "can_reconcile": True,
        "on_unknown": OnUnknown.RECONCILE,
    }
    return next_step(Found(attempts=made, **(found or {})), Situation(**{**values, **changes}))


def test_a_message_without_attempts_is_attempted():
    """It is where it was: at the beginning."""
    assert step() == GoOn()


def test_an_attempt_that_was_in_flight_is_looked_into_first():
    """Nothing goes on while it may be found out what became of it, whatever the policy prefers."""
    for policy in (OnUnknown.RECONCILE, OnUnknown.NEXT):
        assert step(OFF, LOST, on_unknown=policy) == LookInto()


def test_what_cannot_be_looked_into_is_left_to_the_policy():
    """A provider that cannot be asked leaves it unknown, unless a duplicate is preferred."""
    assert step(LOST, can_reconcile=False) == Finish(State.UNKNOWN)
    assert step(LOST, can_reconcile=False, on_unknown=OnUnknown.NEXT) == GoOn()
    assert step(LOST, on_unknown=OnUnknown.STOP) == Finish(State.UNKNOWN)


def test_after_a_refusal_it_goes_on_as_it_would_have():
    """The table of outcomes says what is next; a wait is waited again."""
    assert step(OFF) == GoOn()
    assert step(BUSY) == Repeat(3.0)
    assert step(OFF, now=1000.0) == Finish(State.EXPIRED)


def test_an_earlier_attempt_in_doubt_is_not_looked_into_again():
    """The message went on after it, so it had been looked into; it still forbids a "not sent"."""
    assert step(LOST, OFF, another=False, now=1000.0) == Finish(State.UNKNOWN)
    assert [past.looked_into for past in past_of(attempts(LOST, OFF, LOST))] == [True, True, False]


def test_what_was_taken_or_is_over_is_followed():
    """Nobody sends it any more."""
    assert step(TAKEN) == Follow()
    assert step(LOST, TAKEN) == Follow()
    assert step(TAKEN, LOST) == Follow()
    assert step(LOST, found={"ended": True}) == Follow()


def test_a_lost_message_is_sent_by_somebody_else():
    """It was written down that another provider is going to send it, and none had begun."""
    assert step(TAKEN, found={"resuming": True}) == GoOn()


@pytest.mark.parametrize("why", ["resuming", "unanswered"])
def test_a_second_try_that_had_begun_is_looked_into(why: str):
    """What was in flight when the process died may have got through: there is no third copy."""
    assert step(TAKEN, LOST, found={why: True}) == LookInto()
    assert step(TAKEN, LOST, found={why: True}, can_reconcile=False) == Finish(State.UNKNOWN)
    assert step(TAKEN, OFF, found={why: True}) == GoOn()


def test_a_lookup_that_nobody_could_answer_is_asked_of_one_other():
    """Within its life, its attempts, and once."""
    unanswered = {"unanswered": True}
    assert step(TAKEN, found=unanswered) == GoOn()
    assert step(TAKEN, TAKEN, found=unanswered) == Finish(State.FAILED)
    assert step(TAKEN, found=unanswered, now=1000.0) == Finish(State.FAILED)
    assert step(TAKEN, found=unanswered, max_attempts=1) == Finish(State.FAILED)
