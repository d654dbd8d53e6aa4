"""Drives one line of a provider's table through its sandbox, and tells what the router made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from pointsman.message import Channel
from pointsman.outcome import Fault, Outcome, Receipt, Refused, State, Unknown, outcome_label
from pointsman.routing.breaker import BreakerState

from .bench import SENDER, Bench, Form, Table, path, script
from .consequences import CONSEQUENCES, Consequence, Kind, Out, Row


@dataclass(frozen=True, kw_only=True)
class Said:
    """What became of one attempt."""

    label: str
    fault: Fault | None
    code: str | None
    certain: bool


@dataclass(frozen=True, kw_only=True)
class Story:
    """What became of messages and of the provider that was asked first."""

    paths: tuple[tuple[str, ...], ...]
    """The providers of each message's attempts."""
    states: tuple[State, ...]
    said: frozenset[Said]
    """What the attempts at the first provider came to, but for those that were accepted."""
    requests: int
    """Submits that its sandbox saw."""
    waits: tuple[float, ...]
    """Seconds between the attempts of the first message."""
    out: tuple[tuple[str, Out], ...]
    """What of the first provider is out of use, and the subject of it."""
    counted: bool
    """It spoke against the first provider's health."""
    breakers: frozenset[BreakerState]
    others_untouched: bool
    """Nothing happened to anybody else, nor to the first provider's other channels."""


async def with_another(bench: Bench, form: Form, row: Row, *, logging_in: bool = False) -> Story:
    """Let the first provider answer so, with a second one at hand. "Too fast" is said once only, as it passes."""
    times = 1 if row.kind is Kind.THROTTLED else None
    return await _told(bench, form, row, (form.account, form.other), times=times, logging_in=logging_in)


async def alone(bench: Bench, form: Form, row: Row) -> Story:
    """Let the only provider answer so for ever."""
    return await _told(bench, form, row, (form.account,), times=None, max_attempts=10)


def expected_with_another(form: Form, row: Row, *, logging_in: bool = False) -> Story:
    """Return what the tables say about that."""
    row_says = CONSEQUENCES[row.kind]
    first, second = form.account, form.other
    patient = row.kind is Kind.THROTTLED
    way = (first, first) if patient else (first, second) if row_says.elsewhere else (first,)
    taken = State.RESOLVED if form.channel is Channel.HLR else State.SENT
    wait = (row.cause_wait or row_says.waits[0],) if patient else (0.0,) * (len(way) - 1)
    return _expected(
        form,
        row,
        way=way,
        state=taken if len(way) > 1 else State.FAILED,
        requests=int(patient) if logging_in else per_attempt(form, row) + int(patient),
        waits=wait,
    )


def expected_alone(form: Form, row: Row) -> Story:
    """Return what the tables say about that."""
    row_says = CONSEQUENCES[row.kind]
    repeats = row_says.repeats
    return _expected(
        form,
        row,
        way=(form.account,) * (1 + repeats),
        state=State.FAILED,
        requests=per_attempt(form, row) * (1 + repeats),
        waits=(row.cause_wait,) * repeats if row.cause_wait is not None else row_says.waits[:repeats],
    )


def per_attempt(form: Form, row: Row) -> int:
    """Return how many requests one attempt takes when all are answered so: a batch may be divided down to its ends."""
    if form.count > 1 and (row.divides or row.kind is Kind.LIMIT):
        return 2 * form.count - 1
    return row.requests


def subject_of(out: Out, form: Form) -> str:
    """Return what exactly is out of use."""
    return {"provider": form.account, "sender": SENDER}.get(out.scope, form.channel.value)


def said(outcome: Outcome) -> Said:
    """Return an outcome without the words that came with it."""
    refused = outcome if isinstance(outcome, Refused) else None
    return Said(
        label=outcome_label(outcome),
        fault=refused.fault if refused else None,
        code=outcome.code if isinstance(outcome, Refused | Unknown) else None,
        certain=refused.certain if refused else False,
    )


async def _told(
    bench: Bench,
    form: Form,
    row: Row,
    accounts: tuple[str, ...],
    *,
    times: int | None,
    max_attempts: int = 4,
    logging_in: bool = False,
) -> Story:
    box = bench.box_of(form.account)
    if logging_in:
        script(box, row.cause, "User/SessionId", None)
    async with bench.router(*accounts, max_attempts=max_attempts) as table:
        if not logging_in:
            script(box, row.cause, form.submits, times)
        if row.kind is Kind.NO_CREDITS:
            box.account.balance = Decimal(0)
        receipts = await table.send(*form.messages())
        return tell(table, form, receipts)


def tell(table: Table, form: Form, receipts: Sequence[Receipt]) -> Story:
    """Return what happened, as the router shows it and as the sandbox saw it."""
    box = table.bench.box_of(form.account)
    status = table.status(form.account)
    started = [attempt.started_at for attempt in receipts[0].attempts]
    others = [one for one in table.router.providers() if one.name != form.account]
    here = [one for receipt in receipts for one in receipt.attempts if one.provider == form.account]
    return Story(
        paths=tuple(path(receipt) for receipt in receipts),
        states=tuple(receipt.state for receipt in receipts),
        said=frozenset(said(one.outcome) for one in here if outcome_label(one.outcome) != "accepted"),
        requests=form.submitted(box),
        waits=tuple(round(later - earlier, 3) for earlier, later in pairwise(started)),
        out=tuple(
            (
                event.subject,
                Out(
                    scope=rest.scope,
                    lasts=rest.until - event.at,
                    probe=rest.probe_at - event.at,
                    alert=event.alert,
                ),
            )
            for rest, event in zip(status.rests, table.rested(form.account), strict=True)
        ),
        counted=status.taken[form.channel] < 1,
        breakers=frozenset(status.breakers.values()),
        others_untouched=all(
            one.rests == () and one.quarantined is None and set(one.taken.values()) == {1.0} for one in others
        )
        and all(taken == 1.0 for channel, taken in status.taken.items() if channel is not form.channel),
    )


def _expected(
    form: Form, row: Row, *, way: tuple[str, ...], state: State, requests: int, waits: tuple[float, ...]
) -> Story:
    row_says: Consequence = CONSEQUENCES[row.kind]
    return Story(
        paths=(way,) * form.count,
        states=(state,) * form.count,
        said=frozenset({Said(label="refused", fault=row_says.fault, code=row.code, certain=row_says.certain)}),
        requests=requests,
        waits=waits,
        out=((subject_of(row_says.out, form), row_says.out),) if row_says.out is not None else (),
        counted=row_says.counts,
        breakers=frozenset({BreakerState.CLOSED}),
        others_untouched=True,
    )
