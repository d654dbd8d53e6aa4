"""Messages that wait in the store: fetched when there is room, the urgent first, nobody for ever, nothing in memory."""

import asyncio
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.engine.dispatch import Dispatcher
from pointsman.engine.orders import Order
from pointsman.engine.turns import Turns
from pointsman.message import MessageClass
from pointsman.outcome import State
from pointsman.store import MemoryStore, Record
from pointsman.testing import FakeClock, KeptStore, ScriptedSandbox, hang

from .machine import machine
from .rig import account, number, routing, sms
from .test_recovery import sent, states, take

OTP, TRANSACTIONAL, MARKETING = MessageClass.OTP, MessageClass.TRANSACTIONAL, MessageClass.MARKETING
FEW = {"sections": {"router": {"max_in_flight": 4}}}


# -- turns -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.sets(st.integers(0, 2), min_size=1), min_size=10, max_size=200))
def test_whoever_waits_has_one_place_of_ten(story: list[set[int]]) -> None:
    """Who is among those that wait for ten choices in a row is chosen in one of them, whoever the others are."""
    turns = Turns()
    chosen = [turns.next(waiting) for waiting in story]
    assert all(one in waiting for one, waiting in zip(chosen, story, strict=True))
    for place in range(len(story) - 9):
        always = set.intersection(*story[place : place + 10])
        assert always <= set(chosen[place : place + 10])


def test_the_urgent_have_all_other_places() -> None:
    """Of ten places eight are the codes', and the others have one each; alone everybody has all of them."""
    turns = Turns()
    assert Counter(turns.next([0, 1, 2]) for _ in range(100)) == Counter({0: 78, 1: 11, 2: 11})
    assert {turns.next([2]) for _ in range(10)} == {2}


# -- fetching ----------------------------------------------------------------------------------------------------------


async def test_only_so_many_are_in_memory(clock: FakeClock, box: ScriptedSandbox):
    """Of two hundred messages only as many as may be on their way have a task, and all are sent in order."""
    async with machine({"a": account(box, max_rate=10, max_in_flight=2)}, clock, FEW) as host:
        router = await host.start()
        for _ in range(4):
            await take(host, 50, message_class=MARKETING)
        most = 0
        for _ in range(60):
            await clock.advance(0.5)
            most = max(most, len(router._serving))
        assert most <= 4
        assert sum(sent(box).values()) == 200
        assert [message.to for message in box.ledger.messages[:50]] == [number(place) for place in range(50)]
        assert dict(router.backlog()) == {}


async def test_a_code_does_not_wait_behind_a_campaign(clock: FakeClock, box: ScriptedSandbox):
    """With thousands of messages before it a code is among the next that leave."""
    async with machine({"a": account(box, max_rate=10, max_in_flight=1)}, clock, {}) as host:
        router = await host.start()
        for _ in range(3):
            await take(host, 200, message_class=MARKETING)
        await clock.advance(5)
        before = len(box.ledger.messages)
        taken = await router.submit_many([Order(sms(9000, message_class=OTP))], client="shop")
        await clock.advance(0.5)
        assert (await router.receipt(taken.receipts[0].id)).state is State.SENT
        assert len(box.ledger.messages) - before <= 7


@pytest.mark.parametrize("tables", [FEW, {}], ids=["in the store", "at the provider"])
async def test_a_campaign_does_not_starve(clock: FakeClock, box: ScriptedSandbox, tables: dict[str, object]):
    """While codes come without end, one message in ten is of the campaign."""
    async with machine({"a": account(box, max_rate=10, max_in_flight=1)}, clock, tables) as host:
        await host.start()
        await take(host, 100, message_class=MARKETING, text="sale")
        for _ in range(20):
            await take(host, 20, message_class=OTP)
            await clock.advance(1)
        latest = box.ledger.messages[-100:]
        assert 8 <= sum(message.text == "sale" for message in latest) <= 12


async def test_waiting_costs_no_memory(clock: FakeClock, box: ScriptedSandbox):
    """A million messages that wait in the store are a number here; as many as there is room for are fetched."""

    class Endless(MemoryStore):
        durable = True
        owner = "me"
        asked = 0

        async def waiting(self) -> dict[MessageClass, int]:
            return {MARKETING: 1_000_000}

        async def next_due(self, now: float) -> float | None:
            return now - 1

        async def take(self, lane: MessageClass, now: float, limit: int) -> tuple[Record, ...]:
            self.asked = max(self.asked, limit)
            return template[:limit] if lane is MARKETING else ()

    kept = MemoryStore()
    async with routing({"a": account(box)}, clock=clock, store=kept) as rig:
        receipt = await rig.router.send(sms(message_class=MARKETING))
        template = (await kept.get(receipt.id),) * 500
    carried: list[Record] = []
    store = Endless()
    under_way: Counter[MessageClass] = Counter()

    def carry_on(record: Record) -> None:
        carried.append(record)
        under_way[MARKETING] += 1

    dispatcher = Dispatcher(store, clock, 1000, under_way)
    dispatcher.carry_on = carry_on
    tracemalloc.start()
    await dispatcher.start()
    await clock.settle()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await dispatcher.close()
    assert (len(carried), dispatcher.backlog()) == (900, Counter({MARKETING: 999_100}))
    assert used < 200_000


# -- times -------------------------------------------------------------------------------------------------------------


async def test_nothing_is_sent_before_it_is_due_whatever_the_clock_does(clock: FakeClock, box: ScriptedSandbox):
    """A clock that is put back prolongs the wait; one that is put forward is noticed within a minute."""
    async with machine({"a": account(box)}, clock) as host:
        router = await host.start()
        due = datetime.fromtimestamp(clock.now() + 7200, UTC)
        await router.submit_many([Order(sms(send_at=due))], client="shop")
        await clock.advance(3600)
        clock.set_wall(clock.now() - 1800)
        await clock.advance(3600)
        assert sent(box) == Counter()
        clock.set_wall(due.timestamp())
        await clock.advance(60)
        assert sent(box) == Counter({number(0): 1})


async def test_what_waited_too_long_is_not_sent(clock: FakeClock, box: ScriptedSandbox):
    """After a long outage messages whose life is over expire without an attempt; what may be out is unknown."""
    async with machine({"a": account(box, max_rate=1)}, clock, FEW) as host:
        await host.start()
        ids = await take(host, 30, ttl=timedelta(minutes=5))
        await clock.settle()
        await host.crash()
        await clock.advance(3600)
        made = len(box.ledger.messages)
        await host.start()
        await clock.advance(120)
        found = Counter([host.record(one).state for one in ids])
        assert found[State.EXPIRED] >= 25
        assert set(found) <= {State.EXPIRED, State.UNKNOWN, State.SENT}
        assert len(box.ledger.messages) == made


# -- cancelling --------------------------------------------------------------------------------------------------------


async def test_a_message_in_the_store_can_be_cancelled(clock: FakeClock, box: ScriptedSandbox):
    """One that waits in the store only is cancelled there, once, and never sent; those who wait for it are told."""
    async with machine({"a": account(box, max_rate=1)}, clock, FEW) as host:
        router = await host.start()
        ids = await take(host, 10)
        waiting = asyncio.create_task(router.wait(ids[-1]))
        await clock.settle()
        assert await router.cancel(ids[-1])
        assert not await router.cancel(ids[-1])
        assert (await asyncio.wait_for(waiting, 5)).state is State.CANCELLED
        await clock.advance(60)
        assert sum(sent(box).values()) == 9
        assert not await router.cancel(ids[0])
        assert not await router.cancel("0" * 28)


@pytest.mark.parametrize("turns", range(12))
async def test_cancelling_while_it_is_fetched(clock: FakeClock, box: ScriptedSandbox, turns: int):
    """Whatever comes first: what is cancelled did not leave, and what was not on its way any more was sent."""
    async with machine({"a": account(box)}, clock) as host:
        router = await host.start()
        due = datetime.fromtimestamp(clock.now() + 10, UTC)
        (receipt,) = (await router.submit_many([Order(sms(send_at=due))], client="shop")).receipts
        await clock.advance(9.99)
        advancing = asyncio.create_task(clock.advance(1))
        for _ in range(40 + turns * 4):  # the clock turns the loop until it is at rest before it goes on
            await asyncio.sleep(0)
        cancelled = await router.cancel(receipt.id)
        await advancing
        await clock.advance(5)
        state = (await router.receipt(receipt.id)).state
        assert state is (State.SENT if sent(box) else State.CANCELLED)
        assert cancelled or state is State.SENT


async def test_what_may_be_out_is_not_called_cancelled(clock: FakeClock, box: ScriptedSandbox):
    """After a restart a message whose attempt is in doubt is not sent again once it is cancelled, and is unknown."""
    async with machine({"a": account(box)}, clock, {"route": {"on_unknown": "next"}}) as host:
        box.script(hang(taken=True))
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        await host.crash()
        router = await host.start()
        await router.cancel(message_id)
        await clock.advance(100)
        assert await states(host, [message_id]) == {State.UNKNOWN}
        assert sent(box) == Counter({number(0): 1})


# -- quiet hours -------------------------------------------------------------------------------------------------------

MIDNIGHT = datetime(2026, 11, 28, 21, 0, tzinfo=UTC).timestamp()
"""Midnight in Moscow."""
QUIET = {"route": {"quiet": {"from": "21:00", "to": "09:00", "zone": "Europe/Moscow"}}}
NORWEGIAN = "+4791234567"
"""A number of a country with one time zone: it is two hours earlier there than in Moscow."""


async def test_the_door_puts_off_what_comes_at_night(box: ScriptedSandbox):
    """A campaign waits for the morning and lives from then on; a code goes at once."""
    clock = FakeClock(MIDNIGHT)
    async with machine({"a": account(box)}, clock, QUIET) as host:
        router = await host.start()
        orders = [Order(sms(0, message_class=MARKETING, ttl=timedelta(hours=1))), Order(sms(1, message_class=OTP))]
        campaign, code = (await router.submit_many(orders, client="shop")).receipts
        assert campaign.state is State.SCHEDULED
        await clock.advance(60)
        assert (await router.receipt(code.id)).state is State.SENT
        await clock.advance(10 * 3600 - 120)  # nine o'clock in Kaliningrad, the last to wake up
        assert (await router.receipt(campaign.id)).state is State.SCHEDULED
        await clock.advance(180)
        assert (await router.receipt(campaign.id)).state is State.SENT


async def test_the_recipients_clock_counts(box: ScriptedSandbox):
    """Where the number tells the time zone, it is the night there that counts."""
    clock = FakeClock(MIDNIGHT)
    async with machine({"a": account(box)}, clock, QUIET) as host:
        router = await host.start()
        norwegian = msgspec.structs.replace(sms(0, message_class=MARKETING), to=NORWEGIAN)
        (receipt,) = (await router.submit_many([Order(norwegian)], client="shop")).receipts
        assert receipt.due == MIDNIGHT + 11 * 3600


async def test_a_message_whose_turn_comes_at_night_waits(box: ScriptedSandbox):
    """Taken by day, but a slow provider leaves some for the night: those wait for the morning in the store."""
    clock = FakeClock(MIDNIGHT - 12.05 * 3600)
    async with machine({"a": account(box, max_rate=0.01)}, clock, {**QUIET, **FEW}) as host:
        router = await host.start()
        ids = await take(host, 20, message_class=MARKETING)
        await clock.advance(3600)
        by_day = sum(sent(box).values())
        await clock.advance(3600)
        assert sum(sent(box).values()) - by_day <= 4  # those were in the hands of the provider's queue
        assert router.backlog()[MARKETING] >= 10
        await clock.advance(24 * 3600)
        assert sum(sent(box).values()) == 20
        assert await states(host, ids) == {State.SENT}


async def test_a_disk_that_is_full_at_night_costs_no_message(box: ScriptedSandbox):
    """What is to wait for the morning, but cannot be put back at once, waits until it can; nothing is cancelled."""
    clock = FakeClock(MIDNIGHT - 12 * 3600 - 60)
    async with machine({"a": account(box, max_rate=0.01)}, clock, {**QUIET, **FEW}) as host:
        host.store = FillsUp()
        router = await host.start()
        ids = await take(host, 20, message_class=MARKETING)
        await clock.advance(120)
        assert host.store.refused
        host.store.full = False
        await clock.advance(24 * 3600)
        assert await states(host, ids) == {State.SENT}
        assert router.backlog().total() == 0


class FillsUp(KeptStore):
    """A store whose disk fills up when messages are given back for the first time."""

    refused = False

    async def give_back(self, message_ids: Sequence[str], now: float) -> None:
        """Leave messages to whoever takes them, unless it is the first time."""
        self.full = self.full or not self.refused
        self.refused = True
        await super().give_back(message_ids, now)


# -- a store that ends with us -----------------------------------------------------------------------------------------


async def test_what_waits_in_memory_is_cancelled_at_the_end(clock: FakeClock, box: ScriptedSandbox):
    """Without a durable store nothing would go on with what waits: it is cancelled, as everything that has not left."""
    sections = {"router": {"max_in_flight": 5}}
    store = MemoryStore()
    async with routing({"a": account(box, max_rate=1)}, clock=clock, store=store, sections=sections) as rig:
        first = await rig.router.submit_many([Order(sms(place)) for place in range(4)], client="shop")
        taken = await rig.router.submit_many([Order(sms(place)) for place in range(4, 20)], client="shop")
        assert rig.router.backlog()[TRANSACTIONAL] == 16
        await clock.settle()
    found = [await store.get(one.id) for one in (*first.receipts, *taken.receipts)]
    assert Counter(record.state for record in found) == Counter({State.SENT: 1, State.CANCELLED: 19})
