"""Sessions and the balance."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from yarl import URL

from pointsman_devino.sandbox import DevinoSandbox

SESSION = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
SEND = f"Sms/Send?SessionId={SESSION}&DestinationAddress=79161002030&SourceAddress=DEVINO&Data=test&Validity=0"

Call = Callable[..., Awaitable[Any]]


async def test_login_gives_a_session_that_works(box: DevinoSandbox, call: Call) -> None:
    """A login gives a quoted string of 36 characters, with which the balance can be read as a bare number."""
    status, body = await call("user/sessionid?login=demo-login&password=demo-password")
    session = json.loads(body)

    assert (status, len(session)) == (200, 36)
    assert await call(f"User/Balance?SessionID={session}") == (200, "20015.3")
    assert box.environment == {"DEVINO_LOGIN": "demo-login", "DEVINO_PASSWORD": "demo-password"}


@pytest.mark.trap("D17")
async def test_encoding_of_the_documents_password() -> None:
    """The document's own example of a password and its encoding logs in."""
    async with (
        DevinoSandbox(login="Jonathan", password="a+b==13%!") as box,
        aiohttp.ClientSession() as session,
        session.get(
            URL(f"{box.base_url}/user/sessionid?login=Jonathan&password=a%2Bb%3D%3D13%25!", encoded=True)
        ) as response,
    ):
        assert response.status == 200


@pytest.mark.trap("D03")
async def test_session_lives_two_hours(box: DevinoSandbox, call: Call) -> None:
    """A session ends 120 minutes after it was issued, however much it was used; then the code is 4."""
    box.clock.advance(119 * 60)
    assert (await call(f"User/Balance?SessionID={SESSION}")).status == 200
    box.clock.advance(60)

    assert (await call(f"User/Balance?SessionID={SESSION}")).refusal == (401, 4, "SessionID expired")
    assert (await call(SEND)).refusal == (401, 4, "SessionID expired")


async def test_sessions_expire_on_demand(box: DevinoSandbox, call: Call) -> None:
    """All sessions can be made to expire at once, or be forgotten."""
    box.sessions.expire()
    assert (await call(SEND)).refusal == (401, 4, "SessionID expired")
    box.sessions.forget()

    assert (await call(SEND)).refusal == (400, 3, "Invalid session id")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "user/sessionid?login=demo-login",
            (400, 1, "Password can not be null or empty Parameter name: password"),
        ),
        ("user/sessionid?login=demo-login&password=x", (401, 4, "Invalid user login or password")),
        ("User/Balance", (400, 1, "SessionID can not be null or empty Parameter name: sessionid")),
        (f"User/Balance?SessionID={'A' * 36}", (400, 3, "Invalid session id")),
        (
            f"Sms/State?sessionId={SESSION}",
            (400, 1, "MessageID can not be null or empty Parameter name: messageid"),
        ),
    ],
)
async def test_refusals_before_any_work(call: Call, path: str, expected: tuple[int, int, str]) -> None:
    """What is missing is code 1, an unknown session 3, wrong credentials 4, each with its HTTP status."""
    assert (await call(path)).refusal == expected
