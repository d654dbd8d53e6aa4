"""Answers that leave something open: no id, a foreign currency, reports for nobody, a lookup that nobody could do."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from pointsman.events import MessageMoved, Operation, Reported
from pointsman.message import Message, Money
from pointsman.outcome import Accepted, DeliveryState, LookupState, State
from pointsman.plugin import Batch, Callback, Each, Oddity, ProviderPlugin, Reading, Response
from pointsman.plugin.interface import SubmitReading
from pointsman.sandbox import DeliveryPlan, Fate, answer
from pointsman.testing import FakeClock, Scripted, ScriptedSandbox, ScriptedSettings, Step, hang_up
from pointsman.testing.wire import Answer, News, Verdict
from pointsman_devino.sandbox import DevinoSandbox

from .rig import Rig, account, devino, finish, lookup, price, routing, sending, sms

HOUR = 3600.0


class Silent(Scripted):
    """A provider that takes everything and tells no ids."""

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Take all of them."""
        del response
        return Reading(Each((Accepted(ids=()),) * len(batch.items)))


class Foreign(Scripted):
    """A provider that tells its prices in a currency that nobody here has a rate for."""

    def _taken(self, verdict: Verdict) -> Accepted | None:
        return Accepted(ids=(verdict.id,), price=Money(Decimal("0.01"), "XAU")) if verdict.id is not None else None


SILENT = ProviderPlugin(name="silent", settings=ScriptedSettings, build=Silent)
FOREIGN = ProviderPlugin(name="foreign", settings=ScriptedSettings, build=Foreign)


async def report(rig: Rig, *news: News) -> None:
    """Let provider `a` call back."""
    await rig.router.callback("a", Callback(method="POST", body=msgspec.json.encode(Answer(reports=news))))


# -- no id -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "state", "patience"),
    [
        pytest.param(sms(), State.UNKNOWN, 48 * HOUR, id="a message"),
        pytest.param(lookup(), State.FAILED, 48 * HOUR, id="a lookup"),
    ],
)
async def test_an_acceptance_without_an_id_ends_some_time(
    clock: FakeClock, box: ScriptedSandbox, message: Message, state: State, patience: float
):
    """Nobody can be asked about it, so it is given up in the end, and nothing of it is kept."""
    async with routing({"a": account(box, plugin="silent")}, clock=clock, plugins=[SILENT]) as rig:
        task = asyncio.create_task(rig.router.send(message, until_final=True))
        await clock.advance(patience - 1)
        assert not task.done()
        await clock.advance(2)
        assert task.done()
        assert (await task).state is state
        assert (len(rig.router._serving), rig.router._tracking._unmapped) == (0, set())


@pytest.mark.trap("D21")
async def test_answers_that_cannot_be_told_apart_end_some_time(clock: FakeClock):
    """Three ids of Devino for two messages belong to none of them: both were sent, and both end as unknown."""
    box = DevinoSandbox(clock=clock)
    box.faults.add(answer(200, '["1","2","3"]', accepted=True, endpoint="Sms/SendBulk"))
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        task = asyncio.create_task(rig.router.send_many([sms(0), sms(1)], until_final=True))
        await clock.settle()
        assert [call.oddities for call in rig.calls(Operation.SUBMIT)] == [(Oddity.IDS_UNMAPPED,)]
        await clock.advance(72 * HOUR)
        assert task.done()
        assert [receipt.state for receipt in await task] == [State.UNKNOWN] * 2


async def test_a_report_by_our_reference_ends_what_has_no_id(clock: FakeClock, box: ScriptedSandbox):
    """A provider that told no id may still report under our reference, and that is believed."""
    async with routing({"a": account(box, plugin="silent")}, clock=clock, plugins=[SILENT]) as rig:
        receipt = await rig.router.send(sms())
        ref = receipt.attempts[0].ref
        await report(rig, News(id="m1", state=DeliveryState.DELIVERED, final=True, ref=ref))
        assert (await rig.router.receipt(receipt.id)).state is State.DELIVERED
        await clock.advance(72 * HOUR)
        assert (await rig.router.receipt(receipt.id)).state is State.DELIVERED


async def test_strangers_fill_no_memory(clock: FakeClock, box: ScriptedSandbox):
    """Of reports about an id that nobody here knows twenty are kept, however many come."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        for _ in range(10):
            await report(rig, *[News(id="stranger", state=DeliveryState.SENT)] * 10)
        assert len(await rig.router.store.early("a", "stranger")) == 20


# -- foreign money -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [pytest.param((), id="in the answer"), pytest.param((hang_up(taken=True),), id="when it is looked into")],
)
async def test_a_price_without_a_rate_falls_back_to_the_list(
    clock: FakeClock, box: ScriptedSandbox, steps: tuple[Step, ...]
):
    """A price in a currency without a rate is passed over: the list says what was spent, and nothing hangs."""
    box.script(*steps)
    keys = {"plugin": "foreign", "opening_balance": "10", "prices": [price("1")], "reconcile": "query"}
    async with routing({"a": account(box, **keys)}, clock=clock, plugins=[FOREIGN]) as rig:
        (receipt,) = await finish(clock, sending(rig, sms()))
        assert receipt.state is State.SENT
        assert (str(receipt.attempts[0].price), str(rig.available("a")), rig.spent("a")) == ("1 EUR", "9", 1)


async def test_a_price_without_a_rate_closes_the_breaker_all_the_same(clock: FakeClock, box: ScriptedSandbox):
    """A probe that is paid in foreign money has succeeded, and its place is free again."""
    other = ScriptedSandbox(clock=clock)
    box.script(*[hang_up(taken=False)] * 5)
    accounts = {"a": account(box, plugin="foreign"), "b": account(other)}
    async with routing(accounts, clock=clock, plugins=[FOREIGN], route={"on_unknown": "next"}) as rig:
        for place in range(5):
            await rig.router.send(sms(place))
        await clock.advance(60)
        assert [(await rig.router.send(sms(place))).provider for place in (8, 9)] == ["a", "a"]


# -- lookups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "states"),
    [
        pytest.param(Fate.REACHABLE, [State.SENDING, State.SENT, State.RESOLVED], id="which knows"),
        pytest.param(Fate.FAILED, [State.SENDING, State.SENT, State.FAILED], id="which does not know either"),
    ],
)
async def test_a_lookup_has_not_failed_while_somebody_else_is_asked(
    clock: FakeClock, second: Fate, states: list[State]
):
    """Those who watch see no last state before the second opinion."""
    boxes = [ScriptedSandbox(clock=clock, delivery=DeliveryPlan(lookups={fate: 1.0})) for fate in (Fate.FAILED, second)]
    accounts = {name: account(box, tells_reports=True) for name, box in zip("ab", boxes, strict=True)}
    async with routing(accounts, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, lookup()))
        assert [one.provider for one in receipt.attempts] == ["a", "b"]
        assert [moved.after for moved in rig.told(MessageMoved)] == states
        assert [told.state for told in rig.told(Reported)] == [LookupState.FAILED, LookupState(second)]
