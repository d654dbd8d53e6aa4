"""The four ways to send, and what is checked before."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pointsman.sandbox import Tariff
from pointsman_devino.sandbox import DevinoSandbox

SESSION = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
SEND = f"Sms/Send?SessionId={SESSION}&DestinationAddress=79161002030&SourceAddress=DEVINO&Data=test&Validity=0"
BULK = (
    f"Sms/SendBulk?SessionID={SESSION}&SourceAddress=TESTSMS&DestinationAddresses=79001234567&Data=testdata"
    "&Validity=10&DestinationAddresses=79160000000&data=testdata&sendDate=2011-01-28T16:00:00&validity=10"
)
BY_TIME_ZONE = (
    f"Sms/SendByTimeZone?SessionId={SESSION}&SourceAddress=TESTSMS&DestinationAddress=79001234567&Data=testdata"
    "&sendDate=2011-01-28T16:00:00&validity=10"
)
TO_ADDRESSES = (
    f"Sms/SendByTimeZoneToAddresses?SessionID={SESSION}&SourceAddress=TESTSMS&DestinationAddresses=79001234567"
    "&Data=testdata&Validity=10&DestinationAddresses=79160000000&data=testdata&SendDate=2011-01-28T16:00:00&Validity=10"
)
STATE = f"Sms/State?sessionId={SESSION}&messageId=579700854169272358"
NOW = 1326844800.0

NO_ADDRESS = (400, 1, "DestinationAddress can not be null or empty Parameter name: destinationaddress")

Call = Callable[..., Awaitable[Any]]


@pytest.mark.trap("D13")
@pytest.mark.parametrize(
    ("request_line", "numbers"),
    [
        (SEND, ["79161002030"]),
        (BULK, ["79001234567", "79160000000"]),
        (BY_TIME_ZONE, ["79001234567"]),
        (TO_ADDRESSES, ["79001234567", "79160000000"]),
    ],
)
async def test_the_documents_requests(box: DevinoSandbox, call: Call, request_line: str, numbers: list[str]) -> None:
    """Every sending request that the document shows is taken as it stands; of repeated scalars the first counts."""
    status, body = await call(request_line)

    assert status == 200
    assert json.loads(body) == [str(579700854169272358 + place) for place in range(len(numbers))]
    assert [message.to for message in box.ledger.messages] == numbers
    assert {message.text for message in box.ledger.messages} <= {"test", "testdata"}


@pytest.mark.trap("D12", "D15", "D18")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("SMS/SEND", f"sessionid={SESSION}&destinationaddress=79161002030&sourceaddress=DEVINO&data=test"),
        (f"sms/send?SessionID={SESSION}", "DestinationAddress=79161002030&SourceAddress=DEVINO&Data=test&sendDate="),
        (
            "Sms/Send",
            f"SessionID={SESSION}&DestinationAddress=%2B79161002030&SourceAddress=DEVINO&Data=test&validity=0",
        ),
        ("Sms/Send", f"SessionID={SESSION}&DestinationAddress=+79161002030&SourceAddress=DEVINO&Data=test"),
        ("Sms/Send", f"SessionID={SESSION}&DestinationAddress=89161002030&SourceAddress=DEVINO&Data=test"),
        ("Sms/sendbulk?DestinationAddresses=79161002030", f"SessionID={SESSION}&SourceAddress=DEVINO&Data=test"),
    ],
)
async def test_spellings_that_clients_use(box: DevinoSandbox, call: Call, path: str, body: str) -> None:
    """Names and paths in any case, parameters in query, body or both, and every spelling of a number are the same."""
    assert (await call(path, body, method="POST")).status == 200
    assert [(message.to, message.text) for message in box.ledger.messages] == [("79161002030", "test")]


def form(**changes: str) -> str:
    """The body of a good request to send, with changes; an empty value leaves the parameter out."""
    values = {
        "SessionID": SESSION,
        "DestinationAddress": "79161002030",
        "SourceAddress": "DEVINO",
        "Data": "test",
        **changes,
    }
    return "&".join(f"{name}={value}" for name, value in values.items() if value)


@pytest.mark.trap("D14", "D19")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Data": ""}, (400, 1, "Data can not be null or empty Parameter name: data")),
        ({"DestinationAddress": ""}, NO_ADDRESS),
        ({"DestinationAddress": "", "%20DestinationAddress": "79161002030"}, NO_ADDRESS),
        ({"DestinationAddress": "79161002030;79161002031"}, (400, 2, "Invalid destination address")),
        ({"DestinationAddress": "123"}, (400, 2, "Invalid destination address")),
        ({"DestinationAddress": "79000000000"}, (400, 2, "Invalid destination address")),
        ({"SourceAddress": "NOBODY"}, (400, 6, "Invalid source address")),
        ({"SourceAddress": "TWELVELETTER"}, (400, 6, "Invalid source address")),
        ({"SourceAddress": "%D0%9C"}, (400, 6, "Invalid source address")),
        ({"Data": "x" * 2001}, (400, 2, "Data is longer than 2000 characters")),
        ({"Validity": "soon"}, (400, 2, "Invalid argument: Validity")),
        ({"SendDate": "2010-0601T19:14:00"}, (400, 2, "Invalid argument: SendDate")),
        # Several faults at once: the document's order decides.
        ({"SessionID": "A" * 36, "Data": ""}, (400, 1, "Data can not be null or empty Parameter name: data")),
        ({"SessionID": "A" * 36, "DestinationAddress": "123"}, (400, 3, "Invalid session id")),
        ({"DestinationAddress": "123", "SourceAddress": "NOBODY"}, (400, 2, "Invalid destination address")),
        ({"SourceAddress": "NOBODY", "Data": "x" * 2001}, (400, 6, "Invalid source address")),
    ],
)
async def test_checks_and_their_order(
    box: DevinoSandbox, call: Call, changes: dict[str, str], expected: tuple[int, int, str]
) -> None:
    """Each check has its code, comes in the document's order, and leaves neither a message nor a charge."""
    box.invalid_numbers.add("79000000000")

    assert (await call("Sms/Send", form(**changes))).refusal == expected
    assert (box.ledger.messages, box.account.balance) == ([], Decimal("20015.3"))


@pytest.mark.trap("D23", "D24")
async def test_limits_of_sender_and_length(box: DevinoSandbox, call: Call) -> None:
    """11 Latin characters, 15 digits and 2000 characters are just allowed."""
    box.senders = None
    for changes in ({"SourceAddress": "ELEVENCHARS"}, {"SourceAddress": "1" * 15}, {"Data": "x" * 2000}):
        assert (await call("Sms/Send", form(**changes))).status == 200
    assert (await call("Sms/Send", form(SourceAddress="1" * 16))).status == 400

    assert box.ledger.messages[-1].segments == 14


@pytest.mark.trap("D39")
async def test_bulk_with_one_bad_number_sends_nothing(box: DevinoSandbox, call: Call) -> None:
    """One number that is none refuses the whole bulk."""
    status, _ = await call(BULK.replace("79160000000", "791600"))

    assert (status, box.ledger.messages) == (400, [])


async def test_ids_of_segments_follow_each_other(box: DevinoSandbox, call: Call) -> None:
    """A long text to two numbers gives all ids of the first number, then all of the second."""
    _, body = await call(BULK.replace("Data=testdata", "Data=" + "x" * 161, 1))
    first, second = box.ledger.messages

    assert json.loads(body) == [*first.ids, *second.ids]
    assert [len(first.ids), first.segments, first.price] == [2, 2, 3]


@pytest.mark.trap("D38")
async def test_balance_is_checked_by_tariff(call: Call, box: DevinoSandbox) -> None:
    """Money that does not suffice for a dear number still suffices for a cheap one; a top-up admits the dear one."""
    box.tariff = Tariff(Decimal(1), {"7916": Decimal(50000)})

    assert (await call(SEND)).refusal == (403, 5, "Not enough credits")
    assert (await call("Sms/Send", form(DestinationAddress="79031002030"))).status == 200
    box.account.top_up(Decimal(50000))
    assert (await call(SEND)).status == 200


async def test_balance_comes_before_the_number(call: Call, box: DevinoSandbox) -> None:
    """Without money a bad number is not even looked at."""
    box.account.spend(box.account.balance)

    assert (await call("Sms/Send", form(DestinationAddress="123"))).refusal == (403, 5, "Not enough credits")


async def test_send_date_delays_the_message(box: DevinoSandbox, call: Call) -> None:
    """A message with a date stays in the queue until then, in UTC."""
    await call("Sms/Send", form(SendDate="2012-01-18T09:00:00"))
    box.clock.advance(3600)
    early = (await call(STATE)).json["State"]
    box.sessions.admit(SESSION, NOW + 9 * 3600)
    box.clock.advance(8 * 3600 + 3)

    assert (early, (await call(STATE)).json["State"]) == (-2, 0)


def dues(box: DevinoSandbox) -> dict[str, str]:
    """When each number gets its message, in UTC, to the second before it is sent."""
    pace = box.delivery.seconds_to_sent
    return {
        message.to: datetime.fromtimestamp(message.course.sent_at - pace, UTC).strftime("%dT%H:%M")
        for message in box.ledger.messages
    }


@pytest.mark.trap("D26")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Sms/SendBulk", ["19T09:00", "19T09:00", "19T09:00"]),
        ("Sms/SendByTimeZoneToAddresses", ["19T06:00", "18T23:00", "19T09:00"]),
    ],
)
async def test_a_time_zone_is_the_recipients(box: DevinoSandbox, call: Call, path: str, expected: list[str]) -> None:
    """09:00 is 06:00 UTC in Moscow and 23:00 of the day before in Vladivostok; without time zones it is 09:00 UTC."""
    numbers = ("79161002030", "79241002030", "441212345678")
    addresses = "&".join(f"DestinationAddresses={number}" for number in numbers)
    body = f"{form(DestinationAddress='', SendDate='2012-01-19T09:00:00')}&{addresses}"

    assert (await call(path, body)).status == 200
    assert dict(zip(numbers, expected, strict=True)) == dues(box)


@pytest.mark.trap("D26")
async def test_zones_can_be_changed(box: DevinoSandbox, call: Call) -> None:
    """The longest prefix that is listed counts."""
    box.zones["7916"] = -4.5
    await call("Sms/SendByTimeZone", form(SendDate="2012-01-19T09:00:00"))

    assert dues(box) == {"79161002030": "19T13:30"}


@pytest.mark.trap("D27")
@pytest.mark.parametrize(
    ("path", "date", "status"),
    [
        ("Sms/Send", "", 200),
        ("Sms/Send", "sendDate=", 200),
        ("Sms/SendByTimeZone", "sendDate=", 200),
        ("Sms/SendByTimeZone", "", 400),
        ("Sms/SendByTimeZone", "SendDate=2010-0601T19:14:00", 400),
        ("Sms/Send", "SendDate=2012-01-19T09:00:00Z", 400),
        ("Sms/Send", "SendDate=2012-01-19%2009:00:00", 200),
        ("Sms/Send", "senddate=2011-01-28T16:00:00", 200),
    ],
)
async def test_dates_that_clients_send(box: DevinoSandbox, call: Call, path: str, date: str, status: int) -> None:
    """An empty date, a past one and one with a blank are taken; a misprint, a zone and no date at all are not."""
    assert (await call(path, f"{form()}&{date}")).status == status
    assert len(box.ledger.messages) == (status == 200)


async def test_a_message_waits_longer_than_its_state_is_kept(box: DevinoSandbox, call: Call) -> None:
    """The 48 hours after which nothing is known any more count from the sending, not from the order."""
    await call("Sms/Send", form(SendDate="2012-01-28T00:00:00"))
    states = []
    for days in (5, 5.5, 3):
        box.clock.advance(days * 86400)
        box.sessions.admit(SESSION, box.clock.now())
        states.append((await call(STATE)).json["State"])

    assert states == [-2, 0, 255]


async def test_validity_counts_from_the_date(box: DevinoSandbox, call: Call) -> None:
    """A message that waits for nine hours does not expire after ten minutes of them."""
    await call("Sms/Send", form(SendDate="2012-01-18T09:00:00", Validity="10"))
    box.clock.advance(9 * 3600 + 3)
    box.sessions.admit(SESSION, box.clock.now())

    assert (await call(STATE)).json["State"] == 0
