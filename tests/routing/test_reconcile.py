"""When providers are asked about unknown outcomes, and what counts as proof."""

import pytest

from pointsman.outcome import Accepted, Attempt, Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import Absent, Reconciling
from pointsman.routing.reconcile import (
    GIVE_UP,
    LATE_LONGEST_PAUSE,
    NEVER_SENT,
    Finding,
    Inquiry,
    Proved,
    at_once,
    later,
    learn,
    may_ask,
    next_look,
    waited,
)

ASKED = Reconciling(repeats=False, settle=10.0)
REPEATED = Reconciling(repeats=True, settle=10.0)
TAKEN = Accepted(ids=("1",))
SILENCE = Unknown(reason=UnknownReason.TIMEOUT)
TURNED_DOWN = Refused(fault=Fault.CREDENTIALS)


def attempt(started_at: float = 0.0, duration: float = 0.0) -> Attempt:
    """Return an attempt in doubt."""
    return Attempt(
        number=1,
        provider="a",
        ref="r",
        calls=1,
        outcome=SILENCE,
        started_at=started_at,
        duration=duration,
        decision_id="d",
    )


def looks(inquiry: Inquiry, now: float = 0.0) -> list[float]:
    """Return when looks are made if no answer takes time or proves anything."""
    times = []
    while (pause := next_look(inquiry, now)) is not None:
        now += pause
        inquiry = waited(inquiry, pause)
        times.append(now)
    return times


def learnt(rule: Reconciling, *findings: tuple[float, Finding]) -> Inquiry | Proved:
    """Return what findings at these moments add up to, after a request that left at 0."""
    inquiry: Inquiry | Proved = at_once(rule, 0.0, 60.0)
    for asked_at, finding in findings:
        assert isinstance(inquiry, Inquiry)
        inquiry = learn(inquiry, finding, asked_at)
    return inquiry


def test_looks_become_rarer_and_one_is_made_when_absence_begins_to_count():
    """Pauses double up to eight seconds within the patience; the moment of 10 s is among them."""
    assert looks(at_once(ASKED, 0.0, 30.0)) == [0.5, 1.5, 3.5, 7.5, 10.0, 18.0, 26.0, 30.0]


def test_repeats_have_no_such_moment():
    """Where absence proves nothing there is no reason to look at a certain moment."""
    assert looks(at_once(REPEATED, 0.0, 30.0)) == [0.5, 1.5, 3.5, 7.5, 15.5, 23.5, 30.0]


def test_without_patience_there_is_no_look():
    """Under the policy "stop" nobody is asked."""
    assert looks(at_once(ASKED, 0.0, 0.0)) == []


def test_late_looks_go_on_for_two_days_from_the_start_of_the_attempt():
    """They begin after a minute and become hourly."""
    inquiry = later(ASKED, attempt(started_at=100.0), 200.0)
    assert inquiry is not None
    times = looks(inquiry, 200.0)
    assert times[:4] == [260.0, 380.0, 620.0, 1100.0]
    assert times[-1] == 100.0 + GIVE_UP
    assert times[-2] - times[-3] == LATE_LONGEST_PAUSE


def test_a_late_repeat_is_never_made():
    """It would be a new order."""
    assert later(REPEATED, attempt(), 0.0) is None


@pytest.mark.parametrize(
    ("rule", "late", "may"), [(ASKED, True, True), (REPEATED, True, False), (REPEATED, False, True)]
)
def test_a_repeat_is_not_made_after_the_life_of_the_message(rule: Reconciling, *, late: bool, may: bool):
    """It might be the first that gets through; a question does no harm."""
    assert may_ask(at_once(rule, 0.0, 60.0), late=late) is may


@pytest.mark.parametrize("rule", [ASKED, REPEATED])
def test_an_acceptance_proves_it(rule: Reconciling):
    """Whoever is found was taken, at any time."""
    assert learnt(rule, (0.0, TAKEN)) == Proved(TAKEN)


def test_absence_is_believed_the_second_time_once_it_counts():
    """Before the provider had its time "not there" says nothing, however often it is said."""
    early = learnt(ASKED, (1.0, Absent()), (5.0, Absent()), (9.9, Absent()))
    assert isinstance(early, Inquiry)
    assert early.absences == 0
    once = learn(early, Absent(), 10.0)
    assert isinstance(once, Inquiry)
    assert learn(once, Absent(), 11.0) == Proved(NEVER_SENT)


@pytest.mark.parametrize("between", [SILENCE, TURNED_DOWN])
def test_absence_must_be_said_twice_in_a_row(between: Finding):
    """What comes between two absences makes the first one doubtful."""
    once = learnt(ASKED, (10.0, Absent()), (11.0, between), (12.0, Absent()))
    assert isinstance(once, Inquiry)
    assert once.absences == 1


@pytest.mark.parametrize("said", [Absent(), SILENCE, TURNED_DOWN, NEVER_SENT])
def test_what_is_said_of_a_repeat_proves_nothing_about_the_first_request(said: Finding):
    """However late and however often a repeat is refused, the first request may have got through."""
    assert isinstance(learnt(REPEATED, *((20.0 + n, said) for n in range(5))), Inquiry)


def test_absence_counts_from_the_end_of_the_attempt():
    """The last request may have left at its very end, long after its start."""
    inquiry = later(ASKED, attempt(started_at=100.0, duration=50.0), 200.0)
    assert inquiry is not None
    assert inquiry.counts_from == 160.0
