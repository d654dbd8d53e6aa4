"""Lookups before sending: what is priced, routed and held back by them, and that no message is lost or late for one."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pointsman.clock import as_utc
from pointsman.errors import RouterClosed
from pointsman.events import Operation
from pointsman.message import Channel, Fallback, MessageClass, Network, NetworkSource, Sms, Viber
from pointsman.outcome import Fault, LookupState, Receipt, State
from pointsman.routing.paying import CURIOSITY_AT_FIRST
from pointsman.routing.verdict import Why
from pointsman.sandbox import DeliveryPlan, Fate
from pointsman.testing import FakeClock, ScriptedSandbox, refuse
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox

from .rig import Account, Rig, account, devino, finish, lookup, number, price, routing, sending, sms

ALWAYS: Mapping[str, Any] = {"lookup": "always"}
AUTO: Mapping[str, Any] = {"lookup": "auto"}
RANGES = Path(__file__).parents[1] / "fixtures" / "def_sample.csv"
NEVER_SENT = "hlr_nonexistent"


def network_price(mccmnc: str, amount: str) -> dict[str, Any]:
    """Return a line of a price list for one network."""
    return {"mccmnc": mccmnc, "channel": "sms", "price": amount}


def looker(clock: FakeClock, fate: Fate = Fate.REACHABLE, after: float = 2.0) -> ScriptedSandbox:
    """Return a provider of lookups that end in one way, so many seconds after they were asked for."""
    plan = DeliveryPlan(lookups={fate: 1.0}, seconds_to_final=after)
    return ScriptedSandbox(clock=clock, delivery=plan)


def looks_up(box: ScriptedSandbox, amount: str | None = "0.01", **keys: Any) -> Account:
    """Return an account for lookups alone."""
    prices = [price(amount, "hlr")] if amount is not None else []
    poll = {"first": "100ms", "longest": "500ms"}
    return account(box, channels=["hlr"], tells_reports=True, prices=prices, poll=poll, **keys)


def sends(box: ScriptedSandbox, *prices: Mapping[str, Any], **keys: Any) -> Account:
    """Return an account for messages alone."""
    return account(box, channels=["sms", "viber"], prices=list(prices) or [price("1")], **keys)


def asked(box: ScriptedSandbox) -> int:
    """How many lookups or messages a provider was asked for."""
    return sum(seen.operation is Operation.SUBMIT for seen in box.seen)


async def sent(rig: Rig, clock: FakeClock, **fields: Any) -> Receipt:
    """Send one message while the clock goes on by itself."""
    (receipt,) = await finish(clock, sending(rig, sms(**fields)))
    return receipt


def waited(receipt: Receipt) -> float:
    """Seconds from when a message was taken to when it left."""
    return round(receipt.attempts[0].started_at - receipt.accepted_at, 1)


# -- what a lookup changes ---------------------------------------------------------------------------------------------


async def test_a_ported_number_is_priced_and_routed_by_its_network(clock: FakeClock):
    """With `always` the message goes by whoever is cheapest in the network that was found, and its receipt says so."""
    a, b, hlr = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock), looker(clock)
    hlr.networks[number(0)] = "25002"
    accounts = {"a": sends(a, network_price("25002", "5"), price("1")), "b": sends(b, price("2")), "h": looks_up(hlr)}
    async with routing(accounts, clock=clock, route=ALWAYS, policy={"strategy": "cheapest"}) as rig:
        receipt = await sent(rig, clock)
        assert (receipt.state, receipt.provider) == (State.SENT, "b")
        assert receipt.network == Network("RU", "25002", NetworkSource.HLR)
        assert receipt.lookup is not None
        assert receipt.lookup.state is LookupState.REACHABLE
        assert (str(rig.spent("h")), str(rig.spent("b"))) == ("0.01", "2")
        assert (asked(hlr), asked(a)) == (1, 0)


async def test_a_number_that_does_not_exist_is_not_sent_to(clock: FakeClock):
    """It fails for certain, with a reason, and costs the lookup only; the next message costs nothing at all."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock, Fate.NONEXISTENT)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:
        for _ in range(2):
            receipt = await sent(rig, clock)
            assert (receipt.state, receipt.attempts) == (State.FAILED, ())
            assert receipt.reason is not None
            assert (receipt.reason.fault, receipt.reason.code) == (Fault.RECIPIENT, NEVER_SENT)
            assert receipt.reason.certain
            assert receipt.lookup is not None
            assert receipt.lookup.state is LookupState.NONEXISTENT
            assert (await rig.router.wait(receipt.id)).state is State.FAILED
        assert (asked(box), asked(hlr)) == (0, 1)
        assert str(rig.spent("h")) == "0.01"


@pytest.mark.parametrize("fate", [Fate.ABSENT, Fate.FAILED, Fate.UNKNOWN, Fate.STUCK])
async def test_all_other_results_are_sent_to(clock: FakeClock, fate: Fate):
    """A phone that is off, and a lookup that fails or never ends, keep no message from being sent."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock, fate)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:
        receipt = await sent(rig, clock)
        assert (receipt.state, receipt.provider) == (State.SENT, "a")
        assert (receipt.lookup is None) is (fate is not Fate.ABSENT)


async def test_a_viber_message_to_nobody_is_followed_by_no_sms(clock: FakeClock):
    """Where the number does not exist, the SMS in place of the Viber message is forgone as well."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock, Fate.NONEXISTENT)
    route = {**ALWAYS, "match": {"channel": ["viber"]}, "providers": ["a"]}
    plain = {"[routes]": {"name": "plain", "providers": ["a", "h"]}}
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=route, sections=plain) as rig:
        message = Viber(to=number(0), text="hello", fallback=Fallback())
        (receipt,) = await finish(clock, [asyncio.create_task(rig.router.send(message))])
        assert (receipt.state, receipt.fallback) == (State.FAILED, None)
        assert asked(box) == 0


async def test_the_sms_in_place_of_a_viber_message_is_not_looked_up_again(clock: FakeClock):
    """Both go by one lookup, even where no result is remembered."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    hlr.networks[number(0)] = "25002"
    box.script(refuse(Fault.RECIPIENT, certain=True))
    sections = {"router": {"lookup_cache": 0}}
    accounts = {"a": sends(box), "h": looks_up(hlr)}
    async with routing(accounts, clock=clock, route=ALWAYS, sections=sections) as rig:
        message = Viber(to=number(0), text="hello", fallback=Fallback())
        (receipt,) = await finish(clock, [asyncio.create_task(rig.router.send(message))])
        assert receipt.fallback is not None
        assert receipt.fallback.network.mccmnc == "25002"
        assert (asked(box), asked(hlr)) == (2, 1)


async def test_the_route_is_that_of_the_network_that_was_found(clock: FakeClock):
    """The routes are gone through again with the network that was found."""
    a, b, hlr = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock), looker(clock)
    hlr.networks[number(0)] = "25002"
    hlr.networks[number(1)] = "25001"
    accounts = {"a": sends(a), "b": sends(b), "h": looks_up(hlr)}
    route = {"match": {"mccmnc": ["25002"]}, "providers": ["b"]}
    rest = {"[routes]": {"name": "rest", "providers": ["a", "h"], **ALWAYS}}
    async with routing(accounts, clock=clock, route=route, sections=rest) as rig:
        receipts = await finish(clock, sending(rig, sms(0), sms(1)))
        assert [receipt.provider for receipt in receipts] == ["b", "a"]


async def test_a_network_that_no_route_is_for_changes_nothing(clock: FakeClock):
    """A message is not lost because its number has moved to where no route leads."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    hlr.networks[number(0)] = "40177"
    lossy = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(messages={Fate.UNDELIVERED: 1.0}))
    accounts = {
        "lossy": sends(lossy, network_price("40177", "2"), price("1"), tells_reports=True),
        "a": sends(box, network_price("40177", "3"), price("1"), tells_reports=True),
        "h": looks_up(hlr),
    }
    async with routing(accounts, clock=clock, route={**ALWAYS, "match": {"country": ["RU"]}}) as rig:
        async with clock.autojump():
            receipt = await rig.router.send(sms(), until_final=True)
        assert (receipt.state, receipt.network.country) == (State.DELIVERED, "KZ")
        assert [attempt.provider for attempt in receipt.attempts] == ["lossy", "a"], "it is sent again by its route"
        assert (str(rig.spent("lossy")), str(rig.spent("a"))) == ("2", "3")


# -- patience ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "policy", "seconds"),
    [
        ({}, {}, 30.0),
        ({"message_class": MessageClass.OTP}, {}, 5.0),
        ({"ttl": timedelta(seconds=20)}, {}, 2.0),
        ({}, {"lookup_patience": "12s"}, 12.0),
        ({"message_class": MessageClass.OTP}, {"lookup_patience": "2m"}, 30.0),
    ],
)
async def test_a_message_waits_no_longer_than_its_patience(
    clock: FakeClock, fields: dict[str, Any], policy: dict[str, str], seconds: float
):
    """After its patience, a tenth of its life at most, a message leaves without the result."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock, after=600.0)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS, policy=policy) as rig:
        receipt = await sent(rig, clock, **fields)
        assert (receipt.state, receipt.lookup) == (State.SENT, None)
        assert waited(receipt) == pytest.approx(seconds, abs=0.2)


async def test_a_result_that_comes_late_is_known_to_the_next_message(clock: FakeClock):
    """A lookup whose message has left is followed to its end; the next message is not looked up again."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock, Fate.NONEXISTENT, after=60.0)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:
        assert (await sent(rig, clock)).state is State.SENT
        async with clock.autojump():
            await clock.sleep(60)
        assert (await sent(rig, clock)).state is State.FAILED
        assert asked(hlr) == 1


@pytest.mark.parametrize("fault", [Fault.RECIPIENT, Fault.UNAVAILABLE, Fault.CREDITS, Fault.NO_ROUTE])
async def test_a_refused_lookup_delays_nothing(clock: FakeClock, fault: Fault):
    """Where nobody takes the lookup, the message is sent as without one."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    hlr.script(*[refuse(fault, certain=True)] * 9)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:
        receipt = await sent(rig, clock)
        assert (receipt.state, receipt.provider) == (State.SENT, "a")
        assert waited(receipt) <= 30.0


async def test_where_nobody_can_look_up_nobody_waits(clock: FakeClock):
    """A provider of lookups that is out of use is not waited for, and no lookup is begun."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:
        rig.router.trip("h")
        receipt = await rig.router.send(sms())
        assert (receipt.state, waited(receipt)) == (State.SENT, 0.0)
        decision = rig.router.explain(sms())
        assert decision.lookup is not None
        assert decision.lookup.why is Why.NO_LOOKUP


async def test_what_breaks_in_a_lookup_does_not_break_the_message(clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    """Whatever a lookup raises, the message is sent."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:

        async def broken(_: object) -> None:
            raise RouterClosed("no more")

        monkeypatch.setattr(rig.router._locating, "look_up", broken)
        assert (await sent(rig, clock)).state is State.SENT


async def test_a_message_is_cancelled_while_it_waits(clock: FakeClock):
    """Who takes a message back while its number is looked up is heard at once; a lookup that has left is followed."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:
        receipt = await rig.router.submit(sms())
        await clock.settle()
        assert await rig.router.cancel(receipt.id)
        assert (await rig.router.wait(receipt.id)).state is State.CANCELLED
        await clock.advance(40)
        assert asked(box) == 0


async def test_a_router_that_closes_waits_for_no_lookup(clock: FakeClock):
    """A message whose number is being looked up when the router closes is cancelled."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:
        receipt = await rig.router.submit(sms())
        await clock.settle()
    ended = await rig.router.receipt(receipt.id)
    assert ended is not None
    assert ended.state is State.CANCELLED
    assert asked(box) == 0


async def test_lookups_need_no_second_place(clock: FakeClock):
    """With one message on its way at a time, a lookup takes the place while its message waits outside."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    sections = {"router": {"max_in_flight": 1}}
    accounts = {"a": sends(box), "h": looks_up(hlr)}
    async with routing(accounts, clock=clock, route=ALWAYS, sections=sections) as rig:
        receipts = await finish(clock, sending(rig, *(sms(place) for place in range(5))))
        assert [receipt.state for receipt in receipts] == [State.SENT] * 5
        assert all(receipt.lookup is not None for receipt in receipts)


# -- one lookup at most ------------------------------------------------------------------------------------------------


async def test_messages_to_one_number_share_a_lookup(clock: FakeClock):
    """What is sent to one number at once, or soon after, is one question."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:
        await finish(clock, [*sending(rig, sms(), sms()), *sending(rig, sms())])
        await sent(rig, clock)
        assert (asked(hlr), asked(box)) == (1, 4)


@pytest.mark.parametrize("mode", ["always", "auto"])
@pytest.mark.parametrize("seed", range(4))
async def test_never_more_than_one_lookup_for_a_message(clock: FakeClock, mode: str, seed: int):
    """Whatever becomes of it, failover and sending again included, a message is looked up once at most."""
    random = Random(seed)
    ends = {Fate.DELIVERED: 1.0, Fate.UNDELIVERED: 1.0, Fate.REJECTED: 1.0}
    boxes = {name: ScriptedSandbox(clock=clock, seed=seed, delivery=DeliveryPlan(messages=ends)) for name in "ab"}
    for box in boxes.values():
        box.script(*(refuse(random.choice([Fault.DECLINED, Fault.UNAVAILABLE])) for _ in range(6)))
    fates = dict.fromkeys((Fate.REACHABLE, Fate.ABSENT, Fate.NONEXISTENT, Fate.FAILED, Fate.UNKNOWN), 1.0)
    hlr = ScriptedSandbox(clock=clock, seed=seed, delivery=DeliveryPlan(lookups=fates))
    prices = [price("1"), network_price("25002", "3")]
    accounts = {name: sends(box, *prices, tells_reports=True) for name, box in boxes.items()}
    sections = {"router": {"lookup_cache": 0}}
    async with routing({**accounts, "h": looks_up(hlr)}, clock=clock, route={"lookup": mode}, sections=sections) as rig:
        async with clock.autojump():
            await asyncio.gather(*(rig.router.send(sms(place), until_final=True) for place in range(12)))
        numbers = [item.to for item in hlr.items]
        assert len(numbers) == len(set(numbers)), "no number twice"
        assert mode == "auto" or len(numbers) == 12
        assert max(asked(box) for box in boxes.values()) > 6


async def test_what_is_known_is_not_asked(clock: FakeClock):
    """A fresh result serves, whoever asked; only a route that wants lookups holds back messages because of one."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock, Fate.NONEXISTENT)
    route = {**ALWAYS, "match": {"class": ["otp", "transactional"]}}
    rest = {"[routes]": {"name": "rest", "providers": ["a"]}}
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=route, sections=rest) as rig:
        await finish(clock, sending(rig, lookup()))
        decision = rig.router.explain(sms())
        assert decision.lookup is not None
        assert (decision.lookup.look, decision.lookup.why) == (False, Why.KNOWN)
        assert (await rig.router.send(sms())).state is State.FAILED
        assert (await rig.router.send(sms(message_class=MessageClass.MARKETING))).state is State.SENT
        assert asked(hlr) == 1


async def test_without_the_key_nothing_is_looked_up(clock: FakeClock):
    """By default no lookup is made, and the decision says nothing of one."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock) as rig:
        assert (await rig.router.send(sms())).state is State.SENT
        assert rig.router.explain(sms()).lookup is None
        assert hlr.seen == ()


async def test_a_message_of_tomorrow_is_looked_up_tomorrow(clock: FakeClock):
    """What is kept until it is due is looked up then."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    async with routing({"a": sends(box), "h": looks_up(hlr)}, clock=clock, route=ALWAYS) as rig:
        await rig.router.submit(sms(send_at=as_utc(clock.now() + 3600)))
        await clock.advance(3500)
        assert asked(hlr) == 0
        async with clock.autojump():
            await clock.sleep(200)
        assert (asked(hlr), asked(box)) == (1, 1)


# -- auto --------------------------------------------------------------------------------------------------------------


async def test_auto_looks_up_what_pays(clock: FakeClock):
    """Where networks cost very different amounts a cheap lookup is made, and `explain` says so without asking."""
    a, b, hlr = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock), looker(clock)
    hlr.networks[number(0)] = "25002"
    cheap = [network_price("25001", "0.5"), network_price("25002", "4"), price("1")]
    accounts = {"a": sends(a, *cheap), "b": sends(b, price("1.1")), "h": looks_up(hlr)}
    async with routing(accounts, clock=clock, route=AUTO, policy={"strategy": "balanced"}) as rig:
        verdict = rig.router.explain(sms()).lookup
        assert verdict is not None
        assert (verdict.look, verdict.why, verdict.cost) == (True, Why.SAVES, 0.01)
        assert verdict.saving > 0.5
        assert hlr.seen == ()
        receipt = await sent(rig, clock)
        assert (receipt.provider, asked(hlr)) == ("b", 1)


@pytest.mark.parametrize(("amount", "why"), [(None, Why.NO_PRICE), ("0.90", Why.DEAR)])
async def test_auto_does_not_look_up_what_does_not_pay(clock: FakeClock, amount: str | None, why: Why):
    """A lookup without a price, or that costs about what a message does, is not made, but for a few to learn."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock)
    async with routing({"a": sends(box), "h": looks_up(hlr, amount)}, clock=clock, route=AUTO) as rig:
        verdict = rig.router.explain(sms()).lookup
        assert verdict is not None
        assert (verdict.look, verdict.why) == (False, why)
        await finish(clock, sending(rig, *(sms(place) for place in range(40))))
        assert asked(hlr) <= (0 if amount is None else 10)


async def test_auto_learns_that_numbers_are_dead(clock: FakeClock):
    """Lookups that found many numbers dead make those pay that did not, and the messages are held back."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock, Fate.NONEXISTENT)
    async with routing({"a": sends(box), "h": looks_up(hlr, "0.20")}, clock=clock, route=AUTO) as rig:
        before = rig.router.explain(sms()).lookup
        await finish(clock, sending(rig, *(lookup(place) for place in range(1, 15))))
        after = rig.router.explain(sms()).lookup
        assert before is not None
        assert after is not None
        assert (before.why, after.why) == (Why.DEAR, Why.SAVES)
        assert (await sent(rig, clock)).state is State.FAILED
        assert asked(box) == 0


async def test_auto_learns_where_the_numbers_of_a_range_went(clock: FakeClock):
    """Lookups of one range that mostly found another network make those of the rest of it pay, and no others."""
    a, b, hlr = ScriptedSandbox(clock=clock), ScriptedSandbox(clock=clock), looker(clock)
    hlr.networks.update({number(place): "25002" for place in range(1, 31)})
    accounts = {
        "a": sends(a, network_price("25001", "0.9"), network_price("25002", "1.5"), price("1")),
        "b": sends(b, price("1.1")),
        "h": looks_up(hlr, "0.15"),
    }
    policy = {"strategy": "cheapest"}
    async with routing(accounts, clock=clock, route=AUTO, policy=policy, ranges=RANGES) as rig:
        assert rig.router.check(sms()).network == Network("RU", "25001", NetworkSource.RANGE)
        before = rig.router.explain(sms()).lookup
        await finish(clock, sending(rig, *(lookup(place) for place in range(1, 31))))
        after, elsewhere = rig.router.explain(sms()).lookup, rig.router.explain(Sms("79000000000", "x")).lookup
        assert before is not None
        assert after is not None
        assert elsewhere is not None
        assert (before.why, after.why, elsewhere.why) == (Why.DEAR, Why.SAVES, Why.DEAR)
        assert after.saving > 0.2
        await sent(rig, clock)
        assert asked(hlr) == 31


async def test_a_result_told_twice_counts_once(clock: FakeClock):
    """The same number looked up again and again says no more of its range than once."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock, Fate.NONEXISTENT)
    async with routing({"a": sends(box), "h": looks_up(hlr, "0.20")}, clock=clock, route=AUTO) as rig:
        savings = []
        for place in (1, 1, 1, 2):
            await finish(clock, sending(rig, lookup(place)))
            verdict = rig.router.explain(sms()).lookup
            assert verdict is not None
            savings.append(verdict.saving)
        assert savings[0] == savings[1] == savings[2] < savings[3]


async def test_auto_finds_out_by_itself(clock: FakeClock):
    """Where all numbers are dead although that was not expected, a few lookups out of curiosity bring it out."""
    box, hlr = ScriptedSandbox(clock=clock), looker(clock, Fate.NONEXISTENT)
    async with routing({"a": sends(box), "h": looks_up(hlr, "0.10")}, clock=clock, route=AUTO) as rig:
        for start in range(0, 200, 50):
            await finish(clock, sending(rig, *(sms(place) for place in range(start, start + 50))))
        assert CURIOSITY_AT_FIRST * 200 < asked(hlr) <= 200
        assert (await sent(rig, clock, place=700)).state is State.FAILED


# -- with the real protocols -------------------------------------------------------------------------------------------

AFFILIATE: Mapping[str, Any] = {
    "plugin": "affiliate_hlr",
    "api_key": {"env": "AFFILIATE_KEY"},
    "currency": "EUR",
    "prices": [price("0.0020", "hlr")],
}


async def test_affiliate_tells_where_a_number_has_moved(clock: FakeClock):
    """A number of MTS that affiliate finds at MegaFon is priced and sent as one of MegaFon."""
    hlr, first, second = AffiliateSandbox(clock=clock), DevinoSandbox(clock=clock), ScriptedSandbox(clock=clock)
    hlr.ported[number(0)] = "25002"
    accounts = {
        "devino": devino(first, prices=[network_price("25002", "500"), price("100")]),
        "b": sends(second, price("2")),
        "hlr": Account(hlr, AFFILIATE),
    }
    async with routing(accounts, clock=clock, route=ALWAYS, policy={"strategy": "cheapest"}) as rig:
        moved, stayed = await finish(clock, sending(rig, sms(0), sms(1)))
        assert (moved.provider, moved.network.mccmnc) == ("b", "25002")
        assert (stayed.provider, stayed.network.mccmnc) == ("devino", "25001")
        assert moved.lookup is not None
        assert moved.lookup.ported
        assert str(rig.spent("hlr")) == "0.004"


async def test_devino_tells_that_a_number_does_not_exist(clock: FakeClock):
    """A number that Devino's lookup says does not exist gets no SMS, and costs the lookup only."""
    hlr, box = DevinoSandbox(clock=clock), ScriptedSandbox(clock=clock)
    hlr.outcomes[number(0)] = Fate.NONEXISTENT
    accounts = {"a": sends(box), "devino": devino(hlr, prices=[price("0.35", "hlr")])}
    async with routing(accounts, clock=clock, route=ALWAYS) as rig:
        receipt = await sent(rig, clock)
        assert receipt.reason is not None
        assert (receipt.state, receipt.reason.code) == (State.FAILED, NEVER_SENT)
        assert asked(box) == 0
        assert str(rig.spent("devino")) == "0.35"
        assert all(message.channel is Channel.HLR for message in hlr.ledger.messages)
