"""Control calls, faults of single endpoints, and what is not there."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from pointsman.sandbox import answer
from pointsman_devino.sandbox import DevinoSandbox

SESSION = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
SEND = f"Sms/Send?SessionId={SESSION}&DestinationAddress=79161002030&SourceAddress=DEVINO&Data=test&Validity=0"

Call = Callable[..., Awaitable[Any]]


async def test_what_is_not_there(box: DevinoSandbox) -> None:
    """A path of no document is not found; sending by GET is not allowed."""
    async with aiohttp.ClientSession() as session:
        statuses = []
        for method, path in (("POST", "Viber/SendByTimeZone"), ("GET", SEND), ("GET", "Viber/Send")):
            async with session.request(method, f"{box.base_url}/{path}") as response:
                statuses.append(response.status)

    assert statuses == [404, 405, 405]


async def test_own_controls(box: DevinoSandbox) -> None:
    """Sessions, states and the inbox can be scripted over HTTP, and a reset forgets it all."""
    async with aiohttp.ClientSession(f"{box.origin}/_sandbox/") as session:
        await session.post("states", data='{"79160000001": 48}')
        await session.post("lookup-states", data='{"79160000001": 3}')
        await session.post("viber-states", data='{"79160000001": 4}')
        await session.post("inbox", data='{"sender": "7926", "to": "7916", "text": "hello"}')
        await session.post("inbox", data='{"sender": "7926", "to": "7916", "text": "hello", "at": 5.0}')
        await session.post("sessions/expire")
        assert (box.states, box.lookup_states) == ({"79160000001": 48}, {"79160000001": 3})
        assert (box.viber_states, [letter.at for letter in box.inbox][1:]) == ({"79160000001": 4}, [5.0])
        async with session.post("states", data='{"79160000001": "x"}') as response:
            assert response.status == 400
        await session.post("reset")

    assert (box.states, box.viber_states, box.lookup_states, box.inbox) == ({}, {}, {}, [])


async def test_scripted_answer_of_a_proxy(box: DevinoSandbox, call: Call) -> None:
    """A fault strikes the endpoint that it names and no other."""
    box.faults.add(answer(502, "busy", headers=(("Cache-Control", "private"),), endpoint="sms/send"))

    assert (await call(f"User/Balance?SessionID={SESSION}")).status == 200
    assert await call(SEND) == (502, "busy")
