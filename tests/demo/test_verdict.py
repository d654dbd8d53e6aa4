"""What counts as a deviation, without running anything."""

from decimal import Decimal

import msgspec
import pytest

from pointsman.demo.cases import Case
from pointsman.demo.stage import Copy
from pointsman.demo.verdict import (
    Books,
    by_number,
    check_balance,
    check_breakers,
    check_calls,
    check_messages,
    check_money,
)
from pointsman.errors import InvalidMessage
from pointsman.events import BreakerMoved
from pointsman.message import Channel, MessageClass, Msisdn, Network, Sms
from pointsman.outcome import Accepted, Attempt, Outcome, Receipt, State, Unknown, UnknownReason

NUMBER = Msisdn("79165550101")
CASE = Case(
    name="calm/1",
    step="calm",
    message=Sms(to=NUMBER, text="Hello"),
    to=NUMBER,
    fate=None,
    expect=frozenset({State.DELIVERED}),
    copies=frozenset({1}),
    via=None,
)
COPY = Copy(provider="devino", channel=Channel.SMS, to=NUMBER, fate="delivered", price=Decimal("3.10"))
TAKEN = Accepted(ids=("1",))
IN_DOUBT = Unknown(reason=UnknownReason.TIMEOUT)


def receipt(state: State, *outcomes: Outcome) -> Receipt:
    """Return a receipt with attempts at Devino that had these outcomes."""
    attempts = tuple(
        Attempt(
            number=number,
            provider="devino",
            ref=f"r{number}",
            calls=1,
            outcome=outcome,
            started_at=0.0,
            duration=0.1,
            decision_id="d",
        )
        for number, outcome in enumerate(outcomes, 1)
    )
    return Receipt(
        id="m",
        channel=Channel.SMS,
        message_class=MessageClass.TRANSACTIONAL,
        to=NUMBER,
        network=Network(country="RU"),
        segments=None,
        state=state,
        attempts=attempts,
        accepted_at=0.0,
        updated_at=0.0,
    )


def case(**changes: object) -> Case:
    """Return a case that differs from the usual one."""
    return msgspec.structs.replace(CASE, **changes)


MESSAGES: dict[str, tuple[Case, Receipt | type[InvalidMessage] | None, list[Copy], list[str]]] = {
    "as expected": (CASE, receipt(State.DELIVERED, TAKEN), [COPY], []),
    "another state": (
        CASE,
        receipt(State.SENT, TAKEN),
        [COPY],
        ["was to be delivered and is sent"],
    ),
    "not sent at all": (
        CASE,
        None,
        [],
        ["was to be delivered and was not sent", "the providers took it 0 times instead of 1"],
    ),
    "sent twice": (
        CASE,
        receipt(State.DELIVERED, TAKEN),
        [COPY, COPY],
        ["the providers took it 2 times instead of 1"],
    ),
    "twice where that is allowed": (
        case(copies=frozenset({1, 2})),
        receipt(State.DELIVERED, TAKEN),
        [COPY, COPY],
        [],
    ),
    "by the wrong provider": (
        case(via="smstele"),
        receipt(State.DELIVERED, TAKEN),
        [COPY],
        ["was to be taken by smstele and was by devino"],
    ),
    "invented delivery": (
        CASE,
        receipt(State.DELIVERED, TAKEN),
        [msgspec.structs.replace(COPY, fate="expired")],
        ["is delivered, but no provider delivered it"],
    ),
    "overlooked delivery": (
        case(expect=frozenset({State.EXPIRED})),
        receipt(State.EXPIRED, TAKEN),
        [COPY],
        ["is expired, but a provider delivered it"],
    ),
    "failed but taken": (
        case(expect=frozenset({State.FAILED})),
        receipt(State.FAILED),
        [COPY],
        ["is failed, but devino took it"],
    ),
    "unknown and taken": (
        case(expect=frozenset({State.UNKNOWN})),
        receipt(State.UNKNOWN, IN_DOUBT),
        [COPY],
        [],
    ),
    "refused before routing": (
        case(to=None, expect=frozenset(), copies=frozenset({0})),
        InvalidMessage,
        [],
        [],
    ),
    "refused although it is fine": (
        case(copies=frozenset({0})),
        InvalidMessage,
        [],
        ["was to be delivered and was refused before routing"],
    ),
    "bad, but never tried": (
        case(to=None, expect=frozenset(), copies=frozenset({0})),
        None,
        [],
        ["was to be refused before routing and was not sent"],
    ),
    "let through": (
        case(to=None, expect=frozenset(), copies=frozenset({0})),
        receipt(State.FAILED),
        [],
        ["was to be refused before routing and is failed"],
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(name: str) -> None:
    """State, number of copies, provider and the books are each compared, and each difference is named."""
    one, got, copies, problems = MESSAGES[name]
    receipts = {one.name: got} if isinstance(got, Receipt) else {}
    invalid = {one.name} if got is InvalidMessage else set()
    found = list(check_messages([one], receipts, invalid, by_number(copies)))
    assert [deviation.problem for deviation in found] == problems
    assert {deviation.about for deviation in found} <= {one.name}


def test_a_message_that_nobody_sent() -> None:
    """Something in a sandbox's books that belongs to no case is a deviation."""
    stray = msgspec.structs.replace(COPY, to="79035550101")
    found = list(check_messages([CASE], {CASE.name: receipt(State.DELIVERED, TAKEN)}, (), by_number([COPY, stray])))
    assert [deviation.about for deviation in found] == ["sandboxes"]


GOOD_BOOKS = Books(events=9, log=9, metric=9, left=8, arrived=8)
BOOKS = {
    "all agree": (GOOD_BOOKS, 0),
    "a request nobody told of": (msgspec.structs.replace(GOOD_BOOKS, arrived=9), 1),
    "a line too few": (msgspec.structs.replace(GOOD_BOOKS, log=8), 1),
    "counted twice": (msgspec.structs.replace(GOOD_BOOKS, metric=10), 1),
    "lost lines": (msgspec.structs.replace(GOOD_BOOKS, lines_lost=1), 1),
}


@pytest.mark.parametrize("name", BOOKS)
def test_calls(name: str) -> None:
    """Requests, lines and counts must be as many as each other."""
    books, deviations = BOOKS[name]
    assert len(list(check_calls(books))) == deviations


@pytest.mark.parametrize(
    ("booked", "outcome", "deviations"),
    [("3.10", TAKEN, 0), ("0", TAKEN, 1), ("0", IN_DOUBT, 0), ("3.10", IN_DOUBT, 1)],
)
def test_money(booked: str, outcome: Outcome, deviations: int) -> None:
    """What is known to be taken is booked at its price, and what is in doubt is not booked."""
    receipts = {(Channel.SMS, NUMBER): receipt(State.SENT, outcome)}
    assert len(list(check_money("devino", Decimal(booked), [COPY], receipts))) == deviations


@pytest.mark.parametrize(("believed", "deviations"), [("10.00", 0), ("10.01", 1), (None, 1)])
def test_balance(believed: str | None, deviations: int) -> None:
    """The router must believe what is on the account."""
    amount = Decimal(believed) if believed is not None else None
    assert len(list(check_balance("devino", Decimal(10), amount))) == deviations


def moves(provider: str, *states: str) -> list[BreakerMoved]:
    """Return the moves of a breaker through these states, from closed."""
    befores = ("closed", *states)
    return [
        BreakerMoved(at=0.0, provider=provider, channel=Channel.SMS, before=before, after=after, reason="")
        for before, after in zip(befores, states, strict=False)
    ]


BREAKERS = {
    "opened and probed": (moves("smstele", "open", "probing", "closed"), []),
    "probed twice": (moves("smstele", "open", "probing", "open", "probing", "closed"), []),
    "never opened": ([], ["smstele: it never opened"]),
    "still open": (moves("smstele", "open"), ["smstele: it was not closed by a probe in the end"]),
    "another one": (
        [*moves("smstele", "open", "probing", "closed"), *moves("devino", "open")],
        ["devino: it opened although nothing was wrong for long"],
    ),
}


@pytest.mark.parametrize("name", BREAKERS)
def test_breakers(name: str) -> None:
    """The breaker that the script breaks opens and is closed by a probe; no other one moves."""
    moved, problems = BREAKERS[name]
    assert [deviation.problem for deviation in check_breakers(moved, {"smstele"})] == problems
