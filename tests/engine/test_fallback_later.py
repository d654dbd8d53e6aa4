"""A Viber message that is sent later, and the SMS in its place: everything counts from when the first was due."""

import asyncio
from typing import Any

import pytest

from pointsman.clock import as_utc
from pointsman.events import MessageTaken, Operation, SteppedIn
from pointsman.message import Alphabet, Fallback, FallbackTrigger, Segments, Viber
from pointsman.outcome import DeliveryState, Fault, LookupState, State
from pointsman.sandbox import Fate
from pointsman.testing import FakeClock, refuse

from .pairing import BEFORE_IT, LIFE, SMS_STARTS, Pair, pair, viber
from .rig import number

HOUR = 3600.0
KEEPS = {"schedules": True, "route": {"schedule": "provider"}}
"""A route that leaves the schedule to its providers, and a provider of Viber that can keep it."""


def later(clock: FakeClock, **fields: Any) -> Viber:
    """Return a Viber message that is due in an hour, with an SMS in its place."""
    return viber(send_at=as_utc(clock.now() + HOUR), **fields)


def submitted(both: Pair, since: float) -> list[float]:
    """Return when the provider of SMS was asked to send one: seconds after a moment."""
    return [round(seen.at - since, 1) for seen in both.sms.seen if seen.operation is Operation.SUBMIT]


# -- the router keeps it -----------------------------------------------------------------------------------------------


async def test_a_kept_message_that_fails_becomes_an_sms_then(clock: FakeClock):
    """Neither leaves before the message is due; the report that it failed starts the SMS, which is not scheduled."""
    async with pair(clock) as both:
        due = clock.now() + HOUR
        receipt = await both.rig.router.submit(later(clock))
        assert (receipt.state, receipt.due) == (State.SCHEDULED, due)
        await clock.advance(HOUR - BEFORE_IT)
        assert not both.viber.seen + both.sms.seen
        await clock.advance(5)
        await both.report(DeliveryState.UNDELIVERABLE)
        await clock.advance(10)

        assert submitted(both, due) == [5 - BEFORE_IT]
        assert both.viber.seen[0].at == due
        ended = await both.ended(receipt)
        assert (ended.state, ended.due, ended.possible_duplicate) == (State.DELIVERED, due, False)
        assert ended.fallback is not None
        assert ended.fallback.due is None


@pytest.mark.parametrize("keys", [{}, KEEPS], ids=["by the router", "by the provider"])
async def test_silence_counts_from_the_time_when_it_was_due(clock: FakeClock, keys: dict[str, Any]):
    """Life and margin begin when the message is due, whoever keeps it until then, and the provider is told the life."""
    async with pair(clock, **keys) as both:
        due = clock.now() + HOUR
        receipt = await both.rig.router.submit(later(clock))
        await clock.advance(HOUR + SMS_STARTS - BEFORE_IT)
        assert (both.sent, both.viber.items[0].ttl) == (0, LIFE.total_seconds())
        await clock.advance(10)

        assert submitted(both, due) == [SMS_STARTS]
        assert [event.trigger for event in both.rig.told(SteppedIn)] == [FallbackTrigger.SILENT]
        assert (await both.ended(receipt)).state is State.DELIVERED


async def test_a_delivered_message_has_no_sms(clock: FakeClock):
    """A kept message that is delivered when it is due is the only one."""
    async with pair(clock) as both:
        receipt = await both.rig.router.submit(later(clock))
        await clock.advance(HOUR + 5)
        await both.report(DeliveryState.DELIVERED)
        await clock.advance(5000)

        ended = await both.ended(receipt)
        assert (ended.state, ended.fallback, both.sent) == (State.DELIVERED, None, 0)


async def test_what_is_cancelled_before_it_is_due_has_no_sms(clock: FakeClock):
    """Who takes a kept message back gets neither of the two, and hears of its end at once."""
    async with pair(clock) as both:
        receipt = await both.rig.router.submit(later(clock))
        await clock.advance(60)
        assert await both.rig.router.cancel(receipt.id)
        await clock.settle()
        ended = await both.ended(receipt)
        await clock.advance(5000)

        assert (ended.state, ended.fallback) == (State.CANCELLED, None)
        assert not both.viber.seen + both.sms.seen
        assert both.rig.told(SteppedIn) == []
        assert not await both.rig.router.cancel(receipt.id)


async def test_who_stops_waiting_takes_both_back(clock: FakeClock):
    """A caller of `send` that is cancelled before the message is due gives up the SMS as well."""
    async with pair(clock) as both:
        task = asyncio.create_task(both.rig.router.send(later(clock)))
        await clock.advance(60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await clock.advance(5000)

        assert not both.viber.seen + both.sms.seen
        assert len(both.rig.told(MessageTaken)) == 1


async def test_a_closed_router_sends_neither(clock: FakeClock):
    """Closing the router cancels a kept message, and that is no failure which an SMS would follow."""
    async with pair(clock) as both:
        task = asyncio.create_task(both.rig.router.send(later(clock)))
        await clock.advance(60)
        await both.rig.router.aclose()

        assert (await task).state is State.CANCELLED
        assert not both.viber.seen + both.sms.seen


# -- its provider keeps it ---------------------------------------------------------------------------------------------


async def test_a_provider_that_refuses_to_keep_it_starts_no_sms_early(clock: FakeClock):
    """What nobody took today becomes an SMS when the message would have been due, not in the night before."""
    async with pair(clock, refuse(Fault.RECIPIENT, certain=True), **KEEPS) as both:
        due = clock.now() + HOUR
        receipt = await both.rig.router.send(later(clock))
        assert (receipt.state, receipt.fallback) == (State.FAILED, None)
        await clock.advance(HOUR - BEFORE_IT)
        assert not both.sms.seen
        await clock.advance(10)

        assert submitted(both, due) == [0.0]
        assert [event.trigger for event in both.rig.told(SteppedIn)] == [FallbackTrigger.FAILED]
        assert (await both.ended(receipt)).state is State.DELIVERED


async def test_a_refused_message_can_still_be_taken_back(clock: FakeClock):
    """Until the message would have been due, `cancel` keeps the SMS from being sent."""
    async with pair(clock, refuse(Fault.RECIPIENT, certain=True), **KEEPS) as both:
        receipt = await both.rig.router.send(later(clock))
        await clock.advance(60)
        assert await both.rig.router.cancel(receipt.id)
        await clock.settle()

        assert (await both.ended(receipt)).state is State.FAILED
        await clock.advance(5000)
        assert not both.sms.seen


async def test_a_report_before_it_is_due_starts_no_sms_early(clock: FakeClock):
    """A provider that throws a kept message away says so at once; the SMS waits until it would have been due."""
    async with pair(clock, **KEEPS) as both:
        due = clock.now() + HOUR
        await both.rig.router.send(later(clock))
        await clock.advance(60)
        await both.report(DeliveryState.REJECTED)
        await clock.advance(HOUR - 61)
        assert not both.sms.seen
        await clock.advance(1)

        assert submitted(both, due) == [0.0]


async def test_its_provider_is_asked_before_silence_counts(clock: FakeClock):
    """The last question comes within the margin after the life that began when the message was due."""
    poll = {"first": "20m", "longest": "20m"}
    async with pair(clock, fate=Fate.DELIVERED, polls=True, poll=poll, **KEEPS) as both:
        due = clock.now() + HOUR
        receipt = await both.rig.router.send(later(clock))
        await clock.advance(HOUR + SMS_STARTS + 10)

        assert [seen.at - due for seen in both.viber.seen if seen.operation is Operation.POLL] == [SMS_STARTS - 15]
        assert ((await both.ended(receipt)).state, both.sent) == (State.DELIVERED, 0)


# -- what the SMS is ---------------------------------------------------------------------------------------------------


async def test_the_sms_is_written_in_latin_letters(clock: FakeClock):
    """With `transliterate` the SMS is sent and counted in Latin letters; the Viber message stays as it was written."""
    message = Viber(to=number(0), text="Щука готова", ttl=LIFE, fallback=Fallback(transliterate=True))
    async with pair(clock, refuse(Fault.RECIPIENT)) as both:
        receipt = await both.rig.router.send(message)

        assert (both.viber.items[0].text, both.sms.items[0].text) == ("Щука готова", "Shchuka gotova")
        assert receipt.fallback is not None
        assert receipt.fallback.segments == Segments(Alphabet.GSM7, 14, 1)


async def test_the_sms_goes_by_what_a_lookup_told_meanwhile(clock: FakeClock):
    """A lookup that names the network after the message was taken decides the way and the price of the SMS."""
    async with pair(clock, sms_keys={"channels": ["sms", "hlr"]}) as both:
        both.sms.networks[number(0)] = "25002"
        receipt = await both.rig.router.submit(later(clock))
        assert receipt.network.mccmnc is None
        async with clock.autojump():
            found = await both.rig.router.lookup(number(0))
        assert found is not None
        assert found.state is LookupState.REACHABLE
        await clock.advance(HOUR)
        await both.report(DeliveryState.UNDELIVERABLE)
        await clock.advance(1)

        now = await both.receipt(receipt)
        assert now.fallback is not None
        assert now.fallback.network.mccmnc == "25002"
