"""Facts about the SMStele sandbox, told with the document's own requests and answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import aiohttp
import pytest
from yarl import URL

from pointsman.message import Channel
from pointsman.sandbox import DeliveryPlan, Fate, ShiftedClock, answer, close_after_accept, delay, error, quirk
from pointsman.testing import FakeClock
from pointsman_smstele.sandbox import Quirk, Refusal, SmsteleSandbox
from pointsman_smstele.sandbox.documents import STATS
from pointsman_smstele.sandbox.segments import count_segments, transliterated

FIXTURES = Path(__file__).parent / "fixtures"
LOGGED_IN = "login=test:http&psw=~test123"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LONG_ID = "custom-message-id-test-11-too-long-1234567890abcdefghijklmnopqrstuvwxyz"
GOOD_AND_BAD = "phones=79160001234,79072233645,79676771707,79260004567&mes=Test message 1&id=custom-message-id-test-22"


class SampleClock:
    """Stands at the second at which the document's sample messages were sent, until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2018, 6, 4, 15, 41, 9, tzinfo=UTC).timestamp()

    def now(self) -> float:
        """Wall time."""
        return self.time

    def monotonic(self) -> float:
        """The same."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.time += seconds
        await asyncio.sleep(0)


class Client:
    """A client that sends bytes as `curl -d` does, nothing encoded and nothing added."""

    def __init__(self, sandbox: SmsteleSandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session

    async def raw(self, path: str, body: str | bytes | None = None) -> tuple[int, str]:
        """Send a body (POST) or none (GET); return status and text."""
        url = URL(self.sandbox.origin + path, encoded=True)
        data = body.encode() if isinstance(body, str) else body
        method = "GET" if body is None else "POST"
        async with self.session.request(method, url, data=data, headers=FORM) as response:
            return response.status, await response.text()

    async def send(self, body: str | bytes) -> Any:
        """Call `sendsms` with the right credentials."""
        return json.loads((await self.raw(f"/cgi-bin/sendsms?{LOGGED_IN}", body))[1])

    async def status(self, body: str) -> Any:
        """Call `status` with the right credentials."""
        return json.loads((await self.raw(f"/cgi-bin/status?{LOGGED_IN}", body))[1])


@pytest.fixture
def clock() -> ShiftedClock:
    """Runs by itself and can be pushed."""
    return ShiftedClock()


@pytest.fixture
async def sandbox(clock: ShiftedClock) -> AsyncIterator[SmsteleSandbox]:
    """A running sandbox."""
    async with SmsteleSandbox(clock=clock) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for plain requests."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def client(sandbox: SmsteleSandbox, session: aiohttp.ClientSession) -> Client:
    """A client of the sandbox."""
    return Client(sandbox, session)


def literal(name: str) -> str:
    """Return a sample of the document, byte for byte but for blank lines at its end."""
    return (FIXTURES / f"smstele_{name}_literal.txt").read_text().rstrip()


def refusal(code: str, description: str) -> dict[str, str]:
    """Return the answer to a refused request."""
    return {"error": code, "description": description}


# -- the document's examples -----------------------------------------------------------------------------------------

EXAMPLES = {
    "err22": ("sendsms?login=test:http", "mes=Test message 1&id=custom-message-id-test-11"),
    "err35": (f"sendsms?{LOGGED_IN}", f"charset=windows-1251&mes=Test message 1&id={LONG_ID}"),
    "err25": (f"sendsms?{LOGGED_IN}", "phones=&mes=Test message 1&id=custom-message-id-test-11"),
    "err24": (f"sendsms?{LOGGED_IN}", "mes=Test message 1&id=custom-message-id-test-11"),
    "send1": (f"sendsms?{LOGGED_IN}", "phones=79160001234&mes=Test message 1&id=custom-message-id-test-21"),
    "send2": (f"sendsms?{LOGGED_IN}", GOOD_AND_BAD),
}


@pytest.mark.trap("S02", "S06", "S07")
@pytest.mark.parametrize("folder", ["cgi-bin", "cgibin"])
@pytest.mark.parametrize("name", EXAMPLES)
async def test_document_mode_gives_the_documents_bytes(client: Client, name: str, folder: str) -> None:
    """Every example request, sent as printed, gets the printed answer with its damage, under both paths."""
    client.sandbox.standing.add(Quirk.DOCUMENT)
    call, body = EXAMPLES[name]

    assert (await client.raw(f"/{folder}/{call}", body)) == (200, literal(name))


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "send2"])
async def test_wire_mode_gives_the_same_values(client: Client, name: str) -> None:
    """Without the quirk the examples get the same answers as valid JSON."""
    call, body = EXAMPLES[name]
    _, text = await client.raw(f"/cgi-bin/{call}", body)

    assert json.loads(text) == json.loads(literal(name))


async def test_wire_mode_mends_the_second_example(client: Client) -> None:
    """The answer about four recipients without the stray quote is valid and the same otherwise."""
    mended = literal("send2").replace('"\n\n\n\n\n"error"', '"error"', 1)

    assert await client.send(GOOD_AND_BAD) == json.loads(mended)


async def test_status_example_lacks_its_last_brace(session: aiohttp.ClientSession) -> None:
    """The status example lists the two good recipients of four and breaks off before the end."""
    at_once = DeliveryPlan(seconds_to_sent=0, seconds_to_final=0)
    async with SmsteleSandbox(clock=SampleClock(), delivery=at_once, standing=[Quirk.DOCUMENT]) as sandbox:
        client = Client(sandbox, session)
        await client.raw(f"/cgibin/sendsms?{LOGGED_IN}", GOOD_AND_BAD)
        _, text = await client.raw(f"/cgibin/status?{LOGGED_IN}", "id=custom-message-id-test-22")

    assert text == literal("status").replace("18:41:10+03", "18:41:09+03")


@pytest.mark.trap("S31")
async def test_request_2_echoes_what_was_sent(client: Client) -> None:
    """The document's second request has one character less than its answer; the echo is always what was sent."""
    sent = LONG_ID.replace("custom-message", "custommessage")

    assert await client.send(f"mes=Test message 1&id={sent}") == refusal("-35", f"Invalid attribute: 'id={sent}'")


@pytest.mark.trap("S06")
async def test_credentials_may_be_encoded_and_anywhere(client: Client) -> None:
    """`test%3Ahttp`, everything in the query, everything in the body: all are the same request."""
    encoded = "login=test%3Ahttp&psw=%7Etest123&phones=79160001234&mes=Hello"
    answers = [
        await client.raw(f"/cgi-bin/sendsms?{encoded}"),
        await client.raw("/cgi-bin/sendsms", encoded),
        await client.raw(f"/cgi-bin/sendsms?{encoded}", b""),
    ]

    assert [json.loads(text)["cnt"] for _, text in answers] == ["1", "1", "1"]


# -- validation ------------------------------------------------------------------------------------------------------

ORDER = [
    ("login", "", refusal("-21", "No login")),
    ("psw", "&login=test:http", refusal("-22", "No password")),
    ("credentials", "&psw=wrong", refusal("-23", "Invalid login or password")),
    ("id", "&psw=~test123", refusal("-35", "Invalid attribute: 'id='")),
    ("phones", "&id=i1", refusal("-24", "Missing attribute: 'phones'")),
    ("mes", "&phones=79160001234", refusal("-26", "Missing attribute: 'mes'")),
    ("charset", "&mes=Hello", refusal("-33", "Invalid attribute: 'charset=cp866'")),
]


def growing() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield requests that fix one flaw after the other."""
    fields = {"login": "", "psw": "", "id": "", "charset": "cp866"}
    for name, addition, expected in ORDER:
        fields |= dict(pair.split("=") for pair in addition.split("&") if pair)
        yield name, "&".join(f"{key}={value}" for key, value in fields.items()), expected


@pytest.mark.trap("S33")
@pytest.mark.parametrize(("name", "body", "expected"), list(growing()), ids=[name for name, _, _ in ORDER])
async def test_checks_come_in_the_documents_order(
    client: Client, name: str, body: str, expected: dict[str, str]
) -> None:
    """Of several flaws the first in the order login, psw, credentials, id, phones, mes is reported."""
    _, text = await client.raw("/cgi-bin/sendsms", body)

    assert json.loads(text) == expected


@pytest.mark.trap("S16")
@pytest.mark.parametrize(
    ("change", "examples", "table", "text"),
    [
        ("phones=%2B79160001234", "-25", "-26", "Invalid attribute: 'phones=+79160001234'"),
        ("phones=+79160001234", "-25", "-26", "Invalid attribute: 'phones= 79160001234'"),
        ("phones=79160001234,", "-25", "-26", "Invalid attribute: 'phones=79160001234,'"),
        ("phones=79160001234,abc", "-25", "-26", "Invalid attribute: 'phones=79160001234,abc'"),
        ("mes=", "-26", "-27", "Missing attribute: 'mes'"),
        ("validity=soon", "-27", "-28", "Invalid attribute: 'validity=soon'"),
        ("viber_validity=86401", "-27", "-28", "Invalid attribute: 'viber_validity=86401'"),
        ("deferred=2017-12-10T09:00:00", "-29", "-29", "Invalid attribute: 'deferred=2017-12-10T09:00:00'"),
        ("sender=TwelveLetters", "-31", "-31", "Invalid attribute: 'sender=TwelveLetters'"),
        ("sender=Stranger", "-32", "-32", "Sender is not allowed: 'Stranger'"),
        ("charset=utf-16", "-33", "-33", "Invalid attribute: 'charset=utf-16'"),
        (f"id={'x' * 65}", "-35", "-35", f"Invalid attribute: 'id={'x' * 65}'"),
        (f"mes={'x' * 2001}", "-41", "-41", "Text is too long"),
        (f"mes={'€' * 1999}&charset=utf-8", "-42", "-42", "Too many segments"),
    ],
)
async def test_flaws_in_both_numberings(client: Client, change: str, examples: str, table: str, text: str) -> None:
    """Each flaw has its code in the numbering of the examples and in that of the table, with the same words."""
    fields = {"phones": "79160001234", "mes": "Hello"} | dict(pair.split("=", 1) for pair in change.split("&"))
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    client.sandbox.faults.add(quirk("table_numbers", endpoint="sendsms", after=1))

    assert [await client.send(body), await client.send(body)] == [refusal(examples, text), refusal(table, text)]
    assert client.sandbox.ledger.messages == []


async def test_refusals_may_be_bare_numbers(client: Client) -> None:
    """With the quirk a refusal has no description."""
    client.sandbox.standing.add(Quirk.NO_DESCRIPTION)

    assert await client.send("mes=Hello") == {"error": "-24"}


async def test_refusals_may_come_with_http_400(client: Client) -> None:
    """The document does not say which HTTP status an error has; it can be 400."""
    client.sandbox.faults.add(quirk("http_errors"))
    status, text = await client.raw(f"/cgi-bin/sendsms?{LOGGED_IN}", "mes=Hello")

    assert (status, json.loads(text)["error"]) == (400, "-24")


# -- text and charset ------------------------------------------------------------------------------------------------


@pytest.mark.trap("S05")
async def test_text_without_charset_is_read_as_windows_1251(client: Client) -> None:
    """UTF-8 without a declaration arrives as the well-known mojibake; declared, it arrives as it was written."""
    russian = quote("Привет")
    await client.send(f"phones=79160001234&mes={russian}")
    await client.send(f"phones=79160001234&mes={russian}&charset=utf-8")

    assert [each.text for each in client.sandbox.ledger.messages] == ["РџСЂРёРІРµС‚", "Привет"]


@pytest.mark.trap("S05")
@pytest.mark.parametrize("charset", ["windows-1251", "utf-8", "koi8-r", "UTF-8"])
@pytest.mark.parametrize("declared_in", ["query", "body before", "body after"])
@pytest.mark.parametrize("encoded", [True, False], ids=["percent", "bare bytes"])
async def test_charset_counts_wherever_it_stands(
    client: Client, charset: str, declared_in: str, *, encoded: bool
) -> None:
    """The declared charset holds for the text in query or body, before or after it, encoded or bare."""
    raw = "Привет".encode(charset)
    text = quote_from_bytes(raw).encode() if encoded else raw
    declaration = f"charset={charset}"
    query = LOGGED_IN + (f"&{declaration}" if declared_in == "query" else "")
    before, after = (f"{declaration}&" if declared_in == "body before" else ""), f"&{declaration}"
    body = (
        before.encode() + b"phones=79160001234&mes=" + text + (after.encode() if declared_in == "body after" else b"")
    )
    await client.raw(f"/cgi-bin/sendsms?{query}", body)

    assert [each.text for each in client.sandbox.ledger.messages] == ["Привет"]


async def test_text_in_the_query_is_decoded_too(client: Client) -> None:
    """A GET in windows-1251 is read like a POST."""
    text = quote_from_bytes("Привет".encode("cp1251"))
    await client.raw(f"/cgi-bin/sendsms?{LOGGED_IN}&phones=79160001234&mes={text}")

    assert [each.text for each in client.sandbox.ledger.messages] == ["Привет"]


@pytest.mark.trap("S07")
async def test_raw_blanks_and_signs_survive(client: Client) -> None:
    """Raw blanks, commas and semicolons of `curl -d` belong to the text."""
    await client.send("phones=79160001234&mes=Test message 1, and; more%2B")

    assert [each.text for each in client.sandbox.ledger.messages] == ["Test message 1, and; more+"]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 307, 3),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 135, 3),
        ("€" * 153, 3),
        ("😀" * 67, 3),
        ("`" * 71, 2),
    ],
)
def test_segments_are_counted_as_a_gateway_does(text: str, segments: int) -> None:
    """Alphabet, header and characters of two units are taken into account."""
    assert count_segments(text) == segments


async def test_translit_makes_latin_of_russian(client: Client) -> None:
    """With `translit=1` the text is sent in Latin letters, which changes alphabet and segments."""
    text = quote("Ёжик " * 14)
    sent = [await client.send(f"charset=utf-8&phones=79160001234&mes={text}{extra}") for extra in ("", "&translit=1")]

    assert [each["messages"][0]["cnt"] for each in sent] == ["1", "1"]
    assert client.sandbox.ledger.messages[1].text == "Ezhik " * 14
    assert transliterated("Объезд, щи & co") == "Obezd, schi & co"


# -- recipients ------------------------------------------------------------------------------------------------------


@pytest.mark.trap("S07", "S16")
@pytest.mark.parametrize("separator", [",", ";", "%2C", "%3B"])
async def test_numbers_are_separated_by_comma_or_semicolon(client: Client, separator: str) -> None:
    """Both separators work, encoded or not."""
    result = await client.send(f"phones=79160001234{separator}79260004567&mes=Hello")

    assert (result["cnt"], [each["phone"] for each in result["messages"]]) == ("2", ["79160001234", "79260004567"])


@pytest.mark.trap("S08")
async def test_bad_numbers_are_neither_counted_nor_paid_nor_known(client: Client) -> None:
    """A number outside of the plan looks accepted but for its empty operator, and nothing else happens to it."""
    result = await client.send(GOOD_AND_BAD)
    bad = await client.status("id=custom-message-id-test-22&phone=79072233645")

    assert (result["cnt"], [each["operator"] for each in result["messages"][1:3]]) == ("2", ["", ""])
    assert bad == {"results": []}
    assert [each.to for each in client.sandbox.ledger.messages] == ["79160001234", "79260004567"]
    assert client.sandbox.account.spent == Decimal("4.60")


async def test_only_bad_numbers_is_no_error(client: Client) -> None:
    """A request to nobody but a bad number is answered with a count of nought."""
    result = await client.send("phones=79072233645&mes=Hello")

    assert (result["cnt"], len(result["messages"])) == ("0", 1)


async def test_foreign_numbers_have_no_operator_but_are_sent(client: Client) -> None:
    """A number abroad looks like a bad one except that it is counted, and paid at the price for abroad."""
    result = await client.send("phones=380972920000&mes=Hello")

    assert (result["cnt"], result["messages"][0]["operator"]) == ("1", "")
    assert client.sandbox.account.spent == Decimal("6.00")


async def test_unknown_numbers_can_be_accepted(client: Client) -> None:
    """With the quirk the count covers all recipients although some have no operator."""
    client.sandbox.faults.add(quirk("accept_unknown"))

    assert (await client.send(GOOD_AND_BAD))["cnt"] == "4"


@pytest.mark.trap("S09")
@pytest.mark.parametrize(("quirks", "outer"), [([], "2"), ([Quirk.COUNT_SEGMENTS], "6")])
async def test_outer_count_is_of_recipients_or_segments(client: Client, quirks: list[Quirk], outer: str) -> None:
    """Each recipient's `cnt` is its segments; the outer one counts recipients, with the quirk segments."""
    client.sandbox.standing.update(quirks)
    result = await client.send(f"phones=79160001234,79260004567&mes={'x' * 307}")

    assert (result["cnt"], [each["cnt"] for each in result["messages"]]) == (outer, ["3", "3"])


# -- ids, senders, kinds ---------------------------------------------------------------------------------------------


@pytest.mark.trap("S13", "S14")
async def test_ids_need_not_be_unique(client: Client) -> None:
    """The same id again is a second message, and both are in the answer about that id."""
    for _ in range(2):
        await client.send("phones=79160001234&mes=Hello&id=i1")

    assert len((await client.status("id=i1"))["results"]) == 2
    assert len(client.sandbox.ledger.duplicates()) == 1


async def test_ids_are_assigned_when_absent(client: Client) -> None:
    """Without an id the provider gives one of its own to each request."""
    first, second = [await client.send("phones=79160001234&mes=Hello") for _ in range(2)]

    assert first["id"] != second["id"]
    assert first["id"] == first["messages"][0]["id"]


async def test_lost_answer_is_found_by_asking(client: Client) -> None:
    """When the connection drops after the message was taken, `status` by id and number tells so."""
    client.sandbox.faults.add(close_after_accept(endpoint="sendsms"))
    with pytest.raises(aiohttp.ClientError):
        await client.send("phones=79160001234&mes=Hello&id=i1")

    assert [each["phone"] for each in (await client.status("id=i1&phone=79160001234"))["results"]] == ["79160001234"]


@pytest.mark.parametrize(("extra", "shown"), [("", "REX400.RU"), ("&sender=SHOP", "SHOP")])
async def test_sender_is_the_registered_one(client: Client, extra: str, shown: str) -> None:
    """A registered sender is shown, else the provider's own."""
    await client.send(f"phones=79160001234&mes=Hello&id=i1{extra}")

    assert [each["sender"] for each in (await client.status("id=i1"))["results"]] == [shown]


@pytest.mark.trap("S17")
async def test_hlr_ignores_the_text(client: Client) -> None:
    """With `hlr=1` no SMS goes out, text or not, and the price is that of a lookup."""
    await client.send("phones=79160001234&hlr=1")
    await client.send("phones=79160001234&hlr=1&mes=Hello")
    taken = client.sandbox.ledger.messages

    assert [(each.channel, each.text) for each in taken] == [(Channel.HLR, "")] * 2
    assert client.sandbox.account.spent == Decimal("0.60")


async def test_viber_is_a_kind_of_its_own(client: Client, clock: ShiftedClock) -> None:
    """With `viber=1` the message is recorded as Viber and dies when its `viber_validity` is over before delivery."""
    await client.send("phones=79160001234&viber=1&viber_validity=1&mes=Hello&id=i1")
    clock.advance(5)

    assert [each.channel for each in client.sandbox.ledger.messages] == [Channel.VIBER]
    assert [(each["type"], each["stat"]) for each in (await client.status("id=i1"))["results"]] == [("3", "EXPIRED")]


@pytest.mark.parametrize(
    ("extra", "seen"),
    [("flash=1", 1), ("flash=0", 0), ("", 0), ("flash=1&viber=1", 0), ("flash=1&hlr=1", 0)],
)
async def test_flash_is_remembered_of_sms_only(client: Client, extra: str, seen: int) -> None:
    """An SMS with `flash=1` is one to be shown at once; Viber messages and lookups have no such thing."""
    await client.send(f"phones=79160001234&mes=Hello&{extra}")
    taken = client.sandbox.ledger.messages

    assert len(taken) == 1
    assert client.sandbox.flashes == taken[:seen]


@pytest.mark.parametrize(("life", "stat"), [("0", "EXPIRED"), ("2", "EXPIRED"), ("3", "DELIVRD"), ("86400", "DELIVRD")])
async def test_viber_validity_is_in_seconds(client: Client, clock: ShiftedClock, life: str, stat: str) -> None:
    """What would be delivered after three seconds expires when it may live for less; 0 and a day are taken."""
    await client.send(f"phones=79160001234&viber=1&viber_validity={life}&mes=Hello&id=i1")
    clock.advance(5)

    assert [each["stat"] for each in (await client.status("id=i1"))["results"]] == [stat]


async def test_the_life_of_an_sms_has_no_unit_and_no_effect(client: Client, clock: ShiftedClock) -> None:
    """`viber_validity` is not for an SMS, and `validity` has no documented unit to act upon."""
    await client.send("phones=79160001234&validity=1&viber_validity=1&mes=Hello&id=i1")
    clock.advance(5)

    assert [each["stat"] for each in (await client.status("id=i1"))["results"]] == ["DELIVRD"]


@pytest.mark.trap("S21")
async def test_translit_changes_the_number_of_segments(client: Client) -> None:
    """80 Russian letters are two segments, in Latin letters one; the price follows."""
    text = quote("я" * 80)
    sent = [await client.send(f"charset=utf-8&phones=79160001234&mes={text}{extra}") for extra in ("", "&translit=1")]

    assert [each["messages"][0]["cnt"] for each in sent] == ["2", "1"]
    assert [each.price for each in client.sandbox.ledger.messages] == [Decimal("4.40"), Decimal("2.20")]


async def test_a_late_request_takes_effect_after_its_answer(session: aiohttp.ClientSession) -> None:
    """With the quirk a gateway answers 504, and the message is taken some seconds later all the same."""
    clock = FakeClock()
    async with SmsteleSandbox(clock=clock) as sandbox:
        client = Client(sandbox, session)
        sandbox.faults.add(quirk("late", endpoint="sendsms"))
        status, _ = await client.raw(f"/cgi-bin/sendsms?{LOGGED_IN}", "phones=79160001234&mes=Hello&id=i1")
        found = []
        for seconds in (0, 4.9, 0.1):
            await clock.advance(seconds)
            found.append(len((await client.status("id=i1"))["results"]))

    assert (status, found) == (504, [0, 0, 1])


async def test_a_client_that_gives_up_does_not_stop_its_request(session: aiohttp.ClientSession) -> None:
    """A request that is delayed before it is accepted takes effect, although nobody waits for its answer any more."""
    clock = FakeClock()
    async with SmsteleSandbox(clock=clock) as sandbox:
        client = Client(sandbox, session)
        sandbox.faults.add(delay(30, endpoint="sendsms"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.send("phones=79160001234&mes=Hello&id=i1")
        before = await client.status("id=i1")
        await clock.advance(30)
        after = await client.status("id=i1")

    assert (before["results"], [each["phone"] for each in after["results"]]) == ([], ["79160001234"])


# -- money -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "price"), [("79160001234", "2.20"), ("79260004567", "2.40"), ("79035550001", "2.30")]
)
async def test_price_is_by_operator_and_segment(client: Client, phone: str, price: str) -> None:
    """Two segments cost twice the price of the recipient's operator."""
    await client.send(f"phones={phone}&mes={'x' * 161}")

    assert client.sandbox.account.spent == 2 * Decimal(price)


async def test_empty_account_is_error_43(session: aiohttp.ClientSession) -> None:
    """A request that the balance does not cover is refused as a whole; after a top-up it is taken."""
    async with SmsteleSandbox(balance=Decimal("4.50")) as sandbox:
        client = Client(sandbox, session)
        refused = await client.send(GOOD_AND_BAD)
        sandbox.account.top_up(Decimal("0.10"))
        taken = await client.send(GOOD_AND_BAD)

    assert refused == refusal("-43", "Not enough credits")
    assert (taken["cnt"], sandbox.account.balance) == ("2", Decimal("0.00"))


# -- status ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fate", "stat"), STATS.items())
async def test_delivery_progresses_on_the_clock(client: Client, clock: ShiftedClock, fate: Fate, stat: str) -> None:
    """A message is ENROUTE until its time has come; then it has the state that was scripted for its number."""
    client.sandbox.outcomes["79160001234"] = fate
    await client.send("phones=79160001234&mes=Hello&id=i1")
    [first] = (await client.status("id=i1"))["results"]
    clock.advance(5)
    [last] = (await client.status("id=i1"))["results"]

    assert (first["stat"], last["stat"]) == ("ENROUTE", stat)
    assert (last["status"], last["err"]) == ("-99", "-99")
    assert last["last_timestamp"] > first["last_timestamp"] == first["send_timestamp"]
    assert datetime.fromisoformat(last["last_timestamp"]).utcoffset() is not None


async def test_deferred_messages_wait(session: aiohttp.ClientSession) -> None:
    """A deferred message is ENROUTE until after its date, which is Moscow time."""
    clock = SampleClock()
    async with SmsteleSandbox(clock=clock) as sandbox:
        client = Client(sandbox, session)
        await client.send("phones=79160001234&mes=Hello&id=i1&deferred=2018-06-04 19:41:09")
        clock.time += 3600
        before = await client.status("id=i1")
        clock.time += 5
        after = await client.status("id=i1")

    assert [each["results"][0]["stat"] for each in (before, after)] == ["ENROUTE", "DELIVRD"]


async def test_status_by_id_phone_or_both(client: Client) -> None:
    """By number alone the answer speaks of other requests too; by both only of one message."""
    await client.send("phones=79160001234,79260004567&mes=Hello&id=i1")
    await client.send("phones=79160001234&mes=Hello again&id=i2")
    found = [
        [(each["id"], each["phone"][:4]) for each in (await client.status(question))["results"]]
        for question in (
            "id=i1",
            "phone=79160001234",
            "id=i1&phone=79160001234",
            "id=nobody",
            "id=i2&phone=79260004567",
        )
    ]

    assert found == [[("i1", "7916"), ("i1", "7926")], [("i1", "7916"), ("i2", "7916")], [("i1", "7916")], [], []]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", refusal("-21", "No login")),
        ("login=test:http", refusal("-22", "No password")),
        ("login=test:http&psw=no", refusal("-23", "Invalid login or password")),
        (LOGGED_IN, refusal("-34", "Missing attribute: 'id'")),
        (f"{LOGGED_IN}&id=&phone=", refusal("-34", "Missing attribute: 'id'")),
    ],
)
async def test_status_has_its_own_refusals(client: Client, body: str, expected: dict[str, str]) -> None:
    """Credentials are checked first, then that there is something to look for."""
    _, text = await client.raw("/cgibin/status", body)

    assert json.loads(text) == expected


# -- faults and control ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("each", list(Refusal), ids=lambda each: each.name)
async def test_every_code_can_be_injected(client: Client, each: Refusal) -> None:
    """A scripted code is answered once in the provider's format, with its usual description, and nothing is sent."""
    client.sandbox.faults.add(error(each.value.code))
    refused = await client.send("phones=79160001234&mes=Hello")

    assert refused == refusal(each.value.code, each.text())
    assert client.sandbox.ledger.messages == []


async def test_codes_with_other_words_or_none(client: Client) -> None:
    """The old meaning of -24, an undocumented code, and a bare number can be scripted too."""
    client.sandbox.faults.add(
        error("-24", "Missing attribute: 'phones'"), error("-37"), answer(200, '{"error": "-24"}'), error("-24")
    )
    answers = [await client.send("phones=79160001234&mes=Hello") for _ in range(4)]

    assert answers == [
        refusal("-24", "Missing attribute: 'phones'"),
        {"error": "-37"},
        {"error": "-24"},
        refusal("-24", "IP address is not allowed"),
    ]


async def test_document_can_be_damaged_once(client: Client) -> None:
    """As a fault, the document's damage strikes one answer only; the message is taken all the same."""
    client.sandbox.faults.add(quirk("document", endpoint="sendsms"))
    _, damaged = await client.raw(f"/cgi-bin/sendsms?{LOGGED_IN}", GOOD_AND_BAD)
    with pytest.raises(json.JSONDecodeError):
        json.loads(damaged)

    assert (await client.send(GOOD_AND_BAD))["cnt"] == "2"
    assert len(client.sandbox.ledger.messages) == 4


async def test_standing_quirks_can_be_set_over_http(client: Client) -> None:
    """The control call replaces the standing quirks and refuses names that it does not know."""
    status, text = await client.raw("/_sandbox/standing", '["table_numbers"]')
    refused, _ = await client.raw("/_sandbox/standing", '["tidy"]')

    assert (status, json.loads(text), refused) == (200, ["table_numbers"], 400)
    assert client.sandbox.standing == {Quirk.TABLE_NUMBERS}


async def test_the_word_of_stat_can_be_scripted(client: Client, clock: ShiftedClock) -> None:
    """By number, also over HTTP: words that no end of a message leads to, documented or not."""
    client.sandbox.stats["79260004567"] = "BUFFERED"
    status, text = await client.raw("/_sandbox/stats", '{"79160001234": "ACCEPTD"}')
    await client.send("phones=79160001234,79260004567,79035550001&mes=Hello&id=i1")
    clock.advance(5)
    rows = (await client.status("id=i1"))["results"]
    refused, _ = await client.raw("/_sandbox/stats", '["ACCEPTD"]')

    assert [each["stat"] for each in rows] == ["ACCEPTD", "BUFFERED", "DELIVRD"]
    assert (status, json.loads(text)) == (200, {"79260004567": "BUFFERED", "79160001234": "ACCEPTD"})
    assert refused == 400


async def test_reset_forgets_everything(client: Client) -> None:
    """After a reset nothing is known and the first assigned id comes again."""
    first = await client.send("phones=79160001234&mes=Hello")
    client.sandbox.standing.add(Quirk.DOCUMENT)
    client.sandbox.stats["79160001234"] = "ACCEPTD"
    await client.send("phones=79160001234&mes=Hello&flash=1")
    client.sandbox.reset()

    assert (client.sandbox.stats, client.sandbox.flashes) == ({}, [])
    assert (await client.status(f"id={first['id']}"))["results"] == []
    assert await client.send("phones=79160001234&mes=Hello") == first


@pytest.mark.parametrize("folder", ["cgi-bin", "cgibin"])
@pytest.mark.parametrize("get", [True, False])
async def test_both_calls_take_both_methods_under_both_paths(client: Client, folder: str, get: bool) -> None:
    """What stands in the address of a GET may stand in the body of a POST."""

    async def ask(call: str, words: str) -> Any:
        if get:
            return json.loads((await client.raw(f"/{folder}/{call}?{LOGGED_IN}&{words}"))[1])
        return json.loads((await client.raw(f"/{folder}/{call}", f"{LOGGED_IN}&{words}"))[1])

    sent = await ask("sendsms", "phones=79160001234;79260004567&mes=Hello&id=i1&flash=1")
    rows = (await ask("status", "id=i1&phone=79260004567"))["results"]

    assert (sent["cnt"], [each["phone"] for each in rows]) == ("2", ["79260004567"])
    assert len(client.sandbox.flashes) == 2


async def test_other_paths_and_methods_do_not_exist(client: Client) -> None:
    """A path outside of the two folders is 404; PUT is 405."""
    missing, _ = await client.raw("/cgi/sendsms", "")
    async with client.session.put(client.sandbox.base_url + "/sendsms") as response:
        refused = response.status

    assert (missing, refused) == (404, 405)
