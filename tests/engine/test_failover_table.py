"""The table of outcomes, written down a second time, against `decide` for every situation that it knows."""

from itertools import product
from typing import NamedTuple

import pytest

from pointsman.message import Channel, MessageClass
from pointsman.outcome import Accepted, Fault, Outcome, Refused, State, Unknown, UnknownReason
from pointsman.routing.failover import (
    RULES,
    Blame,
    Finish,
    GoOn,
    LookInto,
    OnUnknown,
    Past,
    Repeat,
    Situation,
    Step,
    decide,
    default_on_unknown,
    final_state,
)


class Row(NamedTuple):
    """What the documentation says of a fault: in plain words, not in the words of the code."""

    next: str
    """`no`, `once`, `once unless certain`, `yes` or `if needed`."""
    waits: tuple[float, ...]
    """Seconds before the same provider is asked again, for the first time, the second …"""
    hurts_health: bool
    alert: bool


TABLE = {
    Fault.RECIPIENT: Row("once unless certain", (), hurts_health=False, alert=False),
    Fault.CONTENT: Row("no", (), hurts_health=False, alert=False),
    Fault.REQUEST: Row("once", (), hurts_health=False, alert=True),
    Fault.LIMIT: Row("yes", (), hurts_health=False, alert=False),
    Fault.UNSUPPORTED: Row("yes", (), hurts_health=False, alert=False),
    Fault.SENDER: Row("yes", (), hurts_health=False, alert=True),
    Fault.DECLINED: Row("yes", (), hurts_health=False, alert=False),
    Fault.CREDENTIALS: Row("yes", (), hurts_health=False, alert=True),
    Fault.FORBIDDEN: Row("yes", (), hurts_health=False, alert=True),
    Fault.CREDITS: Row("yes", (), hurts_health=False, alert=True),
    Fault.THROTTLED: Row("if needed", (1, 2, 4, 8, 16, 32), hurts_health=False, alert=False),
    Fault.UNAVAILABLE: Row("yes", (0.5, 2.0), hurts_health=True, alert=False),
    Fault.NO_ROUTE: Row("no", (), hurts_health=False, alert=False),
}
NOW = 1_000.0
UNKNOWN = Unknown(reason=UnknownReason.TIMEOUT)


def situation(
    *past: Past,
    another: bool = True,
    late: bool = False,
    attempts_left: int = 5,
    life: float = 3600.0,
    can_reconcile: bool = False,
    on_unknown: OnUnknown = OnUnknown.RECONCILE,
) -> Situation:
    """Return a situation; `attempts_left` and `life` (seconds) say what the budget still allows."""
    return Situation(
        past=past,
        max_attempts=len(past) + attempts_left,
        now=NOW,
        deadline=NOW if late else NOW + life,
        another=another,
        can_reconcile=can_reconcile,
        on_unknown=on_unknown,
    )


def expected(fault: Fault, *, certain: bool, before: int, another: bool, late: bool, attempts_left: int) -> Step:
    """Return what the table says; `before` is how often this fault came before, each time from the same provider."""
    row = TABLE[fault]
    stop = Finish(State.EXPIRED if late else State.FAILED)
    if late or attempts_left == 0:
        return stop
    may_go_on = (
        another
        and {
            "no": False,
            "once": before == 0,
            "once unless certain": before == 0 and not certain,
            "yes": True,
            "if needed": attempts_left == 1 or before >= len(row.waits),
        }[row.next]
    )
    if may_go_on:
        return GoOn()
    return Repeat(row.waits[before]) if before < len(row.waits) else stop


def test_every_fault_has_a_row() -> None:
    """No fault is without a rule, in the code and in this table."""
    assert set(Fault) == set(RULES) == set(TABLE)


@pytest.mark.parametrize("fault", Fault)
def test_every_refusal_leads_where_the_table_says(fault: Fault) -> None:
    """Every fault, certain or not, first or repeated, with and without another provider, life and attempts left."""
    cases = product((False, True), range(8), (False, True), (False, True), (0, 1, 2, 5))
    for certain, before, another, late, attempts_left in cases:
        refused = Refused(fault=fault, certain=certain)
        now = situation(*[Past("a", refused)] * (before + 1), another=another, late=late, attempts_left=attempts_left)

        case = {
            "certain": certain,
            "before": before,
            "another": another,
            "late": late,
            "attempts_left": attempts_left,
        }
        assert expected(fault, **case) == decide(now), case


@pytest.mark.parametrize("fault", Fault)
def test_blame_and_alert_are_as_the_table_says(fault: Fault) -> None:
    """Only `unavailable` speaks against a provider's health, and exactly the marked rows call somebody."""
    rule = RULES[fault]

    assert (TABLE[fault].hurts_health, TABLE[fault].alert) == (rule.blame is Blame.CELL, rule.alert)


@pytest.mark.parametrize("fault", Fault)
def test_a_copy_in_doubt_is_never_called_unsent(fault: Fault) -> None:
    """Where an earlier attempt stayed unknown, no refusal makes the message `failed` or `expired`."""
    for certain, another, late, attempts_left in product((False, True), (False, True), (False, True), (0, 1, 5)):
        past = (Past("a", UNKNOWN, looked_into=True), Past("b", Refused(fault=fault, certain=certain)))
        step = decide(situation(*past, another=another, late=late, attempts_left=attempts_left))

        assert not isinstance(step, Finish) or step == Finish(State.UNKNOWN)


@pytest.mark.parametrize("fault", [Fault.RECIPIENT, Fault.REQUEST])
def test_once_is_counted_over_all_providers(fault: Fault) -> None:
    """A second provider that says the same of a message ends it, whatever was refused in between."""
    refused = Refused(fault=fault)
    past = (Past("a", refused), Past("b", Refused(fault=Fault.LIMIT)), Past("c", refused))

    assert Finish(State.FAILED) == decide(situation(*past))


@pytest.mark.parametrize(("fault", "waits"), [(fault, row.waits) for fault, row in TABLE.items() if row.waits])
def test_repeats_are_counted_for_each_provider(fault: Fault, waits: tuple[float, ...]) -> None:
    """What another provider said does not use up the repeats of this one."""
    refused = Refused(fault=fault)
    past = (*[Past("a", refused)] * len(waits), Past("b", refused))

    assert Repeat(waits[0]) == decide(situation(*past, another=False))


@pytest.mark.parametrize("another", [False, True])
@pytest.mark.parametrize(("asked", "life"), [(5.0, 5.0), (5.0, 5.1), (0.0, 0.1), (None, 1.0), (None, 1.1)])
def test_a_wait_must_end_within_the_life(asked: float | None, life: float, another: bool) -> None:
    """The provider's own `retry_after` is kept, unless the message would be dead by then: another takes it, or none."""
    wait = 1.0 if asked is None else asked
    step = decide(situation(Past("a", Refused(fault=Fault.THROTTLED, retry_after=asked)), another=another, life=life))

    too_late = GoOn() if another else Finish(State.FAILED)
    assert (Repeat(wait) if wait < life else too_late) == step


@pytest.mark.parametrize("on_unknown", OnUnknown)
@pytest.mark.parametrize("can_reconcile", [False, True])
def test_unknown_leads_where_the_table_says(on_unknown: OnUnknown, can_reconcile: bool) -> None:
    """Look first where that is possible; go on only where the policy prefers a duplicate, once, within the budget."""
    for looked_into, doubts, another, late, attempts_left in product(
        (False, True), (1, 2, 3), (False, True), (False, True), (0, 1, 5)
    ):
        past = [Past("a", UNKNOWN, looked_into=True)] * (doubts - 1) + [Past("b", UNKNOWN, looked_into)]
        step = decide(
            situation(
                *past,
                another=another,
                late=late,
                attempts_left=attempts_left,
                can_reconcile=can_reconcile,
                on_unknown=on_unknown,
            )
        )

        if on_unknown is not OnUnknown.STOP and can_reconcile and not looked_into:
            assert LookInto() == step
        elif on_unknown is OnUnknown.NEXT and doubts == 1 and another and not late and attempts_left:
            assert GoOn() == step
        else:
            assert Finish(State.UNKNOWN) == step


def test_accepted_ends_it_whatever_came_before() -> None:
    """An accepted attempt is the last one, even when life and attempts are left and others would take it."""
    outcomes: list[Outcome] = [UNKNOWN, *[Refused(fault=fault) for fault in Fault]]

    for before in outcomes:
        past = (Past("a", before), Past("b", Accepted(ids=("1",))))
        assert Finish(State.SENT) == decide(situation(*past))


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("message_class", MessageClass)
def test_the_class_decides_about_unknown(channel: Channel, message_class: MessageClass) -> None:
    """Codes and lookups rather come twice than never; everything else waits for proof."""
    twice = message_class is MessageClass.OTP or channel is Channel.HLR

    assert (OnUnknown.NEXT if twice else OnUnknown.RECONCILE) == default_on_unknown(message_class, channel)


@pytest.mark.parametrize("late", [False, True])
def test_the_last_word_is_unknown_while_a_copy_is_in_doubt(late: bool) -> None:
    """Without a doubt it is `failed` or `expired`, with one it is `unknown`, wherever the doubt stands."""
    refused = Past("a", Refused(fault=Fault.LIMIT))
    doubt = Past("b", UNKNOWN)

    assert (State.EXPIRED if late else State.FAILED) == final_state([refused], late=late)
    assert final_state([refused, doubt], late=late) == State.UNKNOWN
    assert final_state([doubt, refused], late=late) == State.UNKNOWN
