"""Ends: of a router that is closed, of a start that fails, and of messages that something unforeseen befalls."""

import asyncio

import pytest

from pointsman import SomeFailed
from pointsman.errors import RouterClosed
from pointsman.events import BreakerMoved, MessageTaken, Operation
from pointsman.outcome import Fault, Receipt, State
from pointsman.routing.breaker import BreakerState
from pointsman.sandbox import delay
from pointsman.store import MemoryStore, Record
from pointsman.store.change import Begin, Change, End, Settle
from pointsman.testing import FakeClock, ScriptedSandbox, answer_status, refuse

from .rig import Rig, account, number, price, routing, sending, sms

SUBMIT = Operation.SUBMIT


class FullDisk(MemoryStore):
    """A store that cannot write some kinds of changes, for all messages or for those to one number."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: tuple[type[Change], ...] = ()
        self.number: str | None = None
        self.closed = 0

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Write a change, if there is room for it."""
        record = await self.get(message_id)
        if isinstance(change, self.refuses) and record is not None and self.number in {None, record.envelope.to}:
            raise OSError("disk full")
        return await super().apply(message_id, change, now)

    async def close(self) -> None:
        """Count how often."""
        self.closed += 1


def taken(rig: Rig) -> list[str]:
    """Return the ids of all messages."""
    return [event.message_id for event in rig.told(MessageTaken)]


async def ended(rig: Rig, message_id: str) -> Receipt:
    """Wait for a message, but not for ever."""
    return await asyncio.wait_for(rig.router.wait(message_id), 5)


# -- what nobody foresaw -----------------------------------------------------------------------------------------------


async def test_an_error_before_a_request_leaves_gives_everything_back(clock: FakeClock, box: ScriptedSandbox):
    """When the attempt cannot be written down, nothing is sent, the money is free again, and nobody is blamed."""
    store = FullDisk()
    keys = {"opening_balance": "10", "prices": [price("1")]}
    async with routing({"a": account(box, **keys)}, clock=clock, store=store) as rig, clock.autojump():
        store.refuses = (Begin,)
        for place in range(5):
            with pytest.raises(OSError, match="disk full"):
                await rig.router.send(sms(place))
        assert (box.seen, rig.available("a"), rig.told(BreakerMoved)) == ((), 10, [])
        assert {(await ended(rig, one)).state for one in taken(rig)} == {State.CANCELLED}
        store.refuses = ()
        assert (await rig.router.send(sms())).state is State.SENT


async def test_an_error_gives_the_place_of_a_probe_back(clock: FakeClock, box: ScriptedSandbox):
    """A probe that an error of our own kept here is made by the next message, not after another rest."""
    store, other = FullDisk(), ScriptedSandbox(clock=clock)
    box.script(*[answer_status(503)] * 5)
    async with routing({"a": account(box), "b": account(other)}, clock=clock, store=store) as rig:
        for place in range(5):
            await rig.router.send(sms(place))
        await clock.advance(60)
        store.refuses = (Begin,)
        with pytest.raises(OSError, match="disk full"):
            await rig.router.send(sms(8))
        store.refuses = ()
        assert (await rig.router.send(sms(9))).provider == "a"
        assert rig.told(BreakerMoved)[-1].after is BreakerState.CLOSED


async def test_an_outcome_that_cannot_be_written_down_is_unknown(clock: FakeClock, box: ScriptedSandbox):
    """Whoever waits for such a message is woken, now and later: it is not known whether it was sent."""
    store = FullDisk()
    store.refuses = (Settle,)
    keys = {"opening_balance": "10", "prices": [price("1")]}
    async with routing({"a": account(box, **keys)}, clock=clock, store=store) as rig:
        box.script(delay(1.0, endpoint=SUBMIT))
        (task,) = sending(rig, sms())
        await clock.settle()
        waiting = asyncio.create_task(ended(rig, taken(rig)[0]))
        await clock.advance(2)
        with pytest.raises(OSError, match="disk full"):
            await task
        assert (await waiting).state is State.UNKNOWN
        assert (await ended(rig, taken(rig)[0])).state is State.UNKNOWN
        assert rig.available("a") == 9
        assert len(rig.router._serving) == 0


async def test_whoever_waits_is_told_when_nothing_can_be_written_down(clock: FakeClock, box: ScriptedSandbox):
    """When not even the end of a message can be recorded, those who wait for it get the error instead of silence."""
    store = FullDisk()
    store.refuses = (Settle, End)
    async with routing({"a": account(box)}, clock=clock, store=store) as rig:
        box.script(delay(1.0, endpoint=SUBMIT))
        (task,) = sending(rig, sms())
        await clock.settle()
        waiting = asyncio.create_task(ended(rig, taken(rig)[0]))
        await clock.advance(2)
        assert [type(one) for one in await asyncio.gather(task, waiting, return_exceptions=True)] == [OSError, OSError]


async def test_one_error_does_not_lose_the_other_receipts(clock: FakeClock, box: ScriptedSandbox):
    """`send_many` raises when all are done, and hands over the receipts of those that nothing befell."""
    store = FullDisk()
    store.refuses, store.number = (Settle,), number(1)
    async with routing({"a": account(box, max_rate=1)}, clock=clock, store=store) as rig, clock.autojump():
        with pytest.raises(SomeFailed, match=r"^1 of 4 messages .*: message 1: OSError$") as caught:
            await rig.router.send_many([sms(place) for place in range(4)])
        kinds = [type(result) for result in caught.value.results]
        assert kinds == [Receipt, OSError, Receipt, Receipt]
        assert [one.state for one in caught.value.results if isinstance(one, Receipt)] == [State.SENT] * 3
        assert isinstance(caught.value.__cause__, OSError)


# -- closing -----------------------------------------------------------------------------------------------------------


async def test_closing_returns_the_receipts_as_they_are_known(clock: FakeClock, box: ScriptedSandbox):
    """A `send_many` that waits for last reports returns what is known by the time of the end, instead of raising."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        task = asyncio.create_task(rig.router.send_many([sms(place) for place in range(10)], until_final=True))
        await clock.settle()
        await rig.router.aclose()
        assert [receipt.state for receipt in await task] == [State.SENT] * 10


async def test_a_closed_router_stays_closed(clock: FakeClock, box: ScriptedSandbox):
    """A second start says at once that another router is needed, instead of cancelling whatever is sent."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        await rig.router.aclose()
        with pytest.raises(RouterClosed, match="put a new one together"):
            await rig.router.start()
        with pytest.raises(RouterClosed):
            await rig.router.send(sms())


async def test_everything_is_closed_although_something_cannot_be(
    clock: FakeClock, box: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch
):
    """A step of the end that fails is told, after connections and store have been closed all the same."""
    store = FullDisk()

    async def fails() -> None:
        raise OSError("no space left")

    async with routing({"a": account(box)}, clock=clock, store=store) as rig:
        with monkeypatch.context() as broken:
            broken.setattr(rig.router._serving, "close", fails)
            with pytest.raises(OSError, match="no space left"):
                await rig.router.aclose()
        assert store.closed == 1
        assert rig.router._stations["a"].transport._session is None
        assert all(task.done() for task in rig.router._tracking._tasks)


async def test_a_start_that_fails_closes_what_it_opened(
    clock: FakeClock, box: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch
):
    """When the second provider's connections cannot be opened, those of the first and the store are closed again."""
    store, other = FullDisk(), ScriptedSandbox(clock=clock)

    async def fails() -> None:
        raise ValueError("ca_file is not readable")

    async with routing({"a": account(box), "b": account(other)}, clock=clock) as template:
        router = type(template.router)(template.router.config, plugins=template.router.plugins, store=store)
    monkeypatch.setattr(router._stations["b"].transport, "open", fails)
    with pytest.raises(ValueError, match="ca_file"):
        await router.start()
    assert store.closed == 1
    assert router._stations["a"].transport._session is None
    with pytest.raises(RouterClosed):
        await router.start()


# -- giving up ---------------------------------------------------------------------------------------------------------


async def test_a_cancellation_during_a_wait_is_honoured_at_once(clock: FakeClock, box: ScriptedSandbox):
    """A message that waits half an hour for its repeat ends when its sender says so."""
    box.script(refuse(Fault.THROTTLED, retry_after=1800.0))
    async with routing({"a": account(box)}, clock=clock) as rig:
        (task,) = sending(rig, sms())
        await clock.settle()
        assert rig.router.cancel(taken(rig)[0])
        await clock.settle()
        assert task.done()
        assert (await task).state is State.CANCELLED
        await clock.advance(3600)
        assert box.ledger.calls[SUBMIT] == 1


async def test_those_who_stop_waiting_leave_nothing_behind(clock: FakeClock, box: ScriptedSandbox):
    """Fifty cancelled waits for a report that never comes keep no memory, and the fifty-first still ends."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        waits = [asyncio.create_task(rig.router.wait(receipt.id)) for _ in range(50)]
        await clock.settle()
        last = asyncio.create_task(rig.router.wait(receipt.id))
        for task in waits:
            task.cancel()
        await clock.settle()
        assert len(rig.router._tracking._waiting[receipt.id]) == 1
        await clock.advance(50 * 3600)
        assert (await last).state is State.UNKNOWN
        assert rig.router._tracking._waiting == {}
