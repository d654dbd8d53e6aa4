"""The control API, used as another process would."""

from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from pointsman.sandbox import Fate, Sandbox, ShiftedClock

Ask = Callable[..., Awaitable[tuple[int, object]]]


@pytest.fixture
def ask(toy: Sandbox, client: aiohttp.ClientSession) -> Ask:
    """Makes a control call; status and decoded body."""

    async def request(method: str, path: str, body: str | None = None) -> tuple[int, object]:
        async with client.request(method, f"{toy.origin}/_sandbox/{path}", data=body) as response:
            return response.status, await response.json()

    return request


@pytest.fixture
async def sent(toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """One message has been accepted."""
    await client.post(f"{toy.base_url}/send", data={"to": "79160000001", "text": "hello", "ref": "r1"})


@pytest.mark.usefixtures("sent")
async def test_requests(ask: Ask) -> None:
    """Requests can be read whole, by endpoint and from a number on."""
    status, requests = await ask("GET", "requests")

    assert status == 200
    assert [(r["endpoint"], r["method"], r["status"]) for r in requests] == [("Send", "POST", 200)]
    assert await ask("GET", "requests?after=1") == (200, [])
    assert len((await ask("GET", "requests?endpoint=SEND"))[1]) == 1
    assert await ask("GET", "requests?endpoint=Other") == (200, [])


@pytest.mark.usefixtures("sent")
async def test_messages(ask: Ask) -> None:
    """Messages can be read with what becomes of them."""
    _, (message,) = await ask("GET", "messages")

    assert (
        message["to"],
        message["text"],
        message["reference"],
        message["stage"],
        message["course"]["fate"],
        message["price"],
    ) == ("79160000001", "hello", "r1", "queued", "delivered", "1")


async def test_faults(ask: Ask, toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """Faults can be added, listed with their counts, and dropped."""
    await ask("POST", "faults", '[{"action": "error", "code": "7", "endpoint": "Send", "times": null}]')
    async with client.post(f"{toy.base_url}/send") as response:
        assert response.status == 400

    _, (armed,) = await ask("GET", "faults")
    assert (armed["rule"], armed["struck"]) == ({"action": "error", "code": "7", "endpoint": "Send", "times": None}, 1)
    assert await ask("DELETE", "faults") == (200, [])
    async with client.post(f"{toy.base_url}/send") as response:
        assert response.status == 200


@pytest.mark.usefixtures("sent")
async def test_account(ask: Ask) -> None:
    """The account can be read and topped up; money is text."""
    status, account = await ask("POST", "account", '{"top_up": "10.50"}')

    assert status == 200
    assert (account["balance"], account["spent"]) == ("109.50", "1")
    assert [charge["subject"] for charge in account["history"]] == ["m1", "top-up"]


async def test_outcomes(ask: Ask, toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """The end of messages to a number can be scripted."""
    await ask("POST", "outcomes", '{"79160000001": "expired"}')
    await client.post(f"{toy.base_url}/send", data={"to": "79160000001"})

    assert Fate.EXPIRED is toy.ledger.messages[0].course.fate


@pytest.mark.usefixtures("sent")
async def test_reset(ask: Ask, toy: Sandbox) -> None:
    """A reset leaves a sandbox as it was made."""
    await ask("POST", "faults", '{"action": "hang"}')
    status, overview = await ask("POST", "reset")

    assert (status, overview["calls"], overview["accepted"], overview["duplicates"]) == (200, {}, {}, 0)
    assert (toy.account.balance, toy.faults.armed, toy.ledger.messages) == (100, (), [])


async def test_clock(ask: Ask, toy: Sandbox) -> None:
    """A clock that can be moved is moved."""
    before = toy.clock.now()

    assert (200, {"now": before + 7200}) == await ask("POST", "clock/advance", '{"seconds": 7200}')


def test_shifted_clock_runs_ahead() -> None:
    """The clock that sandboxes use by default runs by itself and can be pushed."""
    clock = ShiftedClock()
    wall, steady = clock.now(), clock.monotonic()
    clock.advance(100)

    assert 100 <= clock.now() - wall < 101
    assert 100 <= clock.monotonic() - steady < 101


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "problem"),
    [
        ("POST", "faults", '{"action": "explode"}', 400, "explode"),
        ("POST", "faults", '{"action": "quirk", "code": "whisper"}', 400, "there are: shout"),
        ("POST", "account", '{"balance": "1"}', 400, "balance"),
        ("POST", "account", '{"top_up": "NaN"}', 400, "finite"),
        ("POST", "clock/advance", '{"seconds": 1e300}', 400, "seconds"),
        ("POST", "outcomes", '{"7916": "vanished"}', 400, "vanished"),
        ("POST", "clock/advance", "", 400, "truncated"),
        ("GET", "requests?after=x", None, 400, "'x'"),
        ("GET", "nonsense", None, 404, "there are: GET "),
    ],
)
async def test_mistakes(ask: Ask, method: str, path: str, body: str | None, status: int, problem: str) -> None:
    """A control call that means nothing is refused with a text that names the mistake."""
    answered, error = await ask(method, path, body)

    assert status == answered
    assert problem in error["error"]


async def test_a_clock_that_cannot_be_moved(
    toy_class: type[Sandbox], client: aiohttp.ClientSession, clock: object
) -> None:
    """Asking to move a clock that runs by itself is refused."""

    class Fixed:
        now, monotonic, sleep = clock.now, clock.monotonic, clock.sleep

    async with (
        toy_class(clock=Fixed()) as toy,
        client.post(f"{toy.origin}/_sandbox/clock/advance", data='{"seconds": 1}') as response,
    ):
        assert response.status == 409
        assert "cannot be moved" in (await response.json())["error"]


@pytest.mark.usefixtures("sent")
async def test_control_calls_are_not_in_the_ledger(ask: Ask, toy: Sandbox) -> None:
    """What is asked through the control API is not counted as traffic, nor struck by faults."""
    await ask("POST", "faults", '{"action": "close", "times": null}')

    assert (await ask("GET", ""))[0] == 200
    assert toy.ledger.arrivals == 1
