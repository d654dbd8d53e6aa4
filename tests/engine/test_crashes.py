"""A crash at every durable write, and restarts between any two reports: what clients were told stays true."""

import asyncio
from collections import Counter
from itertools import permutations

import pytest

from pointsman.engine.orders import Order
from pointsman.message import MessageClass
from pointsman.outcome import DeliveryState, Fault, State
from pointsman.store.record import is_final
from pointsman.testing import FakeClock, ScriptedSandbox, Step, hang, hang_up, normal, refuse
from pointsman.testing.wire import News

from .machine import Machine, machine
from .rig import account, price, sms
from .test_recovery import report

OTP, TRANSACTIONAL = MessageClass.OTP, MessageClass.TRANSACTIONAL

STORIES: dict[str, tuple[Step, ...]] = {
    "all is well": (),
    "refused": (refuse(Fault.UNAVAILABLE), refuse(Fault.DECLINED)),
    "hung up after it was taken": (hang_up(taken=True),),
    "hung up before it was taken": (hang_up(taken=False), normal()),
}
KINDS = ("none", "query", "repeat")


async def until_over(host: Machine, clock: FakeClock) -> None:
    """Let time pass until nothing more happens, and start another router whenever one has died."""
    for _ in range(40):
        await clock.advance(10)
        if host.store.dead.is_set():
            await host.restart()
        elif all(is_final(one) for one in host.store.records):
            return


async def live(kind: str, story: str, lane: MessageClass, *, before: int | None, after: int | None) -> int:
    """Live through a story with a death at a write; return how many writes the first process began."""
    clock = FakeClock()
    a = ScriptedSandbox(clock=clock)
    b = ScriptedSandbox(clock=clock)
    a.script(*STORIES[story])
    keys = {"tells_reports": True, "opening_balance": "100", "prices": [price("1")]}
    accounts = {"a": account(a, reconcile=kind, settle=5, **keys), "b": account(b, **keys)}
    async with machine(accounts, clock) as host:
        router = await host.start()
        started = host.store.writes
        host.store.dies_before = started + before if before is not None else None
        host.store.dies_after = started + after if after is not None else None
        orders = [Order(sms(place, message_class=lane)) for place in range(2)]
        taking = asyncio.create_task(router.submit_many(orders, client="shop"))
        await clock.settle()
        acknowledged = [one.id for one in taking.result().receipts] if taking.done() else []
        first = host.store
        await until_over(host, clock)
        writes = first.writes - started
        check(host, acknowledged, lane, a, b)
    return writes


def check(host: Machine, acknowledged: list[str], lane: MessageClass, *boxes: ScriptedSandbox) -> None:
    """Compare what is kept with what the providers hold."""
    held = Counter(message.reference[:28] for box in boxes for message in box.ledger.messages)
    kept = {record.envelope.id: record for record in host.store.records}
    assert set(acknowledged) <= set(kept)
    assert set(held) <= set(kept)
    for message_id, record in kept.items():
        assert is_final(record), record
        match record.state:
            case State.DELIVERED:
                assert held[message_id] >= 1
            case State.UNKNOWN:
                pass  # nobody could tell, and nobody else was left or allowed to send it
            case _:
                assert held[message_id] == 0
        if held[message_id] > 1:
            assert lane is OTP
            assert record.possible_duplicate
        assert held[message_id] <= 2
    for name, box in zip(("a", "b"), boxes, strict=True):
        gone = 100 - int(str(host.available(name)))
        doubtful = sum(
            attempt.provider == name and type(attempt.outcome).__name__ == "Unknown"
            for record in kept.values()
            for attempt in record.attempts
        )
        taken = len(box.ledger.messages)
        assert taken <= gone <= taken + doubtful


@pytest.mark.parametrize("lane", [OTP, TRANSACTIONAL])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("story", STORIES)
async def test_a_crash_at_every_write(kind: str, story: str, lane: MessageClass):
    """Before or after each write of the first process: nothing lost, no forbidden copy, accounts and ends agree."""
    writes = await live(kind, story, lane, before=None, after=None)
    assert writes >= 5
    for number in range(1, min(writes, 9) + 1):
        if number % 2:
            await live(kind, story, lane, before=None, after=number)
        else:
            await live(kind, story, lane, before=number, after=None)


REPORTS = (
    News(id="", state=DeliveryState.QUEUED),
    News(id="", state=DeliveryState.SENT),
    News(id="", state=DeliveryState.SENT),
    News(id="", state=DeliveryState.DELIVERED, final=True),
    News(id="", state=DeliveryState.UNDELIVERABLE, final=True),
)
ORDERS = sorted(set(permutations(range(5))))


@pytest.mark.parametrize("early", [False, True], ids=["known", "early"])
@pytest.mark.parametrize("restart", [(), (0,), (1,), (2,), (3,), (4,), (0, 1, 2, 3, 4)], ids=str)
async def test_any_order_of_reports_gives_one_state(
    clock: FakeClock, box: ScriptedSandbox, restart: tuple[int, ...], early: bool
):
    """All orders of five reports with a duplicate, and restarts between any of them, end alike.

    Also when they come before it is known that the provider took the message.
    """
    async with machine({"a": account(box, max_in_flight=200)}, clock) as host:
        await host.start()
        if early:
            box.script(*[hang(taken=True)] * len(ORDERS))
        assert host.router is not None
        orders = [Order(sms(place)) for place in range(len(ORDERS))]
        taken = await host.router.submit_many(orders, client="shop")
        await clock.advance(1)
        ids = [one.id for one in taken.receipts]
        known = {message.reference[:28]: message.id for message in box.ledger.messages}
        for step in range(5):
            if step in restart:
                await host.restart()
            news = []
            for message_id, order in zip(ids, ORDERS, strict=True):
                one = REPORTS[order[step]]
                news.append(News(id=known[message_id], ref=f"{message_id}01", state=one.state, final=one.final))
            assert await report(host.router, *news) == 200
        if early and not restart:
            await host.restart()
        await clock.advance(120)
        assert Counter(host.record(one).state for one in ids) == Counter({State.DELIVERED: len(ORDERS)})
