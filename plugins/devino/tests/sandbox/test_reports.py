"""Incoming messages and figures of a period."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pointsman.sandbox import quirk
from pointsman_devino.sandbox import DevinoSandbox, Quirk

SESSION = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
SEND = f"Sms/Send?SessionId={SESSION}&DestinationAddress=79161002030&SourceAddress=DEVINO&Data=test&Validity=0"
STATISTICS = f"Sms/Statistics?sessionId={SESSION}&startDateTime=2012-01-18%2000:00:00&endDateTime=2012-01-18T23:59:00"

Call = Callable[..., Awaitable[Any]]


async def test_inbox(box: DevinoSandbox, call: Call) -> None:
    """Incoming messages of a period are listed, within the document's limits."""
    box.receive("hello", sender="79260000000", to="79160000000")
    path = f"Sms/In?sessionId={SESSION}&minDateUTC=%s&maxDateUTC=%s"

    assert (await call(path % ("2012-01-17T00:00:00", "2012-01-19T00:00:00"))).json == [
        {
            "Data": "hello",
            "SourceAddress": "79260000000",
            "DestinationAddress": "79160000000",
            "ID": "539187174",
            "CreateDateUtc": "/Date(1326844800000)/",
        }
    ]
    assert await call(path % ("2012-01-16T00:00:00", "2012-01-17T00:00:00")) == (200, "[]")
    assert (await call(path % ("2011-01-01T00:00:00", "2012-01-17T00:00:00"))).status == 400
    assert (await call(path % ("2012-01-17T00:00:00", "2012-01-17T00:00:00"))).status == 400


@pytest.mark.trap("D34")
@pytest.mark.parametrize(
    ("name", "key", "message_id"),
    [(Quirk.LATER_INBOX, "CreatedDateUtc", 539187174), (Quirk.CLIENT_INBOX, "CreationDateUtc", "539187174")],
)
async def test_other_editions_of_the_inbox(
    box: DevinoSandbox, call: Call, name: Quirk, key: str, message_id: int | str
) -> None:
    """A single answer can be worded as a later edition or as the provider's client has it."""
    box.receive("hello", sender="79260000000", to="79160000000", at=box.clock.now() - 60)
    box.faults.add(quirk(name))
    (row,) = (
        await call(f"Sms/In?sessionId={SESSION}&minDateUTC=2012-01-17T00:00:00&maxDateUTC=2012-01-19T00:00:00")
    ).json

    assert (row["ID"], row[key]) == (message_id, "/Date(1326844740000)/")


@pytest.mark.trap("D36")
@pytest.mark.parametrize("start", ["2012-01-18%2000:00:00", "2012-01-18+00:00:00", "2012-01-18T00:00:00"])
async def test_dates_of_statistics(call: Call, start: str) -> None:
    """A date with a blank, however it is encoded, and one with a `T` are the same."""
    assert (await call(STATISTICS.replace("2012-01-18%2000:00:00", start))).status == 200


async def test_missing_date_is_code_9(call: Call, literal: Callable[[str], bytes]) -> None:
    """A date that is missing is the server's own error, in the very words of the document."""
    _, body = await call(f"Sms/In?sessionId={SESSION}&minDateUTC=2012-01-01T00:00:00", method="GET")
    example = literal("err9").decode()

    assert json.loads(body)["Code"] == 9
    assert json.loads(body)["Desc"] in example


async def test_statistics(box: DevinoSandbox, call: Call) -> None:
    """Segments of a period are counted by state; the document's request, with a blank in one date, is taken."""
    for number, state in (("79160000001", 0), ("79160000002", 46), ("79160000003", 42), ("79160000004", 0)):
        box.states[number] = state
        await call(SEND.replace("79161002030", number))
    box.clock.advance(3)
    await call(SEND)
    _, body = await call(STATISTICS)

    assert json.loads(body) == {
        "Sent": 0,
        "Delivered": 2,
        "Errors": 1,
        "InProcess": 1,
        "Expired": 1,
        "Rejected": 0,
        "Total": 4,
        "TotalWithErrors": 5,
        "DeliveryRatio": 40.0,
    }


async def test_statistics_of_more_than_90_days(call: Call) -> None:
    """A period of more than 90 days is refused in the document's words."""
    answered = await call(STATISTICS.replace("endDateTime=2012-01-18", "endDateTime=2012-07-18"))

    assert answered.refusal == (400, 2, "Нельзя указывать диапазон дат более 90 дней.")
