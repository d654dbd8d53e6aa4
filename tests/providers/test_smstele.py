"""SMStele's codes and states: each is driven through its sandbox, for every call that is built on."""

from collections.abc import Iterable
from datetime import timedelta

import msgspec
import pytest

from pointsman.events import CallOutcome, Operation, Reported
from pointsman.message import Channel, HlrLookup, Message, MessageClass, Sms, Viber
from pointsman.outcome import (
    Accepted,
    DeliveryState,
    Fault,
    LookupState,
    Refused,
    SettledBy,
    State,
    UnknownReason,
)
from pointsman.sandbox import (
    Fate,
    FaultRule,
    answer,
    close_after_accept,
    close_before_accept,
    error,
    error_after_accept,
    garbage,
    hang_after_accept,
    quirk,
    throttle,
    truncate,
)

from .asking import asked_for_reports, expected_for_reports, is_at_peace
from .bench import NUMBER, NUMBERS, Bench, Form, declared, outcomes, path, script
from .consequences import CONSEQUENCES, Kind, Row
from .driving import alone, expected_alone, expected_with_another, with_another

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMS = Form(name="sms", account="smstele", other="devino", submits="sendsms", polls="status", channel=Channel.SMS)
BATCH = msgspec.structs.replace(SMS, name="batch", count=2)
HLR = msgspec.structs.replace(SMS, name="hlr", other="affiliate", channel=Channel.HLR)
VIBER = msgspec.structs.replace(SMS, name="viber", other="smstele_again", channel=Channel.VIBER)
"""The other account is in the same sandbox, so what is scripted for ever would meet it as well."""
FORMS = (SMS, BATCH, HLR)
EVERY_FORM = (*FORMS, VIBER)
HOUR = 3600.0


def _row(
    code: str,
    kind: Kind,
    text: str = "",
    *,
    when: str = "",
    line: str = "",
    requests: int = 1,
    divides: bool = False,
) -> Row:
    return Row(code=code, kind=kind, cause=error(code, text), when=when, line=line, requests=requests, divides=divides)


def _http(status: int, kind: Kind, cause: FaultRule | None = None, *, when: str = "") -> Row:
    return Row(code=f"http_{status}", kind=kind, cause=cause or answer(status), when=when)


# -- the tables --------------------------------------------------------------------------------------------------------

CODES = (
    _row("-1", Kind.TRANSIENT),
    _row("-2", Kind.TRANSIENT),
    _row("-6", Kind.UNSUPPORTED),
    _row("-21", Kind.AUTH),
    _row("-22", Kind.AUTH),
    _row("-23", Kind.AUTH),
    _row("-24", Kind.FORBIDDEN, when="IP"),
    Row(code="-24", kind=Kind.FORBIDDEN, cause=answer(200, '{"error": "-24"}'), when="without description"),
    _row("-24", Kind.BAD_REQUEST, "Missing attribute: 'phones'", when="names an attribute", line="-25"),
    _row("-25", Kind.BAD_REQUEST, "Missing attribute: 'phones'", when="otherwise"),
    _row("-25", Kind.SOFT_RECIPIENT, "Invalid attribute: 'phones='", when="phones", line="-26", divides=True),
    _row("-26", Kind.SOFT_RECIPIENT, when="otherwise", divides=True),
    _row("-26", Kind.BAD_CONTENT, "Missing attribute: 'mes'", when="mes", line="-27"),
    _row("-27", Kind.BAD_CONTENT, when="otherwise"),
    _row("-27", Kind.BAD_REQUEST, "Invalid attribute: 'validity='", when="validity", line="-28"),
    _row("-28", Kind.BAD_REQUEST),
    _row("-29", Kind.BAD_REQUEST),
    _row("-30", Kind.BAD_REQUEST),
    _row("-33", Kind.BAD_REQUEST),
    _row("-34", Kind.BAD_REQUEST, requests=2),
    _row("-35", Kind.BAD_REQUEST, requests=2),
    _row("-41", Kind.LIMIT),
    _row("-42", Kind.LIMIT),
    _row("-43", Kind.NO_CREDITS),
    _row("-37", Kind.REJECTED_HERE, when="not in the table", line="other"),
    _row("-40", Kind.BAD_REQUEST, "Invalid attribute: 'flash=7'", when="names another attribute", line="*"),
    _http(404, Kind.BAD_REQUEST),
)
SENDER_CODES = (_row("-31", Kind.SENDER_REJECTED), _row("-32", Kind.SENDER_REJECTED))
"""Only a message has a sender."""
OTHERS = (
    _http(401, Kind.AUTH),
    _http(403, Kind.FORBIDDEN),
    _http(405, Kind.BAD_REQUEST),
    _http(413, Kind.LIMIT),
    _http(429, Kind.THROTTLED, throttle()),
    _http(503, Kind.THROTTLED, throttle(3, status=503), when="with Retry-After"),
    _http(503, Kind.TRANSIENT, when="otherwise"),
)
"""Answers of proxies: general rules, which are no rows of the plugin's table."""
SAYS_NOTHING = (
    (error("0", "ok"), UnknownReason.UNREADABLE, "0"),
    (error("-99"), UnknownReason.UNREADABLE, "-99"),
)
BROKEN = (
    (garbage(), UnknownReason.GATEWAY, "http_502"),
    (answer(500), UnknownReason.GATEWAY, "http_500"),
    (answer(200, "<html></html>"), UnknownReason.UNREADABLE, None),
    (close_before_accept(), UnknownReason.DISCONNECTED, "disconnected"),
)
NOT_TAKEN = (*SAYS_NOTHING, *BROKEN)
"""Answers that say nothing, to submits that did not take effect."""
TAKEN = (
    (error_after_accept("0", "ok"), UnknownReason.UNREADABLE, "0"),
    (error_after_accept("-99"), UnknownReason.UNREADABLE, "-99"),
    (garbage(accepted=True), UnknownReason.GATEWAY, "http_502"),
    (close_after_accept(), UnknownReason.DISCONNECTED, "disconnected"),
    (truncate(5), UnknownReason.DISCONNECTED, "disconnected"),
    (answer(200, '{"id": "i1", "cnt": "1", "messages": [{"id"', accepted=True), UnknownReason.UNREADABLE, None),
    (hang_after_accept(), UnknownReason.TIMEOUT, "timeout"),
)


def _submits(form: Form) -> tuple[Row, ...]:
    rows = (*CODES, *(SENDER_CODES if form.channel is not Channel.HLR else ()), *OTHERS)
    return rows if form.count == 1 else tuple(row for row in rows if row.kind is not Kind.THROTTLED)


def _cases(forms: Iterable[Form]) -> list[object]:
    return [pytest.param(form, row, id=f"{form}-{row}") for form in forms for row in _submits(form)]


# -- submit ------------------------------------------------------------------------------------------------------------


@pytest.mark.trap("S02", "S03", "S22", "S27")
@pytest.mark.parametrize(("form", "row"), _cases(FORMS))
async def test_a_refusal_leads_to_the_next_step_of_its_class(bench: Bench, form: Form, row: Row) -> None:
    """A refused submit goes to a second provider or not, and takes out of use what its class says, nothing else."""
    expected = expected_with_another(form, row)
    assert expected == await with_another(bench, form, row)


@pytest.mark.parametrize(("form", "row"), _cases((SMS, VIBER)))
async def test_without_another_provider_the_same_is_asked_again_only_as_its_class_allows(
    bench: Bench, form: Form, row: Row
) -> None:
    """With nobody else there, a refusal is final, but for "too fast" (six repeats) and "try later" (two)."""
    assert expected_alone(form, row) == await alone(bench, form, row)


@pytest.mark.parametrize("row", _submits(VIBER), ids=str)
async def test_a_refused_viber_message_is_tried_elsewhere_only_as_its_class_allows(bench: Bench, row: Row) -> None:
    """A refusal says of a Viber message what it says of an SMS; another account gets it in the same cases."""
    says = CONSEQUENCES[row.kind]
    async with bench.router("smstele", "smstele_again") as table:
        script(bench.smstele, row.cause, "sendsms", row.requests)
        (receipt,) = await table.send(*VIBER.messages())
    here = "smstele" if row.kind is Kind.THROTTLED else "smstele_again"
    good = says.elsewhere or row.kind is Kind.THROTTLED
    assert (("smstele", here) if good else ("smstele",), State.SENT if good else State.FAILED) == (
        path(receipt),
        receipt.state,
    )
    assert [message.channel for message in bench.smstele.ledger.messages] == [Channel.VIBER] * good


async def test_flash_that_is_not_implemented_leaves_plain_sms_in_use(bench: Bench) -> None:
    """Code -6 in answer to a flash message speaks against flash; the next plain message is sent as ever."""
    async with bench.router("smstele") as table:
        script(bench.smstele, error("-6"), "sendsms", 1)
        (flash,) = await table.send(Sms(NUMBER, "Hello", flash=True))
        (plain,) = await table.send(Sms(NUMBER, "Hello"))
        assert is_at_peace(table)
    assert (flash.state, plain.state) == (State.FAILED, State.SENT)
    assert (flash.attempts[0].outcome.fault, flash.attempts[0].outcome.code) == (Fault.DECLINED, "-6")


async def test_flash_messages_go_where_flash_is_offered(bench: Bench) -> None:
    """They share a request with each other but not with plain messages of the same text, and arrive as flash."""
    first, second, third = NUMBERS[:3]
    async with bench.router("devino", "smstele") as table:
        flashes = await table.send(Sms(first, "Hello", flash=True), Sms(second, "Hello", flash=True))
    async with bench.router("smstele") as table:
        await table.send(Sms(first, "Hello", flash=True), Sms(second, "Hello", flash=True), Sms(third, "Hello"))
    assert [(path(receipt), receipt.state) for receipt in flashes] == [(("smstele",), State.SENT)] * 2
    assert sorted(message.to for message in bench.smstele.flashes) == [first, first, second, second]
    assert (bench.smstele.ledger.calls["sendsms"], len(bench.smstele.ledger.messages)) == (1 + 2, 2 + 3)


@pytest.mark.trap("S04")
@pytest.mark.parametrize("status", [400, 500])
async def test_the_body_decides_whatever_the_http_status_is(bench: Bench, status: int) -> None:
    """An error of the table means the same under every HTTP status: the request was rejected, never in doubt."""
    for row in (*CODES, *SENDER_CODES):
        if row.code.startswith("http_"):
            continue
        bench.reset()
        same = msgspec.structs.replace(row, cause=msgspec.structs.replace(row.cause, status=status))
        assert (str(row), expected_with_another(SMS, row)) == (str(row), await with_another(bench, SMS, same))


@pytest.mark.trap("S15")
@pytest.mark.parametrize("form", EVERY_FORM, ids=str)
@pytest.mark.parametrize("code", ["-34", "-35"])
async def test_a_refused_id_is_replaced_once(bench: Bench, form: Form, code: str) -> None:
    """Another id is tried within the same attempt; reports are then asked for by the id that was taken."""
    async with bench.router("smstele") as table:
        script(bench.smstele, error(code), "sendsms", 1)
        receipts = await table.send(*form.messages(), until_final=True)
        assert is_at_peace(table)
    first, second = (dict(request.params)["id"] for request in bench.smstele.ledger.requests[:2])
    assert first != second
    assert {second} == {message.id for message in bench.smstele.ledger.messages}
    for receipt in receipts:
        assert (path(receipt), receipt.attempts[0].calls) == (("smstele",), 2)
        assert (State.RESOLVED if form.channel is Channel.HLR else State.DELIVERED) == receipt.state


async def test_a_refused_validity_is_left_out_once(bench: Bench) -> None:
    """Where `validity` is sent, code -28 is answered with one more submit without it."""
    async with bench.router("smstele_minutes") as table:
        script(bench.smstele, error("-28"), "sendsms", 1)
        (receipt,) = await table.send(Sms(NUMBER, "Hello", ttl=timedelta(minutes=10)), until_final=True)
        assert is_at_peace(table)
    sent = [dict(request.params).get("validity") for request in bench.smstele.ledger.requests[:2]]
    assert (sent, receipt.state) == (["10", None], State.DELIVERED)


async def test_a_refused_life_of_a_viber_message_is_left_out_once(bench: Bench) -> None:
    """`viber_validity` is always sent where a life was set; code -28 is answered with one more submit without it."""
    async with bench.router("smstele") as table:
        script(bench.smstele, error("-28"), "sendsms", 1)
        (receipt,) = await table.send(Viber(NUMBER, "Hello", ttl=timedelta(minutes=10)), until_final=True)
        assert is_at_peace(table)
    sent = [dict(request.params).get("viber_validity") for request in bench.smstele.ledger.requests[:2]]
    assert (sent, receipt.state) == (["600", None], State.DELIVERED)


@pytest.mark.trap("S08")
async def test_numbers_that_the_answer_does_not_count_go_to_another_provider(bench: Bench) -> None:
    """Two of four numbers are not in the provider's number plan: they are bad here, not everywhere."""
    good, bad = ("79160001234", "79260004567"), ("79079876543", "79676771707")
    async with bench.router("smstele", "devino") as table:
        receipts = await table.send(*(Sms(number, "Hello") for number in (*good, *bad)), until_final=True)
        assert is_at_peace(table)
    ways = {receipt.to: path(receipt) for receipt in receipts}
    assert {**dict.fromkeys(good, ("smstele",)), **dict.fromkeys(bad, ("smstele", "devino"))} == ways
    assert {State.DELIVERED} == {receipt.state for receipt in receipts}
    refused = [outcome for outcome in outcomes(receipts, "smstele") if isinstance(outcome, Refused)]
    assert [(outcome.fault, outcome.certain) for outcome in refused] == [(Fault.RECIPIENT, False)] * 2
    assert bench.smstele.ledger.calls["sendsms"] == 1


async def test_a_number_that_nobody_likes_is_tried_twice_and_no_more(bench: Bench) -> None:
    """A soft "bad number" is checked with one other provider; its second refusal ends it."""
    bad = "79079876543"
    bench.devino.invalid_numbers.add(bad)
    async with bench.router("smstele", "devino", "devino_again") as table:
        (receipt,) = await table.send(Sms(bad, "Hello"))
        assert is_at_peace(table)
    assert (path(receipt), receipt.state) == (("smstele", "devino"), State.FAILED)


# -- in doubt ----------------------------------------------------------------------------------------------------------


@pytest.mark.trap("S12", "S14", "S26")
@pytest.mark.parametrize("message_class", [MessageClass.OTP, MessageClass.TRANSACTIONAL], ids=str)
@pytest.mark.parametrize(("cause", "reason", "code"), TAKEN)
@pytest.mark.parametrize("form", EVERY_FORM, ids=str)
async def test_a_submit_that_took_effect_is_found_by_its_id(
    bench: Bench, form: Form, cause: FaultRule, reason: UnknownReason, code: str | None, message_class: MessageClass
) -> None:
    """The status call knows the message, so it is accepted, and nobody sends it again."""
    async with bench.router("smstele", form.other, cause=cause) as table:
        script(bench.smstele, cause, "sendsms", None)
        receipts = await table.send(*form.messages(message_class), until_final=True)
        assert table.status("smstele").rests == ()
        assert table.status("smstele").taken[form.channel] < 1
    assert (1, form.count) == (bench.smstele.ledger.calls["sendsms"], len(bench.smstele.ledger.messages))
    for receipt in receipts:
        (attempt,) = receipt.attempts
        assert (reason, code) == (attempt.first_unknown.reason, attempt.first_unknown.code)
        assert (attempt.settled_by, isinstance(attempt.outcome, Accepted)) == (SettledBy.RECONCILED, True)
        assert (State.RESOLVED if form.channel is Channel.HLR else State.DELIVERED, False) == (
            receipt.state,
            receipt.possible_duplicate,
        )


@pytest.mark.trap("S14", "S24", "S26")
@pytest.mark.parametrize(("cause", "reason", "code"), NOT_TAKEN)
async def test_a_submit_that_is_not_found_twice_was_not_taken(
    bench: Bench, cause: FaultRule, reason: UnknownReason, code: str | None
) -> None:
    """Ten seconds and two looks later, absence is proof: the next provider gets the message, without any doubt."""
    async with bench.router("smstele", "devino", cause=cause) as table:
        script(bench.smstele, cause, "sendsms", None)
        (receipt,) = await table.send(*SMS.messages())
    first, second = receipt.attempts
    assert (path(receipt), receipt.state, receipt.possible_duplicate) == (("smstele", "devino"), State.SENT, False)
    assert (reason, code) == (first.first_unknown.reason, first.first_unknown.code)
    assert (first.outcome.fault, first.outcome.code) == (Fault.UNAVAILABLE, "not_sent")
    assert 10 <= second.started_at - first.started_at <= 60
    assert bench.smstele.ledger.calls["sendsms"] == 1


@pytest.mark.trap("S14", "S24")
@pytest.mark.parametrize(
    ("form", "seconds"),
    [*((form, seconds) for form in (SMS, BATCH, VIBER) for seconds in (3.0, 9.5, 11.5)), (HLR, 3.0)],
    ids=str,
)
async def test_a_submit_that_takes_effect_late_is_found_and_not_sent_again(
    bench: Bench, form: Form, seconds: float
) -> None:
    """A gateway gave up and the message is taken seconds later, even after the first of the two looks that are proof.

    A lookup does not wait for proof: asking twice does no harm.
    """
    bench.smstele.late_by = seconds
    async with bench.router("smstele", form.other) as table:
        script(bench.smstele, quirk("late"), "sendsms", 1)
        receipts = await table.send(*form.messages(), until_final=True)
    for receipt in receipts:
        (attempt,) = receipt.attempts
        assert (attempt.first_unknown.reason, attempt.first_unknown.code) == (UnknownReason.GATEWAY, "http_504")
        assert (attempt.settled_by, isinstance(attempt.outcome, Accepted)) == (SettledBy.RECONCILED, True)
    assert (1, form.count) == (bench.smstele.ledger.calls["sendsms"], len(bench.smstele.ledger.messages))


@pytest.mark.parametrize(("cause", "reason", "code"), NOT_TAKEN)
async def test_a_code_to_log_in_with_does_not_wait_for_the_proof(
    bench: Bench, cause: FaultRule, reason: UnknownReason, code: str | None
) -> None:
    """A one-time password goes on after five seconds; the receipt says that it may arrive twice."""
    async with bench.router("smstele", "devino", cause=cause) as table:
        script(bench.smstele, cause, "sendsms", None)
        (receipt,) = await table.send(*SMS.messages(MessageClass.OTP))
    first, second = receipt.attempts
    assert (path(receipt), receipt.state, receipt.possible_duplicate) == (("smstele", "devino"), State.SENT, True)
    assert (reason, code) == (first.outcome.reason, first.outcome.code)
    assert 5 <= second.started_at - first.started_at < 10


async def test_while_the_status_call_does_not_answer_a_message_stays_unknown(bench: Bench) -> None:
    """Without proof nothing is sent again; a later look finds the message, and the receipt ends as delivered."""
    async with bench.router("smstele", "devino") as table:
        bench.smstele.faults.add(close_after_accept(endpoint="sendsms"))
        script(bench.smstele, garbage(), "status", 20)
        (receipt,) = await table.send(*SMS.messages())
        assert (receipt.state, path(receipt)) == (State.UNKNOWN, ("smstele",))
        await bench.clock.sleep(48 * HOUR)
        settled = await table.router.receipt(receipt.id)
    assert (settled.state, settled.attempts[0].settled_by) == (State.DELIVERED, SettledBy.RECONCILED)
    assert bench.smstele.ledger.calls["sendsms"] == 1


@pytest.mark.parametrize("row", [*CODES, *SENDER_CODES, *OTHERS], ids=str)
async def test_a_refused_question_about_a_doubt_is_asked_again(bench: Bench, row: Row) -> None:
    """A refusal of the status call says nothing about the message and blames nobody; the next look finds it."""
    async with bench.router("smstele", "devino") as table:
        bench.smstele.faults.add(close_after_accept(endpoint="sendsms"))
        script(bench.smstele, row.cause, "status", 1)
        (receipt,) = await table.send(*SMS.messages())
        asked = [(call.outcome, call.fault, call.code) for call in table.calls("smstele", Operation.RECONCILE)]
        fault = CONSEQUENCES[row.kind].fault
        assert [(CallOutcome.FAILED, fault, row.code), (CallOutcome.ANSWERED, None, None)] == asked
        assert table.status("smstele").rests == ()
    assert (receipt.state, path(receipt)) == (State.SENT, ("smstele",))


@pytest.mark.parametrize(("cause", "reason", "code"), SAYS_NOTHING)
async def test_an_answer_about_a_doubt_that_says_nothing_is_asked_for_again(
    bench: Bench, cause: FaultRule, reason: UnknownReason, code: str
) -> None:
    """Code 0 and -99 settle no doubt either."""
    async with bench.router("smstele", "devino", cause=cause) as table:
        bench.smstele.faults.add(close_after_accept(endpoint="sendsms"))
        script(bench.smstele, cause, "status", 1)
        (receipt,) = await table.send(*SMS.messages())
        asked = [(call.outcome, call.code) for call in table.calls("smstele", Operation.RECONCILE)]
    assert [(CallOutcome.UNKNOWN, code), (CallOutcome.ANSWERED, None)] == asked
    assert (receipt.state, path(receipt)) == (State.SENT, ("smstele",))


# -- status ------------------------------------------------------------------------------------------------------------

STATUS = (
    *CODES,
    *SENDER_CODES,
    *OTHERS,
    Row(code="0", kind=Kind.ACCEPTED, cause=error("0", "ok")),
    _row("-99", Kind.TRANSIENT),
    _http(502, Kind.TRANSIENT, garbage()),
)


@pytest.mark.trap("S12")
@pytest.mark.parametrize("form", [SMS, HLR, VIBER], ids=str)
async def test_a_refused_question_about_reports_is_asked_again(bench: Bench, form: Form) -> None:
    """Whatever the status call is answered with, it is told as it is, does harm to nobody and is repeated."""
    for row in STATUS:
        bench.reset()
        assert (str(row), expected_for_reports(form, row)) == (str(row), await asked_for_reports(bench, form, row))


# The word in `stat`, how the sandbox comes to say it, what it means for a message, and whether it is the last word.
STATES = (
    ("ENROUTE", Fate.STUCK, DeliveryState.SENT, None),
    ("ACCEPTD", None, DeliveryState.SENT, None),
    ("DELIVRD", Fate.DELIVERED, DeliveryState.DELIVERED, State.DELIVERED),
    ("UNDELIV", Fate.UNDELIVERED, DeliveryState.UNDELIVERABLE, State.UNDELIVERED),
    ("EXPIRED", Fate.EXPIRED, DeliveryState.EXPIRED, State.EXPIRED),
    ("REJECTD", Fate.REJECTED, DeliveryState.REJECTED, State.REJECTED),
    ("DELETED", Fate.DELETED, DeliveryState.DELETED, State.REJECTED),
    ("UNKNOWN", Fate.UNKNOWN, DeliveryState.UNKNOWN, None),
    ("BUFFERED", None, DeliveryState.UNKNOWN, None),  # no word of the document
)


def _let_end(bench: Bench, word: str, fate: Fate | None) -> None:
    """Tell the sandbox how a message ends, or which word it says of it for ever."""
    if fate is None:
        bench.smstele.stats[NUMBER] = word
    else:
        bench.smstele.outcomes[NUMBER] = fate


@pytest.mark.trap("S10")
@pytest.mark.parametrize("message", [Sms(NUMBER, "Hello"), Viber(NUMBER, "Hello")], ids=["sms", "viber"])
@pytest.mark.parametrize(("word", "fate", "means", "final"), STATES)
async def test_a_state_is_read_from_stat(
    bench: Bench, word: str, fate: Fate | None, means: DeliveryState, final: State | None, message: Message
) -> None:
    """A final word ends the message; any other leaves it sent, and unknown when 48 hours have passed."""
    _let_end(bench, word, fate)
    async with bench.router("smstele") as table:
        (receipt,) = await table.send(message)
        await bench.clock.sleep(HOUR)
        told = [event for event in table.events if isinstance(event, Reported)]
        assert (means, final is not None) == (told[-1].state, told[-1].final)
        assert (final or State.SENT) == (await table.router.receipt(receipt.id)).state
        await bench.clock.sleep(48 * HOUR)
        assert (final or State.UNKNOWN) == (await table.router.receipt(receipt.id)).state
        assert is_at_peace(table)


@pytest.mark.parametrize("fate", [Fate.UNDELIVERED, Fate.REJECTED])
async def test_a_bad_end_that_another_provider_may_avoid_is_tried_there(bench: Bench, fate: Fate) -> None:
    """A message that is reported as UNDELIV or REJECTD in its life time is sent by the next provider."""
    bench.smstele.outcomes[NUMBER] = fate
    async with bench.router("smstele", "devino") as table:
        (receipt,) = await table.send(Sms(NUMBER, "Hello"), until_final=True)
    assert (path(receipt), receipt.state) == (("smstele", "devino"), State.DELIVERED)


# The document defines no results of lookups: this is our reading. The last column: one other provider is asked.
LOOKUPS = (
    ("ENROUTE", Fate.STUCK, LookupState.UNKNOWN, True),  # for ever: given up after a quarter of an hour
    ("ACCEPTD", None, LookupState.UNKNOWN, True),  # likewise
    ("DELIVRD", Fate.DELIVERED, LookupState.REACHABLE, False),
    ("UNDELIV", Fate.UNDELIVERED, LookupState.ABSENT, False),
    ("EXPIRED", Fate.EXPIRED, LookupState.FAILED, True),
    ("REJECTD", Fate.REJECTED, LookupState.FAILED, True),
    ("DELETED", Fate.DELETED, LookupState.FAILED, True),
    ("UNKNOWN", Fate.UNKNOWN, LookupState.UNKNOWN, True),
    ("BUFFERED", None, LookupState.UNKNOWN, True),  # no word of the document
)


@pytest.mark.parametrize(("word", "fate", "means", "elsewhere"), LOOKUPS)
async def test_a_lookup_is_answered_or_asked_of_one_other_provider(
    bench: Bench, word: str, fate: Fate | None, means: LookupState, elsewhere: bool
) -> None:
    """DELIVRD and UNDELIV are answers; whatever else the status says in the end is asked of one other provider."""
    _let_end(bench, word, fate)
    async with bench.router("smstele") as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
    assert (State.FAILED if elsewhere else State.RESOLVED, means) == (receipt.state, receipt.lookup.state)
    async with bench.router("smstele", "affiliate", "devino") as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
        assert is_at_peace(table)
    assert (State.RESOLVED, LookupState.REACHABLE if elsewhere else means) == (receipt.state, receipt.lookup.state)
    assert (("smstele", "affiliate") if elsewhere else ("smstele",)) == path(receipt)


# -- nothing is missing ------------------------------------------------------------------------------------------------


async def test_every_line_of_the_plugins_table_is_driven_and_none_is_invented() -> None:
    """The table of these tests and the one that the plugin declares hold the same codes with the same meanings."""
    here = {(row.line or row.code, CONSEQUENCES[row.kind].fault) for row in (*CODES, *SENDER_CODES)}
    here |= {(code, "unknown") for _, _, code in SAYS_NOTHING}
    calls = (Operation.SUBMIT, Operation.RECONCILE, Operation.POLL)
    assert {(operation, *pair) for operation in calls for pair in here} == declared("smstele")
