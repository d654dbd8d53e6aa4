"""In whatever order reports come, how often, how early, and whoever dies in between: the end is the same.

Every sequence of up to five reports of five kinds, each with every number of them before our own commit. A restart is
tried after every single step: it must change nothing, so restarts between any two reports do not matter.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from pointsman.outcome import Accepted, Attempt, DeliveryState, Report, SettledBy, State, Unknown
from pointsman.store.change import Begin, Intent, Note, Own, Recover, Resolve, Settle
from pointsman.store.record import Record, advance, begin
from pointsman.store.stage import Stage, stage_of

from .world import ENVELOPE

MOST = 5
KINDS = {
    "sent": (DeliveryState.SENT, False),
    "unknown": (DeliveryState.UNKNOWN, True),
    "expired": (DeliveryState.EXPIRED, True),
    "undelivered": (DeliveryState.UNDELIVERABLE, True),
    "delivered": (DeliveryState.DELIVERED, True),
}
REPORTS = {
    name: Report(provider_id="x", state=state, final=final, at=datetime(2026, 1, 1, tzinfo=UTC), reference="r1")
    for name, (state, final) in KINDS.items()
}
INTENT = Intent(number=1, provider="p", ref="r1", call_ref="c1", decision_id="", started_at=0.0, owner="a")
IN_FLIGHT = advance(begin(ENVELOPE, "a", 5.0), Begin(INTENT), 0.0)
TAKEN = Accepted(ids=("x",))
SETTLED = Settle(
    Attempt(
        number=1,
        provider="p",
        ref="r1",
        call_ref="c1",
        calls=1,
        outcome=TAKEN,
        started_at=0.0,
        duration=0.1,
        decision_id="",
    ),
    "a",
)
BEST_FIRST = {
    "delivered": State.DELIVERED,
    "expired": State.EXPIRED,
    "undelivered": State.UNDELIVERED,
    "unknown": State.UNKNOWN,
    "sent": State.SENT,
}
"""Of reports with one time, what a set of them says: its first in this order. Two bad ends are told apart by rule."""


def restarted(record: Record) -> Record:
    """Return a record as the next process finds it: through a store, and taken over by somebody else."""
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Record)
    assert stored == record
    return advance(advance(stored, Own("b", 20.0), 10.0), Recover("b"), 10.0)


def noted(record: Record, report: Report) -> Record:
    """Return a record after a report: it settles an attempt in doubt, and is believed if it tells more."""
    if isinstance(record.attempts[0].outcome, Unknown):
        record = advance(record, Resolve(1, TAKEN, SettledBy.REPORT), 2.0)
    return advance(record, Note(1, report), 2.0)


def told_by(early: tuple[str, ...], record: Record) -> Record:
    """Return a settled record after the reports that had come before."""
    for name in early:
        record = noted(record, REPORTS[name])
    return record


def what_counts(record: Record) -> Record:
    """Return a record without that which a restart changes on purpose."""
    return msgspec.structs.replace(record, owner="", lease_until=0.0, updated_at=0.0)


def beginnings(*, recovered: bool) -> Iterator[tuple[tuple[str, ...], Record]]:
    """Yield every sequence of early reports, with the record after the attempt was settled and they were taken in."""
    settled = restarted(IN_FLIGHT) if recovered else advance(IN_FLIGHT, SETTLED, 1.0)
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        early = waiting.pop()
        yield early, told_by(early, settled)
        if len(early) < MOST:
            waiting.extend((*early, name) for name in KINDS)


def expected(names: tuple[str, ...]) -> State:
    """Return what a set of reports says."""
    return next((state for name, state in BEST_FIRST.items() if name in names), State.SENT)


@pytest.mark.parametrize("recovered", [False, True], ids=["answered", "found open after a crash"])
def test_order_repetition_and_restarts_do_not_matter(*, recovered: bool):
    """After any reports in any order, early or not, with a restart anywhere, the state is that of their set."""
    seen = 0
    waiting = list(beginnings(recovered=recovered))
    while waiting:
        names, record = waiting.pop()
        again = restarted(record)
        assert what_counts(again) == what_counts(record), names
        seen += 1
        doubtful = recovered and not names
        assert record.state is (State.SENDING if doubtful else expected(names)), names
        if len(names) < MOST:
            waiting.extend(((*names, name), noted(again, REPORTS[name])) for name in KINDS)
    assert seen == sum((size + 1) * len(KINDS) ** size for size in range(MOST + 1))


@pytest.mark.parametrize("first", KINDS)
def test_a_message_is_over_only_after_a_report_that_ends_the_wait(first: str):
    """What a restart finds is followed until then, and over afterwards."""
    record = noted(advance(IN_FLIGHT, SETTLED, 1.0), REPORTS[first])
    assert stage_of(restarted(record)) is (Stage.FOLLOWED if first == "sent" else Stage.OVER)
