"""Traps of Devino's document that only show between the whole router and the sandbox."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

import pytest

from pointsman.config import parse_config
from pointsman.errors import InvalidMessage
from pointsman.events import Event
from pointsman.loading import load_plugins
from pointsman.message import Channel, HlrLookup, Sms
from pointsman.outcome import Accepted, Receipt, State
from pointsman.router import Router
from pointsman.sandbox import error
from pointsman.telemetry import LogLevel, LogObserver, Masker, build_logger
from pointsman.testing import SCRIPTED, FakeClock, ScriptedSandbox
from pointsman_devino.sandbox import DevinoSandbox

TO = "79161234567"
CONFIG = """
[providers.devino]
plugin = "devino"
base_url = "{devino}"
login = {{ env = "DEVINO_LOGIN" }}
password = {{ env = "DEVINO_PASSWORD" }}
senders = ["SHOP"]
currency = "RUB"

[providers.other]
plugin = "scripted"
base_url = "{other}"

[policies.default]
strategy = "priority"

[rates]
RUB = "0.01"

[[routes]]
name = "all"
providers = ["devino", "other"]
"""

Running = Callable[..., AbstractAsyncContextManager[Router]]


@pytest.fixture
def clock() -> FakeClock:
    """Time that goes on only when it is told to."""
    return FakeClock()


@pytest.fixture
def box(clock) -> DevinoSandbox:
    """A Devino that is not started yet."""
    return DevinoSandbox(clock=clock, login="Jonathan", password="a+b==13%!")


@pytest.fixture
def running(clock, box) -> Running:
    """Start a router that prefers Devino and has a second provider."""

    @asynccontextmanager
    async def start(events: list[Event] | None = None) -> AsyncIterator[Router]:
        plugins = load_plugins([SCRIPTED])
        async with box, ScriptedSandbox(clock=clock) as other:
            text = CONFIG.format(devino=box.base_url, other=other.base_url)
            config = parse_config(text, plugins=plugins, env={**box.environment, **other.environment})
            observers = [] if events is None else [events.append]
            async with Router(config, plugins=plugins, clock=clock, observers=observers, only_loopback=True) as router:
                yield router

    return start


def requests(box, endpoint):
    """Return the numbers of each request to an endpoint."""
    return [
        [value for name, value in request.params if name.startswith("DestinationAddress")]
        for request in box.ledger.requests
        if request.endpoint == endpoint
    ]


class Lines(list[bytes]):
    """Where the router's own log lines go."""

    write = list.append

    def isatty(self) -> bool:
        """Nobody reads this."""
        return False


def ids(receipt: Receipt) -> tuple[str, ...]:
    """Return the ids that the provider gave."""
    outcome = receipt.attempts[-1].outcome
    assert isinstance(outcome, Accepted)
    return outcome.ids


@pytest.mark.trap("D16")
@pytest.mark.parametrize("cause", [None, error("4", times=None), error("9", times=None)], ids=str)
async def test_no_secret_of_an_address_is_told_or_logged(box, running, caplog, cause):
    """Login, password and session travel in addresses of GET calls, and show in no event, receipt or log line."""
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    async with running(events) as router:
        if cause is not None:
            box.faults.add(cause)
        receipt = await router.send(Sms(TO, "text"))
        told = "\n".join((caplog.text, repr(events), repr(receipt), repr(router.providers())))
    lines = Lines()
    log = LogObserver(build_logger(lines, level=LogLevel.DEBUG), Masker(b"key"))
    for event in events:
        log(event)
    told += b"\n".join(lines).decode()
    tokens = {value for one in box.ledger.requests for name, value in one.params if name.lower() == "sessionid"}

    assert len(tokens) >= 1
    assert len(lines) >= 1
    assert [word for word in ("Jonathan", "a+b==13%", "a%2Bb%3D%3D13%25", *tokens) if word in told] == []


@pytest.mark.trap("D17")
async def test_the_documents_password_logs_in(box, running):
    """`a+b==13%!` is encoded so that it arrives as it is, and the message is taken."""
    async with running() as router:
        receipt = await router.send(Sms(TO, "text"))

    assert (receipt.provider, receipt.state) == ("devino", State.SENT)
    assert {("Jonathan", "a+b==13%!")} == {
        tuple(value for _, value in one.params) for one in box.ledger.requests if one.endpoint == "User/SessionId"
    }


@pytest.mark.trap("D18", "H02")
@pytest.mark.parametrize("written", ["+79161234567", "89161234567", "79161234567", "8 (916) 123-45-67"])
async def test_numbers_leave_as_digits_that_begin_with_the_country(box, clock, running, written):
    """However a number is written, `79161234567` is sent: a plus sign would arrive as a blank."""
    async with running() as router, clock.autojump():
        await router.send(Sms(written, "text"))
        await router.lookup(written)

    assert requests(box, "Sms/Send") == [[TO]]
    assert requests(box, "Hlr/SendBulk") == [[TO]]


@pytest.mark.trap("H02")
@pytest.mark.parametrize("number", ["+70000000001", "80000000002"])
async def test_the_documents_own_lookup_numbers_are_refused_before_any_call(box, clock, running, number):
    """Neither number of the sample can exist; nobody is asked, and nothing is paid."""
    async with running() as router, clock.autojump():
        with pytest.raises(InvalidMessage):
            await router.send(HlrLookup(number))

    assert requests(box, "Hlr/SendBulk") == []


@pytest.mark.trap("D20")
async def test_an_id_with_a_plus_sign_is_asked_about_as_it_is(box, clock, running):
    """`SAR-W+84333` reaches the provider with its plus sign: with a blank it would be unknown there."""
    box.sms_ids.plant("SAR-W+84333")
    async with running() as router, clock.autojump():
        receipt = await router.send(Sms(TO, "text"), until_final=True)

    assert (receipt.state, ids(receipt)) == (State.DELIVERED, ("SAR-W+84333",))


@pytest.mark.trap("D23")
@pytest.mark.parametrize(("length", "provider"), [(2000, "devino"), (2001, "other")])
async def test_a_text_of_more_than_2000_characters_is_for_somebody_else(box, running, length, provider):
    """It is neither cut nor sent to be refused."""
    async with running() as router:
        receipt = await router.send(Sms(TO, "x" * length))

    assert (provider, State.SENT) == (receipt.provider, receipt.state)
    assert [length][: provider == "devino"] == [len(message.text) for message in box.ledger.messages]


@pytest.mark.trap("D25")
@pytest.mark.parametrize(("ttl", "expected"), [(timedelta(seconds=90), ["2"]), (None, [])])
async def test_a_life_time_is_told_in_minutes_or_not_at_all(box, running, ttl, expected):
    """90 seconds are 2 minutes, and no life time is no parameter: a zero might mean anything."""
    async with running() as router:
        await router.send(Sms(TO, "text", ttl=ttl))
    (sent,) = (one for one in box.ledger.requests if one.endpoint == "Sms/Send")

    assert expected == [value for name, value in sent.params if name == "Validity"]


@pytest.mark.trap("D31")
async def test_a_delivered_message_that_the_provider_forgets_stays_delivered(box, clock, running):
    """State 255 after 48 hours takes back nothing that was known."""
    async with running() as router, clock.autojump():
        receipt = await router.send(Sms(TO, "text"))
        states = []
        for code, seconds in ((0, 3600.0), (255, 72 * 3600.0)):
            box.states[TO] = code
            await clock.sleep(seconds)
            states.append((await router.receipt(receipt.id)).state)

    assert states == [State.DELIVERED, State.DELIVERED]


@pytest.mark.trap("D40")
async def test_a_bulk_has_200_recipients(box, running):
    """450 numbers travel as 200, 200 and 50: the document names no limit, so a modest one is kept."""
    async with running() as router:
        receipts = await router.send_many([Sms(f"7916123{place:04d}", "text") for place in range(450)])

    assert {("devino", State.SENT)} == {(receipt.provider, receipt.state) for receipt in receipts}
    assert [len(numbers) for numbers in requests(box, "Sms/SendBulk")] == [200, 200, 50]


@pytest.mark.trap("D41")
async def test_a_number_stands_in_a_bulk_once(box, running):
    """[A, B, A] is asked for as [A, B]; both who sent to A get its id, which would else be B's or nobody's."""
    first, second = TO, "79161002030"
    async with running() as router:
        one, two, again = await router.send_many([Sms(first, "text"), Sms(second, "text"), Sms(first, "text")])

    assert requests(box, "Sms/SendBulk") == [[first, second]]
    assert ids(one) == ids(again) != ids(two)


@pytest.mark.trap("D12", "H05")
@pytest.mark.parametrize("name", ["messageId", "MessageId", "messageid", "MessageID", " messageId"])
def test_the_id_of_a_lookup_is_found_in_any_case(devino, tracked, answer, name):
    """The table of fields does not list it, and the document writes it in several ways."""
    asked = tracked(Channel.HLR, **{"703112828852109312": TO})
    reading = devino.read_poll(asked, answer(f'[{{"{name}":"703112828852109312","statecode":1}}]'))

    assert [report.provider_id for report in reading.value] == ["703112828852109312"]


@pytest.mark.trap("H10")
@pytest.mark.parametrize(("said", "used"), [("+79001234567", True), ("+79007654321", False)])
def test_a_result_is_for_the_number_that_it_names(devino, tracked, answer, said, used):
    """We send `79001234567` and hear `+79001234567`: that is the same subscriber, and any other number is not."""
    asked = tracked(Channel.HLR, **{"703112828852109312": "79001234567"})
    body = f'[{{"messageId":"703112828852109312","DestinationAddress":"{said}","StateCode":1}}]'

    assert used is bool(devino.read_poll(asked, answer(body)).value)
