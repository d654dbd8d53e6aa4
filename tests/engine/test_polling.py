"""Asking for reports when something goes wrong: refusals, nonsense, a clock that is set, messages of several kinds."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from pointsman.engine.calling import Plan
from pointsman.engine.polling import GIVE_UP_AGAIN, Poller, Watch
from pointsman.events import Operation
from pointsman.message import Channel, Msisdn
from pointsman.outcome import DeliveryState, Fault, Refused, Report, State
from pointsman.plugin import Polling, Provider
from pointsman.sandbox import DeliveryPlan, Fate
from pointsman.testing import FakeClock, Scripted, ScriptedSandbox, ScriptedSettings, refuse

from .rig import account, lookup, routing, sending, sms

POLL = Operation.POLL
DAY = 24 * 3600.0
Taking = Callable[[str, tuple[Report, ...]], Awaitable[frozenset[str]]]


def polls(box: ScriptedSandbox, since: float) -> list[float]:
    """When the provider was asked, in seconds after a moment."""
    return [round(seen.at - since, 3) for seen in box.seen if seen.operation is POLL]


def stuck(clock: FakeClock) -> ScriptedSandbox:
    """Return a provider whose messages never come to an end."""
    return ScriptedSandbox(clock=clock, delivery=DeliveryPlan(messages={Fate.STUCK: 1.0}))


class Asked:
    """Stands where a provider is called: answers each question at once, as it is told to."""

    def __init__(self, answer: Callable[[tuple[str, ...]], tuple[Report, ...] | Refused]) -> None:
        self.answer = answer
        self.questions: list[tuple[Channel | None, int]] = []

    async def call(self, plan: Plan[tuple[Report, ...] | Refused]) -> tuple[Report, ...] | Refused:
        """Answer a question."""
        self.questions.append((plan.subject.channel, len(plan.subject.message_ids)))
        return self.answer(plan.subject.message_ids)


def poller(clock: FakeClock, asked: Asked, take: Taking, polling: dict[Channel, Polling]) -> Poller:
    """Return a poller of a provider that can be asked."""
    provider: Provider = Scripted(ScriptedSettings(tells_reports=True))
    return Poller("a", provider, asked, polling, take, clock)  # type: ignore[arg-type]  # only `call` is used


def watch(place: int, clock: FakeClock, channel: Channel = Channel.SMS) -> Watch:
    """Return a watch for the message of a place, which was taken now."""
    name = f"m{place}"
    return Watch(provider_id=name, message_id=name, to=Msisdn("79161230000"), channel=channel, accepted_at=clock.now())


def delivered(ids: tuple[str, ...]) -> tuple[Report, ...]:
    """Report that everything was delivered."""
    return tuple(Report(provider_id=one, state=DeliveryState.DELIVERED, final=True) for one in ids)


async def taking(_: str, reports: tuple[Report, ...]) -> frozenset[str]:
    """Take all reports in; final ones end the asking."""
    return frozenset(report.provider_id for report in reports if report.final)


# -- together ----------------------------------------------------------------------------------------------------------


async def test_messages_of_two_channels_travel_with_their_like(clock: FakeClock):
    """Where lookups go by two hundred and messages one by one, neither of them costs the other its company."""
    asked = Asked(delivered)
    rules = {Channel.SMS: Polling(batch=1), Channel.HLR: Polling(batch=200)}
    one = poller(clock, asked, taking, rules)
    for place in range(800):
        one.add(watch(place, clock, Channel.HLR if place % 2 else Channel.SMS))
    task = asyncio.create_task(one.run())
    await clock.advance(6)
    task.cancel()
    assert Counter(asked.questions) == {(Channel.HLR, 200): 2, (Channel.SMS, 1): 400}


# -- a clock that is set -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-24, -1, 1, 49])
async def test_setting_the_clock_changes_nothing(clock: FakeClock, hours: int):
    """However far the wall clock is set, messages are asked about at the same pace and given up after the same time."""
    box = stuck(clock)
    poll = {"first": "10s", "factor": 2.0, "longest": "40s", "give_up": "100s"}
    async with routing({"a": account(box, tells_reports=True, poll=poll)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        clock.set_wall(clock.now() + hours * 3600)
        set_at = clock.now()
        await clock.advance(99)
        assert polls(box, set_at) == [10.0, 30.0, 70.0]
        assert (await rig.router.receipt(receipt.id)).state is State.SENT
        await clock.advance(1)
        assert (await rig.router.wait(receipt.id)).state is State.UNKNOWN


@pytest.mark.parametrize(("age", "ends"), [(0.0, 60.0), (45.0, 15.0), (3600.0, 0.0), (-3600.0, 60.0)])
async def test_the_age_of_a_message_counts(clock: FakeClock, age: float, ends: float):
    """What is watched late is given up as long after it was taken as others; one from the future as if it were new."""
    told: list[float] = []
    begin = clock.monotonic()

    async def take(_: str, reports: tuple[Report, ...]) -> frozenset[str]:
        told.extend(clock.monotonic() - begin for report in reports if report.code == "no_report")
        return frozenset()

    late = watch(0, clock)
    late.accepted_at -= age
    one = poller(clock, Asked(lambda _: ()), take, {Channel.SMS: Polling(give_up=60.0)})
    one.add(late)
    task = asyncio.create_task(one.run())
    await clock.advance(DAY)
    task.cancel()
    assert told == [ends]


# -- refusals ----------------------------------------------------------------------------------------------------------


async def test_too_fast_pauses_all_questions(clock: FakeClock, box: ScriptedSandbox):
    """When a provider asks for ten minutes of peace, none of five hundred messages is asked about meanwhile."""
    async with routing({"a": account(box, tells_reports=True, bulk=500)}, clock=clock) as rig:
        await rig.router.send_many([sms(place) for place in range(500)])
        begin = clock.now()
        box.script(*[refuse(Fault.THROTTLED, retry_after=600.0, on=POLL)] * 4)
        await clock.advance(604)
        assert polls(box, begin) == [5.0] * 4
        await clock.advance(600)
        assert rig.calls(POLL)[4].at - begin == 605.0
        assert len(polls(box, begin)) == 504


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.UNAVAILABLE, Fault.CREDENTIALS, Fault.FORBIDDEN])
async def test_a_provider_that_cannot_answer_is_asked_less_and_less(clock: FakeClock, fault: Fault):
    """While it refuses for its own sake, questions about whatever message go out 1, 2, 4 … 60 seconds after another."""
    asked = Asked(lambda _: Refused(fault=fault))
    one = poller(clock, asked, taking, {Channel.SMS: Polling(first=1.0, factor=1.0)})
    for place in range(200):
        one.add(watch(place, clock))
    task = asyncio.create_task(one.run())
    await clock.advance(1.0)
    counts = []
    for _ in range(20):
        counts.append(len(asked.questions))
        await clock.advance(15)
    task.cancel()
    assert counts[0] <= 4
    assert counts[-1] <= 4 + 10
    assert counts[-1] > counts[8]


async def test_a_refusal_about_one_message_does_not_hold_up_others(clock: FakeClock):
    """A question that is refused for what it asks says nothing about other questions: they go on at their pace."""
    asked = Asked(lambda _: Refused(fault=Fault.REQUEST))
    one = poller(clock, asked, taking, {Channel.SMS: Polling(first=1.0, factor=1.0)})
    for place in range(20):
        one.add(watch(place, clock))
    task = asyncio.create_task(one.run())
    await clock.advance(5.0)
    task.cancel()
    assert len(asked.questions) == 20 * 5


async def test_messages_are_given_up_while_the_provider_is_left_alone(clock: FakeClock):
    """A pause that a provider asks for does not prolong the wait for a message: it ends as unknown in time."""
    box = stuck(clock)
    async with routing({"a": account(box, tells_reports=True, poll={"give_up": "60s"})}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        box.script(refuse(Fault.THROTTLED, retry_after=3600.0, on=POLL))
        await clock.advance(60)
        assert (await rig.router.wait(receipt.id)).state is State.UNKNOWN
        assert box.ledger.calls[POLL] == 1


# -- what breaks while reports are taken in ----------------------------------------------------------------------------


async def test_one_report_that_breaks_does_not_stop_the_others(clock: FakeClock):
    """Of ten reports of one answer nine are taken in; the tenth message is asked about again, and given up in time."""
    told: list[Report] = []

    async def take(_: str, reports: tuple[Report, ...]) -> frozenset[str]:
        if any(report.provider_id == "m3" and report.code != "no_report" for report in reports):
            raise OverflowError
        told.extend(reports)
        return frozenset(report.provider_id for report in reports)

    asked = Asked(delivered)
    one = poller(clock, asked, take, {Channel.SMS: Polling(batch=10, give_up=60.0)})
    for place in range(10):
        one.add(watch(place, clock))
    task = asyncio.create_task(one.run())
    await clock.advance(6)
    assert {report.provider_id for report in told} == {f"m{place}" for place in range(10)} - {"m3"}
    await clock.advance(60)
    task.cancel()
    assert (told[-1].provider_id, told[-1].code) == ("m3", "no_report")
    assert asked.questions == [(Channel.SMS, 10)] + [(Channel.SMS, 1)] * 3


async def test_a_question_that_breaks_is_asked_again(clock: FakeClock):
    """Whatever is raised while a provider is asked, its messages are asked about again."""
    answers = iter([0])

    def answer(ids: tuple[str, ...]) -> tuple[Report, ...]:
        if next(answers, None) is not None:
            raise RuntimeError
        return delivered(ids)

    told: list[Report] = []

    async def take(_: str, reports: tuple[Report, ...]) -> frozenset[str]:
        told.extend(reports)
        return await taking(_, reports)

    one = poller(clock, Asked(answer), take, {Channel.SMS: Polling()})
    one.add(watch(0, clock))
    task = asyncio.create_task(one.run())
    await clock.advance(5)
    assert told == []
    await clock.advance(10)
    task.cancel()
    assert [report.state for report in told] == [DeliveryState.DELIVERED]


async def test_giving_up_is_tried_again(clock: FakeClock):
    """A message whose end cannot be written down is given up a minute later, and only once."""
    broken = iter([True])
    told: list[float] = []
    begin = clock.monotonic()

    async def take(_: str, reports: tuple[Report, ...]) -> frozenset[str]:
        del reports
        if next(broken, False):
            raise OSError
        told.append(clock.monotonic() - begin)
        return frozenset()

    one = poller(clock, Asked(lambda _: ()), take, {Channel.SMS: Polling(give_up=60.0)})
    one.add(watch(0, clock))
    task = asyncio.create_task(one.run())
    await clock.advance(DAY)
    task.cancel()
    assert told == [60.0 + GIVE_UP_AGAIN]


async def test_lookups_and_messages_of_one_provider_both_end(clock: FakeClock, box: ScriptedSandbox):
    """A provider that is asked about both tells of both."""
    async with routing({"a": account(box, tells_reports=True, poll_bulk=10)}, clock=clock) as rig:
        tasks = sending(rig, lookup(0), lookup(1))
        receipts = await rig.router.send_many([sms(place) for place in range(5)])
        await clock.advance(3600)
        assert {(await task).state for task in tasks} == {State.RESOLVED}
        assert {(await rig.router.wait(receipt.id)).state for receipt in receipts} == {State.DELIVERED}
