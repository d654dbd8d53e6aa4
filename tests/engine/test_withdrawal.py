"""What waits for a provider and should not go there any more stays here; what has left is followed to its end."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from pointsman.errors import RouterClosed
from pointsman.events import FailedOver, MessageTaken, Operation, Spent
from pointsman.message import MessageClass
from pointsman.outcome import Fault, Receipt, State
from pointsman.sandbox import Fate, delay
from pointsman.testing import FakeClock, ScriptedSandbox, hang, hang_up, refuse

from .rig import Rig, account, finish, lookup, price, routing, sending, sms

SLOW = {"max_in_flight": 1, "read_timeout": "150ms"}
"""One request at a time, and a real time-out that ends one that hangs."""
LOGIN_TAKES = delay(20.0, endpoint=Operation.LOGIN)


@pytest.fixture
def a(clock: FakeClock) -> ScriptedSandbox:
    """The first choice."""
    return ScriptedSandbox(clock=clock)


@pytest.fixture
def b(clock: FakeClock) -> ScriptedSandbox:
    """The second choice."""
    return ScriptedSandbox(clock=clock)


def submits(sandbox: ScriptedSandbox) -> list[str]:
    """Return the references that a provider saw in submits, in order."""
    return [ref for seen in sandbox.seen if seen.operation is Operation.SUBMIT for ref in seen.refs]


def ways(receipts: Sequence[Receipt]) -> list[list[str]]:
    """Return the providers of every message's attempts."""
    return [[attempt.provider for attempt in receipt.attempts] for receipt in receipts]


async def outcome(rig: Rig, place: int) -> Receipt:
    """Return the receipt of the message that was taken at this place, as soon as nothing is tried for it any more."""
    message_id = rig.told(MessageTaken)[place].message_id
    for _ in range(10_000):
        receipt = await rig.router.receipt(message_id)
        if receipt is not None and receipt.state not in {State.ACCEPTED, State.SENDING}:
            return receipt
        await asyncio.sleep(0)
    raise AssertionError("the message is still on its way")


# -- the provider goes out of use --------------------------------------------------------------------------------------


async def test_a_breaker_that_opens_empties_the_queue(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """The fifth failure opens the breaker; the five that wait behind it go elsewhere without having been there."""
    a.script(*[refuse(Fault.UNAVAILABLE)] * 10)
    async with routing({"a": account(a, max_in_flight=1), "b": account(b)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *(sms(place) for place in range(10))))

    assert len(submits(a)) == 5
    assert len(submits(b)) == 10
    assert ways(receipts) == [["a", "b"]] * 5 + [["b"]] * 5


async def test_a_rest_that_begins_empties_the_queue(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """One refused password is enough: those that wait behind it are not sent to be refused as well."""
    a.script(*[refuse(Fault.CREDENTIALS)] * 4)
    async with routing({"a": account(a, max_in_flight=1), "b": account(b)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *(sms(place) for place in range(4))))

    assert len(submits(a)) == 1
    assert ways(receipts) == [["a", "b"], ["b"], ["b"], ["b"]]


async def test_a_pause_longer_than_their_life_empties_the_queue(
    clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox
):
    """A provider that asks for ten minutes is not waited for by messages that live for one."""
    a.script(refuse(Fault.THROTTLED, retry_after=600.0))
    minute = timedelta(seconds=60)
    async with routing({"a": account(a, max_in_flight=1), "b": account(b)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *(sms(place, ttl=minute) for place in range(3))))

    assert ways(receipts) == [["a", "b"], ["b"], ["b"]]


async def test_a_wait_does_not_force_an_open_breaker(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """A message that waits for a provider goes to another one when the breaker opened during the wait."""
    a.script(refuse(Fault.THROTTLED, retry_after=5.0), *[refuse(Fault.UNAVAILABLE)] * 5)
    async with routing({"a": account(a), "b": account(b)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *(sms(place) for place in range(6))))

    assert len(submits(a)) == 6
    assert ways(receipts) == [["a", "b"]] * 6


async def test_a_withdrawn_message_did_not_fail_over_from_there(
    clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox
):
    """A fail-over is told once, from the provider that refused to the one that got the message."""
    c = ScriptedSandbox(clock=clock)
    a.script(*[refuse(Fault.LIMIT)] * 6)
    b.script(*[refuse(Fault.UNAVAILABLE)] * 6)
    accounts = {"a": account(a), "b": account(b, max_in_flight=1), "c": account(c)}
    async with routing(accounts, clock=clock) as rig:
        await finish(clock, sending(rig, *(sms(place) for place in range(6))))

    moves = [(one.from_provider, one.to_provider) for one in rig.told(FailedOver)]
    assert sorted(moves) == [("a", "b")] * 5 + [("a", "c")] + [("b", "c")] * 5


# -- the message's life ends -------------------------------------------------------------------------------------------


async def test_a_message_that_expires_in_the_queue_is_never_sent(clock: FakeClock, a: ScriptedSandbox):
    """Its life of ten seconds ends while the one before it hangs; the one behind it lives and goes."""
    a.script(hang(taken=True))
    async with routing({"a": account(a, **SLOW)}, clock=clock, route={"on_unknown": "stop"}) as rig:
        tasks = sending(rig, sms(0), sms(1, ttl=timedelta(seconds=10)), sms(2))
        await clock.advance(20)
        first, second, third = await asyncio.gather(*tasks)

    assert [first.state, second.state, third.state] == [State.UNKNOWN, State.EXPIRED, State.SENT]
    assert ways([second]) == [[]]
    assert submits(a) == [first.attempts[0].ref, third.attempts[0].ref]


async def test_a_message_that_expires_during_the_login_is_never_sent(clock: FakeClock, a: ScriptedSandbox):
    """Of two messages in one load the short-lived one stays here when the login takes longer than it lives."""
    a.script(LOGIN_TAKES)
    async with routing({"a": account(a, needs_login=True, bulk=2)}, clock=clock) as rig:
        tasks = sending(rig, sms(0, ttl=timedelta(seconds=10)), sms(1))
        await clock.advance(25)
        first, second = await asyncio.gather(*tasks)

    assert [first.state, second.state] == [State.EXPIRED, State.SENT]
    assert ways([first]) == [[]]
    assert submits(a) == [second.attempts[0].ref]


async def test_nothing_is_repeated_after_the_end_of_its_life(clock: FakeClock, a: ScriptedSandbox):
    """Reconciling by repeats ends with the message's life: a late repeat could be the one that sends it."""
    nothing_works = [refuse(Fault.UNAVAILABLE, on=Operation.RECONCILE)] * 20
    a.script(hang_up(taken=False), *nothing_works)
    async with routing({"a": account(a, reconcile="repeat")}, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, sms(0, ttl=timedelta(seconds=5))))

    assert receipt.state is State.UNKNOWN
    assert [one.at - receipt.accepted_at for one in a.seen] == [0.0, 0.5, 1.5, 3.5]


async def test_a_second_opinion_counts_as_an_attempt(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """A lookup that one provider could not answer is not put to another one when only one attempt is allowed."""
    question = lookup()
    a.outcomes[question.to] = Fate.FAILED
    accounts = {"a": account(a, tells_reports=True), "b": account(b, tells_reports=True)}
    async with routing(accounts, clock=clock, policy={"max_attempts": 1}) as rig:
        (receipt,) = await finish(clock, sending(rig, question))

    assert (receipt.state, ways([receipt])) == (State.FAILED, [["a"]])


# -- the caller gives up -----------------------------------------------------------------------------------------------


async def test_a_message_that_is_given_up_in_the_queue_is_never_sent(clock: FakeClock, a: ScriptedSandbox):
    """A caller that is cancelled before its message left finds it cancelled, and the provider has never seen it."""
    a.script(hang(taken=False))
    async with routing({"a": account(a, **SLOW)}, clock=clock, route={"on_unknown": "stop"}) as rig:
        first, second = sending(rig, sms(0), sms(1))
        await clock.settle()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        receipt = await outcome(rig, 1)

    assert (receipt.state, receipt.attempts) == (State.CANCELLED, ())
    assert len(submits(a)) == 1


async def test_a_message_that_is_given_up_during_the_login_is_never_sent(clock: FakeClock, a: ScriptedSandbox):
    """What waits for a login has not left yet."""
    a.script(LOGIN_TAKES)
    async with routing({"a": account(a, needs_login=True)}, clock=clock) as rig:
        (task,) = sending(rig, sms())
        await clock.settle()
        task.cancel()
        await clock.advance(25)
        receipt = await outcome(rig, 0)

    assert (receipt.state, receipt.attempts, submits(a)) == (State.CANCELLED, (), [])


async def test_a_message_that_is_given_up_between_attempts_is_not_sent_again(clock: FakeClock, a: ScriptedSandbox):
    """Nobody waits for the provider on behalf of a caller that is gone."""
    a.script(refuse(Fault.THROTTLED, retry_after=30.0))
    async with routing({"a": account(a)}, clock=clock) as rig:
        (task,) = sending(rig, sms())
        await clock.settle()
        task.cancel()
        await clock.advance(60)
        receipt = await outcome(rig, 0)

    assert (receipt.state, len(submits(a))) == (State.CANCELLED, 1)


async def test_a_message_that_is_given_up_in_flight_is_followed_to_its_end(clock: FakeClock, a: ScriptedSandbox):
    """Nobody waits for it any more, but it is sent; it is called, counted and paid for once."""
    a.script(delay(5.0, endpoint=Operation.SUBMIT))
    async with routing({"a": account(a, prices=[price("0.05")])}, clock=clock) as rig:
        (task,) = sending(rig, sms())
        await clock.settle()
        task.cancel()
        await clock.advance(5)
        receipt = await outcome(rig, 0)

    assert receipt.state is State.SENT
    assert len(a.copies(receipt.id)) == len(submits(a)) == 1
    assert len(rig.calls(Operation.SUBMIT)) == len(rig.told(Spent)) == 1


async def test_a_doubt_survives_a_caller_that_gives_up(clock: FakeClock, a: ScriptedSandbox, b: ScriptedSandbox):
    """A message in doubt whose caller is gone goes nowhere else, and is unknown, not cancelled."""
    a.script(hang(taken=True))
    accounts = {"a": account(a, read_timeout="150ms"), "b": account(b)}
    async with routing(accounts, clock=clock) as rig:
        (task,) = sending(rig, sms(message_class=MessageClass.OTP))
        await clock.settle()
        task.cancel()
        await asyncio.sleep(0.3)
        receipt = await outcome(rig, 0)

    assert (receipt.state, submits(b)) == (State.UNKNOWN, [])


# -- the router closes -------------------------------------------------------------------------------------------------


async def test_what_waits_when_the_router_closes_is_cancelled(clock: FakeClock, a: ScriptedSandbox):
    """Closing cuts off what is in flight as unknown, and cancels what waits; nothing is sent after that."""
    a.script(hang(taken=True))
    async with routing({"a": account(a, max_in_flight=1)}, clock=clock) as rig:
        tasks = sending(rig, sms(0), sms(1))
        await clock.settle()
        await rig.router.aclose(0)
        first, second = await asyncio.gather(*tasks)

    assert [first.state, second.state] == [State.UNKNOWN, State.CANCELLED]
    assert submits(a) == [first.attempts[0].ref]


async def test_what_waits_for_a_login_when_the_router_closes_is_cancelled(clock: FakeClock, a: ScriptedSandbox):
    """Nothing has left, so there is no doubt about it."""
    a.script(LOGIN_TAKES)
    async with routing({"a": account(a, needs_login=True)}, clock=clock) as rig:
        (task,) = sending(rig, sms())
        await clock.settle()
        await rig.router.aclose(0)
        receipt = await task

    assert (receipt.state, submits(a)) == (State.CANCELLED, [])


async def test_a_pause_does_not_keep_the_router_from_closing(clock: FakeClock, a: ScriptedSandbox):
    """Messages that wait for a provider's pause are cancelled, and nobody sleeps on after that."""
    a.script(refuse(Fault.THROTTLED, retry_after=50.0))
    async with routing({"a": account(a, max_in_flight=1)}, clock=clock) as rig:
        tasks = sending(rig, sms(0), sms(1))
        await clock.settle()
        await rig.router.aclose(0)
        receipts = await asyncio.gather(*tasks)

    assert [receipt.state for receipt in receipts] == [State.CANCELLED] * 2
    assert clock.sleeping == 0


async def test_who_waits_for_the_last_report_is_told_that_the_router_closed(clock: FakeClock, a: ScriptedSandbox):
    """Waiting for reports ends with an error that says why; a caller is never cancelled for somebody else's reasons."""
    async with routing({"a": account(a)}, clock=clock) as rig:
        task = asyncio.create_task(rig.router.send(sms(), until_final=True))
        await clock.settle()
        await rig.router.aclose(0)

    with pytest.raises(RouterClosed):
        await task
