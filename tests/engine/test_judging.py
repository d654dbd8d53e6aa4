"""What follows from the last word about a message: who gets the next ones, and whether somebody else sends this one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from pointsman.events import Confirmed, FailedOver, MessageMoved, Operation, Resent, Rested
from pointsman.message import Channel, Fallback, Message, MessageClass, Sms, Viber
from pointsman.outcome import Accepted, DeliveryState, Fault, Receipt, Report, State
from pointsman.plugin import Batch, Callback, CallbackReading, Each, ProviderPlugin, Reading, Response, SubmitReading
from pointsman.routing.candidate import Exclusion
from pointsman.sandbox import DeliveryPlan, Fate, delay
from pointsman.store import MemoryStore, Record
from pointsman.store.change import Change, Note
from pointsman.testing import FakeClock, Scripted, ScriptedSandbox, ScriptedSettings, hang_up, normal, refuse

from .rig import Rig, account, number, price, routing, sms

SUBMIT = Operation.SUBMIT
UNDELIVERABLE, EXPIRED, REJECTED = DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED, DeliveryState.REJECTED


class Outspoken(Scripted):
    """Calls back with whole reports, and takes a long message under two ids."""

    def read_callback(self, callback: Callback) -> CallbackReading:
        """Read reports as they are."""
        return Reading(msgspec.json.decode(callback.body, type=tuple[Report, ...]))

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Give each part of a message of two parts an id."""
        reading = super().read_submit(batch, response)
        if not isinstance(reading.value, Each):
            return reading
        outcomes = (
            msgspec.structs.replace(outcome, ids=(*outcome.ids, f"{outcome.ids[0]}b"))
            if isinstance(outcome, Accepted) and item.segments is not None and item.segments.count == 2
            else outcome
            for item, outcome in zip(batch.items, reading.value.outcomes, strict=True)
        )
        return Reading(Each(tuple(outcomes)))


OUTSPOKEN = ProviderPlugin(name="outspoken", settings=ScriptedSettings, build=Outspoken)


class Trio:
    """A router over three providers that report only by callback; they are asked in the order a, b, c."""

    def __init__(self, rig: Rig, clock: FakeClock, boxes: Mapping[str, ScriptedSandbox]) -> None:
        self.rig, self.clock, self.boxes = rig, clock, boxes
        self.router = rig.router

    async def send(self, message: Message | None = None) -> Receipt:
        """Send a message."""
        return await self.router.send(message or sms(message_class=MessageClass.TRANSACTIONAL))

    async def report(
        self, provider: str, state: DeliveryState, provider_id: str = "m1", *, minute: int = 0, **more: Any
    ) -> None:
        """Let a provider report about its first message, and let what follows from that happen."""
        at = datetime(2023, 11, 14, 23, minute, tzinfo=UTC)
        report = Report(provider_id=provider_id, state=state, final=state is not DeliveryState.SENT, at=at, **more)
        await self.router.callback(provider, Callback(method="POST", body=msgspec.json.encode((report,))))
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that can happen now, requests to the sandboxes included."""
        for _ in range(20):
            await self.clock.settle()
            await asyncio.sleep(0.001)

    async def state(self, receipt: Receipt) -> State:
        """Return the state of a message now."""
        return (await self.receipt(receipt)).state

    async def receipt(self, receipt: Receipt) -> Receipt:
        """Return the receipt as it is now."""
        found = await self.router.receipt(receipt.id)
        assert found is not None
        return found

    def copies(self, receipt: Receipt) -> str:
        """Return who really took the message, in order of the names, each as often as he did."""
        return "".join(name * len(box.copies(receipt.id)) for name, box in self.boxes.items())


@asynccontextmanager
async def trio(
    clock: FakeClock,
    *,
    route: Mapping[str, Any] = MappingProxyType({}),
    policy: Mapping[str, Any] = MappingProxyType({}),
    store: MemoryStore | None = None,
    **keys: Any,
) -> AsyncIterator[Trio]:
    """Run the three."""
    boxes = {name: ScriptedSandbox(clock=clock) for name in "abc"}
    accounts = {name: account(box, plugin="outspoken", **keys) for name, box in boxes.items()}
    async with routing(accounts, clock=clock, plugins=[OUTSPOKEN], route=route, policy=policy, store=store) as rig:
        yield Trio(rig, clock, boxes)


# -- who gets the next ones --------------------------------------------------------------------------------------------


async def test_who_takes_everything_and_delivers_nothing_loses_its_traffic(clock: FakeClock):
    """A cheap provider that answers every submit with yes and loses everything silently is left for the dearer one."""
    black_hole = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(messages={Fate.STUCK: 1.0}))
    good = ScriptedSandbox(clock=clock)
    accounts = {
        "cheap": account(black_hole, tells_reports=True, prices=[price("1")]),
        "dear": account(good, tells_reports=True, prices=[price("1.5")]),
    }
    async with routing(accounts, clock=clock, policy={"strategy": "balanced"}, random=Random(1)) as rig:
        providers = []
        for place in range(150):
            providers.append((await rig.router.send(sms(place))).provider)
            await clock.advance(5.0)
        status = rig.status("cheap")

        assert Counter(providers[:10])["cheap"] >= 5
        assert Counter(providers[-50:])["dear"] >= 45
        assert status.health[Channel.SMS] < 0.5 < 0.9 < rig.status("dear").health[Channel.SMS]
        assert status.evidence[Channel.SMS] > 5


async def test_confirmations_tell_what_reports_do_not(clock: FakeClock):
    """Where recipients confirm, a provider whose deliveries nobody confirms is found out although it reports them."""
    boxes = {name: ScriptedSandbox(clock=clock) for name in ("liar", "honest")}
    accounts = {name: account(box, tells_reports=True) for name, box in boxes.items()}
    policy = {"strategy": "weighted"}
    async with routing(accounts, clock=clock, policy=policy, route={"confirms": True}, random=Random(1)) as rig:
        for place in range(120):
            receipt = await rig.router.send(sms(place))
            await clock.advance(10.0)
            if receipt.provider == "honest" and place % 3:
                assert await rig.router.confirm(receipt.id)
        await clock.advance(600.0)
        health = {name: rig.status(name).health[Channel.SMS] for name in boxes}

        confirmed = rig.told(Confirmed)
        assert not await rig.router.confirm("nobody knows it")
        assert 0 < len(confirmed) == len(rig.told(Confirmed)) == len({one.message_id for one in confirmed})
        assert health["liar"] < 0.4 < 0.8 < health["honest"]


async def test_a_confirmation_of_what_nobody_took_is_none(clock: FakeClock):
    """`confirm` says whether a provider had taken the message."""
    async with trio(clock) as three:
        for box in three.boxes.values():
            box.script(refuse(Fault.CONTENT))
        receipt = await three.send()

        assert receipt.state is State.FAILED
        assert not await three.router.confirm(receipt.id)
        assert three.rig.told(Confirmed) == []


async def test_a_report_about_the_sender_blocks_it_there(clock: FakeClock):
    """A report that the sender is not allowed blocks this sender at this provider, and the message goes to the next."""
    async with trio(clock, senders=["SHOP", "OTHER"]) as three:
        receipt = await three.send()
        await three.report("a", REJECTED, fault=Fault.SENDER)
        (rest,) = three.rig.told(Rested)
        decision = three.router.explain(sms(1))

        assert (rest.provider, rest.scope, rest.subject) == ("a", "sender", "SHOP")
        assert [(one.provider, one.why) for one in decision.excluded] == [("a", Exclusion.RESTING)]
        assert three.router.explain(sms(1, sender="OTHER")).excluded == ()
        assert three.copies(receipt) == "ab"


# -- who sends what was lost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [UNDELIVERABLE, EXPIRED, REJECTED])
async def test_what_a_provider_lost_another_sends(clock: FakeClock, state: DeliveryState):
    """The message goes on to the next provider, is on its way meanwhile, and ends as that one reports; it is told."""
    async with trio(clock) as three:
        receipt = await three.send()
        assert (receipt.state, receipt.provider) == (State.SENT, "a")
        await three.report("a", state)

        again = await three.receipt(receipt)
        assert (again.state, again.provider, three.copies(receipt)) == (State.SENT, "b", "ab")
        (resent,) = three.rig.told(Resent)
        assert (resent.message_id, resent.from_provider, resent.state) == (receipt.id, "a", state)
        assert three.rig.told(FailedOver) == []
        await three.report("b", DeliveryState.DELIVERED)
        assert await three.state(receipt) is State.DELIVERED


NOT_AGAIN = {
    "the text is at fault": {"fault": Fault.CONTENT},
    "the number is bad, certainly": {"fault": Fault.RECIPIENT, "certain": True},
}


@pytest.mark.parametrize("more", NOT_AGAIN.values(), ids=NOT_AGAIN.keys())
async def test_what_nobody_could_deliver_is_not_sent_again(clock: FakeClock, more: dict[str, Any]):
    """Where every provider would say the same, the first bad report is the end."""
    async with trio(clock) as three:
        receipt = await three.send()
        await three.report("a", UNDELIVERABLE, **more)

        assert await three.state(receipt) is State.UNDELIVERED
        assert three.copies(receipt) == "a"


async def test_never_twice(clock: FakeClock):
    """What the second provider loses as well is lost, although there is a third."""
    async with trio(clock) as three:
        receipt = await three.send()
        await three.report("a", UNDELIVERABLE)
        await three.report("b", EXPIRED)

        assert await three.state(receipt) is State.UNDELIVERED
        assert three.copies(receipt) == "ab"
        assert len(three.rig.told(Resent)) == 1


async def test_two_bad_reports_make_one_copy(clock: FakeClock):
    """A second bad report, with another state and a later time, does not send the message once more.

    Neither while the copy is still on its way to the second provider, nor after that one took it.
    """
    async with trio(clock) as three:
        three.boxes["b"].script(delay(5.0, accepted=True, endpoint=SUBMIT))
        receipt = await three.send()
        await three.report("a", UNDELIVERABLE)
        await three.report("a", EXPIRED, minute=1)
        await three.clock.advance(10.0)
        await three.report("a", REJECTED, minute=2)
        await three.clock.advance(10.0)

        assert three.copies(receipt) == "ab"
        assert len(three.rig.told(Resent)) == 1
        assert [attempt.number for attempt in (await three.receipt(receipt)).attempts] == [1, 2]


async def test_two_bad_reports_at_once_make_one_copy(clock: FakeClock):
    """Where the store takes its time, the second report finds nothing done yet, and still only one copy leaves."""
    async with trio(clock, store=Slow(clock)) as three:
        task = asyncio.create_task(three.send())
        await three.clock.advance(5.0)
        receipt = await task
        first = asyncio.create_task(three.report("a", UNDELIVERABLE))
        second = asyncio.create_task(three.report("a", EXPIRED, minute=1))
        await three.clock.advance(20.0)
        await asyncio.gather(first, second)

        assert three.copies(receipt) == "ab"
        assert len(three.rig.told(Resent)) == 1


class Slow(MemoryStore):
    """A store whose every write takes a second; what is written is seen after it."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Write late, and say so later still."""
        await self._clock.sleep(0.5)
        written = await super().apply(message_id, change, now)
        await self._clock.sleep(0.5)
        return written


async def test_no_copy_while_one_is_in_doubt(clock: FakeClock):
    """After an unknown outcome nothing is sent again, where the class prefers a loss to a duplicate."""
    async with trio(clock) as three:
        three.boxes["a"].script(hang_up(taken=True))
        receipt = await three.send()
        assert receipt.state is State.UNKNOWN
        await three.report("a", UNDELIVERABLE, reference=receipt.attempts[0].ref)

        assert await three.state(receipt) is State.UNDELIVERED
        assert three.copies(receipt) == "a"


async def test_a_code_goes_on_although_a_copy_is_in_doubt(clock: FakeClock):
    """Where a duplicate is preferred, a code that the second provider lost goes to the third."""
    async with trio(clock) as three:
        three.boxes["a"].script(hang_up(taken=True))
        receipt = await three.send(sms(message_class=MessageClass.OTP))
        assert receipt.provider == "b"
        await three.report("b", UNDELIVERABLE)

        assert three.copies(receipt) == "abc"
        again = await three.receipt(receipt)
        assert (again.provider, again.possible_duplicate) == ("c", True)


async def test_only_while_it_is_worth_something(clock: FakeClock):
    """A message whose life is over is not sent again."""
    async with trio(clock) as three:
        receipt = await three.send(sms(ttl=timedelta(seconds=30)))
        await three.clock.advance(31.0)
        await three.report("a", EXPIRED)

        assert await three.state(receipt) is State.EXPIRED
        assert three.copies(receipt) == "a"


async def test_only_while_attempts_remain(clock: FakeClock):
    """The attempts are those of the whole message: a loss renews none."""
    async with trio(clock, policy={"max_attempts": 2}) as three:
        three.boxes["a"].script(refuse(Fault.UNAVAILABLE))
        receipt = await three.send()
        assert receipt.provider == "b"
        await three.report("b", UNDELIVERABLE)

        assert await three.state(receipt) is State.UNDELIVERED
        assert three.copies(receipt) == "b"


async def test_when_nobody_takes_it_any_more(clock: FakeClock):
    """If the others refuse, the message is as the first provider reported it, and whoever waits is told."""
    async with trio(clock) as three:
        for name in "bc":
            three.boxes[name].script(refuse(Fault.LIMIT))
        receipt = await three.send()
        await three.report("a", UNDELIVERABLE)
        ended = await asyncio.wait_for(three.router.wait(receipt.id), 5)

        assert ended.state is State.UNDELIVERED
        assert [attempt.provider for attempt in ended.attempts] == ["a", "b", "c"]
        await three.report("a", EXPIRED, minute=1)
        assert three.copies(receipt) == "a"


async def test_viber_with_an_sms_in_its_place_has_that(clock: FakeClock):
    """A Viber message with a fallback is followed by its SMS, not by another Viber message; one without goes on."""
    async with trio(clock) as three:
        alone = await three.send(Viber(to=number(0), text="hello"))
        await three.report("a", UNDELIVERABLE)
        assert three.copies(alone) == "ab"

        both = await three.send(Viber(to=number(1), text="hello", fallback=Fallback()))
        await three.report("a", UNDELIVERABLE, "m2")
        again = await three.receipt(both)
        assert three.copies(both) == "a"
        assert again.fallback is not None
        assert (again.fallback.channel, again.state) == (Channel.SMS, State.SENT)


async def test_an_sms_is_not_sent_again_once_its_viber_message_arrived(clock: FakeClock):
    """The SMS in place of a Viber message is lost, but that message came late after all: one copy was read."""
    async with trio(clock) as three:
        both = await three.send(Viber(to=number(0), text="hello", fallback=Fallback()))
        await three.report("a", EXPIRED)
        sms = (await three.receipt(both)).fallback
        assert sms is not None
        await three.report("a", DeliveryState.DELIVERED, minute=1)
        await three.report("a", UNDELIVERABLE, "m2")

        assert three.copies(sms) == "a"
        assert not three.rig.told(Resent)


@pytest.mark.parametrize("how", ["delivered", "cancelled"])
async def test_an_sms_that_waits_to_be_sent_again_follows_its_viber_message(clock: FakeClock, how: str):
    """While the copy waits, the Viber message is delivered after all, or taken back: no second SMS leaves."""
    async with trio(clock) as three:
        both = await three.send(Viber(to=number(0), text="hello", fallback=Fallback()))
        await three.report("a", EXPIRED)
        sms = (await three.receipt(both)).fallback
        assert sms is not None
        three.boxes["b"].script(refuse(Fault.THROTTLED, retry_after=20.0))
        three.router.trip("c")
        await three.report("a", UNDELIVERABLE, "m2")
        assert (await three.receipt(both)).fallback == await three.receipt(sms)
        assert await three.state(sms) is State.SENDING
        if how == "delivered":
            await three.report("a", DeliveryState.DELIVERED, minute=1)
        else:
            assert await three.router.cancel(both.id)
        await three.settle()
        await three.clock.advance(60.0)

        assert await three.state(sms) is State.UNDELIVERED
        assert three.copies(sms) == "a"
        assert not await three.router.cancel(both.id)


LONG = "x" * 200


async def test_a_message_of_several_parts_is_judged_as_a_whole(clock: FakeClock):
    """One lost part is a lost message, but only when the fate of all parts is known; then all of it is sent again."""
    async with trio(clock) as three:
        receipt = await three.send(sms(text=LONG))
        await three.report("a", UNDELIVERABLE, "m1")
        assert (await three.state(receipt), three.copies(receipt)) == (State.SENT, "a")
        await three.report("a", DeliveryState.DELIVERED, "m1b")
        assert three.copies(receipt) == "ab"

        for part in ("m1", "m1b"):
            await three.report("b", DeliveryState.DELIVERED, part)
        assert await three.state(receipt) is State.DELIVERED


async def test_what_is_at_fault_is_read_from_the_part_that_was_lost(clock: FakeClock):
    """The last report may be about a part that arrived: whether another may help is said by the other one."""
    async with trio(clock) as three:
        receipt = await three.send(sms(text=LONG))
        await three.report("a", REJECTED, "m1", fault=Fault.CONTENT)
        await three.report("a", DeliveryState.DELIVERED, "m1b")

        assert await three.state(receipt) is State.REJECTED
        assert three.copies(receipt) == "a"


# -- news while it is sent again ---------------------------------------------------------------------------------------


async def test_a_late_delivery_of_the_first_copy(clock: FakeClock):
    """The first copy arrives after all: the message is delivered, and what the second copy comes to changes nothing."""
    async with trio(clock) as three:
        receipt = await three.send()
        await three.report("a", UNDELIVERABLE)
        await three.report("a", DeliveryState.DELIVERED, minute=1)
        assert await three.state(receipt) is State.DELIVERED
        await three.report("b", UNDELIVERABLE)

        assert await three.state(receipt) is State.DELIVERED
        assert three.copies(receipt) == "ab"


async def test_a_delivery_withdraws_a_copy_that_has_not_left(clock: FakeClock):
    """While the copy waits for its turn, the first one turns out to be delivered: no second one leaves."""
    async with trio(clock) as three:
        receipt = await three.send()
        three.boxes["b"].script(refuse(Fault.THROTTLED, retry_after=20.0))
        three.router.trip("c")
        await three.report("a", UNDELIVERABLE)
        assert await three.state(receipt) is State.SENDING
        await three.report("a", DeliveryState.DELIVERED, minute=1)
        ended = await asyncio.wait_for(three.router.wait(receipt.id), 5)
        await three.clock.advance(60.0)

        assert ended.state is State.DELIVERED
        assert three.copies(receipt) == "a"
        assert not await three.router.cancel(receipt.id)


async def test_a_copy_can_be_cancelled_before_it_leaves(clock: FakeClock):
    """Cancelled while the copy waits: nothing more is sent, and the message is as it was reported; for good."""
    async with trio(clock) as three:
        receipt = await three.send()
        three.boxes["b"].script(refuse(Fault.THROTTLED, retry_after=20.0))
        three.router.trip("c")
        await three.report("a", UNDELIVERABLE)
        assert await three.state(receipt) is State.SENDING
        assert await three.router.cancel(receipt.id)
        await three.settle()
        assert await three.state(receipt) is State.UNDELIVERED
        assert not await three.router.cancel(receipt.id)

        three.router.reset("c")
        await three.report("a", EXPIRED, minute=1)
        await three.clock.advance(60.0)
        assert three.copies(receipt) == "a"


@pytest.mark.parametrize("how", ["left", "cancelled"])
async def test_what_its_caller_gave_up_is_not_sent_again(clock: FakeClock, how: str):
    """Whoever stops waiting, or cancels what has left already, gets no copy later when that turns out to be lost."""
    async with trio(clock) as three:
        task = asyncio.create_task(three.router.send(sms(), until_final=True))
        await three.settle()
        (message_id,) = {event.message_id for event in three.rig.told(MessageMoved)}
        if how == "left":
            task.cancel()
            await three.settle()
        else:
            assert not await three.router.cancel(message_id)
        await three.report("a", UNDELIVERABLE)

        assert {name: len(box.copies(message_id)) for name, box in three.boxes.items()} == {"a": 1, "b": 0, "c": 0}
        receipt = await asyncio.wait_for(three.router.wait(message_id), 5)
        assert receipt.state is State.UNDELIVERED


async def test_closing_ends_what_waits_to_be_sent_again(clock: FakeClock):
    """A router that closes sends no copy any more, and the message ends as it was reported."""
    store = MemoryStore()
    async with trio(clock, store=store) as three:
        receipt = await three.send()
        three.boxes["b"].script(refuse(Fault.THROTTLED, retry_after=20.0))
        three.router.trip("c")
        await three.report("a", UNDELIVERABLE)
        assert await three.state(receipt) is State.SENDING
    record = await store.get(receipt.id)
    assert record is not None

    assert record.state is State.UNDELIVERED
    assert three.copies(receipt) == "a"
    assert await store.followed("", 10) == ()


async def test_who_waits_for_the_end_waits_for_the_copy(clock: FakeClock):
    """`until_final` and `wait` return with the last report about the copy, not with the loss of the first one."""
    async with trio(clock) as three:
        task = asyncio.create_task(three.router.send(sms(), until_final=True))
        await three.settle()
        (message_id,) = {event.message_id for event in three.rig.told(MessageMoved)}
        waiting = asyncio.create_task(three.router.wait(message_id))
        await three.report("a", UNDELIVERABLE)
        assert not task.done()
        assert not waiting.done()
        await three.report("b", DeliveryState.DELIVERED)

        for one in (task, waiting):
            receipt = await asyncio.wait_for(one, 5)
            assert (receipt.state, receipt.provider) == (State.DELIVERED, "b")


async def test_a_report_may_be_quicker_than_our_books(clock: FakeClock):
    """A loss that is reported before the answer to the submit came: the message is sent again once that is settled."""
    async with trio(clock) as three:
        three.boxes["a"].script(delay(5.0, accepted=True, endpoint=SUBMIT))
        task = asyncio.create_task(three.router.send(sms(), until_final=True))
        await three.settle()
        await three.report("a", UNDELIVERABLE)
        assert not three.boxes["b"].ledger.messages
        await three.clock.advance(10.0)
        await three.settle()
        await three.report("b", DeliveryState.DELIVERED)
        receipt = await asyncio.wait_for(task, 5)

        assert receipt.state is State.DELIVERED
        assert [attempt.provider for attempt in receipt.attempts] == ["a", "b"]
        assert three.copies(receipt) == "ab"


async def test_a_report_while_another_attempt_is_in_flight(clock: FakeClock):
    """A code in doubt is with the second provider when the first one reports its loss: that makes no third copy."""
    async with trio(clock) as three:
        three.boxes["a"].script(hang_up(taken=True))
        three.boxes["b"].script(delay(5.0, accepted=True, endpoint=SUBMIT))
        task = asyncio.create_task(three.send(sms(message_class=MessageClass.OTP)))
        await three.settle()
        first = three.boxes["a"].ledger.messages[0]
        assert len(three.boxes["b"].seen) == 1
        await three.report("a", UNDELIVERABLE, first.id, reference=first.reference)
        await three.clock.advance(10.0)
        receipt = await task
        await three.settle()

        assert three.copies(receipt) == "ab"
        assert [attempt.number for attempt in (await three.receipt(receipt)).attempts] == [1, 2]
        assert await three.state(receipt) is State.SENT


class Broken(MemoryStore):
    """A store that fails with everything that comes after a resumption."""

    broken = False

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Fail, once somebody was told to send again."""
        if self.broken:
            raise OSError("the disk is full")
        self.broken = isinstance(change, Note) and change.again
        return await super().apply(message_id, change, now)


async def test_what_cannot_be_written_down_is_not_sent_again(clock: FakeClock):
    """If the start of the copy cannot be recorded, it does not leave, and whoever waits gets the error."""
    async with trio(clock, store=Broken()) as three:
        receipt = await three.send()
        await three.report("a", UNDELIVERABLE)

        assert three.copies(receipt) == "a"
        assert len(three.rig.told(Resent)) == 1


async def test_a_resent_message_proves_nothing(clock: FakeClock):
    """What was lost elsewhere may be impossible to deliver: its second loss counts against nobody."""
    async with trio(clock) as three:
        for place in range(15):
            await three.send(sms(place))
            await three.clock.advance(1.0)
            await three.report("a", UNDELIVERABLE, f"m{place + 1}")
            await three.report("b", UNDELIVERABLE, f"m{place + 1}")
        healthy = {name: three.rig.status(name).health[Channel.SMS] for name in "ab"}

        assert healthy["a"] < 0.5 < healthy["b"]


async def test_orders_of_a_normal_life_are_as_before(clock: FakeClock):
    """A message that arrives is sent once, and nobody is told of anything sent again."""
    async with trio(clock) as three:
        three.boxes["a"].script(normal())
        receipt = await three.send(Sms(to=number(0), text="hello"))
        await three.report("a", DeliveryState.SENT)
        await three.report("a", DeliveryState.DELIVERED, minute=1)
        await three.report("a", UNDELIVERABLE, minute=2)

        assert await three.state(receipt) is State.DELIVERED
        assert three.copies(receipt) == "a"
        assert three.rig.told(Resent) == []
