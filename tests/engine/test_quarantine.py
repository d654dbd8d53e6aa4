"""Plugins that break their contract: what becomes of their messages, and that nobody else notices."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest
from msgspec.structs import replace

from pointsman.engine.guard import STRIKES, TOO_LONG, WINDOW, Broke, Guard
from pointsman.events import BalanceRead, Called, Operation, PluginQuarantined
from pointsman.message import Money
from pointsman.outcome import (
    Accepted,
    DeliveryState,
    Fault,
    LookupResult,
    Refused,
    Report,
    State,
    Unknown,
    UnknownReason,
)
from pointsman.plugin import (
    Absent,
    Balance,
    Callback,
    Each,
    ProviderPlugin,
    Reading,
    Secret,
    Session,
    Whole,
)
from pointsman.testing import FakeClock, ScriptedSandbox, ScriptedSettings, hang_up
from pointsman.testing.scripted import Scripted, ScriptedPrepaid

from .rig import Account, account, finish, routing, sending, sms

Misbehaviour = Callable[..., Any]


class Unruly:
    """Does something else in place of some methods of the provider that it is mixed into."""

    misdeeds: dict[str, Misbehaviour] = {}

    def __getattribute__(self, name: str) -> Any:
        misdeeds = object.__getattribute__(self, "misdeeds")
        return misdeeds[name] if name in misdeeds else super().__getattribute__(name)


class UnrulyAccount(Unruly, Scripted):
    """An account that tells no balance."""


class UnrulyPrepaid(Unruly, ScriptedPrepaid):
    """An account that tells its balance."""


def unruly(**misdeeds: Misbehaviour) -> ProviderPlugin[ScriptedSettings]:
    """Return a plugin that does something else in the methods that are named."""

    def build(settings: ScriptedSettings) -> UnrulyAccount | UnrulyPrepaid:
        provider = UnrulyPrepaid(settings) if settings.tells_balance else UnrulyAccount(settings)
        provider.misdeeds = misdeeds
        return provider

    return ProviderPlugin(name="unruly", settings=ScriptedSettings, build=build)


def raising(*_: object) -> Any:
    """Break."""
    raise ZeroDivisionError


def returning(value: object) -> Misbehaviour:
    """Return the same whatever the question is."""
    return lambda *_: value


def reading(value: object) -> Misbehaviour:
    """Read the same from every answer."""
    return returning(Reading(value))


def bad(box: ScriptedSandbox, **keys: Any) -> Account:
    """Return an account of the plugin that misbehaves."""
    return account(box, plugin="unruly", **keys)


# -- one slip ----------------------------------------------------------------------------------------------------------

UNSENT: dict[str, Misbehaviour] = {
    "raises": raising,
    "returns nothing": returning(None),
    "returns bytes": returning(b"POST /submit"),
}


@pytest.mark.parametrize("misdeed", UNSENT.values(), ids=UNSENT)
async def test_a_request_that_cannot_be_built_is_refused(clock: FakeClock, box: ScriptedSandbox, misdeed: Misbehaviour):
    """A plugin that fails before anything has left refuses the message, which goes to the next provider."""
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": bad(box), "b": account(other)}
    async with routing(accounts, clock=clock, plugins=[unruly(submit_request=misdeed)]) as rig:
        receipt = await rig.router.send(sms())
        first, second = receipt.attempts
        assert (first.calls, first.outcome.code, first.outcome.fault) == (0, "plugin", Fault.UNAVAILABLE)
        assert (receipt.state, second.provider) == (State.SENT, "b")
        assert box.seen == ()


UNREAD: dict[str, Misbehaviour] = {
    "raises": raising,
    "returns nothing": returning(None),
    "returns an outcome without its reading": returning(Accepted(ids=("x",))),
    "reads nothing": reading(None),
    "reads too few": reading(Each(())),
    "reads too many": reading(Each((Accepted(ids=("x",)),) * 2)),
    "reads no tuple": reading(Each(None)),
    "reads words": reading(Each(("accepted",))),
    "reads one acceptance for all": reading(Whole(outcome=Accepted(ids=("x",)))),
    "reads ids that are none": reading(Each((Accepted(ids=None),))),
    "reads ids that are numbers": reading(Each((Accepted(ids=(1, 2)),))),
    "reads a price in words": reading(Each((Accepted(ids=("x",), price="a lot"),))),
    "reads a price that is no number": reading(Each((Accepted(ids=("x",), price=Money(Decimal("NaN"), "EUR")),))),
    "reads a price in floats": reading(Each((Accepted(ids=("x",), price=Money(0.1, "EUR")),))),
    "reads a fault of its own": reading(Each((Refused(fault="mood"),))),
    "reads a wait in words": reading(Whole(outcome=Refused(fault=Fault.THROTTLED, retry_after="soon"))),
    "reads a wait without end": reading(Whole(outcome=Refused(fault=Fault.THROTTLED, retry_after=inf))),
    "reads a wait that is no number": reading(Whole(outcome=Refused(fault=Fault.THROTTLED, retry_after=nan))),
    "reads a wait that is over": reading(Whole(outcome=Refused(fault=Fault.THROTTLED, retry_after=-1.0))),
    "reads a reason of its own": reading(Whole(outcome=Unknown(reason="who knows"))),
    "counts oddities": returning(Reading(Each((Accepted(ids=("x",)),)), oddities=3)),
}


@pytest.mark.parametrize("misdeed", UNREAD.values(), ids=UNREAD)
async def test_an_answer_that_cannot_be_read_is_unknown(clock: FakeClock, box: ScriptedSandbox, misdeed: Misbehaviour):
    """A plugin that fails once the request has left leaves the outcome unknown: never a failure, never a success."""
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": bad(box), "b": account(other)}
    async with routing(accounts, clock=clock, plugins=[unruly(read_submit=misdeed)]) as rig:
        receipt = await rig.router.send(sms())
        (attempt,) = receipt.attempts
        assert (receipt.state, attempt.outcome.reason) == (State.UNKNOWN, UnknownReason.PLUGIN)
        assert len(box.ledger.messages) == 1
        assert other.seen == ()
        assert len(rig.told(Called)) == 1
        assert rig.status("a").quarantined is None


UNKEYED: dict[str, Misbehaviour] = {
    "raises": raising,
    "cannot be hashed": returning([]),
    "holds what cannot be hashed": returning(("key", [])),
}


@pytest.mark.parametrize("misdeed", UNKEYED.values(), ids=UNKEYED)
async def test_a_message_without_a_usable_key_travels_alone(
    clock: FakeClock, box: ScriptedSandbox, misdeed: Misbehaviour
):
    """A batch key that fails costs nothing but the company of others."""
    async with routing({"a": bad(box, bulk=5)}, clock=clock, plugins=[unruly(batch_key=misdeed)]) as rig:
        receipts = await rig.router.send_many([sms(0), sms(1)])
        assert [receipt.state for receipt in receipts] == [State.SENT] * 2
        assert [len(seen.refs) for seen in box.seen] == [1, 1]


UNREPORTED: dict[str, Misbehaviour] = {
    "raises": raising,
    "returns nothing": returning(None),
    "reads words": reading(("delivered",)),
    "reads a list": reading([]),
    "reads a state of its own": reading((Report(provider_id="m1", state="gone"),)),
    "reads neither state nor result": reading((Report(provider_id="m1"),)),
    "reads state and result": reading(
        (Report(provider_id="m1", state=DeliveryState.SENT, lookup=LookupResult(state="reachable")),)
    ),
    "reads a time in words": reading((Report(provider_id="m1", state=DeliveryState.SENT, at="noon"),)),
    "reads a time of nowhere": reading(
        (Report(provider_id="m1", state=DeliveryState.SENT, at=datetime(2026, 1, 1)),)  # noqa: DTZ001 - the point
    ),
}


@pytest.mark.parametrize("misdeed", UNREPORTED.values(), ids=UNREPORTED)
async def test_reports_that_cannot_be_read_are_asked_for_again(
    clock: FakeClock, box: ScriptedSandbox, misdeed: Misbehaviour
):
    """Nonsense in answer to a poll tells nothing about the message, and the asking goes on."""
    misdeeds = {"read_poll": misdeed}
    async with routing({"a": bad(box, tells_reports=True)}, clock=clock, plugins=[unruly(**misdeeds)]) as rig:
        receipt = await rig.router.send(sms())
        await clock.advance(5)
        assert box.ledger.calls[Operation.POLL] == 1
        assert (await rig.router.receipt(receipt.id)).state is State.SENT
        await clock.advance(10)
        assert box.ledger.calls[Operation.POLL] == 2


@pytest.mark.parametrize("misdeed", UNREPORTED.values(), ids=UNREPORTED)
async def test_a_callback_that_cannot_be_read_is_not_confirmed(
    clock: FakeClock, box: ScriptedSandbox, misdeed: Misbehaviour
):
    """A provider whose report we could not read is told so, and will bring it again."""
    async with routing({"a": bad(box)}, clock=clock, plugins=[unruly(read_callback=misdeed)]) as rig:
        receipt = await rig.router.send(sms())
        reply = await rig.router.callback("a", Callback(method="POST"))
        assert reply.status == 500
        assert (await rig.router.receipt(receipt.id)).state is State.SENT


UNREPLIED: dict[str, Misbehaviour] = {
    "raises": raising,
    "returns nothing": returning(None),
    "returns a status": returning(200),
}


@pytest.mark.parametrize("misdeed", UNREPLIED.values(), ids=UNREPLIED)
async def test_a_reply_that_cannot_be_made_is_an_error_of_ours(
    clock: FakeClock, box: ScriptedSandbox, misdeed: Misbehaviour
):
    """A plugin that does not know what its provider wants to hear makes the reply a 500, not an exception."""
    async with routing({"a": bad(box)}, clock=clock, plugins=[unruly(callback_reply=misdeed)]) as rig:
        assert (await rig.router.callback("a", Callback(method="POST"))).status == 500


UNTOLD: dict[str, Misbehaviour] = {
    "raises": raising,
    "reads nothing": reading(None),
    "reads a word": reading(Balance("much")),
    "reads an amount that is no number": reading(Balance(Money(Decimal("NaN"), "EUR"))),
    "reads an amount in words": reading(Balance(Money("12", "EUR"))),
}


@pytest.mark.parametrize("misdeed", UNTOLD.values(), ids=UNTOLD)
async def test_a_balance_that_cannot_be_read_is_not_known(
    clock: FakeClock, box: ScriptedSandbox, misdeed: Misbehaviour
):
    """Nonsense in place of a balance leaves it unknown, and messages are sent."""
    keys = {"tells_balance": True}
    async with routing({"a": bad(box, **keys)}, clock=clock, plugins=[unruly(read_balance=misdeed)]) as rig:
        assert rig.told(BalanceRead) == []
        assert rig.status("a").balance is None
        assert (await rig.router.send(sms())).state is State.SENT


UNLOGGED: dict[str, Misbehaviour] = {
    "raises": raising,
    "reads nothing": reading(None),
    "reads a token that is no secret": reading(Session(token="bare", valid_for=timedelta(hours=1))),
    "reads a life in seconds": reading(Session(token=Secret("token"), valid_for=3600)),
    "reads a fault of its own": reading(Refused(fault="mood")),
}


@pytest.mark.parametrize("misdeed", UNLOGGED.values(), ids=UNLOGGED)
async def test_a_login_that_cannot_be_read_is_refused(clock: FakeClock, box: ScriptedSandbox, misdeed: Misbehaviour):
    """Without a sound session nothing is sent; the message goes to the next provider."""
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": bad(box, needs_login=True), "b": account(other)}
    async with routing(accounts, clock=clock, plugins=[unruly(read_login=misdeed)]) as rig:
        receipt = await rig.router.send(sms())
        assert [attempt.provider for attempt in receipt.attempts] == ["a", "b"]
        assert box.ledger.calls[Operation.SUBMIT] == 0


UNFOUND: dict[str, Misbehaviour] = {
    "raises": raising,
    "reads nothing": reading(None),
    "reads too few": reading(()),
    "reads too many": reading((Absent(), Absent())),
    "reads a refusal": reading((Refused(fault=Fault.CONTENT),)),
    "reads ids that are none": reading((Accepted(ids=None),)),
}


@pytest.mark.parametrize("misdeed", UNFOUND.values(), ids=UNFOUND)
async def test_a_finding_that_cannot_be_read_leaves_it_unknown(
    clock: FakeClock, box: ScriptedSandbox, misdeed: Misbehaviour
):
    """Nonsense about an outcome without an answer proves nothing: it stays unknown."""
    box.script(hang_up(taken=False))
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": bad(box, reconcile="query"), "b": account(other)}
    async with routing(accounts, clock=clock, plugins=[unruly(read_reconcile=misdeed)]) as rig:
        (receipt,) = await finish(clock, sending(rig, sms()))
        assert receipt.state is State.UNKNOWN
        assert other.seen == ()


async def test_a_rule_for_senders_that_breaks_leaves_the_provider_out(clock: FakeClock, box: ScriptedSandbox):
    """A plugin whose rule for senders raises is not offered the message; the others are."""

    def build(settings: ScriptedSettings) -> Scripted:
        provider = Scripted(settings)
        profile = provider.profile
        limits = {channel: replace(one, senders=raising) for channel, one in profile.channels.items()}
        provider.profile = replace(profile, channels=limits)
        return provider

    other = ScriptedSandbox(clock=clock)
    accounts = {"a": bad(box), "b": account(other)}
    async with routing(accounts, clock=clock, plugins=[replace(unruly(), build=build)]) as rig:
        receipt = await rig.router.send(sms(sender="SHOP"))
        assert [attempt.provider for attempt in receipt.attempts] == ["b"]


# -- three slips -------------------------------------------------------------------------------------------------------


async def test_the_third_slip_puts_the_plugin_out_of_use(clock: FakeClock, box: ScriptedSandbox):
    """After three breaches the provider is quarantined: that is told once, is shown, and it gets nothing any more."""
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": bad(box), "b": account(other)}
    async with routing(accounts, clock=clock, plugins=[unruly(read_submit=raising)]) as rig:
        states = [(await rig.router.send(sms(place))).state for place in range(6)]
        assert states == [State.UNKNOWN] * 3 + [State.SENT] * 3
        assert [(one.plugin, one.reason) for one in rig.told(PluginQuarantined)] == [
            ("unruly", "reading submit raised ZeroDivisionError")
        ]
        assert rig.status("a").quarantined == "reading submit raised ZeroDivisionError"
        assert rig.status("b").quarantined is None
        assert (len(box.seen), len(other.seen)) == (3, 3)
        excluded = {one.provider: one.why for one in rig.router.explain(sms()).excluded}
        assert excluded == {"a": "quarantined"}


async def test_those_in_the_queue_leave_a_quarantined_plugin(clock: FakeClock, box: ScriptedSandbox):
    """Messages that wait for a provider whose plugin is put out of use go elsewhere without a call."""
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": bad(box, max_in_flight=1), "b": account(other)}
    async with routing(accounts, clock=clock, plugins=[unruly(read_submit=raising)]) as rig:
        receipts = await asyncio.gather(*sending(rig, *map(sms, range(10))))
        assert [receipt.state for receipt in receipts] == [State.UNKNOWN] * 3 + [State.SENT] * 7
        tried = [[attempt.provider for attempt in receipt.attempts] for receipt in receipts]
        assert tried == [["a"]] * 3 + [["b"]] * 7
        assert len(box.seen) == 3


async def test_a_quarantined_plugin_is_asked_nothing_any_more(clock: FakeClock, box: ScriptedSandbox):
    """Neither polls nor balance readings nor callbacks reach the functions of a plugin that is out of use."""
    asked = 0

    def counting(*_: object) -> Any:
        nonlocal asked
        asked += 1
        raise ZeroDivisionError

    misdeeds = {"read_poll": counting, "read_callback": counting}
    keys = {"tells_reports": True, "tells_balance": True, "balance_every": "10s"}
    async with clock.autojump(), routing({"a": bad(box, **keys)}, clock=clock, plugins=[unruly(**misdeeds)]) as rig:
        await rig.router.send_many([sms(place) for place in range(5)])
        while rig.status("a").quarantined is None:
            await clock.sleep(1)
        await clock.sleep(1)  # what was on its way
        before = (asked, len(box.seen))
        await clock.sleep(3600)
        assert (await rig.router.callback("a", Callback(method="POST"))).status == 503
        assert (asked, len(box.seen)) == before


async def test_slips_of_one_account_are_no_matter_of_another(clock: FakeClock, box: ScriptedSandbox):
    """Two accounts of one plugin are quarantined each for itself."""
    other = ScriptedSandbox(clock=clock)
    slips = iter([raising] * 3)

    def sometimes(*arguments: Any) -> Any:
        return next(slips, SOUND)(*arguments)

    accounts = {"a": bad(box), "b": bad(other)}
    async with routing(accounts, clock=clock, plugins=[unruly(read_submit=sometimes)]) as rig:
        for place in range(3):
            await rig.router.send(sms(place))
        assert [status.quarantined is None for status in rig.router.providers()] == [False, True]
        receipt = await rig.router.send(sms(3))
        assert (receipt.state, receipt.provider) == (State.SENT, "b")


SOUND = Scripted(ScriptedSettings()).read_submit


async def test_a_plugin_that_blocks_is_put_out_of_use():
    """A function that keeps the loop for 0.3 s gives its answer, but after three times it is not called any more."""
    box, other = ScriptedSandbox(), ScriptedSandbox()

    def blocking(*arguments: Any) -> Any:
        time.sleep(0.3)
        return SOUND(*arguments)

    accounts = {"a": bad(box, max_in_flight=1), "b": account(other)}
    async with routing(accounts, plugins=[unruly(read_submit=blocking)]) as rig:
        receipts = await asyncio.gather(*sending(rig, *map(sms, range(30))))
        assert [receipt.provider for receipt in receipts] == ["a"] * 3 + ["b"] * 27
        assert rig.status("a").quarantined == "reading submit kept the event loop for more than 0.25 s"
        started = time.monotonic()
        await asyncio.gather(*sending(rig, *map(sms, range(30))))
        assert time.monotonic() - started < 30 * 0.3 / 3


# -- what counts as a slip ---------------------------------------------------------------------------------------------


class Machine(FakeClock):
    """A guard on a machine whose time passes, and whose processor works, while a function is called."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.worked = 0.0
        self.reasons: list[str] = []
        self.guard = Guard(self, self.reasons.append, lambda: self.worked)

    def monotonic(self) -> float:
        """Monotonic time in seconds."""
        return self.passed

    def call(self, what: str = "reading submit", *, works: float = 0.0, stands: float = 0.0) -> None:
        """Call a function for which the processor works so long, while the loop stands still for some time more."""

        def function() -> None:
            self.worked += works
            self.passed += works + stands

        self.guard.call(what, function, lambda _: True)


@pytest.fixture
def machine() -> Machine:
    """A guard that nothing has happened to."""
    return Machine()


@pytest.mark.parametrize(("pause", "out"), [(WINDOW / 2 - 1, True), (WINDOW / 2, False)])
def test_slips_are_forgotten(machine: Machine, pause: float, out: bool):
    """Three slips within ten minutes put a plugin out of use; three that take ten minutes or longer never do."""
    for _ in range(STRIKES):
        machine.guard.strike("reading submit raised KeyError")
        machine.passed += pause
    assert machine.guard.quarantined is out
    assert machine.reasons == ["reading submit raised KeyError"] * out


def test_quarantine_does_not_end_by_itself(machine: Machine):
    """A plugin that is out of use stays so, and that is told once, however long ago and however often it slipped."""
    for _ in range(2 * STRIKES):
        machine.guard.strike("slip")
    machine.passed += 10 * WINDOW
    assert (machine.guard.quarantined, machine.reasons) == (True, ["slip"])


@pytest.mark.parametrize(("seconds", "out"), [(TOO_LONG, False), (TOO_LONG + 0.01, True)])
def test_work_of_the_processor_counts_as_slow(machine: Machine, seconds: float, out: bool):
    """A function for which the processor works longer than a quarter of a second is slow, whichever function it is."""
    for what in ("building submit", "reading submit", "reading poll"):
        machine.call(what, works=seconds)
    assert machine.guard.quarantined is out


def test_a_machine_that_stands_still_is_no_slip(machine: Machine):
    """Pauses of the machine that hit a function now and then, with quick calls in between, count for nothing."""
    for _ in range(10):
        machine.call(stands=30.0)
        machine.call(works=0.001)
    assert machine.guard.quarantined is False


def test_a_function_that_always_waits_is_a_slip(machine: Machine):
    """A function that holds up the loop each time it is called waits for something, and is put out of use."""
    for _ in range(STRIKES):
        machine.call(stands=0.3)
        machine.call("batch_key", works=0.001)
    assert machine.reasons == ["reading submit kept the event loop for more than 0.25 s"]


def test_rubbish_of_strangers_is_no_slip(machine: Machine):
    """What a plugin raises over something that anybody may have sent is told to the caller and counts for nothing."""
    for _ in range(2 * STRIKES):
        with pytest.raises(Broke, match="reading a callback raised ZeroDivisionError"):
            machine.guard.call_for_strangers("reading a callback", raising, lambda _: True)
    assert machine.guard.quarantined is False


async def test_callbacks_do_not_put_a_provider_out_of_use(clock: FakeClock, box: ScriptedSandbox):
    """However much rubbish comes in at the address for reports, messages are sent as before."""
    async with routing({"a": bad(box)}, clock=clock, plugins=[unruly(read_callback=raising)]) as rig:
        replies = [await rig.router.callback("a", Callback(method="POST", body=b"rubbish")) for _ in range(10)]
        assert {reply.status for reply in replies} == {500}
        assert rig.status("a").quarantined is None
        assert (await rig.router.send(sms())).state is State.SENT
