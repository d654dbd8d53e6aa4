"""The plugin against the sandbox over real HTTP: two independent readings of one document meet."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

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


async def submitted(devino, exchange, session, batch) -> list[Accepted]:
    """Send a batch and return what was accepted, by recipient."""
    reading = devino.read_submit(batch, await exchange(devino.submit_request(batch, session)))
    assert isinstance(reading.value, Each), reading
    return [outcome for outcome in reading.value.outcomes if isinstance(outcome, Accepted)]


async def states(devino, exchange, session, channel, number, outcome, *, resend=False):
    """Ask for the reports about a message."""
    found = []
    for message_id in outcome.ids:
        tracked = (Tracked(ids=(message_id,), to=number, channel=channel, accepted_at=0.0, resend=resend),)
        polled = devino.read_poll(tracked, await exchange(devino.poll_request(tracked, session)))
        assert isinstance(polled.value, tuple), polled
        found += polled.value
    return found


@pytest.mark.trap("D26")
@pytest.mark.parametrize("numbers", [(A,), (A, B)])
@pytest.mark.parametrize("local", [False, True])
async def test_a_message_with_a_time_waits_for_it(account, exchange, session, sandbox, sms_batch, numbers, local):
    """All four calls keep it until then: by UTC, or by the clock of the recipients, who live in Moscow here."""
    devino = account(schedule=True)
    at = datetime.fromtimestamp(sandbox.clock.now(), UTC).replace(microsecond=0) + timedelta(minutes=30)
    when = {"send_at_local": (at + timedelta(hours=3)).replace(tzinfo=None)} if local else {"send_at": at}
    outcomes = await submitted(devino, exchange, session, sms_batch(*numbers, **when))
    told = []
    for seconds in (29 * 60, 65):
        sandbox.clock.advance(seconds)
        told.append({(await states(devino, exchange, session, Channel.SMS, A, one))[0].state for one in outcomes})

    assert told == [{DeliveryState.QUEUED}, {DeliveryState.DELIVERED}]


@pytest.mark.trap("D43")
@pytest.mark.parametrize("numbers", [(A,), (A, B)])
@pytest.mark.parametrize("resend", [False, True])
async def test_viber_messages_are_followed_to_their_end(
    account, exchange, session, sandbox, viber_batch, numbers, resend
):
    """With the provider's own SMS a message that Viber did not deliver is delivered after all, at the price of both."""
    sandbox.viber_states.update(dict.fromkeys(numbers, 4))
    devino = account(viber=True)
    outcomes = await submitted(devino, exchange, session, viber_batch(*numbers, sender="SHOP", resend=resend))
    told = []
    for seconds in (0, 3.5, 3600):
        sandbox.clock.advance(seconds)
        (report,) = await states(devino, exchange, session, Channel.VIBER, A, outcomes[-1], resend=resend)
        told.append((report.state, report.final))

    assert len(outcomes) == len(numbers)
    assert told == [
        (DeliveryState.QUEUED, False),
        (DeliveryState.SENT, False) if resend else (DeliveryState.UNDELIVERABLE, True),
        (DeliveryState.DELIVERED, True) if resend else (DeliveryState.UNDELIVERABLE, True),
    ]
    assert str(report.price) == ("2.4 RUB" if resend else "0.9 RUB")


@pytest.mark.trap("D21")
async def test_the_price_is_told_for_each_segment(account, exchange, session, sandbox, sms_batch):
    """Two segments at 1.5 are two reports of 1.5: their sum is what the message cost."""
    devino = account()
    (outcome,) = await submitted(devino, exchange, session, sms_batch(A, text="я" * 71, parts=2))
    sandbox.clock.advance(3600)
    reports = await states(devino, exchange, session, Channel.SMS, A, outcome)

    assert [str(report.price) for report in reports] == ["1.5 RUB", "1.5 RUB"]
    assert sum(report.price.amount for report in reports) == sandbox.account.spent


async def test_one_bad_number_of_a_viber_bulk_can_be_found_by_dividing(
    account, exchange, session, sandbox, viber_batch
):
    """Nothing is sent, the number is not named, and another provider may serve it."""
    sandbox.invalid_numbers.add(B)
    devino = account(viber=True)
    batch = viber_batch(A, B, sender="SHOP")
    whole = devino.read_submit(batch, await exchange(devino.submit_request(batch, session))).value

    assert isinstance(whole, Whole)
    assert (whole.outcome.code, whole.outcome.certain, whole.divisible) == ("error-address-unknown", False, True)
    assert sandbox.ledger.messages == []
