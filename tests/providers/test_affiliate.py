"""The codes and statuses of affiliate-sms.com: each is driven through its sandbox, for every call that is built on."""

from collections.abc import AsyncIterator, Iterable
from decimal import Decimal

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from pointsman.clock import SystemClock
from pointsman.events import CallOutcome, Operation
from pointsman.message import Channel, HlrLookup
from pointsman.outcome import Accepted, Fault, LookupState, Refused, SettledBy, State, Unknown, UnknownReason
from pointsman.plugin import Callback, PricesReading, Response, Secret
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
    throttle,
    truncate,
)
from pointsman.transport import Endpoint, Transport
from pointsman_affiliate_hlr.provider import build
from pointsman_affiliate_hlr.sandbox import Callbacks, CallbackStyle, Quirk
from pointsman_affiliate_hlr.settings import Settings

from .asking import asked_for_reports, expected_for_reports, is_at_peace
from .bench import NUMBER, Bench, Form, Table, declared, outcomes, path, script
from .consequences import CONSEQUENCES, Kind, Row
from .driving import alone, expected_alone, expected_with_another, tell, with_another

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATE = "hlr/create"
SINGLE = Form(
    name="single", account="affiliate", other="devino", submits=CREATE, polls="hlr/status", channel=Channel.HLR
)
BY_REFERENCE = msgspec.structs.replace(SINGLE, polls="hlr/reference")
BATCH = Form(
    name="batch",
    account="affiliate",
    other="devino",
    submits=CREATE,
    polls="hlr/status",
    channel=Channel.HLR,
    count=2,
)
FORMS = (SINGLE, BATCH)


def _row(code: str, kind: Kind, text: str = "", *, when: str = "", requests: int = 1, divides: bool = False) -> Row:
    return Row(code=code, kind=kind, cause=error(code, text), when=when, requests=requests, divides=divides)


def _http(
    status: int, kind: Kind, cause: FaultRule | None = None, *, when: str = "", requests: int = 1, divides: bool = False
) -> Row:
    return Row(
        code=f"http_{status}",
        kind=kind,
        cause=cause or answer(status),
        when=when,
        requests=requests,
        divides=divides,
    )


# -- the tables --------------------------------------------------------------------------------------------------------

EVERYWHERE = (
    _row("1", Kind.AUTH),
    _row("2", Kind.FORBIDDEN, "Account is blocked", when="block"),
    _row("2", Kind.BAD_REQUEST, "Not enough params", when="params"),
    _row("2", Kind.FORBIDDEN, "Error", when="says neither"),
    _row("3", Kind.FORBIDDEN, "User blocked", when="block"),
    _row("3", Kind.BAD_REQUEST, "Not enough params", when="params"),
    _row("4", Kind.BAD_REQUEST),
    _row("5", Kind.TRANSIENT),
    _row("6", Kind.BAD_REQUEST),
    _row("7", Kind.BAD_REQUEST),
    _row("8", Kind.NO_CREDITS),
    _row("9", Kind.BAD_REQUEST, "Inactive price grid", when="grid"),
    _row("11", Kind.THROTTLED, "Exceeded limit of simultaneous requests", when="limit"),
    _http(400, Kind.BAD_REQUEST, divides=True),
    _http(401, Kind.AUTH),
    _http(403, Kind.FORBIDDEN),
    _http(404, Kind.BAD_REQUEST, when="otherwise"),
    _http(422, Kind.NO_CREDITS, answer(422, '{"message": "Not enough money"}'), when="money"),
    _http(422, Kind.BAD_REQUEST, answer(422, '{"message": "Unprocessable"}'), when="otherwise", divides=True),
    _http(429, Kind.THROTTLED, throttle()),
    _http(503, Kind.THROTTLED, throttle(3, status=503), when="with Retry-After"),
)
"""What means the same in answer to every call."""
SUBMIT = (
    *EVERYWHERE,
    _row("9", Kind.REJECTED_HERE, "Error", when="otherwise"),
    _row("10", Kind.REJECTED_HERE, "Bad time"),
    _row("11", Kind.BAD_RECIPIENT, "Incorrect msisdn", when="msisdn", divides=True),
    _row("12", Kind.LIMIT, "Batch size exceeded", when="size"),
    _row("12", Kind.BAD_REQUEST, "External ID is absent", when="otherwise", requests=2),
    # Their table calls the offender of a batch a bad request. Of one number that has a msisdn, a complaint about the
    # msisdn is read as one about the number: three bad numbers must not stop the operation.
    _row("14", Kind.SOFT_RECIPIENT, "Incorrect payload: missing msisdn", when="msisdn", divides=True),
    _row("14", Kind.BAD_REQUEST, "Incorrect payload: invalid JSON", when="otherwise", divides=True),
    _row("15", Kind.BAD_REQUEST, requests=2),
    _row("61", Kind.BAD_RECIPIENT, divides=True),
    _row("62", Kind.BAD_REQUEST, requests=2),
    _row("64", Kind.BAD_REQUEST, divides=True),
    _row("65", Kind.BAD_REQUEST, requests=2),
    _row("66", Kind.LIMIT),
    _http(405, Kind.BAD_REQUEST, requests=2),
    _http(413, Kind.LIMIT),
)
ASKED = (
    *EVERYWHERE,
    _http(500, Kind.TRANSIENT),
    _http(502, Kind.TRANSIENT, garbage()),
    _http(503, Kind.TRANSIENT, when="otherwise"),
)
"""What means the same in answer to every question."""
POLL = (
    *ASKED,
    _row("9", Kind.NOT_FOUND, "HLR not found", when="otherwise"),
    _row("10", Kind.REJECTED_HERE, "Unsuitable time", when="time"),
    _row("10", Kind.NOT_FOUND, "HLR not found", when="otherwise"),
    _row("60", Kind.NOT_FOUND, "HLR not found"),
    _http(404, Kind.NOT_FOUND, answer(404, '{"message": "HLR not found"}'), when="HLR not found"),
)
PRICES = ASKED
NEWER = (
    Row(code="http_401", kind=Kind.AUTH, cause=error("1"), when="key"),
    Row(code="http_403", kind=Kind.FORBIDDEN, cause=error("2"), when="blocked"),
    Row(code="http_400", kind=Kind.BAD_REQUEST, cause=error("3"), when="params"),
    Row(code="http_422", kind=Kind.BAD_REQUEST, cause=error("6"), when="tariff"),
    Row(code="http_422", kind=Kind.NO_CREDITS, cause=error("8"), when="money"),
    Row(code="http_422", kind=Kind.BAD_REQUEST, cause=error("11"), when="msisdn", divides=True),
    Row(code="http_422", kind=Kind.BAD_REQUEST, cause=error("14"), when="payload", divides=True),
    Row(code="http_422", kind=Kind.BAD_REQUEST, cause=error("15"), when="reference"),
)
"""The newer form of refusals, which tells no code of the provider's own."""
OTHERS = (
    _row("77", Kind.REJECTED_HERE, "no code of the table", when="undocumented"),
    _http(414, Kind.LIMIT),
)
"""Codes of no table and general rules for proxies, which are no rows of the plugin's table."""
IN_DOUBT = (
    (answer(500), UnknownReason.GATEWAY, "http_500"),
    (garbage(), UnknownReason.GATEWAY, "http_502"),
    (answer(503), UnknownReason.GATEWAY, "http_503"),
    (garbage(status=504), UnknownReason.GATEWAY, "http_504"),
    (answer(200, "<html></html>"), UnknownReason.UNREADABLE, None),
    (close_before_accept(), UnknownReason.DISCONNECTED, "disconnected"),
    (close_after_accept(), UnknownReason.DISCONNECTED, "disconnected"),
    (truncate(5), UnknownReason.DISCONNECTED, "disconnected"),
    (hang_after_accept(), UnknownReason.TIMEOUT, "timeout"),
)


def _cases(forms: Iterable[Form]) -> list[object]:
    return [
        pytest.param(form, row, id=f"{form}-{row}")
        for form in forms
        for row in (*SUBMIT, *OTHERS)
        if form.count == 1 or row.kind is not Kind.THROTTLED
    ]


# -- submit ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "row"), _cases(FORMS))
async def test_a_refusal_leads_to_the_next_step_of_its_class(bench: Bench, form: Form, row: Row) -> None:
    """A refused create goes to a second provider or not, and takes out of use what its class says, nothing else."""
    expected = expected_with_another(form, row)
    assert expected == await with_another(bench, form, row)


@pytest.mark.parametrize(("form", "row"), _cases((SINGLE,)))
async def test_without_another_provider_the_same_is_asked_again_only_as_its_class_allows(
    bench: Bench, form: Form, row: Row
) -> None:
    """With nobody else there, a refusal is final, but for "too fast" (six repeats) and "try later" (two)."""
    assert expected_alone(form, row) == await alone(bench, form, row)


@pytest.mark.trap("A16")
@pytest.mark.parametrize("row", NEWER, ids=str)
async def test_a_refusal_in_the_newer_form_is_told_by_its_status_and_words(bench: Bench, row: Row) -> None:
    """A refusal without a code of the provider's own leads where its HTTP status and its words say."""
    bench.affiliate.standing.add(Quirk.HTTP_ERRORS)
    assert expected_with_another(SINGLE, row) == await with_another(bench, SINGLE, row)


async def test_a_repeat_after_an_unknown_error_keeps_its_reference(bench: Bench) -> None:
    """Error 5 may hide a lookup that was created: repeated under the same reference, it cannot be created twice."""
    async with bench.router("affiliate") as table:
        script(bench.affiliate, error_after_accept("5"), CREATE, 1)
        (receipt,) = await table.send(HlrLookup(NUMBER))
    assert (receipt.state, path(receipt)) == (State.RESOLVED, ("affiliate", "affiliate"))
    assert len(bench.affiliate.ledger.messages) == 1
    assert len({attempt.ref for attempt in receipt.attempts}) == 1
    assert receipt.attempts[-1].outcome.duplicate


@pytest.mark.trap("A20")
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("row", [row for row in SUBMIT if row.requests > 1], ids=str)
async def test_what_another_form_can_cure_is_sent_in_it_once(bench: Bench, form: Form, row: Row) -> None:
    """A refused reference is replaced and PUT becomes POST, within the same attempt and without blame."""
    async with bench.router("affiliate") as table:
        script(bench.affiliate, row.cause, CREATE, 1)
        receipts = await table.send(*form.messages())
        await _are_taken(table, form, receipts, requests=2)
    first, second = bench.affiliate.ledger.requests[:2]
    assert (("PUT", "POST") if row.code == "http_405" else ("PUT", "PUT")) == (first.method, second.method)
    assert (row.code == "http_405") == (first.params == second.params)


async def test_an_unknown_tariff_is_replaced_by_the_one_that_everybody_has(bench: Bench) -> None:
    """Error 6 under another tariff is answered with one more create under tariff 0."""
    form = msgspec.structs.replace(SINGLE, account="affiliate_dear")
    async with bench.router("affiliate_dear") as table:
        script(bench.affiliate, error("6"), CREATE, 1)
        receipts = await table.send(*form.messages())
        await _are_taken(table, form, receipts, requests=2)
    tariffs = [dict(request.params).get("tariff") for request in bench.affiliate.ledger.requests[:2]]
    assert tariffs == ["9", "0"]


async def _are_taken(table: Table, form: Form, receipts: list[object], *, requests: int) -> None:
    """Check that all were taken in one attempt of so many requests, and that nobody is blamed."""
    assert [(form.account,)] * form.count == [path(receipt) for receipt in receipts]
    assert [requests] * form.count == [receipt.attempts[0].calls for receipt in receipts]
    assert {State.RESOLVED} == {receipt.state for receipt in receipts}
    assert is_at_peace(table)
    assert form.count == len(table.bench.affiliate.ledger.messages)


# -- the batch ---------------------------------------------------------------------------------------------------------

EIGHT = msgspec.structs.replace(BATCH, count=8)


@pytest.mark.trap("A06", "A12")
@pytest.mark.parametrize(("by_item", "most"), [(False, 7), (True, 1)], ids=["error 14 for all", "error 11 of the item"])
async def test_one_bad_number_among_eight_is_found_and_the_others_are_created(
    bench: Bench, by_item: bool, most: int
) -> None:
    """A bad number is refused for certain, the others are created once, named by the answer or found by dividing."""
    bad = EIGHT.messages()[5].to
    bench.affiliate.bad_numbers.add(bad)
    if by_item:
        bench.affiliate.standing.add(Quirk.ITEM_ERRORS)
    async with bench.router("affiliate", "devino") as table:
        receipts = await table.send(*EIGHT.messages())
        assert is_at_peace(table)
    assert [path(receipt) for receipt in receipts] == [("affiliate",)] * 8
    refused = {receipt.to: receipt for receipt in receipts}.pop(bad)
    assert (refused.state, refused.reason.fault, refused.reason.certain) == (State.FAILED, Fault.RECIPIENT, True)
    assert 7 == sum(receipt.state is State.RESOLVED for receipt in receipts) == len(bench.affiliate.ledger.messages)
    assert most >= bench.affiliate.ledger.calls[CREATE]


async def test_money_for_one_of_two_creates_one(bench: Bench) -> None:
    """Error 8 of an item concerns that item: it goes to the next provider, and the account is out of use."""
    async with bench.router("affiliate", "devino") as table:
        bench.affiliate.account.balance = Decimal("0.003")
        receipts = await table.send(*BATCH.messages())
        assert [path(receipt) for receipt in receipts] == [("affiliate",), ("affiliate", "devino")]
        assert [rest.fault for rest in table.status("affiliate").rests] == [Fault.CREDITS]
    assert {State.RESOLVED} == {receipt.state for receipt in receipts}


@pytest.mark.trap("A08")
@pytest.mark.parametrize("code", ["13", "63"])
async def test_a_reference_that_exists_is_an_acceptance(bench: Bench, code: str) -> None:
    """The references are ours: "already exists" says that the lookup was created, and nothing is charged for it."""
    async with bench.router("affiliate") as table:
        said = f'{{"error": "{code}", "errorDescription": "HLR already exists", "id": "12123"}}'
        script(bench.affiliate, answer(200, said, accepted=True), CREATE, 1)
        receipts = await table.send(*SINGLE.messages())
        await _are_taken(table, SINGLE, receipts, requests=1)
    outcome = receipts[0].attempts[0].outcome
    assert (outcome.ids, outcome.duplicate, outcome.price) == (("12123",), True, None)


# -- reconcile ---------------------------------------------------------------------------------------------------------


@pytest.mark.trap("A08", "X04", "X05")
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(("cause", "reason", "code"), IN_DOUBT)
async def test_a_create_in_doubt_is_settled_by_its_repeat(
    bench: Bench, form: Form, cause: FaultRule, reason: UnknownReason, code: str | None
) -> None:
    """The same references are created again: what exists is adopted, what does not is created, nothing twice."""
    async with bench.router("affiliate", "devino", cause=cause) as table:
        script(bench.affiliate, cause, CREATE, 1)
        receipts = await table.send(*form.messages())
        story = tell(table, form, receipts)
    assert (("affiliate",),) * form.count == story.paths
    assert ((State.RESOLVED,) * form.count, True, (), True) == (
        story.states,
        story.counted,
        story.out,
        story.others_untouched,
    )
    for attempt in (receipt.attempts[0] for receipt in receipts):
        assert (reason, code) == (attempt.first_unknown.reason, attempt.first_unknown.code)
        assert (attempt.settled_by, isinstance(attempt.outcome, Accepted)) == (SettledBy.RECONCILED, True)
    assert form.count == len(bench.affiliate.ledger.messages)


@pytest.mark.parametrize(("cause", "reason", "code"), IN_DOUBT)
async def test_a_doubt_that_stays_is_asked_of_another_provider(
    bench: Bench, cause: FaultRule, reason: UnknownReason, code: str | None
) -> None:
    """A lookup delivers nothing to anybody, so after a while of repeating another provider is asked."""
    async with bench.router("affiliate", "devino", cause=cause) as table:
        script(bench.affiliate, cause, CREATE, None)
        (receipt,) = await table.send(*SINGLE.messages())
    (unknown,) = outcomes([receipt], "affiliate")
    assert isinstance(unknown, Unknown)
    assert (reason, code) == (unknown.reason, unknown.code)
    assert (receipt.state, path(receipt), receipt.possible_duplicate) == (State.RESOLVED, ("affiliate", "devino"), True)
    assert 2 <= bench.affiliate.ledger.calls[CREATE] <= 10
    assert len(bench.affiliate.ledger.messages) <= 1


@pytest.mark.parametrize("row", [*SUBMIT, *OTHERS, _row("0", Kind.ACCEPTED), _row("13", Kind.DUPLICATE)], ids=str)
async def test_an_answer_to_the_repeat_speaks_of_the_repeat_only(bench: Bench, row: Row) -> None:
    """Nothing that the repeat is refused with settles the first request or blames anybody; it is repeated again."""
    normal = row.kind in {Kind.ACCEPTED, Kind.DUPLICATE}
    async with bench.router("affiliate", "devino") as table:
        first = close_before_accept if row.kind is Kind.ACCEPTED else close_after_accept
        bench.affiliate.faults.add(first(endpoint=CREATE))
        if not normal:
            script(bench.affiliate, row.cause, CREATE, 1)
        (receipt,) = await table.send(*SINGLE.messages())
        asked = [(call.outcome, call.fault, call.code) for call in table.calls("affiliate", Operation.RECONCILE)]
        answered = (CallOutcome.ANSWERED, None, None)
        assert ([] if normal else [(CallOutcome.UNKNOWN, None, row.code)]) + [answered] == asked
        assert table.status("affiliate").rests == ()
    (outcome,) = outcomes([receipt], "affiliate")
    assert (State.RESOLVED, row.kind is not Kind.ACCEPTED) == (receipt.state, outcome.duplicate)
    assert len(bench.affiliate.ledger.messages) == 1


@pytest.mark.parametrize("code", ["13", "63"])
async def test_an_existing_reference_settles_a_doubt_in_both_numberings(bench: Bench, code: str) -> None:
    """The repeat is told that its reference exists: the lookup of the first create is adopted, whatever the number."""
    async with bench.router("affiliate", "devino") as table:
        bench.affiliate.faults.add(close_after_accept(endpoint=CREATE))
        said = f'{{"error": "{code}", "errorDescription": "HLR already exists", "id": "12123"}}'
        script(bench.affiliate, answer(200, said), CREATE, 1)
        (receipt,) = await table.send(*SINGLE.messages())
    (attempt,) = receipt.attempts
    assert (attempt.settled_by, attempt.outcome.duplicate) == (SettledBy.RECONCILED, True)
    assert attempt.outcome.ids == (bench.affiliate.ledger.messages[0].id,)
    assert (receipt.state, bench.affiliate.ledger.calls[CREATE]) == (State.RESOLVED, 2)


# -- status ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", POLL, ids=str)
async def test_a_refused_question_about_a_lookup_is_asked_again(bench: Bench, row: Row) -> None:
    """Whatever a status query is answered with, it is told as it is, does harm to nobody and is repeated."""
    assert expected_for_reports(SINGLE, row) == await asked_for_reports(bench, SINGLE, row)


@pytest.mark.parametrize("row", POLL, ids=str)
async def test_a_refused_question_by_reference_is_asked_again(bench: Bench, row: Row) -> None:
    """The same holds for a lookup whose id was never told, which is asked for by our reference."""
    script(bench.affiliate, answer(200, '{"error": "0"}', accepted=True), CREATE, 1)
    assert expected_for_reports(BY_REFERENCE, row) == await asked_for_reports(bench, BY_REFERENCE, row)
    assert tuple(bench.affiliate.ledger.calls[name] for name in ("hlr/status", "hlr/reference")) == (0, 2)


@pytest.mark.trap("A16")
async def test_a_lookup_that_is_not_there_yet_is_asked_for_again_in_the_newer_form_too(bench: Bench) -> None:
    """HTTP 404 with the words of "not found" is no result: the question is asked again, and nobody is blamed."""
    bench.affiliate.standing.add(Quirk.HTTP_ERRORS)
    row = _http(404, Kind.NOT_FOUND, error("10"))
    assert expected_for_reports(SINGLE, row) == await asked_for_reports(bench, SINGLE, row)


async def test_a_lookup_that_is_never_found_is_given_up_and_asked_of_another_provider(bench: Bench) -> None:
    """For ever "not found" is unknown after half an hour; a lookup that was taken is asked elsewhere only then."""
    async with bench.router("affiliate", "devino") as table:
        script(bench.affiliate, error("10"), "hlr/status", None)
        (receipt,) = await table.send(HlrLookup(NUMBER))
    assert (receipt.state, path(receipt)) == (State.RESOLVED, ("affiliate", "devino"))
    assert receipt.updated_at - receipt.accepted_at >= 1800
    assert bench.affiliate.ledger.calls[CREATE] == 1


# How the sandbox ends a lookup, what its status means, and whether one other provider is asked.
STATUSES = (
    (Fate.REACHABLE, LookupState.REACHABLE, False),
    (Fate.ABSENT, LookupState.ABSENT, False),
    (Fate.FAILED, LookupState.FAILED, True),
    (Fate.UNKNOWN, LookupState.UNKNOWN, True),
)


@pytest.mark.parametrize("by", ["id", "reference"])
@pytest.mark.parametrize(("fate", "means", "elsewhere"), STATUSES)
async def test_a_status_answers_the_lookup_or_leads_to_one_other_provider(
    bench: Bench, by: str, fate: Fate, means: LookupState, elsewhere: bool
) -> None:
    """Active and absent are answers; failed and unknown are asked of one other provider."""
    bench.affiliate.outcomes[NUMBER] = fate
    async with bench.router("affiliate", "devino", "smstele") as table:
        if by == "reference":
            script(bench.affiliate, answer(200, '{"error": "0"}', accepted=True), CREATE, 1)
        (receipt,) = await table.send(HlrLookup(NUMBER))
        assert is_at_peace(table)
    assert (State.RESOLVED, LookupState.REACHABLE if elsewhere else means) == (receipt.state, receipt.lookup.state)
    assert (("affiliate", "devino") if elsewhere else ("affiliate",)) == path(receipt)
    asked = {endpoint for endpoint in bench.affiliate.ledger.calls if endpoint != CREATE}
    assert {"hlr/status" if by == "id" else "hlr/reference"} == asked


@pytest.mark.parametrize(("fate", "means", "elsewhere"), [one for one in STATUSES if one[2]])
async def test_without_another_provider_a_lookup_that_nobody_can_answer_has_failed(
    bench: Bench, fate: Fate, means: LookupState, elsewhere: bool
) -> None:
    """The receipt then shows what the only provider said."""
    bench.affiliate.outcomes[NUMBER] = fate
    async with bench.router("affiliate") as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
    assert (State.FAILED, means) == (receipt.state, receipt.lookup.state)


async def test_a_lookup_that_stays_sent_is_given_up(bench: Bench) -> None:
    """`sent` for ever is unknown after half an hour, and then another provider is asked."""
    bench.affiliate.outcomes[NUMBER] = Fate.STUCK
    async with bench.router("affiliate", "devino") as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
    assert (receipt.state, path(receipt)) == (State.RESOLVED, ("affiliate", "devino"))
    assert receipt.updated_at - receipt.accepted_at >= 1800


async def test_a_status_that_no_document_names_settles_nothing(bench: Bench) -> None:
    """An undocumented word leaves the lookup pending; the next question finds the result."""
    async with bench.router("affiliate") as table:
        script(bench.affiliate, answer(200, '{"id": "12123", "status": "teleported"}'), "hlr/status", 1)
        (receipt,) = await table.send(HlrLookup(NUMBER))
        assert table.calls("affiliate", Operation.POLL)[0].oddities == ("undocumented_code",)
    assert (receipt.state, receipt.lookup.state) == (State.RESOLVED, LookupState.REACHABLE)


# -- prices ------------------------------------------------------------------------------------------------------------


async def _prices(bench: Bench, times: int = 1, **settings: object) -> list[PricesReading]:
    """Ask the sandbox for prices as the plugin does, and read the answers."""
    plugin = build(Settings(api_key=Secret(bench.affiliate.environment["AFFILIATE_KEY"]), **settings))
    readings = []
    endpoint = Endpoint(base_url=bench.affiliate.base_url)
    async with Transport(endpoint, SystemClock(), only_loopback=True) as transport:
        for _ in range(times):
            response = (await transport.exchange(plugin.prices_request(None))).result
            assert isinstance(response, Response)
            readings.append(plugin.read_prices(response))
    return readings


@pytest.mark.parametrize("row", [*PRICES, *OTHERS], ids=str)
async def test_a_refused_question_for_prices_is_told_as_it_is(bench: Bench, row: Row) -> None:
    """Whatever the price list is refused with has the fault of its class, and the next question is answered."""
    script(bench.affiliate, row.cause, "hlr/prices", 1)
    refused, answered = [reading.value for reading in await _prices(bench, times=2)]
    assert isinstance(refused, Refused)
    wait = row.cause_wait
    assert (CONSEQUENCES[row.kind].fault, row.code, wait) == (refused.fault, refused.code, refused.retry_after)
    assert isinstance(answered, tuple)
    assert {"UA", "RU", "KZ", "BY", "HK"} == {quote.country for quote in answered}


@pytest.mark.trap("A13", "A15")
@pytest.mark.parametrize("quirks", [(), (Quirk.DOCUMENT,)], ids=["wire", "document"])
@pytest.mark.parametrize(("account", "tariff"), [("affiliate", 0), ("affiliate_dear", 9)])
async def test_a_lookup_costs_what_the_list_of_its_tariff_says(
    bench: Bench, account: str, tariff: int, quirks: tuple[Quirk, ...]
) -> None:
    """The list is that of the configured tariff, exact to the last digit, broken key of the sample or not."""
    bench.affiliate.standing.update(quirks)
    (reading,) = await _prices(bench, tariff=tariff)
    async with bench.router(account) as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
    (listed,) = [quote for quote in reading.value if quote.country == "RU"]
    assert (listed.price, "Russia", "250") == (receipt.attempts[0].outcome.price, listed.name, listed.mcc)
    assert reading.lenient is bool(quirks)


# -- callbacks ---------------------------------------------------------------------------------------------------------


class Door:
    """Takes callbacks over HTTP and hands them to a router, as a server in front of it would."""

    def __init__(self) -> None:
        self.table: Table | None = None
        self.url = ""

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Hand one callback over; answer what the provider wants to hear."""
        callback = Callback(
            method=request.method,
            query=tuple(request.query.items()),
            content_type=request.headers.get("Content-Type", ""),
            body=await request.read(),
        )
        reply = await self.table.router.callback("affiliate", callback)
        return web.Response(status=reply.status, body=reply.body)


@pytest_asyncio.fixture(loop_scope="module")
async def door() -> AsyncIterator[Door]:
    """Listen for callbacks."""
    door = Door()
    runner = web.ServerRunner(web.Server(door.take, access_log=None), shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    door.url = f"http://{host}:{port}/"
    yield door
    await runner.cleanup()


@pytest.mark.trap("A11")
@pytest.mark.parametrize("style", list(CallbackStyle), ids=str)
@pytest.mark.parametrize(("fate", "means", "elsewhere"), STATUSES)
async def test_a_callback_answers_the_lookup_as_a_query_would(
    bench: Bench, door: Door, style: CallbackStyle, fate: Fate, means: LookupState, elsewhere: bool
) -> None:
    """A result that is pushed settles the lookup in each of the known forms, however often it comes."""
    bench.affiliate.callbacks = Callbacks(style=style, copies=2, stale_after_final=True, account_url=door.url)
    bench.affiliate.outcomes[NUMBER] = fate
    async with bench.router("affiliate", "devino") as table:
        door.table = table
        script(bench.affiliate, error("5"), "hlr/status", None)
        (receipt,) = await table.send(HlrLookup(NUMBER))
        assert is_at_peace(table)
        await bench.clock.sleep(1)
    bench.affiliate.callbacks = Callbacks()
    assert (State.RESOLVED, LookupState.REACHABLE if elsewhere else means) == (receipt.state, receipt.lookup.state)
    assert (("affiliate", "devino") if elsewhere else ("affiliate",)) == path(receipt)
    assert [sent.status for sent in bench.affiliate.callbacks_sent] == [200] * 4


async def test_a_callback_settles_a_create_in_doubt(bench: Bench, door: Door) -> None:
    """A report that names our reference proves that a create without an answer got through."""
    bench.affiliate.callbacks = Callbacks(account_url=door.url)
    async with bench.router("affiliate") as table:
        door.table = table
        bench.affiliate.faults.add(close_after_accept(endpoint=CREATE))
        script(bench.affiliate, error("7"), CREATE, None)
        (receipt,) = await table.send(HlrLookup(NUMBER))
        await bench.clock.sleep(10)
        settled = await table.router.receipt(receipt.id)
    bench.affiliate.callbacks = Callbacks()
    assert (settled.state, settled.lookup.state) == (State.RESOLVED, LookupState.REACHABLE)
    assert settled.attempts[0].settled_by == SettledBy.REPORT


@pytest.mark.trap("A10", "A11")
@pytest.mark.parametrize("style", list(CallbackStyle), ids=str)
@pytest.mark.parametrize("form", FORMS, ids=str)
async def test_our_own_address_says_which_lookup_in_doubt_a_callback_is_about(
    bench: Bench, door: Door, caplog: pytest.LogCaptureFixture, style: CallbackStyle, form: Form
) -> None:
    """A callback that tells nothing but a status proves that its create got through, and its address shows nowhere."""
    caplog.set_level("DEBUG")
    bench.affiliate.callbacks = Callbacks(style=style, only=("status",), copies=2)
    async with bench.router("affiliate") as table:
        door.table = table
        table.router._stations["affiliate"].callback_url = Secret(f"{door.url}v1/callbacks/affiliate/t0ken")
        bench.affiliate.faults.add(close_after_accept(endpoint=CREATE))
        script(bench.affiliate, error("7", f"Wrong callback_url {door.url}v1/callbacks/affiliate/t0ken"), CREATE, None)
        receipts = await table.send(*form.messages())
        await bench.clock.sleep(10)
        settled = [await table.router.receipt(receipt.id) for receipt in receipts]
        shown = repr((table.events, receipts, settled)) + caplog.text
    assert {(State.RESOLVED, LookupState.REACHABLE)} == {(one.state, one.lookup.state) for one in settled}
    assert {SettledBy.REPORT} == {one.attempts[0].settled_by for one in settled}
    assert all("t0ken" in request.body for request in bench.affiliate.ledger.requests[:1])
    assert "t0ken" not in shown


# -- nothing is missing ------------------------------------------------------------------------------------------------


async def test_every_line_of_the_plugins_table_is_driven_and_none_is_invented() -> None:
    """The table of these tests and the one that the plugin declares hold the same codes with the same meanings."""
    submit = {(row.code, CONSEQUENCES[row.kind].fault) for row in SUBMIT}
    submit |= {("0", "fine"), ("13", "fine"), ("63", "fine"), ("http_5xx", "unknown")}
    poll = {(row.code, "fine" if row.kind is Kind.NOT_FOUND else CONSEQUENCES[row.kind].fault) for row in POLL}
    poll = {("http_5xx" if fault is Fault.UNAVAILABLE and code != "5" else code, fault) for code, fault in poll}
    poll |= {("0", "fine")}
    prices = {(row.code, CONSEQUENCES[row.kind].fault) for row in PRICES}
    prices = {("http_5xx" if fault is Fault.UNAVAILABLE and code != "5" else code, fault) for code, fault in prices}
    prices |= {("0", "fine")}
    here = {(operation, *pair) for operation in (Operation.SUBMIT, Operation.RECONCILE) for pair in submit}
    here |= {(Operation.POLL, *pair) for pair in poll}
    here |= {(Operation.PRICES, *pair) for pair in prices}
    assert here == declared("affiliate")
