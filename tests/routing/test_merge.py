"""The same reports give the same state, in whatever order and however often they come."""

import itertools
from datetime import UTC, datetime
from functools import reduce

import pytest

from pointsman.outcome import DeliveryState, LookupResult, LookupState, Report, State
from pointsman.routing.merge import best_attempt, better, is_final, state_of_parts, weight

DS, LS = DeliveryState, LookupState
FINAL_STATES = {DS.DELIVERED, DS.UNDELIVERABLE, DS.EXPIRED, DS.REJECTED, DS.DELETED}


def report(state: DeliveryState, second: int | None = None, *, final: bool | None = None, read: bool = False) -> Report:
    """Return a report; where not told, it is final when its state is."""
    at = datetime(2026, 1, 1, 12, 0, second, tzinfo=UTC) if second is not None else None
    return Report(
        provider_id="p", state=state, at=at, final=state in FINAL_STATES if final is None else final, read=read
    )


def lookup(state: LookupState, *, final: bool = True) -> Report:
    """Return the result of a look-up."""
    return Report(provider_id="p", lookup=LookupResult(state=state), final=final)


def merged(reports: tuple[Report, ...]) -> Report:
    """Return what is known after reports came in this order."""
    return reduce(better, reports[1:], better(None, reports[0]))


def name(reports: tuple[Report, ...]) -> str:
    """Name a case by its reports."""
    return " ".join(
        f"{one.state or (one.lookup and one.lookup.state)}{one.at.second if one.at else ''}{'!' if one.final else ''}"
        for one in reports
    )


HISTORIES = [
    ((report(DS.QUEUED), report(DS.SENT), report(DS.DELIVERED)), DS.DELIVERED),
    ((report(DS.DELIVERED, 1), report(DS.UNDELIVERABLE, 9), report(DS.EXPIRED, 9)), DS.DELIVERED),
    ((report(DS.SENT, 9), report(DS.QUEUED, 1), report(DS.UNKNOWN, 10)), DS.SENT),
    ((report(DS.UNKNOWN, 9, final=True), report(DS.SENT, 10)), DS.UNKNOWN),
    ((report(DS.UNKNOWN, 9, final=True), report(DS.EXPIRED, 1)), DS.EXPIRED),
    ((report(DS.EXPIRED, 2), report(DS.REJECTED, 1), report(DS.UNDELIVERABLE)), DS.EXPIRED),
    ((report(DS.REJECTED, 5), report(DS.UNDELIVERABLE, 5), report(DS.DELETED, 5)), DS.DELETED),
    ((report(DS.QUEUED, 1), report(DS.UNKNOWN, 2)), DS.UNKNOWN),
]


@pytest.mark.parametrize(("reports", "expected"), [pytest.param(*case, id=name(case[0])) for case in HISTORIES])
def test_every_order_and_repetition_gives_the_same(reports: tuple[Report, ...], expected: DeliveryState) -> None:
    """Of all orders, with every report coming once or twice, each gives the state that ranks highest."""
    twice = reports + reports[:2]

    assert {merged(order).state for order in itertools.permutations(reports)} == {expected}
    assert {merged(order).state for order in itertools.permutations(twice)} == {expected}


EVERY = [
    *(report(state, second) for state in DS for second in (None, 1, 2)),
    *(report(DS.UNKNOWN, second, final=True) for second in (None, 1)),
    report(DS.DELIVERED, 1, read=True),
]


def test_merging_is_the_greatest() -> None:
    """For any two reports the order does not matter, and for any three the grouping does not."""
    for one, other in itertools.product(EVERY, repeat=2):
        assert weight(better(one, other)) == weight(better(other, one)) == max(weight(one), weight(other))
        assert better(one, other).state is better(other, one).state
    for triple in itertools.combinations(EVERY, 3):
        assert len({(merged(order).state, merged(order).final) for order in itertools.permutations(triple)}) == 1


@pytest.mark.parametrize("worse", [state for state in DS if state is not DS.DELIVERED])
def test_delivered_wins(worse: DeliveryState) -> None:
    """Once delivered, nothing that comes later or claims to be newer takes it back."""
    delivered, later = report(DS.DELIVERED, 1), report(worse, 50, final=True)

    assert better(delivered, later) is delivered
    assert better(later, delivered) is delivered


@pytest.mark.parametrize("second", [None, 1, 9])
def test_read_is_kept(second: int | None) -> None:
    """That a message was read is not lost to a plain "delivered", however the two are dated."""
    read, plain = report(DS.DELIVERED, second, read=True), report(DS.DELIVERED, 5)

    assert better(plain, read) is read
    assert better(read, plain) is read


@pytest.mark.parametrize("state", list(DS))
def test_the_last_word_is_kept(state: DeliveryState) -> None:
    """Of two reports that differ in nothing else, the one that says that it is the last is believed."""
    last, other = report(state, 1, final=True), report(state, 1, final=False)

    assert better(other, last) is last
    assert better(last, other) is last


@pytest.mark.parametrize("state", list(DS))
def test_what_cannot_change_is_final(state: DeliveryState) -> None:
    """A delivered or failed message is final whatever the provider claims; other states when it says so."""
    assert is_final(report(state, final=True)) is True
    assert is_final(report(state, final=False)) is (state in FINAL_STATES)


DONE, BAD = report(DS.DELIVERED), report(DS.UNDELIVERABLE)
PARTS = [
    pytest.param([], State.SENT, id="no parts known"),
    pytest.param([None], State.SENT, id="nothing heard"),
    pytest.param([DONE], State.DELIVERED, id="one part"),
    pytest.param([DONE, DONE, DONE], State.DELIVERED, id="all delivered"),
    pytest.param([DONE, None], State.SENT, id="one part to come"),
    pytest.param([BAD, None], State.SENT, id="a part failed, another to come"),
    pytest.param([DONE, report(DS.SENT)], State.SENT, id="one part on its way"),
    pytest.param([DONE, report(DS.SENT, final=True)], State.SENT, id="one part of which nothing more will be heard"),
    pytest.param([DONE, BAD], State.UNDELIVERED, id="worst of two"),
    pytest.param([DONE, report(DS.EXPIRED)], State.EXPIRED, id="one part expired"),
    pytest.param([DONE, report(DS.UNKNOWN, final=True)], State.UNKNOWN, id="one part unknown for good"),
    pytest.param([DONE, report(DS.UNKNOWN)], State.SENT, id="one part unknown for now"),
    pytest.param([report(DS.REJECTED), BAD], State.REJECTED, id="rejected is worst"),
    pytest.param([report(DS.DELETED)], State.REJECTED, id="deleted counts as rejected"),
    pytest.param([report(DS.EXPIRED), report(DS.UNKNOWN, final=True)], State.EXPIRED, id="expired before unknown"),
]


@pytest.mark.parametrize(("parts", "expected"), PARTS)
def test_a_message_is_as_good_as_its_worst_part(parts: list[Report | None], expected: State) -> None:
    """The parts of a message make one state, in any order, and none before the last part is final."""
    assert {state_of_parts(order) for order in itertools.permutations(parts)} == {expected}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (LS.REACHABLE, State.RESOLVED),
        (LS.ABSENT, State.RESOLVED),
        (LS.NONEXISTENT, State.RESOLVED),
        (LS.FAILED, State.FAILED),
        (LS.UNKNOWN, State.FAILED),
    ],
)
def test_a_lookup_is_resolved_by_a_result(state: LookupState, expected: State) -> None:
    """A result that tells about the number resolves a look-up; one that does not fails it; before that it is sent."""
    assert state_of_parts([lookup(state)]) is expected
    assert state_of_parts([lookup(state, final=False)]) is State.SENT
    assert better(lookup(LS.PENDING, final=False), lookup(state)).lookup == LookupResult(state=state)
    assert better(lookup(state), lookup(LS.PENDING, final=False)).lookup == LookupResult(state=state)


def test_every_state_of_a_provider_has_a_place() -> None:
    """No state that a provider may report is missing from the rules."""
    assert all(state_of_parts([report(state, final=True)]) in State for state in DS)
    assert all(weight(lookup(state))[0] >= 0 for state in LS)
    assert weight(Report(provider_id="p")) < weight(report(DS.QUEUED))


COPIES = [
    pytest.param([State.SENT, State.DELIVERED], State.DELIVERED, id="one copy arrived"),
    pytest.param([State.UNDELIVERED, State.SENT], State.SENT, id="one copy may still arrive"),
    pytest.param([State.UNDELIVERED, State.UNKNOWN], State.UNKNOWN, id="one copy unknown"),
    pytest.param([State.FAILED, State.RESOLVED], State.RESOLVED, id="one look-up resolved"),
    pytest.param([State.REJECTED, State.EXPIRED], State.EXPIRED, id="both failed"),
    pytest.param([State.REJECTED], State.REJECTED, id="a single one"),
]


@pytest.mark.parametrize(("states", "expected"), COPIES)
def test_a_message_is_as_good_as_its_best_copy(states: list[State], expected: State) -> None:
    """Where several copies may be out, the best of them counts, in any order."""
    assert {best_attempt(order) for order in itertools.permutations(states)} == {expected}
