"""Whose word counts: processes that share a store, one of which took over what another one had begun."""

import pytest

from pointsman.message import Channel, Msisdn, Network, Sms
from pointsman.outcome import Accepted, Attempt, Fault, Outcome, Refused, State, Unknown, UnknownReason
from pointsman.store.change import Begin, Change, End, Intent, Own, Recover, Settle
from pointsman.store.record import Envelope, Record, advance, begin

TIMEOUT = Unknown(reason=UnknownReason.TIMEOUT)
TAKEN = Accepted(ids=("1",))
NOT_SENT = Refused(fault=Fault.UNAVAILABLE, code="not_sent")
LEASE = 10.0


def message() -> Record:
    """Return a message of process `a`, taken at second 0."""
    envelope = Envelope(
        id="m1",
        message=Sms("79161234567", "hello"),
        channel=Channel.SMS,
        to=Msisdn("79161234567"),
        network=Network(country="RU"),
        segments=None,
        accepted_at=0.0,
        deadline=600.0,
    )
    return begin(envelope, "a", LEASE)


def starts(owner: str, number: int = 1, call_ref: str = "c1") -> Begin:
    """Return the start of an attempt."""
    return Begin(
        Intent(
            number=number,
            provider="p",
            ref=f"m1{number:02d}",
            call_ref=call_ref,
            decision_id="d1",
            started_at=1.0,
            owner=owner,
        )
    )


def ends(owner: str, outcome: Outcome, number: int = 1, call_ref: str = "c1") -> Settle:
    """Return the end of an attempt that took half a second by its own account."""
    return Settle(
        Attempt(
            number=number,
            provider="p",
            ref=f"m1{number:02d}",
            call_ref=call_ref,
            calls=1,
            outcome=outcome,
            started_at=1.0,
            duration=0.5,
            decision_id="d1",
        ),
        owner,
    )


def after(record: Record, *changes: tuple[float, Change]) -> Record:
    """Return the record after changes at these moments."""
    for now, change in changes:
        record = advance(record, change, now)
    return record


TAKEN_OVER = (20.0, Own("b", 30.0)), (20.0, Recover("b"))
IN_FLIGHT = after(message(), (1.0, starts("a")))
RECOVERED = after(IN_FLIGHT, *TAKEN_OVER)


def test_an_attempt_of_anybody_else_does_not_start():
    """What a former owner is about to send changes nothing, so he knows that he must not."""
    record = after(message(), *TAKEN_OVER)
    assert advance(record, starts("a"), 21.0) is record


def test_a_recovered_attempt_does_not_start_again():
    """Its copy may be out: not even its first owner, to whom the message came back, may send it once more."""
    back = after(RECOVERED, (40.0, Own("a", 50.0)))
    assert advance(back, starts("a"), 41.0) is back


def test_an_attempt_does_not_start_while_another_one_is_in_flight():
    """One at a time; the one that is in flight may start anew with its next request."""
    assert advance(IN_FLIGHT, starts("a", 2), 2.0) is IN_FLIGHT
    again = advance(IN_FLIGHT, starts("a", call_ref="c2"), 2.0)
    assert again.intent is not None
    assert again.intent.call_ref == "c2"


def test_an_attempt_does_not_begin_when_a_copy_turned_out_to_be_taken():
    """The answer to the first one came while the new owner was about to begin the second."""
    taken = advance(RECOVERED, ends("a", TAKEN), 21.0)
    assert advance(taken, starts("b", 2), 22.0) is taken


def test_a_refusal_of_what_never_started_does_not_end_the_attempt_of_the_new_owner():
    """The former owner's login is refused while the new owner's attempt of the same number is in flight."""
    theirs = after(message(), *TAKEN_OVER, (21.0, starts("b", call_ref="c2")))
    assert advance(theirs, ends("a", NOT_SENT), 22.0) is theirs
    unknown = after(theirs, (22.0, ends("b", TIMEOUT, call_ref="c2")))
    assert advance(unknown, ends("a", NOT_SENT), 23.0) is unknown


def test_an_acceptance_clears_up_a_recovered_attempt():
    """Whoever started it is the one who knows, whosever the message is by now."""
    record = advance(RECOVERED, ends("a", TAKEN), 21.0)
    assert record.attempts[0].outcome == TAKEN
    assert record.state is State.SENT


def test_a_refusal_does_not_clear_up_a_recovered_attempt():
    """The new owner may have repeated the request to find out, and the repeat may have got through."""
    assert advance(RECOVERED, ends("a", NOT_SENT), 21.0) is RECOVERED


def test_the_end_of_attempts_is_told_by_the_owner_only():
    """A former owner has nothing to give up."""
    theirs = after(message(), *TAKEN_OVER, (21.0, starts("b")))
    assert advance(theirs, End(State.FAILED, owner="a"), 22.0) is theirs


@pytest.mark.parametrize("said", [State.FAILED, State.EXPIRED, State.CANCELLED])
def test_nobody_says_not_sent_while_an_attempt_is_in_flight_or_in_doubt(said: State):
    """The attempt in flight becomes one in doubt, and the message unknown; a report may still tell."""
    ended = advance(IN_FLIGHT, End(said, owner="a"), 5.0)
    assert ended.state is State.UNKNOWN
    assert ended.intent is None
    assert isinstance(ended.attempts[0].outcome, Unknown)
    assert advance(RECOVERED, End(said, owner="b"), 21.0).state is State.UNKNOWN
    assert advance(message(), End(said, owner="a"), 5.0).state is said


def test_an_attempt_in_doubt_lasted_until_it_was_written_down():
    """Its last request may have left at any time before, so the provider's time counts from then."""
    (attempt,) = advance(IN_FLIGHT, ends("a", TIMEOUT), 45.0).attempts
    assert attempt.started_at + attempt.duration == 45.0
    (attempt,) = advance(IN_FLIGHT, ends("a", TAKEN), 45.0).attempts
    assert attempt.duration == 0.5


def test_a_late_time_out_prolongs_a_recovered_attempt():
    """Its last request may have left after it was recovered."""
    (attempt,) = RECOVERED.attempts
    assert attempt.started_at + attempt.duration == 20.0
    (attempt,) = advance(RECOVERED, ends("a", TIMEOUT), 25.0).attempts
    assert attempt.started_at + attempt.duration == 25.0
