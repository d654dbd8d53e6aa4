"""Late looks into unknown outcomes: what counts as proof, and when nobody needs to look any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from pointsman.events import Operation
from pointsman.outcome import Accepted, DeliveryState, Fault, Receipt, Refused, Report, SettledBy, State
from pointsman.plugin import Callback, CallbackReading, ProviderPlugin, Reading
from pointsman.testing import (
    FakeClock,
    Scripted,
    ScriptedSandbox,
    ScriptedSettings,
    answer_status,
    refuse,
    take_late,
)
from pointsman.testing.steps import Step

from .rig import Rig, account, routing, sending, sms

RECONCILE = Operation.RECONCILE
HOUR = 3600.0


class Outspoken(Scripted):
    """Calls back with whole reports."""

    def read_callback(self, callback: Callback) -> CallbackReading:
        """Read reports as they are."""
        return Reading(msgspec.json.decode(callback.body, type=tuple[Report, ...]))


OUTSPOKEN = ProviderPlugin(name="outspoken", settings=ScriptedSettings, build=Outspoken)


@asynccontextmanager
async def doubting(
    clock: FakeClock, box: ScriptedSandbox, *steps: Step, **keys: Any
) -> AsyncIterator[tuple[Rig, Receipt]]:
    """Send a message whose outcome stays unknown for the minute in which it is looked into."""
    box.script(*steps)
    one = account(box, plugin="outspoken", reconcile="query", **keys)
    async with routing({"a": one}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        (task,) = sending(rig, sms())
        await clock.advance(61)
        receipt = await task
        assert receipt.state is State.UNKNOWN
        yield rig, receipt


SILENT = [refuse(Fault.UNAVAILABLE, on=RECONCILE)] * 12
"""More looks than fit into the first minute."""


def looks(box: ScriptedSandbox) -> int:
    """How often the provider was asked what became of the message."""
    return box.ledger.calls[RECONCILE]


async def test_absence_counts_only_after_the_provider_had_its_time(clock: FakeClock, box: ScriptedSandbox):
    """A message that appears within the time a provider may take is found, however often it was not there before."""
    box.late_by = 400.0
    async with doubting(clock, box, take_late(), settle=600.0) as (rig, receipt):
        await clock.advance(330)
        assert (await rig.router.receipt(receipt.id)).state is State.UNKNOWN
        await clock.advance(300)
        (attempt,) = (await rig.router.receipt(receipt.id)).attempts
        assert isinstance(attempt.outcome, Accepted)
        assert attempt.settled_by is SettledBy.RECONCILED


async def test_absence_is_believed_the_second_time_after_that(clock: FakeClock, box: ScriptedSandbox):
    """Said twice once the provider has had its time, "not there" proves that nothing was sent."""
    async with doubting(clock, box, answer_status(504), settle=600.0) as (rig, receipt):
        # Looks come 121, 241, 481, 961 and 1921 seconds after the message left.
        await clock.advance(1000)
        assert (await rig.router.receipt(receipt.id)).state is State.UNKNOWN
        await clock.advance(1000)
        (attempt,) = (await rig.router.receipt(receipt.id)).attempts
        assert attempt.outcome == Refused(fault=Fault.UNAVAILABLE, code="not_sent")
        asked = looks(box)
        await clock.advance(48 * HOUR)
        assert looks(box) == asked


async def test_a_report_ends_the_doubt(clock: FakeClock, box: ScriptedSandbox):
    """Once a report has told that the message got through, nobody asks what became of it."""
    async with doubting(clock, box, answer_status(504), settle=1e6) as (rig, receipt):
        (attempt,) = receipt.attempts
        news = Report(provider_id="m1", state=DeliveryState.DELIVERED, final=True, reference=attempt.ref)
        await rig.router.callback("a", Callback(method="POST", body=msgspec.json.encode((news,))))
        asked = looks(box)
        await clock.advance(48 * HOUR)
        assert looks(box) == asked
        assert (await rig.router.receipt(receipt.id)).state is State.DELIVERED


async def test_a_forgotten_message_ends_the_doubt(clock: FakeClock, box: ScriptedSandbox):
    """When the store has forgotten the message, the looking ends without a word."""
    async with doubting(clock, box, answer_status(504), settle=1e6) as (rig, _):
        store = rig.router._store
        store.get = lambda _: asyncio.sleep(0, None)  # type: ignore[method-assign]  # as if it had been long ago
        asked = looks(box)
        await clock.advance(48 * HOUR)
        assert looks(box) == asked
        assert len(rig.router._doubts._tasks) == 0
        del store.get


async def test_a_look_that_breaks_is_not_the_last(clock: FakeClock, box: ScriptedSandbox, caplog):
    """What is raised while the provider is asked is logged without the message, and the next look is made."""
    box.late_by = 100.0
    async with doubting(clock, box, take_late(), *SILENT, settle=1e6) as (rig, receipt):
        ask = rig.router._doubts._looking.ask
        broken = iter([True, True])

        async def asking(*what: Any) -> Any:
            if next(broken, False):
                raise RuntimeError("79161230000")
            return await ask(*what)

        rig.router._doubts._looking.ask = asking  # type: ignore[method-assign]
        await clock.advance(5 * HOUR)
        (attempt,) = (await rig.router.receipt(receipt.id)).attempts
        assert isinstance(attempt.outcome, Accepted)
    said = [record.getMessage() for record in caplog.records if record.name == "pointsman.doubts"]
    assert said == ["a look into an unknown outcome failed: RuntimeError"] * 2
