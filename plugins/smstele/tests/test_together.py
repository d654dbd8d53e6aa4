"""What the plugin asks for is what the sandbox does: requests as they leave, answers as they come."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from pointsman.message import Channel, Fallback
from pointsman.outcome import Accepted, DeliveryState, Fault, LookupState, Refused
from pointsman.plugin import Absent, Form, Request, Response, Resubmit, Secret, Whole
from pointsman.sandbox import Fate, error
from pointsman.testing import FakeClock
from pointsman_smstele.sandbox import Quirk, SmsteleSandbox

PHONE, ANOTHER = "79160001234", "79260004567"
REF = "01jx7y6k8m9n0p1q2r3s4t5v6w"
SAID = "01jx7y6k8m9n0p1q2r3s4t5v00"
"""Our reference of the attempt."""


class Line:
    """Carries requests to a sandbox and answers back."""

    def __init__(self, sandbox: SmsteleSandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self._session = session

    async def carry(self, request: Request) -> Response:
        """Send a form as the transport would."""
        assert isinstance(request.body, Form)
        data = [(name, value.reveal() if isinstance(value, Secret) else value) for name, value in request.body.fields]
        url = f"{self.sandbox.base_url}/{request.path}"
        async with self._session.request(request.method, url, data=data) as answer:
            return Response(status=answer.status, body=await answer.read())


@pytest.fixture
def clock() -> FakeClock:
    """Stands still."""
    return FakeClock()


@pytest.fixture
async def line(clock: FakeClock) -> AsyncIterator[Line]:
    """A line to a fresh sandbox."""
    async with SmsteleSandbox(clock=clock) as sandbox, aiohttp.ClientSession() as session:
        yield Line(sandbox, session)


async def submitted(line: Line, provider: Any, sent: Any) -> Any:
    """Submit a batch; return what the answer means."""
    return provider.read_submit(sent, await line.carry(provider.submit_request(sent, None))).value


async def polled(line: Line, provider: Any, asked: Any) -> Any:
    """Ask for the report of a message; return it, or None."""
    found = provider.read_poll(asked, await line.carry(provider.poll_request(asked, None))).value
    return found[0] if found else None


@pytest.mark.parametrize("channel", list(Channel))
async def test_each_kind_arrives_as_itself(line, provider, batch, channel):
    """The numbers of one request become messages or lookups of the channel that was meant."""
    value = await submitted(line, provider, batch(PHONE, ANOTHER, channel=channel))

    assert [type(outcome) for outcome in value.outcomes] == [Accepted, Accepted]
    assert [(each.channel, each.to) for each in line.sandbox.ledger.messages] == [(channel, PHONE), (channel, ANOTHER)]


@pytest.mark.parametrize("flash", [True, False])
async def test_flash_is_shown_at_once(line, provider, batch, flash):
    """A flash message arrives as one, any other as an SMS that is kept."""
    await submitted(line, provider, batch(PHONE, flash=flash))

    assert [each.to for each in line.sandbox.flashes] == ([PHONE] if flash else [])
    assert [each.channel for each in line.sandbox.ledger.messages] == [Channel.SMS]


@pytest.mark.trap("S19", "S20")
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VIBER])
async def test_a_kept_message_goes_out_at_its_time(line, provider, batch, tracked, clock, channel):
    """With the offset of the sandbox's clock configured, an hour later is an hour later."""
    due = datetime.fromtimestamp(clock.now(), UTC) + timedelta(hours=1)
    await submitted(line, provider, batch(PHONE, channel=channel, send_at=due, ref=REF))
    asked = tracked(REF, PHONE, channel)

    states = []
    for seconds in (3599, 10):
        await clock.advance(seconds)
        states.append((await polled(line, provider, asked)).state)

    assert states == [DeliveryState.SENT, DeliveryState.DELIVERED]
    assert line.sandbox.ledger.messages[0].course.sent_at > due.timestamp()


@pytest.mark.trap("S18", "X01")
async def test_a_viber_message_dies_in_time(line, provider, batch, tracked, clock):
    """Its life is told in seconds: two seconds are over before it would have been delivered."""
    await submitted(line, provider, batch(PHONE, channel=Channel.VIBER, ttl=timedelta(seconds=2), ref=REF))
    await clock.advance(10)

    report = await polled(line, provider, tracked(REF, PHONE, Channel.VIBER))

    assert (report.state, report.final) == (DeliveryState.EXPIRED, True)


@pytest.mark.trap("S18")
async def test_a_life_beyond_a_day_is_not_refused(line, provider, batch):
    """The server takes at most a day, so more is never asked for."""
    value = await submitted(line, provider, batch(PHONE, channel=Channel.VIBER, ttl=timedelta(days=3)))

    assert [type(outcome) for outcome in value.outcomes] == [Accepted]


@pytest.mark.parametrize("fallback", [Fallback(), None])
async def test_a_life_that_is_refused_is_left_out_unless_an_sms_waits_for_its_end(line, provider, batch, fallback):
    """Nothing was sent, so a second request is safe; but with a fallback, nobody knew when the message is given up."""
    line.sandbox.faults.add(error("-28", "Invalid attribute: 'viber_validity=90'"))
    sent = batch(PHONE, channel=Channel.VIBER, ttl=timedelta(seconds=90), fallback=fallback)

    value = await submitted(line, provider, sent)

    if fallback is not None:
        assert (Whole, Fault.REQUEST) == (type(value), value.outcome.fault)
    else:
        assert isinstance(value, Resubmit)
        again = provider.read_submit(value.batch, await line.carry(value.request)).value
        assert [type(outcome) for outcome in again.outcomes] == [Accepted]


@pytest.mark.trap("S19")
async def test_a_date_that_is_refused_is_never_left_out(line, provider, batch, clock):
    """Without its date the message would go out at once, so another provider has to take it."""
    line.sandbox.faults.add(error("-29", "Invalid attribute: 'deferred='"))
    due = datetime.fromtimestamp(clock.now(), UTC) + timedelta(hours=1)

    value = await submitted(line, provider, batch(PHONE, send_at=due))

    assert (Whole, Fault.REQUEST) == (type(value), value.outcome.fault)
    assert line.sandbox.ledger.messages == []


@pytest.mark.parametrize(
    ("channel", "flash", "later", "fault"),
    [
        (Channel.SMS, False, False, Fault.UNSUPPORTED),
        (Channel.SMS, True, False, Fault.DECLINED),
        (Channel.SMS, False, True, Fault.DECLINED),
        (Channel.VIBER, False, False, Fault.UNSUPPORTED),
        (Channel.VIBER, False, True, Fault.UNSUPPORTED),
        (Channel.HLR, False, False, Fault.UNSUPPORTED),
    ],
)
async def test_not_yet_implemented_speaks_against_what_was_asked_for(
    line, provider, batch, clock, channel, flash, later, fault
):
    """An extra that is missing must not put all SMS out of use; a channel that is missing is not offered any more."""
    line.sandbox.faults.add(error("-6"))
    due = datetime.fromtimestamp(clock.now(), UTC) + timedelta(hours=1) if later else None

    value = await submitted(line, provider, batch(PHONE, channel=channel, flash=flash, send_at=due))

    assert Whole(outcome=Refused(fault=fault, code="-6", detail="Not yet implemented")) == value


@pytest.mark.trap("S14", "S23")
@pytest.mark.parametrize("channel", list(Channel))
async def test_a_message_is_found_by_the_reference_of_its_request(line, provider, batch, tracked, clock, channel):
    """Without an id the report names both the id that an answer would have given and our reference."""
    await submitted(line, provider, batch(PHONE, ANOTHER, channel=channel, ref=REF))
    await submitted(line, provider, batch(PHONE, channel=channel, ref="another", text="Other"))
    await clock.advance(10)

    report = await polled(line, provider, tracked(REF, PHONE, channel, by_reference=True))

    assert (f"{REF}/{PHONE}", SAID, PHONE, True) == (report.provider_id, report.reference, report.to, report.final)
    assert await polled(line, provider, tracked("nobody", PHONE, channel, by_reference=True)) is None


async def test_an_id_that_is_known_needs_no_reference(line, provider, batch, tracked):
    """A report about an id is matched by it alone."""
    await submitted(line, provider, batch(PHONE, ref=REF))

    report = await polled(line, provider, tracked(REF, PHONE))

    assert (f"{REF}/{PHONE}", None) == (report.provider_id, report.reference)


@pytest.mark.trap("S23")
async def test_other_messages_to_a_number_are_not_heard_of(line, provider, batch, tracked, clock):
    """Three others to the same number, all delivered, say nothing about the one that is on its way."""
    for ref in ("first", "second", "third"):
        await submitted(line, provider, batch(PHONE, ref=ref, text=ref))
    await clock.advance(10)
    await submitted(line, provider, batch(PHONE, ref=REF))

    assert (await polled(line, provider, tracked(REF, PHONE))).state is DeliveryState.SENT


LOOKUPS = [
    (Fate.REACHABLE, LookupState.REACHABLE),
    (Fate.ABSENT, LookupState.ABSENT),
    (Fate.NONEXISTENT, LookupState.FAILED),
    (Fate.FAILED, LookupState.UNKNOWN),
]


@pytest.mark.trap("S17", "S25")
@pytest.mark.parametrize(("fate", "state"), LOOKUPS)
async def test_a_lookup_has_a_result_and_no_text(line, provider, batch, tracked, clock, fate, state):
    """No SMS goes out, and the operator is that of the number's range."""
    line.sandbox.outcomes[PHONE] = fate
    await submitted(line, provider, batch(PHONE, channel=Channel.HLR, ref=REF))
    await clock.advance(10)

    lookup = (await polled(line, provider, tracked(REF, PHONE, Channel.HLR))).lookup

    assert (state, "25001", "mMTS") == (lookup.state, lookup.network.mccmnc, lookup.operator)
    assert [(each.channel, each.text) for each in line.sandbox.ledger.messages] == [(Channel.HLR, "")]


@pytest.mark.trap("S12", "S14", "S24")
async def test_a_request_that_takes_effect_late_is_absent_until_then(line, provider, batch, clock):
    """A gateway gave up, and the status call knows nothing; five seconds later it knows the message."""
    line.sandbox.standing.add(Quirk.LATE)
    sent = batch(PHONE, ref=REF)
    value = await submitted(line, provider, sent)

    async def found() -> Any:
        return provider.read_reconcile(sent, await line.carry(provider.reconcile_request(sent, None))).value[0]

    early = await found()
    await clock.advance(line.sandbox.late_by)
    late = await found()

    assert (value.outcome.code, early) == ("http_504", Absent())
    assert (f"{REF}/{PHONE}",) == late.ids


async def test_closing_forgets_what_was_to_take_effect_late(line, provider, batch, clock):
    """A sandbox that is started anew does not send what an earlier life had accepted."""
    line.sandbox.standing.add(Quirk.LATE)
    await submitted(line, provider, batch(PHONE))
    line.sandbox.reset()
    await clock.advance(60)

    assert line.sandbox.ledger.messages == []


@pytest.mark.parametrize("quirk", [None, Quirk.DOCUMENT, Quirk.COUNT_SEGMENTS])
@pytest.mark.parametrize("channel", list(Channel))
async def test_both_modes_of_answering_mean_the_same(line, provider, batch, tracked, clock, channel, quirk):
    """Valid answers and those with the document's damage lead to the same outcomes and reports."""
    line.sandbox.standing.update({quirk} if quirk else ())
    numbers = (PHONE, "79072233645", "79676771707", ANOTHER)
    value = await submitted(line, provider, batch(*numbers, channel=channel, ref=REF))
    await clock.advance(10)
    reports = [await polled(line, provider, tracked(REF, number, channel)) for number in numbers]

    assert [type(outcome) for outcome in value.outcomes] == [Accepted, Refused, Refused, Accepted]
    assert [outcome.fault for outcome in value.outcomes[1:3]] == [Fault.RECIPIENT] * 2
    assert [report is not None and report.final for report in reports] == [True, False, False, True]
