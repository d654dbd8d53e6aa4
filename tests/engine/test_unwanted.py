"""What cancelling promises: once it is answered nothing more of the message is sent, whatever dies next."""

import asyncio
from collections import Counter

import msgspec
import pytest

from pointsman.engine.orders import Order
from pointsman.errors import StoreUnavailable
from pointsman.events import Operation
from pointsman.message import Fallback, FallbackTrigger, Viber
from pointsman.outcome import DeliveryState, Fault, Refused, State
from pointsman.plugin import Callback
from pointsman.router import Router
from pointsman.sandbox import delay
from pointsman.store.change import FellBack, Unwant
from pointsman.testing import FakeClock, ScriptedSandbox, hang, hang_up, refuse
from pointsman.testing.wire import Answer, News

from .machine import Machine, machine
from .rig import account, number, sms

SUBMIT = Operation.SUBMIT
VIBER = Viber(to=number(0), text="hi", fallback=Fallback(on=frozenset({FallbackTrigger.FAILED})))


@pytest.fixture
def other(clock: FakeClock) -> ScriptedSandbox:
    """A second provider."""
    return ScriptedSandbox(clock=clock)


async def take(router: Router, *messages: object) -> list[str]:
    """Have messages of a client taken; return their ids."""
    orders = [Order(message) for message in messages]
    return [one.id for one in (await router.submit_many(orders, client="shop")).receipts]


def sent(*boxes: ScriptedSandbox) -> Counter[str]:
    """Return how many copies for each number providers took."""
    return Counter(message.to for box in boxes for message in box.ledger.messages)


async def report(host: Machine, message_id: str, state: DeliveryState) -> None:
    """Let provider `a` report the end of a message's first attempt."""
    assert host.router is not None
    news = News(id=host.record(message_id).attempts[0].outcome.ids[0], state=state, final=True)
    await host.router.callback("a", Callback(method="POST", body=msgspec.json.encode(Answer(reports=(news,)))))


async def test_what_waits_for_its_turn_stays_cancelled(clock: FakeClock, box: ScriptedSandbox):
    """A message that has its turn, but has not left, is cancelled when the answer comes; a crash changes nothing."""
    async with machine({"a": account(box, max_rate=1)}, clock) as host:
        router = await host.start()
        ids = await take(router, sms(0), sms(1), sms(2))
        await clock.settle()
        assert await router.cancel(ids[2])
        assert host.record(ids[2]).state is State.CANCELLED
        router = await host.restart()
        await clock.advance(60)
        assert sent(box) == Counter({number(0): 1, number(1): 1})
        assert not await router.cancel(ids[2])


async def test_nothing_begins_although_it_was_chosen(clock: FakeClock, box: ScriptedSandbox):
    """Between the choice of a provider and the attempt it is written down that nobody wants it: no attempt begins.

    Whoever has the message in hand is not even told.
    """
    async with machine({"a": account(box, needs_login=True)}, clock) as host:
        box.script(delay(5.0, endpoint=Operation.LOGIN))
        router = await host.start()
        (message_id,) = await take(router, sms(0))
        await clock.settle()
        await host.store.apply(message_id, Unwant(), clock.now())
        await clock.advance(30)
        assert host.record(message_id).state is State.CANCELLED
        assert sent(box) == Counter()
        assert (await asyncio.wait_for(router.wait(message_id), 5)).state is State.CANCELLED


@pytest.mark.parametrize("dies", [False, True])
async def test_what_may_have_left_is_followed_and_not_tried_again(
    clock: FakeClock, box: ScriptedSandbox, other: ScriptedSandbox, *, dies: bool
):
    """It turns out not to have been sent: it is cancelled then, with or without a crash, and nobody else is asked."""
    async with machine({"a": account(box, reconcile="query", settle=5), "b": account(other)}, clock) as host:
        box.script(hang(taken=False) if dies else hang_up(taken=False))
        router = await host.start()
        (message_id,) = await take(router, sms(0))
        await clock.settle()
        assert await router.cancel(message_id)
        assert host.record(message_id).state is State.SENDING
        if dies:
            router = await host.restart()
        await clock.advance(200)
        record = host.record(message_id)
        assert record.state is State.CANCELLED
        assert [type(one.outcome) for one in record.attempts] == [Refused]
        assert sent(box, other) == Counter()
        assert (await asyncio.wait_for(router.wait(message_id), 5)).state is State.CANCELLED


async def test_what_got_through_all_the_same_is_sent(clock: FakeClock, box: ScriptedSandbox):
    """A request that was in flight when it was cancelled got through: it is sent, and says so after a crash."""
    async with machine({"a": account(box, reconcile="query")}, clock) as host:
        box.script(delay(5.0, endpoint=SUBMIT))
        router = await host.start()
        (message_id,) = await take(router, sms(0))
        await clock.settle()
        assert await router.cancel(message_id)
        await host.restart()
        await clock.advance(60)
        assert host.record(message_id).state is State.SENT
        assert sent(box) == Counter({number(0): 1})


async def test_what_nobody_wants_is_not_repeated_to_find_out_about_it(clock: FakeClock, box: ScriptedSandbox):
    """Where a provider can be asked only by a repeat, the repeat might be what sends it: it stays unknown instead."""
    async with machine({"a": account(box, reconcile="repeat")}, clock) as host:
        box.script(hang_up(taken=False), hang_up(taken=False))
        router = await host.start()
        (message_id,) = await take(router, sms(0))
        await clock.settle()
        await router.cancel(message_id)
        made = len(box.seen)
        await host.restart()
        await clock.advance(200)
        assert host.record(message_id).state is State.UNKNOWN
        assert (len(box.seen), sent(box)) == (made, Counter())


async def test_a_refusal_between_two_attempts(clock: FakeClock, box: ScriptedSandbox, other: ScriptedSandbox):
    """While it waits to be repeated where it was refused, it is cancelled; after the crash nobody is asked again."""
    async with machine({"a": account(box), "b": account(other)}, clock) as host:
        box.script(refuse(Fault.THROTTLED, retry_after=20.0))
        router = await host.start()
        router.trip("b")
        (message_id,) = await take(router, sms(0))
        await clock.settle()
        assert await router.cancel(message_id)
        await host.restart()
        await clock.advance(60)
        record = host.record(message_id)
        assert (record.state, record.reason.fault) == (State.CANCELLED, Fault.THROTTLED)
        assert sent(box, other) == Counter()


async def test_what_is_lost_is_not_sent_again_after_a_crash(
    clock: FakeClock, box: ScriptedSandbox, other: ScriptedSandbox
):
    """It had left, so the answer is that it is too late; but when it is lost later, nobody sends it again."""
    async with machine({"a": account(box), "b": account(other)}, clock) as host:
        router = await host.start()
        (message_id,) = await take(router, sms(0))
        await clock.settle()
        assert not await router.cancel(message_id)
        await host.restart()
        await clock.advance(1)
        await report(host, message_id, DeliveryState.UNDELIVERABLE)
        await clock.advance(10)
        assert host.record(message_id).state is State.UNDELIVERED
        assert sent(other) == Counter()


async def test_no_sms_follows_after_a_crash(clock: FakeClock, box: ScriptedSandbox):
    """A Viber message that had left is cancelled: no SMS takes its place, also when it is lost after a crash."""
    async with machine({"a": account(box)}, clock) as host:
        router = await host.start()
        (message_id,) = await take(router, VIBER)
        await clock.settle()
        assert host.record(message_id).state is State.SENT
        assert await router.cancel(message_id)
        await clock.settle()
        assert not await router.cancel(message_id)
        await host.restart()
        await clock.advance(1)
        await report(host, message_id, DeliveryState.UNDELIVERABLE)
        await clock.advance(100_000)
        record = host.record(message_id)
        assert (record.state, record.sms) == (State.UNDELIVERED, None)
        assert sent(box) == Counter({number(0): 1})


@pytest.mark.parametrize("moment", ["before the SMS is recorded", "while the SMS waits"])
async def test_an_sms_that_steps_in_is_cancelled_with_its_viber_message(
    clock: FakeClock, box: ScriptedSandbox, moment: str
):
    """It was decided that the SMS is sent; then both are cancelled, and after a crash none is."""
    async with machine({"a": account(box)}, clock) as host:
        router = await host.start()
        box.script(refuse(Fault.RECIPIENT, certain=True), refuse(Fault.THROTTLED, retry_after=20.0))
        apply = host.store.apply

        async def stuck(message_id: str, change: object, now: float) -> object:
            result = await apply(message_id, change, now)
            if isinstance(change, FellBack):
                await asyncio.Event().wait()
            return result

        if moment == "before the SMS is recorded":
            host.store.apply = stuck
        (message_id,) = await take(router, VIBER)
        await clock.settle()
        assert host.record(message_id).sms is not None
        assert await router.cancel(message_id)
        host.store.__dict__.pop("apply", None)
        router = await host.restart()
        await clock.advance(200)
        assert (await router.receipt(message_id)).state is State.CANCELLED
        assert host.record(host.record(message_id).sms).state is State.CANCELLED
        assert sent(box) == Counter()


async def test_what_cannot_be_written_down_is_not_promised(clock: FakeClock, box: ScriptedSandbox):
    """While the store cannot write, cancelling raises, and the message goes on as if nothing had been said."""
    async with machine({"a": account(box, max_rate=1)}, clock) as host:
        router = await host.start()
        ids = await take(router, sms(0), sms(1))
        await clock.settle()
        host.store.full = True
        with pytest.raises(StoreUnavailable):
            await router.cancel(ids[1])
        host.store.full = False
        await clock.advance(60)
        assert sent(box) == Counter({number(0): 1, number(1): 1})


async def test_who_waits_and_leaves_is_written_down_too(clock: FakeClock, box: ScriptedSandbox, other: ScriptedSandbox):
    """A caller who stops waiting for the end of a message that was taken gives it up: no loss makes it sent again."""
    async with machine({"a": account(box), "b": account(other)}, clock) as host:
        router = await host.start()
        task = asyncio.create_task(router.send(sms(0), until_final=True))
        await clock.settle()
        task.cancel()
        await clock.settle()
        (record,) = host.store.records
        assert (record.state, record.unwanted) == (State.SENT, True)
        await host.restart()
        await clock.advance(1)
        await report(host, record.envelope.id, DeliveryState.UNDELIVERABLE)
        await clock.advance(10)
        assert sent(other) == Counter()
