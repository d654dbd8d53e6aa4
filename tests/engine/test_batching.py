"""Batches: what waits together travels together, without delay, and everybody gets back what is theirs."""

import asyncio
import gc
import math
import weakref

import pytest

from pointsman.engine.queue import Queue, Ticket, Withdrawn
from pointsman.events import Operation, Spent
from pointsman.message import MessageClass, Network
from pointsman.outcome import Accepted, Fault, Refused, SettledBy, State
from pointsman.plugin import ChannelLimits, Submission
from pointsman.sandbox import delay
from pointsman.testing import FakeClock, Refusal, ScriptedSandbox, hang_up, refuse
from pointsman.text import count_segments, parse_msisdn
from pointsman_devino.sandbox import DevinoSandbox

from .rig import Rig, accepted, account, devino, finish, lookup, number, price, routing, sending, sms

SUBMIT = Operation.SUBMIT


def sizes(box: ScriptedSandbox) -> list[int]:
    """How many messages each submit held, oldest first."""
    return [len(seen.refs) for seen in box.seen if seen.operation is SUBMIT]


def recipients(box: ScriptedSandbox) -> list[str]:
    """Numbers of the messages that were taken, in the order in which they were taken."""
    return [message.to for message in box.ledger.messages]


async def occupied(rig: Rig, clock: FakeClock, box: ScriptedSandbox) -> asyncio.Task[object]:
    """Let a first message hold the provider's only slot for five seconds."""
    box.script(delay(5.0, endpoint=SUBMIT))
    (first,) = sending(rig, sms(9999))
    await clock.settle()
    assert box.busy()
    return first


# -- together, and without delay ---------------------------------------------------------------------------------------


async def test_messages_that_wait_together_travel_in_one_request(clock: FakeClock, box: ScriptedSandbox):
    """What gathers while the provider is busy goes out in one request as soon as it is free."""
    async with routing({"a": account(box, bulk=50, max_in_flight=1)}, clock=clock) as rig:
        first = await occupied(rig, clock, box)
        tasks = sending(rig, *map(sms, range(20)))
        await finish(clock, [first, *tasks])
        assert sizes(box) == [1, 20]


async def test_messages_of_one_moment_travel_in_one_request(clock: FakeClock, box: ScriptedSandbox):
    """Messages that are sent in one go to an idle provider share a request as well."""
    async with routing({"a": account(box, bulk=50)}, clock=clock) as rig:
        await rig.router.send_many([sms(place) for place in range(20)])
        assert sizes(box) == [20]


async def test_an_idle_provider_adds_no_delay(clock: FakeClock, box: ScriptedSandbox):
    """A message to an idle provider is sent and answered while the clock stands still: nobody waits for company."""
    async with routing({"a": account(box, bulk=50, max_rate=1)}, clock=clock) as rig:
        started = clock.monotonic()
        assert (await rig.router.send(sms())).state is State.SENT
        assert clock.monotonic() == started


async def test_messages_with_different_keys_do_not_travel_together(clock: FakeClock):
    """Two texts to many numbers make two requests where the provider takes one text for many numbers."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        await rig.router.send_many([sms(place, f"text {place % 2}") for place in range(10)])
        assert box.ledger.calls["Sms/SendBulk"] == 2
        assert {
            len({message.text for message in box.ledger.messages if message.request_number == request.number})
            for request in box.ledger.requests
            if request.endpoint == "Sms/SendBulk"
        } == {1}


async def test_the_order_of_sending_is_the_order_in_the_request(clock: FakeClock, box: ScriptedSandbox):
    """Messages of one class leave in the order in which they were sent."""
    async with routing({"a": account(box, bulk=7, max_in_flight=1)}, clock=clock) as rig:
        first = await occupied(rig, clock, box)
        tasks = sending(rig, *map(sms, range(20)))
        await finish(clock, [first, *tasks])
        assert recipients(box) == [number(9999), *map(number, range(20))]


async def test_urgent_messages_leave_first(clock: FakeClock, box: ScriptedSandbox):
    """When both wait, a one-time password leaves before marketing that was sent earlier."""
    async with routing({"a": account(box, max_in_flight=1)}, clock=clock) as rig:
        first = await occupied(rig, clock, box)
        classes = (MessageClass.MARKETING, MessageClass.TRANSACTIONAL, MessageClass.OTP)
        tasks = sending(rig, *(sms(place, message_class=one) for place, one in enumerate(classes)))
        await finish(clock, [first, *tasks])
        assert recipients(box) == [number(place) for place in (9999, 2, 1, 0)]


async def test_an_urgent_message_takes_less_urgent_ones_along(clock: FakeClock, box: ScriptedSandbox):
    """A one-time password heads the request, and the rest of its room is for those who waited longest."""
    async with routing({"a": account(box, bulk=3, max_in_flight=1)}, clock=clock) as rig:
        first = await occupied(rig, clock, box)
        patient = [sms(place, message_class=MessageClass.MARKETING) for place in range(4)]
        tasks = sending(rig, *patient, sms(4, message_class=MessageClass.OTP))
        await finish(clock, [first, *tasks])
        assert recipients(box) == [number(place) for place in (9999, 4, 0, 1, 2, 3)]


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"bulk": 10, "batch": 3}, [1, 3, 3, 1]),
        ({"bulk": 3, "batch": 10}, [1, 3, 3, 1]),
        ({"bulk": 10, "batch": 1}, [1] * 8),
        ({"bulk": 1}, [1] * 8),
    ],
)
async def test_the_smaller_of_two_limits_holds(
    clock: FakeClock, box: ScriptedSandbox, keys: dict[str, int], expected: list[int]
):
    """A request holds at most what the plugin can put into it, and at most what the configuration wants in it."""
    async with routing({"a": account(box, max_in_flight=1, **keys)}, clock=clock) as rig:
        first = await occupied(rig, clock, box)
        tasks = sending(rig, *map(sms, range(7)))
        await finish(clock, [first, *tasks])
        assert sizes(box) == expected


@pytest.mark.trap("H03")
async def test_a_lookup_more_than_the_limit_travels_in_a_second_request(clock: FakeClock):
    """201 lookups make a request of 200 and one of 1: Devino takes 200 numbers at once."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *map(lookup, range(201))))
        assert {State.RESOLVED} == {receipt.state for receipt in receipts}
        submits = [request for request in box.ledger.requests if request.endpoint == "Hlr/SendBulk"]
        assert [sum(name == "DestinationAddresses" for name, _ in one.params) for one in submits] == [200, 1]


# -- everybody gets what is theirs -------------------------------------------------------------------------------------


@pytest.mark.trap("D21")
async def test_ids_come_back_to_their_messages(clock: FakeClock):
    """From the flat list of a bulk of messages of two segments, each message gets its own two ids."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(place, "x" * 200) for place in range(5)])
        assert box.ledger.calls["Sms/SendBulk"] == 1
        assert {message.to: message.ids for message in box.ledger.messages} == {
            receipt.to: accepted(receipt).ids for receipt in receipts
        }
        assert {2} == {len(accepted(receipt).ids) for receipt in receipts}


@pytest.mark.trap("D41")
async def test_equal_messages_to_one_number_share_a_place(clock: FakeClock, box: ScriptedSandbox):
    """[A, B, A] travels as [A, B]; both who sent A get its ids, and it is paid for once."""
    keys = {"bulk": 10, "one_per_recipient": True, "max_in_flight": 1, "prices": [price("0.50")]}
    async with routing({"a": account(box, opening_balance="100", **keys)}, clock=clock) as rig:
        first = await occupied(rig, clock, box)
        tasks = sending(rig, sms(1), sms(2), sms(1))
        _, one, two, again = await finish(clock, [first, *tasks])
        assert recipients(box) == [number(9999), number(1), number(2)]
        assert accepted(one).ids == accepted(again).ids != accepted(two).ids
        assert [str(one.attempts[0].price), again.attempts[0].price] == ["0.50 EUR", None]
        assert len(rig.told(Spent)) == 3
        assert str(rig.available("a")) == "98.50"


async def test_a_shared_place_in_doubt_is_paid_for_once(clock: FakeClock, box: ScriptedSandbox):
    """When a request without an answer turns out to have been taken, one of those who shared a place pays for both."""
    keys = {"bulk": 10, "one_per_recipient": True, "max_in_flight": 1, "reconcile": "query", "prices": [price("0.50")]}
    async with routing({"a": account(box, opening_balance="100", **keys)}, clock=clock) as rig:
        first = await occupied(rig, clock, box)
        box.script(hang_up(taken=True))
        _, one, again = await finish(clock, [first, *sending(rig, sms(1), sms(1))])
        assert recipients(box) == [number(9999), number(1)]
        assert {SettledBy.RECONCILED} == {receipt.attempts[0].settled_by for receipt in (one, again)}
        assert [str(one.attempts[0].price), again.attempts[0].price] == ["0.50 EUR", None]
        assert str(rig.available("a")) == "99.00"


async def test_equal_messages_go_out_separately_where_the_provider_allows_it(clock: FakeClock, box: ScriptedSandbox):
    """Without the rule of one message for a recipient, equal messages are sent as often as they were asked for."""
    async with routing({"a": account(box, bulk=10)}, clock=clock) as rig:
        await rig.router.send_many([sms(1), sms(2), sms(1)])
        assert recipients(box) == [number(1), number(2), number(1)]


async def test_those_who_share_a_place_do_not_count_against_the_limit(clock: FakeClock, box: ScriptedSandbox):
    """Ten messages to five numbers fit into a request of five places."""
    async with routing({"a": account(box, bulk=5, one_per_recipient=True)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(place // 2) for place in range(10)])
        assert sizes(box) == [5]
        assert {State.SENT} == {receipt.state for receipt in receipts}


# -- refusals ----------------------------------------------------------------------------------------------------------


async def test_a_partly_refused_request_refuses_only_the_culprits(clock: FakeClock, box: ScriptedSandbox):
    """Where the answer names the bad numbers, the others are accepted by the same request."""
    box.numbers = {number(2): Refusal(), number(5): Refusal(fault=Fault.CONTENT)}
    async with routing({"a": account(box, bulk=8)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(8)])
        refused = {receipt.to: receipt.reason.fault for receipt in receipts if receipt.reason is not None}
        assert refused == {number(2): Fault.RECIPIENT, number(5): Fault.CONTENT}
        assert sizes(box) == [8]


@pytest.mark.trap("D39")
@pytest.mark.parametrize("culprit", range(8))
async def test_one_bad_number_is_found_by_halving(clock: FakeClock, box: ScriptedSandbox, culprit: int):
    """Of eight messages with one bad number, which the answer does not name, seven are accepted within seven calls."""
    box.numbers, box.names_culprits = {number(culprit): Refusal()}, False
    async with routing({"a": account(box, bulk=8)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(8)])
        bad = receipts.pop(culprit)
        assert (bad.state, bad.reason and bad.reason.fault) == (State.FAILED, Fault.RECIPIENT)
        assert {State.SENT} == {receipt.state for receipt in receipts}
        assert len(sizes(box)) <= 1 + 2 * math.log2(8)
        assert box.ledger.duplicates() == []


@pytest.mark.trap("D39")
async def test_a_bad_number_at_devino_costs_only_itself(clock: FakeClock):
    """Devino refuses a whole bulk for one bad number without naming it; the other seven get through."""
    box = DevinoSandbox(clock=clock)
    box.invalid_numbers.add(number(3))
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(8)])
        states = [State.FAILED if place == 3 else State.SENT for place in range(8)]
        assert states == [receipt.state for receipt in receipts]
        assert receipts[3].reason is not None
        assert receipts[3].reason.fault is Fault.RECIPIENT
        calls = [request for request in box.ledger.requests if request.endpoint.startswith("Sms/Send")]
        assert len(calls) <= 1 + 2 * math.log2(8)
        assert rig.status("devino").taken["sms"] == 1.0


async def test_a_refusal_that_concerns_everybody_is_not_halved(clock: FakeClock, box: ScriptedSandbox):
    """When the provider refuses the account, all messages of the request share the one refusal."""
    box.script(refuse(Fault.FORBIDDEN))
    async with routing({"a": account(box, bulk=8)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(8)])
        assert {Fault.FORBIDDEN} == {receipt.reason.fault for receipt in receipts if receipt.reason}
        assert sizes(box) == [8]


async def test_a_request_that_is_too_large_is_halved(clock: FakeClock, box: ScriptedSandbox):
    """The answer "too many" for the whole request is answered with smaller requests."""
    box.script(refuse(Fault.LIMIT))
    async with routing({"a": account(box, bulk=8)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(8)])
        assert {State.SENT} == {receipt.state for receipt in receipts}
        assert sizes(box) == [8, 4, 4]


async def test_every_call_in_which_a_message_travelled_is_counted(clock: FakeClock, box: ScriptedSandbox):
    """An attempt counts the calls of its own way through the halves, the refused ones included."""
    box.numbers, box.names_culprits = {number(0): Refusal()}, False
    async with routing({"a": account(box, bulk=4)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(4)])
        assert [receipt.attempts[0].calls for receipt in receipts] == [3, 3, 2, 2]
        kinds = [type(receipt.attempts[0].outcome) for receipt in receipts]
        assert kinds == [Refused, Accepted, Accepted, Accepted]


# -- the queue itself --------------------------------------------------------------------------------------------------


async def test_a_queue_forgets_those_who_left():
    """A message that was given up while it waited is not kept by the queue, whatever key it had."""
    queue = Queue()
    kept = [put(queue, place, wanted=place % 10 == 0) for place in range(100)]
    taken = []
    while (load := queue.take(None, math.inf)) is not None:
        taken += [ticket.message_id for ticket in load.tickets()]
    assert sorted(taken) == sorted(f"m{place}" for place in range(0, 100, 10))
    assert len(queue) == 0
    gc.collect()
    assert sum(passage() is not None for passage in kept) == 0


def put(queue: Queue, place: int, *, wanted: bool) -> "weakref.ref[object]":
    """Queue a message, one of five with its key; return a trace of it."""
    message = sms(place)
    to = parse_msisdn(message.to)
    ticket = Ticket(
        submission=Submission(
            ref=f"r{place}",
            message=message,
            to=to,
            network=Network(),
            segments=count_segments(message.text),
            sender=None,
            ttl=None,
        ),
        message_id=f"m{place}",
        provider="a",
        account="",
        number=1,
        decision_id="",
        urgency=1,
        parts=1,
        price=None,
        limits=ChannelLimits(batch=10),
        deadline=math.inf,
        still_wanted=lambda: None if wanted else Withdrawn.CANCELLED,
        passage=asyncio.get_running_loop().create_future(),
    )
    queue.put(ticket, key=f"key {place % 20}")
    return weakref.ref(ticket.passage)
