"""The SMS in place of a Viber message, by the router and by Devino itself, through the sandboxes of the providers."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pointsman.clock import as_utc
from pointsman.events import LateDelivery, Reported, SteppedIn
from pointsman.message import Channel, Fallback, FallbackBy, FallbackTrigger, Viber
from pointsman.outcome import DeliveryState, Fault, State
from pointsman.sandbox import Fate, Sandbox, error

from .asking import is_at_peace
from .bench import NUMBER, NUMBERS, Bench, path, script

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = 3600.0
OTHER = NUMBERS[0]
LIFE = timedelta(minutes=10)
SILENCE = 690.0
"""Seconds until silence counts: life and margin."""
ROUTER = Fallback(text="By SMS")
PROVIDER = Fallback(by=FallbackBy.PROVIDER)
UNDELIVERED, EXPIRED, VIEWED, NOT_KNOWN = 4, 7, 3, 6
"""States of Devino's table for Viber."""


def viber(fallback: Fallback = ROUTER, *, to: str = NUMBER, **fields: Any) -> Viber:
    """Return a Viber message with an SMS in its place."""
    return Viber(to, "By Viber", ttl=LIFE, fallback=fallback, **fields)


def taken(box: Sandbox, channel: Channel) -> list[tuple[str, str]]:
    """Return number and text of what a sandbox took on a channel."""
    return [(one.to, one.text) for one in box.ledger.messages if one.channel is channel]


# -- by the router -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "state", "trigger"),
    [
        (UNDELIVERED, State.UNDELIVERED, FallbackTrigger.UNDELIVERED),
        (EXPIRED, State.EXPIRED, FallbackTrigger.EXPIRED),
    ],
)
async def test_a_viber_message_that_devino_cannot_deliver_becomes_an_sms_of_smstele(
    bench: Bench, code: int, state: State, trigger: FallbackTrigger
) -> None:
    """The report that it failed starts one SMS, with its own text, by whoever is first for SMS; Devino sends none."""
    bench.devino.viber_states[NUMBER] = code
    async with bench.router("smstele_sms", "devino_viber") as table:
        (receipt,) = await table.send(viber(), until_final=True)
        assert is_at_peace(table)
        own = [event.state for event in table.events if isinstance(event, Reported) and event.provider != "smstele_sms"]

    assert receipt.fallback is not None
    assert (path(receipt), path(receipt.fallback)) == (("devino_viber",), ("smstele_sms",))
    assert (receipt.state, receipt.possible_duplicate) == (State.DELIVERED, False)
    assert own[-1] is {State.UNDELIVERED: DeliveryState.UNDELIVERABLE, State.EXPIRED: DeliveryState.EXPIRED}[state]
    assert [event.trigger for event in table.events if isinstance(event, SteppedIn)] == [trigger]
    assert taken(bench.smstele, Channel.SMS) == [(NUMBER, "By SMS")]
    assert taken(bench.devino, Channel.SMS) == []


async def test_a_viber_message_that_smstele_cannot_deliver_becomes_an_sms_of_devino(bench: Bench) -> None:
    """The other way round: SMStele's Viber fails, and Devino is first for SMS."""
    bench.smstele.outcomes[NUMBER] = Fate.UNDELIVERED
    async with bench.router("devino", "smstele") as table:
        (receipt,) = await table.send(viber(), until_final=True)
        assert is_at_peace(table)

    assert receipt.fallback is not None
    assert (path(receipt), path(receipt.fallback)) == (("smstele",), ("devino",))
    assert (receipt.state, receipt.possible_duplicate) == (State.DELIVERED, False)
    assert [one.channel for one in bench.smstele.ledger.messages] == [Channel.VIBER]
    assert taken(bench.devino, Channel.SMS) == [(NUMBER, "By SMS")]


@pytest.mark.parametrize("account", ["devino_viber", "smstele"])
async def test_a_delivered_viber_message_has_no_sms(bench: Bench, account: str) -> None:
    """When it was delivered, no SMS ever follows, however long one waits."""
    async with bench.router(account) as table:
        (receipt,) = await table.send(viber(), until_final=True)
        await bench.clock.sleep(3 * HOUR)
        later = await table.router.receipt(receipt.id)

    assert (receipt.state, later) == (State.DELIVERED, receipt)
    assert receipt.fallback is None
    assert [one.channel for one in bench.box_of(account).ledger.messages] == [Channel.VIBER]


async def test_what_devino_does_not_take_over_viber_is_sent_at_once(bench: Bench) -> None:
    """A number in no range that is served over Viber is refused by both, and the SMS is not held up by that."""
    script(bench.devino, error("error-address-unknown"), "Viber/Send", 1)
    async with bench.router("devino_viber", "smstele_sms") as table:
        started = bench.clock.now()
        (receipt,) = await table.send(viber())
        waited = bench.clock.now() - started

    assert receipt.fallback is not None
    assert (path(receipt), path(receipt.fallback)) == (("devino_viber",), ("devino_viber",))
    assert (receipt.state, waited) == (State.SENT, 0.0)


async def test_a_late_delivery_is_told(bench: Bench) -> None:
    """Devino does not know for long, so the SMS goes when life and margin are over; then it knows: both arrived."""
    bench.devino.viber_states[NUMBER] = NOT_KNOWN
    async with bench.router("smstele_sms", "devino_viber") as table:
        started = bench.clock.now()
        (receipt,) = await table.send(viber())
        assert (receipt.state, receipt.fallback) == (State.SENT, None)
        await bench.clock.sleep(SILENCE + 60)
        (sms,) = bench.smstele.ledger.messages
        assert sms.accepted_at - started == pytest.approx(SILENCE, abs=1)
        assert [event for event in table.events if isinstance(event, LateDelivery)] == []
        bench.devino.viber_states[NUMBER] = VIEWED
        await bench.clock.sleep(3 * HOUR)
        whole = await table.router.receipt(receipt.id)
        (late,) = [event for event in table.events if isinstance(event, LateDelivery)]

    assert whole is not None
    assert whole.fallback is not None
    assert (whole.state, whole.read, whole.possible_duplicate) == (State.DELIVERED, True, True)
    assert (late.message_id, late.sms_id, late.provider) == (receipt.id, whole.fallback.id, "devino_viber")
    assert len(bench.smstele.ledger.messages) == 1


async def test_a_kept_viber_message_and_its_sms(bench: Bench) -> None:
    """One that is due in an hour fails then, and the SMS follows; one that is taken back before is followed by none."""
    bench.devino.viber_states.update(dict.fromkeys((NUMBER, OTHER), UNDELIVERED))
    async with bench.router("smstele_sms", "devino_viber") as table:
        due = bench.clock.now() + HOUR
        kept = await table.router.submit(viber(send_at=as_utc(due)))
        taken_back = await table.router.submit(viber(to=OTHER, send_at=as_utc(due)))
        assert await table.router.cancel(taken_back.id)
        ends = [await table.router.wait(one.id) for one in (kept, taken_back)]
        assert is_at_peace(table)

    assert [one.state for one in ends] == [State.DELIVERED, State.CANCELLED]
    (message,), (sms,) = bench.devino.ledger.messages, bench.smstele.ledger.messages
    assert due <= message.accepted_at < sms.accepted_at
    assert taken(bench.smstele, Channel.SMS) == [(NUMBER, "By SMS")]


# -- by the provider ---------------------------------------------------------------------------------------------------


async def test_devino_sends_the_sms_itself(bench: Bench) -> None:
    """With `by = "provider"` only who offers it is asked; Devino's one SMS is the end of the message, ours has none."""
    bench.devino.viber_states[NUMBER] = UNDELIVERED
    async with bench.router("smstele", "devino_viber") as table:
        (receipt,) = await table.send(viber(PROVIDER), until_final=True)
        await bench.clock.sleep(3 * HOUR)
        assert is_at_peace(table)
        assert [event for event in table.events if isinstance(event, SteppedIn)] == []

    assert (path(receipt), receipt.state, receipt.fallback) == (("devino_viber",), State.DELIVERED, None)
    assert taken(bench.devino, Channel.VIBER) == taken(bench.devino, Channel.SMS) == [(NUMBER, "By Viber")]
    assert bench.smstele.ledger.messages == []


async def test_a_failed_message_whose_sms_is_not_told_yet_is_not_at_its_end(bench: Bench) -> None:
    """While Devino names no SMS in place of a message that failed, one may be on its way: nobody calls that the end."""
    bench.devino.viber_states[NUMBER] = UNDELIVERED
    bench.devino.account.balance = Decimal(1)  # enough for the Viber message, and not for its SMS
    async with bench.router("devino_viber") as table:
        (receipt,) = await table.send(viber(PROVIDER))
        await bench.clock.sleep(HOUR)
        now = await table.router.receipt(receipt.id)
        await bench.clock.sleep(48 * HOUR)
        in_the_end = await table.router.receipt(receipt.id)

    assert [one.state for one in (now, in_the_end) if one is not None] == [State.SENT, State.UNKNOWN]


async def test_devino_sends_no_sms_for_what_it_delivered(bench: Bench) -> None:
    """A Viber message that was delivered is the only one, although an SMS was asked for."""
    async with bench.router("devino_viber") as table:
        (receipt,) = await table.send(viber(PROVIDER), until_final=True)

    assert receipt.state is State.DELIVERED
    assert [one.channel for one in bench.devino.ledger.messages] == [Channel.VIBER]
    assert [request.endpoint for request in bench.devino.ledger.requests].count("Viber/SendWithResend") == 1


async def test_nobody_who_sends_the_sms_himself(bench: Bench) -> None:
    """Where no provider offers its own SMS, nobody is asked, and the reason says so."""
    async with bench.router("smstele") as table:
        (receipt,) = await table.send(viber(PROVIDER))

    assert receipt.reason is not None
    assert (receipt.state, receipt.reason.fault) == (State.FAILED, Fault.NO_ROUTE)
    assert bench.smstele.ledger.messages == []
