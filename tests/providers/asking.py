"""Drives one line of a provider's table through a call that only asks: for reports, for the balance."""

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.events import Called, CallOutcome, Operation
from pointsman.message import Channel
from pointsman.outcome import Fault, State

from .bench import Bench, Form, Table, script
from .consequences import CONSEQUENCES, Kind, Row

FAULTS: Mapping[Kind, Fault] = {
    **{kind: row.fault for kind, row in CONSEQUENCES.items()},
    Kind.SESSION_EXPIRED: Fault.CREDENTIALS,
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was told of the calls, and what followed from the odd one."""

    calls: tuple[tuple[CallOutcome, Fault | None, str | None], ...]
    """Outcome, fault and code of each call of this kind, up to the first good one."""
    states: tuple[State, ...]
    at_peace: bool
    """Nobody is out of use, and nobody's health suffered."""


async def asked_for_reports(bench: Bench, form: Form, row: Row) -> Asked:
    """Let the first question about accepted messages be answered so."""
    async with bench.router(form.account) as table:
        script(bench.box_of(form.account), row.cause, form.polls, 1)
        receipts = await table.send(*form.messages(), until_final=True)
        calls = table.calls(form.account, Operation.POLL)
        return Asked(
            calls=tuple(_call(one) for one in calls[:2]),
            states=tuple(receipt.state for receipt in receipts),
            at_peace=is_at_peace(table),
        )


def expected_for_reports(form: Form, row: Row) -> Asked:
    """Return what the tables say: the question is asked again, and nobody is the worse for it."""
    final = State.RESOLVED if form.channel is Channel.HLR else State.DELIVERED
    return Asked(calls=expected_calls(row), states=(final,) * form.count, at_peace=True)


def expected_calls(row: Row) -> tuple[tuple[CallOutcome, Fault | None, str | None], ...]:
    """Return how an odd answer and the good one after it are told."""
    good = (CallOutcome.ANSWERED, None, None)
    if row.kind in {Kind.NOT_FOUND, Kind.ACCEPTED}:
        return good, good
    return (CallOutcome.REFUSED, FAULTS[row.kind], row.code), good


def is_at_peace(table: Table) -> bool:
    """Say whether everybody is in use and in good health."""
    return all(one.rests == () and set(one.taken.values()) == {1.0} for one in table.router.providers())


def _call(event: Called) -> tuple[CallOutcome, Fault | None, str | None]:
    return event.outcome, event.fault, event.code
