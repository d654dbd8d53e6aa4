"""The plugin against the sandbox over real HTTP: two independent readings of one document meet."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import aiohttp
import pytest
from yarl import URL

from pointsman.message import Channel, Money
from pointsman.outcome import Accepted, DeliveryState, Fault, LookupState, Refused
from pointsman.plugin import Each, Form, Request, Response, Secret, Session, Tracked, Whole
from pointsman_devino import Devino, Settings
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_devino.settings import HlrAuth

A, B = "79031234567", "79161002030"


@pytest.fixture
async def sandbox() -> AsyncIterator[DevinoSandbox]:
    """A sandbox on loopback."""
    async with DevinoSandbox() as running:
        yield running


@pytest.fixture
async def exchange(sandbox) -> AsyncIterator[Callable[[Request], Awaitable[Response]]]:
    """Send a request value and return the answer as a value."""

    def reveal(fields):
        return [(name, value.reveal() if isinstance(value, Secret) else value) for name, value in fields]

    async with aiohttp.ClientSession() as client:

        async def send(request: Request) -> Response:
            url = URL(f"{sandbox.base_url}/{request.path}").with_query(reveal(request.query))
            form = reveal(request.body.fields) if isinstance(request.body, Form) else None
            async with client.request(request.method, url, data=form) as got:
                headers = {name.lower(): value for name, value in got.headers.items()}
                return Response(status=got.status, headers=headers, body=await got.read())

        yield send


@pytest.fixture
def account(sandbox) -> Callable[..., Devino]:
    """Build a provider for the sandbox's account."""
    return lambda **settings: Devino(
        Settings(**{"login": Secret(sandbox.login), "password": Secret(sandbox.password)} | settings)
    )


@pytest.fixture
async def session(account, exchange) -> Session:
    """Log in."""
    devino = account()
    reading = devino.read_login(await exchange(devino.login_request()))
    assert isinstance(reading.value, Session)
    return reading.value


@pytest.mark.trap("D04")
async def test_a_wrong_password_is_told(account, exchange):
    """The sandbox refuses the login, and the plugin blames the credentials."""
    devino = account(password=Secret("wrong"))
    reading = devino.read_login(await exchange(devino.login_request()))

    assert isinstance(reading.value, Refused)
    assert Fault.CREDENTIALS is reading.value.fault


async def test_the_balance_is_read(account, exchange, session, sandbox):
    """The amount is the sandbox's own."""
    devino = account()
    reading = devino.read_balance(await exchange(devino.balance_request(session)))

    assert isinstance(reading.value.money, Money)


@pytest.mark.parametrize("numbers", [(A,), (A, B)])
@pytest.mark.parametrize(("text", "parts"), [("test", 1), ("я" * 71, 2), ("a+b==13%!&Data=x", 1)])
async def test_every_segment_of_a_submit_can_be_asked_about(
    account, exchange, session, sms_batch, numbers, text, parts
):
    """Send and SendBulk give ids for all segments, and State knows each of them."""
    devino = account()
    batch = sms_batch(*numbers, text=text, parts=parts, ttl=timedelta(seconds=90))
    reading = devino.read_submit(batch, await exchange(devino.submit_request(batch, session)))

    assert isinstance(reading.value, Each), reading
    assert [parts] * len(numbers) == [len(outcome.ids) for outcome in reading.value.outcomes]
    for number, outcome in zip(numbers, reading.value.outcomes, strict=True):
        for message_id in outcome.ids:
            tracked = (Tracked(ids=(message_id,), to=number, channel=Channel.SMS, accepted_at=0.0),)
            polled = devino.read_poll(tracked, await exchange(devino.poll_request(tracked, session)))
            assert isinstance(polled.value[0].state, DeliveryState)


async def test_a_sender_that_is_not_agreed_is_told(account, exchange, session, sms_batch):
    """The refusal names the sender, so that only this sender is kept away from the provider."""
    devino = account()
    batch = sms_batch(A, sender="STRANGER")
    reading = devino.read_submit(batch, await exchange(devino.submit_request(batch, session)))

    assert isinstance(reading.value, Whole)
    assert Fault.SENDER is reading.value.outcome.fault


@pytest.mark.trap("D39")
async def test_one_bad_number_of_a_bulk_can_be_found_by_dividing(account, exchange, session, sandbox, sms_batch):
    """The sandbox refuses the whole bulk without naming the number; the refusal is divisible."""
    sandbox.invalid_numbers.add(B)
    devino = account()
    batch = sms_batch(A, B)
    reading = devino.read_submit(batch, await exchange(devino.submit_request(batch, session)))

    assert isinstance(reading.value, Whole)
    assert (reading.value.outcome.fault, reading.value.divisible) == (Fault.RECIPIENT, True)


@pytest.mark.trap("H01")
@pytest.mark.parametrize("auth", list(HlrAuth))
async def test_lookups_work_in_both_forms(account, exchange, session, hlr_batch, auth):
    """With a session and with the password, each number gets an id, and State speaks of both."""
    devino = account(hlr_auth=auth)
    batch = hlr_batch(A, B)
    reading = devino.read_submit(batch, await exchange(devino.submit_request(batch, session)))

    assert isinstance(reading.value, Each), reading
    outcomes = [outcome for outcome in reading.value.outcomes if isinstance(outcome, Accepted)]
    tracked = tuple(
        Tracked(ids=outcome.ids, to=number, channel=Channel.HLR, accepted_at=0.0)
        for number, outcome in zip((A, B), outcomes, strict=True)
    )
    polled = devino.read_poll(tracked, await exchange(devino.poll_request(tracked, session)))
    assert [outcome.ids[0] for outcome in outcomes] == [report.provider_id for report in polled.value]
    assert all(isinstance(report.lookup.state, LookupState) for report in polled.value)
    assert polled.oddities == ()
