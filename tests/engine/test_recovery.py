"""After a crash: nothing that was acknowledged is lost, and nothing is sent twice that must not be."""

from collections import Counter
from decimal import Decimal

import msgspec
import pytest

from pointsman.engine.orders import Order
from pointsman.engine.recovery import Recovery
from pointsman.errors import StoreUnavailable
from pointsman.events import Operation, Reported
from pointsman.message import Fallback, FallbackTrigger, MessageClass, Viber
from pointsman.outcome import DeliveryState, Fault, LookupState, State, Unknown
from pointsman.plugin import Callback
from pointsman.router import Router
from pointsman.sandbox import DeliveryPlan, delay
from pointsman.store import Record
from pointsman.store.change import FellBack
from pointsman.testing import FakeClock, KeptStore, ScriptedSandbox, answer_status, hang, refuse
from pointsman.testing.wire import Answer, News

from .machine import Machine, machine
from .rig import account, lookup, number, price, sms

SUBMIT, RECONCILE, POLL = Operation.SUBMIT, Operation.RECONCILE, Operation.POLL
HOUR = 3600.0


def sent(*boxes: ScriptedSandbox) -> Counter[str]:
    """Return how many copies for each number providers took."""
    return Counter(message.to for box in boxes for message in box.ledger.messages)


async def take(host: Machine, count: int, **fields: object) -> list[str]:
    """Have messages of a client taken; return their ids."""
    assert host.router is not None
    orders = [Order(sms(place, **fields)) for place in range(count)]
    return [one.id for one in (await host.router.submit_many(orders, client="shop")).receipts]


async def report(router: Router, *news: News) -> int:
    """Let provider `a` call back; return what it hears."""
    body = msgspec.json.encode(Answer(reports=news))
    return (await router.callback("a", Callback(method="POST", body=body))).status


async def states(host: Machine, ids: list[str]) -> set[State]:
    """Return the states of messages."""
    assert host.router is not None
    receipts = [await host.router.receipt(one) for one in ids]
    return {receipt.state for receipt in receipts if receipt is not None}


async def test_what_waits_is_sent_after_a_crash(clock: FakeClock, box: ScriptedSandbox):
    """Messages that were acknowledged and not sent when the process died are sent by the next one, once each."""
    async with machine({"a": account(box, max_rate=1)}, clock) as host:
        await host.start()
        ids = await take(host, 10)
        await clock.advance(3)
        await host.restart()
        await clock.advance(60)
        assert await states(host, ids) == {State.SENT}
        assert sent(box) == Counter({number(place): 1 for place in range(10)})


async def test_what_was_started_is_looked_into_before_it_is_sent_again(clock: FakeClock, box: ScriptedSandbox):
    """A request that was on its way is asked about; the provider has it, so it is not sent again."""
    async with machine({"a": account(box, reconcile="query")}, clock) as host:
        box.script(delay(5.0, endpoint=SUBMIT))
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        router = await host.restart()
        await clock.advance(30)
        receipt = await router.receipt(message_id)
        assert receipt.state is State.SENT
        assert [type(one.first_unknown) for one in receipt.attempts] == [Unknown]
        assert sent(box) == Counter({number(0): 1})


async def test_absent_is_believed_only_long_enough_after_the_restart(clock: FakeClock, box: ScriptedSandbox):
    """The provider may still process what the dead process sent: its time counts from the restart, then it is sent."""
    async with machine({"a": account(box, reconcile="query", settle=20)}, clock) as host:
        box.script(hang(taken=False))
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        await host.crash()
        await clock.advance(100)
        router = await host.start()
        await clock.advance(19)
        assert sent(box) == Counter()
        await clock.advance(41)
        assert (await router.receipt(message_id)).state is State.SENT
        assert sent(box) == Counter({number(0): 1})


@pytest.mark.parametrize(
    ("policy", "state", "copies"),
    [("reconcile", State.UNKNOWN, 0), ("next", State.SENT, 1), ("stop", State.UNKNOWN, 0)],
)
async def test_who_cannot_be_asked_is_as_the_policy_says(
    clock: FakeClock, box: ScriptedSandbox, policy: str, state: State, copies: int
):
    """What may have left and cannot be asked about goes on only where a duplicate is better than a loss."""
    other = ScriptedSandbox(clock=clock)
    tables = {"route": {"on_unknown": policy}}
    async with machine({"a": account(box), "b": account(other)}, clock, tables) as host:
        box.script(hang(taken=True))
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        await host.restart()
        await clock.advance(100)
        assert await states(host, [message_id]) == {state}
        assert (sum(sent(box).values()), sum(sent(other).values())) == (1, copies)


async def test_a_refused_attempt_is_decided_as_if_it_had_just_ended(clock: FakeClock, box: ScriptedSandbox):
    """After a definite no the next process tries the other provider, and not the first one again."""
    other = ScriptedSandbox(clock=clock)
    async with machine({"a": account(box), "b": account(other)}, clock) as host:
        box.script(*[refuse(Fault.UNAVAILABLE)] * 3)
        await host.start()
        host.store.dies_after = host.store.writes + 3  # the acceptance, the start, and the refusal
        (message_id,) = await take(host, 1)
        await clock.settle()
        assert host.store.dead.is_set()
        router = await host.restart()
        await clock.settle()
        receipt = await router.receipt(message_id)
        assert [one.provider for one in receipt.attempts] == ["a", "b"]
        assert receipt.state is State.SENT


async def test_reports_are_asked_for_by_the_age_of_the_message(clock: FakeClock):
    """An accepted message is polled again after a restart, as often as one of its age, and its end is learnt."""
    box = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(seconds_to_final=7200.0))
    async with machine({"a": account(box, tells_reports=True)}, clock) as host:
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.advance(3600)
        await host.restart()
        before = len([one for one in box.seen if one.operation is POLL])
        await clock.advance(300)
        assert len([one for one in box.seen if one.operation is POLL]) - before <= 2
        await clock.advance(3 * HOUR)
        assert await states(host, [message_id]) == {State.DELIVERED}
        assert len(host.told(Reported)) >= 1


async def test_silence_ends_by_age_whatever_restarts_there_are(clock: FakeClock, box: ScriptedSandbox):
    """Forty-eight hours after it was taken a message without a last report is unknown, also after restarts."""
    async with machine({"a": account(box)}, clock) as host:
        await host.start()
        (message_id,) = await take(host, 1)
        for _ in range(3):
            await clock.advance(15 * HOUR)
            assert await states(host, [message_id]) == {State.SENT}
            await host.restart()
        await clock.advance(4 * HOUR)
        assert await states(host, [message_id]) == {State.UNKNOWN}


async def test_a_provider_that_is_gone_from_the_configuration(clock: FakeClock, box: ScriptedSandbox):
    """Its messages end by their age; what it was about to send stays unknown, or goes on where that is preferred."""
    other = ScriptedSandbox(clock=clock)
    async with machine({"a": account(box), "b": account(other)}, clock) as host:
        await host.start()
        (taken,) = await take(host, 1)
        await clock.settle()
        box.script(hang(taken=True), hang(taken=True))
        doubtful, code = await take(host, 1), await take(host, 1, message_class=MessageClass.OTP)
        await clock.settle()
        del host.accounts["a"]
        await host.restart()
        await clock.advance(60)
        assert (await states(host, [taken]), await states(host, doubtful)) == ({State.SENT}, {State.UNKNOWN})
        assert await states(host, code) == {State.SENT}
        await clock.advance(49 * HOUR)
        assert await states(host, [taken]) == {State.UNKNOWN}


async def test_a_report_that_was_too_early_is_kept(clock: FakeClock, box: ScriptedSandbox):
    """A report by our reference that comes while nobody knows the outcome is taken in after the restart."""
    async with machine({"a": account(box)}, clock) as host:
        box.script(hang(taken=True))
        router = await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        news = News(id="m1", state=DeliveryState.DELIVERED, final=True, ref=f"{message_id}01")
        assert await report(router, news) == 200
        await host.restart()
        await clock.advance(1)
        assert await states(host, [message_id]) == {State.DELIVERED}


async def test_a_report_that_cannot_be_written_down_is_not_acknowledged(clock: FakeClock, box: ScriptedSandbox):
    """While the disk is full the provider hears an error, so that it reports again; then it is taken in."""
    async with machine({"a": account(box)}, clock) as host:
        router = await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        news = News(id=host.record(message_id).attempts[0].outcome.ids[0], state=DeliveryState.DELIVERED, final=True)
        host.store.full = True
        assert await report(router, news) == 503
        host.store.full = False
        assert await report(router, news) == 200
        assert await states(host, [message_id]) == {State.DELIVERED}


async def test_an_answer_that_cannot_be_written_down_is_not_forgotten(clock: FakeClock, box: ScriptedSandbox):
    """The disk fills up while a request is on its way: the outcome is written later, and nothing goes twice."""
    async with machine({"a": account(box)}, clock) as host:
        box.script(delay(1.0, endpoint=SUBMIT))
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        host.store.full = True
        await clock.advance(100)
        assert await states(host, [message_id]) == {State.SENDING}
        host.store.full = False
        await clock.advance(20)
        assert await states(host, [message_id]) == {State.SENT}
        assert sent(box) == Counter({number(0): 1})


async def test_nothing_leaves_that_cannot_be_written_down(clock: FakeClock, box: ScriptedSandbox):
    """While attempts cannot be written down nothing leaves, nobody is blamed, and later all of it goes."""
    async with machine(
        {"a": account(box, bulk=5, max_in_flight=1, opening_balance="10", prices=[price("1")])}, clock
    ) as host:
        box.script(delay(1.0, endpoint=SUBMIT))
        await host.start()
        ids = await take(host, 6)
        host.store.full = True
        await clock.advance(30)
        assert len([one for one in box.seen if one.operation is SUBMIT]) <= 1
        host.store.full = False
        await clock.advance(60)
        assert await states(host, ids) == {State.SENT}
        assert sent(box) == Counter({number(place): 1 for place in range(6)})
        assert host.available("a") == 4


async def test_a_disk_that_cannot_be_read_for_a_while_ends_no_message(clock: FakeClock, box: ScriptedSandbox):
    """While records cannot be read nothing is decided; later each message goes on where it was."""
    async with machine({"a": account(box, reconcile="query")}, clock, {"route": {"on_unknown": "next"}}) as host:
        host.store = Unreadable()
        box.script(answer_status(500, taken=True))
        await host.start()
        ids = await take(host, 1)
        host.store.broken = True
        await clock.advance(60)
        assert host.record(ids[0]).ended is None
        host.store.broken = False
        await clock.advance(60)
        assert await states(host, ids) == {State.SENT}
        assert sent(box) == Counter({number(0): 1})


class Unreadable(KeptStore):
    """A store that cannot be read at times."""

    broken = False

    async def get(self, message_id: str) -> Record | None:
        """Return a record."""
        if self.broken:
            raise StoreUnavailable("the kept store", "the disk cannot be read")
        return await super().get(message_id)


@pytest.mark.parametrize("moved", [True, False], ids=["another address", "another login"])
@pytest.mark.parametrize("policy", ["reconcile", "next"])
async def test_another_account_is_not_asked_about_what_it_cannot_know(
    clock: FakeClock, box: ScriptedSandbox, policy: str, moved: bool
):
    """Where a provider has another account after a restart, its "not there" does not lead to a second copy."""
    other = ScriptedSandbox(clock=clock)
    keys = {"reconcile": "query", "tells_reports": True, "opening_balance": "10", "prices": [price("1")]}
    async with machine(
        {"a": account(box, **keys), "new": account(other)}, clock, {"route": {"providers": ["a"]}}
    ) as host:
        host.tables["route"]["on_unknown"] = policy
        await host.start()
        (known,) = await take(host, 1)
        await clock.settle()
        box.script(delay(5.0, endpoint=SUBMIT))
        (doubt,) = await take(host, 1)
        await clock.settle()
        host.accounts["a"] = account(other if moved else box, **keys, account="second")
        await host.crash()
        asked = len(box.seen)
        await host.start()
        await clock.advance(2 * HOUR)
        assert (await states(host, [known]), await states(host, [doubt])) == ({State.SENT}, {State.UNKNOWN})
        assert [one.operation for one in (*box.seen[asked:], *other.seen)] == []
        assert host.available("a") == 9  # what is in doubt was spent elsewhere, if at all
        host.accounts["a"] = account(box, **keys)
        await host.restart()
        await clock.advance(2 * HOUR)
        assert await states(host, [doubt]) <= {State.SENT, State.DELIVERED}  # the former account is back, and knows
        assert sent(box, other) == Counter({number(0): 2})


async def test_what_cannot_be_restored_keeps_nobody_from_going_on(
    clock: FakeClock, box: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch
):
    """A message is gone on with, and others with it, though what it costs cannot be told, as without a rate for it."""

    def without_a_rate(recovery: Recovery, record: Record) -> None:
        raise KeyError("USD")

    monkeypatch.setattr(Recovery, "_restore_money", without_a_rate)
    async with machine({"a": account(box, reconcile="query")}, clock) as host:
        box.script(delay(5.0, endpoint=SUBMIT))
        await host.start()
        ids = await take(host, 3)
        await clock.settle()
        await host.restart()
        await clock.advance(60)
        assert await states(host, ids) == {State.SENT}
        assert sent(box) == Counter({number(place): 1 for place in range(3)})


async def test_accounts_that_we_keep_are_known_after_a_restart(clock: FakeClock, box: ScriptedSandbox):
    """Opening balance, less what was spent and what is in doubt, plus what was paid in; a new one starts anew."""
    keys = {"opening_balance": "20", "prices": [price("1")]}
    async with machine({"a": account(box, **keys)}, clock) as host:
        router = await host.start()
        await take(host, 3)
        await clock.settle()
        router.topped_up("a", Decimal(5))
        box.script(hang(taken=True))
        await take(host, 1)
        await clock.settle()
        await host.restart()
        await clock.advance(100)
        assert host.available("a") == 21
        await host.restart()
        await clock.advance(1)
        assert host.available("a") == 21
        host.accounts["a"] = account(box, **{**keys, "opening_balance": "50"})
        await host.restart()
        await clock.advance(1)
        assert host.available("a") == 49  # the one in doubt may still be charged


async def test_what_deliveries_are_going_to_cost_stays_kept_back(clock: FakeClock, box: ScriptedSandbox):
    """A message that is paid for when it is delivered is owed after a restart as before, and then charged once."""
    keys = {"opening_balance": "10", "prices": [price("1", charged_on="delivery")]}
    async with machine({"a": account(box, **keys)}, clock) as host:
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        router = await host.restart()
        await clock.advance(1)
        assert host.available("a") == 9
        news = News(id=host.record(message_id).attempts[0].outcome.ids[0], state=DeliveryState.DELIVERED, final=True)
        await report(router, news)
        assert host.available("a") == 9
        await host.restart()
        await clock.advance(1)
        assert host.available("a") == 9


async def test_what_is_lost_after_a_restart_goes_to_another_provider(clock: FakeClock, box: ScriptedSandbox):
    """A message that its provider took before the restart and reports as lost after it is sent by another one."""
    other = ScriptedSandbox(clock=clock)
    async with machine({"a": account(box), "b": account(other)}, clock) as host:
        await host.start()
        (message_id,) = await take(host, 1)
        await clock.settle()
        router = await host.restart()
        await clock.advance(1)
        provider_id = host.record(message_id).attempts[0].outcome.ids[0]
        await report(router, News(id=provider_id, state=DeliveryState.UNDELIVERABLE, final=True))
        await clock.advance(10)
        assert [one.provider for one in host.record(message_id).attempts] == ["a", "b"]
        assert await states(host, [message_id]) == {State.SENT}


async def test_an_sms_that_was_about_to_step_in_is_made(clock: FakeClock, box: ScriptedSandbox):
    """A crash between the decision that an SMS steps in and its record: the next process makes it, under that id."""
    async with machine({"a": account(box)}, clock) as host:
        router = await host.start()
        box.script(refuse(Fault.RECIPIENT, certain=True))
        apply = host.store.apply

        async def dying(message_id: str, change: object, now: float) -> object:
            result = await apply(message_id, change, now)
            if isinstance(change, FellBack):
                host.store.crash()
                host.store.writes += 1
            return result

        host.store.apply = dying
        viber = Viber(to=number(0), text="hi", fallback=Fallback(on=frozenset({FallbackTrigger.FAILED})))
        taken = await router.submit_many([Order(viber)], client="shop")
        await clock.settle()
        assert host.store.dead.is_set()
        del host.store.apply
        await host.restart()
        await clock.advance(5)
        viber_record = host.record(taken.receipts[0].id)
        assert host.record(viber_record.sms).state is State.SENT
        assert sent(box) == Counter({number(0): 1})


async def test_a_lookup_that_nobody_could_answer_is_asked_of_another(clock: FakeClock, box: ScriptedSandbox):
    """The first provider says after a restart that it cannot tell; then another one is asked, as without a restart."""
    other = ScriptedSandbox(clock=clock)
    async with machine({"a": account(box), "b": account(other, tells_reports=True)}, clock) as host:
        router = await host.start()
        taken = await router.submit_many([Order(lookup())], client="shop")
        await clock.settle()
        router = await host.restart()
        await clock.advance(1)
        record = host.record(taken.receipts[0].id)
        await report(router, News(id=record.attempts[0].outcome.ids[0], lookup=LookupState.FAILED, final=True))
        await clock.advance(60)
        assert [one.provider for one in host.record(taken.receipts[0].id).attempts] == ["a", "b"]
