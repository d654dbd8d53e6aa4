"""Attempts in doubt: what is never repeated, and what a report that proves one of them puts an end to."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from pointsman.events import MessageTaken, Operation
from pointsman.message import MessageClass
from pointsman.outcome import DeliveryState, Fault, Refused, SettledBy, State, Unknown, UnknownReason
from pointsman.plugin import Batch, Callback, ProviderPlugin, Reading, Response, Whole
from pointsman.plugin.interface import SubmitReading
from pointsman.testing import FakeClock, Scripted, ScriptedSandbox, ScriptedSettings, hang, hang_up, refuse
from pointsman.testing.wire import Answer, News

from .rig import Rig, account, routing, sending, sms

SUBMIT = Operation.SUBMIT
OTP = MessageClass.OTP


class Careless(Scripted):
    """A provider whose plugin says of a lost batch that its halves may fare better."""

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Know nothing about a batch of several."""
        if len(batch.items) > 1:
            return Reading(Whole(outcome=Unknown(reason=UnknownReason.GATEWAY), divisible=True))
        return super().read_submit(batch, response)


CARELESS = ProviderPlugin(name="careless", settings=ScriptedSettings, build=Careless)


def references(box: ScriptedSandbox) -> list[str]:
    """Under which references messages were submitted, in order."""
    return [ref for seen in box.seen if seen.operation is SUBMIT for ref in seen.refs]


async def delivered(rig: Rig, ref: str, provider_id: str = "m1") -> None:
    """Let provider `a` report by our reference."""
    news = News(id=provider_id, state=DeliveryState.DELIVERED, final=True, ref=ref)
    await rig.router.callback("a", Callback(method="POST", body=msgspec.json.encode(Answer(reports=(news,)))))


def kinds(outcomes: Sequence[object]) -> list[type]:
    """Return what kinds of outcomes there were."""
    return [type(outcome) for outcome in outcomes]


async def test_an_unknown_batch_is_never_divided(clock: FakeClock, box: ScriptedSandbox):
    """A batch that may have been taken goes out once, whatever its plugin says about halves."""
    keys = {"plugin": "careless", "bulk": 4}
    async with routing(
        {"a": account(box, **keys)}, clock=clock, plugins=[CARELESS], route={"on_unknown": "stop"}
    ) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(4)])
        assert [receipt.state for receipt in receipts] == [State.UNKNOWN] * 4
        assert [len(seen.refs) for seen in box.seen] == [4]
        assert len(box.ledger.messages) == 4


async def test_a_report_during_a_submit_that_hangs_settles_it(clock: FakeClock):
    """What is reported under our reference before the time-out counts after it, so an otp is not sent elsewhere too."""
    box, other = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock)
    box.script(hang(taken=True))
    accounts = {"a": account(box, read_timeout="300ms"), "b": account(other)}
    async with routing(accounts, clock=clock) as rig:
        (task,) = sending(rig, sms(message_class=OTP))
        await clock.settle()
        await delivered(rig, references(box)[0])
        receipt = await task
        assert (receipt.state, receipt.possible_duplicate) == (State.DELIVERED, False)
        assert [(one.provider, one.settled_by) for one in receipt.attempts] == [("a", SettledBy.REPORT)]
        assert other.seen == ()


async def test_a_report_during_the_wait_for_a_repeat_ends_the_attempts(clock: FakeClock):
    """While the second provider asks us to wait, the first one reports the message: nothing more is sent."""
    box, other = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock)
    box.script(hang_up(taken=True))
    other.script(refuse(Fault.THROTTLED, retry_after=5.0))
    async with routing({"a": account(box), "b": account(other)}, clock=clock) as rig:
        (task,) = sending(rig, sms(message_class=OTP))
        await clock.advance(1)
        assert not task.done()
        await delivered(rig, references(box)[0])
        await clock.settle()
        assert task.done()
        receipt = await task
        assert (receipt.state, receipt.provider) == (State.DELIVERED, "a")
        await clock.advance(60)
        assert other.ledger.calls[SUBMIT] == 1
        assert other.ledger.messages == []


async def test_a_report_keeps_a_second_copy_from_leaving_the_queue(clock: FakeClock):
    """Of three otps in doubt that wait for their turn elsewhere, the one that was reported is not sent again."""
    box, other = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock)
    box.script(*[hang_up(taken=True)] * 3)
    accounts = {"a": account(box), "b": account(other, max_rate=1)}
    async with routing(accounts, clock=clock) as rig:
        tasks = sending(rig, *(sms(place, message_class=OTP) for place in range(3)))
        await clock.settle()
        waiting = {taken.message_id for taken in rig.told(MessageTaken)} - {ref[:-2] for ref in references(other)}
        assert len(waiting) == 2
        proved = min(waiting)
        await delivered(rig, next(ref for ref in references(box) if ref.startswith(proved)))
        await clock.advance(10)
        receipts = {receipt.id: receipt for receipt in await asyncio.gather(*tasks)}
        assert receipts[proved].state is State.DELIVERED
        assert [one.provider for one in receipts[proved].attempts] == ["a"]
        assert other.copies(proved) == ()
        assert len(other.ledger.messages) == 2


@pytest.mark.parametrize("taken", [False, True])
async def test_a_request_cut_off_at_the_end_is_unknown_only_if_it_left(
    clock: FakeClock, box: ScriptedSandbox, *, taken: bool
):
    """Closing cuts off a request that waits for a connection, which is certain, and one that left, which is not."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        places = rig.router._stations["a"].transport._places
        if taken:
            box.script(hang(taken=True))
        else:
            while not places.locked():  # as if questions that hang held all connections
                await places.acquire()
        (task,) = sending(rig, sms())
        await clock.settle()
        assert (rig.router._stations["a"].lane.in_flight, len(box.seen)) == (1, taken)
        await rig.router.aclose(0.05)
        receipt = await task
        assert receipt.state is (State.UNKNOWN if taken else State.CANCELLED)
        assert kinds([one.outcome for one in receipt.attempts]) == [Unknown if taken else Refused]
        assert [call.left for call in rig.calls(SUBMIT)] == [taken]
