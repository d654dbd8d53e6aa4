"""Closing a router whose store is durable: nothing is cancelled, and the next one goes on."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from pointsman.engine.orders import Order
from pointsman.errors import RouterClosed
from pointsman.events import Operation
from pointsman.outcome import State
from pointsman.sandbox import delay
from pointsman.testing import FakeClock, ScriptedSandbox, hang, hang_up

from .machine import machine
from .rig import account, number, sms
from .test_recovery import sent, states, take

SUBMIT = Operation.SUBMIT


async def test_what_waits_is_kept(clock: FakeClock, box: ScriptedSandbox):
    """Messages that wait in the store, in memory, or at a provider's pace are sent by the next router, once each."""
    tables = {"sections": {"router": {"max_in_flight": 4}}}
    async with machine({"a": account(box, max_rate=1)}, clock, tables) as host:
        await host.start()
        ids = await take(host, 20)
        await clock.advance(3)
        await host.stop()
        assert {host.record(one).state for one in ids} <= {State.SENT, State.ACCEPTED, State.SENDING}
        await host.start()
        await clock.advance(60)
        assert await states(host, ids) == {State.SENT}
        assert sent(box) == Counter({number(place): 1 for place in range(20)})


async def test_a_caller_hears_that_his_message_is_kept(clock: FakeClock, box: ScriptedSandbox):
    """Whoever waits for a message that has not left hears that the router is closed; the message is sent later."""
    async with machine({"a": account(box, max_rate=1)}, clock) as host:
        router = await host.start()
        tasks = [asyncio.create_task(router.send(sms(place))) for place in range(3)]
        await clock.settle()
        await host.stop()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        closed = [one for one in results if isinstance(one, RouterClosed)]
        assert len(closed) == 2
        assert "kept for the next start" in str(closed[0])
        await host.start()
        await clock.advance(10)
        assert sent(box) == Counter({number(place): 1 for place in range(3)})


async def test_send_many_returns_what_is_known(clock: FakeClock, box: ScriptedSandbox):
    """The receipts of a `send_many` that is cut short say which messages are kept."""
    async with machine({"a": account(box, max_rate=1)}, clock) as host:
        router = await host.start()
        task = asyncio.create_task(router.send_many([sms(place) for place in range(3)]))
        await clock.settle()
        await host.stop()
        assert Counter(receipt.state for receipt in await task) == Counter({State.SENT: 1, State.ACCEPTED: 2})


async def test_a_request_in_flight_gets_its_patience(clock: FakeClock, box: ScriptedSandbox):
    """What a provider answers while the router waits for it is written down."""
    async with machine({"a": account(box)}, clock) as host:
        box.script(delay(0.0, endpoint=SUBMIT))
        await host.start()
        (message_id,) = await take(host, 1)
        await host.stop()
        assert host.record(message_id).state in {State.SENT, State.ACCEPTED}
        await host.start()
        await clock.advance(5)
        assert await states(host, [message_id]) == {State.SENT}
        assert sent(box) == Counter({number(0): 1})


async def test_a_request_that_is_cut_off_is_looked_into_by_the_next(clock: FakeClock, box: ScriptedSandbox):
    """It may have been sent: it is not ended, and the next router asks the provider before anything else."""
    async with machine({"a": account(box, reconcile="query")}, clock) as host:
        box.script(hang(taken=True))
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        await host.stop()
        assert (host.record(message_id).ended, host.record(message_id).state) == (None, State.SENDING)
        await host.start()
        await clock.advance(30)
        assert await states(host, [message_id]) == {State.SENT}
        assert sent(box) == Counter({number(0): 1})


async def test_what_is_being_looked_into_is_left(clock: FakeClock, box: ScriptedSandbox):
    """A router that closes while it asks about an outcome ends nothing; the next one asks again."""
    async with machine({"a": account(box, reconcile="query", settle=30)}, clock) as host:
        box.script(hang_up(taken=False))
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.advance(5)
        await host.stop()
        assert host.record(message_id).ended is None
        await host.start()
        await clock.advance(100)
        assert await states(host, [message_id]) == {State.SENT}
        assert sent(box) == Counter({number(0): 1})


async def test_what_is_not_due_is_kept(clock: FakeClock, box: ScriptedSandbox):
    """A message for later survives several routers, is sent when it is due and not before, also after a clock jump."""
    async with machine({"a": account(box)}, clock) as host:
        router = await host.start()
        due = datetime.fromtimestamp(clock.now() + 3600, UTC)
        taken = await router.submit_many([Order(sms(send_at=due))], client="shop")
        (receipt,) = taken.receipts
        assert (receipt.state, dict(router.backlog())) == (State.SCHEDULED, {"transactional": 1})
        await host.stop()
        await host.start()
        await clock.advance(3599)
        assert sent(box) == Counter()
        await clock.advance(61)
        assert await states(host, [receipt.id]) == {State.SENT}


@pytest.mark.parametrize("full", [True, False])
async def test_closing_on_a_full_disk(clock: FakeClock, box: ScriptedSandbox, full: bool):
    """A router closes although nothing can be written; what it could not write is found by the next one."""
    async with machine({"a": account(box, reconcile="query")}, clock) as host:
        box.script(delay(1.0, endpoint=SUBMIT))
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        host.store.full = full
        await clock.advance(2)
        await asyncio.wait_for(host.stop(), 5)
        await host.start()
        await clock.advance(60)
        assert await states(host, [message_id]) == {State.SENT}
        assert sent(box) == Counter({number(0): 1})
