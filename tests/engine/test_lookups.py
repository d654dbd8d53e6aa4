"""Lookups: their results, and a second opinion where the first provider could not tell."""

import asyncio

import pytest

from pointsman.events import FailedOver, Operation
from pointsman.message import Channel, Network, NetworkSource
from pointsman.outcome import Fault, LookupResult, LookupState, State
from pointsman.sandbox import DeliveryPlan, Fate, error, hang_after_accept
from pointsman.testing import FakeClock, ScriptedSandbox, refuse
from pointsman_devino.sandbox import DevinoSandbox

from .rig import Rig, account, devino, finish, lookup, number, price, routing, sending


def ending(clock: FakeClock, fate: Fate) -> ScriptedSandbox:
    """Return a provider whose lookups all end the same way."""
    return ScriptedSandbox(clock=clock, delivery=DeliveryPlan(lookups={fate: 1.0}))


def providers(receipt) -> list[str]:
    """Who was asked, in order."""
    return [attempt.provider for attempt in receipt.attempts]


async def looked_up(rig: Rig, clock: FakeClock):
    """Look one number up, while the clock goes on by itself."""
    (receipt,) = await finish(clock, sending(rig, lookup()))
    return receipt


# -- one provider ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.REACHABLE, Fate.ABSENT, Fate.NONEXISTENT])
async def test_an_answer_is_a_result_and_nobody_else_is_asked(clock: FakeClock, fate: Fate):
    """A number that is on, off or does not exist is a result: the lookup is resolved by one provider."""
    box, other = ending(clock, fate), ending(clock, Fate.REACHABLE)
    accounts = {"a": account(box, tells_reports=True), "b": account(other, tells_reports=True)}
    async with routing(accounts, clock=clock) as rig:
        receipt = await looked_up(rig, clock)
        assert (receipt.state, receipt.lookup) == (State.RESOLVED, LookupResult(state=LookupState(fate)))
        assert providers(receipt) == ["a"]
        assert other.seen == ()


async def test_lookup_returns_the_result(clock: FakeClock):
    """`lookup` waits for the result and returns it; it returns None when nobody takes the question."""
    box = ending(clock, Fate.ABSENT)
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig, clock.autojump():
        assert await rig.router.lookup(number(0)) == LookupResult(state=LookupState.ABSENT)
        box.script(refuse(Fault.CONTENT))
        assert await rig.router.lookup(number(1)) is None


@pytest.mark.trap("H08")
async def test_the_network_of_a_result_knows_its_country(clock: FakeClock):
    """Devino names an operator in words; the result has its code and the country that belongs to the code."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box)}, clock=clock) as rig, clock.autojump():
        result = await rig.router.lookup("79031234567")
        assert result is not None
        assert result.state is LookupState.REACHABLE
        assert result.network == Network(country="RU", mccmnc="25099", source=NetworkSource.HLR)


# -- a second opinion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.FAILED, Fate.UNKNOWN])
async def test_another_provider_is_asked_where_the_first_could_not_tell(clock: FakeClock, fate: Fate):
    """After a lookup that failed or stayed unknown, one other provider is asked, and its answer is the result."""
    box, other = ending(clock, fate), ending(clock, Fate.REACHABLE)
    accounts = {"a": account(box, tells_reports=True, poll={"give_up": "60s"}), "b": account(other, tells_reports=True)}
    async with routing(accounts, clock=clock) as rig:
        receipt = await looked_up(rig, clock)
        assert (receipt.state, receipt.lookup) == (State.RESOLVED, LookupResult(state=LookupState.REACHABLE))
        assert providers(receipt) == ["a", "b"]


async def test_there_is_one_second_opinion_and_no_third(clock: FakeClock):
    """When the second provider cannot tell either, the lookup has failed; the third is not asked."""
    boxes = {name: ending(clock, Fate.FAILED) for name in "abc"}
    accounts = {name: account(box, tells_reports=True) for name, box in boxes.items()}
    async with routing(accounts, clock=clock) as rig:
        receipt = await looked_up(rig, clock)
        assert (receipt.state, receipt.lookup) == (State.FAILED, LookupResult(state=LookupState.FAILED))
        assert providers(receipt) == ["a", "b"]
        assert boxes["c"].seen == ()


async def test_a_lookup_fails_where_there_is_nobody_else(clock: FakeClock):
    """A single provider that cannot tell is asked once, and the lookup has failed."""
    async with routing({"a": account(ending(clock, Fate.FAILED), tells_reports=True)}, clock=clock) as rig:
        receipt = await looked_up(rig, clock)
        assert (receipt.state, providers(receipt)) == (State.FAILED, ["a"])


async def test_a_second_opinion_counts_against_the_attempts(clock: FakeClock):
    """A lookup that may be attempted once gets no second opinion: the budget is one for the whole message."""
    accounts = {name: account(ending(clock, Fate.FAILED), tells_reports=True) for name in "ab"}
    async with routing(accounts, clock=clock, policy={"max_attempts": 1}) as rig:
        receipt = await looked_up(rig, clock)
        assert (receipt.state, providers(receipt)) == (State.FAILED, ["a"])


async def test_those_who_refused_are_not_asked_for_a_second_opinion(clock: FakeClock):
    """A provider that refused the lookup before is left out when a second opinion is wanted."""
    boxes = {name: ending(clock, Fate.FAILED) for name in "abc"}
    boxes["a"].script(refuse(Fault.DECLINED))
    accounts = {name: account(box, tells_reports=True) for name, box in boxes.items()}
    async with routing(accounts, clock=clock) as rig:
        receipt = await looked_up(rig, clock)
        assert providers(receipt) == ["a", "b", "c"]
        assert boxes["a"].ledger.calls[Operation.SUBMIT] == 1


async def test_all_who_wait_for_a_lookup_get_the_second_opinion(clock: FakeClock):
    """Whoever waits for a lookup is not told its failure while another provider is still being asked."""
    box, other = ending(clock, Fate.FAILED), ending(clock, Fate.REACHABLE)
    accounts = {"a": account(box, tells_reports=True), "b": account(other, tells_reports=True)}
    async with routing(accounts, clock=clock) as rig:
        (task,) = sending(rig, lookup())
        await clock.settle()
        message_id = rig.events[-1].message_id
        waiting = asyncio.create_task(rig.router.wait(message_id))
        sent, waited = await finish(clock, [task, waiting])
        assert sent == waited
        assert waited.lookup == LookupResult(state=LookupState.REACHABLE)


# -- a provider that never ends ----------------------------------------------------------------------------------------


@pytest.mark.trap("H09")
async def test_a_lookup_that_stays_pending_has_a_deadline_of_our_own(clock: FakeClock):
    """State 0 for ever, with a validity of 5 minutes: given up a minute after that, and another provider is asked."""
    box = DevinoSandbox(clock=clock, delivery=DeliveryPlan(lookups={Fate.STUCK: 1.0}))
    other = ending(clock, Fate.ABSENT)
    accounts = {"devino": devino(box, hlr_validity=5), "b": account(other, tells_reports=True)}
    async with routing(accounts, clock=clock) as rig:
        (task,) = sending(rig, lookup())
        await clock.advance(6 * 60 - 1)
        assert other.seen == ()
        await clock.advance(1)
        assert [seen.operation for seen in other.seen] == [Operation.SUBMIT]
        (receipt,) = await finish(clock, [task])
        assert (receipt.state, receipt.lookup) == (State.RESOLVED, LookupResult(state=LookupState.ABSENT))
        assert providers(receipt) == ["devino", "b"]


@pytest.mark.trap("H09")
async def test_a_lookup_that_stays_pending_everywhere_is_unknown(clock: FakeClock):
    """Without anybody else to ask, a lookup that never ends has failed with the result "unknown"."""
    box = DevinoSandbox(clock=clock, delivery=DeliveryPlan(lookups={Fate.STUCK: 1.0}))
    async with routing({"devino": devino(box, hlr_validity=5)}, clock=clock) as rig:
        receipt = await looked_up(rig, clock)
        assert (receipt.state, receipt.lookup) == (State.FAILED, LookupResult(state=LookupState.UNKNOWN))


# -- sending -----------------------------------------------------------------------------------------------------------


async def test_a_lookup_fails_over_like_a_message(clock: FakeClock):
    """A provider that refuses a lookup for want of money is followed by the next one."""
    box = DevinoSandbox(clock=clock)
    box.faults.add(error("5", endpoint="Hlr/SendBulk"))
    other = ending(clock, Fate.REACHABLE)
    accounts = {"devino": devino(box), "b": account(other, tells_reports=True)}
    async with routing(accounts, clock=clock) as rig:
        receipt = await looked_up(rig, clock)
        assert (receipt.state, receipt.provider) == (State.RESOLVED, "b")
        assert [(over.from_provider, over.to_provider) for over in rig.told(FailedOver)] == [("devino", "b")]


async def test_a_lookup_without_an_answer_is_asked_elsewhere(clock: FakeClock):
    """A question delivers nothing to anybody, so one that got no answer is put to the next provider."""
    box, other = ending(clock, Fate.REACHABLE), ending(clock, Fate.ABSENT)
    box.script(hang_after_accept(endpoint=Operation.SUBMIT))
    accounts = {
        "a": account(box, tells_reports=True, read_timeout="50ms"),
        "b": account(other, tells_reports=True),
    }
    async with routing(accounts, clock=clock) as rig, clock.autojump(box.busy):
        receipt = await rig.router.send(lookup())
        assert (receipt.state, providers(receipt)) == (State.RESOLVED, ["a", "b"])
        assert receipt.lookup == LookupResult(state=LookupState.ABSENT)


async def test_lookups_have_prices_of_their_own(clock: FakeClock, box: ScriptedSandbox):
    """A lookup is held, booked and compared by the prices of its channel, as one segment."""
    keys = {"tells_reports": True, "opening_balance": "1", "prices": [price("0.5"), price("0.02", Channel.HLR)]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        receipt = await looked_up(rig, clock)
        assert str(receipt.attempts[0].price) == "0.02 EUR"
        assert str(rig.available("a")) == "0.98"
