"""The operator's switches: drained providers get nothing new, also after a restart, until they are put back."""

from decimal import Decimal

import pytest

from pointsman import Router
from pointsman.engine.switches import KIND, UNREADABLE, Probed
from pointsman.errors import RouterClosed, StoreUnavailable
from pointsman.events import Drained, Operation, Resumed
from pointsman.outcome import Fault, State
from pointsman.routing.candidate import Exclusion
from pointsman.sandbox import delay
from pointsman.store import MemoryStore
from pointsman.testing import FakeClock, ScriptedSandbox, refuse

from .rig import Account, account, finish, routing, sending, sms
from .test_reloading import config, having, takers

SUBMIT, BALANCE, LOGIN = Operation.SUBMIT, Operation.BALANCE, Operation.LOGIN
Accounts = dict[str, Account]


class Forgetful(MemoryStore):
    """A store on a full disk."""

    async def keep(self, kind: str, name: str, value: bytes) -> None:
        """Fail."""
        raise StoreUnavailable("memory:", "no space left")


class Lasting(MemoryStore):
    """A store that outlives its router, as one on a disk does."""

    async def close(self) -> None:
        """Keep everything."""


@pytest.fixture
def accounts(clock: FakeClock, box: ScriptedSandbox) -> Accounts:
    """Two providers; the route prefers `a`."""
    return {"a": account(box), "b": account(ScriptedSandbox(clock=clock))}


async def test_a_drained_provider_gets_nothing_new(clock: FakeClock, accounts: Accounts):
    """Messages go elsewhere, with the operator's reason shown, until it is put back."""
    async with routing(accounts, clock=clock) as rig:
        await rig.router.drain("a", "invoice")
        assert rig.status("a").drained == "invoice"
        (out,) = rig.router.explain(sms()).excluded
        assert (out.provider, out.why, out.detail) == ("a", Exclusion.DRAINED, "invoice")
        assert await takers(rig, 1) == ["b"]
        await rig.router.resume("a")
        assert rig.status("a").drained is None
        assert await takers(rig, 2) == ["a"]
        assert [(one.provider, one.reason) for one in rig.told(Drained)] == [("a", "invoice")]
        assert [one.provider for one in rig.told(Resumed)] == ["a"]


async def test_nobody_is_forced_on_who_is_drained(clock: FakeClock, accounts: Accounts):
    """When everybody is drained, a message is refused."""
    async with routing(accounts, clock=clock) as rig:
        for name in accounts:
            await rig.router.drain(name)
        receipt = await rig.router.send(sms())
        assert (receipt.state, receipt.attempts) == (State.FAILED, ())


async def test_what_waits_goes_elsewhere_and_what_is_in_flight_is_settled(clock: FakeClock, box: ScriptedSandbox):
    """Messages in the queue go to the next provider at once; the one that left is not disturbed, and is followed."""
    box.script(delay(5.0, endpoint=SUBMIT))
    accounts = {"a": account(box, max_in_flight=1, tells_reports=True), "b": account(ScriptedSandbox(clock=clock))}
    async with routing(accounts, clock=clock) as rig:
        tasks = sending(rig, *map(sms, range(3)))
        await clock.settle()
        await rig.router.drain("a")
        await clock.settle()
        assert [task.done() for task in tasks] == [False, True, True]
        receipts = await finish(clock, tasks)
        assert [one.provider for one in receipts] == ["a", "b", "b"]
        async with clock.autojump(box.busy):
            assert (await rig.router.wait(receipts[0].id)).state is State.DELIVERED


async def test_a_drain_survives_a_restart(clock: FakeClock, accounts: Accounts):
    """A router with the same store begins with the same providers drained, before it sends anything."""
    store = Lasting()
    async with routing(accounts, clock=clock, store=store) as rig:
        await rig.router.drain("a", "invoice")
    async with routing(accounts, clock=clock, store=store) as rig:
        assert rig.status("a").drained == "invoice"
        assert await takers(rig, 1) == ["b"]
        await rig.router.resume("a")
    async with routing(accounts, clock=clock, store=store) as rig:
        assert await takers(rig, 2) == ["a"]


async def test_a_drain_survives_a_reload(clock: FakeClock, accounts: Accounts):
    """Other connections, another account, and being away for a while do not put a provider back."""
    async with routing(accounts, clock=clock) as rig:
        await rig.router.drain("a", "invoice")
        for keys in ({"read_timeout": "5s"}, {"bulk": 2}):
            await rig.router.reload(config(rig, {"a": having(accounts["a"], **keys), "b": accounts["b"]}))
            assert rig.status("a").drained == "invoice"
        await rig.router.reload(config(rig, {"b": accounts["b"]}))
        await rig.router.reload(config(rig, accounts))
        assert rig.status("a").drained == "invoice"
        assert await takers(rig, 1) == ["b"]


async def test_what_cannot_be_read_keeps_a_provider_out(clock: FakeClock, accounts: Accounts):
    """A damaged note of a drain is taken for one: somebody wanted the provider out."""
    store = Lasting()
    await store.keep(KIND, "a", b"{")
    async with routing(accounts, clock=clock, store=store) as rig:
        assert rig.status("a").drained == UNREADABLE


async def test_a_drain_that_cannot_be_remembered_is_in_force_all_the_same(clock: FakeClock, accounts: Accounts):
    """The operator is told of the disk, and the provider is out."""
    async with routing(accounts, clock=clock, store=Forgetful()) as rig:
        with pytest.raises(StoreUnavailable):
            await rig.router.drain("a", "invoice")
        assert await takers(rig, 1) == ["b"]


async def test_resuming_ends_what_waits_for_the_operator(clock: FakeClock, accounts: Accounts, box: ScriptedSandbox):
    """A trip by hand and a blocked account are over; a want of money is not."""
    box.script(refuse(Fault.FORBIDDEN), refuse(Fault.CREDITS))
    async with routing(accounts, clock=clock) as rig:
        assert await takers(rig, 1, 2) == ["b", "b"]
        rig.router.trip("a")
        await rig.router.resume("a")
        assert rig.status("a").rests == ()
        assert await takers(rig, 3) == ["b"]
        await rig.router.resume("a")
        assert [rest.fault for rest in rig.status("a").rests] == [Fault.CREDITS]


async def test_a_provider_is_asked_for_its_balance(clock: FakeClock, box: ScriptedSandbox):
    """An account that is let in again, by what it tells of its balance, may be used at once."""
    told = ScriptedSandbox(clock=clock, balance=Decimal(5))
    accounts = {"a": account(told, tells_balance=True), "b": account(box)}
    told.script(refuse(Fault.CREDENTIALS))
    async with routing(accounts, clock=clock) as rig:
        assert await takers(rig, 1, 2) == ["b", "b"]
        told.script(refuse(Fault.FORBIDDEN, on=BALANCE))
        assert await rig.router.probe("a") == Probed(ok=False, detail="forbidden")
        assert await takers(rig, 3) == ["b"]
        assert await rig.router.probe("a") == Probed(ok=True, detail="it told its balance")
        assert await takers(rig, 4) == ["a"]


async def test_a_provider_is_asked_to_let_us_log_in(clock: FakeClock, box: ScriptedSandbox):
    """A login that was refused is tried at once, whatever the pause is."""
    accounts = {"a": account(box, needs_login=True), "b": account(ScriptedSandbox(clock=clock))}
    box.script(refuse(Fault.CREDENTIALS, on=LOGIN), refuse(Fault.CREDENTIALS, on=LOGIN))
    async with routing(accounts, clock=clock) as rig:
        assert await takers(rig, 1) == ["b"]
        assert await rig.router.probe("a") == Probed(ok=False, detail="credentials")
        assert await rig.router.probe("a") == Probed(ok=True, detail="it let us log in")
        assert await takers(rig, 2) == ["a"]


async def test_who_cannot_be_asked_is_tried_by_a_message(clock: FakeClock, accounts: Accounts, box: ScriptedSandbox):
    """Then nobody is asked, and the next message tries what rests."""
    box.script(refuse(Fault.FORBIDDEN))
    async with routing(accounts, clock=clock) as rig:
        assert await takers(rig, 1, 2) == ["b", "b"]
        seen = len(box.seen)
        assert (await rig.router.probe("a")).ok is None
        assert len(box.seen) == seen
        assert await takers(rig, 3) == ["a"]


async def test_strangers_and_a_router_that_does_not_run_are_refused(clock: FakeClock, accounts: Accounts):
    """As everywhere else."""
    async with routing(accounts, clock=clock) as rig:
        router: Router = rig.router
        for act in (router.drain, router.resume, router.probe):
            with pytest.raises(KeyError):
                await act("x")
    for act in (router.drain, router.resume, router.probe):
        with pytest.raises(RouterClosed):
            await act("a")
