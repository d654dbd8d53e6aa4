"""What ends it when something is out of use: each way out, taken with the codes of the real providers."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from pointsman.events import BreakerMoved, Operation
from pointsman.message import Channel, HlrLookup, MessageClass, Sms
from pointsman.outcome import Fault, State
from pointsman.routing.breaker import BreakerState
from pointsman.routing.rests import Scope
from pointsman.sandbox import FaultRule, answer, error

from .bench import NUMBERS, SENDER, Bench, Form, Table, path, script

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUTE = 60.0
HOUR = 3600.0
DEVINO = Form(
    name="devino", account="devino", other="smstele", submits="Sms/Send", polls="Sms/State", channel=Channel.SMS
)
SMSTELE = Form(
    name="smstele", account="smstele", other="devino", submits="sendsms", polls="status", channel=Channel.SMS
)
AFFILIATE = Form(
    name="affiliate",
    account="affiliate",
    other="devino",
    submits="hlr/create",
    polls="hlr/status",
    channel=Channel.HLR,
)
DEVINO_HLR = Form(
    name="devino_hlr",
    account="devino_password",
    other="affiliate",
    submits="v2/Hlr/SendBulk",
    polls="v2/Hlr/State",
    channel=Channel.HLR,
)

OF_THE_ACCOUNT = (
    (DEVINO, answer(403), Fault.FORBIDDEN),
    (DEVINO_HLR, error("4"), Fault.CREDENTIALS),
    (SMSTELE, error("-23"), Fault.CREDENTIALS),
    (SMSTELE, error("-24"), Fault.FORBIDDEN),
    (AFFILIATE, error("1"), Fault.CREDENTIALS),
    (AFFILIATE, error("2", "Account is blocked"), Fault.FORBIDDEN),
)
DECLINES = ((DEVINO, error("7")), (SMSTELE, error("-37")), (AFFILIATE, error("10")))
NONSENSE = ((DEVINO, error("1")), (SMSTELE, error("-33")), (AFFILIATE, error("7")))
WRONG_NUMBERS = (
    (DEVINO, error("2", "Invalid destination address")),
    (SMSTELE, error("-26")),
    (AFFILIATE, error("11", "Incorrect msisdn")),
)
FAILURES = ((DEVINO, error("8")), (SMSTELE, error("-1")), (AFFILIATE, error("5")))


def _id(value: object) -> str:
    match value:
        case FaultRule():
            return value.code or f"http_{value.status}"
        case Form():
            return value.name
        case _:
            return str(value)


async def _way(table: Table, form: Form, *, sender: str | None = None) -> tuple[str, ...]:
    """Send one message and return which providers it was tried at. A one-time password never waits long."""
    (message,) = form.messages(MessageClass.OTP)
    if sender is not None:
        message = msgspec.structs.replace(message, sender=sender)
    (receipt,) = await table.send(message)
    return path(receipt)


async def _ways(table: Table, form: Form, count: int) -> list[tuple[str, ...]]:
    """Send some messages one after the other."""
    return [await _way(table, form) for _ in range(count)]


@pytest.mark.parametrize(("form", "cause", "fault"), OF_THE_ACCOUNT, ids=_id)
async def test_a_refused_account_is_probed_every_half_hour(
    bench: Bench, form: Form, cause: FaultRule, fault: Fault
) -> None:
    """Nobody uses it but one message each 30 minutes, until that is taken: then everybody does."""
    both, only_other, only_first = (form.account, form.other), (form.other,), (form.account,)
    async with bench.router(form.account, form.other) as table:
        script(bench.box_of(form.account), cause, form.submits, None)
        assert [both, only_other, only_other] == await _ways(table, form, 3)
        assert [fault] == [rest.fault for rest in table.status(form.account).rests]
        await bench.clock.sleep(29 * MINUTE)
        assert [only_other] == await _ways(table, form, 1)
        await bench.clock.sleep(2 * MINUTE)
        assert [both, only_other] == await _ways(table, form, 2)
        bench.box_of(form.account).faults.clear()
        await bench.clock.sleep(25 * MINUTE)
        assert [only_other] == await _ways(table, form, 1)
        await bench.clock.sleep(6 * MINUTE)
        assert [only_first, only_first] == await _ways(table, form, 2)
        assert table.status(form.account).rests == ()
        assert all(event.alert and event.until is None for event in table.rested(form.account))


async def test_what_a_provider_does_not_offer_is_not_asked_for_again(bench: Bench) -> None:
    """Code -6 switches the channel off until the configuration changes; the other channel goes on."""
    lookups = msgspec.structs.replace(SMSTELE, other="affiliate", channel=Channel.HLR)
    async with bench.router("smstele", "affiliate", "devino") as table:
        script(bench.smstele, error("-6"), "sendsms", 1)
        assert await _way(table, lookups) == ("smstele", "affiliate")
        await bench.clock.sleep(100 * HOUR)
        assert await _way(table, lookups) == ("affiliate",)
        assert await _way(table, SMSTELE) == ("smstele",)
        (rest,) = table.status("smstele").rests
    assert (rest.scope, rest.subject, rest.alert) == (Scope.CHANNEL, Channel.HLR, False)


@pytest.mark.parametrize(
    ("form", "cause", "another"),
    [(DEVINO, error("6", "Invalid source address"), "TESTSMS"), (SMSTELE, error("-32"), "REX400.RU")],
    ids=_id,
)
async def test_a_refused_sender_rests_for_a_day_at_that_provider(
    bench: Bench, form: Form, cause: FaultRule, another: str
) -> None:
    """The provider goes on with its other senders, and with this one after 24 hours."""
    async with bench.router(form.account, "devino_again", "smstele_again") as table:
        script(bench.box_of(form.account), cause, form.submits, 1)
        await _way(table, form, sender=SENDER)
        (rested,) = table.rested(form.account)
        assert (rested.scope, rested.subject, rested.alert) == (Scope.SENDER, SENDER, True)
        await bench.clock.sleep(23 * HOUR)
        assert form.account not in await _way(table, form, sender=SENDER)
        assert await _way(table, form, sender=another) == (form.account,)
        await bench.clock.sleep(2 * HOUR)
        assert await _way(table, form, sender=SENDER) == (form.account,)
        assert table.status(form.account).rests == ()


@pytest.mark.parametrize(("form", "cause"), DECLINES, ids=_id)
async def test_five_declined_messages_in_ten_minutes_rest_the_provider(
    bench: Bench, form: Form, cause: FaultRule
) -> None:
    """Four do not, nor do five over a longer time; the rest is over after a quarter of an hour."""
    both, only_other = (form.account, form.other), (form.other,)
    async with bench.router(form.account, form.other) as table:
        script(bench.box_of(form.account), cause, form.submits, 9)
        assert [both] * 4 == await _ways(table, form, 4)
        await bench.clock.sleep(11 * MINUTE)
        assert [both] * 4 == await _ways(table, form, 4)
        assert table.status(form.account).rests == ()
        assert [both, only_other] == await _ways(table, form, 2)
        (rest,) = table.status(form.account).rests
        assert (rest.scope, rest.fault, rest.alert) == (Scope.PROVIDER, Fault.DECLINED, False)
        await bench.clock.sleep(14 * MINUTE)
        assert [only_other] == await _ways(table, form, 1)
        await bench.clock.sleep(2 * MINUTE)
        assert [(form.account,)] == await _ways(table, form, 1)
        assert set(table.status(form.account).taken.values()) == {1.0}


@pytest.mark.parametrize(("form", "cause"), NONSENSE, ids=_id)
async def test_three_bad_requests_in_a_row_stop_the_operation(bench: Bench, form: Form, cause: FaultRule) -> None:
    """One that is taken in between starts the count anew; the stop is over after ten minutes, with an alert."""
    both, only_other, only_first = (form.account, form.other), (form.other,), (form.account,)
    box = bench.box_of(form.account)
    async with bench.router(form.account, form.other) as table:
        script(box, cause, form.submits, 2)
        assert [both, both, only_first] == await _ways(table, form, 3)
        script(box, cause, form.submits, 3)
        assert [both, both, both, only_other] == await _ways(table, form, 4)
        (rested,) = table.rested(form.account)
        assert (rested.scope, rested.subject, rested.alert) == (Scope.OPERATION, form.channel, True)
        await bench.clock.sleep(9 * MINUTE)
        assert [only_other] == await _ways(table, form, 1)
        await bench.clock.sleep(2 * MINUTE)
        assert [only_first] == await _ways(table, form, 1)
        assert set(table.status(form.account).taken.values()) == {1.0}


async def test_a_stopped_operation_leaves_the_others_alone(bench: Bench) -> None:
    """When messages are refused as nonsense, lookups go on."""
    async with bench.router("devino", "smstele", "affiliate") as table:
        script(bench.devino, error("1"), "Sms/Send", 3)
        assert await _ways(table, DEVINO, 4) == [("devino", "smstele")] * 3 + [("smstele",)]
        (receipt,) = await table.send(HlrLookup(NUMBERS[0]))
    assert (receipt.state, path(receipt)) == (State.RESOLVED, ("devino",))


@pytest.mark.trap("D38")
async def test_an_empty_account_that_tells_its_balance_is_used_when_it_is_filled(bench: Bench) -> None:
    """Its balance is asked for at once and every five minutes, and a sufficient one ends the rest."""
    async with bench.router("devino", "smstele") as table:
        bench.devino.account.balance = Decimal(0)
        assert await _ways(table, DEVINO, 2) == [("devino", "smstele"), ("smstele",)]
        (rested,) = table.rested("devino")
        assert (rested.fault, rested.alert) == (Fault.CREDITS, True)
        await bench.clock.sleep(MINUTE)
        asked = len(table.calls("devino", Operation.BALANCE))
        bench.devino.account.top_up(Decimal(100))
        assert await _way(table, DEVINO) == ("smstele",)
        await bench.clock.sleep(5 * MINUTE)
        assert len(table.calls("devino", Operation.BALANCE)) == asked + 1
        assert table.status("devino").rests == ()
        assert await _way(table, DEVINO) == ("devino",)


@pytest.mark.trap("D38")
async def test_an_account_with_money_is_out_for_one_message_only(bench: Bench) -> None:
    """Too little for a dear number may be enough for a cheap one: the balance shows it at once."""
    async with bench.router("devino", "smstele") as table:
        script(bench.devino, error("5"), "Sms/Send", 1)
        assert await _way(table, DEVINO) == ("devino", "smstele")
        await bench.clock.sleep(1)
        assert await _way(table, DEVINO) == ("devino",)


@pytest.mark.trap("S28")
@pytest.mark.parametrize(("form", "cause"), [(SMSTELE, error("-43")), (AFFILIATE, error("8"))], ids=_id)
async def test_an_empty_account_that_tells_nothing_is_probed_ever_more_seldom(
    bench: Bench, form: Form, cause: FaultRule
) -> None:
    """One message tries after 15 minutes, then after 30, 60 and every 120; the first that is taken ends the rest."""
    both, only_other = (form.account, form.other), (form.other,)
    async with bench.router(form.account, form.other) as table:
        script(bench.box_of(form.account), cause, form.submits, None)
        assert [both, only_other] == await _ways(table, form, 2)
        for minutes in (15, 30, 60, 120, 120):
            await bench.clock.sleep((minutes - 1) * MINUTE)
            assert [only_other] == await _ways(table, form, 1)
            await bench.clock.sleep(MINUTE + 1)
            assert [both, only_other] == await _ways(table, form, 2)
        bench.box_of(form.account).faults.clear()
        await bench.clock.sleep(121 * MINUTE)
        assert [(form.account,)] * 2 == await _ways(table, form, 2)
        assert table.status(form.account).rests == ()


@pytest.mark.parametrize(("form", "cause"), WRONG_NUMBERS, ids=_id)
async def test_bad_numbers_never_touch_health(bench: Bench, form: Form, cause: FaultRule) -> None:
    """After thirty of them the provider is in use, and takes whatever it is asked to."""
    async with bench.router(form.account) as table:
        script(bench.box_of(form.account), cause, form.submits, 30)
        assert [(form.account,)] * 31 == await _ways(table, form, 31)
        status = table.status(form.account)
    assert (status.rests, set(status.taken.values())) == ((), {1.0})
    assert set(status.breakers.values()) == {BreakerState.CLOSED}


@pytest.mark.parametrize(("form", "cause"), FAILURES, ids=_id)
async def test_five_failures_in_a_row_open_the_breaker_of_their_channel(
    bench: Bench, form: Form, cause: FaultRule
) -> None:
    """It rests 30 s, lets one message try, rests twice as long when that fails, and closes when it does not."""
    both, only_other = (form.account, form.other), (form.other,)
    async with bench.router(form.account, form.other) as table:
        script(bench.box_of(form.account), cause, form.submits, 6)
        assert [both] * 5 == await _ways(table, form, 5)
        states = table.status(form.account).breakers
        assert states == {**dict.fromkeys(states, BreakerState.CLOSED), form.channel: BreakerState.OPEN}
        assert only_other == await _way(table, form)
        await bench.clock.sleep(30)
        assert [both, only_other] == await _ways(table, form, 2)
        await bench.clock.sleep(30)
        assert [only_other] == await _ways(table, form, 1)
        await bench.clock.sleep(30)
        assert [(form.account,)] * 2 == await _ways(table, form, 2)
        moves = [event.after for event in table.events if isinstance(event, BreakerMoved)]
        assert table.status(form.account).rests == ()
    assert moves == ["open", "probing", "open", "probing", "closed"]


async def test_too_fast_gives_way_to_another_provider_only_for_want_of_time(bench: Bench) -> None:
    """A message that would not live to see the end of the wait goes elsewhere; one that would waits."""
    async with bench.router("devino", "smstele") as table:
        script(bench.devino, answer(429, headers=(("Retry-After", "60"),)), "Sms/Send", 1)
        (hurried,) = await table.send(Sms(NUMBERS[0], "Soon", ttl=timedelta(seconds=30)))
        assert path(hurried) == ("devino", "smstele")
        await bench.clock.sleep(2 * MINUTE)
        script(bench.devino, answer(429, headers=(("Retry-After", "60"),)), "Sms/Send", 1)
        (patient,) = await table.send(Sms(NUMBERS[1], "Some time"))
        assert path(patient) == ("devino", "devino")
        assert patient.attempts[1].started_at - patient.attempts[0].started_at >= 60
        assert table.status("devino").rests == ()
