"""The guard as the screen of a router: what it lets in is sent and charged, what it refuses is nowhere."""

from decimal import Decimal

import pytest

from pointsman.engine.orders import Order
from pointsman.errors import Denied
from pointsman.events import GuardStopped
from pointsman.guard import Guard, restore, save
from pointsman.message import Sms
from pointsman.outcome import State
from pointsman.store import MemoryStore
from pointsman.store.interface import Claim
from pointsman.testing import FakeClock, ScriptedSandbox

from .rig import account, number, price, routing

CLIENT = {"key_sha256": "0" * 64, "daily_spend": "0.10"}
KEYS = {"clients.shop": CLIENT, "guard": {"per_number": ["2 in 10m"]}}


async def test_orders_are_screened_charged_and_remembered(clock: FakeClock, box: ScriptedSandbox):
    """Money is reserved until the provider charged it, and another guard over the same store goes on from there."""
    store = MemoryStore()
    accounts = {"one": account(box, prices=[price("0.03")], currency="EUR")}
    async with routing(accounts, clock=clock, store=store, sections=KEYS) as rig:
        router = rig.router
        guard = Guard(router.config, clock, expected=router.expected_price, emit=router.tell)
        router.observe(guard)
        await restore(guard, store)

        orders = [Order(Sms(to=number(place), text="hello")) for place in range(3)]
        taken = await router.submit_many(orders, client="shop", screen=guard)
        reserved = guard.usage()[0].reserved
        await clock.advance(30)
        states = [(await router.receipt(one.id)).state for one in taken.receipts]
        used = guard.usage()[0]

        assert reserved == Decimal("0.09")
        assert State.FAILED not in states
        assert (used.spent, used.reserved, used.messages) == (Decimal("0.09"), 0, 3)
        with pytest.raises(Denied) as denied:
            await router.submit_many(orders[:1], client="shop", screen=guard)
        assert denied.value.rule == "daily_spend"
        assert [stop.rule for stop in rig.told(GuardStopped)] == ["daily_spend"]
        await save(guard, store)

        again = Guard(router.config, clock, expected=router.expected_price, emit=router.tell)
        await restore(again, store)
        assert again.usage() == guard.usage()


async def test_a_repeat_is_free(clock: FakeClock, box: ScriptedSandbox):
    """The same idempotency key counts once, however often it comes."""
    accounts = {"one": account(box, prices=[price("0.01")], currency="EUR")}
    async with routing(accounts, clock=clock, sections=KEYS) as rig:
        router = rig.router
        guard = Guard(router.config, clock, expected=router.expected_price, emit=router.tell)
        router.observe(guard)
        order, claim = [Order(Sms(to=number(1), text="hello"))], Claim("shop", "key", b"digest")

        answers = [await router.submit_many(order, client="shop", claim=claim, screen=guard) for _ in range(3)]

        assert [one.repeated for one in answers] == [False, True, True]
        assert guard.usage()[0].messages == 1
