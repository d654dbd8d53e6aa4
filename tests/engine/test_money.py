"""Money: what an account has left decides who gets a message, and the books agree with the provider's."""

import asyncio
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.events import BalanceRead, Operation, Rested, Spent
from pointsman.outcome import Fault, State
from pointsman.plugin import Callback
from pointsman.sandbox import DeliveryPlan, Fate, Tariff, delay, quirk
from pointsman.store import MemoryStore
from pointsman.testing import FakeClock, ScriptedSandbox, hang_up, refuse
from pointsman.testing.wire import Answer, News
from pointsman_devino.sandbox import DevinoSandbox

from .rig import Rig, accepted, account, devino, finish, price, routing, sending, sms

SUBMIT = Operation.SUBMIT


async def report(rig: Rig, *news: News) -> None:
    """Let provider `a` call back."""
    await rig.router.callback("a", Callback(method="POST", body=msgspec.json.encode(Answer(reports=news))))


# -- what may be spent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("funds", [0, 1, 37, 199])
async def test_funds_for_so_many_messages_send_exactly_so_many(clock: FakeClock, funds: int):
    """Of 200 messages at once a provider gets exactly those that its balance covers; the rest go elsewhere."""
    poor = ScriptedSandbox(clock=clock, balance=Decimal("0.10") * funds, price=Decimal("0.10"))
    rich = ScriptedSandbox(clock=clock)
    accounts = {
        "a": account(poor, tells_balance=True, max_in_flight=50, prices=[price("0.10")]),
        "b": account(rich, max_in_flight=50, prices=[price("0.20")]),
    }
    async with routing(accounts, clock=clock) as rig:
        receipts = await asyncio.gather(*sending(rig, *map(sms, range(200))))
        assert {receipt.state for receipt in receipts} == {State.SENT}
        assert [len(poor.ledger.messages), len(rich.ledger.messages)] == [funds, 200 - funds]
        assert poor.ledger.calls[SUBMIT] == funds
        assert poor.account.balance == 0


async def test_an_account_that_tells_no_balance_is_kept_by_us(clock: FakeClock, box: ScriptedSandbox):
    """Where the provider tells no balance, the opening balance less what was spent decides."""
    other = ScriptedSandbox(clock=clock)
    keys = {"opening_balance": "1.00", "prices": [price("0.30")]}
    async with routing({"a": account(box, **keys), "b": account(other)}, clock=clock) as rig:
        await rig.router.send_many([sms(place) for place in range(10)])
        assert [len(box.ledger.messages), len(other.ledger.messages)] == [3, 7]
        assert str(rig.available("a")) == "0.10"


async def test_nothing_takes_an_account_below_its_floor(clock: FakeClock):
    """A message that would take the balance below the floor goes elsewhere; one that just reaches it does not."""
    box = ScriptedSandbox(clock=clock, balance=Decimal(5), price=Decimal("0.50"))
    other = ScriptedSandbox(clock=clock)
    keys = {"tells_balance": True, "floor": "1.00", "prices": [price("0.50")]}
    async with routing({"a": account(box, **keys), "b": account(other)}, clock=clock) as rig:
        await rig.router.send_many([sms(place) for place in range(20)])
        assert len(box.ledger.messages) == 8
        assert box.account.balance == 1


async def test_a_message_is_weighed_with_all_its_segments(clock: FakeClock, box: ScriptedSandbox):
    """With money for three segments, a message of four goes elsewhere and one of two is still sent."""
    other = ScriptedSandbox(clock=clock)
    keys = {"opening_balance": "3", "prices": [price("1")]}
    async with routing({"a": account(box, **keys), "b": account(other)}, clock=clock) as rig:
        assert (await rig.router.send(sms(1, "x" * 600))).provider == "b"
        assert (await rig.router.send(sms(2, "x" * 300))).provider == "a"


# -- out of money ------------------------------------------------------------------------------------------------------


async def test_an_account_out_of_money_is_left_alone_until_it_is_topped_up(clock: FakeClock):
    """A refusal for want of money rests the provider; a top-up ends the rest when the balance is read again."""
    box = ScriptedSandbox(clock=clock, balance=Decimal(10), price=Decimal(1))
    other = ScriptedSandbox(clock=clock)
    keys = {"tells_balance": True, "balance_every": "1h", "prices": [price("1")]}
    async with routing({"a": account(box, **keys), "b": account(other)}, clock=clock) as rig:
        box.account.spend(Decimal(10))  # by somebody else
        assert (await rig.router.send(sms(0))).provider == "b"
        await clock.settle()
        assert [(rest.fault, rest.alert) for rest in rig.told(Rested)] == [(Fault.CREDITS, True)]
        assert [str(told.balance) for told in rig.told(BalanceRead)] == ["10 EUR", "0 EUR"]

        await rig.router.send_many([sms(place) for place in range(1, 6)])
        assert box.ledger.calls[SUBMIT] == 1
        box.account.top_up(Decimal(10))
        await clock.advance(300)
        assert (await rig.router.send(sms(6))).provider == "a"


async def test_an_account_that_tells_no_balance_is_tried_again_after_a_while(clock: FakeClock, box: ScriptedSandbox):
    """Without a balance to read, one message tries after fifteen minutes; if it is refused, the next after thirty."""
    other = ScriptedSandbox(clock=clock)
    box.script(*[refuse(Fault.CREDITS)] * 2)
    async with routing({"a": account(box), "b": account(other)}, clock=clock) as rig:
        tried = []
        for minutes in (0, 14, 1, 29, 1, 0):
            await clock.advance(minutes * 60)
            before = len(box.seen)
            await rig.router.send(sms())
            tried.append(len(box.seen) - before)
        assert tried == [1, 0, 1, 0, 1, 1]


async def test_those_in_the_queue_leave_an_account_that_is_out_of_money(clock: FakeClock, box: ScriptedSandbox):
    """Messages behind the one that was refused for want of money go elsewhere without a call."""
    other = ScriptedSandbox(clock=clock)
    box.script(*[refuse(Fault.CREDITS)] * 10)
    async with routing({"a": account(box, max_in_flight=1), "b": account(other)}, clock=clock) as rig:
        receipts = await asyncio.gather(*sending(rig, *map(sms, range(10))))
        assert {receipt.provider for receipt in receipts} == {"b"}
        assert len(box.seen) == 1


# -- holds -------------------------------------------------------------------------------------------------------------


async def test_a_message_on_its_way_holds_its_price(clock: FakeClock, box: ScriptedSandbox):
    """From the decision to the answer the price is held, and then it is spent."""
    box.script(delay(5.0, endpoint=SUBMIT))
    async with routing({"a": account(box, opening_balance="10", prices=[price("3")])}, clock=clock) as rig:
        tasks = sending(rig, sms())
        await clock.settle()
        status = rig.status("a")
        assert [str(status.balance), str(status.available)] == ["10 EUR", "7 EUR"]
        await finish(clock, tasks)
        status = rig.status("a")
        assert [str(status.balance), str(status.available)] == ["7 EUR", "7 EUR"]


@pytest.mark.parametrize("fault", [Fault.RECIPIENT, Fault.CREDITS, Fault.UNAVAILABLE, Fault.REQUEST])
async def test_a_refused_message_gives_its_money_back(clock: FakeClock, box: ScriptedSandbox, fault: Fault):
    """After a refusal the account has what it had before, and nothing is booked."""
    box.script(*[refuse(fault)] * 3)
    async with routing({"a": account(box, opening_balance="10", prices=[price("3")])}, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, sms()))
        assert receipt.state is State.FAILED
        assert [attempt.price for attempt in receipt.attempts if attempt.price is not None] == []
        assert rig.available("a") == 10
        assert rig.told(Spent) == []


async def test_a_message_that_is_given_up_in_the_queue_gives_its_money_back(clock: FakeClock, box: ScriptedSandbox):
    """A message that its caller cancels before it leaves costs nothing, and what it held is free again."""
    box.script(delay(5.0, endpoint=SUBMIT))
    keys = {"max_in_flight": 1, "opening_balance": "10", "prices": [price("3")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        first, second = sending(rig, sms(1), sms(2))
        await clock.settle()
        assert rig.available("a") == 4
        second.cancel()
        await finish(clock, [first])
        await clock.settle()
        assert rig.available("a") == 7
        assert len(box.ledger.messages) == 1


async def test_a_message_whose_caller_left_too_late_is_paid_for(clock: FakeClock, box: ScriptedSandbox):
    """A message that had left when its caller was cancelled is followed to its end and costs its price."""
    box.script(delay(5.0, endpoint=SUBMIT))
    async with routing({"a": account(box, opening_balance="10", prices=[price("3")])}, clock=clock) as rig:
        (task,) = sending(rig, sms())
        await clock.settle()
        task.cancel()
        await clock.advance(5.0)
        assert rig.available("a") == 7
        assert rig.spent("a") == 3


# -- unknown -----------------------------------------------------------------------------------------------------------


async def test_what_may_have_been_sent_counts_as_spent_until_the_balance_is_read(clock: FakeClock):
    """An unknown outcome lowers what is left without being booked, until the provider says what is really there."""
    box = ScriptedSandbox(clock=clock, balance=Decimal(10), price=Decimal(3))
    box.script(hang_up(taken=False))
    keys = {"tells_balance": True, "balance_every": "1h", "prices": [price("3")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        assert (receipt.state, receipt.attempts[0].price) == (State.UNKNOWN, None)
        assert rig.available("a") == 7
        assert rig.told(Spent) == []
        await clock.advance(1.0)
        await rig.router.read_balances()
        assert rig.available("a") == 10


async def test_an_unknown_that_was_taken_is_booked_once_it_is_known(clock: FakeClock):
    """A request without an answer that turns out to have been taken is booked once, and the account is right."""
    box = ScriptedSandbox(clock=clock, balance=Decimal(10), price=Decimal(3))
    box.script(hang_up(taken=True))
    keys = {"reconcile": "query", "opening_balance": "10", "prices": [price("3")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, sms()))
        assert receipt.state is State.SENT
        assert str(receipt.attempts[0].price) == "3 EUR"
        assert rig.spent("a") == box.account.spent == 3
        assert rig.available("a") == 7


async def test_an_unknown_that_was_not_taken_gives_its_money_back_once(clock: FakeClock):
    """What a reading of the balance gave back already is not given back again when the attempt is cleared up."""
    box = ScriptedSandbox(clock=clock, balance=Decimal(10), price=Decimal(3))
    box.script(hang_up(taken=False), *[refuse(Fault.CONTENT)] * 5)
    keys = {"reconcile": "query", "tells_balance": True, "balance_every": "4s", "prices": [price("3")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, sms()))
        assert receipt.state is State.FAILED
        assert len(rig.told(BalanceRead)) > 1
        assert rig.available("a") == box.account.balance == 10


async def test_a_clock_that_is_put_back_gives_no_money_back_twice(clock: FakeClock):
    """What is given back while the clock is behind counts until the next reading, as at any other time."""
    box = ScriptedSandbox(clock=clock, balance=Decimal(10), price=Decimal(3))
    box.script(hang_up(taken=False), *[refuse(Fault.CONTENT)] * 5)
    keys = {"reconcile": "query", "tells_balance": True, "balance_every": "10h", "prices": [price("3")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        tasks = sending(rig, sms())
        while rig.available("a") != 7 or not box.ledger.calls[SUBMIT]:
            await clock.settle()
        clock.set_wall(clock.now() - 3600)
        (receipt,) = await finish(clock, tasks)
        assert receipt.state is State.FAILED
        await clock.advance(60)
        await rig.router.read_balances()
        assert rig.available("a") == box.account.balance == 10


async def test_an_unknown_without_a_reading_gives_its_money_back(clock: FakeClock):
    """Where no balance is told, the price of a request that is proved not to have been taken is free again."""
    box = ScriptedSandbox(clock=clock)
    box.script(hang_up(taken=False), *[refuse(Fault.CONTENT)] * 5)
    keys = {"reconcile": "query", "opening_balance": "10", "prices": [price("3")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, sms()))
        assert receipt.state is State.FAILED
        assert rig.available("a") == 10


# -- prices ------------------------------------------------------------------------------------------------------------


async def test_the_price_that_the_provider_tells_wins(clock: FakeClock):
    """What the answer says that a message cost is booked, whatever the price list says."""
    box = ScriptedSandbox(clock=clock, price=Decimal("0.25"))
    async with routing({"a": account(box, opening_balance="10", prices=[price("0.10")])}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        assert str(receipt.attempts[0].price) == "0.25 EUR"
        assert rig.spent("a") == Decimal("0.25")
        assert str(rig.available("a")) == "9.75"


async def test_a_provider_that_charges_for_deliveries_is_paid_once_for_each(clock: FakeClock, box: ScriptedSandbox):
    """Nothing is booked when the message is taken; its delivery is booked once, however often it is reported."""
    keys = {"opening_balance": "10", "prices": [price("2", charged_on="delivery")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        assert (receipt.attempts[0].price, str(receipt.attempts[0].on_delivery)) == (None, "2 EUR")
        assert rig.told(Spent) == []
        delivered = News(id=accepted(receipt).ids[0], state="delivered", final=True)
        for at in (1, 1, 2, 3):
            await report(rig, News(id=delivered.id, state="sent"), delivered)
            await clock.advance(at)
        assert [str(spent.price) for spent in rig.told(Spent)] == ["2 EUR"]
        assert rig.available("a") == 8


async def test_what_was_not_delivered_is_not_paid_for(clock: FakeClock, box: ScriptedSandbox):
    """A provider that charges for deliveries gets nothing for a message that did not arrive."""
    keys = {"opening_balance": "10", "prices": [price("2", charged_on="delivery")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await report(rig, News(id=accepted(receipt).ids[0], state="undeliverable", final=True))
        assert (await rig.router.wait(receipt.id)).state is State.UNDELIVERED
        assert rig.told(Spent) == []
        assert rig.available("a") == 10


async def test_those_who_share_a_place_pay_for_one_delivery(clock: FakeClock, box: ScriptedSandbox):
    """Equal messages that travelled as one are charged once on delivery, too."""
    keys = {"opening_balance": "10", "prices": [price("2", charged_on="delivery")]}
    async with routing({"a": account(box, bulk=5, one_per_recipient=True, **keys)}, clock=clock) as rig:
        one, same = await rig.router.send_many([sms(), sms()])
        assert accepted(one).ids == accepted(same).ids
        await report(rig, News(id=accepted(one).ids[0], state="delivered", final=True))
        assert [(await rig.router.wait(each.id)).state for each in (one, same)] == [State.DELIVERED] * 2
        assert [str(spent.price) for spent in rig.told(Spent)] == ["2 EUR"]
        assert rig.available("a") == 8


async def test_a_delivery_is_paid_for_although_nobody_knew_that_it_had_been_taken(
    clock: FakeClock, box: ScriptedSandbox
):
    """A request without an answer that turns out to have been taken is charged on its delivery like any other."""
    box.script(hang_up(taken=True))
    keys = {"reconcile": "query", "opening_balance": "10", "prices": [price("2", charged_on="delivery")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, sms()))
        assert (rig.status("a").balance.amount, rig.available("a")) == (10, 8)
        await report(rig, News(id=accepted(receipt).ids[0], state="delivered", final=True))
        assert [str(spent.price) for spent in rig.told(Spent)] == ["2 EUR"]
        assert (rig.status("a").balance.amount, rig.available("a")) == (8, 8)


@pytest.mark.parametrize(("plan", "taken"), [("delivered", 10), ("undeliverable", 40)])
async def test_what_is_outstanding_is_not_spent_twice(clock: FakeClock, plan: str, taken: int):
    """With money for ten deliveries ten messages are out at once; each that ends makes room, paid for or not."""
    poor, rich = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock)
    keys = {"opening_balance": "20", "max_in_flight": 50, "prices": [price("2", charged_on="delivery")]}
    async with routing({"a": account(poor, **keys), "b": account(rich, max_in_flight=50)}, clock=clock) as rig:
        for wave in range(4):
            messages = [sms(wave * 100 + place) for place in range(100)]
            receipts = [one for one in await asyncio.gather(*sending(rig, *messages)) if one.provider == "a"]
            assert len(receipts) == (10 if wave == 0 or plan == "undeliverable" else 0)
            status = rig.status("a")
            assert status.available.amount == 0
            for receipt in receipts:
                await report(rig, News(id=accepted(receipt).ids[0], state=plan, final=True))
        assert len(poor.ledger.messages) == taken
        assert rig.spent("a") == (20 if plan == "delivered" else 0)
        assert rig.available("a") == 20 - rig.spent("a")


async def test_a_delivery_that_is_never_reported_is_given_free(clock: FakeClock, box: ScriptedSandbox):
    """When a message is given up without a report, its money is free again; a report that comes after all is paid."""
    keys = {"opening_balance": "10", "prices": [price("2", charged_on="delivery")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        assert rig.available("a") == 8
        async with clock.autojump():
            assert (await rig.router.wait(receipt.id)).state is State.UNKNOWN
        assert rig.available("a") == 10
        await report(rig, News(id=accepted(receipt).ids[0], state="delivered", final=True))
        assert (rig.available("a"), rig.spent("a")) == (8, 2)


class Slow(MemoryStore):
    """A store that lets others run in the middle of every change, as one on a disk does."""

    async def apply(self, message_id, change, now):
        """Apply a change, between two pauses."""
        await asyncio.sleep(0)
        try:
            return await super().apply(message_id, change, now)
        finally:
            await asyncio.sleep(0)


@given(
    funds=st.integers(1, 4),
    script=st.lists(st.sampled_from(["take", "refuse", "silence, taken", "silence, lost", "slow"]), max_size=5),
    reports=st.lists(st.sampled_from(["delivered", "undeliverable", "sent"]), max_size=3),
    told=st.booleans(),
    on_delivery=st.booleans(),
)
@settings(max_examples=30, deadline=None)
async def test_funds_for_k_are_enough_for_exactly_k(
    funds: int, script: list[str], reports: list[str], told: bool, on_delivery: bool
):
    """Many messages at once, some refused, some without an answer, reports and readings in between: none too many.

    At no time is more out or paid for than there was money, and in the end all of it is.
    """
    clock = FakeClock()
    keys = {"tells_balance": True, "balance_every": "5s"} if told else {"opening_balance": str(funds)}
    keys |= {"reconcile": "query", "prices": [price("1", charged_on="delivery" if on_delivery else "submit")]}
    box = ScriptedSandbox(clock=clock, balance=Decimal(funds), price=None if on_delivery else Decimal(1))
    box.script(*map(_reaction, script))
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": account(box, max_in_flight=8, **keys), "b": account(other)}
    async with routing(accounts, clock=clock, store=Slow()) as rig:
        gone = 0
        for wave, state in enumerate([*reports, *["sent"] * 8]):
            rig.router.reset("a")
            tasks = sending(rig, *[sms(wave * 20 + place) for place in range(funds + 2)])
            while not all(task.done() for task in tasks):  # step by step, so that nobody is given up on the way
                await clock.advance(0.5)
            receipts = [task.result() for task in tasks]
            for taken in [one for one in receipts if one.provider == "a"]:
                if on_delivery and state == "delivered":
                    box.account.spend(Decimal(1))
                gone += 1 if state == "undeliverable" and on_delivery else 0
                await report(rig, News(id=accepted(taken).ids[0], state=state, final=state != "sent"))
            available, status = rig.available("a"), rig.status("a")
            assert available is not None
            assert 0 <= available <= status.balance.amount <= funds
            assert len(box.ledger.messages) - gone <= funds
            await clock.advance(5.0)
        assert len(box.ledger.messages) - gone == funds
        assert rig.available("a") == 0


def _reaction(kind: str):
    return {
        "take": delay(0.1, endpoint=SUBMIT),
        "refuse": refuse(Fault.RECIPIENT),
        "silence, taken": hang_up(taken=True),
        "silence, lost": hang_up(taken=False),
        "slow": delay(3.0, endpoint=SUBMIT),
    }[kind]


# -- the books ---------------------------------------------------------------------------------------------------------


async def test_the_books_agree_with_the_provider_s(clock: FakeClock):
    """After a mix of bulks, long texts, failovers and lost answers, what was booked is what each provider charged."""
    scripted = ScriptedSandbox(clock=clock, price=Decimal("0.07"))
    scripted.script(refuse(Fault.UNAVAILABLE), hang_up(taken=True), refuse(Fault.DECLINED), hang_up(taken=False))
    scripted.numbers = {}
    box = DevinoSandbox(clock=clock, tariff=Tariff(Decimal("1.5")), delivery=DeliveryPlan(messages={Fate.STUCK: 1.0}))
    accounts = {
        "a": account(scripted, reconcile="query", bulk=3, opening_balance="4.00", prices=[price("0.07")]),
        "devino": devino(box, prices=[price("1.5")]),
    }
    async with routing(accounts, clock=clock) as rig:
        messages = [sms(place, "x" * (100 + 60 * (place % 5))) for place in range(60)]
        receipts = await finish(clock, sending(rig, *messages))
        assert {receipt.state for receipt in receipts} == {State.SENT}
        assert {receipt.provider for receipt in receipts} == {"a", "devino"}
        assert rig.spent("a") == scripted.account.spent
        assert rig.spent("devino") == box.account.spent
        assert rig.status("a").balance.amount == 4 - scripted.account.spent


@pytest.mark.parametrize("listed", ["4.00", "1.00", None])
async def test_a_price_that_reports_tell_beats_the_list(clock: FakeClock, listed: str | None):
    """Devino tells what each segment cost with its final state: receipt, books and account go by that."""
    box = DevinoSandbox(clock=clock, tariff=Tariff(Decimal("1.5")))
    keys = {"balance_every": "1d"} | ({"prices": [price(listed)]} if listed else {})
    async with routing({"devino": devino(box, **keys)}, clock=clock) as rig:
        receipt = await rig.router.submit(sms(1, "x" * 200))
        task = asyncio.create_task(rig.router.wait(receipt.id))
        (receipt,) = await finish(clock, [task])
        assert (receipt.state, str(receipt.attempts[0].price)) == (State.DELIVERED, "3.0 RUB")
        assert rig.spent("devino") == box.account.spent == 3
        assert rig.status("devino").balance.amount == box.account.balance


async def test_a_price_of_some_segments_is_no_price_of_the_message(clock: FakeClock):
    """Where an answer left an id out, the reports tell only a part of the price, and the list holds."""
    box = DevinoSandbox(clock=clock, tariff=Tariff(Decimal("1.5")))
    box.faults.add(quirk("one-id-less", endpoint="Sms/Send"))
    async with routing({"devino": devino(box, prices=[price("4.00")])}, clock=clock) as rig:
        receipt = await rig.router.submit(sms(1, "x" * 200))
        (receipt,) = await finish(clock, [asyncio.create_task(rig.router.wait(receipt.id))])
        assert (receipt.state, str(receipt.attempts[0].price)) == (State.DELIVERED, "8.00 RUB")
