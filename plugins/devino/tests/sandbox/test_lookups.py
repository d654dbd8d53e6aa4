"""HLR lookups, with a session and with login and password."""

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from pointsman.sandbox import Fate
from pointsman_devino.sandbox import DevinoSandbox

SESSION = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
HLR = f"Hlr/SendBulk?SessionID={SESSION}&DestinationAddresses=+70000000001&DestinationAddresses=80000000002&Validity=5"
HLR_STATE = f"Hlr/State?SessionID={SESSION}&messageIds=703112828852109312&messageIds=703112828852109313"

Call = Callable[..., Awaitable[Any]]


async def test_lookups_with_a_session(box: DevinoSandbox, call: Call) -> None:
    """The document's request gives an id per number in order; the results come with country and operator."""
    box.outcomes["70000000001"] = Fate.NONEXISTENT
    _, ids = await call(HLR)
    pending = (await call(HLR_STATE)).json
    box.clock.advance(3)
    absent, present = (await call(HLR_STATE)).json

    assert json.loads(ids) == ["703112828852109312", "703112828852109313"]
    assert [row["StateCode"] for row in pending] == [0, 0]
    assert absent == {
        "messageId": "703112828852109312",
        "DestinationAddress": "+70000000001",
        "StateCode": 3,
        "StateDesc": "Абонент не существует",
        "Country": None,
        "MobileOperator": None,
    }
    assert (present["StateCode"], present["DestinationAddress"]) == (1, "+80000000002")
    assert box.account.spent == Decimal("0.4")


@pytest.mark.trap("H01")
async def test_lookups_with_login_and_password(box: DevinoSandbox, call: Call) -> None:
    """Below `v2` the same two calls take login and password, and a session does not help there."""
    account = "Login=demo-login&Password=demo-password"
    assert (await call(f"v2/Hlr/SendBulk?{account}&DestinationAddresses=79031234567&Validity=5")).status == 200
    box.clock.advance(3)
    (row,) = (await call(f"v2/Hlr/State?{account}&messageIds=703112828852109312")).json

    assert (row["Country"], row["MobileOperator"]) == ("Россия", "ОАО Вымпел-Коммуникации(Москва)")
    assert (await call("v2/" + HLR)).refusal == (400, 1, "Login can not be null or empty Parameter name: login")
    assert (await call("v2/Hlr/State?Login=demo-login&Password=no&messageIds=1")).refusal == (
        401,
        4,
        "Invalid user login or password",
    )


@pytest.mark.trap("H03")
@pytest.mark.parametrize(
    ("count", "status"),
    [(200, 200), (201, 400)],
)
async def test_lookups_take_200_numbers(box: DevinoSandbox, call: Call, count: int, status: int) -> None:
    """200 numbers are the most; one more and nothing is looked up."""
    numbers = "&".join(f"DestinationAddresses={79160000000 + n}" for n in range(count))

    assert (await call("Hlr/SendBulk", f"SessionID={SESSION}&Validity=5&{numbers}")).status == status
    assert len(box.ledger.messages) == (count if status == 200 else 0)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 99])
async def test_scripted_lookup_states(box: DevinoSandbox, call: Call, code: int) -> None:
    """Every code of the table of results can be scripted for a number."""
    box.lookup_states["70000000001"] = code
    await call(HLR)
    box.clock.advance(3)

    assert (await call(HLR_STATE)).json[0]["StateCode"] == code
