"""Orders of clients: taken all or none, written down in one go, sent by and by."""

import asyncio
from collections.abc import Sequence

import pytest

from pointsman.engine.orders import Order
from pointsman.errors import Busy, Denied, InvalidMessages, KeyReused, StoreUnavailable
from pointsman.message import Envelope, MessageClass, Viber
from pointsman.outcome import State
from pointsman.store import MemoryStore
from pointsman.store.interface import Claim, Taken
from pointsman.testing import FakeClock, ScriptedSandbox

from .rig import account, number, routing, sms

OTP, MARKETING = MessageClass.OTP, MessageClass.MARKETING


class Gate:
    """A screen that counts what it let in, and lets nothing in when it is shut."""

    def __init__(self) -> None:
        self.counted = 0
        self.shut = False
        self.seen: list[Envelope] = []

    def admit(self, client: str, envelopes: Sequence[Envelope]) -> "Ticket":
        """Count an order."""
        self.seen += envelopes
        if self.shut:
            raise Denied("country", f"{client} may not")
        self.counted += len(envelopes)
        return Ticket(self, len(envelopes))


class Ticket:
    """What was counted."""

    def __init__(self, gate: Gate, count: int) -> None:
        self.gate, self.count = gate, count

    def take_back(self) -> None:
        """Count nothing after all."""
        self.gate.counted -= self.count


def orders(count: int, **fields: object) -> list[Order]:
    """Return orders to different numbers."""
    return [Order(sms(place, **fields)) for place in range(count)]


async def test_an_order_is_taken_and_sent(clock: FakeClock, box: ScriptedSandbox):
    """Receipts say at once whose the messages are; then they are sent, and found by the client's own reference."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        taken = await rig.router.submit_many([Order(sms(reference="r1"))], client="shop")
        assert [(one.client, one.state) for one in taken.receipts] == [("shop", State.ACCEPTED)]
        await clock.settle()
        (found,) = await rig.router.referred("shop", "r1")
        assert (found.id, found.state) == (taken.receipts[0].id, State.SENT)
        assert await rig.router.referred("other", "r1") == ()


async def test_nothing_is_taken_if_one_message_is_wrong(clock: FakeClock, box: ScriptedSandbox):
    """Every problem is told with its place, nobody is asked whether the client may, and nothing is sent."""
    gate = Gate()
    async with routing({"a": account(box)}, clock=clock) as rig:
        with pytest.raises(InvalidMessages) as caught:
            await rig.router.submit_many([*orders(2), Order(sms(text=" "))], client="shop", screen=gate)
        assert [place for place, _ in caught.value.problems] == [2]
        await clock.settle()
    assert (box.seen, gate.seen) == ((), [])


async def test_a_channel_that_nobody_has_is_named_at_once(clock: FakeClock, box: ScriptedSandbox):
    """An order for a channel that no configured provider has is not taken; one that is out of use has its channel."""
    viber = Viber(to=number(0), text="hello")
    async with routing({"a": account(box, channels=["sms"])}, clock=clock) as rig:
        rig.router.trip("a")
        with pytest.raises(InvalidMessages) as caught:
            await rig.router.submit_many([*orders(1), Order(viber)], client="shop")
        assert [(place, problem.field) for place, problem in caught.value.problems] == [(1, "channel")]
        assert (await rig.router.submit_many(orders(1), client="shop")).receipts[0].state is State.ACCEPTED


async def test_a_client_that_may_not_gets_nothing_taken(clock: FakeClock, box: ScriptedSandbox):
    """What the screen denies is neither written down nor sent."""
    gate = Gate()
    gate.shut = True
    async with routing({"a": account(box)}, clock=clock) as rig:
        with pytest.raises(Denied):
            await rig.router.submit_many(orders(2), client="shop", screen=gate)
        await clock.settle()
    assert box.seen == ()


async def test_a_repeat_brings_the_same_messages_and_counts_nothing(clock: FakeClock, box: ScriptedSandbox):
    """The same key brings the same receipts once and again, also when a hundred come together; another request not."""
    gate, claim = Gate(), Claim("shop", "k", b"1")
    async with routing({"a": account(box)}, clock=clock) as rig:
        many = [rig.router.submit_many(orders(3), client="shop", claim=claim, screen=gate) for _ in range(100)]
        results = await asyncio.gather(*many)
        assert len({tuple(one.id for one in result.receipts) for result in results}) == 1
        assert sum(not result.repeated for result in results) == 1
        await clock.settle()
        with pytest.raises(KeyReused):
            await rig.router.submit_many(orders(3), client="shop", claim=Claim("shop", "k", b"2"), screen=gate)
    assert (gate.counted, len(box.seen)) == (3, 3)


async def test_a_repeat_is_answered_whatever_holds_by_now(clock: FakeClock, box: ScriptedSandbox):
    """What was acknowledged stays so for its key, although the client may not any more, or too much waits by now."""
    gate, claim = Gate(), Claim("shop", "k", b"1")
    sections = {"router": {"max_waiting": 3}}
    async with routing({"a": account(box)}, clock=clock, sections=sections) as rig:
        first = await rig.router.submit_many(orders(3), client="shop", claim=claim, screen=gate)
        full = await rig.router.submit_many(orders(3), client="shop", claim=claim, screen=gate)
        with pytest.raises(Busy):
            await rig.router.submit_many(orders(3), client="shop", claim=Claim("shop", "k2", b"1"), screen=gate)
        await clock.settle()
        gate.shut = True
        denied = await rig.router.submit_many(orders(3), client="shop", claim=claim, screen=gate)
        with pytest.raises(Denied):
            await rig.router.submit_many(orders(3), client="shop", claim=Claim("shop", "k2", b"1"), screen=gate)
        with pytest.raises(KeyReused):
            await rig.router.submit_many(orders(3), client="shop", claim=Claim("shop", "k", b"2"), screen=gate)
    assert (full.repeated, denied.repeated) == (True, True)
    ids = [[one.id for one in each.receipts] for each in (first, full, denied)]
    assert ids[0] == ids[1] == ids[2]
    assert (gate.counted, len(box.seen)) == (3, 3)


class Full(MemoryStore):
    """A store on a disk that is full."""

    full = False

    async def accept(self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True) -> Taken:
        """Record messages, if there is room."""
        if self.full:
            raise StoreUnavailable("disk", "is full")
        return await super().accept(envelopes, claim=claim, mine=mine)


async def test_what_cannot_be_written_down_is_not_counted(clock: FakeClock, box: ScriptedSandbox):
    """The caller is told, nothing is sent, and the quota is as it was; when the disk has room again all works."""
    gate, store = Gate(), Full()
    async with routing({"a": account(box)}, clock=clock, store=store) as rig:
        store.full = True
        with pytest.raises(StoreUnavailable):
            await rig.router.submit_many(orders(2), client="shop", screen=gate)
        await clock.settle()
        assert (gate.counted, box.seen, rig.router._serving.under_way.total()) == (0, (), 0)
        store.full = False
        await rig.router.submit_many(orders(2), client="shop", screen=gate)
        await clock.settle()
    assert (gate.counted, len(box.seen)) == (2, 2)


async def test_too_much_is_not_taken(clock: FakeClock, box: ScriptedSandbox):
    """Above `max_waiting` nothing is taken, and the client hears when to come again; later there is room."""
    sections = {"router": {"max_waiting": 10, "max_in_flight": 2}}
    async with routing({"a": account(box, max_rate=1)}, clock=clock, sections=sections) as rig:
        await rig.router.submit_many(orders(8), client="shop")
        with pytest.raises(Busy) as caught:
            await rig.router.submit_many(orders(3), client="shop")
        assert caught.value.retry_after > 0
        await clock.advance(5)
        await rig.router.submit_many(orders(3), client="shop")
        await clock.advance(60)
    assert len(box.seen) == 11


async def test_a_caller_who_leaves_does_not_stop_an_order(clock: FakeClock, box: ScriptedSandbox):
    """Whoever posts and hangs up may come again with his key: his messages were taken all the same."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        task = asyncio.create_task(rig.router.submit_many(orders(2), client="shop"))
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        await clock.settle()
    assert len(box.seen) == 2
