"""Sessions: one login at a time, shared by everybody, renewed before it ends, repeated once after "expired"."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from pointsman.engine.sessions import Sessions
from pointsman.events import CallOutcome, Operation
from pointsman.outcome import Accepted, Fault, Refused, State
from pointsman.plugin import Secret, Session
from pointsman.sandbox import delay, error
from pointsman.testing import FakeClock, ScriptedSandbox, refuse
from pointsman_devino.sandbox import DevinoSandbox

from .rig import account, devino, finish, routing, sending, sms

LOGIN = "User/SessionId"
SEND = "Sms/Send"


@pytest.mark.trap("D03")
async def test_fifty_messages_share_one_renewal(clock: FakeClock):
    """Fifty messages that come 111 minutes after the login, when the session is due for renewal, cause one login."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box, max_in_flight=50)}, clock=clock) as rig:
        assert box.ledger.calls[LOGIN] == 1
        await clock.advance(111 * 60)
        receipts = await asyncio.gather(*sending(rig, *(sms(place, f"text {place}") for place in range(50))))
        assert [receipt.state for receipt in receipts] == [State.SENT] * 50
        assert box.ledger.calls[LOGIN] == 2


async def test_a_session_is_kept_while_it_is_good(clock: FakeClock):
    """Before eleven twelfths of its life are over, a session is used without another login."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        await clock.advance(109 * 60)
        assert (await rig.router.send(sms())).state is State.SENT
        assert box.ledger.calls[LOGIN] == 1


@pytest.mark.trap("D04")
async def test_an_expired_session_costs_one_login_and_one_repeat(clock: FakeClock):
    """After "expired" there is one login and one repeat of the request, which is then accepted."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        box.sessions.expire()
        receipt = await rig.router.send(sms())
        assert receipt.state is State.SENT
        assert (box.ledger.calls[LOGIN], box.ledger.calls[SEND]) == (2, 2)
        assert [attempt.calls for attempt in receipt.attempts] == [2]
        submits = rig.calls(Operation.SUBMIT)
        assert [call.outcome for call in submits] == [CallOutcome.REFUSED, CallOutcome.ACCEPTED]
        assert len(box.ledger.messages) == 1


async def test_messages_that_find_the_session_expired_together_share_one_login(clock: FakeClock):
    """Twenty requests that are told "expired" at the same time cause one login, and each is repeated once."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box, max_in_flight=20)}, clock=clock) as rig:
        box.sessions.expire()
        receipts = await asyncio.gather(*sending(rig, *(sms(place, f"text {place}") for place in range(20))))
        assert [receipt.state for receipt in receipts] == [State.SENT] * 20
        assert (box.ledger.calls[LOGIN], box.ledger.calls[SEND]) == (2, 40)


@pytest.mark.trap("D04")
async def test_a_session_that_expires_for_ever_is_a_matter_of_credentials(clock: FakeClock):
    """When the repeat is told "expired" as well there is no third request; the attempt is refused for credentials."""
    box = DevinoSandbox(clock=clock)
    async with routing({"devino": devino(box)}, clock=clock) as rig:
        box.faults.add(error("4", endpoint=SEND, times=None))
        receipt = await rig.router.send(sms())
        assert receipt.state is State.FAILED
        assert [attempt.outcome.fault for attempt in receipt.attempts] == [Fault.CREDENTIALS]
        assert (box.ledger.calls[LOGIN], box.ledger.calls[SEND]) == (2, 2)


async def test_a_failing_login_refuses_all_who_wait_for_it(clock: FakeClock, box: ScriptedSandbox):
    """Twenty requests that wait for a login which is refused are refused by that one login call."""
    box.script(*[refuse(Fault.CREDENTIALS, on=Operation.LOGIN)] * 20)
    async with routing({"a": account(box, needs_login=True, max_in_flight=20)}, clock=clock) as rig:
        receipts = await asyncio.gather(*sending(rig, *map(sms, range(20))))
        assert {State.FAILED} == {receipt.state for receipt in receipts}
        assert {Fault.CREDENTIALS} == {receipt.reason.fault for receipt in receipts}
        assert dict(box.ledger.calls) == {Operation.LOGIN: 1}


async def test_a_refused_login_is_not_tried_again_by_those_in_the_queue(clock: FakeClock, box: ScriptedSandbox):
    """Messages behind a refused login leave the queue without a login of their own, which might lock the account."""
    other = ScriptedSandbox(clock=clock)
    box.script(*[refuse(Fault.CREDENTIALS, on=Operation.LOGIN)] * 20)
    accounts = {"a": account(box, needs_login=True, max_in_flight=2), "b": account(other)}
    async with routing(accounts, clock=clock) as rig:
        receipts = await asyncio.gather(*sending(rig, *map(sms, range(20))))
        assert {"b"} == {receipt.provider for receipt in receipts}
        assert box.ledger.calls[Operation.LOGIN] == 1


async def test_a_caller_who_leaves_does_not_take_the_login_along(clock: FakeClock, box: ScriptedSandbox):
    """When the message that started a login is given up, the others still get the session of that one login."""
    box.script(delay(5.0, endpoint=Operation.LOGIN))
    async with routing({"a": account(box, needs_login=True)}, clock=clock) as rig:
        first, *others = sending(rig, *map(sms, range(4)))
        await clock.settle()
        first.cancel()
        await clock.settle()
        assert first.cancelled()
        receipts = await finish(clock, others)
        assert [receipt.state for receipt in receipts] == [State.SENT] * 3
        assert box.ledger.calls[Operation.LOGIN] == 1


async def test_a_waiter_that_is_cancelled_leaves_the_login_to_the_others(clock: FakeClock):
    """Cancelling one of two tasks that wait for a login neither ends nor repeats it."""
    session = Session(token=Secret("token"), valid_for=timedelta(minutes=120))
    logins = 0

    async def log_in() -> Session | Refused:
        nonlocal logins
        logins += 1
        await clock.sleep(5.0)
        return session

    sessions = Sessions(log_in, clock)
    first, second = asyncio.create_task(sessions.get()), asyncio.create_task(sessions.get())
    await clock.settle()
    first.cancel()
    await clock.advance(5.0)
    assert await second == session
    assert (first.cancelled(), logins) == (True, 1)


async def test_a_late_expired_does_not_end_the_session_that_replaced_it(clock: FakeClock):
    """An answer "expired" that belongs to an old session leaves the present one in use."""
    tokens = iter("abc")

    async def log_in() -> Session | Refused:
        return Session(token=Secret(next(tokens)), valid_for=timedelta(minutes=120))

    sessions = Sessions(log_in, clock)
    old = await sessions.get()
    assert isinstance(old, Session)
    sessions.expired(old)
    present = await sessions.get()
    sessions.expired(old)
    assert await sessions.get() is present


async def test_messages_go_on_after_the_login_recovers(clock: FakeClock, box: ScriptedSandbox):
    """A login that is out of order refuses as unavailable; the next message logs in anew and is accepted."""
    box.script(refuse(Fault.UNAVAILABLE, on=Operation.LOGIN))
    async with routing({"a": account(box, needs_login=True)}, clock=clock) as rig:
        (receipt,) = await finish(clock, sending(rig, sms()))
        outcomes = [attempt.outcome for attempt in receipt.attempts]
        assert isinstance(outcomes[0], Refused)
        assert outcomes[0].fault is Fault.UNAVAILABLE
        assert isinstance(outcomes[1], Accepted)
        assert box.ledger.calls[Operation.LOGIN] == 2


# -- after a refusal ---------------------------------------------------------------------------------------------------


def logins(box: ScriptedSandbox) -> list[float]:
    """When a login was tried, in seconds after the first one."""
    at = [seen.at for seen in box.seen if seen.operation is Operation.LOGIN]
    return [round(one - at[0], 3) for one in at]


@pytest.mark.trap("D04")
async def test_a_refused_password_is_not_tried_again_by_polls(clock: FakeClock, box: ScriptedSandbox):
    """However many messages are asked about and balances read, a refused login is tried once in half an hour."""
    keys = {"needs_login": True, "tells_reports": True, "tells_balance": True, "balance_every": "10s"}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        await rig.router.send_many([sms(place) for place in range(20)])
        box.expire_sessions()
        before = box.ledger.calls[Operation.LOGIN]
        box.script(*[refuse(Fault.CREDENTIALS, on=Operation.LOGIN)] * 1000)
        await clock.advance(1700)
        assert box.ledger.calls[Operation.LOGIN] - before == 1
        await clock.advance(1800)
        assert box.ledger.calls[Operation.LOGIN] - before == 2


@pytest.mark.parametrize("fault", [Fault.CREDENTIALS, Fault.FORBIDDEN])
async def test_a_message_may_try_a_refused_account_again(clock: FakeClock, box: ScriptedSandbox, fault: Fault):
    """Half an hour after the refusal a message logs in, finds the account in order, and is sent."""
    box.script(refuse(fault, on=Operation.LOGIN))
    async with routing({"a": account(box, needs_login=True)}, clock=clock) as rig:
        assert (await rig.router.send(sms(0))).state is State.FAILED
        await clock.advance(1799)
        assert (await rig.router.send(sms(1))).state is State.FAILED
        await clock.advance(1)
        assert (await rig.router.send(sms(2))).state is State.SENT
        assert logins(box) == [0.0, 1800.0]


async def attempts_at_login(clock: FakeClock, refusal: Refused, seconds: int) -> list[float]:
    """Ask for a session ten times a second; return when somebody tried to log in."""
    begin = clock.monotonic()
    tried: list[float] = []

    async def log_in() -> Session | Refused:
        tried.append(round(clock.monotonic() - begin, 3))
        return refusal

    sessions = Sessions(log_in, clock)
    for tick in range(seconds * 10):
        assert (await sessions.get()).fault is refusal.fault
        await clock.advance(begin + (tick + 1) / 10 - clock.monotonic())
    return tried


async def test_logins_that_fail_are_tried_less_and_less_often(clock: FakeClock):
    """After the second failure in a row the pauses grow from one second to a minute; one failure makes no pause."""
    tried = await attempts_at_login(clock, Refused(fault=Fault.UNAVAILABLE), 200)
    pauses = [round(after - before) for before, after in pairwise(tried)]
    assert pauses == [0, 1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(("wanted", "pause"), [(None, 1.0), (7.0, 7.0), (86400.0, 3600.0)])
async def test_a_login_that_came_too_fast_waits(clock: FakeClock, wanted: float | None, pause: float):
    """After "too fast" the next login comes when the provider says, but within the hour; else a second later."""
    tried: list[float] = []

    async def log_in() -> Session | Refused:
        tried.append(clock.monotonic())
        return Refused(fault=Fault.THROTTLED, retry_after=wanted)

    sessions = Sessions(log_in, clock)
    await sessions.get()
    await clock.advance(pause - 0.01)
    await sessions.get()
    assert len(tried) == 1
    await clock.advance(0.01)
    await sessions.get()
    assert len(tried) == 2


async def test_who_comes_later_is_told_to_wait_shorter(clock: FakeClock):
    """A remembered "too fast" names the time that is left."""

    async def log_in() -> Session | Refused:
        return Refused(fault=Fault.THROTTLED, retry_after=60.0)

    sessions = Sessions(log_in, clock)
    told = [await sessions.get()]
    await clock.advance(20)
    told.append(await sessions.get())
    assert [one.retry_after for one in told if isinstance(one, Refused)] == [60.0, 40.0]
