"""How long a delivery that is charged may still come: until a part arrives, or nothing is to be learnt about any."""

import pytest

from pointsman.engine.debts import is_due
from pointsman.message import Channel, Envelope, HlrLookup, Money, Msisdn, Network
from pointsman.outcome import Accepted, Attempt, DeliveryState, Outcome, Report, Unknown, UnknownReason
from pointsman.store import Record
from pointsman.store.change import Note, Settle
from pointsman.store.record import UNMAPPED, advance, begin

DUE = Money(2, "EUR")  # type: ignore[arg-type]
DELIVERED, LOST, SENT = DeliveryState.DELIVERED, DeliveryState.UNDELIVERABLE, DeliveryState.SENT


def record_of(outcome: Outcome, due: Money | None, reports: tuple[tuple[str, DeliveryState], ...]) -> Record:
    """Return what is known of a message with one attempt and these reports."""
    envelope = Envelope(
        id="m",
        message=HlrLookup(to="79161234567"),
        channel=Channel.SMS,
        to=Msisdn("79161234567"),
        network=Network(),
        segments=None,
        accepted_at=0.0,
        deadline=60.0,
    )
    attempt = Attempt(
        number=1,
        provider="a",
        ref="m01",
        call_ref="c",
        calls=1,
        outcome=outcome,
        started_at=0.0,
        duration=0.1,
        price=None,
        on_delivery=due,
        decision_id="d",
    )
    record = advance(begin(envelope), Settle(attempt), 1.0)
    for provider_id, state in reports:
        record = advance(record, Note(1, Report(provider_id=provider_id, state=state, final=state is not SENT)), 2.0)
    return record


TWO = Accepted(ids=("x", "y"))
NAMELESS = Accepted(ids=())


@pytest.mark.parametrize(
    ("outcome", "reports", "due"),
    [
        pytest.param(TWO, (), True, id="nothing yet"),
        pytest.param(TWO, (("x", SENT), ("y", SENT)), True, id="all on their way"),
        pytest.param(TWO, (("x", LOST),), True, id="one is lost, one may arrive"),
        pytest.param(TWO, (("x", LOST), ("y", LOST)), False, id="all are lost"),
        pytest.param(TWO, (("x", DELIVERED),), False, id="one arrived, which was charged"),
        pytest.param(NAMELESS, (), True, id="without an id"),
        pytest.param(NAMELESS, ((UNMAPPED, DeliveryState.UNKNOWN),), False, id="without an id, given up"),
        pytest.param(Unknown(reason=UnknownReason.TIMEOUT), (), False, id="nobody knows whether it was taken"),
    ],
)
def test_when_money_is_owed(outcome: Outcome, reports: tuple[tuple[str, DeliveryState], ...], due: bool) -> None:
    """Money is owed from acceptance on until the first part arrives or the last one ends."""
    record = record_of(outcome, DUE, reports)

    assert is_due(record, record.attempts[0]) is due


def test_what_is_not_charged_on_delivery_is_not_owed() -> None:
    """Without a price on delivery nothing is kept back."""
    record = record_of(TWO, None, ())

    assert is_due(record, record.attempts[0]) is False
