"""What becomes of a sent message."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pointsman.sandbox import DeliveryPlan, Fate
from pointsman_devino.sandbox import DevinoSandbox

SESSION = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
SEND = f"Sms/Send?SessionId={SESSION}&DestinationAddress=79161002030&SourceAddress=DEVINO&Data=test&Validity=0"
STATE = f"Sms/State?sessionId={SESSION}&messageId=579700854169272358"

Call = Callable[..., Awaitable[Any]]


@pytest.mark.trap("D31")
async def test_state_progresses(box: DevinoSandbox, call: Call) -> None:
    """255 until the message is in the data base, then queued, sent, delivered with dates and price, 255 after 48 h."""
    box.state_lag = 0.5
    await call(SEND)
    states = []
    for seconds in (0, 0.5, 1, 2):
        box.clock.advance(seconds)
        states.append((await call(STATE)).json["State"])
    delivered = (await call(STATE)).text
    box.clock.advance(48 * 3600)
    box.sessions.admit(SESSION, box.clock.now())

    assert states == [255, -2, -1, 0]
    assert delivered == (
        '{"State":0,"CreationDateUtc":"\\/Date(1326844800000)\\/","SubmittedDateUtc":"\\/Date(1326844801000)\\/",'
        '"ReportedDateUtc":"\\/Date(1326844803000)\\/","TimeStampUtc":"\\/Date(1326844803000)\\/",'
        '"StateDescription":"Доставлено абоненту","Price":1.5}'
    )
    assert (await call(STATE)).json["State"] == 255


@pytest.mark.parametrize(
    ("fate", "state"),
    [
        (Fate.DELIVERED, 0),
        (Fate.UNDELIVERED, 41),
        (Fate.EXPIRED, 46),
        (Fate.REJECTED, 48),
        (Fate.DELETED, 47),
        (Fate.UNKNOWN, 99),
        (Fate.STUCK, -1),
    ],
)
async def test_scripted_ends(box: DevinoSandbox, call: Call, fate: Fate, state: int) -> None:
    """Every end has a code of the table of states."""
    box.outcomes["79161002030"] = fate
    await call(SEND)
    box.clock.advance(3600)

    assert (await call(STATE)).json["State"] == state


@pytest.mark.parametrize("state", [10, 11, 41, 42, 46, 47, 48, 69, 99, -98])
async def test_scripted_states(box: DevinoSandbox, call: Call, state: int) -> None:
    """Every final code of the table can be scripted for a number, and has the table's text."""
    box.states["79161002030"] = state
    await call(SEND)
    box.clock.advance(3600)
    row = (await call(STATE)).json

    assert (row["State"], row["StateDescription"] != "") == (state, True)


async def test_validity_lets_a_message_expire(box: DevinoSandbox, call: Call) -> None:
    """A message that takes longer than its validity in minutes expires; a validity of 0 is no limit."""
    box.delivery = DeliveryPlan(seconds_to_final=600)
    await call(SEND)
    await call(SEND.replace("Validity=0", "Validity=5"))
    box.clock.advance(601)

    states = [(await call(STATE.replace("358", last))).json["State"] for last in ("358", "359")]
    assert states == [0, 46]


@pytest.mark.trap("D20")
async def test_ids_with_a_plus_sign(box: DevinoSandbox, call: Call) -> None:
    """An id such as the document's `SAR-W+84333` is found when it is encoded, and is 255 when it is not."""
    box.sms_ids.plant("SAR-W+84333")
    await call(SEND)
    found = await call(f"Sms/State?sessionId={SESSION}&messageId=SAR-W%2B84333")
    lost = await call(f"Sms/State?sessionId={SESSION}&messageId=SAR-W+84333")

    assert [json.loads(body)["State"] for _, body in (found, lost)] == [-2, 255]
