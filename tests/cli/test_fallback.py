"""The SMS in place of a Viber message on the command line: options, columns, and a job that does not end before it."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from pointsman.cli.checkpoint import Checkpoint, Header, RowStore
from pointsman.cli.fitness import Fitness
from pointsman.cli.job import SENDING, Job, Taken
from pointsman.cli.outage import is_unserved
from pointsman.cli.results import Result, describe
from pointsman.cli.rows import MessageReader, Row, write_fallback, write_message
from pointsman.cli.sheet import Line
from pointsman.config import parse_config
from pointsman.errors import InvalidMessage
from pointsman.loading import load_plugins
from pointsman.message import Channel, Fallback, FallbackBy, Money, Viber
from pointsman.outcome import (
    Accepted,
    Attempt,
    DeliveryState,
    Fault,
    Outcome,
    Refused,
    Report,
    SettledBy,
    State,
    Unknown,
    UnknownReason,
)
from pointsman.router import Router
from pointsman.sandbox import DeliveryPlan, Fate
from pointsman.store import receipt
from pointsman.store.change import Begin, End, FellBack, Intent, Note, Resolve, Settle
from pointsman.testing import SCRIPTED, FakeClock, Refusal, ScriptedSandbox

from .conftest import Runner

TO = "+79161234567"
NOWHERE = "http://127.0.0.1:1"
CONFIG = """
[providers.v]
plugin = "scripted"
base_url = "{viber}"
channels = ["viber"]
[providers.s]
plugin = "scripted"
base_url = "{sms}"
channels = ["sms"]
tells_reports = true
"""


def row(**cells: str) -> Line:
    """Return a row of a file."""
    return Line(row=2, cells={"to": TO, "text": "hello", **cells})


# -- options and columns -----------------------------------------------------------------------------------------------


def test_an_sms_has_no_fallback(pointsman: Runner, config: Path) -> None:
    """Options about the SMS in place of a Viber message are refused for anything else, before anything is sent."""
    run = pointsman("send", "--to", TO, "--text", "x", "--fallback-text", "y")

    assert run.code == 2
    assert "fallback_by: only a Viber message has an SMS in its place" in run.err


def test_the_cells_say_what_the_sms_is() -> None:
    """`fallback_by` and `fallback_text` make a fallback, each alone as well; without them there is none."""
    read = MessageReader(channel=Channel.VIBER).read

    assert read(row()).message == Viber(to=TO, text="hello", reference="2")
    for cells, expected in (
        ({"fallback_by": "Router"}, Fallback()),
        ({"fallback_text": "by SMS"}, Fallback(text="by SMS")),
        ({"fallback_by": "provider"}, Fallback(by=FallbackBy.PROVIDER)),
    ):
        message = read(row(**cells)).message
        assert isinstance(message, Viber)
        assert message.fallback == expected


def test_options_fill_the_cells_of_viber_rows() -> None:
    """The options hold for rows that say nothing of their own, and not for the SMS among the rows."""
    read = MessageReader(channel=Channel.VIBER, fallback=Fallback(text="option")).read

    message = read(row()).message
    assert isinstance(message, Viber)
    assert message.fallback == Fallback(text="option")
    message = read(row(fallback_text="cell")).message
    assert isinstance(message, Viber)
    assert message.fallback == Fallback(text="cell")
    assert read(row(channel="sms")).message == write_message(Channel.SMS, to=TO, text="hello", reference="2")
    with pytest.raises(InvalidMessage, match="only a Viber message"):
        read(row(channel="sms", fallback_text="cell"))
    with pytest.raises(InvalidMessage, match=r"'fax'.*router"):
        read(row(fallback_by="fax"))


def test_a_row_may_say_when_and_how_as_well() -> None:
    """A Viber row keeps its time beside its fallback; Latin letters are for the SMS, and without one refused."""
    read = MessageReader(channel=Channel.VIBER).read

    message = read(row(fallback_text="щука", transliterate="yes", send_at="2026-12-01T09:00:00+03:00")).message
    assert isinstance(message, Viber)
    assert message.fallback == Fallback(text="щука", transliterate=True)
    assert message.send_at == datetime(2026, 12, 1, 6, tzinfo=UTC)
    with pytest.raises(InvalidMessage, match="transliterate: is for SMS only; leave it out for viber"):
        read(row(transliterate="yes"))


def test_every_row_is_checked_for_who_sends_its_sms() -> None:
    """After a row whose SMS we send, one whose provider is to send it is refused where no provider does."""
    plugins = load_plugins([SCRIPTED], entry_points=False)
    config = parse_config(CONFIG.format(viber=NOWHERE, sms=NOWHERE), plugins=plugins, env={})
    fitness = Fitness(Router(config, plugins=plugins))
    read = MessageReader(channel=Channel.VIBER).read

    fitness.check(read(row(fallback_by="router")).message)
    with pytest.raises(InvalidMessage, match=r"fallback: s cannot carry|fallback: v cannot send an SMS in its place"):
        fitness.check(read(row(fallback_by="provider")).message)


def test_no_option_makes_no_fallback() -> None:
    """Neither option given means that there is no SMS."""
    assert write_fallback(None, None) is None


# -- a job -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Checkpoint]:
    """The record of what was begun."""
    with contextlib.closing(Checkpoint.open(tmp_path / "state", Header(input="x", job="send"))) as opened:
        yield opened


async def _run(checkpoint: Checkpoint, viber: ScriptedSandbox, sms: ScriptedSandbox, clock: FakeClock) -> Result:
    """Send one row without waiting for last reports; return its line."""
    plugins = load_plugins([SCRIPTED], entry_points=False)
    config = parse_config(CONFIG.format(viber=viber.base_url, sms=sms.base_url), plugins=plugins, env={})
    router = Router(config, plugins=plugins, clock=clock, store=RowStore(checkpoint), only_loopback=True)
    lines: list[Result] = []

    def report(taken: list[Taken]) -> None:
        lines.extend(describe(one, receipt) for one, receipt in taken)

    message = write_message(Channel.VIBER, to=TO, text="hello", reference="2", fallback=Fallback())
    async with clock.autojump():
        job = Job(iter([Row(number=2, message=message, reference="mine")]), report, SENDING)
        async with router:
            await job.run(router)
        await job.finish()
    (line,) = lines
    return line


async def test_a_job_does_not_end_before_the_sms(checkpoint: Checkpoint) -> None:
    """A row with a fallback is waited for even without `--wait`; its line names who has the SMS."""
    clock = FakeClock()
    silent = DeliveryPlan(messages={Fate.STUCK: 1.0})
    async with ScriptedSandbox(clock=clock, delivery=silent) as viber, ScriptedSandbox(clock=clock) as sms:
        line = await _run(checkpoint, viber, sms, clock)

        assert (line.state, line.provider, line.id, line.reference) == ("delivered", "s", "m1", "mine")
        assert len(sms.ledger.messages) == 1


async def test_rows_that_wait_for_their_sms_do_not_hold_up_the_others() -> None:
    """More rows are in hand while they wait for a report or the SMS than a router can be busy with at once."""
    clock, count = FakeClock(), SENDING.most + 100
    begun: list[int] = []
    begun_before_any_end: list[int] = []

    def rows() -> Iterator[Row]:
        for number in range(2, count + 2):
            begun.append(number)
            message = write_message(Channel.VIBER, to=f"7916{number:07d}", text="hello", fallback=Fallback())
            yield Row(number=number, message=message, reference="")

    def report(taken: list[Taken]) -> None:
        if taken:
            begun_before_any_end.append(len(begun))

    silent = DeliveryPlan(messages={Fate.STUCK: 1.0})
    async with ScriptedSandbox(clock=clock, delivery=silent) as viber, ScriptedSandbox(clock=clock) as sms:
        plugins = load_plugins([SCRIPTED], entry_points=False)
        text = CONFIG.format(viber=viber.base_url, sms=sms.base_url).replace("channels", "bulk = 200\nchannels")
        config = parse_config(text, plugins=plugins, env={})
        job = Job(rows(), report, SENDING)
        async with clock.autojump():
            async with Router(config, plugins=plugins, clock=clock, only_loopback=True) as router:
                await job.run(router)
            await job.finish()
        assert begun_before_any_end[0] == count
        assert len(sms.ledger.messages) == count


async def test_a_refused_sms_does_not_prove_the_row_unsent(checkpoint: Checkpoint) -> None:
    """When the Viber message went out and the SMS was refused, the row counts as begun: it may have arrived."""
    clock = FakeClock()
    silent = DeliveryPlan(messages={Fate.STUCK: 1.0})
    async with ScriptedSandbox(clock=clock, delivery=silent) as viber, ScriptedSandbox(clock=clock) as sms:
        sms.numbers[TO[1:]] = Refusal(fault=Fault.CONTENT)
        line = await _run(checkpoint, viber, sms, clock)

        assert (line.state, line.provider) == ("unknown", "v")
        assert checkpoint.begun == {2}


async def test_two_refusals_prove_the_row_unsent(checkpoint: Checkpoint) -> None:
    """When neither was taken, the row failed and nothing of it was sent."""
    clock = FakeClock()
    async with ScriptedSandbox(clock=clock) as viber, ScriptedSandbox(clock=clock) as sms:
        for box in (viber, sms):
            box.numbers[TO[1:]] = Refusal(fault=Fault.CONTENT)
        line = await _run(checkpoint, viber, sms, clock)

        assert (line.state, line.code) == ("failed", "content")
        assert checkpoint.begun == set()


@pytest.mark.parametrize("sms_outcome", [Accepted(ids=("m1",)), None])
async def test_a_viber_message_that_proves_unsent_says_nothing_of_its_sms(
    checkpoint: Checkpoint, sms_outcome: Accepted | None
) -> None:
    """When it turns out late that a Viber message never left, its SMS may have: the row still counts as begun."""
    store = RowStore(checkpoint)
    viber, sms = await _fallen_back(store, Unknown(reason=UnknownReason.TIMEOUT))
    await _attempted(store, sms, "s", sms_outcome)

    refused = Refused(fault=Fault.UNAVAILABLE, code="not_sent")
    await store.apply(viber, Resolve(1, refused, SettledBy.RECONCILED), 2.0)
    assert checkpoint.begun == {2}


async def test_an_sms_that_was_sent_is_no_outage(checkpoint: Checkpoint) -> None:
    """A row whose Viber message no provider took was served all the same when its SMS went out, however that ended."""
    store = RowStore(checkpoint)
    viber, sms = await _fallen_back(store, Refused(fault=Fault.UNAVAILABLE))
    await _attempted(store, sms, "s", Accepted(ids=("m1",)))
    expired = Report(provider_id="m1", state=DeliveryState.EXPIRED, final=True)
    await store.apply(sms, Note(1, expired), 2.0)
    records = [await store.get(one) for one in (viber, sms)]
    assert records[0] is not None
    whole = receipt(*records)
    assert whole.state is State.EXPIRED

    assert not is_unserved(whole)
    assert is_unserved(msgspec.structs.replace(whole, fallback=None))


async def test_a_row_costs_what_both_cost(checkpoint: Checkpoint) -> None:
    """A provider charges for a Viber message although the SMS in its place was needed."""
    store = RowStore(checkpoint)
    viber, sms = await _fallen_back(store, Accepted(ids=("m0",)), price=Money(Decimal("0.9"), "RUB"))
    await _attempted(store, sms, "s", Accepted(ids=("m1",)), price=Money(Decimal("2.4"), "RUB"))
    record = await store.get(viber)
    assert record is not None
    message = write_message(Channel.SMS, to=TO, text="hello")
    line = describe(Row(number=2, message=message, reference=""), receipt(record, await store.get(sms)))

    assert (line.price, line.currency) == ("3.3", "RUB")


async def _fallen_back(store: RowStore, outcome: Outcome, price: Money | None = None) -> tuple[str, str]:
    """Record a Viber message with this outcome and the SMS in its place; return their ids."""
    plugins = load_plugins([SCRIPTED], entry_points=False)
    config = parse_config(CONFIG.format(viber=NOWHERE, sms=NOWHERE), plugins=plugins, env={})
    router = Router(config, plugins=plugins)
    viber = router.check(write_message(Channel.VIBER, to=TO, text="hello", reference="2", fallback=Fallback()))
    sms = router.check(write_message(Channel.SMS, to=TO, text="hello", reference="2"))
    await store.accept([viber])
    await _attempted(store, viber.id, "v", outcome, price)
    await store.apply(viber.id, End(State.UNKNOWN if isinstance(outcome, Unknown) else State.FAILED), 0.8)
    await store.apply(viber.id, FellBack(sms.id), 1.0)
    await store.accept([msgspec.structs.replace(sms, parent=viber.id)])
    return viber.id, sms.id


async def _attempted(
    store: RowStore, message_id: str, provider: str, outcome: Outcome | None, price: Money | None = None
) -> None:
    """Begin an attempt, and settle it unless it is still in flight."""
    intent = Intent(number=1, provider=provider, ref="r", call_ref="c", decision_id="d", started_at=0.0)
    await store.apply(message_id, Begin(intent), 0.0)
    if outcome is not None:
        attempt = Attempt(
            number=1,
            provider=provider,
            ref="r",
            calls=1,
            outcome=outcome,
            started_at=0.0,
            duration=0.1,
            decision_id="d",
            price=price,
        )
        await store.apply(message_id, Settle(attempt), 0.5)
