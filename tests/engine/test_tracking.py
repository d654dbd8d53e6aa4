"""Reports by asking: when a provider is asked, what its answers add up to, and who is told."""

import asyncio
from itertools import permutations

import msgspec
import pytest

from pointsman.events import CallOutcome, MessageMoved, Operation, Reported
from pointsman.message import Fallback, FallbackBy, Viber
from pointsman.outcome import DeliveryState, Fault, State
from pointsman.plugin import Callback
from pointsman.sandbox import DeliveryPlan, Fate
from pointsman.testing import FakeClock, ScriptedSandbox, answer_status, hang_up, refuse
from pointsman.testing.wire import Answer, News
from pointsman_devino.sandbox import DevinoSandbox

from .rig import Rig, accepted, account, devino, finish, number, routing, sending, sms

POLL = Operation.POLL


def polls(box: ScriptedSandbox) -> list[float]:
    """When the provider was asked, in seconds after the first request of all."""
    return [round(seen.at - box.seen[0].at, 3) for seen in box.seen if seen.operation is POLL]


async def report(rig: Rig, *news: News) -> None:
    """Let provider `a` call back."""
    await rig.router.callback("a", Callback(method="POST", body=msgspec.json.encode(Answer(reports=news))))


# -- when to ask -------------------------------------------------------------------------------------------------------


async def test_a_provider_is_asked_less_and_less_often(clock: FakeClock):
    """Reports are asked for 5, 15, 35 and 75 seconds after the message was taken, and no more once one is final."""
    box = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(seconds_to_final=60.0))
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await clock.advance(3600)
        assert polls(box) == [5.0, 15.0, 35.0, 75.0]
        assert (await rig.router.wait(receipt.id)).state is State.DELIVERED


async def test_the_configuration_sets_the_pace_of_asking(clock: FakeClock):
    """`poll` in the provider's table says when to ask first, how fast the pauses grow, and the longest of them."""
    box = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(seconds_to_final=11.0))
    keys = {"tells_reports": True, "poll": {"first": "1s", "factor": 3.0, "longest": "4s"}}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        await rig.router.send(sms())
        await clock.advance(3600)
        assert polls(box) == [1.0, 4.0, 8.0, 12.0]


async def test_asking_never_ends_before_its_time(clock: FakeClock):
    """A message is asked about until it is given up, however many pauses that takes and however fast they grow."""
    box = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(messages={Fate.STUCK: 1.0}))
    poll = {"first": "1s", "factor": 1e30, "longest": "10s", "give_up": "10m"}
    async with routing({"a": account(box, tells_reports=True, poll=poll)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await clock.advance(600)
        assert len(polls(box)) == 61
        assert (await rig.router.wait(receipt.id)).state is State.UNKNOWN


async def test_messages_that_are_due_together_are_asked_about_together(clock: FakeClock, box: ScriptedSandbox):
    """Where the provider takes several ids, one question holds as many as it allows."""
    async with routing({"a": account(box, bulk=25, tells_reports=True, poll_bulk=10)}, clock=clock) as rig:
        receipts = await finish(
            clock, [asyncio.create_task(rig.router.send(sms(place), until_final=True)) for place in range(25)]
        )
        assert {receipt.state for receipt in receipts} == {State.DELIVERED}
        assert [len(call.message_ids) for call in rig.calls(POLL)] == [10, 10, 5]


async def test_equal_messages_that_share_an_id_are_asked_about_once(clock: FakeClock, box: ScriptedSandbox):
    """One question serves all messages that travelled as one, and all of them learn the answer."""
    keys = {"bulk": 5, "one_per_recipient": True, "tells_reports": True}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(), sms(), sms()])
        await clock.advance(3600)
        assert len(polls(box)) == 1
        ends = [await rig.router.wait(receipt.id) for receipt in receipts]
        assert [end.state for end in ends] == [State.DELIVERED] * 3


QUESTIONS_THAT_FAIL = {
    "refused": refuse(Fault.UNAVAILABLE, on=POLL),
    "our fault": refuse(Fault.REQUEST, on=POLL),
    "no answer": hang_up(taken=False, on=POLL),
    "a proxy's answer": answer_status(502, on=POLL),
}


@pytest.mark.parametrize("step", QUESTIONS_THAT_FAIL.values(), ids=QUESTIONS_THAT_FAIL)
async def test_a_question_that_fails_is_asked_again(clock: FakeClock, box: ScriptedSandbox, step):
    """No failure of a poll ends the asking, and none of them says anything about the message."""
    box.script(step)
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await clock.advance(5)
        assert [call.outcome is not CallOutcome.ANSWERED for call in rig.calls(POLL)] == [True]
        assert (await rig.router.receipt(receipt.id)).state is State.SENT
        await clock.advance(10)
        assert (await rig.router.wait(receipt.id)).state is State.DELIVERED


async def test_every_part_is_asked_about(clock: FakeClock):
    """Where each segment has an id of its own, the message is delivered when all of them are."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        receipt = await rig.router.send(sms(text="x" * 400))
        asked = accepted(receipt).ids
        assert len(asked) == 3
        await clock.advance(60)
        states = [request for request in box.ledger.requests if request.endpoint == "Sms/State"]
        assert {value for one in states for name, value in one.params if name == "messageId"} == set(asked)
        assert (await rig.router.wait(receipt.id)).state is State.DELIVERED
        assert len(rig.told(Reported)) == 3


# -- what it adds up to ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (("queued", "sent", "delivered"), State.DELIVERED),
        (("sent", "undeliverable", "delivered"), State.DELIVERED),
        (("unknown", "sent", "expired"), State.EXPIRED),
        (("queued", "rejected", "sent"), State.REJECTED),
        (("queued", "sent", "unknown"), State.SENT),
    ],
)
async def test_reports_give_one_state_in_every_order(
    clock: FakeClock, box: ScriptedSandbox, told: tuple[str, ...], expected: State
):
    """The same reports lead to the same state whatever their order, and however often each of them comes."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        for order in permutations(told):
            receipt = await rig.router.send(sms())
            provider_id = accepted(receipt).ids[0]
            for state in (*order, *reversed(order)):
                await report(rig, News(id=provider_id, state=DeliveryState(state)))
            assert (await rig.router.receipt(receipt.id)).state is expected


@pytest.mark.trap("D31")
async def test_a_state_never_goes_back(clock: FakeClock, box: ScriptedSandbox):
    """After the delivery, reports from before it move nothing and are not told."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        provider_id = accepted(receipt).ids[0]
        await report(rig, News(id=provider_id, state=DeliveryState.DELIVERED, final=True))
        before = len(rig.events)
        for state in (DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.DELIVERED):
            await report(rig, News(id=provider_id, state=state, final=state is DeliveryState.DELIVERED))
        assert rig.events[before:] == []


async def test_the_worst_part_decides(clock: FakeClock):
    """A message of which one segment did not arrive was not delivered."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        whole = await rig.router.send(sms(1, "x" * 200))
        broken = await rig.router.send(sms(2, "x" * 200))
        box.states[number(2)] = 41
        await clock.advance(60)
        states = [(await rig.router.wait(receipt.id)).state for receipt in (whole, broken)]
        assert states == [State.DELIVERED, State.UNDELIVERED]


# -- giving up ---------------------------------------------------------------------------------------------------------


async def test_a_message_without_a_final_report_ends_as_unknown(clock: FakeClock):
    """After `give_up` a message about which nothing final came is unknown, and nobody is asked any more."""
    box = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(messages={Fate.STUCK: 1.0}))
    async with routing({"a": account(box, tells_reports=True, poll={"give_up": "60s"})}, clock=clock) as rig:
        (receipt,) = await finish(clock, [asyncio.create_task(rig.router.send(sms(), until_final=True))])
        assert (receipt.state, receipt.updated_at - receipt.accepted_at) == (State.UNKNOWN, 60.0)
        asked = len(polls(box))
        await clock.advance(3600)
        assert len(polls(box)) == asked


async def test_a_report_may_still_tell_after_giving_up(clock: FakeClock):
    """A delivery that is reported after the message was given up makes it delivered."""
    box = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(messages={Fate.STUCK: 1.0}))
    async with routing({"a": account(box, tells_reports=True, poll={"give_up": "60s"})}, clock=clock) as rig:
        (receipt,) = await finish(clock, [asyncio.create_task(rig.router.send(sms(), until_final=True))])
        await report(rig, News(id=accepted(receipt).ids[0], state=DeliveryState.DELIVERED, final=True))
        assert (await rig.router.receipt(receipt.id)).state is State.DELIVERED


async def test_where_nobody_can_be_asked_a_message_is_given_up_after_two_days(clock: FakeClock, box: ScriptedSandbox):
    """A provider that neither can be asked nor calls back leaves its messages unknown after 48 hours."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await clock.advance(48 * 3600 - 1)
        assert (await rig.router.receipt(receipt.id)).state is State.SENT
        await clock.advance(1)
        assert (await rig.router.wait(receipt.id)).state is State.UNKNOWN


# -- waiting -----------------------------------------------------------------------------------------------------------


async def test_send_can_wait_for_the_last_report(clock: FakeClock, box: ScriptedSandbox):
    """`send` returns when a provider took the message, with `until_final` when its last report came."""
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        first, last = await finish(
            clock,
            [
                *sending(rig, sms(1)),
                asyncio.create_task(rig.router.send(sms(2), until_final=True)),
            ],
        )
        assert (first.state, last.state) == (State.SENT, State.DELIVERED)


async def test_many_may_wait_for_one_message(clock: FakeClock, box: ScriptedSandbox):
    """All who wait for a message are told its last state, and who asks later is told at once."""
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        ends = await finish(clock, [asyncio.create_task(rig.router.wait(receipt.id)) for _ in range(5)])
        assert [end.state for end in ends] == [State.DELIVERED] * 5
        now = clock.monotonic()
        assert await rig.router.wait(receipt.id) == ends[0]
        assert clock.monotonic() == now


async def test_one_who_stops_waiting_leaves_the_others_waiting(clock: FakeClock, box: ScriptedSandbox):
    """Cancelling one of two waits neither ends the other one nor the message."""
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        one, other = (asyncio.create_task(rig.router.wait(receipt.id)) for _ in range(2))
        await clock.settle()
        one.cancel()
        (end,) = await finish(clock, [other])
        assert (one.cancelled(), end.state) == (True, State.DELIVERED)


async def test_waiting_for_a_stranger_is_an_error(clock: FakeClock, box: ScriptedSandbox):
    """There is no waiting for a message that nobody sent: `wait` raises `KeyError`, `receipt` gives None."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        with pytest.raises(KeyError):
            await rig.router.wait("0" * 28)
        assert await rig.router.receipt("0" * 28) is None


async def test_the_way_of_a_message_is_told_in_order(clock: FakeClock, box: ScriptedSandbox):
    """The states of a message are told one after the other, each beginning where the last one ended."""
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        await finish(clock, [asyncio.create_task(rig.router.send(sms(), until_final=True))])
        moves = [(move.before, move.after) for move in rig.told(MessageMoved)]
        assert moves == [
            (State.ACCEPTED, State.SENDING),
            (State.SENDING, State.SENT),
            (State.SENT, State.DELIVERED),
        ]
        assert [(told.state, told.final) for told in rig.told(Reported)] == [(DeliveryState.DELIVERED, True)]


@pytest.mark.parametrize(
    ("fallback", "ends"),
    [(None, State.UNDELIVERED), (Fallback(by=FallbackBy.PROVIDER), State.SENT)],
    ids=["nobody sends an SMS", "the provider sends an SMS"],
)
async def test_a_viber_message_is_not_over_while_the_provider_may_send_an_sms(
    clock: FakeClock, fallback: Fallback | None, ends: State
):
    """A provider that sends the SMS itself is asked on after the Viber message failed: the SMS may still arrive."""
    box = DevinoSandbox(clock=clock)
    box.viber_states[number(0)] = 4
    box.states[number(0)] = -1
    async with routing({"devino": devino(box, viber=True)}, clock=clock) as rig:
        receipt = await rig.router.send(Viber(number(0), "text", fallback=fallback))
        await clock.advance(3600)
        assert (await rig.router.receipt(receipt.id)).state is ends
