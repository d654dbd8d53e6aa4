"""Lookups that are remembered: asked once, priced and routed by, and forgotten in time."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from pointsman.clock import as_utc
from pointsman.engine.lookups import Lookups
from pointsman.events import Operation
from pointsman.message import Msisdn, Network, NetworkSource
from pointsman.outcome import LookupResult, LookupState, State
from pointsman.plugin import Callback
from pointsman.sandbox import DeliveryPlan, Fate
from pointsman.testing import FakeClock, ScriptedSandbox
from pointsman.testing.wire import Answer, News

from .rig import accepted, account, finish, lookup, number, routing, sending, sms

HOUR = timedelta(hours=1)
NUMBER = Msisdn("79161234567")


def result(state: LookupState = LookupState.REACHABLE, mccmnc: str | None = "25002", **fields) -> LookupResult:
    """Return what a lookup found."""
    network = Network(mccmnc=mccmnc, country="RU") if mccmnc is not None else None
    return LookupResult(state=state, network=network, **fields)


def remembering(clock: FakeClock, size: int = 10, age: float = 3600.0) -> Lookups:
    """Return an empty memory."""
    return Lookups(clock, size=size, age=age)


# -- the memory alone --------------------------------------------------------------------------------------------------


async def test_a_result_is_known_until_it_is_too_old(clock: FakeClock):
    """A result without a time is as old as our knowledge of it; its age is what the caller allows."""
    lookups = remembering(clock)
    lookups.learn(NUMBER, result())
    found_at = as_utc(clock.now())
    await clock.advance(3600)
    known = lookups.known(NUMBER, HOUR)
    assert known is not None
    assert known.at == found_at
    assert known.network == Network(country="RU", mccmnc="25002", source=NetworkSource.HLR)
    await clock.advance(1)
    assert lookups.known(NUMBER, HOUR) is None
    assert lookups.known(NUMBER, 2 * HOUR) == known
    assert lookups.network(NUMBER) is None, "an hour is all that the network is good for"


@pytest.mark.parametrize("state", [LookupState.PENDING, LookupState.FAILED, LookupState.UNKNOWN])
def test_what_tells_nothing_is_not_remembered(clock: FakeClock, state: LookupState):
    """A lookup that is pending, failed or unknown says nothing about the number, and does not push out what does."""
    lookups = remembering(clock)
    lookups.learn(NUMBER, result(state))
    assert len(lookups) == 0
    lookups.learn(NUMBER, result())
    lookups.learn(NUMBER, result(state))
    known = lookups.known(NUMBER, HOUR)
    assert known is not None
    assert known.state is LookupState.REACHABLE


def test_the_number_that_was_not_used_for_longest_is_forgotten(clock: FakeClock):
    """The memory never holds more than its size; what is asked for stays."""
    lookups = remembering(clock, size=2)
    first, second, third = (Msisdn(number(place)) for place in range(3))
    lookups.learn(first, result())
    lookups.learn(second, result())
    assert lookups.known(first, HOUR) is not None
    lookups.learn(third, result())
    assert len(lookups) == 2
    assert lookups.known(second, HOUR) is None
    assert lookups.known(first, HOUR) is not None


def test_nothing_is_remembered_where_that_is_switched_off(clock: FakeClock):
    """A size of 0 remembers nothing."""
    lookups = remembering(clock, size=0)
    lookups.learn(NUMBER, result())
    assert len(lookups) == 0


def test_an_older_result_does_not_replace_a_newer_one(clock: FakeClock):
    """Results may come out of order; a time after now is a clock that is ahead, and counts as now."""
    lookups = remembering(clock)
    now = as_utc(clock.now())
    lookups.learn(NUMBER, result(mccmnc="25001", at=now + 5 * HOUR))
    known = lookups.known(NUMBER, HOUR)
    assert known is not None
    assert known.at == now
    lookups.learn(NUMBER, result(mccmnc="25002", at=now - HOUR))
    assert lookups.known(NUMBER, HOUR) == known


def test_a_clock_that_was_set_back_spoils_nothing(clock: FakeClock):
    """A result from a time that is yet to come is not known, however old it may be, and the next one replaces it."""
    lookups = remembering(clock)
    start = clock.now()
    clock.set_wall(start + 90 * 86400)
    lookups.learn(NUMBER, result(mccmnc="25001"))
    clock.set_wall(start)
    assert lookups.known(NUMBER, HOUR) is None
    assert lookups.network(NUMBER) is None
    lookups.learn(NUMBER, result(mccmnc="25002"))
    known = lookups.known(NUMBER, HOUR)
    assert known is not None
    assert known.at == as_utc(start)


def test_a_result_without_a_network_leaves_it_to_the_number(clock: FakeClock):
    """A number that does not exist has no network, and a country alone is no better than what the number tells."""
    lookups = remembering(clock)
    lookups.learn(NUMBER, result(LookupState.NONEXISTENT, mccmnc=None))
    assert lookups.network(NUMBER) is None
    lookups.learn(NUMBER, LookupResult(state=LookupState.REACHABLE, network=Network(country="RU")))
    assert lookups.network(NUMBER) is None


# -- in a router -------------------------------------------------------------------------------------------------------


async def test_a_lookup_that_may_be_old_is_not_asked_again(clock: FakeClock, box: ScriptedSandbox):
    """With `max_age` a known result is returned with its time; without it, or when it is too old, somebody is asked."""
    box.networks[number(0)] = "25002"
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig, clock.autojump():
        await rig.router.lookup(number(0))
        known = await rig.router.lookup("+7 916 123-00-00", max_age=HOUR)
        assert known is not None
        assert (known.state, known.network) == (LookupState.REACHABLE, Network("RU", "25002", NetworkSource.HLR))
        assert known.at is not None
        assert known.at <= as_utc(clock.now())
        assert box.ledger.calls[Operation.SUBMIT] == 1
        await rig.router.lookup(number(0))
        assert box.ledger.calls[Operation.SUBMIT] == 2
        await clock.sleep(3601)
        await rig.router.lookup(number(0), max_age=HOUR)
        assert box.ledger.calls[Operation.SUBMIT] == 3


async def test_a_result_that_is_told_again_is_no_younger(clock: FakeClock, box: ScriptedSandbox):
    """Providers call back more than once; a result without a time is as old as the first time that it was told."""
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        (found,) = await finish(clock, sending(rig, lookup()))
        assert found.lookup is not None
        await clock.advance(3600)
        body = msgspec.json.encode(
            Answer(reports=(News(id=accepted(found).ids[0], lookup=LookupState.REACHABLE, final=True),))
        )
        await rig.router.callback("a", Callback(method="POST", body=body))
        known = rig.router._lookups.known(Msisdn(number(0)), 24 * HOUR)
        assert known is not None
        assert as_utc(clock.now()) - (known.at or as_utc(0)) >= HOUR


@pytest.mark.parametrize("fate", [Fate.FAILED, Fate.UNKNOWN])
async def test_a_lookup_that_came_to_nothing_is_asked_again(clock: FakeClock, fate: Fate):
    """What nobody could tell is not remembered."""
    box = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(lookups={fate: 1.0}))
    keys = {"tells_reports": True, "poll": {"give_up": "60s"}}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig, clock.autojump():
        await rig.router.lookup(number(0), max_age=HOUR)
        await rig.router.lookup(number(0), max_age=HOUR)
        assert box.ledger.calls[Operation.SUBMIT] == 2


async def test_those_who_ask_for_one_number_at_once_share_the_question(clock: FakeClock, box: ScriptedSandbox):
    """Concurrent lookups of one number are one question; who is cancelled leaves the others alone."""
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        asking = [
            asyncio.create_task(rig.router.lookup(written)) for written in (number(0), "8 916 123 00 00", number(1))
        ]
        impatient = asyncio.create_task(rig.router.lookup(number(0)))
        await clock.settle()
        impatient.cancel()
        async with clock.autojump():
            first, second, other = await asyncio.gather(*asking)
        assert first is not None
        assert first == second == other
        assert impatient.cancelled()
        assert box.ledger.calls[Operation.SUBMIT] == 2


async def test_a_question_that_nobody_waits_for_is_given_up(clock: FakeClock, box: ScriptedSandbox):
    """When the only one who waits is cancelled before it left, nothing leaves; the next one asks anew."""
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        asking = asyncio.create_task(rig.router.lookup(number(0)))
        await asyncio.sleep(0)
        asking.cancel()
        await clock.settle()
        assert asking.cancelled()
        assert box.seen == ()
        async with clock.autojump():
            assert await rig.router.lookup(number(0)) is not None


async def test_a_question_after_one_that_was_given_up_is_shared_again(clock: FakeClock, box: ScriptedSandbox):
    """The end of a question that nobody waits for does not part those who ask next."""
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        given_up = asyncio.create_task(rig.router.lookup(number(0)))
        await clock.settle()
        given_up.cancel()
        await asyncio.sleep(0)
        second = asyncio.create_task(rig.router.lookup(number(0)))
        await clock.settle()
        before = box.ledger.calls[Operation.SUBMIT]
        third = asyncio.create_task(rig.router.lookup(number(0)))
        async with clock.autojump():
            assert await second == await third
        assert box.ledger.calls[Operation.SUBMIT] == before


async def test_both_of_two_equal_lookups_get_their_result(clock: FakeClock, box: ScriptedSandbox):
    """In one `send_many` the same number may stand twice; each message has its own receipt with the result."""
    keys = {"tells_reports": True, "bulk": 10, "one_per_recipient": True}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig, clock.autojump():
        receipts = await rig.router.send_many([lookup(0), lookup(0)])
        assert [receipt.state for receipt in receipts] == [State.RESOLVED] * 2
        assert len({receipt.id for receipt in receipts}) == 2
        assert len(box.ledger.messages) == 1


async def test_a_lookup_tells_the_network_of_later_messages(clock: FakeClock, box: ScriptedSandbox):
    """After a lookup the price and the choice follow the network that it found, for as long as it is fresh."""
    other = ScriptedSandbox(clock=clock)
    box.networks[number(0)] = "25002"
    prices = {
        "a": [{"mccmnc": "25002", "channel": "sms", "price": "5"}, {"country": "RU", "channel": "sms", "price": "1"}],
        "b": [{"country": "RU", "channel": "sms", "price": "2"}],
    }
    accounts = {
        "a": account(box, tells_reports=True, prices=prices["a"]),
        "b": account(other, tells_reports=True, prices=prices["b"]),
    }
    async with routing(accounts, clock=clock, policy={"strategy": "cheapest"}) as rig:
        assert (await rig.router.send(sms())).provider == "a"
        await finish(clock, sending(rig, lookup()))
        assert rig.router.check(sms()).network == Network("RU", "25002", NetworkSource.HLR)
        decision = rig.router.explain(sms())
        assert [(one.candidate.provider, str(one.candidate.total)) for one in decision.ranking] == [
            ("b", "2 EUR"),
            ("a", "5 EUR"),
        ]
        assert (await rig.router.send(sms())).provider == "b"
        assert rig.router.check(sms(1)).network.source is NetworkSource.COUNTRY
        await clock.advance(86401)
        assert rig.router.check(sms()).network == Network("RU")
