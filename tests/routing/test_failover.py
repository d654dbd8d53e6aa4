"""What an outcome leads to: every row of the table, and the budget that no row exceeds."""

import itertools
from typing import Any

import pytest

from pointsman.message import Channel, MessageClass
from pointsman.outcome import Accepted, DeliveryState, Fault, Outcome, Refused, Report, State, Unknown, UnknownReason
from pointsman.routing.failover import (
    RULES,
    Finish,
    GoOn,
    LookInto,
    OnUnknown,
    Past,
    Repeat,
    Situation,
    Step,
    after_bad_report,
    decide,
    default_on_unknown,
    final_state,
)

TAKEN = Accepted(ids=("1",))
LOST = Unknown(reason=UnknownReason.TIMEOUT)
FAILED, UNKNOWN, EXPIRED = Finish(State.FAILED), Finish(State.UNKNOWN), Finish(State.EXPIRED)


def refused(fault: Fault, **more: Any) -> Refused:
    """Return a refusal."""
    return Refused(fault=fault, **more)


def situation(*outcomes: Outcome, **changes: Any) -> Situation:
    """Return the situation after these outcomes, each at a provider of its own, with plenty of everything left."""
    past = [Past(f"p{place}", outcome) for place, outcome in enumerate(outcomes)]
    values = {
        "past": past,
        "max_attempts": 10,
        "now": 0.0,
        "deadline": 1000.0,
        "another": True,
        "can_reconcile": False,
        "on_unknown": OnUnknown.RECONCILE,
    }
    return Situation(**{**values, **changes})


def same_provider(*outcomes: Outcome, **changes: Any) -> Situation:
    """Return the situation after these outcomes at one provider, with nobody else there."""
    past = [Past("p", outcome) for outcome in outcomes]
    return situation(past=past, **{"another": False, **changes})


NEXT = {
    Fault.RECIPIENT: (GoOn(), FAILED, FAILED),
    Fault.CONTENT: (FAILED, FAILED, FAILED),
    Fault.REQUEST: (GoOn(), FAILED, FAILED),
    Fault.LIMIT: (GoOn(), GoOn(), FAILED),
    Fault.UNSUPPORTED: (GoOn(), GoOn(), FAILED),
    Fault.SENDER: (GoOn(), GoOn(), FAILED),
    Fault.DECLINED: (GoOn(), GoOn(), FAILED),
    Fault.CREDENTIALS: (GoOn(), GoOn(), FAILED),
    Fault.FORBIDDEN: (GoOn(), GoOn(), FAILED),
    Fault.CREDITS: (GoOn(), GoOn(), FAILED),
    Fault.THROTTLED: (Repeat(1.0), Repeat(1.0), Repeat(1.0)),
    Fault.UNAVAILABLE: (GoOn(), GoOn(), Repeat(0.5)),
    Fault.NO_ROUTE: (FAILED, FAILED, FAILED),
}
"""After the first such refusal, after the second (at another provider), and where nobody else is there."""


def test_every_fault_has_a_row() -> None:
    """The table of this test and the table of the code know the same faults."""
    assert set(NEXT) == set(RULES) == set(Fault)


@pytest.mark.parametrize("fault", Fault)
def test_what_a_refusal_leads_to(fault: Fault) -> None:
    """Each fault leads to another provider, to the same one, or to the end, as the table says."""
    first, second, alone = NEXT[fault]

    assert decide(situation(refused(fault))) == first
    assert decide(situation(refused(fault), refused(fault))) == second
    assert decide(situation(refused(fault), another=False)) == alone


def test_a_certainly_bad_number_goes_nowhere() -> None:
    """Where everybody would say the same, nobody else is asked."""
    assert decide(situation(refused(Fault.RECIPIENT, certain=True))) == FAILED


@pytest.mark.parametrize("fault", Fault)
def test_the_budget_holds_for_every_row(fault: Fault) -> None:
    """With the last attempt used or the life over, no fault leads to another attempt."""
    one = refused(fault)

    assert decide(situation(one, max_attempts=1)) == FAILED
    assert decide(situation(one, now=1000.0)) == EXPIRED


def test_too_fast_waits_longer_each_time() -> None:
    """The same provider is asked again after 1, 2, 4 … 32 seconds, six times, and then no more."""
    one = refused(Fault.THROTTLED)
    steps = [decide(same_provider(*[one] * times)) for times in range(1, 8)]

    assert steps == [*map(Repeat, (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)), FAILED]


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        pytest.param({}, Repeat(30.0), id="in time"),
        pytest.param({"deadline": 30.0}, GoOn(), id="the wait would cost its life"),
        pytest.param({"deadline": 30.0, "another": False}, FAILED, id="and nobody else is there"),
        pytest.param({"max_attempts": 2}, GoOn(), id="only one attempt is left"),
        pytest.param({"max_attempts": 2, "another": False}, Repeat(30.0), id="for the only provider"),
    ],
)
def test_too_fast_goes_elsewhere_where_it_must(changes: dict[str, Any], step: Step) -> None:
    """The provider's own wait is kept, unless the message would die of it or waste its last attempt."""
    assert decide(situation(refused(Fault.THROTTLED, retry_after=30.0), **changes)) == step


def test_unavailable_is_repeated_twice() -> None:
    """Where nobody else is there, the same provider is asked again after 0.5 and 2 seconds, then no more."""
    one = refused(Fault.UNAVAILABLE)
    steps = [decide(same_provider(*[one] * times)) for times in range(1, 4)]

    assert steps == [Repeat(0.5), Repeat(2.0), FAILED]
    assert decide(same_provider(one, deadline=0.5)) == FAILED


def test_accepted_is_the_end() -> None:
    """Nothing follows an accepted message, whatever happened before."""
    assert decide(situation(LOST, refused(Fault.CREDITS), TAKEN)) == Finish(State.SENT)


def test_an_unknown_outcome_is_looked_into_first() -> None:
    """Where the provider can be asked it is asked before anything else, once, whatever the budget is."""
    for policy in (OnUnknown.NEXT, OnUnknown.RECONCILE):
        assert decide(situation(LOST, can_reconcile=True, on_unknown=policy, max_attempts=1)) == LookInto()
    assert decide(situation(LOST, can_reconcile=True, on_unknown=OnUnknown.STOP)) == UNKNOWN


@pytest.mark.parametrize(
    ("policy", "another", "step"),
    [
        (OnUnknown.NEXT, True, GoOn()),
        (OnUnknown.NEXT, False, UNKNOWN),
        (OnUnknown.RECONCILE, True, UNKNOWN),
        (OnUnknown.STOP, True, UNKNOWN),
    ],
)
def test_what_stays_unknown_is_decided_by_policy(policy: OnUnknown, another: bool, step: Step) -> None:
    """Only a policy that prefers a duplicate to a loss sends again; the others leave it to the reports."""
    past = [Past("p", LOST, looked_into=True)]

    assert decide(situation(past=past, on_unknown=policy, another=another, can_reconcile=True)) == step
    assert decide(situation(LOST, on_unknown=policy, another=another)) == step


def test_one_copy_in_doubt_is_enough() -> None:
    """A second unknown outcome ends it: at most one copy is sent while another one is in doubt."""
    assert decide(situation(LOST, LOST, on_unknown=OnUnknown.NEXT)) == UNKNOWN
    assert decide(situation(LOST, refused(Fault.CREDITS), on_unknown=OnUnknown.NEXT)) == GoOn()


def test_what_proved_absent_goes_on() -> None:
    """When looking proved that nothing was sent, it is an ordinary refusal."""
    past = [Past("p", refused(Fault.UNAVAILABLE), looked_into=True)]

    assert decide(situation(past=past, can_reconcile=True)) == GoOn()


def test_never_not_sent_while_a_copy_is_in_doubt() -> None:
    """Of all histories of three, one that holds an unknown outcome never ends as failed or expired."""
    outcomes: tuple[Outcome, ...] = (LOST, refused(Fault.CONTENT), refused(Fault.CREDITS))
    for history in itertools.product(outcomes, repeat=3):
        past = [Past("p", outcome) for outcome in history]
        for late in (False, True):
            expected = State.UNKNOWN if LOST in history else State.EXPIRED if late else State.FAILED
            assert final_state(past, late=late) is expected
        step = decide(situation(*history, another=False))
        assert LOST not in history or step == UNKNOWN


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("message_class", MessageClass)
def test_what_a_class_prefers(message_class: MessageClass, channel: Channel) -> None:
    """A one-time password prefers a duplicate to a loss, and a look-up cannot annoy anybody; the others wait."""
    duplicate = message_class is MessageClass.OTP or channel is Channel.HLR

    assert default_on_unknown(message_class, channel) is (OnUnknown.NEXT if duplicate else OnUnknown.RECONCILE)


# -- after a bad report ------------------------------------------------------------------------------------------------

LOSSES = {DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED, DeliveryState.REJECTED}
"""States that say that the message is lost and no copy is on its way; one that was deleted somebody took back."""


def told(state: DeliveryState, fault: Fault | None = None, *, certain: bool = False) -> Report:
    """Return a final report."""
    return Report(provider_id="1", state=state, fault=fault, certain=certain, final=True)


@pytest.mark.parametrize("state", DeliveryState)
@pytest.mark.parametrize("fault", [None, *Fault])
@pytest.mark.parametrize("certain", [False, True])
def test_what_a_bad_report_leads_to(state: DeliveryState, fault: Fault | None, certain: bool) -> None:
    """A lost message is sent again, unless its text is at fault, or its number and everybody would say so."""
    others_may_help = fault is not Fault.CONTENT and not (fault is Fault.RECIPIENT and certain)
    again = after_bad_report(told(state, fault, certain=certain), situation(TAKEN))

    assert again == (state in LOSSES and others_may_help)


@pytest.mark.parametrize("state", sorted(LOSSES))
@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({}, True),
        ({"another": False}, False),
        ({"max_attempts": 1}, False),
        ({"max_attempts": 2}, True),
        ({"now": 999.9}, True),
        ({"now": 1000.0}, False),
    ],
)
def test_a_lost_message_stays_within_its_budget(state: DeliveryState, changes: dict[str, Any], again: bool) -> None:
    """Only while another provider would take it, an attempt is left, and it is still worth something."""
    assert after_bad_report(told(state), situation(TAKEN, **changes)) is again


@pytest.mark.parametrize(
    ("past", "policy", "again"),
    [
        ([refused(Fault.UNAVAILABLE), TAKEN], OnUnknown.RECONCILE, True),
        ([LOST, TAKEN], OnUnknown.NEXT, True),
        ([LOST, TAKEN], OnUnknown.RECONCILE, False),
        ([LOST, TAKEN], OnUnknown.STOP, False),
        ([TAKEN], OnUnknown.STOP, True),
        ([TAKEN, refused(Fault.UNAVAILABLE)], OnUnknown.NEXT, True),
        ([TAKEN, TAKEN], OnUnknown.NEXT, False),
        ([TAKEN, LOST], OnUnknown.RECONCILE, False),
        ([TAKEN, LOST, TAKEN], OnUnknown.NEXT, False),
    ],
)
def test_a_lost_message_is_sent_again_once(past: list[Outcome], policy: OnUnknown, again: bool) -> None:
    """Two providers may take it, not a third; with a copy in doubt only where a duplicate is preferred to a loss."""
    report = told(DeliveryState.UNDELIVERABLE)

    assert after_bad_report(report, situation(*past, on_unknown=policy)) is again


def test_lookups_are_no_deliveries() -> None:
    """A report without a state of delivery sends nothing again."""
    assert not after_bad_report(Report(provider_id="1", final=True), situation(TAKEN))
