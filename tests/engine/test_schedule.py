"""Sending later: by the router, which lets nothing out before its time, or by a provider where the route says so."""

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pointsman.clock import as_utc
from pointsman.engine.schedule import MOST_GONE, WOKEN_AT_ONCE, Schedule
from pointsman.errors import RouterClosed
from pointsman.events import Decided, MessageMoved, Operation, Reported
from pointsman.message import Envelope, MessageClass, Sms
from pointsman.outcome import Accepted, Fault, State
from pointsman.plugin import Batch, Each, ProviderPlugin, Reading, Response, Submission, SubmitReading
from pointsman.sandbox import DeliveryPlan, Fate, SandboxMessage, delay
from pointsman.store import MemoryStore
from pointsman.store.interface import Claim, Taken
from pointsman.testing import FakeClock, Scripted, ScriptedSandbox, ScriptedSettings, hang_up, refuse

from .rig import Rig, account, finish, routing, sending, sms

HOUR = 3600.0
KEPT = {"schedule": "provider"}
"""A route that leaves the schedule to its providers."""
RANGES = """АВС/ DEF;От;До;Емкость;Оператор;Регион;ИНН
914;1230000;1239999;10000;ПАО "МТС";Приморский край;0
916;1230000;1239999;10000;ПАО "МТС";г. Москва и Московская область;0
"""


def later(clock: FakeClock, seconds: float = HOUR, place: int = 0, **fields: Any) -> Sms:
    """Return a message that is due so many seconds from now."""
    return sms(place, send_at=as_utc(clock.now() + seconds), **fields)


async def state(rig: Rig, message_id: str) -> State:
    """Return the state of a message."""
    receipt = await rig.router.receipt(message_id)
    assert receipt is not None
    return receipt.state


async def until(happened: Callable[[], object]) -> None:
    """Let other tasks run until something happened; real sockets take as long as they take."""
    while not happened():  # noqa: ASYNC110 - nobody can tell us
        await asyncio.sleep(0)


def moves(rig: Rig) -> list[State]:
    """Return the states that messages came to, oldest first."""
    return [move.after for move in rig.told(MessageMoved)]


def sole(box: ScriptedSandbox) -> SandboxMessage:
    """Return the only message that a provider took."""
    (message,) = box.ledger.messages
    return message


# -- the router keeps it -----------------------------------------------------------------------------------------------


@pytest.mark.trap("S19")
async def test_nothing_is_sent_before_its_time(clock: FakeClock, box: ScriptedSandbox):
    """The router keeps a message until the second when it is due; the provider is told of no schedule."""
    async with routing({"a": account(box, schedules=True)}, clock=clock) as rig:
        taken = clock.now()
        (task,) = sending(rig, later(clock))
        await clock.advance(HOUR - 1)
        assert (box.ledger.arrivals, rig.told(Decided), task.done()) == (0, [], False)

        (receipt,) = await finish(clock, [task])

    assert (receipt.state, receipt.due, sole(box).accepted_at) == (State.SENT, taken + HOUR, taken + HOUR)
    (item,) = box.items
    assert (item.send_at, item.send_at_local) == (None, None)
    assert moves(rig) == [State.SCHEDULED, State.ACCEPTED, State.SENDING, State.SENT]


@pytest.mark.trap("D26", "D27")
async def test_the_recipients_morning(box: ScriptedSandbox, clock: FakeClock, tmp_path: Path):
    """Nine in the morning in Vladivostok is sent at 23:00 UTC of the day before, and in Moscow seven hours later."""
    clock.set_wall(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp())
    (tmp_path / "ranges.csv").write_text(RANGES, encoding="utf-8")
    router = {"number_ranges": str(tmp_path / "ranges.csv")}
    nine = datetime.fromisoformat("2026-12-01T09:00:00")
    async with routing({"a": account(box)}, clock=clock, sections={"router": router}) as rig:
        tasks = sending(rig, *(Sms(to=to, text="x", send_at_local=nine) for to in ("79141234567", "79161234567")))
        await finish(clock, tasks)

    assert [(one.to, as_utc(one.accepted_at)) for one in box.ledger.messages] == [
        ("79141234567", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("79161234567", datetime(2026, 12, 1, 6, tzinfo=UTC)),
    ]


async def test_a_clock_that_is_set_back_prolongs_the_wait(clock: FakeClock, box: ScriptedSandbox):
    """However long a message has waited, the wall clock decides whether it is due."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        due = clock.now() + HOUR
        (task,) = sending(rig, later(clock))
        await clock.advance(HOUR - 1)
        clock.set_wall(due - 2 * HOUR)
        await clock.advance(2 * HOUR - 1)
        assert box.ledger.arrivals == 0

        await finish(clock, [task])

    assert sole(box).accepted_at >= due


async def test_a_clock_that_is_set_forward_is_noticed(clock: FakeClock, box: ScriptedSandbox):
    """A message whose time comes because the clock is set goes out within a minute, as after a sleep of the machine."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        (task,) = sending(rig, later(clock, 5 * HOUR))
        await clock.settle()
        clock.set_wall(clock.now() + 5 * HOUR)
        await clock.advance(60)
        await finish(clock, [task])

    assert len(box.ledger.messages) == 1


async def test_it_goes_in_the_order_of_its_time(clock: FakeClock, box: ScriptedSandbox):
    """Whoever is due first goes first, whenever it was taken, and equals go together."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        tasks = sending(rig, *(later(clock, 60.0 * minute, minute) for minute in (3, 1, 2)), later(clock, 60.0, 4))
        await finish(clock, tasks)

    start = min(one.accepted_at for one in box.ledger.messages)
    assert sorted((one.accepted_at - start, one.to[-1]) for one in box.ledger.messages) == [
        (0.0, "1"),
        (0.0, "4"),
        (60.0, "2"),
        (120.0, "3"),
    ]


async def test_who_waits_takes_no_place(clock: FakeClock, box: ScriptedSandbox):
    """With room for one message on its way, one that is due tomorrow does not hold up the others."""
    async with routing({"a": account(box)}, clock=clock, sections={"router": {"max_in_flight": 1}}) as rig:
        (waiting,) = sending(rig, later(clock, 24 * HOUR))
        await clock.settle()
        assert (await rig.router.send(sms(1))).state is State.SENT
        assert not waiting.done()


async def test_many_that_wait_do_not_hold_up_the_rest_of_a_list(clock: FakeClock, box: ScriptedSandbox):
    """In a list of messages those that are due later are set aside, and the last one is sent at once."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        messages = [*(later(clock, HOUR, place) for place in range(1_100)), sms(9_999)]
        task = asyncio.create_task(rig.router.send_many(messages))
        await until(lambda: box.ledger.messages)
        assert sole(box).to.endswith("9999")
        async with clock.autojump():
            receipts = await task

    assert {receipt.state for receipt in receipts} == {State.SENT}


async def test_the_provider_is_chosen_when_it_is_due(clock: FakeClock, box: ScriptedSandbox):
    """A provider that went out of use while the message waited is not asked."""
    other = ScriptedSandbox(clock=clock)
    box.script(refuse(Fault.CREDENTIALS))
    async with routing({"a": account(box), "b": account(other)}, clock=clock) as rig:
        (task,) = sending(rig, later(clock, 60.0))
        await rig.router.send(sms(1))
        (receipt,) = await finish(clock, [task])

    assert [attempt.provider for attempt in receipt.attempts] == ["b"]


@pytest.mark.trap("X01")
async def test_its_life_begins_when_it_is_due(clock: FakeClock, box: ScriptedSandbox):
    """A message of ninety seconds that is due in an hour has all of them when it leaves."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        await finish(clock, sending(rig, later(clock, ttl=timedelta(seconds=90))))

    assert [item.ttl for item in box.items] == [90.0]


async def test_a_message_that_nobody_could_ever_take_is_told_at_once(clock: FakeClock, box: ScriptedSandbox):
    """No route, no wait."""
    async with routing({"a": account(box)}, clock=clock, route={"match": {"class": "otp"}}) as rig:
        receipt = await rig.router.send(later(clock))

    assert receipt.state is State.FAILED
    assert receipt.reason is not None
    assert receipt.reason.fault is Fault.NO_ROUTE


# -- in the background -------------------------------------------------------------------------------------------------


async def test_submit_does_not_wait(clock: FakeClock, box: ScriptedSandbox):
    """`submit` returns when the message is taken; `wait` gives its end."""
    box.delivery = DeliveryPlan(seconds_to_sent=1, seconds_to_final=2)
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        due, now = await rig.router.submit(later(clock)), await rig.router.submit(sms(1))
        assert (due.state, now.state) == (State.SCHEDULED, State.ACCEPTED)
        async with clock.autojump():
            ends = [(await rig.router.wait(one.id)).state for one in (now, due)]

    assert ends == [State.DELIVERED, State.DELIVERED]


async def test_what_breaks_in_the_background_is_logged(clock: FakeClock, box: ScriptedSandbox, caplog):
    """A message that cannot be written down any more while nobody waits for it leaves a line in the log."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        receipt = await rig.router.submit(later(clock, 60.0))
        rig.router._store._records.pop(receipt.id)
        with caplog.at_level(logging.ERROR, "pointsman.serving"):
            await clock.advance(61.0)

    assert caplog.messages == ["a message could not be seen through: KeyError"]


async def test_submit_that_cannot_be_written_down_raises(clock: FakeClock, box: ScriptedSandbox):
    """A message that the store refuses is not taken: the caller is told why."""
    async with routing({"a": account(box)}, clock=clock) as rig:

        async def full(*envelopes: object, **terms: object) -> None:
            raise OSError("disk full")

        rig.router._store.accept = full
        with pytest.raises(OSError, match="disk full"):
            await rig.router.submit(sms())


async def test_submit_of_a_closed_router(clock: FakeClock, box: ScriptedSandbox):
    """A router that does not run takes nothing."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        await rig.router.aclose()
        with pytest.raises(RouterClosed):
            await rig.router.submit(sms())


# -- it is not wanted any more -----------------------------------------------------------------------------------------


async def test_it_can_be_cancelled_while_it_waits(clock: FakeClock, box: ScriptedSandbox):
    """A message that is taken back before it is due is cancelled at once and never sent."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        receipt = await rig.router.submit(later(clock))
        assert await rig.router.cancel(receipt.id) is True
        assert (await rig.router.wait(receipt.id)).state is State.CANCELLED
        await clock.advance(2 * HOUR)

    assert box.ledger.arrivals == 0
    assert moves(rig) == [State.SCHEDULED, State.CANCELLED]


async def test_a_caller_that_stops_waiting_gives_it_up(clock: FakeClock, box: ScriptedSandbox):
    """Whoever cancels `send` while the message waits for its time takes the message back."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        (task,) = sending(rig, later(clock))
        await clock.settle()
        task.cancel()
        await clock.advance(2 * HOUR)

    assert (task.cancelled(), box.ledger.arrivals) == (True, 0)
    assert moves(rig) == [State.SCHEDULED, State.CANCELLED]


class SlowToTake(MemoryStore):
    """A store that takes a second to record a message."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    async def accept(self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True) -> Taken:
        """Record a message, a second later."""
        await self.clock.sleep(1)
        return await super().accept(envelopes, claim=claim, mine=mine)


async def test_a_caller_that_gives_up_at_once_gives_it_up(clock: FakeClock, box: ScriptedSandbox):
    """What is taken back while it is written down does not wait for its time: it is cancelled, and nothing is kept."""
    async with routing({"a": account(box)}, clock=clock, store=SlowToTake(clock)) as rig:
        task = asyncio.create_task(rig.router.submit(later(clock)))
        await clock.advance(0.5)
        task.cancel()
        await clock.advance(1)

        assert task.cancelled()
        assert moves(rig) == [State.SCHEDULED, State.CANCELLED]
        assert len(rig.router._serving) == 0


async def test_closing_cancels_what_waits_and_says_so(clock: FakeClock, box: ScriptedSandbox, caplog):
    """At the end of the router what is not due is cancelled; those who wait are told, and so is the log."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        (task,) = sending(rig, later(clock))
        receipt = await rig.router.submit(later(clock, place=1))
        waiting = asyncio.create_task(rig.router.wait(receipt.id))
        await clock.settle()
        with caplog.at_level(logging.WARNING, "pointsman.serving"):
            await rig.router.aclose()

    assert ((await task).state, (await waiting).state) == (State.CANCELLED, State.CANCELLED)
    assert caplog.messages == ["2 messages that were not due yet are cancelled, because the router was closed"]
    assert box.ledger.arrivals == 0


# -- a provider keeps it -----------------------------------------------------------------------------------------------


@pytest.mark.trap("D27")
async def test_a_provider_keeps_it_where_the_route_says_so(clock: FakeClock, box: ScriptedSandbox):
    """The attempt is made at once, with the time in UTC (four in the afternoon stays 16:00) and the whole life."""
    clock.set_wall(datetime(2026, 12, 1, 8, tzinfo=UTC).timestamp())
    at = datetime.fromisoformat("2026-12-01T19:00:00+03:00")
    async with routing({"a": account(box, schedules=True)}, clock=clock, route=KEPT) as rig:
        receipt = await rig.router.send(sms(send_at=at, ttl=timedelta(seconds=90)))

    (item,) = box.items
    assert receipt.state is State.SENT
    assert (item.send_at, item.send_at_local) == (datetime(2026, 12, 1, 16, tzinfo=UTC), None)
    assert item.ttl == 90.0
    assert sole(box).accepted_at == datetime(2026, 12, 1, 8, tzinfo=UTC).timestamp()
    assert moves(rig) == [State.SCHEDULED, State.SENDING, State.SENT]


@pytest.mark.parametrize("both", [True, False])
async def test_a_provider_keeps_the_recipients_clock(clock: FakeClock, box: ScriptedSandbox, *, both: bool):
    """A provider that keeps the recipient's clock is given its time, one that keeps only the world's that one."""
    clock.set_wall(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp())
    nine = datetime.fromisoformat("2026-12-01T09:00:00")
    keys = {"schedules": True, "schedules_local": both}
    async with routing({"a": account(box, **keys)}, clock=clock, route=KEPT) as rig:
        await rig.router.send(Sms(to="375291234567", text="x", send_at_local=nine))

    (item,) = box.items
    world = datetime(2026, 12, 1, 6, tzinfo=UTC)
    assert (item.send_at, item.send_at_local) == ((None, nine) if both else (world, None))


async def test_who_cannot_keep_it_is_left_out(clock: FakeClock, box: ScriptedSandbox):
    """Of the providers of such a route only those that offer it are asked, unless the message is for now."""
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": account(box), "b": account(other, schedules=True)}
    async with routing(accounts, clock=clock, route=KEPT) as rig:
        receipts = [await rig.router.send(message) for message in (later(clock), sms(1))]

    assert [receipt.provider for receipt in receipts] == ["b", "a"]


async def test_what_becomes_due_in_the_queue_is_sent_at_once(clock: FakeClock, box: ScriptedSandbox):
    """A message whose time comes while it waits for a place at the provider is not sent with a time that is past."""
    box.script(delay(30.0, endpoint=Operation.SUBMIT))
    async with routing({"a": account(box, schedules=True, max_in_flight=1)}, clock=clock, route=KEPT) as rig:
        receipts = await finish(clock, sending(rig, sms(1), later(clock, 10.0)))

    assert [item.send_at for item in box.items] == [None, None]
    assert [(receipt.state, len(receipt.attempts)) for receipt in receipts] == [(State.SENT, 1)] * 2


async def test_reports_are_awaited_from_the_time_when_it_is_due(clock: FakeClock, box: ScriptedSandbox):
    """Nobody is asked before the message can have been sent, the wait for a report counts from then, and so its age."""
    box.delivery = DeliveryPlan(seconds_to_sent=1, seconds_to_final=2)
    keys = {"schedules": True, "tells_reports": True, "poll": {"give_up": "1m"}}
    async with routing({"a": account(box, **keys)}, clock=clock, route=KEPT) as rig:
        receipt = await rig.router.send(later(clock))
        await clock.advance(HOUR + 1)
        assert box.ledger.calls[Operation.POLL] == 0
        async with clock.autojump():
            assert (await rig.router.wait(receipt.id)).state is State.DELIVERED

    assert [report.age for report in rig.told(Reported)] == [5.0]


async def test_what_shares_a_life_is_found_by_it(clock: FakeClock, box: ScriptedSandbox):
    """The life that a plugin divides messages by is the one from their time on, as it is when they leave."""
    lives: list[timedelta | None] = []

    class Keyed(Scripted):
        def batch_key(self, submission: Submission) -> Hashable | None:
            lives.append(submission.ttl)
            return submission.ttl

    keyed = ProviderPlugin(name="keyed", settings=ScriptedSettings, build=Keyed)
    accounts = {"a": account(box, plugin="keyed", schedules=True)}
    async with routing(accounts, clock=clock, route=KEPT, plugins=[keyed]) as rig:
        await rig.router.send(later(clock, ttl=timedelta(seconds=90)))

    assert (lives, [item.ttl for item in box.items]) == ([timedelta(seconds=90)], [90.0])


class Silent(Scripted):
    """Takes everything and tells no ids."""

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Take all of them."""
        return Reading(Each((Accepted(ids=()),) * len(batch.items)))


SILENT = ProviderPlugin(name="silent", settings=ScriptedSettings, build=Silent)


async def test_without_an_id_it_is_given_up_counting_from_its_time(clock: FakeClock, box: ScriptedSandbox):
    """Nobody can be asked about a message without an id; the wait for a callback counts from its time as well."""
    keys = {"plugin": "silent", "schedules": True}
    async with routing({"a": account(box, **keys)}, clock=clock, route=KEPT, plugins=[SILENT]) as rig:
        receipt = await rig.router.send(later(clock))
        await clock.advance(HOUR + 48 * HOUR - 1)
        assert await state(rig, receipt.id) is State.SENT
        await clock.advance(2)
        assert await state(rig, receipt.id) is State.UNKNOWN


@pytest.mark.parametrize("tells", [True, False], ids=["asked", "nobody to ask"])
async def test_it_is_given_up_counting_from_its_time(clock: FakeClock, box: ScriptedSandbox, *, tells: bool):
    """A message without a final report is unknown when its time and the patience are over, and not before."""
    box.delivery = DeliveryPlan(messages={Fate.STUCK: 1.0})
    keys = {"schedules": True, "tells_reports": tells, **({"poll": {"give_up": "1m"}} if tells else {})}
    async with routing({"a": account(box, **keys)}, clock=clock, route=KEPT) as rig:
        receipt = await rig.router.send(later(clock))
        patience = 60.0 if tells else 48 * HOUR
        await clock.advance(HOUR + patience - 1)
        assert await state(rig, receipt.id) is State.SENT
        await clock.advance(2)
        assert await state(rig, receipt.id) is State.UNKNOWN


async def test_failover_before_its_time(clock: FakeClock, box: ScriptedSandbox):
    """A refusal leads to the next provider at once, which keeps the message; an unknown outcome is looked into."""
    other = ScriptedSandbox(clock=clock)
    box.script(refuse(Fault.DECLINED), hang_up(taken=True))
    accounts = {"a": account(box, schedules=True, reconcile="query"), "b": account(other, schedules=True)}
    async with routing(accounts, clock=clock, route=KEPT) as rig:
        declined = await rig.router.send(later(clock))
        (unknown,) = await finish(clock, sending(rig, later(clock, place=1, message_class=MessageClass.OTP)))

    assert [item.send_at for item in other.items] == [as_utc(declined.due or 0)]
    assert unknown.provider == "a"
    assert isinstance(unknown.attempts[0].outcome, Accepted)
    assert len(box.ledger.messages) == 1


# -- the queue itself --------------------------------------------------------------------------------------------------


async def test_a_campaign_is_woken_bit_by_bit(clock: FakeClock):
    """When thousands are due at once, the event loop turns in between."""
    schedule = Schedule(clock)
    waiting = [asyncio.create_task(schedule.until(f"m{place}", clock.now() + 60.0)) for place in range(2_000)]
    await clock.settle()
    assert repr(schedule) == "<Schedule waiting=2000>"

    clock.set_wall(clock.now() + 60.0)
    done: list[int] = []
    advancing = asyncio.create_task(clock.advance(60.0))
    while len(schedule) or not advancing.done():
        done.append(2_000 - len(schedule))
        await asyncio.sleep(0)
    steps = [after - before for before, after in pairwise(done)]

    assert max(steps) <= WOKEN_AT_ONCE
    assert all(task.result() for task in waiting)


async def test_those_who_were_dropped_are_forgotten(clock: FakeClock):
    """However many are taken back before their time, what is kept of them is bounded, and the others wait on."""
    schedule = Schedule(clock)
    stays = asyncio.create_task(schedule.until("stays", clock.now() + HOUR))
    for place in range(3 * MOST_GONE):
        goes = asyncio.create_task(schedule.until(f"m{place}", clock.now() + 1.0))
        await asyncio.sleep(0)
        schedule.drop(f"m{place}")
        assert await goes is False
        assert len(schedule._heap) <= MOST_GONE + 4

    await clock.advance(HOUR)
    assert stays.result() is True


async def test_a_newcomer_may_be_due_first(clock: FakeClock):
    """Who is due earlier than all others is woken at its own time, not when the sleep for the others ends."""
    schedule = Schedule(clock)
    due = clock.now() + 50.0
    slow = asyncio.create_task(schedule.until("slow", due))
    await clock.advance(5.0)
    quick = asyncio.create_task(schedule.until("quick", due - 40.0))
    await clock.advance(5.0)
    assert (quick.done(), slow.done()) == (True, False)
    await clock.advance(40.0)
    assert (quick.result(), slow.result()) == (True, True)


async def test_nobody_waits_in_a_closed_schedule(clock: FakeClock):
    """After the end a message that is not due is let go at once."""
    schedule = Schedule(clock)
    assert await schedule.close() == 0
    assert await schedule.until("m1", clock.now() + 1.0) is False
    assert await schedule.until("m2", clock.now()) is True
