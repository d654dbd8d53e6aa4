"""Devino's error codes: each is driven through its sandbox, for every call that is built on."""

from collections.abc import Iterable

import msgspec
import pytest

from pointsman.events import CallOutcome, Operation
from pointsman.message import Channel, MessageClass
from pointsman.outcome import Accepted, Fault, State, Unknown, UnknownReason
from pointsman.sandbox import (
    FaultRule,
    answer,
    close_after_accept,
    close_before_accept,
    error,
    garbage,
    hang_after_accept,
    quirk,
    throttle,
    truncate,
)
from pointsman_devino.sandbox import Quirk

from .asking import asked_for_reports, expected_calls, expected_for_reports, is_at_peace
from .bench import Bench, Form, declared, outcomes, path, script
from .consequences import CONSEQUENCES, Kind, Row
from .driving import alone, expected_alone, expected_with_another, tell, with_another

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMS = Form(name="sms", account="devino", other="smstele", submits="Sms/Send", polls="Sms/State", channel=Channel.SMS)
BULK = Form(
    name="bulk",
    account="devino",
    other="smstele",
    submits="Sms/Send*",
    polls="Sms/State",
    channel=Channel.SMS,
    count=2,
)
HLR = Form(
    name="hlr", account="devino", other="affiliate", submits="Hlr/SendBulk", polls="Hlr/State", channel=Channel.HLR
)
HLR_PASSWORD = Form(
    name="hlr_password",
    account="devino_password",
    other="affiliate",
    submits="v2/Hlr/SendBulk",
    polls="v2/Hlr/State",
    channel=Channel.HLR,
)
VIBER = Form(
    name="viber",
    account="devino_viber",
    other="second",
    submits="Viber/Send",
    polls="Viber/State",
    channel=Channel.VIBER,
)
VIBER_BULK = msgspec.structs.replace(VIBER, name="viber_bulk", submits="Viber/Send*", count=2)
FORMS = (SMS, BULK, VIBER, VIBER_BULK, HLR, HLR_PASSWORD)
IN_SESSION = (SMS, BULK, VIBER, VIBER_BULK, HLR)

NULL_ENTRY = (
    "The parameters dictionary contains a null entry for parameter 'validity' of non-nullable type 'System.Int32'"
)
TOO_MANY_DAYS = "Нельзя указывать диапазон дат более 90 дней."
PAGE = "<html><body>It works</body></html>"


def _row(
    code: str, kind: Kind, text: str = "", *, when: str = "", divides: bool = False, status: int | None = None
) -> Row:
    return Row(code=code, kind=kind, cause=error(code, text, status=status), when=when, divides=divides)


def _http(status: int, kind: Kind, cause: FaultRule | None = None, *, when: str = "") -> Row:
    return Row(code=f"http_{status}", kind=kind, cause=cause or answer(status), when=when)


# -- the tables --------------------------------------------------------------------------------------------------------

EVERYWHERE = (
    _row("1", Kind.BAD_REQUEST),
    _row("2", Kind.BAD_REQUEST, TOO_MANY_DAYS, when="date"),
    _row("2", Kind.REJECTED_HERE, "Invalid argument", when="otherwise", divides=True),
    _row("5", Kind.NO_CREDITS),
    _row("6", Kind.REJECTED_HERE, "Invalid operation", when="otherwise", divides=True),
    _row("9", Kind.BAD_REQUEST, NULL_ENTRY, when="binding"),
)
"""What means the same in answer to every call."""
SUBMIT = (
    *EVERYWHERE,
    _row("2", Kind.SOFT_RECIPIENT, "Invalid destination address", when="destination", divides=True),
    _row("2", Kind.SOFT_RECIPIENT, "Неверный номер", when="номер", divides=True),
    _row("2", Kind.BAD_CONTENT, "Data can not be sent", when="text"),
    # Not in their table. Read more closely than "anything that holds the word address", and than "text":
    _row("2", Kind.LIMIT, "Data is too long", when="length"),
    _row("7", Kind.REJECTED_HERE, when="anti-spam"),
)
SUBMIT_SMS = (
    *SUBMIT,
    _row("2", Kind.SENDER_REJECTED, "Invalid source address", when="sender"),
    _row("6", Kind.SENDER_REJECTED, "Invalid source address", when="sender"),
)
SUBMIT_VIBER = (
    *SUBMIT_SMS,
    _row("error-address-format", Kind.BAD_RECIPIENT, divides=True),
    _row("error-address-not-specified", Kind.BAD_RECIPIENT, divides=True),
    _row("error-address-unknown", Kind.SOFT_RECIPIENT, divides=True),
    _row("error-content-not-specified", Kind.BAD_CONTENT),
    _row("error-subject-format", Kind.SENDER_REJECTED),
    _row("error-subject-unknown", Kind.SENDER_REJECTED),
    _row("error-subject-not-specified", Kind.BAD_REQUEST),
    _row("error-validity-period-seconds-format", Kind.BAD_REQUEST),
)
"""Viber has words of its own, and the codes of SMS beside them."""
WITH_PASSWORD = (
    _row("3", Kind.AUTH),
    _row("4", Kind.AUTH, "Invalid user login or password"),
    _http(401, Kind.AUTH),
)
"""Codes that speak of the session, in answer to a call that carries login and password."""
EXPIRED = (
    _row("3", Kind.SESSION_EXPIRED),
    _row("4", Kind.SESSION_EXPIRED, "SessionID expired"),
    _http(401, Kind.SESSION_EXPIRED),
)
"""The same codes in answer to a call in a session."""
ASKED = (
    *EVERYWHERE,
    _row("8", Kind.TRANSIENT),
    _row("9", Kind.TRANSIENT, "Object reference not set to an instance of an object", when="otherwise"),
)
LOGIN = (*ASKED, *WITH_PASSWORD, _row("7", Kind.FORBIDDEN))
ASKED_IN_SESSION = (*ASKED, *EXPIRED, _row("7", Kind.FORBIDDEN))
BALANCE = ASKED_IN_SESSION
POLL = (*ASKED, _row("7", Kind.REJECTED_HERE, when="anti-spam"))
POLL_VIBER = (*POLL, _row("error-system", Kind.TRANSIENT))
OTHERS = (
    _http(403, Kind.FORBIDDEN),
    _http(404, Kind.BAD_REQUEST),
    _http(405, Kind.BAD_REQUEST),
    _http(413, Kind.LIMIT),
    _http(414, Kind.LIMIT),
    _http(429, Kind.THROTTLED, throttle()),
    _http(429, Kind.THROTTLED, throttle(7), when="with Retry-After"),
    _http(503, Kind.THROTTLED, throttle(3, status=503), when="with Retry-After"),
    _http(503, Kind.TRANSIENT, when="otherwise"),
    _row("10", Kind.REJECTED_HERE, "no code of the table", when="a state, not an error"),
    _row("5", Kind.NO_CREDITS, status=200, when="with HTTP 200"),
)
"""Answers of proxies and codes of no table: general rules, which are no rows of the plugin's table."""
IN_DOUBT = (
    (error("8"), UnknownReason.GATEWAY, "8"),
    (error("9", "Object reference not set to an instance of an object"), UnknownReason.GATEWAY, "9"),
    (garbage(), UnknownReason.GATEWAY, "http_502"),
    (garbage(status=504), UnknownReason.GATEWAY, "http_504"),
    (answer(200, PAGE), UnknownReason.UNREADABLE, None),
    (close_before_accept(), UnknownReason.DISCONNECTED, "disconnected"),
    (close_after_accept(), UnknownReason.DISCONNECTED, "disconnected"),
    (truncate(5), UnknownReason.DISCONNECTED, "disconnected"),
    (hang_after_accept(), UnknownReason.TIMEOUT, "timeout"),
)
IN_DOUBT_VIBER = (*IN_DOUBT, (error("error-system"), UnknownReason.GATEWAY, "error-system"))

SUBMITS = {Channel.SMS: SUBMIT_SMS, Channel.VIBER: SUBMIT_VIBER, Channel.HLR: SUBMIT}


def _submits(form: Form) -> tuple[Row, ...]:
    session = () if form in IN_SESSION else WITH_PASSWORD
    rows = (*SUBMITS[form.channel], *session, *OTHERS)
    return rows if form.count == 1 else tuple(row for row in rows if row.kind is not Kind.THROTTLED)


def _cases(forms: Iterable[Form]) -> list[object]:
    return [pytest.param(form, row, id=f"{form}-{row}") for form in forms for row in _submits(form)]


# -- submit ------------------------------------------------------------------------------------------------------------


@pytest.mark.trap("D08", "D09", "D11")
@pytest.mark.parametrize(("form", "row"), _cases(FORMS))
async def test_a_refusal_leads_to_the_next_step_of_its_class(bench: Bench, form: Form, row: Row) -> None:
    """A refused submit goes to a second provider or not, and takes out of use what its class says, nothing else."""
    expected = expected_with_another(form, row)
    assert expected == await with_another(bench, form, row)


@pytest.mark.parametrize(("form", "row"), _cases((SMS, VIBER, HLR, HLR_PASSWORD)))
async def test_without_another_provider_the_same_is_asked_again_only_as_its_class_allows(
    bench: Bench, form: Form, row: Row
) -> None:
    """With nobody else there, a refusal is final, but for "too fast" (six repeats) and "try later" (two)."""
    assert expected_alone(form, row) == await alone(bench, form, row)


@pytest.mark.trap("D04", "D05")
@pytest.mark.parametrize("form", IN_SESSION, ids=str)
@pytest.mark.parametrize("row", EXPIRED, ids=str)
async def test_an_expired_session_is_renewed_and_the_submit_repeated(bench: Bench, form: Form, row: Row) -> None:
    """Codes 3 and 4 in a session cost one login and one repeat, and are nobody's fault."""
    async with bench.router(form.account) as table:
        script(bench.devino, row.cause, form.submits, 1)
        receipts = await table.send(*form.messages())
        assert [(form.account,)] * form.count == [path(receipt) for receipt in receipts]
        assert all(isinstance(outcome, Accepted) for outcome in outcomes(receipts, form.account))
        assert [2] * form.count == [receipt.attempts[0].calls for receipt in receipts]
        assert is_at_peace(table)
    assert (form.submitted(bench.devino), bench.devino.ledger.calls["User/SessionId"]) == (2, 2)


@pytest.mark.trap("D04", "D05")
@pytest.mark.parametrize("form", IN_SESSION, ids=str)
@pytest.mark.parametrize("row", EXPIRED, ids=str)
async def test_a_session_that_never_holds_is_a_matter_of_the_credentials(bench: Bench, form: Form, row: Row) -> None:
    """A second "expired" after a fresh login is read as wrong credentials: two submits, two logins, then out."""
    refused = Row(code=row.code, kind=Kind.AUTH, cause=row.cause, requests=2)
    assert expected_with_another(form, refused) == await with_another(bench, form, refused)
    assert bench.devino.ledger.calls["User/SessionId"] == 2


@pytest.mark.trap("D09", "D10", "D11", "D42", "X04", "X05")
@pytest.mark.parametrize(
    ("form", "cause", "reason", "code"),
    [
        pytest.param(form, *doubt, id=f"{form}-{place}")
        for form in FORMS
        for place, doubt in enumerate(IN_DOUBT_VIBER if form.channel is Channel.VIBER else IN_DOUBT)
    ],
)
async def test_what_may_have_been_sent_is_unknown_and_decided_by_its_class(
    bench: Bench, form: Form, cause: FaultRule, reason: UnknownReason, code: str | None
) -> None:
    """Devino cannot be asked what became of a submit: a message stays unknown, a lookup is asked of somebody else."""
    lookup = form.channel is Channel.HLR
    way = (form.account, form.other) if lookup else (form.account,)
    async with bench.router(form.account, form.other, cause=cause) as table:
        script(bench.devino, cause, form.submits, None)
        receipts = await table.send(*form.messages())
        story = tell(table, form, receipts)
    assert ((way,) * form.count, 1, True, ()) == (story.paths, story.requests, story.counted, story.out)
    assert {State.RESOLVED if lookup else State.UNKNOWN} == set(story.states)
    assert story.others_untouched
    for outcome in outcomes(receipts, form.account):
        assert isinstance(outcome, Unknown)
        assert (reason, code) == (outcome.reason, outcome.code)


@pytest.mark.trap("D42")
@pytest.mark.parametrize("cause", [cause for cause, _, _ in IN_DOUBT])
async def test_a_code_to_log_in_with_prefers_a_duplicate_to_a_loss(bench: Bench, cause: FaultRule) -> None:
    """A one-time password whose submit is in doubt goes to the next provider, and the receipt says so."""
    async with bench.router("devino", "smstele", cause=cause) as table:
        script(bench.devino, cause, "Sms/Send", None)
        (receipt,) = await table.send(*SMS.messages(MessageClass.OTP))
    assert (path(receipt), receipt.state, receipt.possible_duplicate) == (("devino", "smstele"), State.SENT, True)
    assert bench.devino.ledger.calls["Sms/Send"] == 1


@pytest.mark.trap("X04")
async def test_a_provider_that_does_not_listen_took_nothing(bench: Bench) -> None:
    """A connection that is refused is "try later", not in doubt: the next provider takes the message."""
    async with bench.router("devino", "smstele") as table:
        await bench.devino.close()
        try:
            (receipt,) = await table.send(*SMS.messages())
        finally:
            await bench.devino.start(port=bench.devino.port)
        assert (path(receipt), receipt.state) == (("devino", "smstele"), State.SENT)
        (refused,) = outcomes([receipt], "devino")
        assert (refused.fault, receipt.possible_duplicate) == (Fault.UNAVAILABLE, False)
        assert table.status("devino").taken[Channel.SMS] < 1


# -- login, balance, reports -------------------------------------------------------------------------------------------


@pytest.mark.trap("D04")
@pytest.mark.parametrize("row", LOGIN, ids=str)
@pytest.mark.parametrize("form", IN_SESSION, ids=str)
async def test_a_refused_login_is_a_refusal_of_the_message(bench: Bench, form: Form, row: Row) -> None:
    """Without a session nothing is submitted; the message takes the way that the code of the login means."""
    expected = expected_with_another(form, row, logging_in=True)
    assert expected == await with_another(bench, form, row, logging_in=True)


@pytest.mark.trap("D10")
@pytest.mark.parametrize(
    ("form", "rows"),
    [
        (SMS, (*POLL, *EXPIRED)),
        (VIBER, (*POLL_VIBER, *EXPIRED)),
        (HLR, (*POLL, *EXPIRED)),
        (HLR_PASSWORD, (*POLL, *WITH_PASSWORD)),
    ],
    ids=str,
)
async def test_a_refused_question_about_reports_is_asked_again(bench: Bench, form: Form, rows: tuple[Row, ...]) -> None:
    """Whatever a question about reports is answered with, it is told as it is, does harm to nobody and is repeated."""
    for row in rows:
        bench.reset()
        assert (str(row), expected_for_reports(form, row)) == (str(row), await asked_for_reports(bench, form, row))


@pytest.mark.parametrize("row", BALANCE, ids=str)
async def test_a_refused_question_about_the_balance_stops_nobody(bench: Bench, row: Row) -> None:
    """Without a balance the account is used as before; the balance is known after the next question."""
    script(bench.devino, row.cause, "User/Balance", 1)
    async with bench.router("devino") as table:
        known = row.kind is Kind.SESSION_EXPIRED
        assert known == (table.status("devino").balance is not None)
        (receipt,) = await table.send(*SMS.messages())
        assert receipt.state == State.SENT
        assert is_at_peace(table)
        await table.router.read_balances()
        calls = [(one.outcome, one.fault, one.code) for one in table.calls("devino", Operation.BALANCE)]
        assert expected_calls(row) == tuple(calls[:2])
        assert table.status("devino").balance is not None


@pytest.mark.trap("D37")
async def test_a_balance_that_is_not_told_is_not_zero(bench: Bench) -> None:
    """The document's own example has no body: the account stays in use, its balance unknown."""
    bench.devino.faults.add(quirk(Quirk.EMPTY_BODY, endpoint="User/Balance", times=None))
    async with bench.router("devino") as table:
        assert None is table.status("devino").balance
        (receipt,) = await table.send(*SMS.messages())
        assert receipt.state == State.SENT
        assert [one.outcome for one in table.calls("devino", Operation.BALANCE)] == [CallOutcome.ANSWERED]


# -- the bulk ----------------------------------------------------------------------------------------------------------


@pytest.mark.trap("D39")
@pytest.mark.parametrize("bulk", [BULK, VIBER_BULK], ids=str)
async def test_one_bad_number_among_eight_is_found_and_the_others_are_sent(bench: Bench, bulk: Form) -> None:
    """A bulk that is refused for one number is divided: seven are taken, the bad one goes to one other provider."""
    form = msgspec.structs.replace(bulk, count=8)
    bad = form.messages()[3].to
    bench.devino.invalid_numbers.add(bad)
    async with bench.router(form.account, form.other) as table:
        receipts = await table.send(*form.messages())
        assert is_at_peace(table)
    ways = {receipt.to: path(receipt) for receipt in receipts}
    assert ways.pop(bad) == (form.account, form.other)
    assert {(form.account,)} == set(ways.values())
    assert form.submitted(bench.devino) <= 7
    assert sorted(ways) == sorted(message.to for message in bench.devino.ledger.messages)


# -- nothing is missing ------------------------------------------------------------------------------------------------

DRIVEN = {
    Operation.SUBMIT: (*SUBMIT_VIBER, *WITH_PASSWORD, *EXPIRED),
    Operation.POLL: (*POLL_VIBER, *WITH_PASSWORD, *EXPIRED),
    Operation.LOGIN: LOGIN,
    Operation.BALANCE: BALANCE,
    Operation.INBOX: ASKED_IN_SESSION,
    Operation.STATISTICS: ASKED_IN_SESSION,
}


async def test_every_line_of_the_plugins_table_is_driven_and_none_is_invented() -> None:
    """The table of these tests and the one that the plugin declares hold the same codes with the same meanings."""
    here = {
        (operation, row.code, "session" if row.kind is Kind.SESSION_EXPIRED else CONSEQUENCES[row.kind].fault)
        for operation, rows in DRIVEN.items()
        for row in rows
    }
    doubtful = {"8", "9", "error-system"}
    here |= {(Operation.SUBMIT, code, "unknown") for _, _, code in IN_DOUBT_VIBER if code in doubtful}
    assert here == declared("devino")
