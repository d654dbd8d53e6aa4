"""Limits: segments per second, requests at once, and giving way after "too fast"."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from pointsman.clock import Clock
from pointsman.events import Called, CallOutcome, Operation
from pointsman.message import MessageClass
from pointsman.outcome import Fault, State
from pointsman.sandbox import Call, Reply, delay
from pointsman.testing import FakeClock, ScriptedSandbox, refuse

from .rig import account, finish, price, routing, sending, sms

SUBMIT = Operation.SUBMIT
ROUNDING = 1e-6


class CountingSandbox(ScriptedSandbox):
    """Needs a second for every request, and counts how many it has at once."""

    def __init__(self, *, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.now = 0
        self.peak = 0

    async def _submit(self, call: Call) -> Reply:
        return await self._counted(await super()._submit(call))

    async def _poll(self, call: Call) -> Reply:
        return await self._counted(await super()._poll(call))

    async def _balance(self, call: Call) -> Reply:
        return await self._counted(await super()._balance(call))

    async def _counted(self, reply: Reply) -> Reply:
        self.now += 1
        self.peak = max(self.peak, self.now)
        await self.clock.sleep(1.0)
        self.now -= 1
        return reply


def arrivals(box: ScriptedSandbox) -> list[float]:
    """When each submit arrived, in seconds after the first."""
    times = [seen.at for seen in box.seen if seen.operation is SUBMIT]
    return [at - times[0] for at in times]


def within(times: Sequence[float], start: float, seconds: float) -> int:
    """How many of the times lie in a stretch."""
    return sum(start <= at < start + seconds for at in times)


# -- segments per second -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "segments"), [("x", 1), ("x" * 400, 3)])
async def test_the_rate_counts_segments(clock: FakeClock, box: ScriptedSandbox, text: str, segments: int):
    """After the segments of one second, which may go at once, nothing is faster than `max_rate`, and nothing slower."""
    rate = 10
    async with routing({"a": account(box, max_rate=rate)}, clock=clock) as rig:
        await finish(clock, sending(rig, *(sms(place, text) for place in range(40))))
        times = arrivals(box)
        sent_before = [place * segments for place in range(40)]
        due = [max(0.0, (sent - (rate - 1)) / rate) for sent in sent_before]
        assert all(at >= when - ROUNDING for at, when in zip(times, due, strict=True))
        assert times[-1] <= due[-1] + segments / rate + ROUNDING


async def test_a_batch_holds_no_more_than_may_go_at_once(clock: FakeClock, box: ScriptedSandbox):
    """A request holds at most the segments of one second, however many messages the provider would take in one."""
    async with routing({"a": account(box, max_rate=5, bulk=20, max_in_flight=1)}, clock=clock) as rig:
        await finish(clock, sending(rig, *map(sms, range(40))))
        assert [len(seen.refs) for seen in box.seen if len(seen.refs) > 5] == []
        assert sum(len(seen.refs) for seen in box.seen) == 40
        sent = 0
        for at, seen in zip(arrivals(box), box.seen, strict=True):
            assert at >= (sent - (5 - 1)) / 5 - ROUNDING
            sent += len(seen.refs)


async def test_a_message_longer_than_the_rate_is_paid_for_by_the_next(clock: FakeClock, box: ScriptedSandbox):
    """A message of more segments than one second allows goes out whole, and the next one waits until it is paid off."""
    async with routing({"a": account(box, max_rate=2)}, clock=clock) as rig:
        await finish(clock, sending(rig, *(sms(place, "x" * 153 * 6) for place in range(3))))
        assert [round(at, 6) for at in arrivals(box)] == [0.0, 2.5, 5.5]


async def test_the_rate_of_one_provider_is_no_matter_of_another(clock: FakeClock, box: ScriptedSandbox):
    """A message for a fast provider does not wait behind those for a slow one."""
    fast = ScriptedSandbox(clock=clock)
    accounts = {"a": account(box, max_rate=1, opening_balance="5", prices=[price("1")]), "b": account(fast)}
    async with routing(accounts, clock=clock) as rig:
        tasks = sending(rig, *map(sms, range(20)))
        await clock.settle()
        assert len(fast.ledger.messages) == 15
        assert len(box.ledger.messages) == 1
        await finish(clock, tasks)
        assert len(box.ledger.messages) == 5


# -- requests at once --------------------------------------------------------------------------------------------------


async def test_never_more_requests_at_once_than_allowed(clock: FakeClock):
    """Submits, polls and balance readings together never exceed `max_in_flight`, and submits use it to the full."""
    box = CountingSandbox(clock=clock)
    keys = {"max_in_flight": 3, "tells_reports": True, "tells_balance": True, "balance_every": "1s"}
    async with clock.autojump(), routing({"a": account(box, **keys)}, clock=clock) as rig:
        receipts = await asyncio.gather(*(rig.router.send(sms(place), until_final=True) for place in range(30)))
        assert {receipt.state for receipt in receipts} == {State.DELIVERED}
        assert box.ledger.calls[Operation.POLL] >= 30
        assert box.ledger.calls[Operation.BALANCE] >= 5
        assert box.peak == 3


async def test_waiting_for_our_own_limit_is_nobody_s_time_out():
    """Twenty requests that take turns all get through, although together they take longer than a time-out allows."""
    box = ScriptedSandbox()
    box.script(delay(0.04, endpoint=SUBMIT, times=None))
    keys = {"max_in_flight": 1, "connect_timeout": "500ms", "read_timeout": "500ms"}
    async with routing({"a": account(box, **keys)}) as rig:
        receipts = await asyncio.gather(*sending(rig, *map(sms, range(20))))
        assert {receipt.state for receipt in receipts} == {State.SENT}
        assert [call.outcome for call in rig.told(Called)] == [CallOutcome.ACCEPTED] * 20
        assert max(attempt.duration for receipt in receipts for attempt in receipt.attempts) < 0.5


# -- too fast ----------------------------------------------------------------------------------------------------------


async def test_nothing_leaves_while_the_provider_wants_a_pause(clock: FakeClock, box: ScriptedSandbox):
    """After "too fast, come back in seven seconds" no message leaves for seven seconds, then all do."""
    box.script(refuse(Fault.THROTTLED, retry_after=7.0))
    async with routing({"a": account(box, max_in_flight=1)}, clock=clock) as rig:
        receipts = await finish(clock, sending(rig, *map(sms, range(10))))
        assert {receipt.state for receipt in receipts} == {State.SENT}
        assert arrivals(box) == [0.0] + [7.0] * 10


async def test_the_pace_halves_after_too_fast_and_comes_back(clock: FakeClock, box: ScriptedSandbox):
    """After "too fast" messages leave at half the rate, which grows back to the full one within a minute."""
    box.script(*[delay(0.0, endpoint=SUBMIT)] * 20, refuse(Fault.THROTTLED, retry_after=1.0))
    async with routing({"a": account(box, max_rate=2)}, clock=clock) as rig:
        await finish(clock, sending(rig, *map(sms, range(180))))
        times = arrivals(box)
        pause = times[20]
        assert within(times, 0.0, 5.0) in {11, 12}
        assert within(times, pause + 1.0, 10.0) in {10, 11, 12}
        assert within(times, pause + 25.0, 10.0) in {14, 15, 16}
        assert within(times, pause + 61.0, 10.0) == 20


async def test_too_fast_says_nothing_about_health(clock: FakeClock, box: ScriptedSandbox):
    """A provider that asks for a slower pace keeps its health, and no breaker moves."""
    box.script(*[refuse(Fault.THROTTLED)] * 3)
    async with routing({"a": account(box)}, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, sms()))
        assert receipt.state is State.SENT
        assert [round(at, 6) for at in arrivals(box)] == [0.0, 1.0, 3.0, 7.0]
        assert rig.status("a").taken["sms"] == 1.0


async def test_an_urgent_message_goes_elsewhere_when_the_pause_outlasts_it(clock: FakeClock, box: ScriptedSandbox):
    """A message that would be worthless after the pause that a provider wants goes to another one."""
    other = ScriptedSandbox(clock=clock)
    box.script(refuse(Fault.THROTTLED, retry_after=400.0))
    async with routing({"a": account(box), "b": account(other)}, clock=clock) as rig:
        receipts = await rig.router.send_many([sms(1, message_class=MessageClass.OTP)])
        assert receipts[0].provider == "b"
        assert (await rig.router.send(sms(2, message_class=MessageClass.OTP))).provider == "b"
        assert len(box.seen) == 1


async def test_a_pause_sends_those_elsewhere_who_would_not_outlive_it(clock: FakeClock, box: ScriptedSandbox):
    """Messages that wait behind the one which was "too fast" do not sit out a pause that is longer than their life."""
    other = ScriptedSandbox(clock=clock)
    box.script(refuse(Fault.THROTTLED, retry_after=60.0))
    async with routing({"a": account(box, max_in_flight=1), "b": account(other)}, clock=clock) as rig:
        short = [sms(place, ttl=timedelta(seconds=30)) for place in range(3)]
        tasks = sending(rig, *short, sms(3))
        await clock.settle()
        assert [task.result().provider for task in tasks if task.done()] == ["b", "b", "b"]
        await finish(clock, tasks)
        assert tasks[-1].result().provider == "a"
