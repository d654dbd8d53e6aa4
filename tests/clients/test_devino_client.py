"""`sw-python-sms-devino`, a client of Devino's API that others wrote and use, gets along with the sandbox.

It reads the document on its own: other spellings of paths and parameters, numbers repeated in the body, `validity=0`.
Its known flaws are facts about the provider's real clients, and are held here as such.
"""

import sys
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from pointsman.sandbox import DeliveryPlan, Fate, answer
from pointsman.testing import FakeClock
from pointsman_devino.sandbox import DevinoSandbox, Mode

from .running import HERE, Client, Raised, client

SENDER = "SHOP"
NUMBERS = ["79161234567", "+79261234567"]


def devino_client(box: DevinoSandbox, env: dict[str, str], password: str | None = None):
    """Start the client with the sandbox's account, or with a wrong password."""
    program = str(HERE / "devino_calls.py")
    return client(sys.executable, "-I", program, box.base_url, box.login, password or box.password, env=env)


@pytest.fixture
async def foreign(devino: DevinoSandbox, env: dict[str, str]) -> AsyncIterator[Client]:
    """The client, not logged in yet."""
    async with devino_client(devino, env) as running:
        yield running


async def test_one_login_serves_several_calls(foreign: Client, devino: DevinoSandbox) -> None:
    """`/user/sessionId` and `/user/balance`, spelled this way, give a session and a bare number."""
    assert [await foreign.ask("get_balance"), await foreign.ask("get_balance")] == [10000.0, 10000.0]
    assert devino.ledger.calls == {"User/SessionId": 1, "User/Balance": 2}


async def test_one_message_is_taken_as_it_was_meant(foreign: Client, devino: DevinoSandbox) -> None:
    """`/sms/send` with `sessionId` and `data` in a form takes a Russian text and a number with a plus sign."""
    sent = await foreign.ask("send_one", SENDER, "+79161234567", "Привет, мир", 10)

    [message] = devino.ledger.messages
    assert sent == {"address": "+79161234567", "sms_ids": list(message.ids)}
    assert (message.to, message.text, message.sender) == ("79161234567", "Привет, мир", SENDER)
    assert ("validity", "10") in devino.ledger.requests[-1].params


async def test_ids_of_a_bulk_are_dealt_out_by_segments(foreign: Client, devino: DevinoSandbox) -> None:
    """The flat list of ids from `/sms/sendBulk` is cut by the client as the sandbox numbered the segments."""
    sent = await foreign.ask("send_bulk", SENDER, NUMBERS, "x" * 200)

    first, second = devino.ledger.messages
    assert [one["address"] for one in sent] == NUMBERS
    assert [one["sms_ids"] for one in sent] == [list(first.ids), list(second.ids)]
    assert (first.segments, second.to) == (2, "79261234567")


async def test_a_delivered_message_reads_so(foreign: Client, devino: DevinoSandbox, clock: FakeClock) -> None:
    """State, description, price and all four times of `/sms/state` are understood."""
    sent = await foreign.ask("send_one", SENDER, NUMBERS[0], "Hello")
    await clock.advance(10)
    state = await foreign.ask("get_state", sent["sms_ids"][0])

    assert (state["code"], state["description"]) == (0, "Доставлено абоненту")
    assert Decimal(state["price"]) == Decimal("1.5")
    assert state["creation_dt"] == "2023-11-14 22:13:20"
    assert state["reported_dt"] == state["result_dt"] == "2023-11-14 22:13:23"


@pytest.mark.parametrize("number", [10, 41, 69])
async def test_other_states_keep_their_numbers(foreign: Client, devino: DevinoSandbox, number: int) -> None:
    """A failed message has the number of the document's table."""
    devino.delivery = DeliveryPlan(seconds_to_sent=0, seconds_to_final=0)
    devino.outcomes[NUMBERS[0]] = Fate.UNDELIVERED
    devino.states[NUMBERS[0]] = number
    sent = await foreign.ask("send_one", SENDER, NUMBERS[0], "Hello")

    assert (await foreign.ask("get_state", sent["sms_ids"][0]))["code"] == number


@pytest.mark.trap("D29")
async def test_a_time_that_was_never_set_is_taken_for_the_year_3939(foreign: Client, devino: DevinoSandbox) -> None:
    """A known flaw of the client: it drops the minus of .NET's first moment, which the sandbox does send."""
    sent = await foreign.ask("send_one", SENDER, NUMBERS[0], "Hello")
    state = await foreign.ask("get_state", sent["sms_ids"][0])

    assert state["code"] == -2
    assert state["result_dt"] == "3939-01-01 00:00:00"
    assert state["reported_dt"] is None


async def test_a_refusal_is_told_by_code_and_words(foreign: Client, devino: DevinoSandbox) -> None:
    """A sender that is not registered is HTTP 400 with code 6 and the document's words."""
    with pytest.raises(Raised) as raised:
        await foreign.ask("send_one", "NOBODY", NUMBERS[0], "Hello")

    assert raised.value.story["http_status"] == 400
    assert raised.value.story["error"] == {"code": 6, "description": "Invalid source address"}
    assert devino.ledger.messages == []


async def test_a_wrong_password_is_code_4(devino: DevinoSandbox, env: dict[str, str]) -> None:
    """The login is answered with HTTP 401, code 4 and the document's words."""
    async with devino_client(devino, env, "wrong") as foreign:
        with pytest.raises(Raised) as raised:
            await foreign.ask("get_balance")

    assert raised.value.story["http_status"] == 401
    assert raised.value.story["error"] == {"code": 4, "description": "Invalid user login or password"}


async def test_the_client_never_logs_in_again(foreign: Client, devino: DevinoSandbox) -> None:
    """A known flaw of the client: it keeps a session that ended, so after 120 minutes every call is refused."""
    await foreign.ask("get_balance")
    devino.sessions.expire()
    for _ in range(2):
        with pytest.raises(Raised) as raised:
            await foreign.ask("get_balance")
        assert raised.value.story["error"] == {"code": 4, "description": "SessionID expired"}

    assert devino.ledger.calls["User/SessionId"] == 1


async def test_bare_keys_and_gateway_pages_are_beyond_the_client(devino: DevinoSandbox, env: dict[str, str]) -> None:
    """Known flaws of the client: a refusal as the document prints it, and a page of a proxy, end in a JSON error."""
    devino.mode = Mode.DOCUMENT
    async with devino_client(devino, env, "wrong") as foreign:
        with pytest.raises(Raised) as as_printed:
            await foreign.ask("get_balance")
    devino.faults.add(answer(502, "<html>Bad Gateway</html>", endpoint="User/SessionId"))
    async with devino_client(devino, env) as foreign:
        with pytest.raises(Raised) as of_a_proxy:
            await foreign.ask("get_balance")

    assert as_printed.value.story == of_a_proxy.value.story == {"type": "JSONDecodeError"}


async def test_success_in_document_mode_is_understood(foreign: Client, devino: DevinoSandbox) -> None:
    """Session, balance and ids are good JSON in the document too."""
    devino.mode = Mode.DOCUMENT

    assert len((await foreign.ask("send_one", SENDER, NUMBERS[0], "Hello"))["sms_ids"]) == 1
