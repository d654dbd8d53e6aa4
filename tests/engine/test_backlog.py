"""Many messages at once: who goes first, who goes elsewhere, and who holds up whom."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from pointsman.events import BreakerMoved, Operation, Rested
from pointsman.message import Message, MessageClass
from pointsman.outcome import Fault, Refused, State, Unknown
from pointsman.routing.breaker import BreakerState
from pointsman.sandbox import delay
from pointsman.testing import FakeClock, ScriptedSandbox, answer_status, refuse
from pointsman.testing.wire import Question

from .rig import account, finish, lookup, price, routing, sending, sms

SUBMIT = Operation.SUBMIT
OTP, MARKETING = MessageClass.OTP, MessageClass.MARKETING


def submits(box: ScriptedSandbox) -> list[int]:
    """How many messages each submit held."""
    return [len(seen.refs) for seen in box.seen if seen.operation is SUBMIT]


def lives(box: ScriptedSandbox) -> list[float | None]:
    """What the provider was told of the life of each message, in seconds."""
    questions = (msgspec.json.decode(request.body, type=Question) for request in box.ledger.requests)
    return [item.ttl for question in questions for item in question.items]


# -- queues ------------------------------------------------------------------------------------------------------------


async def test_those_who_would_not_outlive_the_queue_go_elsewhere_at_once(clock: FakeClock):
    """Of a hundred with 20 s to live the cheapest provider, with 1 a second, gets twenty; nobody waits to be late."""
    slow, fast = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock)
    accounts = {
        "a": account(slow, max_rate=1, prices=[price("0.01")]),
        "b": account(fast, prices=[price("0.02")]),
    }
    async with routing(accounts, clock=clock, policy={"strategy": "cheapest"}) as rig:
        tasks = sending(rig, *(sms(place, ttl=timedelta(seconds=20)) for place in range(100)))
        await clock.settle()
        assert [len(submits(slow)), len(submits(fast))] == [1, 80]
        assert {receipt.state for receipt in await finish(clock, tasks)} == {State.SENT}
        assert [len(submits(slow)), len(submits(fast))] == [20, 80]


async def test_a_queue_is_no_reason_against_who_goes_first(clock: FakeClock, box: ScriptedSandbox):
    """An otp overtakes marketing, so ten minutes of it in the queue of the only provider do not make an otp late."""
    async with routing({"a": account(box, max_rate=1)}, clock=clock) as rig:
        queue = sending(rig, *(sms(place, message_class=MARKETING) for place in range(600)))
        await clock.settle()
        (otp,) = sending(rig, sms(9000, message_class=OTP, ttl=timedelta(seconds=60)))
        await clock.advance(2)
        assert otp.done()
        assert (await otp).state is State.SENT
        for task in queue:
            task.cancel()


async def test_an_otp_does_not_wait_behind_a_long_batch(clock: FakeClock, box: ScriptedSandbox):
    """A request holds no more than the pace allows at once, so what is urgent leaves within a second."""
    async with routing({"a": account(box, bulk=200, max_rate=10)}, clock=clock) as rig:
        queue = sending(rig, *(sms(place, message_class=MARKETING) for place in range(200)))
        await clock.settle()
        assert submits(box) == [10]
        (otp,) = sending(rig, sms(9000, message_class=OTP))
        await clock.advance(1)
        assert otp.done()
        await finish(clock, queue)
        assert max(submits(box)) == 10


async def test_the_life_that_is_told_is_what_is_left_after_the_queue(clock: FakeClock, box: ScriptedSandbox):
    """A provider that takes one a second is told a second less for each message."""
    async with routing({"a": account(box, max_rate=1)}, clock=clock) as rig:
        await finish(clock, sending(rig, *(sms(place, ttl=timedelta(seconds=60)) for place in range(4))))
        assert lives(box) == [60.0, 59.0, 58.0, 57.0]


async def test_the_life_that_is_told_is_what_is_left_after_a_login(clock: FakeClock, box: ScriptedSandbox):
    """Twenty seconds of logging in are not told as life: the provider would deliver when nobody waits any more."""
    box.script(delay(20.0, endpoint=Operation.LOGIN))
    async with routing({"a": account(box, needs_login=True)}, clock=clock) as rig:
        await finish(clock, sending(rig, sms(ttl=timedelta(seconds=60))))
        assert lives(box) == [40.0]


# -- waiting for others ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [sms, lookup])
async def test_waiting_for_reports_holds_nobody_back(
    clock: FakeClock, box: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch, kind: Callable[[int], Message]
):
    """With 10 of a `send_many` on their way together, all 30 leave at once although no report ever comes."""
    monkeypatch.setattr("pointsman.engine.bulk.SENDING_AT_ONCE", 10)
    async with routing({"a": account(box)}, clock=clock) as rig:
        task = asyncio.create_task(rig.router.send_many([kind(place) for place in range(30)], until_final=True))
        await clock.advance(1)
        assert (len(submits(box)), task.done()) == (30, False)
        await clock.advance(50 * 3600)
        assert len(await task) == 30


async def test_lookups_that_wait_for_their_results_take_no_place(clock: FakeClock, box: ScriptedSandbox):
    """With as many lookups open as messages may be on their way, a message still leaves at once."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        rig.router._serving._courses.places = asyncio.Semaphore(5)
        lookups = sending(rig, *map(lookup, range(5)))
        await clock.settle()
        (otp,) = sending(rig, sms(9000, message_class=OTP))
        await clock.settle()
        assert (otp.done(), [task.done() for task in lookups]) == (True, [False] * 5)


# -- what a request counts ---------------------------------------------------------------------------------------------


async def test_a_failed_request_counts_once_for_the_breaker(clock: FakeClock, box: ScriptedSandbox):
    """Four lost requests of ten messages each leave the breaker closed; the fifth opens it, as with single messages."""
    box.script(*[answer_status(504)] * 5)
    async with routing({"a": account(box, bulk=10)}, clock=clock, route={"on_unknown": "stop"}) as rig:
        for sent in range(4):
            await rig.router.send_many([sms(10 * sent + place) for place in range(10)])
        assert (submits(box), rig.told(BreakerMoved)) == ([10] * 4, [])
        await rig.router.send_many([sms(40 + place) for place in range(10)])
        assert [moved.after for moved in rig.told(BreakerMoved)] == [BreakerState.OPEN]


async def test_a_request_that_is_refused_for_its_form_counts_once(clock: FakeClock, box: ScriptedSandbox):
    """One malformed request does not put an operation to rest, however many messages it carried."""
    box.script(refuse(Fault.REQUEST))
    async with routing({"a": account(box, bulk=10)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(10)])
        assert [receipt.state for receipt in receipts] == [State.FAILED] * 10
        assert (submits(box), rig.told(Rested)) == ([10], [])


async def test_nobody_is_forced_while_somebody_works(clock: FakeClock):
    """A number that a working provider refused is not tried at one whose breaker is open."""
    working, broken = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock)
    broken.script(*[answer_status(504)] * 5)
    accounts = {"b": account(broken), "a": account(working)}
    async with routing(accounts, clock=clock, route={"on_unknown": "stop"}) as rig:
        lost = [await rig.router.send(sms(place)) for place in range(5)]
        assert {type(receipt.attempts[0].outcome) for receipt in lost} == {Unknown}
        working.script(refuse(Fault.RECIPIENT))
        receipt = await rig.router.send(sms(77))
        assert receipt.state is State.FAILED
        assert [(one.provider, type(one.outcome)) for one in receipt.attempts] == [("a", Refused)]
        assert len(submits(broken)) == 5
