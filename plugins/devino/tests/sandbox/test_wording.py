"""How answers are worded: the document's examples, injected errors, oddities."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pointsman.sandbox import error, error_after_accept, quirk
from pointsman_devino.sandbox import DevinoSandbox, Mode, Quirk
from pointsman_devino.sandbox.answers import Statistics, statistics

SESSION = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
SEND = f"Sms/Send?SessionId={SESSION}&DestinationAddress=79161002030&SourceAddress=DEVINO&Data=test&Validity=0"
BULK = (
    f"Sms/SendBulk?SessionID={SESSION}&SourceAddress=TESTSMS&DestinationAddresses=79001234567&Data=testdata"
    "&Validity=10&DestinationAddresses=79160000000&data=testdata&sendDate=2011-01-28T16:00:00&validity=10"
)
HLR = f"Hlr/SendBulk?SessionID={SESSION}&DestinationAddresses=+70000000001&DestinationAddresses=80000000002&Validity=5"
STATE = f"Sms/State?sessionId={SESSION}&messageId=579700854169272358"
HLR_STATE = f"Hlr/State?SessionID={SESSION}&messageIds=703112828852109312&messageIds=703112828852109313"
STATISTICS = f"Sms/Statistics?sessionId={SESSION}&startDateTime=2012-01-18%2000:00:00&endDateTime=2012-01-18T23:59:00"

BY_TIME_ZONE = SEND.replace("Sms/Send", "Sms/SendByTimeZone") + "&SendDate=2012-01-18T16:00:00"
INBOX = f"Sms/In?sessionId={SESSION}&minDateUTC=2012-01-01T00:00:00&maxDateUTC=2012-01-11T00:00:00"
VIBER = f"Viber/Send?SessionID={SESSION}&SourceAddress=SHOP&DestinationAddress=79161002030&Data=test"

Call = Callable[..., Awaitable[Any]]


@pytest.mark.parametrize(
    ("request_line", "name"),
    [
        (SEND.replace("DEVINO", "NOBODY"), "err6"),
        ("user/sessionid?login=demo-login&password=x", "err4_login"),
        (f"User/Balance?SessionID={SESSION}", "err4_session"),
        (STATISTICS.replace("endDateTime=2012-01-18", "endDateTime=2012-07-18"), "err2"),
        (f"Sms/In?sessionId={SESSION}&minDateUTC=2012-01-01T00:00:00", "err9"),
        (STATE, "state255"),
    ],
)
async def test_document_mode_repeats_the_examples(
    box: DevinoSandbox, call: Call, literal: Callable[[str], bytes], request_line: str, name: str
) -> None:
    """In document mode the answers are the document's examples, byte for byte, mistakes included."""
    box.mode = Mode.DOCUMENT
    if name == "err4_session":
        box.sessions.expire()

    assert (await call(request_line)).text == literal(name).decode()


async def test_document_mode_of_lookups(box: DevinoSandbox, call: Call, literal: Callable[[str], bytes]) -> None:
    """The document's example of a lookup result is repeated, with its missing and its surplus comma."""
    box.hlr_ids.plant("703112828852109314")
    box.operators["7900"] = ("Россия", "ОАО Вымпел-Коммуникации(Москва)")
    await call(f"Hlr/SendBulk?SessionID={SESSION}&DestinationAddresses=+79001234567&Validity=5")
    box.clock.advance(3)
    box.faults.add(quirk(Quirk.DOCUMENT))

    assert (await call(f"Hlr/State?SessionID={SESSION}&messageIds=703112828852109314")).text == literal(
        "hlr_state"
    ).decode()


async def test_document_mode_of_the_inbox(box: DevinoSandbox, call: Call, literal: Callable[[str], bytes]) -> None:
    """The document's example of incoming messages is repeated, with its backslashes."""
    box.mode = Mode.DOCUMENT
    box.clock.time = 1294045911.213
    box.sessions.admit(SESSION, box.clock.now())
    box.receive("test1", sender="7926000000", to="7916000000")
    _, body = await call(f"Sms/In?sessionId={SESSION}&minDateUTC=2011-01-01T00:00:00&maxDateUTC=2011-01-11T00:00:00")

    assert literal("in").decode().startswith(body.rstrip("]"))


async def test_document_mode_of_both_incoming_messages(
    box: DevinoSandbox, call: Call, literal: Callable[[str], bytes]
) -> None:
    """The whole printed example can be asked for, byte for byte."""
    box.mode = Mode.DOCUMENT
    box.sessions.admit(SESSION, box.clock.now())
    for place, (number, seconds) in enumerate((("7926000000", 1294045911.213), ("7926000001", 1294045911.353)), 1):
        box.receive(f"test{place}", sender=number, to="7916000000", at=seconds)
    box.clock.time = 1294045912.0
    _, body = await call(f"Sms/In?sessionId={SESSION}&minDateUTC=2011-01-01T00:00:00&maxDateUTC=2011-01-11T00:00:00")

    assert body.replace("539187175", "539187214") == literal("in").decode()


def test_document_mode_of_statistics(literal: Callable[[str], bytes]) -> None:
    """The printed figures stand one a line."""
    figures = Statistics(
        sent=9,
        delivered=0,
        errors=0,
        in_process=7780,
        expired=0,
        rejected=56876,
        total=64665,
        total_with_errors=64665,
        delivery_ratio=0,
    )

    assert statistics(Mode.DOCUMENT, figures).body == literal("stats")


@pytest.mark.parametrize("code", range(1, 10))
@pytest.mark.parametrize(
    "path",
    [
        SEND,
        BY_TIME_ZONE,
        f"User/Balance?SessionID={SESSION}",
        HLR,
        INBOX,
        STATISTICS,
        VIBER,
        f"Viber/State?sessionId={SESSION}&messageId=GW0261BBD6B3",
    ],
)
async def test_every_error_can_be_injected(box: DevinoSandbox, call: Call, path: str, code: int) -> None:
    """Each code of the table can be scripted for each endpoint, with its HTTP status, and only once if so wished."""
    box.faults.add(error(str(code)))
    status, body = await call(path)

    table = {1: 400, 2: 400, 3: 400, 4: 401, 5: 403, 6: 400, 7: 403, 8: 500, 9: 500}
    assert (status, json.loads(body)["Code"]) == (table[code], code)
    assert (box.ledger.messages, (await call(path)).status) == ([], 200)


async def test_error_although_it_was_sent(box: DevinoSandbox, call: Call) -> None:
    """A gateway error may hide a message that went out."""
    box.faults.add(error_after_accept("8"))

    assert (await call(SEND)).refusal == (500, 8, "Gateway error")
    assert len(box.ledger.messages) == 1


async def test_codes_that_the_table_does_not_have(box: DevinoSandbox, call: Call) -> None:
    """An unlisted code, text or status can be injected as well."""
    box.faults.add(error("10", "odd"), error("5", status=200))

    assert (await call(SEND)).refusal == (400, 10, "odd")
    assert (await call(SEND)).refusal == (200, 5, "Not enough credits")


async def test_oddities(box: DevinoSandbox, call: Call) -> None:
    """Single answers can lack an id or a body, or carry somebody else's lookup."""
    quirks = (Quirk.ONE_ID_LESS, Quirk.EMPTY_BODY, Quirk.FOREIGN_ROW, Quirk.OTHER_NUMBER)
    endpoints = ("Sms/SendBulk", "User/Balance", "Hlr/State", "Hlr/State")
    box.faults.add(*(quirk(name, endpoint=endpoint) for name, endpoint in zip(quirks, endpoints, strict=True)))
    await call(HLR)

    assert len((await call(BULK)).json) == 1
    assert len(box.ledger.messages) == 4
    assert await call(f"User/Balance?SessionID={SESSION}") == (200, "")
    assert [row["messageId"] for row in (await call(HLR_STATE)).json] == ["703112828852109314"]
    assert (await call(HLR_STATE)).json[0]["DestinationAddress"] == "+79007654321"
