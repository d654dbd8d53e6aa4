"""Observers see everything and disturb nothing."""

import logging

import pytest

from pointsman.events import Attempted, Called, Decided, Event, MessageMoved, MessageTaken, PluginQuarantined, Spent
from pointsman.loading import load_plugins
from pointsman.outcome import State
from pointsman.plugin import hookimpl
from pointsman.routing.journal import DecisionMade
from pointsman.testing import SCRIPTED, FakeClock, ScriptedSandbox

from .rig import account, price, routing, sms


class Raising:
    """Raises on every event of a kind, and counts how often it was called."""

    def __init__(self, kind: type[Event] = Event) -> None:
        self.kind = kind
        self.calls = 0

    def __call__(self, event: Event) -> None:
        """Raise."""
        if isinstance(event, self.kind):
            self.calls += 1
            raise ZeroDivisionError


class Watching:
    """A third party's plugin that watches events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @hookimpl
    def observed(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)


class Failing:
    """A third party's plugin that cannot bear to watch."""

    @hookimpl
    def observed(self, event: Event) -> None:
        """Raise."""
        raise ZeroDivisionError


class Unloadable:
    """A third party's plugin that fails when it is asked what it offers."""

    @hookimpl
    def register_providers(self, register: object) -> None:
        """Raise."""
        raise ZeroDivisionError


async def test_the_life_of_a_message_is_told(clock: FakeClock, box: ScriptedSandbox):
    """A message that is sent shows as taken, decided upon, called for, attempted and paid for, in this order."""
    async with routing({"a": account(box, prices=[price("1")])}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        kinds = [type(event) for event in rig.events]
        assert kinds == [MessageTaken, Decided, DecisionMade, MessageMoved, Called, MessageMoved, Attempted, Spent]
        assert {event.message_id for event in rig.events if hasattr(event, "message_id")} == {receipt.id}
        assert [event.decision.message_id for event in rig.told(DecisionMade)] == [receipt.id]
        (attempted,) = rig.told(Attempted)
        assert attempted.attempt == receipt.attempts[0]
        assert {event.at for event in rig.events} == {clock.now()}


async def test_an_observer_that_raises_disturbs_nobody(clock: FakeClock, box: ScriptedSandbox):
    """Messages are sent as ever, and the observers after it see every event."""
    seen: list[Event] = []
    async with routing({"a": account(box)}, clock=clock, observers=[Raising(), seen.append]) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(5)])
        assert [receipt.state for receipt in receipts] == [State.SENT] * 5
        assert seen == rig.events


async def test_an_observer_that_keeps_raising_is_not_called_any_more(
    clock: FakeClock, box: ScriptedSandbox, caplog: pytest.LogCaptureFixture
):
    """After three failures an observer is dropped; each of them is logged with its kind, and no more."""
    raising, one_sided = Raising(), Raising(Decided)
    with caplog.at_level(logging.WARNING):
        async with routing({"a": account(box)}, clock=clock, observers=[raising, one_sided]) as rig:
            await rig.router.send_many([sms(place) for place in range(5)])
    assert (raising.calls, one_sided.calls) == (3, 3)
    lines = [record.getMessage() for record in caplog.records if record.name == "pointsman.observers"]
    assert len(lines) == 6
    assert {line.partition(" (")[0] for line in lines} == {"an observer raised ZeroDivisionError"}


async def test_one_may_begin_to_observe_at_any_time(clock: FakeClock, box: ScriptedSandbox):
    """`observe` shows the events from then on."""
    seen: list[Event] = []
    async with routing({"a": account(box)}, clock=clock) as rig:
        await rig.router.send(sms())
        before = len(rig.events)
        rig.router.observe(seen.append)
        await rig.router.send(sms())
        assert seen == rig.events[before:]
        assert len(seen) > 0


async def test_an_observer_may_use_the_router(clock: FakeClock, box: ScriptedSandbox):
    """An observer that asks the router how things stand gets an answer in the middle of what happens."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        in_flight: list[int] = []
        rig.router.observe(
            lambda event: in_flight.append(rig.status("a").in_flight) if isinstance(event, Called) else None
        )
        await rig.router.send(sms())
        assert in_flight == [1]


async def test_a_plugin_sees_the_events_of_its_router(clock: FakeClock, box: ScriptedSandbox):
    """The hook `observed` of a third party's plugin is shown every event, as observers are."""
    watching = Watching()
    async with routing({"a": account(box)}, clock=clock, found=load_plugins([SCRIPTED, watching])) as rig:
        await rig.router.send(sms())
        assert watching.events == rig.events


async def test_a_plugin_that_cannot_watch_is_named_and_left_out(clock: FakeClock, box: ScriptedSandbox):
    """A hook that fails three times is quarantined: that is told once, listed, and nobody else notices."""
    watching = Watching()
    found = load_plugins([SCRIPTED, Failing(), watching])
    async with routing({"a": account(box)}, clock=clock, found=found) as rig:
        receipts = await rig.router.send_many([sms(place) for place in range(5)])
        assert [receipt.state for receipt in receipts] == [State.SENT] * 5
        assert [one.plugin for one in rig.told(PluginQuarantined)] == ["Failing"]
        assert [one.name for one in rig.router.plugins.quarantined] == ["Failing"]
        assert sorted(map(repr, watching.events)) == sorted(map(repr, rig.events))
        assert rig.status("a").quarantined is None


async def test_a_plugin_that_could_not_be_loaded_is_told_at_the_start(clock: FakeClock, box: ScriptedSandbox):
    """What was put aside while plugins were loaded is an event of the start."""
    found = load_plugins([SCRIPTED, Unloadable()])
    async with routing({"a": account(box)}, clock=clock, found=found) as rig:
        assert [one.plugin for one in rig.told(PluginQuarantined)] == ["Unloadable"]
        assert (await rig.router.send(sms())).state is State.SENT


async def test_two_routers_of_one_process_share_nothing(clock: FakeClock, box: ScriptedSandbox):
    """The events, sessions and accounts of one router are no matter of another."""
    other = ScriptedSandbox(clock=clock)
    keys = {"opening_balance": "5", "prices": [price("1")]}
    async with (
        routing({"a": account(box, **keys)}, clock=clock) as one,
        routing({"a": account(other, **keys)}, clock=clock) as two,
    ):
        await one.router.send(sms())
        assert two.events == []
        assert (str(one.available("a")), str(two.available("a"))) == ("4", "5")
