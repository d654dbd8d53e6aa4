"""Reports that providers bring: once or often, late, before our own books are written, about strangers."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from pointsman.events import Operation, Reported, ReportIgnored, Spent
from pointsman.message import MessageClass
from pointsman.outcome import Accepted, DeliveryState, Fault, Report, SettledBy, State, Unknown
from pointsman.plugin import Batch, Callback, CallbackReading, ProviderPlugin, Reading, Request, Secret, Session
from pointsman.sandbox import delay
from pointsman.store.change import Erase
from pointsman.testing import FakeClock, Scripted, ScriptedSandbox, ScriptedSettings, hang_up, refuse
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox

from .rig import Account, Rig, accepted, account, finish, lookup, number, price, routing, sending, sms

SUBMIT = Operation.SUBMIT


class Outspoken(Scripted):
    """Calls back with whole reports: with time, number and our reference."""

    def read_callback(self, callback: Callback) -> CallbackReading:
        """Read reports as they are."""
        return Reading(msgspec.json.decode(callback.body, type=tuple[Report, ...]))


OUTSPOKEN = ProviderPlugin(name="outspoken", settings=ScriptedSettings, build=Outspoken)


def outspoken(box: ScriptedSandbox, **keys: object) -> Account:
    """Return an account whose provider calls back with whole reports."""
    return account(box, plugin="outspoken", **keys)


async def call_back(rig: Rig, *reports: Report) -> None:
    """Let provider `a` call back; it is told that the reports arrived."""
    reply = await rig.router.callback("a", Callback(method="POST", body=msgspec.json.encode(reports)))
    assert (reply.status, reply.body) == (200, b"OK")


def delivered(provider_id: str, second: int = 0, **more: object) -> Report:
    """Return the report of a delivery at some second."""
    at = datetime(2023, 11, 14, 22, 14, second, tzinfo=UTC)
    return Report(provider_id=provider_id, state=DeliveryState.DELIVERED, final=True, at=at, **more)


# -- often, late, early ------------------------------------------------------------------------------------------------


@pytest.mark.trap("A11")
async def test_a_report_that_comes_often_counts_once(clock: FakeClock, box: ScriptedSandbox):
    """A delivery that is reported three times is told once, also when each report names a later time."""
    async with routing({"a": outspoken(box)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        receipt = await rig.router.send(sms())
        provider_id = accepted(receipt).ids[0]
        for second in (1, 1, 2):
            await call_back(rig, delivered(provider_id, second))
        assert (await rig.router.wait(receipt.id)).state is State.DELIVERED
        assert len(rig.told(Reported)) == 1


async def test_a_delivery_with_a_new_time_is_not_charged_again(clock: FakeClock, box: ScriptedSandbox):
    """A provider that is paid for deliveries is paid once, although it reports one delivery with two times."""
    keys = {"opening_balance": "10", "prices": [price("2", charged_on="delivery")]}
    async with routing({"a": outspoken(box, **keys)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        receipt = await rig.router.send(sms())
        for second in (1, 2, 3):
            await call_back(rig, delivered(accepted(receipt).ids[0], second))
        assert [str(spent.price) for spent in rig.told(Spent)] == ["2 EUR"]
        assert rig.available("a") == 8


async def test_a_report_may_come_before_the_answer(clock: FakeClock, box: ScriptedSandbox):
    """A callback that overtakes the answer to the submit is kept, and counts as soon as the ids are known."""
    box.script(delay(5.0, accepted=True, endpoint=SUBMIT))
    async with routing({"a": outspoken(box)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        (task,) = sending(rig, sms())
        await clock.settle()
        await call_back(rig, delivered(box.ledger.messages[0].id))
        assert rig.told(Reported) == []
        (receipt,) = await finish(clock, [task])
        await clock.settle()
        assert (await rig.router.receipt(receipt.id)).state is State.DELIVERED
        assert len(rig.told(Reported)) == 1


async def test_early_reports_add_up_like_any_others(clock: FakeClock, box: ScriptedSandbox):
    """Of several reports that came before the answer, the furthest counts, whichever came last."""
    box.script(delay(5.0, accepted=True, endpoint=SUBMIT))
    async with routing({"a": outspoken(box)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        (task,) = sending(rig, sms())
        await clock.settle()
        provider_id = box.ledger.messages[0].id
        await call_back(rig, delivered(provider_id, 2))
        await call_back(rig, Report(provider_id=provider_id, state=DeliveryState.SENT))
        (receipt,) = await finish(clock, [task])
        await clock.settle()
        assert (await rig.router.receipt(receipt.id)).state is State.DELIVERED


async def test_a_flood_about_strangers_is_bounded(clock: FakeClock, box: ScriptedSandbox):
    """Reports about ids that nobody knows are kept for a while; the oldest are dropped and told as ignored."""
    async with routing({"a": outspoken(box)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        await call_back(rig, *(delivered(f"stranger {place}") for place in range(10_005)))
        assert [(one.provider, one.reason) for one in rig.told(ReportIgnored)] == [("a", "unknown_id")] * 5


async def test_a_callback_ends_the_asking(clock: FakeClock, box: ScriptedSandbox):
    """Once a final report was brought, the provider is asked at most once more."""
    async with routing({"a": outspoken(box, tells_reports=True)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        receipt = await rig.router.send(sms())
        await call_back(rig, delivered(accepted(receipt).ids[0]))
        await clock.advance(3600)
        assert box.ledger.calls[Operation.POLL] <= 1


# -- about whom --------------------------------------------------------------------------------------------------------


async def test_a_report_about_another_number_is_not_used(clock: FakeClock, box: ScriptedSandbox):
    """A report that names another number than ours is ignored, and that is told."""
    async with routing({"a": outspoken(box)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        receipt = await rig.router.send(sms(1))
        provider_id = accepted(receipt).ids[0]
        await call_back(rig, delivered(provider_id, to=number(2)))
        assert (await rig.router.receipt(receipt.id)).state is State.SENT
        assert [one.reason for one in rig.told(ReportIgnored)] == ["wrong_number"]
        await call_back(rig, delivered(provider_id, to=number(1)))
        assert (await rig.router.receipt(receipt.id)).state is State.DELIVERED


async def test_a_report_about_an_erased_message_is_about_it_all_the_same(clock: FakeClock, box: ScriptedSandbox):
    """A report that comes once more after the number was erased is no stranger, and does not bring the number back."""
    async with routing({"a": outspoken(box)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        receipt = await rig.router.send(sms(1))
        provider_id = accepted(receipt).ids[0]
        await call_back(rig, delivered(provider_id, 1, to=number(1)))
        await rig.router.store.apply(receipt.id, Erase(), clock.now())
        await call_back(rig, delivered(provider_id, 2, to=number(1), detail=f"to {number(1)}"))

        record = await rig.router.store.get(receipt.id)
        assert rig.told(ReportIgnored) == []
        assert record is not None
        assert [(one.report.to, one.report.detail, one.report.at.second) for one in record.reports] == [(None, "", 2)]


async def test_ids_of_one_provider_mean_nothing_to_another(clock: FakeClock, box: ScriptedSandbox):
    """A report counts only for the provider that brought it, although another one gave the same id."""
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": outspoken(box), "b": outspoken(other)}
    async with routing(accounts, clock=clock, plugins=[OUTSPOKEN], route={"providers": ["b"]}) as rig:
        receipt = await rig.router.send(sms())
        await call_back(rig, delivered(accepted(receipt).ids[0]))
        assert (await rig.router.receipt(receipt.id)).state is State.SENT


async def test_who_cannot_call_back_is_a_stranger(clock: FakeClock, box: ScriptedSandbox):
    """A callback for a provider that is not configured raises `KeyError`."""
    async with routing({"a": outspoken(box)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        with pytest.raises(KeyError):
            await rig.router.callback("b", Callback(method="GET"))


TOKEN = {"env": "TOKEN"}
WORD = "a-made-up-token-4711"


@pytest.mark.parametrize(
    ("shown", "status"),
    [(WORD, 200), (None, 404), ("", 404), (WORD[:-1], 404), (WORD + "1", 404), (WORD.upper(), 404), ("ж\ud800", 404)],
)
async def test_only_who_shows_the_token_is_listened_to(
    clock: FakeClock, box: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch, shown: str | None, status: int
):
    """Where a token is configured, a report without it, or with another one, is answered with 404 and not read."""
    monkeypatch.setattr(ScriptedSandbox, "environment", {"TOKEN": WORD})
    async with routing({"a": outspoken(box, callback_token=TOKEN)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        receipt = await rig.router.send(sms())
        report = msgspec.json.encode([delivered(accepted(receipt).ids[0])])
        reply = await rig.router.callback("a", Callback(method="POST", body=report), shown)

        assert reply.status == status
        assert (await rig.router.receipt(receipt.id)).state is (State.DELIVERED if status == 200 else State.SENT)


async def test_without_a_token_any_is_as_good(clock: FakeClock, box: ScriptedSandbox):
    """Where none is configured the embedder sees to it who may report; what is shown does not matter."""
    async with routing({"a": outspoken(box)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        assert (await rig.router.callback("a", Callback(method="POST", body=b"[]"), "whatever")).status == 200


class Addressed(Scripted):
    """Tells the provider where to report to, in place of a sender."""

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Send the address along."""
        items = tuple(msgspec.structs.replace(item, sender=_revealed(item.callback_url)) for item in batch.items)
        return super().submit_request(msgspec.structs.replace(batch, items=items), session)


def _revealed(url: Secret | None) -> str | None:
    assert url is None or WORD not in repr(url)
    return url.reveal() if url is not None else None


ADDRESSED = ProviderPlugin(name="addressed", settings=ScriptedSettings, build=Addressed)


@pytest.mark.parametrize(
    ("daemon", "keys", "address"),
    [
        (
            {"public_url": "https://sms.example/"},
            {"callback_token": TOKEN},
            f"https://sms.example/v1/callbacks/a/{WORD}",
        ),
        (
            {"public_url": "https://sms.example/in"},
            {"callback_token": TOKEN},
            f"https://sms.example/in/v1/callbacks/a/{WORD}",
        ),
        ({"public_url": "https://sms.example"}, {}, None),
        ({}, {"callback_token": TOKEN}, None),
    ],
    ids=["known", "below a path", "no token", "not reachable"],
)
async def test_the_provider_is_told_where_to_report(
    clock: FakeClock, box: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch, daemon, keys, address
):
    """A provider is given an address with its token where we can be reached; without a token there is none."""
    monkeypatch.setattr(ScriptedSandbox, "environment", {"TOKEN": WORD})
    accounts = {"a": account(box, plugin="addressed", **keys)}
    async with routing(accounts, clock=clock, plugins=[ADDRESSED], sections={"daemon": daemon}) as rig:
        await rig.router.send(sms())

    assert [item.sender for item in box.items] == [address]


# -- by our own reference ----------------------------------------------------------------------------------------------


async def test_a_report_clears_up_an_unknown_outcome(clock: FakeClock, box: ScriptedSandbox):
    """A report that names our reference proves that an attempt without an answer was taken."""
    box.script(hang_up(taken=True))
    keys = {"opening_balance": "10", "prices": [price("3")]}
    async with routing({"a": outspoken(box, **keys)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        receipt = await rig.router.send(sms())
        assert receipt.state is State.UNKNOWN
        await call_back(rig, delivered("m1", reference=receipt.attempts[0].ref))
        after = await rig.router.receipt(receipt.id)
        (attempt,) = after.attempts
        assert (after.state, attempt.settled_by) == (State.DELIVERED, SettledBy.REPORT)
        assert isinstance(attempt.outcome, Accepted)
        assert isinstance(attempt.first_unknown, Unknown)
        assert rig.spent("a") == 3
        assert rig.available("a") == 7


async def test_an_attempt_that_a_report_cleared_up_is_followed(clock: FakeClock, box: ScriptedSandbox):
    """After a first report has shown that an attempt was taken, its further reports are asked for."""
    box.script(hang_up(taken=True))
    async with routing({"a": outspoken(box, tells_reports=True)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        receipt = await rig.router.send(sms())
        assert receipt.state is State.UNKNOWN
        first = Report(provider_id="m1", state=DeliveryState.SENT, reference=receipt.attempts[0].ref)
        await call_back(rig, first)
        assert (await rig.router.receipt(receipt.id)).state is State.SENT
        (after,) = await finish(clock, [asyncio.create_task(rig.router.wait(receipt.id))])
        assert after.state is State.DELIVERED


async def test_a_report_keeps_a_message_from_being_sent_again(clock: FakeClock, box: ScriptedSandbox):
    """While an unknown outcome is looked into, a report that proves it was taken stops the way to the next provider."""
    other = ScriptedSandbox(clock=clock)
    box.script(hang_up(taken=True), *[refuse(Fault.UNAVAILABLE, on=Operation.RECONCILE)] * 20)
    accounts = {"a": outspoken(box, reconcile="query"), "b": account(other)}
    async with routing(accounts, clock=clock, plugins=[OUTSPOKEN]) as rig:
        (task,) = sending(rig, sms(message_class=MessageClass.OTP))
        await clock.advance(1.0)
        assert not task.done()
        (taken,) = box.ledger.messages
        await call_back(rig, Report(provider_id=taken.id, state=DeliveryState.SENT, reference=taken.reference))
        (receipt,) = await finish(clock, [task])
        assert (receipt.state, receipt.provider, receipt.possible_duplicate) == (State.SENT, "a", False)
        assert len(receipt.attempts) == 1
        assert other.ledger.messages == []


async def test_a_reference_of_a_refused_attempt_proves_nothing(clock: FakeClock, box: ScriptedSandbox):
    """A report about an attempt that was refused does not make it taken."""
    box.script(refuse(Fault.CONTENT))
    async with routing({"a": outspoken(box)}, clock=clock, plugins=[OUTSPOKEN]) as rig:
        receipt = await rig.router.send(sms())
        await call_back(rig, delivered("m1", reference=receipt.attempts[0].ref))
        assert (await rig.router.receipt(receipt.id)).state is State.FAILED


# -- a real provider's -------------------------------------------------------------------------------------------------


async def test_a_lookup_ends_with_its_callback(clock: FakeClock):
    """The result that the affiliate provider brings ends a lookup before it is asked for again."""
    box = AffiliateSandbox(clock=clock)
    keys = {"plugin": "affiliate_hlr", "api_key": {"env": "AFFILIATE_KEY"}, "poll": {"first": "1h", "longest": "1h"}}
    async with routing({"affiliate": account(box, **keys)}, clock=clock) as rig:
        (task,) = sending(rig, lookup())
        await clock.settle()
        (taken,) = box.ledger.messages
        query = (("id", taken.id), ("reference", taken.reference or ""), ("status", "active"))
        await rig.router.callback("affiliate", Callback(method="GET", query=query))
        await clock.settle()
        assert task.done()
        assert task.result().state is State.RESOLVED
