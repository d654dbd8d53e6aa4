"""The life of a message as values: whatever the order of the news, the same news give the same state."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations, product

import msgspec
import pytest

from pointsman.message import (
    Alphabet,
    Channel,
    Envelope,
    Fallback,
    FallbackBy,
    HlrLookup,
    Money,
    Msisdn,
    Network,
    NetworkSource,
    Segments,
    Sms,
    Viber,
)
from pointsman.outcome import (
    Accepted,
    Attempt,
    DeliveryState,
    Fault,
    LookupResult,
    LookupState,
    Outcome,
    Refused,
    Report,
    SettledBy,
    State,
    Unknown,
    UnknownReason,
)
from pointsman.store import MemoryStore, Record, receipt
from pointsman.store.change import (
    Begin,
    Change,
    Due,
    End,
    FellBack,
    Forgo,
    Intent,
    Located,
    Note,
    Resolve,
    Settle,
    Unwant,
)
from pointsman.store.record import advance, begin, is_final
from pointsman.store.stage import Stage, stage_of
from pointsman.store.whole import is_over

NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
TIMEOUT = Unknown(reason=UnknownReason.TIMEOUT)


def envelope(message: Sms | HlrLookup | None = None, id: str = "m1") -> Envelope:  # noqa: A002 - the field's own name
    """Return the envelope of a message that was taken at second 0."""
    message = message or Sms("79161234567", "hello")
    is_sms = isinstance(message, Sms)
    return Envelope(
        id=id,
        message=message,
        channel=Channel.SMS if is_sms else Channel.HLR,
        to=Msisdn("79161234567"),
        network=Network(country="RU"),
        segments=Segments(Alphabet.GSM7, 5, 1) if is_sms else None,
        accepted_at=0.0,
        deadline=60.0,
    )


def starts(number: int = 1, provider: str = "a") -> Begin:
    """Return the start of an attempt."""
    intent = Intent(
        number=number, provider=provider, ref=f"m1{number:02d}", call_ref="c1", decision_id="d1", started_at=1.0
    )
    return Begin(intent)


def ends(outcome: Outcome, number: int = 1, provider: str = "a") -> Settle:
    """Return the end of an attempt."""
    attempt = Attempt(
        number=number,
        provider=provider,
        ref=f"m1{number:02d}",
        calls=1,
        outcome=outcome,
        started_at=1.0,
        duration=0.5,
        decision_id="d1",
    )
    return Settle(attempt)


def after(*changes: Change, record: Record | None = None) -> Record:
    """Return the record after changes, one a second."""
    record = record or begin(envelope())
    for second, change in enumerate(changes, start=1):
        record = advance(record, change, float(second))
    return record


def sent(*ids: str) -> Record:
    """Return a message that provider `a` took under these ids."""
    return after(starts(), ends(Accepted(ids=ids)))


def report(
    state: DeliveryState,
    minutes: float | None = None,
    provider_id: str = "x",
    *,
    final: bool = False,
    read: bool = False,
) -> Note:
    """Return a report about attempt 1; `minutes` after noon by the provider's clock."""
    at = None if minutes is None else NOON + timedelta(minutes=minutes)
    return Note(1, Report(provider_id=provider_id, state=state, final=final, at=at, read=read))


def looked_up(state: LookupState, *, final: bool = True) -> Note:
    """Return the result of a lookup."""
    return Note(1, Report(provider_id="x", lookup=LookupResult(state=state), final=final))


# -- reports -----------------------------------------------------------------------------------------------------------

NEWS = [
    report(DeliveryState.QUEUED),
    report(DeliveryState.SENT, 1),
    report(DeliveryState.DELIVERED, 2, final=True),
    report(DeliveryState.UNDELIVERABLE, 3, final=True),
    report(DeliveryState.EXPIRED, final=True),
    report(DeliveryState.REJECTED, 2, final=True),
    report(DeliveryState.DELETED, 2, final=True),
    report(DeliveryState.UNKNOWN),
    report(DeliveryState.UNKNOWN, 9, final=True),
    report(DeliveryState.DELIVERED, 2, final=True, read=True),
]


@pytest.mark.parametrize("first", range(len(NEWS)))
def test_the_order_of_reports_does_not_matter(first: int) -> None:
    """Up to four reports about one part, twice each or not, give one state in every order in which they may come."""
    for others in product(range(first, len(NEWS)), repeat=2):
        told = [NEWS[first], *(NEWS[other] for other in others), NEWS[first]]
        records = {
            (record.state, receipt(record).state, best(record))
            for order in permutations(told)
            for record in [after(*order, record=sent("x"))]
        }

        assert len(records) == 1


def best(record: Record) -> tuple[Report, ...]:
    """Return the best reports, in the order of their ids."""
    return tuple(one.report for one in sorted(record.reports, key=lambda one: one.provider_id))


def test_the_order_does_not_matter_between_parts() -> None:
    """Two parts with two reports each: every order of all four gives the same state."""
    states = [DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.EXPIRED, DeliveryState.UNDELIVERABLE]
    for one, other in product(states, repeat=2):
        told = [
            report(DeliveryState.SENT, 1, "x"),
            report(one, 2, "x", final=one is not DeliveryState.SENT),
            report(DeliveryState.SENT, 1, "y"),
            report(other, 2, "y", final=other is not DeliveryState.SENT),
        ]

        assert len({after(*order, record=sent("x", "y")).state for order in permutations(told)}) == 1


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([], State.SENT),
        ([report(DeliveryState.QUEUED)], State.SENT),
        ([report(DeliveryState.SENT)], State.SENT),
        ([report(DeliveryState.DELIVERED)], State.DELIVERED),
        ([report(DeliveryState.UNDELIVERABLE)], State.UNDELIVERED),
        ([report(DeliveryState.EXPIRED)], State.EXPIRED),
        ([report(DeliveryState.REJECTED)], State.REJECTED),
        ([report(DeliveryState.DELETED)], State.REJECTED),
        ([report(DeliveryState.UNKNOWN)], State.SENT),
        ([report(DeliveryState.UNKNOWN, final=True)], State.UNKNOWN),
        ([report(DeliveryState.UNKNOWN, final=True), report(DeliveryState.DELIVERED)], State.DELIVERED),
        ([report(DeliveryState.UNDELIVERABLE, 5), report(DeliveryState.DELIVERED, 1)], State.DELIVERED),
        ([report(DeliveryState.DELIVERED, 1), report(DeliveryState.SENT, 5)], State.DELIVERED),
        ([report(DeliveryState.EXPIRED, 1), report(DeliveryState.UNDELIVERABLE, 2)], State.UNDELIVERED),
    ],
)
def test_reports_add_up(told: Sequence[Note], state: State) -> None:
    """What one or two reports about a message of one part come to; delivered wins, else the later final one."""
    assert state == after(*told, record=sent("x")).state


@pytest.mark.parametrize(
    ("parts", "state"),
    [
        ([DeliveryState.DELIVERED, None], State.SENT),
        ([DeliveryState.DELIVERED, DeliveryState.SENT], State.SENT),
        ([DeliveryState.DELIVERED, DeliveryState.DELIVERED], State.DELIVERED),
        ([DeliveryState.DELIVERED, DeliveryState.EXPIRED], State.EXPIRED),
        ([DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED], State.UNDELIVERED),
        ([DeliveryState.REJECTED, DeliveryState.DELIVERED], State.REJECTED),
    ],
)
def test_a_message_is_as_good_as_its_worst_part(parts: Sequence[DeliveryState | None], state: State) -> None:
    """A message of two parts is final when both are, and as bad as the worse of them."""
    notes = [report(part, provider_id=name) for name, part in zip("xy", parts, strict=True) if part is not None]

    assert state == after(*notes, record=sent("x", "y")).state


def test_a_report_that_tells_nothing_new_changes_nothing() -> None:
    """The same report again, or a lesser one, returns the very record; not even its time of change moves."""
    record = after(report(DeliveryState.DELIVERED, 2), record=sent("x"))

    assert advance(record, report(DeliveryState.DELIVERED, 2), 99.0) is record
    assert advance(record, report(DeliveryState.SENT, 3), 99.0) is record


def test_a_report_after_everything_still_counts() -> None:
    """A message that was given up as unknown, or as undelivered, is delivered as soon as somebody says so."""
    for last in (DeliveryState.UNKNOWN, DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED):
        record = after(report(last, 1, final=True), record=sent("x"))
        assert is_final(record)

        assert advance(record, report(DeliveryState.DELIVERED, 2), 1e6).state == State.DELIVERED


@pytest.mark.parametrize(
    ("told", "state", "result"),
    [
        ([LookupState.REACHABLE], State.RESOLVED, LookupState.REACHABLE),
        ([LookupState.ABSENT], State.RESOLVED, LookupState.ABSENT),
        ([LookupState.NONEXISTENT], State.RESOLVED, LookupState.NONEXISTENT),
        ([LookupState.FAILED], State.FAILED, LookupState.FAILED),
        ([LookupState.UNKNOWN], State.FAILED, LookupState.UNKNOWN),
        ([LookupState.FAILED, LookupState.REACHABLE], State.RESOLVED, LookupState.REACHABLE),
        ([LookupState.REACHABLE, LookupState.FAILED], State.RESOLVED, LookupState.REACHABLE),
    ],
)
def test_a_lookup_is_resolved_by_any_real_answer(
    told: Sequence[LookupState], state: State, result: LookupState
) -> None:
    """Reachable, absent and nonexistent are answers; failed and unknown are none, and never replace one."""
    started = advance(begin(envelope(HlrLookup("79161234567"))), starts(), 1.0)
    record = advance(started, ends(Accepted(ids=("x",))), 2.0)
    record = after(*(looked_up(one) for one in told), End(State.FAILED), record=record)

    lookup = receipt(record).lookup
    assert (state, result) == (record.state, lookup.state if lookup is not None else None)


# -- attempts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "state", "final"),
    [
        ([], State.ACCEPTED, False),
        ([starts()], State.SENDING, False),
        ([starts(), ends(Refused(fault=Fault.LIMIT))], State.SENDING, False),
        ([starts(), ends(Accepted(ids=("x",)))], State.SENT, False),
        ([starts(), ends(Accepted(ids=()))], State.SENT, False),
        ([starts(), ends(Refused(fault=Fault.LIMIT)), End(State.FAILED)], State.FAILED, True),
        ([starts(), ends(TIMEOUT)], State.SENDING, False),
        ([starts(), ends(TIMEOUT), End(State.UNKNOWN)], State.UNKNOWN, True),
        ([End(State.CANCELLED)], State.CANCELLED, True),
        ([starts(), ends(TIMEOUT), starts(2, "b"), ends(Accepted(ids=("y",)), 2, "b")], State.SENT, False),
        ([starts(), ends(TIMEOUT), End(State.UNKNOWN), starts(2, "b")], State.UNKNOWN, False),
    ],
)
def test_the_state_follows_from_the_attempts(changes: Sequence[Change], state: State, final: bool) -> None:
    """What the record of a message says after each step of its way, and whether more is to be done."""
    record = after(*changes)

    assert (state, final) == (record.state, is_final(record))


@pytest.mark.parametrize(
    ("changes", "state", "final"),
    [
        ([], State.SCHEDULED, False),
        ([Due()], State.ACCEPTED, False),
        ([Due(), starts()], State.SENDING, False),
        ([starts()], State.SENDING, False),
        ([starts(), ends(Accepted(ids=("x",)))], State.SENT, False),
        ([starts(), ends(Refused(fault=Fault.LIMIT)), End(State.FAILED)], State.FAILED, True),
        ([End(State.CANCELLED)], State.CANCELLED, True),
        ([Due(), End(State.CANCELLED)], State.CANCELLED, True),
    ],
)
def test_a_message_for_later_is_scheduled_until_its_time(changes: Sequence[Change], state: State, final: bool) -> None:
    """What is due after it was taken is scheduled until its time comes or it leaves: a provider may keep it."""
    record = after(*changes, record=begin(msgspec.structs.replace(envelope(), due=30.0)))

    assert (state, final, 30.0) == (record.state, is_final(record), receipt(record).due)


def test_its_time_comes_once() -> None:
    """That a message is due changes nothing when it is known, or was so from the beginning."""
    due = after(Due(), record=begin(msgspec.structs.replace(envelope(), due=30.0)))

    assert advance(due, Due(), 99.0) is due
    record = begin(envelope())
    assert advance(record, Due(), 99.0) is record
    assert receipt(record).due is None


def test_an_intent_lasts_from_start_to_end() -> None:
    """What was started and not ended can be found in the record, as after a crash; what ended cannot."""
    assert after(starts()).intent == starts().intent
    assert after(starts(), ends(TIMEOUT)).intent is None


def test_a_second_copy_is_flagged_when_it_starts() -> None:
    """A new attempt beside one in doubt makes a possible duplicate, before it is known what becomes of either."""
    doubt = after(starts(), ends(TIMEOUT))
    assert not doubt.possible_duplicate

    assert after(starts(2, "b"), record=doubt).possible_duplicate


def test_the_flag_stays() -> None:
    """That it was sent twice with open eyes stays on record, even when the first copy turns out not to exist."""
    flagged = after(starts(), ends(TIMEOUT), starts(2, "b"), ends(Accepted(ids=("y",)), 2, "b"))
    cleared = advance(flagged, Resolve(1, Refused(fault=Fault.UNAVAILABLE), SettledBy.RECONCILED), 9.0)

    assert receipt(cleared).possible_duplicate


def test_refusals_and_cleared_doubts_make_no_duplicate() -> None:
    """After a refusal, or after the proof that nothing was sent, the next attempt is the only copy."""
    refused = after(starts(), ends(Refused(fault=Fault.LIMIT)), starts(2, "b"))
    proved = after(
        starts(),
        ends(TIMEOUT),
        Resolve(1, Refused(fault=Fault.UNAVAILABLE), SettledBy.RECONCILED),
        starts(2, "b"),
    )

    assert not refused.possible_duplicate
    assert not proved.possible_duplicate


@pytest.mark.parametrize("settled_by", [SettledBy.RECONCILED, SettledBy.REPORT])
def test_an_unknown_message_turns_out_to_be_sent(settled_by: SettledBy) -> None:
    """A late answer makes it `sent`, tells what it cost, and keeps what the outcome had been."""
    price = Money(Decimal("0.05"), "EUR")
    unknown = after(starts(), ends(TIMEOUT), End(State.UNKNOWN))
    record = advance(unknown, Resolve(1, Accepted(ids=("x",)), settled_by, price), 100.0)
    attempt = record.attempts[0]

    assert (record.state, is_final(record)) == (State.SENT, False)
    assert (TIMEOUT, settled_by, price) == (attempt.first_unknown, attempt.settled_by, attempt.price)


def test_an_unknown_message_turns_out_not_to_be_sent() -> None:
    """The proof that nothing was sent makes it `failed`; with another copy in doubt it stays `unknown`."""
    never = Refused(fault=Fault.UNAVAILABLE)
    one = after(starts(), ends(TIMEOUT), End(State.UNKNOWN))
    two = after(starts(), ends(TIMEOUT), starts(2, "b"), ends(TIMEOUT, 2, "b"), End(State.UNKNOWN))

    assert advance(one, Resolve(1, never, SettledBy.RECONCILED), 9.0).state == State.FAILED
    assert advance(two, Resolve(1, never, SettledBy.RECONCILED), 9.0).state == State.UNKNOWN
    both = advance(
        advance(two, Resolve(2, never, SettledBy.RECONCILED), 9.0), Resolve(1, never, SettledBy.REPORT), 10.0
    )
    assert both.state == State.FAILED


def test_a_definite_outcome_is_never_resolved_again() -> None:
    """What a provider answered stands, whatever is found out afterwards; not even the time of change moves."""
    for outcome in (Accepted(ids=("x",)), Refused(fault=Fault.CONTENT)):
        record = after(starts(), ends(outcome))

        assert advance(record, Resolve(1, Accepted(ids=("y",)), SettledBy.REPORT), 9.0) is record


def test_finding_out_and_reports_may_come_in_any_order() -> None:
    """The report about a copy in doubt may come before it is resolved; the end is the same."""
    unknown = after(starts(), ends(TIMEOUT), End(State.UNKNOWN))
    news = [
        Resolve(1, Accepted(ids=("x",)), SettledBy.REPORT),
        report(DeliveryState.DELIVERED, 1),
        report(DeliveryState.SENT, 0),
    ]

    assert {after(*order, record=unknown).state for order in permutations(news)} == {State.DELIVERED}


def test_a_message_is_as_good_as_its_best_copy() -> None:
    """Of two copies one was rejected and one delivered: the recipient has it."""
    record = after(
        starts(),
        ends(TIMEOUT),
        starts(2, "b"),
        ends(Accepted(ids=("y",)), 2, "b"),
        Resolve(1, Accepted(ids=("x",)), SettledBy.RECONCILED),
        report(DeliveryState.REJECTED, 1),
    )
    assert record.state == State.SENT

    delivered = Note(2, Report(provider_id="y", state=DeliveryState.DELIVERED))
    assert advance(record, delivered, 9.0).state == State.DELIVERED


# -- the memory store --------------------------------------------------------------------------------------------------


async def finished(store: MemoryStore, place: int) -> str:
    """Put a message through to its delivery under an id of its own and one that all share; return its id."""
    message_id = f"m{place:03d}"
    await store.accept([envelope(id=message_id)])
    ids = (f"own-{place}", "shared")
    changes = [starts(), ends(Accepted(ids=ids))]
    changes += [report(DeliveryState.DELIVERED, provider_id=provider_id) for provider_id in ids]
    for change in changes:
        await store.apply(message_id, change, 1.0)
    return message_id


async def test_memory_is_bounded() -> None:
    """Of a hundred finished messages the latest ten are kept, and the index holds no id of the others."""
    store = MemoryStore(keep=10)
    ids = [await finished(store, place) for place in range(100)]

    kept = [message_id for message_id in ids if await store.get(message_id) is not None]
    assert ids[-10:] == kept
    assert repr(store) == "<MemoryStore 10 messages, 10 finished>"
    assert [await store.find("a", f"own-{place}") for place in range(90)] == [()] * 90
    assert [(message_id, 1) for message_id in kept] == list(await store.find("a", "shared"))
    assert len(store._by_provider_id) == 11


async def test_unfinished_messages_are_never_forgotten() -> None:
    """However many finish, a message on its way stays, and is found among the unfinished."""
    store = MemoryStore(keep=1)
    await store.accept([envelope(id="slow")])
    await store.apply("slow", starts(), 1.0)
    for place in range(5):
        await finished(store, place)

    assert await store.get("slow") is not None


async def test_a_message_that_goes_on_is_not_forgotten() -> None:
    """A finished message that starts another attempt is not finished any more, until it ends again."""
    store = MemoryStore(keep=1)
    for change in (starts(), ends(TIMEOUT), End(State.UNKNOWN), starts(2, "b")):
        if change == starts():
            await store.accept([envelope()])
        await store.apply("m1", change, 1.0)
    for place in range(3):
        await finished(store, place)
    assert await store.get("m1") is not None

    await store.apply("m1", ends(TIMEOUT, 2, "b"), 2.0)
    await finished(store, 3)
    assert await store.get("m1") is None


async def test_a_viber_message_is_remembered_as_long_as_its_sms() -> None:
    """While the SMS in its place is on its way, news of a Viber message must find it; then both are forgotten."""
    store = MemoryStore(keep=1)
    await store.accept([envelope(Viber("79161234567", "hello", fallback=Fallback()))])
    for change in (starts(), ends(TIMEOUT), End(State.UNKNOWN), FellBack("m2")):
        await store.apply("m1", change, 1.0)
    await finished(store, 0)
    await finished(store, 1)
    assert await store.get("m1") is not None, "its SMS is still to come"
    await store.accept([msgspec.structs.replace(envelope(id="m2"), parent="m1")])
    for change in (starts(), ends(Accepted(ids=("x",)))):
        await store.apply("m2", change, 2.0)
    await finished(store, 2)
    await finished(store, 3)
    assert await store.get("m1") is not None, "its SMS is on its way"

    await store.apply("m2", report(DeliveryState.DELIVERED, provider_id="x"), 3.0)
    assert await store.get("m2") is not None
    await finished(store, 4)
    assert (await store.get("m1"), await store.get("m2"), await store.find("a", "x")) == (None, None, ())
    assert repr(store) == "<MemoryStore 1 messages, 1 finished>"


async def test_a_resolved_attempt_is_found_by_its_id() -> None:
    """The id of a copy that was in doubt leads to the message as soon as it is known."""
    store = MemoryStore()
    await store.accept([envelope()])
    for change in (starts(), ends(TIMEOUT), Resolve(1, Accepted(ids=("x",)), SettledBy.RECONCILED)):
        await store.apply("m1", change, 1.0)

    assert await store.find("a", "x") == (("m1", 1),)


async def test_an_unknown_message_cannot_be_changed() -> None:
    """A change to a message that nobody took, or that was forgotten, raises `KeyError`."""
    with pytest.raises(KeyError):
        await MemoryStore().apply("nobody", starts(), 1.0)


# -- an SMS in place of a Viber message --------------------------------------------------------------------------------

BAD = Refused(fault=Fault.CONTENT)


def viber(*changes: Change, by: FallbackBy | None = FallbackBy.ROUTER) -> Record:
    """Return the record of a Viber message after changes; `by` None: without a fallback."""
    message = Viber("79161234567", "hello", fallback=Fallback(by=by) if by is not None else None)
    sms = envelope()
    whole = Envelope(
        id="v1",
        message=message,
        channel=Channel.VIBER,
        to=sms.to,
        network=sms.network,
        segments=sms.segments,
        accepted_at=0.0,
        deadline=60.0,
    )
    return after(*changes, record=begin(whole))


def told(state: DeliveryState) -> Note:
    """Return the final report about the Viber message."""
    return Note(1, Report(provider_id="p1", state=state, final=True))


OUT = (starts(), ends(Accepted(ids=("p1",))))
LOST = (starts(), ends(BAD), End(State.FAILED, BAD))


def test_a_message_is_final_once_its_fallback_is_decided() -> None:
    """A bad end is no end while an SMS may follow; that it does, that none does, or that none ever could, is one."""
    assert not is_final(viber(*LOST))
    assert is_final(viber(*LOST, FellBack("s1")))
    assert is_final(viber(*LOST, Forgo()))
    assert is_final(viber(*LOST, by=None))
    assert is_final(viber(*LOST, by=FallbackBy.PROVIDER))


@pytest.mark.parametrize("last", [told(DeliveryState.DELIVERED), End(State.CANCELLED)])
@pytest.mark.parametrize("decision", [FellBack("s1"), Forgo()])
def test_nothing_follows_what_was_delivered_or_given_up(last: Change, decision: Change) -> None:
    """A decision that comes too late changes nothing, so that no SMS is ever found in such a record."""
    begun = OUT if isinstance(last, Note) else ()
    record = viber(*begun, last)

    assert advance(record, decision, 9.0) is record
    assert is_final(record)


@pytest.mark.parametrize("first", [FellBack("s1"), Forgo()])
@pytest.mark.parametrize("second", [FellBack("s2"), Forgo()])
def test_it_is_decided_once(first: Change, second: Change) -> None:
    """Of two decisions the first one counts: there never are two SMS."""
    record = viber(*OUT, told(DeliveryState.UNDELIVERABLE), first)

    assert advance(record, second, 9.0) is record


SENT_SMS = after(starts(), ends(Accepted(ids=("s",))))
UNSENT_SMS = after(starts(), ends(BAD), End(State.FAILED, BAD))
GIVEN_UP_SMS = after(End(State.CANCELLED))
ARRIVED_SMS = after(Note(1, Report(provider_id="s", state=DeliveryState.DELIVERED, final=True)), record=SENT_SMS)
WAITING_SMS = begin(envelope())

WHOLES = [
    (viber(*LOST), None, State.FAILED, False, False),
    (viber(*LOST, FellBack("m1")), WAITING_SMS, State.ACCEPTED, False, False),
    (viber(*LOST, FellBack("m1")), SENT_SMS, State.SENT, False, False),
    (viber(*LOST, FellBack("m1")), ARRIVED_SMS, State.DELIVERED, True, False),
    (viber(*LOST, FellBack("m1")), UNSENT_SMS, State.FAILED, True, False),
    (viber(*OUT, FellBack("m1")), SENT_SMS, State.SENT, False, True),
    (viber(*OUT, FellBack("m1")), ARRIVED_SMS, State.DELIVERED, True, True),
    (viber(*OUT, FellBack("m1")), UNSENT_SMS, State.SENT, False, False),
    (viber(*OUT, FellBack("m1")), GIVEN_UP_SMS, State.SENT, False, False),
    (viber(*OUT, FellBack("m1"), told(DeliveryState.EXPIRED)), UNSENT_SMS, State.FAILED, True, False),
    (viber(*OUT, FellBack("m1"), told(DeliveryState.EXPIRED)), ARRIVED_SMS, State.DELIVERED, True, False),
    (viber(*OUT, FellBack("m1"), told(DeliveryState.DELIVERED)), WAITING_SMS, State.DELIVERED, False, False),
    (viber(*OUT, FellBack("m1"), told(DeliveryState.DELIVERED)), SENT_SMS, State.DELIVERED, True, True),
    (viber(*OUT, FellBack("m1"), told(DeliveryState.DELIVERED)), GIVEN_UP_SMS, State.DELIVERED, True, False),
    (viber(starts(), ends(TIMEOUT), End(State.UNKNOWN), FellBack("m1")), UNSENT_SMS, State.UNKNOWN, True, False),
    (viber(starts(), ends(TIMEOUT), End(State.UNKNOWN), FellBack("m1")), ARRIVED_SMS, State.DELIVERED, True, True),
]


@pytest.mark.parametrize(("record", "sms", "state", "over", "double"), WHOLES)
def test_a_message_and_the_sms_in_its_place_are_one(
    record: Record, sms: Record | None, state: State, over: bool, double: bool
) -> None:
    """The whole has one state, one end, and one answer to whether both may have arrived."""
    whole = receipt(record, sms)

    assert (whole.state, is_over(record, sms), whole.possible_duplicate) == (state, over, double)
    assert whole.fallback == (receipt(sms) if sms is not None else None)


# -- what a lookup tells before ----------------------------------------------------------------------------------------

MOVED = LookupResult(state=LookupState.REACHABLE, network=Network("RU", "25002", NetworkSource.HLR))


def test_a_lookup_before_sending_tells_the_network():
    """The network of the message becomes the one that was found; its state and its deadline stay as they are."""
    before = begin(envelope())
    after = advance(before, Located(MOVED), 1.0)

    assert after.envelope == msgspec.structs.replace(before.envelope, network=MOVED.network)
    assert (after.state, receipt(after).lookup, receipt(after).network) == (before.state, MOVED, MOVED.network)


@pytest.mark.parametrize("network", [None, Network("RU"), Network(None, None, NetworkSource.HLR)])
def test_a_lookup_that_names_no_network_leaves_it_to_the_number(network: Network | None):
    """The result is kept, and the network stays what the number tells."""
    result = LookupResult(state=LookupState.ABSENT, network=network)
    after = advance(begin(envelope()), Located(result), 1.0)

    assert (after.lookup, after.envelope.network) == (result, Network("RU"))


def test_a_lookup_without_a_country_keeps_that_of_the_number():
    """A code whose country nobody knows is still a network of the number's country."""
    result = LookupResult(state=LookupState.REACHABLE, network=Network(None, "99999"))
    after = advance(begin(envelope()), Located(result), 1.0)

    assert after.envelope.network == Network("RU", "99999", NetworkSource.HLR)


def test_a_lookup_after_the_first_attempt_changes_nothing():
    """What was chosen and charged by one network stays so, whenever a late result comes."""
    began = advance(begin(envelope()), starts(), 1.0)
    ended = advance(begin(envelope()), End(State.CANCELLED), 1.0)

    for record in (began, ended):
        assert advance(record, Located(MOVED), 2.0) is record


# -- sent again --------------------------------------------------------------------------------------------------------

LOSS = report(DeliveryState.UNDELIVERABLE, final=True)
GONE = after(LOSS, record=sent("x"))
AGAIN = msgspec.structs.replace(LOSS, again=True)
DECLINED = Refused(fault=Fault.DECLINED)


def test_what_was_lost_is_on_its_way_again() -> None:
    """A message that another provider is going to send is not at its end, and ends as that one reports."""
    assert (GONE.state, is_final(GONE)) == (State.UNDELIVERED, True)
    again = advance(sent("x"), AGAIN, 5.0)
    assert (again.state, is_final(again)) == (State.SENDING, False)
    flying = after(starts(2, "b"), record=again)
    assert (flying.state, is_final(flying)) == (State.SENDING, False)
    taken = after(starts(2, "b"), ends(Accepted(ids=("y",)), 2, "b"), record=again)
    assert (taken.state, is_final(taken)) == (State.SENT, False)

    assert advance(taken, Note(2, Report(provider_id="y", state=DeliveryState.DELIVERED)), 9.0).state == State.DELIVERED
    assert advance(taken, Note(2, Report(provider_id="y", state=DeliveryState.EXPIRED)), 9.0).state == State.UNDELIVERED


@pytest.mark.parametrize("end", [State.CANCELLED, State.FAILED, State.UNKNOWN, State.EXPIRED])
def test_who_finds_nobody_ends_as_reported(end: State) -> None:
    """When nobody sends it again after all, the message is what the first provider made of it."""
    ended = after(AGAIN, starts(2, "b"), ends(DECLINED, 2, "b"), End(end), record=sent("x"))

    assert (ended.state, is_final(ended)) == (State.UNDELIVERED, True)


def test_it_is_sent_again_once() -> None:
    """The same report a second time changes nothing, nor does one after the attempts have ended make anybody send."""
    again = advance(sent("x"), AGAIN, 5.0)
    assert advance(again, AGAIN, 6.0) is again

    ended = advance(again, End(State.CANCELLED), 7.0)
    other = Note(1, Report(provider_id="x", state=DeliveryState.EXPIRED, final=True, at=NOON), again=True)
    assert advance(ended, other, 8.0).state is State.EXPIRED


def test_a_doubt_that_is_cleared_ends_the_resumption() -> None:
    """If the copy that was in doubt turns out to be taken, its report is waited for."""
    again = after(AGAIN, starts(2, "b"), ends(TIMEOUT, 2, "b"), record=sent("x"))
    assert again.state == State.SENDING
    cleared = advance(again, Resolve(2, Accepted(ids=("y",)), SettledBy.REPORT), 9.0)

    assert cleared.state == State.SENT


def test_a_late_delivery_ends_the_resumption() -> None:
    """The first copy arrives while the message is to be sent again: it is delivered, and final."""
    delivered = after(AGAIN, report(DeliveryState.DELIVERED), record=sent("x"))

    assert (delivered.state, is_final(delivered)) == (State.DELIVERED, True)


CHANGES: dict[str, Change] = {
    "due": Due(),
    "starts": starts(),
    "starts again": starts(2, "b"),
    "taken": ends(Accepted(ids=("x",))),
    "taken again": ends(Accepted(ids=("y",)), 2, "b"),
    "refused": ends(DECLINED),
    "in doubt": ends(TIMEOUT),
    "found": Resolve(1, Accepted(ids=("x",)), SettledBy.RECONCILED),
    "not found": Resolve(1, DECLINED, SettledBy.RECONCILED),
    "sent": report(DeliveryState.SENT),
    "lost": report(DeliveryState.UNDELIVERABLE, final=True),
    "delivered": report(DeliveryState.DELIVERED, final=True),
    "lost again": Note(2, Report(provider_id="y", state=DeliveryState.EXPIRED, final=True)),
    "looked up": looked_up(LookupState.REACHABLE),
    "lost, and sent again": AGAIN,
    "cancelled": End(State.CANCELLED),
    "failed": End(State.FAILED, DECLINED),
    "unknown": End(State.UNKNOWN),
    "fell back": FellBack("s1"),
    "forgone": Forgo(),
    "unwanted": Unwant(),
}


@pytest.mark.parametrize("last", CHANGES)
def test_every_change_can_meet_every_record(last: str) -> None:
    """Whatever three changes came before, in whatever order: a change never fails, and the same one twice is as once.

    So a journal can be read to its end, wherever it was cut off, and what was delivered stays so.
    """
    settles = isinstance(CHANGES[last], Settle)
    for names in product(CHANGES, repeat=3):
        record = after(*(CHANGES[name] for name in names))
        then = advance(record, CHANGES[last], 9.0)
        twice = advance(then, CHANGES[last], 9.0)

        assert then.state in State
        assert settles or msgspec.structs.replace(twice, updated_at=0.0) == msgspec.structs.replace(
            then, updated_at=0.0, possible_duplicate=twice.possible_duplicate
        )
        assert (record.state is not State.DELIVERED) or then.state is State.DELIVERED
        if record.unwanted:
            assert then.unwanted
            assert then.intent is None or then.intent == record.intent
            assert then.sms == record.sms
        if then.resuming and not record.resuming:
            assert not record.unwanted
            assert CHANGES[last] is AGAIN
            assert (then.state, then.intent, then.ended) == (State.SENDING, None, None)


def test_a_lost_copy_says_nothing_of_one_in_doubt() -> None:
    """While an attempt is in doubt, the loss of another copy does not make the message undelivered."""
    lost = Note(2, Report(provider_id="x", state=DeliveryState.UNDELIVERABLE, final=True))
    record = after(starts(), ends(TIMEOUT), starts(2, "b"), ends(Accepted(ids=("x",)), 2, "b"), lost)
    never = Resolve(1, Refused(fault=Fault.UNAVAILABLE, code="not_sent"), SettledBy.RECONCILED)

    assert record.state is State.UNKNOWN
    assert advance(record, never, 9.0).state is State.UNDELIVERED
    assert advance(record, Resolve(1, Accepted(ids=("y",)), SettledBy.RECONCILED), 9.0).state is State.SENT


def test_a_lost_copy_says_nothing_of_one_on_its_way() -> None:
    """While an attempt is in flight, the loss of another copy does not make the message undelivered."""
    taken = Resolve(1, Accepted(ids=("x",)), SettledBy.REPORT)
    lost = Note(1, Report(provider_id="x", state=DeliveryState.UNDELIVERABLE, final=True))
    record = after(starts(), ends(TIMEOUT), starts(2, "b"), taken, lost)

    assert record.state is State.SENDING
    assert advance(record, ends(TIMEOUT, 2, "b"), 9.0).state is State.UNKNOWN
    assert advance(record, ends(Refused(fault=Fault.UNAVAILABLE), 2, "b"), 9.0).state is State.UNDELIVERED


# -- nobody wants it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [(), (starts(), ends(DECLINED))])
def test_what_has_not_left_is_over_when_nobody_wants_it(before: tuple[Change, ...]) -> None:
    """It is cancelled by the one change that says so, and keeps the refusal that it met; no attempt begins any more."""
    record = after(*before, Unwant())

    assert (record.state, is_final(record)) == (State.CANCELLED, True)
    assert record.reason == (DECLINED if before else None)
    assert advance(record, starts(len(before) // 2 + 1, "b"), 9.0) is record
    assert advance(record, End(State.CANCELLED, record.reason), 9.0) is record


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Accepted(ids=("x",)), State.SENT), (TIMEOUT, State.SENDING), (DECLINED, State.SENDING)],
)
def test_what_is_in_flight_is_followed_to_its_end(outcome: Outcome, state: State) -> None:
    """Its outcome is written down as ever, but neither its next request nor another attempt begins."""
    record = after(starts(), Unwant())
    settled = advance(record, ends(outcome), 9.0)

    assert record.state is State.SENDING
    assert advance(record, starts(), 9.0) is record
    assert settled.state is state
    assert advance(settled, starts(2, "b"), 9.0) is settled


def test_a_doubt_that_is_cleared_up_ends_what_nobody_wants() -> None:
    """Proved not to have been sent, it is cancelled and not failed; proved to have been, it is sent."""
    record = after(starts(), ends(TIMEOUT), Unwant(), End(State.CANCELLED))
    never = Resolve(1, Refused(fault=Fault.UNAVAILABLE, code="not_sent"), SettledBy.RECONCILED)

    assert record.state is State.UNKNOWN
    assert advance(record, never, 9.0).state is State.CANCELLED
    assert advance(record, Resolve(1, Accepted(ids=("y",)), SettledBy.RECONCILED), 9.0).state is State.SENT


def test_what_is_lost_is_not_sent_again_when_nobody_wants_it() -> None:
    """Neither when the loss is told afterwards, nor when it was written down already that it is sent again."""
    lost = Note(1, Report(provider_id="x", state=DeliveryState.UNDELIVERABLE, final=True), again=True)
    told_later = after(Unwant(), lost, record=sent("x"))
    told_before = after(lost, Unwant(), record=sent("x"))

    for record in (told_later, told_before):
        assert (record.state, record.resuming, is_final(record)) == (State.UNDELIVERED, False, True)
        assert advance(record, starts(2, "b"), 9.0) is record


def test_what_arrives_after_all_waits_for_no_other_copy() -> None:
    """A message that was given up for lost and is to be sent again is over when its report of delivery comes."""
    lost = Note(1, Report(provider_id="x", state=DeliveryState.UNDELIVERABLE, final=True), again=True)
    arrived = Note(1, Report(provider_id="x", state=DeliveryState.DELIVERED, final=True))
    waiting = after(lost, record=sent("x"))

    assert (waiting.resuming, stage_of(waiting)) == (True, Stage.WAITING)
    assert stage_of(advance(waiting, arrived, 9.0)) is Stage.OVER


def test_a_lookup_that_nobody_wants_is_not_asked_of_anybody_else() -> None:
    """The first could not answer it; then it is over, and failed."""
    lookup = begin(envelope(HlrLookup("79161234567")))
    asked = after(starts(), ends(Accepted(ids=("x",))), looked_up(LookupState.UNKNOWN), record=lookup)
    unwanted = advance(asked, Unwant(), 9.0)

    assert not is_final(asked)
    assert (unwanted.state, is_final(unwanted)) == (State.FAILED, True)
    assert advance(unwanted, starts(2, "b"), 9.0) is unwanted


def test_no_sms_takes_the_place_of_a_viber_message_that_nobody_wants() -> None:
    """Nothing is open about it any more, whether it was lost before or is lost later."""
    for record in (viber(*LOST, Unwant()), viber(*OUT, Unwant(), told(DeliveryState.EXPIRED))):
        assert is_final(record)
        assert advance(record, FellBack("s1"), 9.0) is record


@pytest.mark.parametrize(
    "record",
    [
        after(report(DeliveryState.DELIVERED, final=True), record=sent("x")),
        after(End(State.FAILED, DECLINED)),
        after(Unwant()),
    ],
)
def test_what_is_over_for_good_is_not_unwanted_as_well(record: Record) -> None:
    """The record stays as it is, the time of its last change included."""
    assert advance(record, Unwant(), 9.0) is record
