"""Devino's inbox and statistics: every code of its table in answer to them, and what they tell, over real HTTP."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from pointsman.clock import SystemClock, as_utc
from pointsman.config import build_providers
from pointsman.loading import load_plugins
from pointsman.message import Sms
from pointsman.outcome import Fault, Refused
from pointsman.plugin import Incoming, Request, Response, Session, SessionExpired, Statistics, Window
from pointsman.sandbox import garbage, quirk
from pointsman.transport import Endpoint, Failure, Transport
from pointsman_devino import Devino
from pointsman_devino.sandbox import DevinoSandbox, Quirk

from .bench import NUMBER, NUMBERS, Bench, configure, script
from .consequences import CONSEQUENCES, Kind, Row
from .test_devino import ASKED_IN_SESSION, OTHERS

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = timedelta(days=1)
ENDPOINTS = {"inbox": "Sms/In", "statistics": "Sms/Statistics"}


def sms(number: str) -> Sms:
    """Return a message."""
    return Sms(number, "One text for all")


class Client:
    """Drives the plugin against the sandbox, as the engine does: what it builds goes out, what comes back it reads."""

    def __init__(self, devino: Devino, box: DevinoSandbox, transport: Transport) -> None:
        self.devino = devino
        self.box = box
        self._transport = transport

    async def send(self, request: Request) -> Response:
        """Exchange a request for its answer."""
        result = (await self._transport.exchange(request)).result
        assert not isinstance(result, Failure)
        return result

    async def login(self) -> Session:
        """Open a session."""
        session = self.devino.read_login(await self.send(self.devino.login_request())).value
        assert isinstance(session, Session)
        return session

    async def inbox(self, window: Window) -> tuple[Incoming, ...] | Refused | SessionExpired:
        """Ask for incoming messages."""
        request = self.devino.inbox_request(window, await self.login())
        return self.devino.read_inbox(window, await self.send(request)).value

    async def statistics(self, window: Window) -> Statistics | Refused | SessionExpired:
        """Ask for figures."""
        request = self.devino.statistics_request(window, await self.login())
        return self.devino.read_statistics(window, await self.send(request)).value

    async def ask(self, what: str, window: Window) -> object:
        """Ask for one or the other."""
        return await (self.inbox(window) if what == "inbox" else self.statistics(window))


@pytest_asyncio.fixture(loop_scope="module")
async def client(bench: Bench) -> AsyncIterator[Client]:
    """A client of the sandbox."""
    urls = {box.name: box.base_url for box in bench.boxes}
    config = configure(("devino",), urls, bench.devino.environment)
    devino = build_providers(config, load_plugins())["devino"]
    assert isinstance(devino, Devino)
    async with Transport(Endpoint(bench.devino.base_url), SystemClock(), only_loopback=True) as transport:
        yield Client(devino, bench.devino, transport)


@pytest.fixture
def today(bench: Bench) -> datetime:
    """The moment at which the clock of the sandbox stands."""
    return as_utc(bench.clock.now())


@pytest.mark.parametrize("row", [*ASKED_IN_SESSION, *OTHERS], ids=str)
@pytest.mark.parametrize("what", list(ENDPOINTS))
async def test_a_code_is_told_as_it_is_and_the_next_question_is_answered(
    client: Client, today: datetime, what: str, row: Row
) -> None:
    """Whatever a question is answered with, it has the fault of its class, and nothing else is harmed."""
    script(client.box, row.cause, ENDPOINTS[what], 1)
    window = Window(today - DAY, today)
    refused = await client.ask(what, window)

    if row.kind is Kind.SESSION_EXPIRED:
        assert isinstance(refused, SessionExpired)
        assert refused.code == row.code
    else:
        assert isinstance(refused, Refused)
        assert (refused.fault, refused.code) == (CONSEQUENCES[row.kind].fault, row.code)
        assert refused.retry_after == row.cause_wait
    assert isinstance(await client.ask(what, window), tuple | Statistics)


@pytest.mark.parametrize("status", [500, 502, 504])
@pytest.mark.parametrize("what", list(ENDPOINTS))
async def test_a_broken_proxy_is_asked_again(client: Client, today: datetime, what: str, status: int) -> None:
    """Nothing can have been lost by a question, so nothing is in doubt."""
    script(client.box, garbage(status=status), ENDPOINTS[what], 1)
    refused = await client.ask(what, Window(today - DAY, today))

    assert isinstance(refused, Refused)
    assert (refused.fault, refused.code) == (Fault.UNAVAILABLE, f"http_{status}")


@pytest.mark.trap("D34")
@pytest.mark.parametrize("name", [None, Quirk.DOCUMENT, Quirk.LATER_INBOX, Quirk.CLIENT_INBOX])
async def test_the_inbox_is_read_in_every_wording(client: Client, today: datetime, name: Quirk | None) -> None:
    """The four wordings of one inbox are the same messages, in the provider's order."""
    for place, (sender, text) in enumerate(((NUMBER, "STOP"), ("7926000000", 'say "да"\n'))):
        at = today - timedelta(hours=2 - place)
        client.box.receive(text, sender=sender, to="SHOP", at=at.timestamp())
    if name is not None:
        client.box.faults.add(quirk(name, endpoint="Sms/In"))

    assert await client.inbox(Window(today - DAY, today)) == (
        Incoming(
            id="539187174",
            sender=NUMBER,
            sender_msisdn=NUMBER,
            to="SHOP",
            text="STOP",
            at=today - timedelta(hours=2),
        ),
        Incoming(id="539187175", sender="7926000000", to="SHOP", text='say "да"\n', at=today - timedelta(hours=1)),
    )


@pytest.mark.parametrize("shift", [timedelta(0), timedelta(microseconds=500_000), timedelta(microseconds=999_999)])
async def test_no_message_at_the_edge_of_a_window_is_missed(client: Client, today: datetime, shift: timedelta) -> None:
    """Periods are whole seconds: all that lies within the window is told, and at most a second or two beside it."""
    start, end = today - DAY + shift, today - timedelta(hours=1) + shift
    inside = (start, start + timedelta(milliseconds=1), end - timedelta(milliseconds=1))
    outside = (start - timedelta(seconds=3), end + timedelta(seconds=3))
    for at in (*inside, *outside):
        client.box.receive("text", sender=NUMBER, to="SHOP", at=at.timestamp())
    told = await client.inbox(Window(start, end))

    assert isinstance(told, tuple)
    assert [message.id for message in told] == ["539187174", "539187175", "539187176"]


async def test_the_oldest_window_is_answered(client: Client, today: datetime) -> None:
    """As far back as the plugin says that it can be asked, the provider answers."""
    windows = client.devino.profile.inbox
    assert windows is not None
    assert windows.oldest is not None

    assert await client.inbox(Window(today - windows.oldest, today)) == ()


@pytest.mark.trap("D35")
@pytest.mark.parametrize("shift", [timedelta(0), timedelta(microseconds=500_000)])
async def test_the_longest_window_is_answered_and_no_longer_one(
    client: Client, today: datetime, shift: timedelta
) -> None:
    """90 days are answered wherever they begin; 92 days, which are three months, are our mistake."""
    windows = client.devino.profile.statistics
    assert windows is not None
    start = today - 2 * windows.longest + shift
    refused = await client.statistics(Window(start, start + timedelta(days=92)))

    assert isinstance(await client.statistics(Window(start, start + windows.longest)), Statistics)
    assert isinstance(refused, Refused)
    assert (refused.fault, refused.code) == (Fault.REQUEST, "2")


@pytest.mark.trap("D44")
@pytest.mark.parametrize("name", [None, Quirk.DOCUMENT])
async def test_figures_are_passed_on(bench: Bench, client: Client, today: datetime, name: Quirk | None) -> None:
    """What the provider counts is told as it counts it: here one delivered, one expired and one with an error."""
    bench.devino.states |= {NUMBERS[1]: 46, NUMBERS[2]: 42}
    async with bench.router("devino") as table:
        await table.send(*(sms(number) for number in NUMBERS[:3]), until_final=True)
    if name is not None:
        client.box.faults.add(quirk(name, endpoint="Sms/Statistics"))

    assert await client.statistics(Window(today - DAY, today + DAY)) == Statistics(
        sent=0,
        delivered=1,
        errors=1,
        in_process=0,
        expired=1,
        rejected=0,
        total=2,
        total_with_errors=3,
        delivery_ratio=Decimal("33.33"),
    )


@pytest.mark.trap("D44")
async def test_figures_decide_nothing(bench: Bench, client: Client, today: datetime) -> None:
    """After the worst of figures the provider is as healthy as before, and the next message goes to it."""
    bench.devino.states |= dict.fromkeys(NUMBERS[:3], 46)
    async with bench.router("devino", "smstele") as table:
        await table.send(*(sms(number) for number in NUMBERS[:3]), until_final=True)
        before = table.status("devino").health
        figures = await client.statistics(Window(today - DAY, today + DAY))
        (receipt,) = await table.send(sms(NUMBER))
        assert isinstance(figures, Statistics)
        assert (figures.delivered, figures.delivery_ratio) == (0, Decimal("0.0"))
        assert (before, "devino") == (table.status("devino").health, receipt.provider)
