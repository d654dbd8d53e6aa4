"""Whatever providers do, the story that the router tells is the one that the providers saw."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from pointsman.config import parse_config
from pointsman.engine.status import ProviderStatus
from pointsman.events import BreakerMoved, Called, Event, MessageTaken, Operation, Rested
from pointsman.loading import load_plugins
from pointsman.message import Channel, MessageClass, Sms
from pointsman.outcome import Accepted, Fault, Receipt, Refused, State, Unknown
from pointsman.router import Router
from pointsman.routing.breaker import BreakerSettings, BreakerState
from pointsman.routing.failover import OnUnknown, default_on_unknown
from pointsman.routing.rests import ACCOUNT_PROBE
from pointsman.testing import (
    SCRIPTED,
    FakeClock,
    Reconcile,
    Refusal,
    ScriptedSandbox,
    Step,
    answer_status,
    cut_short,
    expire,
    garble,
    hang,
    hang_up,
    normal,
    refuse,
    take_late,
)

from .rig import Account, account, configuration

NAMES = ("a", "b", "c", "d")
READ_TIMEOUT = "100ms"
"""Of real time, after which a request that hangs is given up."""

# -- what may happen ---------------------------------------------------------------------------------------------------


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider can do, and what it does with the requests that come."""

    closed: bool
    """Nobody listens: its requests fail before they leave."""
    bulk: int
    needs_login: bool
    reconcile: Reconcile
    tells_balance: bool
    steps: tuple[Step, ...]


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one example consists of."""

    providers: tuple[Provider, ...]
    messages: tuple[Sms, ...]
    bad: tuple[tuple[int, int, bool], ...]
    """Message, provider, certain: its number is bad there."""
    names_culprits: bool
    on_unknown: OnUnknown | None
    max_attempts: int
    in_a_row: int
    """Failures that open a breaker."""

    def policy(self, message: Sms) -> OnUnknown:
        """Return what holds for a message."""
        return self.on_unknown or default_on_unknown(message.message_class, Channel.SMS)


FAULTS = [fault for fault in Fault if fault is not Fault.NO_ROUTE]
SUBMIT_STEPS = st.one_of(
    st.just(normal()),
    st.builds(refuse, st.sampled_from(FAULTS), certain=st.booleans(), divisible=st.booleans()),
    st.builds(refuse, st.just(Fault.THROTTLED), retry_after=st.sampled_from([0.0, 0.3, 40.0])),
    st.just(expire()),
    st.builds(answer_status, st.sampled_from([200, 400, 401, 404, 429, 500, 502, 503])),
    st.builds(answer_status, st.sampled_from([200, 500, 502]), taken=st.just(True)),
    st.builds(garble, taken=st.booleans()),
    st.builds(hang_up, taken=st.booleans()),
    st.just(cut_short()),
    st.builds(hang, taken=st.booleans()),
    st.just(take_late()),
)
OTHER_STEPS = st.sampled_from([Operation.RECONCILE, Operation.LOGIN, Operation.BALANCE]).flatmap(
    lambda on: st.one_of(
        st.just(normal(on=on)),
        st.builds(refuse, st.sampled_from([Fault.CREDENTIALS, Fault.UNAVAILABLE, Fault.THROTTLED]), on=st.just(on)),
        st.just(expire(on=on)),
        st.builds(answer_status, st.sampled_from([200, 500, 503]), on=st.just(on)),
        st.builds(garble, taken=st.booleans(), on=st.just(on)),
        st.builds(hang_up, taken=st.booleans(), on=st.just(on)),
        st.just(cut_short(on=on)),
    )
)
PROVIDERS = st.builds(
    Provider,
    closed=st.sampled_from([False, False, False, False, True]),
    bulk=st.sampled_from([1, 1, 2, 3]),
    needs_login=st.booleans(),
    reconcile=st.sampled_from(Reconcile),
    tells_balance=st.booleans(),
    steps=st.tuples(st.lists(SUBMIT_STEPS, max_size=5), st.lists(OTHER_STEPS, max_size=3)).map(
        lambda lists: (*lists[0], *lists[1])
    ),
)


def _message(place: int, message_class: MessageClass, ttl: float | None) -> Sms:
    return Sms(
        f"+7916123456{place}",
        f"Message {place}",
        message_class=message_class,
        ttl=timedelta(seconds=ttl) if ttl is not None else None,
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw an example."""
    providers = draw(st.lists(PROVIDERS, min_size=2, max_size=4))
    count = draw(st.integers(1, 4))
    each = st.tuples(st.sampled_from(MessageClass), st.sampled_from([None, None, 0.4, 3.0, 20.0]))
    kinds = draw(st.lists(each, min_size=count, max_size=count))
    places = st.tuples(st.integers(0, count - 1), st.integers(0, len(providers) - 1), st.booleans())
    return World(
        providers=tuple(providers),
        messages=tuple(_message(place, *kind) for place, kind in enumerate(kinds)),
        bad=tuple(draw(st.lists(places, max_size=2))),
        names_culprits=draw(st.booleans()),
        on_unknown=draw(st.sampled_from([None, *OnUnknown])),
        max_attempts=draw(st.integers(1, 6)),
        in_a_row=draw(st.sampled_from([1, 2, 5])),
    )


# -- making it happen --------------------------------------------------------------------------------------------------


class Story(msgspec.Struct, kw_only=True):
    """What came of an example, in the words of the router and in those of the providers."""

    world: World
    receipts: tuple[Receipt, ...]
    events: tuple[Event, ...]
    sandboxes: Mapping[str, ScriptedSandbox]

    def message(self, receipt: Receipt) -> Sms:
        """Return the message of a receipt."""
        return next(one for one in self.world.messages if one.to.endswith(receipt.to))

    def copies(self, receipt: Receipt) -> int:
        """Return how many copies of a message providers really took."""
        return sum(len(sandbox.copies(receipt.id)) for sandbox in self.sandboxes.values())

    def requests(self) -> Counter[str]:
        """Return in how many submits providers saw each reference."""
        return Counter(
            ref
            for sandbox in self.sandboxes.values()
            for seen in sandbox.seen
            if seen.operation is Operation.SUBMIT
            for ref in seen.refs
        )

    def calls(self) -> Counter[str]:
        """Return how many requests the attempts at those providers say that they took, by their reference."""
        calls: Counter[str] = Counter()
        for receipt in self.receipts:
            for attempt in receipt.attempts:
                if attempt.provider in self.sandboxes:
                    calls[attempt.ref] += attempt.calls
        return calls


class Lab:
    """An event loop with four providers, used by all examples one after the other."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._plugins = load_plugins([SCRIPTED], entry_points=False)
        self._nobody = socket.socket()
        self._nobody.bind(("127.0.0.1", 0))
        self._runner = asyncio.Runner()
        self._all = {name: ScriptedSandbox(clock=self.clock) for name in NAMES}
        self.sandboxes: dict[str, ScriptedSandbox] = {}
        self.events: list[Event] = []
        for sandbox in self._all.values():
            self._runner.run(sandbox.start())

    def close(self) -> None:
        """Stop everything."""
        for sandbox in self._all.values():
            self._runner.run(sandbox.close())
        self._runner.close()
        self._nobody.close()

    def run(self, story: Any) -> Any:
        """Run a coroutine."""
        return self._runner.run(story)

    def busy(self) -> bool:
        """Say whether a request hangs."""
        return any(sandbox.busy() for sandbox in self._all.values())

    def router(self, world: World) -> Router:
        """Put the providers into the state of an example, and a router before them."""
        self.events = []
        self.sandboxes = {}
        accounts = {}
        for place, (name, one) in enumerate(zip(NAMES, world.providers, strict=False)):
            sandbox = self._all[name]
            sandbox.reset()
            sandbox.script(*one.steps)
            sandbox.names_culprits = world.names_culprits
            for message, provider, certain in world.bad:
                if provider == place:
                    sandbox.numbers[world.messages[message].to[1:]] = Refusal(certain=certain)
            accounts[name] = self._account(name, one)
        text = configuration(
            accounts,
            {} if world.on_unknown is None else {"on_unknown": world.on_unknown},
            {"max_attempts": world.max_attempts},
        )
        return Router(
            parse_config(text, plugins=self._plugins, env={}),
            plugins=self._plugins,
            clock=self.clock,
            observers=[self.events.append],
            breaker=BreakerSettings(in_a_row=world.in_a_row),
            only_loopback=True,
        )

    def _account(self, name: str, one: Provider) -> Account:
        keys: dict[str, Any] = {
            "bulk": one.bulk,
            "needs_login": one.needs_login,
            "reconcile": one.reconcile,
            "settle": 4.0,
            "tells_balance": one.tells_balance,
            "read_timeout": READ_TIMEOUT,
            "max_in_flight": 2,
        }
        if one.closed:
            keys["base_url"] = f"http://127.0.0.1:{self._nobody.getsockname()[1]}"
        else:
            self.sandboxes[name] = self._all[name]
        return account(self._all[name], **keys)

    async def story(self, world: World, receipts: Sequence[Receipt]) -> Story:
        """Sum up what happened, once everything that was going to take effect did so."""
        await self.clock.advance(10)
        return Story(world=world, receipts=tuple(receipts), events=tuple(self.events), sandboxes=dict(self.sandboxes))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The laboratory of this module."""
    laboratory = Lab()
    yield laboratory
    laboratory.close()


async def _sent(lab: Lab, world: World) -> Story:
    """Send all messages at once and wait for them."""
    async with lab.clock.autojump(lab.busy), lab.router(world) as router:
        receipts = await router.send_many(world.messages)
    return await lab.story(world, receipts)


# -- what must hold ----------------------------------------------------------------------------------------------------


def nothing_is_sent_after_a_yes(story: Story) -> None:
    """An accepted attempt is the last one."""
    for receipt in story.receipts:
        assert not any(isinstance(attempt.outcome, Accepted) for attempt in receipt.attempts[:-1])


def nothing_is_sent_after_a_perhaps(story: Story) -> None:
    """After an unknown outcome the next attempt needs the policy's leave, for one copy in doubt, or a proof."""
    for receipt in story.receipts:
        unknown = [place for place, one in enumerate(receipt.attempts) if isinstance(one.outcome, Unknown)]
        later = [place for place in unknown if place < len(receipt.attempts) - 1]
        assert len(later) <= (story.world.policy(story.message(receipt)) is OnUnknown.NEXT)
        for attempt in receipt.attempts:
            if attempt.first_unknown is not None and isinstance(attempt.outcome, Refused):
                later_ones = [one.outcome for one in receipt.attempts[attempt.number :] if one.ref == attempt.ref]
                copies = story.sandboxes[attempt.provider].copies(attempt.ref)
                assert len(copies) <= sum(not isinstance(outcome, Refused) for outcome in later_ones)


def no_budget_is_exceeded(story: Story) -> None:
    """Attempts are not more than allowed, and none starts after the message's life."""
    for receipt in story.receipts:
        ttl = story.message(receipt).ttl
        assert len(receipt.attempts) <= story.world.max_attempts
        assert [attempt.number for attempt in receipt.attempts] == list(range(1, len(receipt.attempts) + 1))
        for attempt in receipt.attempts:
            assert ttl is None or attempt.started_at < receipt.accepted_at + ttl.total_seconds()


def receipts_tell_what_providers_saw(story: Story) -> None:
    """Attempts name as many requests as their provider saw, and providers saw no attempt that is not named.

    Where a repeat is harmless, it goes out under the reference of the attempt before it.
    """
    named = {attempt.ref for receipt in story.receipts for attempt in receipt.attempts}
    for name, sandbox in story.sandboxes.items():
        assert {ref for seen in sandbox.seen for ref in seen.refs} <= named, name
    assert story.requests() == story.calls()


def states_are_true(story: Story) -> None:
    """What is called failed was not taken, what is called sent was, and every duplicate is admitted."""
    for receipt in story.receipts:
        copies = story.copies(receipt)
        in_doubt = any(isinstance(attempt.outcome, Unknown) for attempt in receipt.attempts)
        if any(isinstance(attempt.outcome, Accepted) for attempt in receipt.attempts):
            assert receipt.state is State.SENT
            assert copies >= 1
        elif in_doubt:
            assert receipt.state is State.UNKNOWN
        else:
            assert receipt.state in {State.FAILED, State.EXPIRED, State.CANCELLED}
            assert copies == 0
        if copies > 1:
            assert receipt.possible_duplicate


def every_request_is_told(story: Story) -> None:
    """Providers saw each request once that an event says has left, and none besides."""
    for name, sandbox in story.sandboxes.items():
        seen = Counter(one.operation for one in sandbox.seen)
        calls = [one for one in story.events if isinstance(one, Called) and one.provider == name]
        left = Counter(call.operation for call in calls if call.left)
        cut_off = Counter(call.operation for call in calls if call.left and call.code == "cancelled")
        for operation in Operation:
            assert left[operation] - cut_off[operation] <= seen[operation] <= left[operation], (name, operation)


def all_holds(story: Story) -> None:
    """Check everything that holds of every story."""
    nothing_is_sent_after_a_yes(story)
    nothing_is_sent_after_a_perhaps(story)
    no_budget_is_exceeded(story)
    states_are_true(story)
    every_request_is_told(story)


# Without shrinking, which would take minutes here: the examples are small enough to be read as they are.
EXAMPLES = settings(
    deadline=None,
    max_examples=100,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


def world(*scripts: Sequence[Step], reconcile: Reconcile = Reconcile.NONE) -> World:
    """Return the example of one code over providers that follow these scripts."""
    providers = [
        Provider(closed=False, bulk=1, needs_login=False, reconcile=reconcile, tells_balance=False, steps=tuple(script))
        for script in scripts
    ]
    return World(
        providers=tuple(providers),
        messages=(_message(0, MessageClass.OTP, None),),
        bad=(),
        names_culprits=True,
        on_unknown=OnUnknown.NEXT,
        max_attempts=6,
        in_a_row=5,
    )


NO_IDEA = [refuse(Fault.UNAVAILABLE, on=Operation.RECONCILE)] * 20


@EXAMPLES
@given(worlds())
@example(world(*[[hang_up(taken=True)]] * 4))
@example(world([take_late()], [], reconcile=Reconcile.QUERY))
@example(world([hang_up(taken=True), *NO_IDEA], [], reconcile=Reconcile.QUERY))
@example(world([hang_up(taken=True), *NO_IDEA], [], reconcile=Reconcile.REPEAT))
@example(world([refuse(Fault.LIMIT), take_late()], [hang_up(taken=False)], [], reconcile=Reconcile.QUERY))
def test_the_story_is_true(lab: Lab, world: World) -> None:
    """Attempts, states, budgets and events agree with what the providers saw and took, for every script."""
    story = lab.run(_sent(lab, world))

    all_holds(story)
    receipts_tell_what_providers_saw(story)


TURNS = st.one_of(st.none(), st.integers(0, 80))
"""Turns of the event loop after which a caller gives up; None for a patient one."""


@settings(EXAMPLES, max_examples=40)
@given(worlds(), st.lists(TURNS, min_size=4, max_size=4))
def test_the_story_is_true_of_messages_that_were_given_up(
    lab: Lab, world: World, patience: Sequence[int | None]
) -> None:
    """Whenever a caller is cancelled, what had not left is never sent, and what had left is followed to its end."""
    story = lab.run(_given_up(lab, world, patience))

    all_holds(story)
    receipts_tell_what_providers_saw(story)


async def _given_up(lab: Lab, world: World, patience: Sequence[int | None]) -> Story:
    async with lab.clock.autojump(lab.busy), lab.router(world) as router:
        tasks = [asyncio.create_task(router.send(message)) for message in world.messages]
        for turn in range(max(turns or 0 for turns in patience) + 1):
            for task, turns in zip(tasks, patience, strict=False):
                if turns == turn:
                    task.cancel()
            if all(task.done() for task in tasks):
                break
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        receipts = await _taken(lab, router)
        # Not one turn of the loop too many: a clock that runs on comes to the day when reports are given up.
        while any(receipt.state in {State.ACCEPTED, State.SENDING} for receipt in receipts):
            await asyncio.sleep(0)
            receipts = await _taken(lab, router)
    return await lab.story(world, receipts)


async def _taken(lab: Lab, router: Router) -> list[Receipt]:
    """Return the receipts of all messages that the router took, whether or not anybody waits for them."""
    ids = [one.message_id for one in lab.events if isinstance(one, MessageTaken)]
    receipts = [await router.receipt(message_id) for message_id in ids]
    return [receipt for receipt in receipts if receipt is not None]


@settings(EXAMPLES, max_examples=40)
@given(worlds(), st.integers(0, 80), st.sampled_from([0.0, 0.02]))
def test_the_story_is_true_of_a_router_that_was_closed(lab: Lab, world: World, turns: int, patience: float) -> None:
    """Whenever the router is closed, every caller gets a receipt that is true, and every request is told."""
    story, answers = lab.run(_closed(lab, world, turns, patience))

    assert [answer for answer in answers if not isinstance(answer, Receipt)] == []
    assert all(receipt.state not in {State.ACCEPTED, State.SENDING} for receipt in story.receipts)
    all_holds(story)
    calls, requests = story.calls(), story.requests()
    assert all(calls[ref] - requests[ref] in {0, 1} for ref in calls | requests)


async def _closed(
    lab: Lab, world: World, turns: int, patience: float
) -> tuple[Story, Sequence[Receipt | BaseException]]:
    router = lab.router(world)
    await router.start()
    tasks = [asyncio.create_task(router.send(message)) for message in world.messages]
    await asyncio.sleep(0)
    async with lab.clock.autojump(lab.busy):
        for _ in range(turns):
            if not all(task.done() for task in tasks):
                await asyncio.sleep(0)
    # Closing waits in real time; a clock that ran on meanwhile would come to the day when reports are given up.
    await router.aclose(patience)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    receipts = await _taken(lab, router)
    return await lab.story(world, receipts), answers


Healths = Mapping[str, Mapping[str, float]]
FADED = 1e-4
"""What evidence may fade in the seconds that a message takes; a failure moves the share that is taken by far more."""


@settings(EXAMPLES, max_examples=30)
@given(worlds(), st.booleans())
def test_a_bad_number_is_nobodys_fault(lab: Lab, world: World, certain: bool) -> None:
    """Whatever happened before, the refusal of a bad number changes neither breaker, nor health, nor rests."""
    before, after, events, receipt = lab.run(_bad_number(lab, world, certain))

    assert before.keys() == after.keys()
    for name, health in before.items():
        assert after[name] == pytest.approx(health, abs=FADED), name
    assert [one for one in events if isinstance(one, BreakerMoved) and one.after != BreakerState.PROBING] == []
    assert [one for one in events if isinstance(one, Rested)] == []
    refusals = [attempt.outcome for attempt in receipt.attempts if attempt.provider in lab.sandboxes]
    assert all(isinstance(refusal, Refused) and refusal.fault is Fault.RECIPIENT for refusal in refusals)
    assert len(refusals) <= (1 if certain else 2)


async def _bad_number(
    lab: Lab, world: World, certain: bool
) -> tuple[
    Mapping[str, Mapping[Channel, float]],
    Mapping[str, Mapping[Channel, float]],
    Sequence[BreakerMoved | Rested],
    Receipt,
]:
    """Return the health of the reachable providers before and after, and what moved them in between."""
    bad = "79990000000"
    async with lab.clock.autojump(lab.busy), lab.router(world) as router:
        await router.send_many(world.messages)
        for sandbox in lab.sandboxes.values():
            sandbox.faults.clear()
            sandbox.numbers[bad] = Refusal(certain=certain)
        await lab.clock.sleep(ACCOUNT_PROBE)  # until then a login that was refused before may not be tried again
        before = _health(lab, router)
        lab.events.clear()
        receipt = await router.send(Sms(bad, "hello"))
        moved = [one for one in lab.events if isinstance(one, BreakerMoved | Rested) and one.provider in lab.sandboxes]
        return before, _health(lab, router), moved, receipt


def _health(lab: Lab, router: Router) -> Healths:
    """Return the chance of a delivery, and the share of attempts that is taken, by provider."""
    return {
        status.name: {**{f"delivers {one}": share for one, share in status.health.items()}, **_taken_of(status)}
        for status in router.providers()
        if status.name in lab.sandboxes
    }


def _taken_of(status: ProviderStatus) -> Mapping[str, float]:
    return {f"takes {one}": share for one, share in status.taken.items()}
