"""Creating lookups: what goes out, and every code that may come back."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from pointsman.message import Money
from pointsman.outcome import Accepted, Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import Batch, Each, Multipart, Oddity, Response, Resubmit, Secret, Whole
from pointsman_affiliate_hlr.provider import AffiliateHlr, build
from pointsman_affiliate_hlr.settings import Method, Settings

MakeBatch = Callable[..., Batch]
MakeResponse = Callable[..., Response]

REFUSALS = [
    ("1", "", Fault.CREDENTIALS),
    ("2", "", Fault.FORBIDDEN),
    ("2", "Account blocked", Fault.FORBIDDEN),
    ("2", "Not enough params", Fault.REQUEST),
    ("3", "", Fault.REQUEST),
    ("3", "Not enough parameters", Fault.REQUEST),
    ("3", "User is blocked", Fault.FORBIDDEN),
    ("4", "Invalid method", Fault.REQUEST),
    ("5", "Unknown error", Fault.UNAVAILABLE),
    ("6", "Invalid tariff code", Fault.REQUEST),
    ("7", "Invalid parameters", Fault.REQUEST),
    ("8", "Not enough money", Fault.CREDITS),
    ("7", "", Fault.REQUEST),
    ("9", "Inactive price grid", Fault.REQUEST),
    ("9", "", Fault.DECLINED),
    ("10", "Wrong time", Fault.DECLINED),
    ("11", "Incorrect msisdn", Fault.RECIPIENT),
    ("11", "", Fault.RECIPIENT),
    ("11", "Exceeded limit of simultaneous requests", Fault.THROTTLED),
    ("12", "Batch size", Fault.LIMIT),
    ("14", "Incorrect payload: missing msisdn", Fault.RECIPIENT),
    ("14", "Incorrect payload: incorrect msisdn", Fault.RECIPIENT),
    ("14", "Incorrect payload", Fault.REQUEST),
    ("61", "Incorrect msisdn", Fault.RECIPIENT),
    ("64", "Incorrect payload", Fault.REQUEST),
    ("66", "Duplicate msisdn", Fault.LIMIT),
]

STATUSES = [
    (400, "", Fault.REQUEST, True),
    (401, "", Fault.CREDENTIALS, False),
    (402, "", Fault.CREDITS, False),
    (403, "", Fault.FORBIDDEN, False),
    (404, "", Fault.REQUEST, False),
    (413, "", Fault.LIMIT, True),
    (422, "msisdn is wrong", Fault.REQUEST, True),
    (422, "Not enough money", Fault.CREDITS, False),
    (429, "", Fault.THROTTLED, False),
]


@pytest.mark.trap("A04", "A12", "A16")
@pytest.mark.parametrize(("code", "words", "fault"), REFUSALS)
@pytest.mark.parametrize("as_number", [False, True])
def test_code_refuses_a_single_lookup(
    code: str,
    words: str,
    fault: Fault,
    as_number: bool,
    provider: AffiliateHlr,
    batch_of: MakeBatch,
    answered: MakeResponse,
) -> None:
    """A code refuses a lookup that travels alone with the fault of the table, as a string and as a number."""
    body = {"error": int(code) if as_number else code, "errorDescription": words}

    reading = provider.read_submit(batch_of("r1"), answered(body))

    certain = code in ("11", "61") and fault is Fault.RECIPIENT
    expected = Refused(fault=fault, code=code, detail=words, certain=certain)
    assert expected == reading.value.outcome
    assert reading.value.divisible is False


@pytest.mark.trap("A12", "A16")
@pytest.mark.parametrize(("code", "words", "fault"), REFUSALS)
def test_code_of_an_entry_refuses_that_entry_alone(
    code: str, words: str, fault: Fault, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """A code inside of `result` refuses its own message; the others are taken."""
    body = {
        "result": [
            {"reference": "r1", "error": code, "errorDescription": words},
            {"reference": "r2", "error": "0", "id": "7"},
        ],
        "error": "0",
    }

    first, second = provider.read_submit(batch_of("r1", "r2"), answered(body)).value.outcomes

    assert (Fault.REQUEST if code == "14" else fault) == first.fault
    assert Accepted(ids=("7",)) == second


@pytest.mark.trap("A06", "A12")
@pytest.mark.parametrize(
    ("code", "words", "fault"),
    [
        ("11", "Incorrect msisdn", Fault.RECIPIENT),
        ("12", "Batch size", Fault.LIMIT),
        ("14", "Incorrect payload: missing msisdn", Fault.REQUEST),
        ("61", "", Fault.RECIPIENT),
        ("64", "", Fault.REQUEST),
        ("66", "", Fault.LIMIT),
    ],
)
def test_refusal_without_culprit_can_be_divided(
    code: str, words: str, fault: Fault, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """What may be the fault of one message of several refuses the batch, divisibly and without certainty."""
    reading = provider.read_submit(batch_of("r1", "r2"), answered({"error": code, "errorDescription": words}))

    assert Whole(outcome=Refused(fault=fault, code=code, detail=words), divisible=True) == reading.value


@pytest.mark.parametrize("code", ["1", "2", "3", "4", "5", "6", "7", "8"])
def test_refusal_of_the_account_is_not_divided(
    code: str, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """What concerns the account or the whole request refuses a batch without dividing it."""
    assert provider.read_submit(batch_of("r1", "r2"), answered({"error": code})).value.divisible is False


@pytest.mark.trap("A08")
@pytest.mark.parametrize("code", ["13", "63"])
def test_known_reference_of_a_single_lookup_is_an_acceptance(
    code: str, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """A reference that exists already means that an earlier request of ours got through; nothing is charged."""
    body = {"error": code, "id": "12345", "price": "0.002", "currency": "EUR"}

    assert (
        Each((Accepted(ids=("12345",), duplicate=True),)) == provider.read_submit(batch_of("r1"), answered(body)).value
    )


@pytest.mark.parametrize("code", ["0", "13", "63"])
def test_lookup_without_id_is_known_by_our_reference(
    code: str, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """An acceptance that does not tell the id gets one under which the provider can be asked by reference."""
    reading = provider.read_submit(batch_of("r1"), answered({"error": code}))

    assert reading.value.outcomes[0].ids == ("reference/r1",)
    assert reading.oddities == (Oddity.IDS_UNMAPPED,)


@pytest.mark.parametrize("code", ["12", "15", "62", "65"])
def test_bad_reference_is_tried_once_more_under_another(
    code: str, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """A refused reference leads to the same batch under new references of at most 32 characters."""
    batch = batch_of("r1", "r" * 31)

    reading = provider.read_submit(batch, answered({"error": code, "errorDescription": "Invalid external ID"}))

    changed = batch_of("r1x", "r" * 31 + "x")
    reason = Refused(fault=Fault.REQUEST, code=code, detail="Invalid external ID")
    assert Resubmit(request=provider.submit_request(changed, None), batch=changed, reason=reason) == reading.value


def test_reference_of_full_length_cannot_be_renewed(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """Where a new reference would be too long, the refusal stands."""
    reading = provider.read_submit(batch_of("r" * 32), answered({"error": "15"}))

    assert Whole(outcome=Refused(fault=Fault.REQUEST, code="15")) == reading.value


def test_undocumented_code_is_declined_and_counted(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """A code that no document names refuses the message here, and shows as an oddity; alone and in a batch."""
    alone = provider.read_submit(batch_of("r1"), answered({"error": "77", "errorDescription": "Odd"}))
    entry = provider.read_submit(batch_of("r1", "r2"), answered({"result": [{"reference": "r1", "error": 77}]}))

    assert Refused(fault=Fault.DECLINED, code="77", detail="Odd") == alone.value.outcome
    assert Refused(fault=Fault.DECLINED, code="77") == entry.value.outcomes[0]
    assert (Oddity.UNDOCUMENTED_CODE,) == alone.oddities == entry.oddities


@pytest.mark.parametrize(("status", "words", "fault", "divisible"), STATUSES)
def test_http_status_refuses(
    status: int,
    words: str,
    fault: Fault,
    divisible: bool,
    provider: AffiliateHlr,
    batch_of: MakeBatch,
    answered: MakeResponse,
) -> None:
    """A status below 500 without a code in the body is a refusal, divisible where one number may be to blame."""
    reading = provider.read_submit(batch_of("r1", "r2"), answered({"message": words}, status, retry_after="3"))

    wait = 3.0 if fault is Fault.THROTTLED else None
    detail = words if status != 402 else ""
    expected = Refused(fault=fault, code=f"http_{status}", detail=detail, retry_after=wait)
    assert Whole(outcome=expected, divisible=divisible) == reading.value


@pytest.mark.trap("X05")
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_server_error_without_code_is_unknown(
    status: int, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """A 5xx that no code explains says nothing: repeating the reference will tell."""
    reading = provider.read_submit(batch_of("r1"), answered(b"<html>nginx</html>", status))

    assert Whole(outcome=Unknown(reason=UnknownReason.GATEWAY, code=f"http_{status}")) == reading.value


@pytest.mark.trap("X05")
def test_unavailable_with_a_date_to_return_is_throttled(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """503 with Retry-After is a definite no with a time to wait."""
    reading = provider.read_submit(batch_of("r1"), answered(b"", 503, retry_after="3"))

    assert Whole(outcome=Refused(fault=Fault.THROTTLED, code="http_503", retry_after=3.0)) == reading.value


def test_documented_code_explains_a_server_error(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """A readable code of the provider's own comes before the HTTP status."""
    reading = provider.read_submit(batch_of("r1"), answered({"error": "5"}, 500))

    assert Whole(outcome=Refused(fault=Fault.UNAVAILABLE, code="5")) == reading.value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"null",
        b"[]",
        b"{}",
        b'{"error":null}',
        b'{"error":"oops"}',
        b'{"error":true}',
        b'{"error":',
        b"[" * 9999,
    ],
)
@pytest.mark.parametrize("refs", [("r1",), ("r1", "r2")])
def test_unreadable_success_is_unknown(
    body: bytes, refs: tuple[str, ...], provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """What cannot be understood after a 200 is unknown, never refused."""
    outcome = provider.read_submit(batch_of(*refs), answered(body)).value.outcome

    assert isinstance(outcome, Unknown)
    assert outcome.reason == UnknownReason.UNREADABLE


def test_success_without_entries_does_not_accept_a_batch(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """A code 0 that names none of several numbers leaves all of them unknown."""
    outcome = provider.read_submit(batch_of("r1", "r2"), answered({"error": "0", "id": "1"})).value.outcome

    assert Unknown(reason=UnknownReason.UNREADABLE, code="0", detail=outcome.detail) == outcome


@pytest.mark.parametrize("refs", [("r1",), ("r1", "r2")])
def test_success_inside_of_a_failure_is_unknown(
    refs: tuple[str, ...], provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """An entry that claims success under a code 14 for the whole request is believed neither way."""
    body = {"result": [{"reference": ref, "error": "0", "id": "1"} for ref in refs], "error": "14"}

    reading = provider.read_submit(batch_of(*refs), answered(body))

    assert {Unknown} == {type(outcome) for outcome in reading.value.outcomes}
    assert reading.oddities == (Oddity.CODE_AND_TEXT_DISAGREE,)


def test_success_code_under_a_refusing_status_is_unknown(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """Code 0 with a 4xx is contradictory, hence unknown."""
    outcome = provider.read_submit(batch_of("r1"), answered({"error": "0", "id": "1"}, 400)).value.outcome

    assert isinstance(outcome, Unknown)


def test_single_answer_for_another_reference_is_unknown(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """An answer that names a reference which was not sent settles nothing."""
    reading = provider.read_submit(batch_of("r1"), answered({"error": "0", "id": "1", "reference": "r9"}))

    assert isinstance(reading.value.outcomes[0], Unknown)
    assert reading.oddities == (Oddity.FOREIGN_ID,)


@pytest.mark.trap("A15")
@pytest.mark.parametrize(
    ("price", "currency", "expected"),
    [
        ("0.002", "EUR", Money(amount=Decimal("0.002"), currency="EUR")),
        (0.002, "EUR", Money(amount=Decimal("0.002"), currency="EUR")),
        ("0", "EUR", Money(amount=Decimal(0), currency="EUR")),
        (2e-05, "EUR", Money(amount=Decimal("0.00002"), currency="EUR")),
        ("0.002", None, None),
        ("0.002", "euro", None),
        ("-1", "EUR", None),
        ("NaN", "EUR", None),
        ("1e999999", "EUR", None),
        (None, "EUR", None),
    ],
)
def test_price_is_exact_money_or_nothing(
    price: object,
    currency: str | None,
    expected: Money | None,
    provider: AffiliateHlr,
    batch_of: MakeBatch,
    answered: MakeResponse,
) -> None:
    """A price is a Decimal with its currency; what is not a price is not told."""
    body = {"error": "0", "id": "1", "price": price, "currency": currency}

    assert expected == provider.read_submit(batch_of("r1"), answered(body)).value.outcomes[0].price


@pytest.mark.trap("A15")
def test_currency_may_stand_outside_of_the_entries(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """An entry without a currency has that of the whole answer; two prices add up exactly."""
    entries = [{"reference": ref, "error": 0, "id": ref, "price": "0.002"} for ref in ("r1", "r2")]

    outcomes = provider.read_submit(
        batch_of("r1", "r2"), answered({"result": entries, "currency": "EUR"})
    ).value.outcomes

    assert Decimal("0.004") == sum(outcome.price.amount for outcome in outcomes)


@pytest.mark.trap("A09", "A14")
def test_same_number_under_two_references_gives_two_lookups(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """Only the reference makes a lookup unique: both callers who ask about one number are served."""
    batch = batch_of("r1", "r2", to="380972920000")
    body = {"result": [{"reference": "r2", "error": 0, "id": 2}, {"reference": "r1", "error": 0, "id": 1}], "error": 0}

    assert tuple(one.ids for one in provider.read_submit(batch, answered(body)).value.outcomes) == (("1",), ("2",))


@pytest.mark.trap("A20")
def test_put_gives_way_to_post_for_good(provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse) -> None:
    """After a 405 the same references go out by POST, and so does everything later."""
    batch = batch_of("r1", "r2")
    before = provider.submit_request(batch, None)

    first = provider.read_submit(batch, answered(b"", 405)).value
    late = provider.read_submit(batch, answered(b"", 405)).value

    assert msgspec.structs.replace(before, method="POST") == first.request == late.request
    assert "POST" == provider.submit_request(batch, None).method == provider.reconcile_request(batch, None).method


@pytest.mark.trap("A20")
def test_post_that_is_not_allowed_is_refused(batch_of: MakeBatch, answered: MakeResponse) -> None:
    """Where POST is configured, a 405 is a plain refusal."""
    provider = build(Settings(api_key=Secret("live_example"), method=Method.POST))

    reading = provider.read_submit(batch_of("r1"), answered(b"", 405))

    assert Whole(outcome=Refused(fault=Fault.REQUEST, code="http_405")) == reading.value


def test_unknown_tariff_is_replaced_by_the_one_that_every_account_has(
    batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """Error 6 under another tariff is worth one more request under tariff 0, with the same references."""
    dear = build(Settings(api_key=Secret("live_example"), tariff=9))
    standard = build(Settings(api_key=Secret("live_example")))
    batch, answer = batch_of("r1"), answered({"error": "6", "errorDescription": "Invalid tariff code"})
    reason = Refused(fault=Fault.REQUEST, code="6", detail="Invalid tariff code")

    again = dear.read_submit(batch, answer).value

    assert Resubmit(request=standard.submit_request(batch, None), batch=batch, reason=reason) == again
    assert Whole(outcome=reason) == standard.read_submit(batch, answer).value


@pytest.mark.trap("A13")
def test_tariff_is_always_sent(batch_of: MakeBatch) -> None:
    """The tariff goes with every number, alone and in a batch."""
    provider = build(Settings(api_key=Secret("live_example"), tariff=9))

    alone = provider.submit_request(batch_of("r1"), None).body
    several = provider.submit_request(batch_of("r1", "r2"), None).body

    assert isinstance(alone, Multipart)
    assert isinstance(several, Multipart)
    assert ("tariff", "9") in alone.fields
    assert [entry["tariff"] for entry in msgspec.json.decode(dict(several.fields)["payload"])] == [9, 9]


@pytest.mark.trap("A10")
@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://shop.example/v1/callbacks/hlr/token", True),
        ("http://127.0.0.1:8080/cb", True),
        ("notaurl", False),
        ("https://", False),
        ("http://[shop.example/cb", False),
        ("", False),
        (None, False),
    ],
)
def test_only_an_address_is_sent_as_callback(
    url: str | None, sent: bool, provider: AffiliateHlr, batch_of: MakeBatch
) -> None:
    """A callback address that is none is left out, because the provider would silently use another one."""
    body = provider.submit_request(batch_of("r1", callback_url=url), None).body

    assert isinstance(body, Multipart)
    assert sent is ("callback_url" in dict(body.fields))


@pytest.mark.trap("A19")
def test_number_is_sent_as_it_is(provider: AffiliateHlr, batch_of: MakeBatch) -> None:
    """A number of Hong Kong that begins with 8 is not taken for a Russian one."""
    body = provider.submit_request(batch_of("r1", to="85267202829"), None).body

    assert isinstance(body, Multipart)
    assert dict(body.fields)["msisdn"] == "85267202829"


def test_lookups_share_one_batch_key(provider: AffiliateHlr, batch_of: MakeBatch) -> None:
    """All lookups of an account may travel together."""
    keys = {provider.batch_key(item) for item in batch_of("r1", "r2", callback_url="https://shop.example/cb").items}

    assert {("hlr",)} == keys
