"""What a client meets on the wire."""

import asyncio
import logging
import time
from decimal import Decimal

import aiohttp
import pytest

from pointsman.sandbox import (
    DeliveryPlan,
    FaultRule,
    Sandbox,
    answer,
    close_after_accept,
    close_before_accept,
    delay,
    error,
    error_after_accept,
    garbage,
    hang_after_accept,
    hang_before_accept,
    quirk,
    running,
    slow,
    throttle,
    truncate,
)


async def send(toy: Sandbox, client: aiohttp.ClientSession, **params: str) -> tuple[int, str]:
    """Send one message; status and body of the answer."""
    async with client.post(f"{toy.base_url}/send", data={"to": "79160000001", "text": "hello", **params}) as response:
        return response.status, await response.text()


async def until(condition: object) -> None:
    """Give other tasks turns until the condition holds."""
    for _ in range(500):
        if condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.002)
    raise AssertionError("did not happen")


async def test_normal_answer(toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """A request is answered, charged and recorded."""
    assert await send(toy, client) == (200, '{"id":"m1"}')

    (request,) = toy.ledger.requests
    assert (request.endpoint, request.method, request.path, request.status) == ("Send", "POST", "/api/send", 200)
    assert request.params == (("to", "79160000001"), ("text", "hello"))
    assert [message.text for message in toy.ledger.messages] == ["hello"]
    assert toy.account.balance == 99


@pytest.mark.parametrize("path", ["/api/SEND", "/legacy/send", "/Legacy/Send"])
async def test_every_spelling_of_a_path(toy: Sandbox, client: aiohttp.ClientSession, path: str) -> None:
    """Paths are found in any case and below every base path."""
    async with client.post(toy.origin + path, data={"to": "1"}) as response:
        assert response.status == 200


async def test_query_comes_before_body(toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """Query and body are merged, and of two values the query's is the first."""
    await client.post(f"{toy.base_url}/send?TEXT=query", data={"to": "1", "text": "body"})

    assert toy.ledger.messages[0].text == "query"


async def test_path_variables(toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """A variable in a path arrives as a parameter, decoded."""
    await send(toy, client)
    async with client.get(f"{toy.base_url}/message/m1") as response:
        assert await response.json() == {"stage": "QUEUED"}


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/send", 405), ("GET", "/api/nothing", 404)])
async def test_unknown_calls(toy: Sandbox, client: aiohttp.ClientSession, method: str, path: str, status: int) -> None:
    """A wrong path or method is answered as a web server would, and recorded."""
    async with client.request(method, toy.origin + path) as response:
        assert status == response.status

    assert [("", status)] == [(request.endpoint, request.status) for request in toy.ledger.requests]


@pytest.mark.parametrize(
    ("rule", "status", "body", "messages"),
    [
        (error("7"), 400, '{"code":"7","text":"usual"}', 0),
        (error("7", "own words", status=500), 500, '{"code":"7","text":"own words"}', 0),
        (error_after_accept("7"), 400, '{"code":"7","text":"usual"}', 1),
        (answer(503, "later"), 503, "later", 0),
        (answer(200, "", accepted=True), 200, "", 1),
        (garbage("<html>"), 502, "<html>", 0),
        (garbage("<html>", status=200, accepted=True), 200, "<html>", 1),
        (throttle(), 429, "", 0),
        (quirk("shout"), 200, '{"id":"M1"}', 1),
    ],
)
async def test_scripted_answers(
    toy: Sandbox, client: aiohttp.ClientSession, rule: FaultRule, status: int, body: str, messages: int
) -> None:
    """Each kind of scripted answer reaches the client once, and takes the message only where it says so."""
    toy.faults.add(rule)

    assert (status, body) == await send(toy, client)
    assert messages == len(toy.ledger.messages)
    assert 100 - messages == toy.account.balance
    assert (rule, status) == (toy.ledger.requests[0].fault, toy.ledger.requests[0].status)
    assert (await send(toy, client))[0] == 200


async def test_throttle_says_when(toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """Throttling carries the seconds to wait."""
    toy.faults.add(throttle(3, status=503))
    async with client.post(f"{toy.base_url}/send") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "3")


@pytest.mark.parametrize(("rule", "messages"), [(close_before_accept(), 0), (close_after_accept(), 1)])
async def test_hanging_up(toy: Sandbox, client: aiohttp.ClientSession, rule: FaultRule, messages: int) -> None:
    """A dropped connection gives the client nothing, whether or not the message was taken."""
    toy.faults.add(rule)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await send(toy, client)

    assert (messages, None) == (len(toy.ledger.messages), toy.ledger.requests[0].status)


@pytest.mark.parametrize(("rule", "messages"), [(hang_before_accept(), 0), (hang_after_accept(), 1)])
async def test_never_answering(
    toy: Sandbox, client: aiohttp.ClientSession, rule: FaultRule, messages: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A request without an answer lasts until the client gives up, and then ends without noise on the server."""
    toy.faults.add(rule)
    with caplog.at_level(logging.WARNING), pytest.raises(TimeoutError):
        await asyncio.wait_for(send(toy, client), 0.1)

    assert (messages, None) == (len(toy.ledger.messages), toy.ledger.requests[0].status)
    await asyncio.sleep(0.25)
    assert caplog.records == []


async def test_half_a_request(toy: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """A request that breaks off before its end is no request: nothing is recorded, taken or logged."""
    _, writer = await asyncio.open_connection("127.0.0.1", toy.port)
    writer.write(b"POST /api/send HTTP/1.1\r\nHost: toy\r\nContent-Length: 20\r\n\r\nto=7916")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.05)

    assert (toy.ledger.requests, toy.ledger.messages) == ([], [])
    assert caplog.records == []


async def test_truncated_answer(toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """A broken-off answer announces its full length and ends early; the message was taken."""
    toy.faults.add(truncate(4))
    async with client.post(f"{toy.base_url}/send", data={"to": "1"}) as response:
        assert (response.status, response.content_length) == (200, 11)
        assert await response.content.read(4) == b'{"id'
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()

    assert len(toy.ledger.messages) == 1


@pytest.mark.parametrize(("accepted", "during"), [(False, 0), (True, 1)])
async def test_delay_is_on_the_sandbox_clock(
    toy: Sandbox, client: aiohttp.ClientSession, accepted: bool, during: int
) -> None:
    """A delay lasts as long as the sandbox's own clock says, before or after the message is taken."""
    toy.faults.add(delay(3600, accepted=accepted))
    begun = toy.clock.now()
    waiting = asyncio.create_task(send(toy, client))
    await until(lambda: toy.clock.sleeping == 1)

    assert during == len(toy.ledger.messages)
    toy.clock.advance(3600)
    assert await waiting == (200, '{"id":"m1"}')
    assert begun + (0 if accepted else 3600) == toy.ledger.messages[0].accepted_at


async def test_slow_answer(toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """A slow answer comes in pieces with a pause between them, and is whole in the end."""
    toy.faults.add(slow(10, 6))
    waiting = asyncio.create_task(send(toy, client))
    await until(lambda: toy.clock.sleeping == 1)
    toy.clock.advance(10)

    assert await waiting == (200, '{"id":"m1"}')


async def test_a_slow_answer_that_nobody_waits_for(toy: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """A client that leaves in the middle of a slow answer is no error of the sandbox."""
    toy.faults.add(slow(10, 1))
    async with aiohttp.ClientSession() as leaving:
        waiting = asyncio.create_task(send(toy, leaving))
        await until(lambda: toy.clock.sleeping == 1)
        waiting.cancel()
    await asyncio.sleep(0.05)
    toy.clock.advance(100)
    await until(lambda: not toy.busy())

    assert caplog.records == []


async def test_refusal_for_lack_of_money_leaves_no_message(
    toy_class: type[Sandbox], client: aiohttp.ClientSession
) -> None:
    """With money for two messages exactly two are taken, and a top-up admits the next."""
    async with toy_class(balance=Decimal(2)) as toy:
        answers = [(await send(toy, client, text=str(n)))[0] for n in range(4)]
        toy.account.top_up(Decimal(1))
        answers.append((await send(toy, client, text="after"))[0])

        assert answers == [200, 200, 400, 400, 200]
        assert (len(toy.ledger.messages), toy.account.balance) == (3, 0)


async def test_delivery_progresses_on_the_clock(
    toy_class: type[Sandbox], clock: object, client: aiohttp.ClientSession
) -> None:
    """The stage of a message follows the clock by the plan's timetable, with nothing running in between."""
    plan = DeliveryPlan(seconds_to_sent=60, seconds_to_final=3600)
    async with toy_class(clock=clock, delivery=plan) as toy:
        await send(toy, client)
        stages = []
        for seconds in (0, 60, 3539, 1):
            toy.clock.advance(seconds)
            async with client.get(f"{toy.base_url}/message/m1") as response:
                stages.append((await response.json())["stage"])

        assert stages == ["QUEUED", "SENT", "SENT", "FINAL"]


async def test_close_is_quick_with_requests_that_hang(toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """Closing drops hanging connections within a fraction of a second."""
    toy.faults.add(hang_after_accept(times=None))
    hanging = [asyncio.create_task(send(toy, client, text=str(n))) for n in range(10)]
    await until(lambda: len(toy.ledger.messages) == 10)
    begun = time.perf_counter()
    await toy.close()

    assert time.perf_counter() - begun < 0.4
    results = await asyncio.gather(*hanging, return_exceptions=True)
    assert all(isinstance(result, aiohttp.ClientError) for result in results)


async def test_down_for_a_while(toy: Sandbox, client: aiohttp.ClientSession) -> None:
    """A closed sandbox refuses connections; started again on its port it still knows everything."""
    await send(toy, client)
    url, port = toy.base_url, toy.port
    await toy.close()
    with pytest.raises(aiohttp.ClientConnectorError):
        await send(toy, client)
    await toy.start(port=port)

    assert url == toy.base_url
    assert await send(toy, client) == (200, '{"id":"m2"}')
    assert len(toy.ledger.messages) == 2


async def test_starting_twice_is_a_mistake(toy: Sandbox) -> None:
    """A running sandbox says where it runs instead of starting again."""
    with pytest.raises(RuntimeError, match=r"toy is already running at http://127\.0\.0\.1"):
        await toy.start()


def test_address_before_start(toy_class: type[Sandbox]) -> None:
    """There is no address before the first start."""
    with pytest.raises(RuntimeError, match="toy has not been started"):
        _ = toy_class().base_url


async def test_running_several(toy_class: type[Sandbox], client: aiohttp.ClientSession) -> None:
    """Several sandboxes run at once and are closed together; a port that is taken closes what had been started."""
    first, second = toy_class(), toy_class()
    async with running([first]) as started:
        assert {"toy": first} == started
        with pytest.raises(OSError, match=str(first.port)):
            async with running([second], {"toy": first.port}):
                raise AssertionError("unreachable")
        assert (await send(first, client))[0] == 200
    with pytest.raises(aiohttp.ClientConnectorError):
        await send(first, client)


async def test_light_sandbox_keeps_counts_only(toy_class: type[Sandbox], client: aiohttp.ClientSession) -> None:
    """A light sandbox counts requests and keeps neither them nor charges."""
    async with toy_class(light=True) as toy:
        await send(toy, client)

        assert (toy.ledger.requests, toy.ledger.calls["Send"], toy.account.history) == ([], 1, [])
