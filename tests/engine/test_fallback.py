"""The SMS in place of a Viber message: when it leaves, that it never leaves twice, and what callers are told."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from pointsman.errors import InvalidMessage, RouterClosed
from pointsman.events import LateDelivery, MessageTaken, Operation, SteppedIn
from pointsman.message import Channel, Envelope, Fallback, FallbackBy, FallbackTrigger, MessageClass, Viber
from pointsman.outcome import DeliveryState, Fault, State
from pointsman.sandbox import Fate, delay
from pointsman.store import MemoryStore, Record
from pointsman.store.change import Change, FellBack, Forgo, Settle
from pointsman.store.interface import Claim, Taken
from pointsman.testing import FakeClock, Reconcile, Refusal, ScriptedSandbox, hang_up, normal, refuse

from .pairing import BEFORE_IT, LIFE, SMS_STARTS, pair, viber
from .rig import account, number, routing, sms

OTP = MessageClass.OTP
Trigger = FallbackTrigger


# -- at once -----------------------------------------------------------------------------------------------------------


async def test_what_nobody_took_becomes_an_sms_at_once(clock: FakeClock):
    """`send` returns with the SMS: it is a message of its own, over the providers of SMS, and the receipt has both."""
    async with pair(clock, refuse(Fault.RECIPIENT, certain=True)) as both:
        receipt = await both.rig.router.send(viber(reference="order-1", tags=("shop",)))

        assert (receipt.state, receipt.channel) == (State.SENT, Channel.VIBER)
        assert receipt.reason is not None
        sms_receipt = receipt.fallback
        assert sms_receipt is not None
        assert (sms_receipt.channel, sms_receipt.state, sms_receipt.provider) == (Channel.SMS, State.SENT, "s")
        assert sms_receipt.id != receipt.id
        assert await both.receipt(sms_receipt) == sms_receipt
        assert both.rig.told(SteppedIn)[0].trigger is Trigger.FAILED
        assert [event.channel for event in both.rig.told(MessageTaken)] == [Channel.VIBER, Channel.SMS]
        assert both.sms.items[0].text == "hello"
        assert not receipt.possible_duplicate
        await clock.advance(10)
        assert (await both.ended(receipt)).state is State.DELIVERED


@pytest.mark.parametrize(
    ("state", "own", "trigger"),
    [
        (DeliveryState.UNDELIVERABLE, State.UNDELIVERED, Trigger.UNDELIVERED),
        (DeliveryState.REJECTED, State.REJECTED, Trigger.REJECTED),
        (DeliveryState.DELETED, State.REJECTED, Trigger.REJECTED),
        (DeliveryState.EXPIRED, State.EXPIRED, Trigger.EXPIRED),
    ],
)
async def test_a_bad_report_starts_the_sms_at_once(
    clock: FakeClock, state: DeliveryState, own: State, trigger: Trigger
):
    """Each final bad report whose trigger was named starts it; one that was not named never does."""
    async with pair(clock) as both:
        wanted = await both.rig.router.send(viber(0, fallback=Fallback(on=frozenset({trigger}))))
        other = await both.rig.router.send(
            viber(1, fallback=Fallback(on=frozenset(Trigger) - {trigger, Trigger.SILENT}))
        )
        await clock.advance(5)
        await both.report(state)
        await both.report(state, "m2")
        await clock.advance(1)

        assert both.asked == [5.0]
        assert [event.trigger for event in both.rig.told(SteppedIn)] == [trigger]
        assert (await both.receipt(wanted)).state is State.SENT
        assert (await both.ended(other)).state is own
        await clock.advance(5000)
        assert both.sent == 1


async def test_a_life_that_ends_before_anybody_takes_it(clock: FakeClock):
    """A message that could not leave within its life becomes an SMS when its life is over."""
    steps = [refuse(Fault.THROTTLED, retry_after=25.0) for _ in range(5)]
    async with pair(clock, *steps) as both, clock.autojump():
        receipt = await both.rig.router.send(viber(ttl=timedelta(seconds=30)))

        assert receipt.fallback is not None
        assert both.rig.told(SteppedIn)[0].trigger in {Trigger.FAILED, Trigger.EXPIRED}
        assert both.sent == 1


async def test_the_sms_is_what_the_fallback_says(clock: FakeClock):
    """Text, sender and life are the fallback's where it names them; the rest is as in the Viber message."""
    fallback = Fallback(text="by SMS", sender="SHOP", ttl=timedelta(minutes=1))
    async with pair(clock, refuse(Fault.CONTENT)) as both:
        receipt = await both.rig.router.send(viber(fallback=fallback, message_class=OTP, reference="r", sender="OTHER"))

        (item,) = both.sms.items
        assert (item.text, item.sender, item.ttl) == ("by SMS", "SHOP", 60.0)
        assert receipt.fallback is not None
        assert (receipt.fallback.message_class, receipt.fallback.reference) == (OTP, "r")


# -- silence -----------------------------------------------------------------------------------------------------------


async def test_silence_starts_the_sms_after_life_and_margin(clock: FakeClock):
    """Without a report the SMS leaves when life and margin are over, counted from the deadline, and not before."""
    async with pair(clock) as both:
        receipt = await both.rig.router.send(viber())
        assert (receipt.state, receipt.fallback) == (State.SENT, None)
        await clock.advance(SMS_STARTS - BEFORE_IT)
        assert both.sent == 0
        await clock.advance(BEFORE_IT)

        assert both.asked == [SMS_STARTS]
        assert both.rig.told(SteppedIn)[0].trigger is Trigger.SILENT
        assert (await both.receipt(receipt)).possible_duplicate
        await clock.advance(10)
        assert (await both.ended(receipt)).state is State.DELIVERED


async def test_the_margin_is_the_policys(clock: FakeClock):
    """`fallback_margin` of the policy moves the moment."""
    async with pair(clock, policy={"fallback_margin": "5m"}) as both:
        await both.rig.router.send(viber())
        await clock.advance(2000)

        assert both.asked == [900.0]


@pytest.mark.parametrize("ttl", [LIFE, None])
async def test_the_provider_is_told_the_life(clock: FakeClock, ttl: timedelta | None):
    """A Viber message with a fallback always says how long it lives: what its caller set, else what the policy says."""
    async with pair(clock) as both:
        await both.rig.router.send(viber(ttl=ttl))
        await both.rig.router.send(Viber(to=number(1), text="alone"))
        await clock.advance(0)

        assert [item.ttl for item in both.viber.items] == [600.0 if ttl is not None else 3600.0, None]


async def test_without_silence_only_reports_count(clock: FakeClock):
    """When `silent` is no trigger, nothing is sent however long nobody reports, and the end is unknown."""
    async with pair(clock) as both:
        receipt = await both.rig.router.send(viber(fallback=Fallback(on=frozenset(Trigger) - {Trigger.SILENT})))
        await clock.advance(3 * 86400)

        assert (await both.ended(receipt)).state is State.UNKNOWN
        assert both.sent == 0


@pytest.mark.parametrize("seconds", [3.0, 620.0, 660.0])
async def test_a_delivery_in_time_keeps_the_sms_from_leaving(clock: FakeClock, seconds: float):
    """A report of delivery within life or margin, also the latest, means that there never is an SMS."""
    async with pair(clock) as both:
        receipt = await both.rig.router.send(viber())
        await clock.advance(seconds)
        await both.report(DeliveryState.DELIVERED, read=True)
        await clock.advance(5000)

        ended = await both.ended(receipt)
        assert (ended.state, ended.read, ended.fallback, both.sent) == (State.DELIVERED, True, None, 0)
        assert not ended.possible_duplicate


async def test_the_provider_is_asked_before_silence_counts(clock: FakeClock):
    """However long its pauses have become, a provider is asked within the margin: what it knows is no silence."""
    poll = {"first": "20m", "longest": "20m"}
    async with pair(clock, fate=Fate.DELIVERED, polls=True, poll=poll) as both:
        receipt = await both.rig.router.send(viber())
        await clock.advance(SMS_STARTS + 10)

        asked = [seen.at - both.viber.seen[0].at for seen in both.viber.seen if seen.operation is Operation.POLL]
        assert asked == [SMS_STARTS - 15]
        assert ((await both.ended(receipt)).state, both.sent) == (State.DELIVERED, 0)


async def test_a_message_that_turns_out_to_be_taken_is_asked_about_in_time_too(clock: FakeClock):
    """The last question before silence counts is put as well where only a late look told that it was taken."""
    unsure = [refuse(Fault.UNAVAILABLE, on=Operation.RECONCILE) for _ in range(30)]
    poll = {"first": "20m", "longest": "20m"}
    keys = {"fate": Fate.DELIVERED, "polls": True, "poll": poll, "reconcile": Reconcile.QUERY}
    async with pair(clock, hang_up(taken=True), *unsure, **keys) as both:
        task = asyncio.create_task(both.rig.router.send(viber()))
        await clock.advance(90)
        receipt = await task
        assert receipt.state is State.UNKNOWN
        both.viber.faults.clear()
        await clock.advance(SMS_STARTS)

        assert ((await both.ended(receipt)).state, both.sent) == (State.DELIVERED, 0)


# -- doubt -------------------------------------------------------------------------------------------------------------


async def test_an_unknown_outcome_is_never_followed_at_once(clock: FakeClock):
    """A one-time password whose submit got no answer becomes an SMS after life and margin, and that is flagged."""
    async with pair(clock, hang_up(taken=True)) as both:
        receipt = await both.rig.router.send(viber(message_class=OTP))
        assert (receipt.state, receipt.fallback) == (State.UNKNOWN, None)
        await clock.advance(SMS_STARTS - BEFORE_IT)
        assert both.sent == 0
        await clock.advance(10)

        assert both.asked == [SMS_STARTS]
        ended = await both.ended(receipt)
        assert (ended.state, ended.possible_duplicate) == (State.DELIVERED, True)


@pytest.mark.parametrize(("message_class", "on_unknown"), [(MessageClass.TRANSACTIONAL, None), (OTP, "stop")])
async def test_doubt_is_no_reason_where_a_duplicate_is_worse(
    clock: FakeClock, message_class: MessageClass, on_unknown: str | None
):
    """Where class or route would rather lose a message than send it twice, it stays unknown and no SMS goes."""
    route = {"on_unknown": on_unknown} if on_unknown is not None else {}
    async with pair(clock, hang_up(taken=True), route=route) as both:
        receipt = await both.rig.router.send(viber(message_class=message_class))
        await clock.advance(SMS_STARTS + 1)

        assert ((await both.ended(receipt)).state, both.sent) == (State.UNKNOWN, 0)


async def test_doubt_that_is_cleared_up_in_time_counts(clock: FakeClock):
    """A report that proves an attempt in doubt undelivered starts the SMS at once, whatever the class."""
    async with pair(clock, hang_up(taken=True)) as both:
        receipt = await both.rig.router.send(viber())
        await clock.advance(60)
        await both.report(DeliveryState.UNDELIVERABLE, ref=both.viber.items[0].ref)
        await clock.advance(10)

        assert both.asked == [60.0]
        ended = await both.ended(receipt)
        assert (ended.state, ended.possible_duplicate) == (State.DELIVERED, False)


async def test_a_late_look_that_proves_it_unsent_counts(clock: FakeClock):
    """When the provider says later that it never got the message, nobody took it for certain, and the SMS starts."""
    unsure = [refuse(Fault.UNAVAILABLE, on=Operation.RECONCILE) for _ in range(30)]
    async with pair(clock, hang_up(taken=False), *unsure, reconcile=Reconcile.QUERY) as both:
        task = asyncio.create_task(both.rig.router.send(viber(ttl=timedelta(hours=2))))
        await clock.advance(90)
        receipt = await task
        assert (receipt.state, both.sent) == (State.UNKNOWN, 0)
        both.viber.faults.clear()
        await clock.advance(3600)

        assert [event.trigger for event in both.rig.told(SteppedIn)] == [Trigger.FAILED]
        ended = await both.ended(receipt)
        assert (ended.state, ended.possible_duplicate) == (State.DELIVERED, False)


# -- late deliveries ---------------------------------------------------------------------------------------------------


async def test_a_delivery_withdraws_the_sms_until_it_leaves(clock: FakeClock):
    """While the SMS waits for its turn, a report of delivery keeps it from leaving; nobody calls that a duplicate."""
    async with pair(clock) as both:
        both.sms.script(refuse(Fault.THROTTLED, retry_after=30.0))
        receipt = await both.rig.router.send(viber())
        await clock.advance(SMS_STARTS + 5)
        assert len(both.asked) == 1
        await both.report(DeliveryState.DELIVERED)
        await clock.advance(5000)

        ended = await both.ended(receipt)
        assert (ended.state, both.sent) == (State.DELIVERED, 0)
        assert ended.fallback is not None
        assert (ended.fallback.state, ended.possible_duplicate) == (State.CANCELLED, False)
        assert both.rig.told(LateDelivery) == []


async def test_a_delivery_withdraws_the_sms_from_its_queue(clock: FakeClock):
    """An SMS that waits in the queue of its provider, behind a slow request, is withdrawn as well."""
    async with pair(clock, sms_keys={"max_in_flight": 1}) as both:
        both.sms.script(delay(60.0, accepted=True, endpoint=Operation.SUBMIT))
        receipt = await both.rig.router.send(viber())
        await clock.advance(SMS_STARTS - 10)
        slow = asyncio.create_task(both.rig.router.send(sms(1)))
        await clock.advance(20)
        (stepped,) = both.rig.told(SteppedIn)
        await both.report(DeliveryState.DELIVERED)
        await clock.advance(100)
        assert (await slow).state is State.SENT

        ended = await both.ended(receipt)
        assert (ended.state, both.sent) == (State.DELIVERED, 1)
        assert ended.fallback is not None
        assert (ended.fallback.id, ended.fallback.state) == (stepped.sms_id, State.CANCELLED)


async def test_a_late_delivery_is_told(clock: FakeClock):
    """A report of delivery after the SMS has left: the whole is delivered, perhaps twice, and that is counted once."""
    async with pair(clock) as both:
        receipt = await both.rig.router.send(viber())
        await clock.advance(SMS_STARTS + 1)
        assert both.sent == 1
        for _ in range(3):
            await both.report(DeliveryState.DELIVERED)
        await both.report(DeliveryState.DELIVERED, read=True)

        ended = await both.ended(receipt)
        assert (ended.state, ended.possible_duplicate, ended.read) == (State.DELIVERED, True, True)
        (late,) = both.rig.told(LateDelivery)
        assert ended.fallback is not None
        assert (late.message_id, late.sms_id, late.provider) == (receipt.id, ended.fallback.id, "v")
        assert both.sent == 1


async def test_a_delivery_while_the_sms_leaves_is_told_with_its_outcome(clock: FakeClock):
    """A request in flight cannot be withdrawn; whether the recipient may have both is told when it was answered."""
    async with pair(clock) as both:
        both.sms.script(delay(5.0, accepted=True, endpoint=Operation.SUBMIT))
        receipt = await both.rig.router.send(viber())
        await clock.advance(SMS_STARTS + 1)
        await both.report(DeliveryState.DELIVERED)
        assert both.rig.told(LateDelivery) == []
        await clock.advance(5)

        ended = await both.ended(receipt)
        assert (ended.state, ended.possible_duplicate, both.sent) == (State.DELIVERED, True, 1)
        assert len(both.rig.told(LateDelivery)) == 1


async def test_a_delivery_while_a_refused_sms_leaves_is_the_only_one(clock: FakeClock):
    """When the request in flight is refused, nothing more is tried and nothing came twice."""
    async with pair(clock) as both:
        both.sms.numbers[number(0)] = Refusal(fault=Fault.UNAVAILABLE)
        both.sms.script(delay(5.0, accepted=True, endpoint=Operation.SUBMIT))
        receipt = await both.rig.router.send(viber())
        await clock.advance(SMS_STARTS + 1)
        await both.report(DeliveryState.DELIVERED)
        await clock.advance(100)

        ended = await both.ended(receipt)
        assert (ended.state, ended.possible_duplicate, both.sent) == (State.DELIVERED, False, 0)
        assert (both.asked, both.rig.told(LateDelivery)) == ([SMS_STARTS], [])


async def test_a_refused_sms_makes_no_late_delivery(clock: FakeClock):
    """When nobody took the SMS, a delivery of the Viber message is the only one."""
    async with pair(clock) as both:
        both.sms.script(refuse(Fault.CONTENT))
        receipt = await both.rig.router.send(viber())
        await clock.advance(SMS_STARTS + 1)
        assert (await both.receipt(receipt)).state is State.SENT
        await both.report(DeliveryState.DELIVERED)

        ended = await both.ended(receipt)
        assert (ended.state, ended.possible_duplicate, both.rig.told(LateDelivery)) == (State.DELIVERED, False, [])


async def test_a_bad_report_that_comes_twice_starts_one_sms(clock: FakeClock):
    """Repeated and contradicting bad reports, before and after the SMS, change nothing."""
    async with pair(clock) as both:
        receipt = await both.rig.router.send(viber())
        for state in (DeliveryState.UNDELIVERABLE, DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED):
            await both.report(state)
        await clock.advance(5000)
        await both.report(DeliveryState.REJECTED)
        await clock.advance(5000)

        assert both.sent == 1
        assert (await both.ended(receipt)).state is State.DELIVERED


# -- what the whole is -------------------------------------------------------------------------------------------------


async def test_waiting_is_for_the_whole(clock: FakeClock):
    """Whoever waits for a Viber message gets the last report about the SMS in its place."""
    async with pair(clock, sms_fate=Fate.UNDELIVERED) as both, clock.autojump():
        receipt = await both.rig.router.send(viber(), until_final=True)

        assert receipt.state is State.UNDELIVERED
        assert receipt.fallback is not None
        assert receipt.fallback.state is State.UNDELIVERED
        assert clock.now() - receipt.accepted_at >= SMS_STARTS


async def test_several_at_once_are_waited_for_as_wholes(clock: FakeClock):
    """`send_many` gives each receipt with its SMS."""
    async with pair(clock, refuse(Fault.CONTENT), normal()) as both, clock.autojump():
        receipts = await both.rig.router.send_many([viber(0), viber(1)], until_final=True)

        assert [receipt.state for receipt in receipts] == [State.DELIVERED] * 2
        assert all(receipt.fallback is not None for receipt in receipts)
        assert both.sent == 2


async def test_an_sms_that_nobody_took_says_so(clock: FakeClock):
    """When neither went, the whole failed; when only the SMS did not go, the Viber message speaks for itself."""
    async with pair(clock, refuse(Fault.CONTENT), normal()) as both:
        both.sms.script(refuse(Fault.CONTENT), refuse(Fault.CONTENT))
        failed = await both.rig.router.send(viber(0))
        open_end = await both.rig.router.send(viber(1))
        await clock.advance(SMS_STARTS + 1)

        assert failed.state is State.FAILED
        assert failed.fallback is not None
        assert failed.fallback.state is State.FAILED
        assert (await both.ended(failed)).state is State.FAILED
        assert (await both.receipt(open_end)).state is State.SENT


# -- providers that do it themselves -----------------------------------------------------------------------------------


async def test_the_provider_sends_the_sms_itself(clock: FakeClock):
    """With `by = "provider"` only one that can is asked, it is told to, and the router never sends an SMS."""
    by_provider = Fallback(by=FallbackBy.PROVIDER)
    async with pair(clock, resends=True) as both:
        receipt = await both.rig.router.send(viber(fallback=by_provider))
        await both.report(DeliveryState.UNDELIVERABLE)
        await clock.advance(10_000)

        (item,) = both.viber.items
        assert (item.resend, item.ttl) == (True, 600.0)
        assert ((await both.ended(receipt)).state, both.sent, both.sms.seen) == (State.UNDELIVERED, 0, ())
    async with pair(clock) as both:
        refused = await both.rig.router.send(viber(fallback=by_provider))
        assert refused.state is State.FAILED
        assert refused.reason is not None
        assert "v: resend" in refused.reason.detail
        assert (both.viber.seen, both.sent) == ((), 0)


async def test_the_router_never_asks_for_both(clock: FakeClock):
    """With `by = "router"` a provider that could send an SMS itself is not told to."""
    async with pair(clock, resends=True) as both:
        await both.rig.router.send(viber())

        assert [item.resend for item in both.viber.items] == [False]


# -- giving up ---------------------------------------------------------------------------------------------------------


async def test_cancelling_keeps_the_sms_from_leaving(clock: FakeClock):
    """`cancel` of a Viber message that has left cancels the SMS that has not; its own reports still count."""
    async with pair(clock) as both:
        receipt = await both.rig.router.send(viber())
        assert await both.rig.router.cancel(receipt.id)
        await clock.settle()
        assert not await both.rig.router.cancel(receipt.id)
        await both.report(DeliveryState.UNDELIVERABLE)
        await clock.advance(5000)

        assert ((await both.ended(receipt)).state, both.sent) == (State.UNDELIVERED, 0)


async def test_cancelling_withdraws_an_sms_that_waits(clock: FakeClock):
    """An SMS that waits for another try is withdrawn by cancelling the Viber message."""
    async with pair(clock, refuse(Fault.CONTENT)) as both:
        both.sms.script(refuse(Fault.THROTTLED, retry_after=30.0))
        task = asyncio.create_task(both.rig.router.send(viber()))
        await clock.advance(5)
        (stepped,) = both.rig.told(SteppedIn)
        assert await both.rig.router.cancel(stepped.message_id)
        receipt = await task
        await clock.advance(100)

        assert (receipt.state, both.sent) == (State.CANCELLED, 0)


async def test_a_caller_that_gives_up_gives_the_sms_up(clock: FakeClock):
    """A caller that stops waiting while the Viber message is on its way gets no SMS, also if that message fails."""
    async with pair(clock, delay(5.0, accepted=True, endpoint=Operation.SUBMIT)) as both:
        task = asyncio.create_task(both.rig.router.send(viber()))
        await clock.settle()
        task.cancel()
        await clock.advance(10)
        (taken,) = both.rig.told(MessageTaken)
        await both.report(DeliveryState.UNDELIVERABLE)
        await clock.advance(5000)

        ended = await both.rig.router.wait(taken.message_id)
        assert (ended.state, both.sent) == (State.UNDELIVERED, 0)


async def test_a_caller_of_the_whole_that_gives_up_gives_the_sms_up(clock: FakeClock):
    """A caller who asked for the whole and stops waiting gets no SMS; what has left is followed to its end."""
    async with pair(clock) as both:
        task = asyncio.create_task(both.rig.router.send(viber(), until_final=True))
        await clock.advance(60)
        task.cancel()
        await clock.advance(5000)
        (taken,) = both.rig.told(MessageTaken)
        await both.report(DeliveryState.DELIVERED)

        assert ((await both.rig.router.wait(taken.message_id)).state, both.sent) == (State.DELIVERED, 0)


async def test_a_caller_that_only_stops_to_wait_changes_nothing(clock: FakeClock):
    """A `wait` that is cancelled leaves everything as it is: the SMS leaves when it is due."""
    async with pair(clock) as both:
        receipt = await both.rig.router.send(viber())
        waiting = asyncio.create_task(both.rig.router.wait(receipt.id))
        await clock.settle()
        waiting.cancel()
        await clock.advance(SMS_STARTS + 1)

        assert both.sent == 1


async def test_closing_starts_no_sms(clock: FakeClock):
    """A router that is closed sends no SMS any more and tells those who wait; nothing is left running."""
    before = asyncio.all_tasks()
    async with pair(clock) as both:
        receipt = await both.rig.router.send(viber())
        waiting = asyncio.create_task(both.rig.router.wait(receipt.id))
        await clock.settle()
        await both.rig.router.aclose()
        with pytest.raises(RouterClosed):
            await waiting
        await clock.advance(5000)

        assert (both.sent, both.rig.told(SteppedIn)) == (0, [])
        found = await both.receipt(receipt)
        assert found.state is State.SENT
    assert asyncio.all_tasks() == before


async def test_closing_withdraws_an_sms_that_waits(clock: FakeClock):
    """An SMS that has begun but not left is cancelled with the router, and its caller gets a receipt."""
    async with pair(clock, refuse(Fault.CONTENT)) as both:
        both.sms.script(refuse(Fault.THROTTLED, retry_after=30.0))
        task = asyncio.create_task(both.rig.router.send(viber()))
        await clock.advance(5)
        await both.rig.router.aclose()
        receipt = await task

        assert (receipt.state, both.sent) == (State.CANCELLED, 0)


# -- the door ----------------------------------------------------------------------------------------------------------

ROUTER_ONLY = {"text": "x", "sender": "SHOP", "ttl": LIFE, "transliterate": True}


@pytest.mark.parametrize(
    ("fallback", "field"),
    [
        (Fallback(text="  "), "fallback.text"),
        (Fallback(text="x" * 40_000), "fallback.text"),
        (Fallback(sender="much too long a sender"), "fallback.sender"),
        (Fallback(ttl=timedelta(0)), "fallback.ttl"),
        (Fallback(on=frozenset()), "fallback.on"),
        *[(Fallback(by=FallbackBy.PROVIDER, **{key: value}), f"fallback.{key}") for key, value in ROUTER_ONLY.items()],
    ],
)
async def test_a_bad_fallback_is_refused_at_the_door(clock: FakeClock, fallback: Fallback, field: str):
    """What could not be sent in place of a Viber message is told when that message is taken, with the field."""
    async with pair(clock) as both:
        with pytest.raises(InvalidMessage) as problem:
            await both.rig.router.send(viber(fallback=fallback))

        assert problem.value.field == field
        assert both.viber.seen == ()


async def test_a_fallback_needs_somebody_who_sends_sms(clock: FakeClock, box: ScriptedSandbox):
    """Where no route is for the SMS, or nobody in it offers SMS, the Viber message is refused at the door."""
    async with routing({"a": account(box, channels=["viber"])}, clock=clock) as rig:
        with pytest.raises(InvalidMessage, match="can carry its SMS"):
            await rig.router.send(viber())
    async with routing({"a": account(box)}, clock=clock, route={"match": {"channel": "viber"}}) as rig:
        with pytest.raises(InvalidMessage, match="no route"):
            await rig.router.send(viber())
        assert box.seen == ()


async def test_checking_a_message_takes_no_sms(clock: FakeClock):
    """`check` and `explain` look at the fallback as well, and neither leaves anything behind."""
    async with pair(clock) as both:
        assert both.rig.router.check(viber()).channel is Channel.VIBER
        chosen = both.rig.router.explain(viber()).chosen
        assert chosen is not None
        assert chosen.provider == "v"
        with pytest.raises(InvalidMessage):
            both.rig.router.check(viber(fallback=Fallback(text="")))
        assert both.rig.told(MessageTaken) == []


# -- when something breaks ---------------------------------------------------------------------------------------------


class Fragile(MemoryStore):
    """A store that cannot write for a while: no new messages, or none of some kind of change."""

    def __init__(self) -> None:
        super().__init__()
        self.takes = True
        self.tells = True
        """Whether a message that was recorded is said to be."""
        self.refuses: tuple[type[Change], ...] = ()

    async def accept(self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True) -> Taken:
        """Record a message, if there is room for it."""
        if not self.takes:
            raise OSError("disk full")
        record = await super().accept(envelopes, claim=claim, mine=mine)
        if not self.tells:
            raise OSError("no answer")
        return record

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Write a change, if there is room for it."""
        if isinstance(change, self.refuses):
            raise OSError("disk full")
        return await super().apply(message_id, change, now)


async def test_an_sms_that_cannot_be_recorded_is_sent_later(clock: FakeClock):
    """With the Viber message's record saying that an SMS steps in, that very SMS is made once there is room, once."""
    store = Fragile()
    async with pair(clock, store=store) as both:
        receipt = await both.rig.router.send(viber())
        store.takes = False
        await both.report(DeliveryState.UNDELIVERABLE)
        await clock.advance(130)
        assert both.sent == 0
        record = await store.get(receipt.id)
        assert record is not None
        store.takes = True
        await clock.advance(120)

        ended = await both.ended(receipt)
        assert ended.fallback is not None
        assert (ended.fallback.id, ended.state, both.sent) == (record.sms, State.DELIVERED, 1)
        sms_record = await store.get(ended.fallback.id)
        assert sms_record is not None
        assert sms_record.envelope.parent == receipt.id


async def test_a_decision_that_cannot_be_written_down_is_made_again(clock: FakeClock):
    """Whoever waits for a message is not left alone when the disk was full at the wrong moment."""
    store = Fragile()
    async with pair(clock, store=store) as both:
        receipt = await both.rig.router.send(viber(fallback=Fallback(on=frozenset({Trigger.FAILED}))))
        store.refuses = (Forgo,)
        await both.report(DeliveryState.UNDELIVERABLE)
        await clock.advance(10)
        store.refuses = ()
        await clock.advance(60)

        assert ((await both.ended(receipt)).state, both.sent) == (State.UNDELIVERED, 0)


@pytest.mark.parametrize(("message_class", "sent"), [(MessageClass.TRANSACTIONAL, 0), (OTP, 1)])
async def test_an_outcome_that_could_not_be_written_down_is_in_doubt(
    clock: FakeClock, message_class: MessageClass, sent: int
):
    """The Viber message may have arrived: an SMS follows only where a duplicate is preferred, and says so."""
    store = Fragile()
    store.refuses = (Settle,)
    async with pair(clock, store=store) as both:
        receipt = await both.rig.router.submit(viber(message_class=message_class))
        await clock.advance(5)
        store.refuses = ()
        assert len(both.viber.ledger.messages) == 1
        assert (await both.receipt(receipt)).state is State.UNKNOWN
        await clock.advance(5000)

        assert both.sent == sent
        assert (await both.ended(receipt)).possible_duplicate == bool(sent)


async def test_an_sms_that_was_recorded_although_that_failed_is_sent(clock: FakeClock):
    """A write may have reached the disk although it raised: the SMS that is found there is sent, once."""
    store = Fragile()
    async with pair(clock, store=store) as both:
        receipt = await both.rig.router.send(viber())
        store.tells = False
        await both.report(DeliveryState.UNDELIVERABLE)
        await clock.advance(10)
        store.tells = True
        await clock.advance(120)

        assert ((await both.ended(receipt)).state, both.sent) == (State.DELIVERED, 1)


class Slow(MemoryStore):
    """A store whose writes of SMS, or of the decision to send one, take a second: others may write meanwhile."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    async def accept(self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True) -> Taken:
        """Record a message, an SMS a second later."""
        if envelopes[0].parent is not None:
            await self.clock.sleep(1)
        return await super().accept(envelopes, claim=claim, mine=mine)

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Write a change, the decision a second later."""
        if isinstance(change, FellBack):
            await self.clock.sleep(1)
        return await super().apply(message_id, change, now)


async def test_a_message_that_is_over_is_not_remembered(clock: FakeClock):
    """What was delivered waits for nothing any more, although its moment is still to come."""
    async with pair(clock) as both:
        receipt = await both.rig.router.send(viber())
        fallbacks = both.rig.router._serving.fallbacks
        assert repr(fallbacks._alarm) == "<Alarm waiting=1>"
        await both.report(DeliveryState.DELIVERED)
        await both.ended(receipt)
        assert (repr(fallbacks), repr(fallbacks._alarm)) == ("<Fallbacks watches=0>", "<Alarm waiting=0>")


@pytest.mark.parametrize("second", [0.5, 1.5])
async def test_a_delivery_while_the_sms_is_written_down_keeps_it_from_leaving(clock: FakeClock, second: float):
    """Whether the decision or the SMS is on its way to the disk: a report of delivery comes in time for both."""
    async with pair(clock, store=Slow(clock)) as both:
        receipt = await both.rig.router.send(viber())
        await clock.advance(SMS_STARTS + second)
        await both.report(DeliveryState.DELIVERED)
        await clock.advance(5000)

        ended = await both.ended(receipt)
        assert (ended.state, ended.possible_duplicate) == (State.DELIVERED, False)
        assert (ended.fallback is None) == (second < 1)
        assert (both.sent, both.rig.told(LateDelivery)) == (0, [])


async def test_cancelling_while_the_sms_is_written_down_keeps_it_from_leaving(clock: FakeClock):
    """`cancel` comes in time as well while the SMS is on its way to the disk."""
    async with pair(clock, store=Slow(clock)) as both:
        receipt = await both.rig.router.send(viber())
        await clock.advance(SMS_STARTS + 1.5)
        assert await both.rig.router.cancel(receipt.id)
        await clock.advance(10)

        assert (await both.receipt(receipt)).state is State.SENT
        assert both.sent == 0


async def test_a_message_without_fallback_is_as_before(clock: FakeClock):
    """Neither a Viber message without a fallback nor an SMS has anything to do with all this."""
    async with pair(clock, refuse(Fault.CONTENT)) as both:
        receipt = await both.rig.router.send(Viber(to=number(0), text="hello"))
        await both.rig.router.send(sms(1))
        await clock.advance(5000)

        assert (receipt.state, receipt.fallback) == (State.FAILED, None)
        assert both.sent == 1
