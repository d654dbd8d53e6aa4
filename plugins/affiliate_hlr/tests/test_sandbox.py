"""Facts about the affiliate-sms.com sandbox, told with the document's own requests and answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import FormData, web

from pointsman.sandbox import (
    Fate,
    FaultRule,
    ShiftedClock,
    answer,
    close_after_accept,
    error,
    garbage,
    quirk,
    throttle,
)
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox, Callbacks, CallbackStyle, Quirk
from pointsman_affiliate_hlr.sandbox.callbacks import is_correct, is_loopback
from pointsman_affiliate_hlr.sandbox.codes import Code
from pointsman_affiliate_hlr.sandbox.documents import status_of
from pointsman_affiliate_hlr.sandbox.keys import KEY, TEST_KEY

FIXTURES = Path(__file__).parent / "fixtures"
SINGLE = {"msisdn": "380505142320", "reference": "sendHLR0407", "tariff": 9}
PAIR = [
    {"msisdn": "380972920000", "reference": "extid13423now", "tariff": 9},
    {"msisdn": "380972920000", "reference": "extid13425", "tariff": 9},
]
NO_BOUNDARY = {"Content-Type": "multipart/form-data"}
AS_JSON = {"Content-Type": "application/json"}


class Client:
    """A client without opinions: it sends what it is told to and returns status and JSON."""

    def __init__(self, sandbox: AffiliateSandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.key = sandbox.environment["AFFILIATE_KEY"]

    async def call(self, method: str, path: str, data: Any = None, headers: Any = None) -> tuple[int, Any]:
        """Make any call."""
        sent = {"X-API-KEY": self.key, **(headers or {})}
        async with self.session.request(method, self.sandbox.base_url + path, data=data, headers=sent) as response:
            return response.status, await response.json(content_type=None)

    async def create(self, value: Any, method: str = "PUT", headers: Any = None) -> Any:
        """Create one lookup or several, as JSON under a header that says otherwise."""
        _, answer = await self.call(method, "/hlr/create", json.dumps(value), headers or NO_BOUNDARY)
        return answer

    async def status(self, lookup_id: str) -> Any:
        """Ask by id."""
        return (await self.call("GET", f"/hlr/{lookup_id}"))[1]


@pytest.fixture
def clock() -> ShiftedClock:
    """Runs by itself and can be pushed."""
    return ShiftedClock()


@pytest.fixture
async def sandbox(clock: ShiftedClock) -> AsyncIterator[AffiliateSandbox]:
    """A running sandbox."""
    async with AffiliateSandbox(clock=clock) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for plain requests."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def client(sandbox: AffiliateSandbox, session: aiohttp.ClientSession) -> Client:
    """A client with the right key."""
    return Client(sandbox, session)


def literal(name: str) -> bytes:
    """Return a sample of the document, byte for byte."""
    return (FIXTURES / f"affiliate_{name}_literal.txt").read_bytes()


# -- creating --------------------------------------------------------------------------------------------------------


async def test_single_answer_is_the_documents(client: Client) -> None:
    """The sample request, without its syntax errors, gets the sample answer."""
    expected = {"error": "0", "id": "12123", "price": "0.002", "currency": "EUR"}

    assert expected == await client.create(SINGLE)


@pytest.mark.trap("A12")
async def test_single_bad_number_is_error_11(client: Client) -> None:
    """A wrong number in a single request is error 11 with the document's words, and creates nothing."""
    answer = await client.create({**SINGLE, "msisdn": "+380505142320"})

    assert answer == {"error": "11", "errorDescription": "Incorrect msisdn"}
    assert client.sandbox.ledger.messages == []


def multipart(value: Any) -> FormData:
    """Write one lookup as fields, several as the field `payload`."""
    form = FormData(default_to_multipart=True)
    fields = value if isinstance(value, dict) else {"payload": json.dumps(value)}
    for name, content in fields.items():
        form.add_field(name, str(content))
    return form


def urlencoded(value: Any) -> FormData:
    """Write the same as a form of the simpler kind."""
    fields = value if isinstance(value, dict) else {"payload": json.dumps(value)}
    return FormData({name: str(content) for name, content in fields.items()})


SHAPES: dict[str, Callable[[Any], tuple[Any, dict[str, str]]]] = {
    "multipart with a boundary": lambda value: (multipart(value), {}),
    "form": lambda value: (urlencoded(value), {}),
    "raw JSON, multipart without boundary": lambda value: (json.dumps(value), NO_BOUNDARY),
    "raw JSON": lambda value: (json.dumps(value), AS_JSON),
    "raw JSON as text": lambda value: (json.dumps(value), {"Content-Type": "text/json"}),
}


@pytest.mark.trap("A01")
@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("value", [SINGLE, PAIR, PAIR[:1]], ids=["single", "batch", "array of one"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_every_shape_of_request_is_taken(client: Client, shape: str, value: Any, method: str) -> None:
    """All the forms that real clients send create the lookups; an array, even of one, is answered as a batch."""
    data, headers = SHAPES[shape](value)

    status, answer = await client.call(method, "/hlr/create", data, headers)

    wanted = [value] if isinstance(value, dict) else value
    assert (status, answer["error"]) == (200, "0")
    assert ("result" in answer) is isinstance(value, list)
    assert [each["reference"] for each in wanted] == [each.reference for each in client.sandbox.ledger.messages]


@pytest.mark.trap("A01")
@pytest.mark.parametrize("headers", [NO_BOUNDARY, AS_JSON, {"Content-Type": "text/json"}], ids=str)
@pytest.mark.parametrize("batch", [False, True])
async def test_numbers_may_be_json_numbers(client: Client, headers: dict[str, str], batch: bool) -> None:
    """`msisdn` as a JSON number is as good as text, alone and in an array, under each header that clients send."""
    item = {"msisdn": 380972920000, "reference": "r1", "tariff": 9}
    await client.create([item] if batch else item, headers=headers)

    assert [each.to for each in client.sandbox.ledger.messages] == ["380972920000"]


@pytest.mark.trap("A01")
@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b'[{"msisdn":"\xff"}]',
        b'{"msisdn":"\xff"}',
        b'{"msisdn":"\\ud800"}',
        b"--x\r\nContent-Disposition: form-data; name=msisdn\r\n\r\n380972920000\r\n--x--\r\n",
        b"[" * 5000,
        b"payload=%FF%FE",
    ],
    ids=range(8),
)
@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=", ""]
)
async def test_nothing_makes_the_server_fail(client: Client, body: bytes, method: str, content_type: str) -> None:
    """Whatever is sent under whatever header is a created lookup or an error of the document, never HTTP 500."""
    status, answer = await client.call(method, "/hlr/create", body, {"Content-Type": content_type})

    assert (status, set(answer) & {"error"}) == (200, {"error"})


@pytest.mark.trap("A01")
@pytest.mark.parametrize("payload", [PAIR, json.dumps(PAIR)], ids=["array", "text"])
async def test_payload_may_be_a_key_of_a_json_object(client: Client, payload: Any) -> None:
    """The parameter `payload` is understood inside of JSON too."""
    answer = await client.create({"payload": payload}, headers=AS_JSON)

    assert len(answer["result"]) == 2


@pytest.mark.trap("A14")
async def test_batch_answer_is_the_documents(session: aiohttp.ClientSession) -> None:
    """The sample batch gets the sample answer: one number twice is legal when the references differ."""
    async with AffiliateSandbox(first_id=12345) as sandbox:
        answer = await Client(sandbox, session).create(PAIR)

    assert json.loads(literal("batch_ok")) == answer


@pytest.mark.trap("A05", "A07")
async def test_known_reference_is_13_for_its_item_only(session: aiohttp.ClientSession) -> None:
    """The document's second batch answer, odd key included: the known item keeps its id and only the other is paid."""
    async with AffiliateSandbox(first_id=12345, standing=[Quirk.DOCUMENT]) as sandbox:
        client = Client(sandbox, session)
        await client.create(PAIR[:1])
        before = sandbox.account.balance
        answer = await client.create(PAIR)

    assert json.loads(literal("batch_dup")) == answer
    assert Decimal("0.002") == before - sandbox.account.balance


async def test_valid_answers_have_no_blank_in_the_key(client: Client) -> None:
    """Without the quirk, the description of an item has its proper key."""
    await client.create(PAIR)
    answer = await client.create(PAIR)

    assert [each["errorDescription"] for each in answer["result"]] == ["HLR already exists"] * 2
    assert answer["totalprice"] == "0"


async def test_references_are_unique_for_ever(client: Client, clock: ShiftedClock) -> None:
    """A year later the same reference still gives 13 and the id of the first lookup."""
    first = await client.create(SINGLE)
    clock.advance(365 * 86_400)
    again = await client.create(SINGLE)

    assert again == {"id": first["id"], "error": "13", "errorDescription": "HLR already exists"}
    assert len(client.sandbox.ledger.messages) == 1


@pytest.mark.trap("A08")
async def test_lost_answer_is_found_by_repeating(client: Client) -> None:
    """When the connection drops after the lookup was created, a repeat says 13 and nothing is charged twice."""
    client.sandbox.faults.add(close_after_accept(endpoint="hlr/create"))
    with pytest.raises(aiohttp.ClientError):
        await client.create(SINGLE, "POST")
    again = await client.create(SINGLE, "POST")

    assert again["error"] == "13"
    assert Decimal("0.002") == client.sandbox.account.spent


async def test_error_14_answer_is_the_documents(client: Client) -> None:
    """One item without a number: the document's answer 14, and no lookup at all."""
    answer = await client.create([PAIR[0], {"reference": "r2"}, {**PAIR[1], "reference": "r3"}])

    assert json.loads(literal("err14")) == answer
    assert client.sandbox.ledger.messages == []


@pytest.mark.trap("A06")
async def test_after_14_the_rest_goes_under_the_same_references(client: Client) -> None:
    """References of a batch that was refused with 14 are not used up."""
    await client.create([*PAIR, {"reference": "r2"}])
    answer = await client.create(PAIR)

    assert [each["error"] for each in answer["result"]] == ["0", "0"]


@pytest.mark.trap("A02")
@pytest.mark.parametrize("name", ["single_req", "batch_req"])
async def test_broken_samples_are_14(client: Client, name: str) -> None:
    """The document's own request samples are not JSON; they are refused and never crash the server."""
    status, answer = await client.call("PUT", "/hlr/create", literal(name), NO_BOUNDARY)

    assert (status, answer["error"]) == (200, "14")


@pytest.mark.parametrize(
    "payload",
    ["", "[]", "{}", "[1]", "nonsense", '[{"msisdn": []}]', "[[]]"],
)
async def test_bad_payloads_are_14(client: Client, payload: str) -> None:
    """A payload that is no array of objects is error 14."""
    _, answer = await client.call("POST", "/hlr/create", {"payload": payload})

    assert answer["error"] == "14"


@pytest.mark.trap("A12")
@pytest.mark.parametrize(
    ("change", "single", "batch"),
    [
        ({"msisdn": ""}, "11", "missing msisdn"),
        ({"msisdn": "12ab"}, "11", "incorrect msisdn"),
        ({"reference": ""}, "12", "missing reference"),
        ({"reference": "x" * 33}, "15", "incorrect reference"),
        ({"reference": "a-b"}, "15", "incorrect reference"),
        ({"tariff": 10}, "6", "incorrect tariff"),
        ({"tariff": -1}, "6", "incorrect tariff"),
    ],
)
async def test_flaws_have_a_code_alone_and_14_in_a_batch(
    client: Client, change: dict[str, Any], single: str, batch: str
) -> None:
    """Each flaw has its own code in a single request and is described by error 14 in a batch."""
    item = {**SINGLE, **change}
    alone = await client.create(item)
    among = await client.create([PAIR[0], item])

    assert single == alone["error"]
    assert among == {"error": "14", "errorDescription": f"Incorrect payload: {batch}"}


@pytest.mark.trap("A12")
async def test_item_errors_quirk_spares_the_others(client: Client) -> None:
    """With the quirk a bad number is only its own item's error."""
    client.sandbox.faults.add(quirk("item_errors"))
    answer = await client.create([PAIR[0], {**PAIR[1], "msisdn": "12ab"}])

    assert [each["error"] for each in answer["result"]] == ["0", "11"]


@pytest.mark.trap("A09")
async def test_shuffled_results_hold_the_same_items(client: Client) -> None:
    """The order of `result` is not promised; with the quirk it differs from the request's."""
    client.sandbox.standing.add(Quirk.SHUFFLED)
    items: list[dict[str, Any]] = [{**SINGLE, "reference": f"r{number}"} for number in range(20)]
    references = [each["reference"] for each in (await client.create(items))["result"]]

    assert references != [each["reference"] for each in items]
    assert sorted(references) == sorted(each["reference"] for each in items)


async def test_numbers_quirk_makes_codes_and_ids_numbers(client: Client) -> None:
    """`error` and `id` may come as JSON numbers."""
    client.sandbox.faults.add(quirk("numbers"))

    assert await client.create(SINGLE) == {"error": 0, "id": 12123, "price": "0.002", "currency": "EUR"}


# -- key, method, paths ----------------------------------------------------------------------------------------------


@pytest.mark.trap("A03")
async def test_key_with_a_trailing_blank_works(client: Client) -> None:
    """The sample's key ends in a blank, which does not count."""
    client.key += " "

    assert (await client.create(SINGLE))["error"] == "0"


@pytest.mark.parametrize("key", ["", "live_other"])
@pytest.mark.parametrize("path", ["/hlr/create", "/hlr/12123", "/hlr/reference/r1", "/hlr/prices/9"])
async def test_wrong_key_is_refused_everywhere(client: Client, key: str, path: str) -> None:
    """A wrong or missing key is HTTP 401 with error 1 at every call."""
    client.key = key
    method = "PUT" if path == "/hlr/create" else "GET"

    assert await client.call(method, path) == (401, {"error": "1", "errorDescription": "Invalid API key"})


@pytest.mark.trap("A20")
async def test_put_can_be_switched_off(client: Client) -> None:
    """With the quirk PUT is answered 405 and creates nothing, while POST goes on working."""
    client.sandbox.standing.add(Quirk.NO_PUT)
    url = client.sandbox.base_url + "/hlr/create"
    async with client.session.put(url, json=SINGLE, headers={"X-API-KEY": client.key}) as response:
        refused = (response.status, response.headers["Allow"])
    created = await client.create(SINGLE, "POST")

    assert refused == (405, "POST")
    assert created["id"] == "12123"


@pytest.mark.trap("A17")
async def test_rest_prefix_reaches_the_same_api(client: Client) -> None:
    """`/rest/hlr/…`, as the provider's general page has it, is the same server."""
    _, created = await client.call("POST", "/rest/hlr/create", json.dumps(SINGLE), NO_BOUNDARY)
    _, found = await client.call("GET", f"/rest/hlr/{created['id']}")

    assert found["reference"] == "sendHLR0407"


# -- money -----------------------------------------------------------------------------------------------------------


@pytest.mark.trap("A13")
async def test_price_depends_on_tariff_and_country(client: Client) -> None:
    """The default tariff is 0; tariff and country decide the price, which is taken from the account."""
    prices = []
    for number, (msisdn, tariff) in enumerate((("380505142320", 9), ("380505142320", None), ("79161234567", 9))):
        item = {"msisdn": msisdn, "reference": f"r{number}"} | ({} if tariff is None else {"tariff": tariff})
        prices.append((await client.create(item))["price"])

    assert prices == ["0.002", "0.004", "0.0015"]
    assert Decimal("0.0075") == client.sandbox.account.spent


async def test_empty_account_is_error_8(session: aiohttp.ClientSession) -> None:
    """Without money a single request and a whole batch are error 8; after a top-up the same references are taken."""
    async with AffiliateSandbox(balance=Decimal("0.001")) as sandbox:
        client = Client(sandbox, session)
        single, batch = await client.create(SINGLE), await client.create(PAIR)
        sandbox.account.top_up(Decimal(1))
        after = await client.create(SINGLE)

    assert single == batch == {"error": "8", "errorDescription": "Not enough money"}
    assert after["error"] == "0"


async def test_money_for_one_creates_one(session: aiohttp.ClientSession) -> None:
    """When the money ends inside a batch, the items that it paid for exist and the others carry error 8."""
    async with AffiliateSandbox(balance=Decimal("0.003")) as sandbox:
        answer = await Client(sandbox, session).create(PAIR)

    assert [each["error"] for each in answer["result"]] == ["0", "8"]
    assert answer["totalprice"] == "0.002"


@pytest.mark.trap("A13")
async def test_price_table_lists_countries(client: Client) -> None:
    """The price query defaults to tariff 9, knows ten tariffs, and agrees with what is charged."""
    _, default = await client.call("GET", "/hlr/prices")
    _, nine = await client.call("GET", "/hlr/prices/9")
    _, ten = await client.call("GET", "/hlr/prices/10")

    assert default == nine
    assert [row["price"] for row in nine["prices"] if row["country"] == "UA"] == ["0.002"]
    assert ten == {"error": "6", "errorDescription": "Invalid tariff code"}


# -- results ---------------------------------------------------------------------------------------------------------


async def test_result_progresses_on_the_clock(client: Client, clock: ShiftedClock) -> None:
    """A lookup is `sent` without a network until its time has come, then it has a result."""
    created = await client.create(SINGLE)
    first = await client.status(created["id"])
    clock.advance(5)
    _, last = await client.call("GET", "/hlr/reference/sendHLR0407")

    assert (first["status"], first["network"], first["details"]) == ("sent", None, None)
    assert last == {
        "id": "12123",
        "reference": "sendHLR0407",
        "msisdn": "380505142320",
        "network": "25501",
        "status": "active",
        "details": {"ported": "0", "roaming": "0"},
        "createdDatetime": first["createdDatetime"],
        "statusDatetime": last["statusDatetime"],
    }
    assert last["statusDatetime"] > last["createdDatetime"]
    assert last["createdDatetime"].endswith("+00:00")


@pytest.mark.parametrize(
    ("msisdn", "status", "network"),
    [
        ("380972920000", "active", "25503"),
        ("380972920097", "absent", "25503"),
        ("380972920098", "unknown", None),
        ("380972920099", "failed", None),
        ("4915112345678", "active", None),
    ],
)
async def test_last_digits_decide_the_result(
    client: Client, clock: ShiftedClock, msisdn: str, status: str, network: str | None
) -> None:
    """The end of a lookup follows from the number alone; only active and absent numbers have a network."""
    created = await client.create({"msisdn": msisdn, "reference": "r1"})
    clock.advance(5)
    found = await client.status(created["id"])

    assert (status, network) == (found["status"], found["network"])


async def test_scripted_outcome_beats_the_rule(client: Client, clock: ShiftedClock) -> None:
    """An outcome that a test scripts for a number is what the lookup finds, and the ported network too."""
    client.sandbox.outcomes["380972920099"] = Fate.REACHABLE
    client.sandbox.ported["380972920099"] = "25501"
    created = await client.create({"msisdn": "380972920099", "reference": "r1"})
    clock.advance(5)
    found = await client.status(created["id"])

    assert (found["status"], found["network"], found["details"]["ported"]) == ("active", "25501", "1")


async def test_stuck_lookup_stays_sent(client: Client, clock: ShiftedClock) -> None:
    """A lookup that is scripted to be stuck never has a result."""
    client.sandbox.outcomes["380505142320"] = Fate.STUCK
    created = await client.create(SINGLE)
    clock.advance(10 * 86_400)

    assert (await client.status(created["id"]))["status"] == "sent"


async def test_details_may_be_null(client: Client, clock: ShiftedClock) -> None:
    """With the quirk `details` is null even for a finished lookup."""
    created = await client.create(SINGLE)
    clock.advance(5)
    client.sandbox.faults.add(quirk("no_details", endpoint="hlr/status"))
    found = await client.status(created["id"])

    assert (found["status"], found["details"]) == ("active", None)


@pytest.mark.parametrize("ending", ["00", "97", "99"])
async def test_newer_status_has_more_fields(client: Client, clock: ShiftedClock, ending: str) -> None:
    """With the quirk a status carries a code 0 and what the siblings have added, beside all that it carries anyway."""
    created = await client.create({**SINGLE, "msisdn": f"3809729200{ending}"})
    clock.advance(5)
    plain = await client.status(created["id"])
    client.sandbox.standing.add(Quirk.NEWER_FIELDS)
    newer = await client.status(created["id"])

    assert plain == {name: newer[name] for name in plain}
    assert (newer["error"], newer["errorDescription"]) == (0, "No errors")
    assert {"country_name", "brand", "brand_name", "imsi", "location_msc"} <= set(newer)
    assert (newer["brand"] is None) is (plain["network"] is None)


@pytest.mark.trap("A18")
async def test_test_key_finds_anything(client: Client, clock: ShiftedClock) -> None:
    """Under the test key one number finds everything in turn; each lookup keeps its result, live ones are as usual."""
    client.key = TEST_KEY
    made = [await client.create({**SINGLE, "reference": f"t{number}"}) for number in range(40)]
    client.key = KEY
    live = await client.create(SINGLE)
    clock.advance(5)
    found = [await client.status(one["id"]) for one in made]

    assert {"active", "absent", "unknown", "failed"} == {one["status"] for one in found}
    assert len({one["network"] for one in found if one["network"]}) > 3
    assert {"0", "1"} == {one["details"]["roaming"] for one in found if one["details"]}
    assert found == [await client.status(one["id"]) for one in made]
    assert [(await client.status(live["id"]))[name] for name in ("status", "network")] == ["active", "25501"]


@pytest.mark.parametrize("path", ["/hlr/999", "/hlr/reference/nobody"])
async def test_unknown_lookup_is_error_10(client: Client, path: str) -> None:
    """A query for what was never created is error 10."""
    assert await client.call("GET", path) == (200, {"error": "10", "errorDescription": "HLR not found"})


def test_every_fate_has_a_documented_status() -> None:
    """Whatever a test scripts, the answer is one of the documented words."""
    assert {"active", "absent", "unknown", "failed"} == {status_of(fate) for fate in Fate}


# -- faults and control ----------------------------------------------------------------------------------------------


CALLS = {
    "hlr/create": ("PUT", "/hlr/create"),
    "hlr/status": ("GET", "/hlr/12123"),
    "hlr/reference": ("GET", "/hlr/reference/sendHLR0407"),
    "hlr/prices": ("GET", "/hlr/prices/9"),
}


async def call_of(client: Client, endpoint: str) -> tuple[int, Any]:
    """Make the usual call of an endpoint."""
    method, path = CALLS[endpoint]
    return await client.call(method, path, json.dumps(SINGLE) if method == "PUT" else None, NO_BOUNDARY)


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
async def test_every_code_can_be_injected(client: Client, code: Code, endpoint: str) -> None:
    """A scripted error answers at every call in the provider's own format, once, and creates nothing."""
    client.sandbox.faults.add(error(code, endpoint=endpoint))
    status, answer = await call_of(client, endpoint)

    assert (401 if code is Code.INVALID_KEY else 200, code) == (status, answer["error"])
    assert answer["errorDescription"] != ""
    assert client.sandbox.ledger.messages == []


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("fault", [answer(405), throttle(3), garbage(), throttle(5, status=503)], ids=str)
async def test_proxies_can_be_injected(client: Client, fault: FaultRule, endpoint: str) -> None:
    """The statuses that a server or a proxy in front of it may answer with can be scripted at every call."""
    client.sandbox.faults.add(msgspec.structs.replace(fault, endpoint=endpoint))
    method, path = CALLS[endpoint]
    async with client.session.request(
        method, client.sandbox.base_url + path, headers={"X-API-KEY": client.key}
    ) as response:
        got = (response.status, response.headers.get("Retry-After"))

    assert (fault.status, dict(fault.headers).get("Retry-After")) == got
    assert client.sandbox.ledger.messages == []


@pytest.mark.trap("A16")
@pytest.mark.parametrize(
    ("item", "status", "errors"),
    [
        ({**SINGLE, "msisdn": "12ab"}, 422, {"msisdn": ["Incorrect msisdn"]}),
        ({**SINGLE, "tariff": 10}, 422, {"tariff": ["Invalid tariff code"]}),
        ({**SINGLE, "reference": "a-b"}, 422, {"reference": ["Invalid external ID"]}),
        ([PAIR[0], {"reference": "r2"}], 422, {"payload": ["Incorrect payload: missing msisdn"]}),
    ],
)
async def test_newer_errors_have_a_status_and_no_code(client: Client, item: Any, status: int, errors: Any) -> None:
    """With the quirk a refusal is an HTTP error in the newer form, which leaves the provider's own code out."""
    client.sandbox.standing.add(Quirk.HTTP_ERRORS)
    ((message,),) = errors.values()

    got = await client.call("PUT", "/hlr/create", json.dumps(item), NO_BOUNDARY)

    assert (status, {"code": status, "message": message, "errors": errors}) == got
    assert client.sandbox.ledger.messages == []


@pytest.mark.parametrize(
    ("key", "path", "status"), [("live_other", "/hlr/1", 401), (KEY, "/hlr/1", 404), (KEY, "/hlr/prices/x", 422)]
)
async def test_newer_errors_hold_for_questions_too(client: Client, key: str, path: str, status: int) -> None:
    """A wrong key, an unknown lookup and an unknown tariff have statuses of their own."""
    client.sandbox.standing.add(Quirk.HTTP_ERRORS)
    client.key = key

    assert (await client.call("GET", path))[0] == status


@pytest.mark.trap("A16")
async def test_code_with_another_lists_meaning(client: Client) -> None:
    """A later list re-uses numbers with other meanings; the words can be scripted too."""
    client.sandbox.faults.add(error("11", "Exceeded limit of simultaneous requests"))

    assert (await client.create(SINGLE))["errorDescription"] == "Exceeded limit of simultaneous requests"


async def test_standing_quirks_can_be_set_over_http(client: Client) -> None:
    """The control call replaces the standing quirks and refuses names that it does not know."""
    status, names = await client.call("POST", "/_sandbox/standing", '["numbers", "no_put"]')
    refused, _ = await client.call("POST", "/_sandbox/standing", '["tidy"]')

    assert (status, names, refused) == (200, ["no_put", "numbers"], 400)
    assert {Quirk.NUMBERS, Quirk.NO_PUT} == client.sandbox.standing


async def test_numbers_and_reports_can_be_set_over_http(client: Client, clock: ShiftedClock) -> None:
    """Bad numbers, moved numbers and the manner of reports are replaced by a call, and junk changes nothing."""
    for path, body in (
        ("bad-numbers", '["380972920001"]'),
        ("ported", '{"380505142320": "25506"}'),
        ("callbacks", '{"style": "json", "copies": 3}'),
    ):
        assert (await client.call("POST", f"/_sandbox/{path}", body))[0] == 200
        assert (await client.call("POST", f"/_sandbox/{path}", '{"tidy": []}'))[0] == 400
    refused = await client.create({**SINGLE, "msisdn": "380972920001"})
    created = await client.create(SINGLE)
    clock.advance(5)
    found = await client.status(created["id"])

    assert refused["error"] == "11"
    assert (found["network"], found["details"]["ported"]) == ("25506", "1")
    assert Callbacks(style=CallbackStyle.JSON, copies=3) == client.sandbox.callbacks


async def test_reset_forgets_everything(client: Client) -> None:
    """After a reset the first reference is new again and the first id comes again."""
    await client.create(SINGLE)
    client.sandbox.standing.add(Quirk.NUMBERS)
    client.sandbox.ported["380505142320"] = "25506"
    client.sandbox.callbacks = Callbacks(copies=2)
    client.sandbox.reset()

    assert (client.sandbox.ported, client.sandbox.callbacks) == ({}, Callbacks())
    assert await client.create(SINGLE) == {"error": "0", "id": "12123", "price": "0.002", "currency": "EUR"}


# -- callbacks -------------------------------------------------------------------------------------------------------


class Receiver:
    """A server that notes every callback and answers with the next of the given statuses, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str]]] = []
        self.answers: list[int] = []
        self.url = ""

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Note one callback."""
        if request.method == "GET":
            fields = dict(request.query)
        elif request.content_type == "application/json":
            fields = await request.json()
        else:
            fields = {name: str(value) for name, value in (await request.post()).items()}
        self.got.append((request.method, fields))
        return web.Response(status=self.answers.pop(0) if self.answers else 200, text="OK")

    async def wait_for(self, number: int) -> list[tuple[str, dict[str, str]]]:
        """Return what has come, as soon as it is so many."""
        return await filled(self.got, number)


async def filled(listed: list[Any], number: int) -> list[Any]:
    """Return a list that another task fills, as soon as it has so many members."""
    async with asyncio.timeout(5):
        while len(listed) < number:  # noqa: ASYNC110 - it is a plain list, nobody announces its growth
            await asyncio.sleep(0.005)
    return listed


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of callbacks on loopback."""
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.take))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/callback/?token=t1"
    yield receiver
    await runner.cleanup()


@pytest.mark.parametrize(
    ("style", "method"), [(CallbackStyle.QUERY, "GET"), (CallbackStyle.FORM, "POST"), (CallbackStyle.JSON, "POST")]
)
async def test_callback_carries_the_result(
    client: Client, clock: ShiftedClock, receiver: Receiver, style: CallbackStyle, method: str
) -> None:
    """When the result is there, it is sent in the chosen style to the address of the request."""
    client.sandbox.callbacks = Callbacks(style=style)
    await client.create({**SINGLE, "callback_url": receiver.url})
    assert client.sandbox.callbacks_sent == []
    clock.advance(5)
    [(sent_by, fields)] = await receiver.wait_for(1)

    assert (method, "12123", "sendHLR0407", "active", "25501") == (
        sent_by,
        *(fields[name] for name in ("id", "reference", "status", "network")),
    )
    assert style is not CallbackStyle.QUERY or fields["token"] == "t1"


async def test_callbacks_can_come_twice_and_out_of_order(
    client: Client, clock: ShiftedClock, receiver: Receiver
) -> None:
    """Copies and a stale `sent` after the final status are sent when asked for."""
    client.sandbox.callbacks = Callbacks(copies=2, stale_after_final=True)
    await client.create({**SINGLE, "callback_url": receiver.url})
    clock.advance(5)

    assert [fields["status"] for _, fields in await receiver.wait_for(4)] == ["active", "active", "sent", "sent"]


@pytest.mark.trap("A11")
@pytest.mark.parametrize("style", CallbackStyle)
async def test_callbacks_can_name_their_fields_otherwise_or_not_at_all(
    client: Client, clock: ShiftedClock, receiver: Receiver, style: CallbackStyle
) -> None:
    """What a callback says is not published: names may begin with capitals, and any field may be missing."""
    client.sandbox.callbacks = Callbacks(style=style, capitals=True, only=("status", "msisdn"))
    await client.create({**SINGLE, "callback_url": receiver.url})
    clock.advance(5)
    [(_, fields)] = await receiver.wait_for(1)

    assert {name: value for name, value in fields.items() if name != "token"} == {
        "Status": "active",
        "Msisdn": "380505142320",
    }


async def test_callbacks_can_be_late(client: Client, clock: ShiftedClock, receiver: Receiver) -> None:
    """With `late` the status query knows the result long before the callback tells it."""
    client.sandbox.callbacks = Callbacks(late=3600)
    created = await client.create({**SINGLE, "callback_url": receiver.url})
    clock.advance(5)
    found = await client.status(created["id"])
    early = list(receiver.got)
    clock.advance(3600)

    assert (found["status"], early) == ("active", [])
    assert len(await receiver.wait_for(1)) == 1


@pytest.mark.trap("A10")
async def test_wrong_callback_address_gives_way_to_the_accounts(
    client: Client, clock: ShiftedClock, receiver: Receiver
) -> None:
    """A wrong address is no error; the account's own address is called instead."""
    client.sandbox.callbacks = Callbacks(account_url=receiver.url)
    created = await client.create({**SINGLE, "callback_url": "notaurl"})
    clock.advance(5)

    assert created["error"] == "0"
    assert (await receiver.wait_for(1))[0][1]["reference"] == "sendHLR0407"


async def test_callback_is_repeated_until_it_is_taken(client: Client, clock: ShiftedClock, receiver: Receiver) -> None:
    """A receiver that answers 500 is called again after a pause."""
    receiver.answers = [500]
    await client.create({**SINGLE, "callback_url": receiver.url})
    clock.advance(5)
    await receiver.wait_for(1)
    clock.advance(5)
    await receiver.wait_for(2)

    assert [each.status for each in await filled(client.sandbox.callbacks_sent, 2)] == [500, 200]


async def test_no_callback_leaves_the_machine(client: Client, clock: ShiftedClock) -> None:
    """The document's sample address is noted and never called."""
    await client.create({**SINGLE, "callback_url": "https://somelink.com/hlr"})
    clock.advance(5)
    [noted] = await filled(client.sandbox.callbacks_sent, 1)

    assert (noted.url, noted.withheld, noted.status) == ("https://somelink.com/hlr", True, None)


async def test_callbacks_survive_a_restart(clock: ShiftedClock, receiver: Receiver, session: Any) -> None:
    """A sandbox that was down when a result was due reports it when it is back."""
    sandbox = AffiliateSandbox(clock=clock)
    async with sandbox:
        await Client(sandbox, session).create({**SINGLE, "callback_url": receiver.url})
    clock.advance(5)
    async with sandbox:
        got = await receiver.wait_for(1)

    assert got[0][1]["status"] == "active"


@pytest.mark.parametrize(
    ("url", "correct", "loopback"),
    [
        ("http://127.0.0.1:8080/x", True, True),
        ("http://127.9.9.9/", True, True),
        ("http://[::1]/", True, True),
        ("http://localhost/x", True, True),
        ("http://localhost.example.com/", True, False),
        ("http://127.0.0.1.example.com/", True, False),
        ("http://127.0.0.1@example.com/", True, False),
        ("http://192.0.2.1/", True, False),
        ("ftp://127.0.0.1/", False, True),
        ("http://[", False, None),
        ("http://127.0.0.1:99999/", False, True),
        ("", False, False),
        (None, False, None),
    ],
)
def test_addresses_are_judged(url: str | None, correct: bool, loopback: bool | None) -> None:
    """Correctness and nearness of an address are told from its parts, not from how it begins."""
    assert correct is is_correct(url)
    if url is not None and loopback is not None:
        assert loopback is is_loopback(url)
