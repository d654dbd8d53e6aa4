"""What waits for a provider and should not go there any more does not go there."""

import asyncio
from datetime import timedelta

import pytest

from pointsman.events import FailedOver, Operation, Spent
from pointsman.outcome import Fault, State
from pointsman.sandbox import Fate, delay
from pointsman.testing import FakeClock, ScriptedSandbox, hang, refuse

from .rig import Rig, account, finish, lookup, price, routing, sending, sms

SLOW = {"max_in_flight": 1, "read_timeout": "150ms"}
"""One request at a time, and a real time-out that ends one that hangs."""


def submits(sandbox: ScriptedSandbox) -> list[str]:
    """Return the references that a provider saw in submits, in order."""
    return [ref for seen in sandbox.seen if seen.operation is Operation.SUBMIT for ref in seen.refs]


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def a(clock: FakeClock) -> ScriptedSandbox:
    """The first choice."""
    return ScriptedSandbox(clock=clock)


@pytest.fixture
def b(clock: FakeClock) -> ScriptedSandbox:
    """The second choice."""
    return ScriptedSandbox(clock=clock)


async def test_a_breaker_that_opens_empties_the_queue(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """The fifth failure opens the breaker; the five that wait behind it go elsewhere without having been there."""
    a.script(*[refuse(Fault.UNAVAILABLE)] * 10)
    async with routing({"a": account(a, max_in_flight=1), "b": account(b)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *(sms(place) for place in range(10))))

    assert len(submits(a)) == 5
    assert [[attempt.provider for attempt in receipt.attempts] for receipt in receipts] == [["a", "b"]] * 5 + [["b"]] * 5
    assert len(submits(b)) == 10


async def test_a_message_that_expires_in_the_queue_is_never_sent(clock: FakeClock, a: ScriptedSandbox):
    """Its life of ten seconds ends while the one before it hangs; the one behind it lives and goes."""
    a.script(hang(taken=True))
    async with routing({"a": account(a, **SLOW)}, clock=clock, route={"on_unknown": "stop"}) as rig:
        short = timedelta(seconds=10)
        tasks = sending(rig, sms(0), sms(1, ttl=short), sms(2))
        await clock.advance(20)
        first, second, third = await asyncio.gather(*tasks)

    assert [first.state, second.state, third.state] == [State.UNKNOWN, State.EXPIRED, State.SENT]
    assert second.attempts == ()
    assert [first.attempts[0].ref, third.attempts[0].ref] == submits(a)


async def test_a_message_that_is_given_up_in_the_queue_is_never_sent(clock: FakeClock, a: ScriptedSandbox):
    """A caller that is cancelled before its message left finds it cancelled, and the provider has never seen it."""
    a.script(hang(taken=False))
    async with routing({"a": account(a, **SLOW)}, clock=clock, route={"on_unknown": "stop"}) as rig:
        first, second = sending(rig, sms(0), sms(1))
        await clock.settle()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        receipt = await waited(rig, 1)

    assert (receipt.state, receipt.attempts) == (State.CANCELLED, ())
    assert len(submits(a)) == 1


async def waited(rig: Rig, place: int):
    """Return the receipt of a message as it is once nothing waits for it any more."""
    message_id = taken(rig)[place]
    while not (receipt := await rig.router.receipt(message_id)) or receipt.state in {State.ACCEPTED, State.SENDING}:
        await asyncio.sleep(0)
    return receipt


def taken(rig: Rig) -> list[str]:
    """Return the ids of all messages in the order in which they were taken."""
    from pointsman.events import MessageTaken

    return [event.message_id for event in rig.told(MessageTaken)]


async def test_a_message_that_is_given_up_in_flight_is_followed_to_its_end(clock: FakeClock, a: ScriptedSandbox):
    """Nobody waits for it any more, but it is sent; it is called, counted and paid for once."""
    a.script(delay(5.0, endpoint=Operation.SUBMIT))
    async with routing({"a": account(a, prices=[price("0.05")])}, clock=clock) as rig:
        (task,) = sending(rig, sms(0))
        await clock.settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await clock.advance(5)
        receipt = await waited(rig, 0)

    assert receipt.state is State.SENT
    assert len(a.copies(receipt.id)) == len(submits(a)) == len(rig.calls(Operation.SUBMIT)) == len(rig.told(Spent)) == 1


async def test_what_waits_when_the_router_closes_is_cancelled(clock: FakeClock, a: ScriptedSandbox):
    """Closing cuts off what is in flight as unknown, and cancels what waits; nothing is sent after that."""
    a.script(hang(taken=True))
    async with routing({"a": account(a, max_in_flight=1)}, clock=clock) as rig:
        tasks = sending(rig, sms(0), sms(1))
        await clock.settle()
        await rig.router.aclose(0)
        first, second = await asyncio.gather(*tasks)

    assert [first.state, second.state] == [State.UNKNOWN, State.CANCELLED]
    assert [first.attempts[0].ref] == submits(a)


async def test_x6_repeat_does_not_force_an_open_breaker(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """X6."""
    a.script(refuse(Fault.THROTTLED, retry_after=5.0), *[refuse(Fault.UNAVAILABLE)] * 5)
    async with routing({"a": account(a), "b": account(b)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *(sms(place) for place in range(6))))

    assert [attempt.provider for attempt in receipts[0].attempts] == ["a", "b"]
    assert len(submits(a)) == 6


async def test_x7_pause_longer_than_life(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """X7."""
    a.script(refuse(Fault.THROTTLED, retry_after=600.0))
    async with routing({"a": account(a, max_in_flight=1), "b": account(b)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *(sms(place, ttl=timedelta(seconds=60)) for place in range(3))))

    assert [one.state for one in receipts] == [State.SENT] * 3
    assert [[attempt.provider for attempt in one.attempts] for one in receipts] == [["a", "b"], ["b"], ["b"]]


async def test_x8_second_opinion_within_budget(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """X8."""
    one = lookup(0)
    a.outcomes["79161230000"] = Fate.FAILED
    async with routing(
        {"a": account(a, tells_reports=True), "b": account(b, tells_reports=True)}, clock=clock, policy={"max_attempts": 1}
    ) as rig:
        (receipt,) = await finish(clock, sending(rig, one))

    assert [attempt.provider for attempt in receipt.attempts] == ["a"]
    assert receipt.state == State.FAILED


async def test_x10_no_repeat_after_deadline(clock: FakeClock, a: ScriptedSandbox):
    """X10."""
    a.script(hang(taken=False))
    from pointsman.testing import hang_up

    a.faults.clear()
    a.script(hang_up(taken=False), refuse(Fault.UNAVAILABLE, on=Operation.RECONCILE), refuse(Fault.UNAVAILABLE, on=Operation.RECONCILE))
    async with routing({"a": account(a, reconcile="repeat")}, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, sms(0, ttl=timedelta(seconds=2))))

    assert [one.at - receipt.accepted_at for one in a.seen if one.at >= receipt.accepted_at + 2] == []
    assert a.copies(receipt.id) == ()


async def test_x11_deadline_while_login(clock: FakeClock, a: ScriptedSandbox):
    """X11."""
    a.script(delay(20.0, endpoint=Operation.LOGIN))
    async with routing({"a": account(a, needs_login=True)}, clock=clock) as rig:
        (task,) = sending(rig, sms(0, ttl=timedelta(seconds=10)))
        await clock.advance(25)
        receipt = await task

    assert submits(a) == []
    assert receipt.state == State.EXPIRED


async def test_x11b_cancel_while_login(clock: FakeClock, a: ScriptedSandbox):
    """X11b."""
    a.script(delay(20.0, endpoint=Operation.LOGIN))
    async with routing({"a": account(a, needs_login=True)}, clock=clock) as rig:
        (task,) = sending(rig, sms(0))
        await clock.settle()
        task.cancel()
        await clock.advance(25)
        receipt = await waited(rig, 0)

    assert submits(a) == []
    assert receipt.state == State.CANCELLED


async def test_x12_failed_over_once(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """X12."""
    c = ScriptedSandbox(clock=clock)
    a.script(*[refuse(Fault.LIMIT)] * 10)
    b.script(*[refuse(Fault.UNAVAILABLE)] * 10)
    async with routing({"a": account(a), "b": account(b, max_in_flight=1), "c": account(c)}, clock=clock) as rig:
        await finish(clock, sending(rig, *(sms(place) for place in range(6))))

    for message_id in taken(rig):
        moves = [(one.from_provider, one.to_provider) for one in rig.told(FailedOver) if one.message_id == message_id]
        assert moves in ([("a", "b"), ("b", "c")], [("a", "c")])


async def test_x13_cut_before_leaving(clock: FakeClock, a: ScriptedSandbox):
    """X13."""
    a.script(delay(20.0, endpoint=Operation.LOGIN))
    async with routing({"a": account(a, needs_login=True)}, clock=clock) as rig:
        (task,) = sending(rig, sms(0))
        await clock.settle()
        await rig.router.aclose(0)
        receipt = await task

    assert submits(a) == []
    assert receipt.state == State.CANCELLED


async def test_x14_rest_empties_the_queue(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """X14."""
    a.script(*[refuse(Fault.CREDENTIALS)] * 10)
    async with routing({"a": account(a, max_in_flight=1), "b": account(b)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *(sms(place) for place in range(4))))

    assert len(submits(a)) == 1
    assert [one.state for one in receipts] == [State.SENT] * 4


async def test_x15_until_final_on_close(clock: FakeClock, a: ScriptedSandbox):
    """X15."""
    from pointsman.errors import RouterClosed

    async with routing({"a": account(a)}, clock=clock) as rig:
        task = asyncio.create_task(rig.router.send(sms(0), until_final=True))
        await clock.settle()
        await rig.router.aclose(0)
        (result,) = await asyncio.gather(task, return_exceptions=True)

    assert isinstance(result, RouterClosed)


async def test_x16_close_with_pause(clock: FakeClock, a: ScriptedSandbox):
    """X16."""
    a.script(refuse(Fault.THROTTLED, retry_after=50.0))
    async with routing({"a": account(a, max_in_flight=1)}, clock=clock) as rig:
        tasks = sending(rig, sms(0), sms(1))
        await clock.settle()
        await rig.router.aclose(0)
        receipts = await asyncio.gather(*tasks)
        assert [one.state for one in receipts] == [State.CANCELLED] * 2
        assert clock.sleeping == 0
