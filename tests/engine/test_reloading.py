"""Another configuration while messages are on their way: what changes, what goes on, and that nothing is lost."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from pointsman import Channel, Router
from pointsman.config import Aspect, Config, ProviderChange, Reloaded, parse_config
from pointsman.errors import ConfigError, PluginError, RouterClosed
from pointsman.events import ConfigRefused, ConfigReloaded, Operation, Rested
from pointsman.loading import load_plugins
from pointsman.outcome import Fault, State
from pointsman.plugin import Callback
from pointsman.routing.breaker import BreakerState
from pointsman.sandbox import delay
from pointsman.store import MemoryStore
from pointsman.testing import SCRIPTED, FakeClock, Refusal, ScriptedSandbox, hang_up, normal, refuse

from .rig import Account, Rig, account, configuration, finish, number, price, routing, sending, sms

SUBMIT = Operation.SUBMIT
Accounts = dict[str, Account]


@pytest.fixture
def other(clock: FakeClock) -> ScriptedSandbox:
    """Another provider that is not running yet."""
    return ScriptedSandbox(clock=clock)


@pytest.fixture
def accounts(box: ScriptedSandbox, other: ScriptedSandbox) -> Accounts:
    """Two providers; the route prefers `a`."""
    return {"a": account(box), "b": account(other)}


def config(
    rig: Rig,
    accounts: Mapping[str, Account],
    route: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """Return a configuration for a running router."""
    text = configuration(accounts, route or {}, policy or {}, sections or {})
    return parse_config(text, plugins=rig.router.plugins, env={})


def having(one: Account, **keys: Any) -> Account:
    """Return an account with other keys."""
    return Account(one.sandbox, {**one.keys, **keys})


async def takers(rig: Rig, *places: int) -> list[str | None]:
    """Send to these places one after the other; return who took each."""
    return [(await rig.router.send(sms(place))).provider for place in places]


def tasks() -> int:
    """Count the tasks that there are."""
    return len(asyncio.all_tasks())


# -- what changes ------------------------------------------------------------------------------------------------------


async def test_nothing_new_changes_nothing(clock: FakeClock, accounts: Accounts):
    """The same configuration again is put in force without a change, and told as such."""
    async with routing(accounts, clock=clock) as rig:
        before = rig.router._stations["a"].transport
        assert await rig.router.reload(config(rig, accounts)) == Reloaded()
        assert rig.router._stations["a"].transport is before
        (event,) = rig.told(ConfigReloaded)
        assert (event.changes, event.removed, event.providers) == ((), (), ("a", "b"))


async def test_a_price_changes_the_next_decision(clock: FakeClock, accounts: Accounts):
    """A price list is in force for the very next message; nothing is connected anew."""
    dear = {"a": having(accounts["a"], prices=[price("2")]), "b": having(accounts["b"], prices=[price("1")])}
    cheap = {"a": having(accounts["a"], prices=[price("0.5")]), "b": dear["b"]}
    async with routing(dear, clock=clock, policy={"strategy": "cheapest"}) as rig:
        assert await takers(rig, 1) == ["b"]
        transport = rig.router._stations["a"].transport
        changes = await rig.router.reload(config(rig, cheap, policy={"strategy": "cheapest"}))
        assert changes == Reloaded(changed=(ProviderChange("a", (Aspect.PRICES,)),))
        assert await takers(rig, 2) == ["a"]
        assert rig.router._stations["a"].transport is transport
        assert rig.router.config.providers["a"].prices[0].price == Decimal("0.5")


async def test_other_price_lists_name_other_networks(clock: FakeClock, accounts: Accounts):
    """Which networks have prices of their own, as is weighed before a lookup, is read from the lists in force."""
    async with routing(accounts, clock=clock) as rig:
        locating = rig.router._locating
        assert locating._networks(Channel.SMS, "RU") == frozenset()
        named = [{"mccmnc": "25001", "channel": "sms", "price": "1"}]
        await rig.router.reload(config(rig, {**accounts, "a": having(accounts["a"], prices=named)}))
        assert locating._networks(Channel.SMS, "RU") == {"25001"}


async def test_rates_change_what_is_cheapest(clock: FakeClock, accounts: Accounts):
    """Prices are compared anew when a rate changes."""
    both = {
        "a": having(accounts["a"], prices=[price("50")], currency="RUB"),
        "b": having(accounts["b"], prices=[price("0.6")]),
    }
    async with routing(both, clock=clock, policy={"strategy": "cheapest"}) as rig:
        assert await takers(rig, 1) == ["a"]
        text = configuration(both, {}, {"strategy": "cheapest"}).replace('RUB = "0.01"', 'RUB = "0.02"')
        changes = await rig.router.reload(parse_config(text, plugins=rig.router.plugins, env={}))
        assert changes == Reloaded(rates=True)
        assert await takers(rig, 2) == ["b"]


async def test_senders_floor_pace_and_silence_change_in_place(clock: FakeClock, accounts: Accounts):
    """What can be changed in place is, and the station stays."""
    one = {"a": having(accounts["a"], prices=[price("1")], opening_balance="10"), "b": accounts["b"]}
    new = {"a": having(one["a"], senders=["SHOP"], floor="8", max_rate=5.0, silence="nothing", batch=3), "b": one["b"]}
    async with routing(one, clock=clock) as rig:
        station = rig.router._stations["a"]
        lane = station.lane
        assert await takers(rig, 1) == ["a"]
        changes = await rig.router.reload(config(rig, new))
        assert changes.changed == (ProviderChange("a", (Aspect.LIMITS, Aspect.MONEY, Aspect.REPORTS, Aspect.SENDERS)),)
        assert rig.router._stations["a"] is station
        assert station.lane is lane
        assert rig.available("a") == 1
        assert station.view.default_sender == "SHOP"
        assert station.view.limiter.burst == 5
        assert await takers(rig, 2, 3) == ["a", "b"]


async def test_another_opening_balance_is_what_there_is(clock: FakeClock, accounts: Accounts):
    """An account that we keep is started anew with it, also in the store."""
    one = {"a": having(accounts["a"], prices=[price("1")], opening_balance="2"), "b": accounts["b"]}
    new = {"a": having(one["a"], opening_balance="5"), "b": one["b"]}
    store = MemoryStore()
    async with routing(one, clock=clock, store=store) as rig:
        assert await takers(rig, 1, 2, 3) == ["a", "a", "b"]
        assert ("a", "EUR") in await store.spent()
        await rig.router.reload(config(rig, new))
        assert rig.available("a") == 5
        assert await store.spent() == {}
        assert await takers(rig, 4) == ["a"]


async def test_routes_change_for_messages_on_their_way(clock: FakeClock, accounts: Accounts, box: ScriptedSandbox):
    """A message that waits for its second try is sent by the new route then."""
    all_three = {**accounts, "c": account(ScriptedSandbox(clock=clock))}
    box.script(refuse(Fault.THROTTLED, retry_after=5.0))
    async with routing(all_three, clock=clock, route={"providers": ["a"]}) as rig:
        sent = sending(rig, sms())
        await clock.settle()
        changes = await rig.router.reload(config(rig, all_three, route={"providers": ["c", "b"]}))
        assert changes == Reloaded(routes=True)
        assert [one.provider for one in (await finish(clock, sent))[0].attempts] == ["a", "c"]
        assert await takers(rig, 1) == ["c"]


async def test_a_message_without_a_route_is_refused(clock: FakeClock, accounts: Accounts, box: ScriptedSandbox):
    """Where no route is for a message any more, it ends as one that nobody can take."""
    box.script(delay(5.0, endpoint=SUBMIT))
    one = {"a": having(accounts["a"], max_in_flight=1), "b": accounts["b"]}
    async with routing(one, clock=clock) as rig:
        sent = sending(rig, sms(1), sms(2))
        await clock.settle()
        await rig.router.reload(config(rig, {"b": one["b"]}, route={"match": {"channel": "hlr"}}))
        first, second = await finish(clock, sent)
        assert second.attempts == ()
        assert second.reason is not None
        assert second.reason.fault is Fault.NO_ROUTE
        assert first.provider == "a"


# -- providers come and go ---------------------------------------------------------------------------------------------


async def test_a_provider_that_is_added_is_used(clock: FakeClock, accounts: Accounts):
    """A new provider takes messages at once, with a balance that was read before."""
    third = ScriptedSandbox(clock=clock, balance=Decimal(3))
    await third.start()
    new = {"c": account(third, tells_balance=True, prices=[price("1")]), **accounts}
    try:
        async with routing(accounts, clock=clock) as rig:
            changes = await rig.router.reload(config(rig, new))
            assert changes == Reloaded(added=("c",), routes=True)
            assert rig.available("c") == 3
            assert await takers(rig, 1, 2, 3, 4) == ["c", "c", "c", "a"]
            assert [one.name for one in rig.router.providers()] == ["c", "a", "b"]
    finally:
        await third.close()


async def test_a_provider_that_is_removed_is_followed(clock: FakeClock, accounts: Accounts, box: ScriptedSandbox):
    """It gets nothing new, what it took is asked about to the end, and then its connections are closed."""
    one = {"a": having(accounts["a"], tells_reports=True), "b": accounts["b"]}
    async with routing(one, clock=clock) as rig:
        receipt = await rig.router.send(sms(1))
        station = rig.router._stations["a"]
        assert receipt.provider == "a"
        changes = await rig.router.reload(config(rig, {"b": one["b"]}))
        assert changes == Reloaded(removed=("a",), routes=True)
        assert [status.name for status in rig.router.providers()] == ["b"]
        assert await takers(rig, 2) == ["b"]
        async with clock.autojump(box.busy):
            assert (await rig.router.wait(receipt.id)).state is State.DELIVERED
        assert not station.closed
        await clock.advance(200)
        assert station.closed
        assert station.transport._session is None
        with pytest.raises(KeyError):
            rig.router.trip("a")
        with pytest.raises(KeyError):
            await rig.router.callback("a", Callback(method="GET"))


async def test_what_waits_at_a_removed_provider_goes_elsewhere(
    clock: FakeClock, accounts: Accounts, box: ScriptedSandbox
):
    """The one in flight is settled there, those that wait go to the next provider, nobody gets two."""
    box.script(delay(5.0, endpoint=SUBMIT))
    one = {"a": having(accounts["a"], max_in_flight=1), "b": accounts["b"]}
    async with routing(one, clock=clock) as rig:
        sent = sending(rig, *map(sms, range(3)))
        await clock.settle()
        await rig.router.reload(config(rig, {"b": one["b"]}))
        await clock.settle()
        assert [task.done() for task in sent] == [False, True, True]
        assert [receipt.provider for receipt in await finish(clock, sent)] == ["a", "b", "b"]
        assert len(box.ledger.messages) == 1
        assert len(accounts["b"].sandbox.ledger.messages) == 2


async def test_what_has_not_left_yet_does_not_go_to_a_removed_provider(
    clock: FakeClock, accounts: Accounts, box: ScriptedSandbox
):
    """A message that waits for a login is not sent when the login comes after the provider was removed."""
    box.script(delay(5.0, endpoint=Operation.LOGIN))
    one = {"a": having(accounts["a"], needs_login=True), "b": accounts["b"]}
    async with routing(one, clock=clock) as rig:
        sent = sending(rig, sms(1))
        await clock.settle()
        await rig.router.reload(config(rig, {"b": one["b"]}))
        (receipt,) = await finish(clock, sent)
        assert [attempt.provider for attempt in receipt.attempts] == ["b"]
        assert len(box.ledger.messages) == 0


async def test_a_provider_that_comes_back_is_used_again(clock: FakeClock, accounts: Accounts):
    """Removed and added again it works as before, also while what it took before is still followed."""
    one = {"a": having(accounts["a"], tells_reports=True), "b": accounts["b"]}
    async with routing(one, clock=clock) as rig:
        first = await rig.router.send(sms(1))
        await rig.router.reload(config(rig, {"b": one["b"]}))
        await clock.advance(0.5)
        await rig.router.reload(config(rig, one))
        second = await rig.router.send(sms(2))
        assert (first.provider, second.provider) == ("a", "a")
        async with clock.autojump():
            assert (await rig.router.wait(first.id)).state is State.DELIVERED
            assert (await rig.router.wait(second.id)).state is State.DELIVERED


# -- connections -------------------------------------------------------------------------------------------------------


async def test_a_request_in_flight_is_settled_on_its_old_connection(
    clock: FakeClock, accounts: Accounts, box: ScriptedSandbox
):
    """Other time limits mean other connections; the request on its way is settled, and then the old ones close."""
    box.script(delay(5.0, endpoint=SUBMIT))
    one = {"a": having(accounts["a"], max_in_flight=1), "b": accounts["b"]}
    new = {"a": having(accounts["a"], read_timeout="7s", max_in_flight=3), "b": accounts["b"]}
    async with routing(one, clock=clock) as rig:
        station, (sent, waits) = rig.router._stations["a"], sending(rig, sms(1), sms(2))
        await clock.settle()
        old, view = station.transport, station.view
        changes = await rig.router.reload(config(rig, new))
        assert changes.changed == (ProviderChange("a", (Aspect.LIMITS, Aspect.TIMEOUTS)),)
        assert rig.router._stations["a"] is station
        assert station.transport is not old
        assert (station.view.ledger, station.view.breakers, station.view.health) == (
            view.ledger,
            view.breakers,
            view.health,
        )
        assert (await waits).provider == "a"
        assert await takers(rig, 3) == ["a"]
        assert old._session is not None
        (receipt,) = await finish(clock, [sent])
        assert (receipt.provider, len(receipt.attempts)) == ("a", 1)
        await clock.settle()
        assert old._session is None
        assert len(box.ledger.messages) == 3


async def test_breakers_go_on_with_other_connections_and_begin_anew_with_another_account(
    clock: FakeClock, accounts: Accounts
):
    """What is known of an account does not depend on how it is reached, and says nothing about another one."""
    slow = {"a": having(accounts["a"], read_timeout="7s"), "b": accounts["b"]}
    async with routing(accounts, clock=clock) as rig:
        rig.router.trip("a")
        await rig.router.reload(config(rig, slow))
        assert rig.status("a").breakers[Channel.SMS] is BreakerState.OPEN
        moved = {"a": having(slow["a"], base_url=accounts["b"].sandbox.base_url), "b": accounts["b"]}
        changes = await rig.router.reload(config(rig, moved))
        assert changes.changed == (ProviderChange("a", (Aspect.ADDRESS,)),)
        assert rig.status("a").breakers[Channel.SMS] is BreakerState.CLOSED
        assert await takers(rig, 1) == ["a"]
        assert len(accounts["b"].sandbox.ledger.messages) == 1


async def test_an_outcome_in_doubt_is_looked_into_where_it_was_sent(
    clock: FakeClock, box: ScriptedSandbox, other: ScriptedSandbox
):
    """Another account under the same name is not asked, though it comes while the request is on its way.

    It would say that it knows nothing of the message, which would be sent again.
    """
    box.script(delay(1000.0, accepted=True, endpoint=SUBMIT))
    one = {"a": account(box, reconcile="query", settle=1.0), "b": account(other, reconcile="query")}
    async with routing(one, clock=clock) as rig:
        sent = sending(rig, sms(1))
        await clock.settle()
        await rig.router.reload(config(rig, {"a": having(one["a"], base_url=other.base_url), "b": one["b"]}))
        await box.close()
        (receipt,) = await finish(clock, sent)
        assert (receipt.state, len(receipt.attempts)) == (State.UNKNOWN, 1)
        assert len(rig.calls(Operation.RECONCILE)) > 0
        assert other.seen == ()


async def test_a_new_password_ends_being_locked_out(clock: FakeClock, accounts: Accounts, box: ScriptedSandbox):
    """A refused account is out until its configuration changes, and then used at once."""
    box.script(refuse(Fault.CREDENTIALS))
    async with routing(accounts, clock=clock) as rig:
        assert await takers(rig, 1, 2) == ["b", "b"]
        assert [rest.fault for rest in rig.told(Rested)] == [Fault.CREDENTIALS]
        await rig.router.reload(config(rig, {"a": having(accounts["a"], bulk=2), "b": accounts["b"]}))
        assert rig.status("a").rests == ()
        assert await takers(rig, 3) == ["a"]


async def test_what_an_old_account_is_refused_for_is_not_the_new_one_s_doing(
    clock: FakeClock, accounts: Accounts, box: ScriptedSandbox
):
    """A wrong password that is put right stays so, although a message with the old one is still refused for it."""
    box.script(delay(5.0, endpoint=SUBMIT))
    async with routing(accounts, clock=clock) as rig:
        sent = sending(rig, sms(1))
        await clock.settle()
        box.numbers[number(1)] = Refusal(fault=Fault.CREDENTIALS)
        await rig.router.reload(config(rig, {"a": having(accounts["a"], bulk=2), "b": accounts["b"]}))
        (receipt,) = await finish(clock, sent)
        assert [attempt.provider for attempt in receipt.attempts] == ["a", "b"]
        assert rig.status("a").rests == ()
        assert await takers(rig, 3) == ["a"]


async def test_money_in_flight_is_settled_with_the_account_that_it_was_held_on(
    clock: FakeClock, box: ScriptedSandbox, other: ScriptedSandbox
):
    """A hold of the old account is not given back to the new one."""
    box.script(delay(5.0, endpoint=SUBMIT))
    keys = {"prices": [price("1")], "opening_balance": "5"}
    one = {"a": account(box, **keys), "b": account(other)}
    async with routing(one, clock=clock) as rig:
        (sent,) = sending(rig, sms(1))
        await clock.settle()
        assert rig.available("a") == 4
        await rig.router.reload(config(rig, {"a": having(one["a"], base_url=other.base_url), "b": one["b"]}))
        assert rig.available("a") == 5
        assert (await finish(clock, [sent]))[0].provider == "a"
        assert rig.available("a") == 5


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        pytest.param({"daemon": {"listen": "127.0.0.1:8081"}}, "daemon.listen", id="listen"),
        pytest.param({"router": {"currency": "RUB"}}, "router.currency", id="currency"),
        pytest.param({"router": {"max_in_flight": 5}}, "router.max_in_flight", id="messages on their way"),
    ],
)
async def test_what_needs_a_restart_is_refused(
    clock: FakeClock, accounts: Accounts, tmp_path: Any, sections: dict, key: str
):
    """The error names file, line and key, and nothing has changed."""
    async with routing(accounts, clock=clock, route={"providers": ["b", "a"]}) as rig:
        text = configuration(accounts, {}, {}, sections)
        if key == "router.currency":
            text = text.replace('RUB = "0.01"', 'EUR = "100"')
        file = tmp_path / "router.toml"
        file.write_text(text, encoding="utf-8")
        new = parse_config(text, str(file), plugins=rig.router.plugins, env={})
        before, wish = rig.router.config, rig.router.explain(sms(1))
        with pytest.raises(ConfigError) as refused:
            await rig.router.reload(new)
        (problem,) = refused.value.problems
        assert (problem.file, problem.key) == (str(file), key)
        assert problem.line is not None
        assert text.splitlines()[problem.line - 1].startswith(key.partition(".")[2])
        assert rig.router.config is before
        after = rig.router.explain(sms(1))
        assert [one.candidate.provider for one in after.ranking] == [one.candidate.provider for one in wish.ranking]
        assert [event.problems for event in rig.told(ConfigRefused)] == [(str(problem),)]
        assert rig.told(ConfigReloaded) == []


async def test_a_plugin_that_breaks_changes_nothing(clock: FakeClock, accounts: Accounts):
    """A provider that cannot be built keeps everything else from being changed, and nothing stays open."""
    async with routing(accounts, clock=clock, route={"providers": ["b", "a"]}) as rig:
        found = load_plugins([SCRIPTED])
        new = parse_config(configuration({**accounts, "c": having(accounts["a"])}, {}, {}), plugins=found, env={})
        strange = msgspec.structs.replace(new.providers["c"], plugin="absent")
        new = msgspec.structs.replace(new, providers={**new.providers, "c": strange})
        await clock.settle()
        count = tasks()
        with pytest.raises(PluginError, match="absent"):
            await rig.router.reload(new)
        assert tasks() == count
        assert [one.name for one in rig.router.providers()] == ["a", "b"]
        assert await takers(rig, 1) == ["b"]


async def test_a_reload_needs_a_running_router(clock: FakeClock, accounts: Accounts):
    """Before the start, after the end and while it closes nothing is reloaded."""
    async with routing(accounts, clock=clock) as rig:
        new = config(rig, accounts)
        idle = Router(new, plugins=rig.router.plugins, clock=clock, only_loopback=True)
        with pytest.raises(RouterClosed):
            await idle.reload(new)
        late = asyncio.create_task(rig.router.reload(config(rig, {"a": having(accounts["a"], read_timeout="3s")})))
        await asyncio.sleep(0)
        await rig.router.aclose()
        with pytest.raises(RouterClosed):
            await late
        with pytest.raises(RouterClosed):
            await rig.router.reload(new)


# -- under traffic -----------------------------------------------------------------------------------------------------


def variants(accounts: Accounts) -> list[tuple[Accounts, dict]]:
    """Return configurations that differ in everything that a reload can change."""
    a, b = accounts["a"], accounts["b"]
    return [
        ({"a": having(a, read_timeout="20s"), "b": b}, {}),
        ({"a": having(a, prices=[price("0.1")], max_in_flight=2), "b": b}, {}),
        ({"b": b}, {}),
        ({"a": having(a, bulk=3), "b": having(b, max_rate=500.0)}, {"providers": ["b", "a"]}),
        ({"a": a}, {}),
        ({"a": having(a, bulk=2), "b": having(b, tells_reports=True, poll={"first": "3s"})}, {}),
    ]


async def test_a_reload_every_second_loses_nothing(
    clock: FakeClock, accounts: Accounts, box: ScriptedSandbox, other: ScriptedSandbox
):
    """While everything changes all the time, each message is taken exactly once, and nothing stays open in the end."""
    for sandbox in (box, other):
        sandbox.script(*(delay(0.7, endpoint=SUBMIT) for _ in range(400)))
    one = {"a": having(accounts["a"], max_in_flight=2), "b": having(accounts["b"], max_in_flight=2)}
    async with routing(one, clock=clock) as rig:
        sent = []
        place = 0
        for turn in range(24):
            sent += sending(rig, *(sms(place + step) for step in range(6)))
            place += 6
            new, route = variants(one)[turn % 6]
            await rig.router.reload(config(rig, new, route=route))
            await clock.advance(1)
        receipts = await finish(clock, sent)
        assert {receipt.state for receipt in receipts} <= {State.SENT, State.DELIVERED}
        messages = [*box.ledger.messages, *other.ledger.messages]
        assert sorted(message.to for message in messages) == sorted(receipt.to for receipt in receipts)
        assert len(rig.told(ConfigReloaded)) == 24


async def test_reloads_and_faults_together_make_no_copies(
    clock: FakeClock, box: ScriptedSandbox, other: ScriptedSandbox
):
    """Also with connections that break after the message was taken, or before, nobody gets two and nobody none."""
    for sandbox, seed in ((box, 1), (other, 2)):
        chance = Random(seed)
        faults = (
            normal(),
            delay(0.7, endpoint=SUBMIT),
            hang_up(taken=True),
            hang_up(taken=False),
            refuse(Fault.DECLINED),
        )
        sandbox.script(*chance.choices(faults, weights=(4, 4, 2, 2, 1), k=300))
    keys = {"max_in_flight": 2, "reconcile": "query", "settle": 2.0, "tells_reports": True}
    one = {"a": account(box, **keys), "b": account(other, **keys)}
    async with routing(one, clock=clock) as rig:
        sent = []
        for turn in range(18):
            sent += sending(rig, *(sms(turn * 4 + step) for step in range(4)))
            new, route = variants(one)[turn % 6]
            await rig.router.reload(config(rig, new, route=route))
            await clock.advance(1)
        await rig.router.reload(config(rig, one))
        receipts = await finish(clock, sent)
        copies = Counter(message.to for message in (*box.ledger.messages, *other.ledger.messages))
        assert {(receipt.state, copies[receipt.to]) for receipt in receipts} <= {
            (State.SENT, 1),
            (State.DELIVERED, 1),
            (State.FAILED, 0),
            (State.UNKNOWN, 1),
        }
        assert sum(receipt.state is State.DELIVERED or receipt.state is State.SENT for receipt in receipts) > 60


async def test_what_another_account_took_is_asked_about_there(
    clock: FakeClock, box: ScriptedSandbox, other: ScriptedSandbox
):
    """Under another address the new account knows nothing of these messages, and is not asked about them."""
    box.script(normal(), delay(3.0, endpoint=SUBMIT))
    one = {"a": account(box, tells_reports=True), "b": account(other)}
    async with routing(one, clock=clock) as rig:
        first = await rig.router.send(sms(1))
        sent = sending(rig, sms(2))
        await clock.advance(1)
        await rig.router.reload(config(rig, {"a": having(one["a"], base_url=other.base_url), "b": one["b"]}))
        third = await rig.router.send(sms(3))
        (second,) = await finish(clock, sent)
        assert (first.provider, second.provider, third.provider) == ("a", "a", "a")
        async with clock.autojump():
            for receipt in (first, second, third):
                assert (await rig.router.wait(receipt.id)).state is State.DELIVERED
        assert (len(box.ledger.messages), len(other.ledger.messages)) == (2, 1)
        await clock.advance(200)
        assert len(rig.router._reloading._living.winding) == 0


def descriptors() -> int:
    """Count what the process has open, sockets among them."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_piles_up(clock: FakeClock, accounts: Accounts):
    """After fifty reloads there are no more tasks and connections than before."""
    async with routing(accounts, clock=clock) as rig:
        await takers(rig, 1, 2)
        await clock.settle()
        before, opened = tasks(), descriptors()
        for turn in range(50):
            new, route = variants(accounts)[turn % 6]
            await rig.router.reload(config(rig, new, route=route))
            await takers(rig, turn)
            await clock.advance(30)
        await rig.router.reload(config(rig, accounts))
        await clock.advance(3 * 24 * 3600)
        assert tasks() <= before
        assert descriptors() <= opened
        living = rig.router._reloading._living
        assert len(living.winding) == 0
        assert set(living.stations) == {"a", "b"}
        assert len(living.tracking._tasks) == 2
        assert all(len(lines) <= 2 for lines in living.shop.commons._lines.values())


async def test_two_reloads_at_once_come_one_after_the_other(clock: FakeClock, accounts: Accounts):
    """The later one wins, whole."""
    first = {"a": having(accounts["a"], read_timeout="3s"), "b": accounts["b"]}
    async with routing(accounts, clock=clock) as rig:
        one, two = await asyncio.gather(
            rig.router.reload(config(rig, first)), rig.router.reload(config(rig, {"b": accounts["b"]}))
        )
        assert one.changed == (ProviderChange("a", (Aspect.TIMEOUTS,)),)
        assert two.removed == ("a",)
        assert [status.name for status in rig.router.providers()] == ["b"]
