"""Whatever providers do and report: an SMS and a Viber message never both arrive unless the receipt admits it."""

import asyncio
from datetime import timedelta

import msgspec
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from pointsman.config import parse_config
from pointsman.events import Event, LateDelivery, MessageMoved, SteppedIn
from pointsman.loading import load_plugins
from pointsman.message import Channel, Fallback, FallbackTrigger, MessageClass, Viber
from pointsman.outcome import DeliveryState, Fault, Receipt, State, Unknown
from pointsman.plugin import Callback
from pointsman.router import Router
from pointsman.routing.failover import OnUnknown, default_on_unknown
from pointsman.routing.fallback import BAD_ENDS
from pointsman.sandbox import DeliveryPlan, Fate
from pointsman.store import MemoryStore, Record
from pointsman.store.whole import has_left
from pointsman.testing import (
    SCRIPTED,
    FakeClock,
    ScriptedSandbox,
    Step,
    answer_status,
    cut_short,
    garble,
    hang_up,
    normal,
    refuse,
)
from pointsman.testing.wire import Answer, News

from .rig import account, configuration

LIFE = 300.0
MARGIN = 60.0
NUMBER = "+79161234567"
PLUGINS = load_plugins([SCRIPTED], entry_points=False)


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one example consists of."""

    steps: tuple[Step, ...]
    """What the two providers of Viber do with the first requests, by turns."""
    fate: Fate
    """How every Viber message truly ends that was taken and did not expire before."""
    seconds: float
    """From being taken to that end."""
    polls: bool
    """The providers of Viber can be asked."""
    callbacks: tuple[tuple[float, int], ...]
    """When they call back with what is true then (seconds), and how often."""
    sms_steps: tuple[Step, ...]
    message_class: MessageClass
    on_unknown: OnUnknown | None
    on: frozenset[FallbackTrigger]

    @property
    def policy(self) -> OnUnknown:
        """What an outcome that nobody can clear up leads to."""
        return self.on_unknown or default_on_unknown(self.message_class, Channel.VIBER)


FAULTS = [fault for fault in Fault if fault is not Fault.NO_ROUTE]
STEPS = st.one_of(
    st.just(normal()),
    st.builds(refuse, st.sampled_from(FAULTS)),
    st.builds(refuse, st.just(Fault.THROTTLED), retry_after=st.sampled_from([1.0, 400.0])),
    st.builds(answer_status, st.sampled_from([500, 502]), taken=st.booleans()),
    st.builds(garble, taken=st.booleans()),
    st.builds(hang_up, taken=st.booleans()),
    st.just(cut_short()),
)
MOMENTS = [2.0, 30.0, 250.0, LIFE, LIFE + MARGIN - 1, LIFE + MARGIN + 5, 2000.0]
WORLDS = st.builds(
    World,
    steps=st.lists(STEPS, max_size=4).map(tuple),
    fate=st.sampled_from([Fate.DELIVERED, Fate.DELIVERED, Fate.UNDELIVERED, Fate.REJECTED, Fate.UNKNOWN, Fate.STUCK]),
    seconds=st.sampled_from([1.0, 20.0, 200.0, LIFE - 1, LIFE, LIFE + 30]),
    polls=st.booleans(),
    callbacks=st.lists(
        st.tuples(
            st.sampled_from([2.0, 30.0, 250.0, LIFE, LIFE + MARGIN - 1, LIFE + MARGIN + 5, 2000.0]), st.integers(1, 3)
        ),
        max_size=3,
    ).map(lambda times: tuple(sorted(times))),
    sms_steps=st.lists(
        st.one_of(
            st.just(normal()),
            st.builds(refuse, st.sampled_from([Fault.CONTENT, Fault.UNAVAILABLE])),
            st.builds(refuse, st.just(Fault.THROTTLED), retry_after=st.sampled_from([1.0, 20.0])),
        ),
        max_size=3,
    ).map(tuple),
    message_class=st.sampled_from(MessageClass),
    on_unknown=st.none() | st.sampled_from(OnUnknown),
    on=st.frozensets(st.sampled_from(FallbackTrigger), min_size=1) | st.just(frozenset(FallbackTrigger)),
)
REPORTED = {
    Fate.DELIVERED: DeliveryState.DELIVERED,
    Fate.UNDELIVERED: DeliveryState.UNDELIVERABLE,
    Fate.EXPIRED: DeliveryState.EXPIRED,
    Fate.REJECTED: DeliveryState.REJECTED,
    Fate.UNKNOWN: DeliveryState.UNKNOWN,
}


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What happened."""

    receipt: Receipt
    viber: Record
    sms: Record | None
    events: tuple[Event, ...]
    arrived: int
    """Copies of the Viber message that truly arrived."""
    sms_sent: int


def world(*steps: Step, **changes: object) -> World:
    """Return the example of one code that is sent by providers which never tell anything, unless changed."""
    quiet = World(
        steps=steps,
        fate=Fate.DELIVERED,
        seconds=20.0,
        polls=False,
        callbacks=(),
        sms_steps=(),
        message_class=MessageClass.OTP,
        on_unknown=None,
        on=frozenset(FallbackTrigger),
    )
    return msgspec.structs.replace(quiet, **changes)


async def _told(world: World) -> Story:
    clock = FakeClock()
    plan = DeliveryPlan(seconds_to_sent=0.5, seconds_to_final=world.seconds, messages={world.fate: 1.0})
    vibers = {name: ScriptedSandbox(clock=clock, delivery=plan) for name in ("v", "w")}
    sms_box = ScriptedSandbox(clock=clock)
    for place, step in enumerate(world.steps):
        vibers["vw"[place % 2]].script(step)
    sms_box.script(*world.sms_steps)
    events: list[Event] = []
    store = MemoryStore()
    for box in (*vibers.values(), sms_box):
        await box.start()
    try:
        router = _router(world, clock, vibers, sms_box, events, store)
        async with router:
            receipt = await _lived(world, clock, router, vibers)
        record = await store.get(receipt.id)
        assert record is not None
        return Story(
            receipt=receipt,
            viber=record,
            sms=await store.get(record.sms) if record.sms is not None else None,
            events=tuple(events),
            arrived=sum(one.course.fate is Fate.DELIVERED for box in vibers.values() for one in box.ledger.messages),
            sms_sent=len(sms_box.ledger.messages),
        )
    finally:
        for box in (*vibers.values(), sms_box):
            await box.close()


def _router(
    world: World,
    clock: FakeClock,
    vibers: dict[str, ScriptedSandbox],
    sms_box: ScriptedSandbox,
    events: list[Event],
    store: MemoryStore,
) -> Router:
    accounts = {name: account(box, channels=["viber"], tells_reports=world.polls) for name, box in vibers.items()}
    accounts["s"] = account(sms_box, channels=["sms"], tells_reports=True)
    route = {} if world.on_unknown is None else {"on_unknown": world.on_unknown}
    text = configuration(accounts, route, {"fallback_margin": f"{MARGIN:.0f}s"})
    return Router(
        parse_config(text, plugins=PLUGINS, env={}),
        plugins=PLUGINS,
        clock=clock,
        observers=[events.append],
        store=store,
        only_loopback=True,
    )


async def _lived(world: World, clock: FakeClock, router: Router, vibers: dict[str, ScriptedSandbox]) -> Receipt:
    """Send the message and let a week pass, with callbacks in between; return the last receipt."""
    message = Viber(
        NUMBER,
        "hello",
        message_class=world.message_class,
        ttl=timedelta(seconds=LIFE),
        fallback=Fallback(on=world.on),
    )
    start = clock.now()
    sending = asyncio.create_task(router.send(message))
    for second, times in world.callbacks:
        await clock.advance(max(start + second - clock.now(), 0.0))
        for _ in range(times):
            for name, box in vibers.items():
                await _call_back(clock, router, name, box)
    await clock.advance(7 * 86400)
    return await asyncio.wait_for(router.wait((await sending).id), 10)


async def _call_back(clock: FakeClock, router: Router, name: str, box: ScriptedSandbox) -> None:
    """Report every end that there is by now."""
    ends = [one for one in box.ledger.messages if one.course.final_at <= clock.now() and one.course.fate in REPORTED]
    news = tuple(News(id=one.id, state=REPORTED[one.course.fate], final=True, ref=one.reference) for one in ends)
    await router.callback(name, Callback(method="POST", body=msgspec.json.encode(Answer(reports=news))))


def at_most_one_sms(story: Story) -> None:
    """There is one SMS at most, it was taken once at most, and it is told when it begins."""
    assert story.sms_sent <= 1
    started = [event for event in story.events if isinstance(event, SteppedIn)]
    assert [event.sms_id for event in started] == ([story.viber.sms] if story.viber.sms is not None else [])
    assert (story.sms is not None) == (story.viber.sms is not None)
    assert story.sms_sent == (story.sms is not None and has_left(story.sms))


def two_deliveries_are_allowed_and_admitted(world: World, story: Story) -> None:
    """Where both arrived, the caller had asked for silence to count, the class allows it, and the receipt says so."""
    if not (story.arrived and story.sms_sent):
        return
    assert story.receipt.possible_duplicate
    (started,) = (event for event in story.events if isinstance(event, SteppedIn))
    in_doubt = any(isinstance(one.first_unknown or one.outcome, Unknown) for one in story.viber.attempts)
    assert FallbackTrigger.SILENT in world.on or in_doubt
    assert started.trigger is FallbackTrigger.SILENT or in_doubt
    if any(isinstance(one.outcome, Unknown) for one in story.viber.attempts):
        assert world.policy is OnUnknown.NEXT


def nothing_starts_too_early(story: Story) -> None:
    """What may still arrive is not followed before its life and the margin are over."""
    for event in story.events:
        if isinstance(event, SteppedIn) and event.trigger is FallbackTrigger.SILENT:
            assert event.at >= story.viber.envelope.deadline + MARGIN


def what_was_delivered_is_not_followed(story: Story) -> None:
    """After the report of a delivery no SMS begins; one that left before is told as a late delivery, once."""
    kinds = [
        event
        for event in story.events
        if isinstance(event, SteppedIn | LateDelivery)
        or (isinstance(event, MessageMoved) and event.message_id == story.viber.envelope.id)
    ]
    delivered = next(
        (place for place, one in enumerate(kinds) if isinstance(one, MessageMoved) and one.after is State.DELIVERED),
        len(kinds),
    )
    assert not any(isinstance(one, SteppedIn) for one in kinds[delivered:])
    late = [one for one in kinds if isinstance(one, LateDelivery)]
    assert len(late) == (story.viber.state is State.DELIVERED and story.sms_sent == 1)


def what_failed_for_certain_is_followed(world: World, story: Story) -> None:
    """A Viber message that certainly did not get through, by a trigger of the caller, always gets its SMS."""
    certain = story.viber.state in BAD_ENDS and not any(
        isinstance(one.outcome, Unknown) for one in story.viber.attempts
    )
    told_in_time = story.viber.updated_at < story.viber.envelope.deadline + MARGIN
    if certain and told_in_time and FallbackTrigger(story.viber.state.value) in world.on:
        assert story.sms is not None
        assert story.sms_sent == 1 or story.sms.state in {State.FAILED, State.EXPIRED}


# Without shrinking, which would take minutes here: the examples are small enough to be read as they are.
@settings(
    deadline=None,
    max_examples=120,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(WORLDS)
@example(world())
@example(world(callbacks=((LIFE + MARGIN + 5, 2),)))
@example(world(hang_up(taken=True), hang_up(taken=True)))
@example(world(hang_up(taken=True), message_class=MessageClass.MARKETING))
@example(world(refuse(Fault.CONTENT), sms_steps=(refuse(Fault.THROTTLED, retry_after=20.0),)))
@example(world(hang_up(taken=True), refuse(Fault.CONTENT), callbacks=((30.0, 1),)))
def test_never_two_deliveries_unless_admitted(world: World) -> None:
    """Over random outcomes, ends, times and losses, what arrived, what was sent and what is told agree."""
    story = asyncio.run(_told(world))

    at_most_one_sms(story)
    two_deliveries_are_allowed_and_admitted(world, story)
    nothing_starts_too_early(story)
    what_was_delivered_is_not_followed(story)
    what_failed_for_certain_is_followed(world, story)
