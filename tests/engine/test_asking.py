"""Asking providers: inbox, figures, prices and the state of one message, each as one call that is told once."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from pointsman import InboxCursor, InvalidMessage, InvalidQuestion, NotOffered, RouterClosed
from pointsman.clock import as_utc
from pointsman.events import Called, CallOutcome, Operation
from pointsman.message import Channel, Fallback, FallbackBy, Money, Network, NetworkSource
from pointsman.outcome import DeliveryState, Fault, Refused, Report
from pointsman.plugin import Incoming, Polls, PriceQuote, Reading, Request, Session, Statistics, Tracked, Window
from pointsman.routing.drift import Standing
from pointsman.sandbox import delay
from pointsman.testing import FakeClock, ScriptedSandbox, expire, garble, hang_up, refuse

from .pairing import pair, viber
from .rig import Rig, accepted, account, lookup, number, price, routing, sending, sms

DAY = timedelta(days=1)
EVERYTHING: Mapping[str, Any] = {
    "reads_inbox": True,
    "tells_statistics": True,
    "tells_prices": True,
    "tells_reports": True,
    "by_reference": True,
}


def now_of(clock: FakeClock) -> datetime:
    """Return the moment at which the clock stands."""
    return as_utc(clock.now())


def texts(messages: object) -> list[str]:
    """Return the texts of messages; fails for a refusal."""
    assert isinstance(messages, tuple)
    return [one.text for one in messages]


async def everything(rig: Rig, clock: FakeClock) -> list[object]:
    """Ask every kind of question once."""
    since, until = now_of(clock) - DAY, now_of(clock) + DAY
    return [
        await rig.router.inbox("a", since=since, until=until),
        await rig.router.incoming("a", InboxCursor.starting(since)),
        await rig.router.statistics("a", since=since, until=until),
        await rig.router.prices("a"),
        await rig.router.status("a", ["m1"], to=number(0)),
    ]


OPERATIONS = [Operation.INBOX, Operation.INBOX, Operation.STATISTICS, Operation.PRICES, Operation.POLL]

# -- inbox -------------------------------------------------------------------------------------------------------------


async def test_a_span_of_the_inbox_is_read(clock: FakeClock, box: ScriptedSandbox):
    """What came within the span is returned as the provider tells it, and what came at its end is not."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        since = now_of(clock)
        first = box.receive("first")
        await clock.advance(60)
        box.receive("at the end")
        assert await rig.router.inbox("a", since=since, until=now_of(clock)) == (first,)


async def test_a_long_span_is_several_questions_without_a_repeat(clock: FakeClock, box: ScriptedSandbox):
    """A message at the seam of two windows, which the provider lists in both of them, is returned once."""
    async with routing({"a": account(box, **EVERYTHING, window_days=1)}, clock=clock) as rig:
        since = now_of(clock)
        await clock.advance(86400)
        box.receive("at the seam")
        await clock.advance(86400)
        assert texts(await rig.router.inbox("a", since=since, until=now_of(clock))) == ["at the seam"]
        assert box.ledger.calls[Operation.INBOX] == len(rig.calls(Operation.INBOX)) == 2


async def test_what_is_new_is_shown_once(clock: FakeClock, box: ScriptedSandbox):
    """Polls with a cursor show each message once, also one that is listed only after a poll that should have had it."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        cursor = InboxCursor.starting(now_of(clock), timedelta(minutes=5))
        shown = []
        for minute in range(6):
            box.receive(f"prompt {minute}")
            if minute == 1:
                box.receive("late", late=150)
            await clock.advance(60)
            got = await rig.router.incoming("a", cursor)
            assert not isinstance(got, Refused)
            messages, cursor = got
            cursor = msgspec.json.decode(msgspec.json.encode(cursor), type=InboxCursor)
            shown.append(texts(messages))
        assert shown == [["prompt 0"], ["prompt 1"], ["prompt 2"], ["late", "prompt 3"], ["prompt 4"], ["prompt 5"]]


async def test_a_refusal_loses_nothing(clock: FakeClock, box: ScriptedSandbox):
    """When the second of two questions is refused, the refusal is the result; the old cursor then shows all of it."""
    async with routing({"a": account(box, **EVERYTHING, window_days=1)}, clock=clock) as rig:
        cursor = InboxCursor.starting(now_of(clock))
        box.receive("one")
        await clock.advance(86400 * 1.5)
        box.receive("two")
        await clock.advance(60)
        box.script(delay(0.0, endpoint=Operation.INBOX), refuse(Fault.CREDENTIALS, on=Operation.INBOX))
        refused = await rig.router.incoming("a", cursor)
        assert isinstance(refused, Refused)
        assert (refused.fault, refused.code) == (Fault.CREDENTIALS, "credentials")
        got = await rig.router.incoming("a", cursor)
        assert not isinstance(got, Refused)
        assert texts(got[0]) == ["one", "two"]


async def test_a_cursor_that_begins_later_asks_nothing_yet(clock: FakeClock, box: ScriptedSandbox):
    """Before the moment at which a cursor begins there is nothing new, and nobody is asked."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        cursor = InboxCursor.starting(now_of(clock) + DAY)
        assert await rig.router.incoming("a", cursor) == ((), cursor)
        assert box.seen == ()


async def test_a_span_that_is_too_old_is_refused_before_anything_is_asked(clock: FakeClock, box: ScriptedSandbox):
    """What the provider does not answer for any more is an error of the caller, and no request leaves."""
    async with routing({"a": account(box, **EVERYTHING, oldest_days=30)}, clock=clock) as rig:
        with pytest.raises(InvalidQuestion, match="the last 30 days"):
            await rig.router.inbox("a", since=now_of(clock) - 31 * DAY, until=now_of(clock))
        with pytest.raises(InvalidQuestion, match="the last 30 days"):
            await rig.router.incoming("a", InboxCursor.starting(now_of(clock) - 31 * DAY))
        assert box.seen == ()


# -- figures -----------------------------------------------------------------------------------------------------------


@pytest.mark.trap("D35")
async def test_figures_come_by_window_with_their_sums(clock: FakeClock, box: ScriptedSandbox):
    """92 days at a provider that answers for 90 are two questions; the counts are added up."""
    async with routing({"a": account(box, **EVERYTHING, window_days=90)}, clock=clock) as rig:
        since = now_of(clock) - 91 * DAY
        await rig.router.send_many([sms(place) for place in range(3)])
        await clock.advance(60)
        told = await rig.router.statistics("a", since=since, until=since + 92 * DAY)
        assert not isinstance(told, Refused)
        turn = since + 90 * DAY
        assert [one.window for one in told.windows] == [Window(since, turn), Window(turn, since + 92 * DAY)]
        assert [one.figures.sent for one in told.windows] == [0, 3]
        assert (told.sums.sent, told.sums.delivered, told.sums.errors) == (3, 3, None)


async def test_a_ratio_is_not_added_up(clock: FakeClock, box: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch):
    """The ratio of a single window is passed on; of several there is none, because nobody says what it counts."""
    figures = Statistics(sent=1, delivery_ratio=Decimal("99.5"))
    monkeypatch.setattr("pointsman.testing.sandbox.counted", lambda *_: figures)
    async with routing({"a": account(box, **EVERYTHING, window_days=1)}, clock=clock) as rig:
        since = now_of(clock)
        one = await rig.router.statistics("a", since=since, until=since + DAY)
        two = await rig.router.statistics("a", since=since, until=since + 2 * DAY)
        assert not isinstance(one, Refused)
        assert not isinstance(two, Refused)
        assert one.sums == figures
        assert two.sums == Statistics(sent=2)
        assert [told.figures for told in two.windows] == [figures, figures]


@pytest.mark.trap("D44")
async def test_figures_change_no_decision(clock: FakeClock, box: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch):
    """However bad a provider's own figures are, the next message is decided as before, and its health is the same."""
    ruin = Statistics(sent=100, delivered=0, errors=100, total=100, delivery_ratio=Decimal(0))
    monkeypatch.setattr("pointsman.testing.sandbox.counted", lambda *_: ruin)
    other = ScriptedSandbox(clock=clock)
    accounts = {
        "a": account(box, **EVERYTHING, prices=[price("1")]),
        "b": account(other, **EVERYTHING, prices=[price("1")]),
    }
    async with routing(accounts, clock=clock, policy={"strategy": "cheapest"}) as rig:

        def decided() -> list[tuple[str, float, float | None]]:
            ranking = rig.router.explain(sms()).ranking
            return [(one.candidate.provider, one.candidate.health, one.score) for one in ranking]

        before, health = decided(), rig.status("a").health
        assert not isinstance(await rig.router.statistics("a", since=now_of(clock) - DAY, until=now_of(clock)), Refused)
        assert decided() == before
        assert rig.status("a").health == health


# -- prices ------------------------------------------------------------------------------------------------------------


async def test_their_price_list_stands_beside_ours(clock: FakeClock, box: ScriptedSandbox):
    """Each line has our price for the same and the difference; what we do not list is said."""
    box.prices = tuple(
        PriceQuote(channel=Channel.SMS, country=country, price=Money(Decimal(amount), "EUR"))
        for country, amount in (("RU", "0.03"), ("KZ", "0.05"))
    )
    async with routing({"a": account(box, **EVERYTHING, prices=[price("0.02")])}, clock=clock) as rig:
        told = await rig.router.prices("a")
        assert not isinstance(told, Refused)
        assert [(one.quote.country, one.ours, one.difference, one.standing) for one in told] == [
            ("RU", Money(Decimal("0.02"), "EUR"), Decimal(50), Standing.DRIFT),
            ("KZ", None, None, Standing.UNLISTED),
        ]


# -- the state of one message ------------------------------------------------------------------------------------------


async def test_a_message_is_asked_about_by_its_id(clock: FakeClock, box: ScriptedSandbox):
    """The provider is asked now, and its reports are returned; a message of our own needs no number."""
    async with routing({"a": account(box, **EVERYTHING, poll={"first": "1h", "longest": "1h"})}, clock=clock) as rig:
        ids = accepted(await rig.router.send(sms())).ids
        await clock.advance(60)
        (report,) = reports_of(await rig.router.status("a", ids))
        assert (report.provider_id, report.state, report.final) == (ids[0], DeliveryState.DELIVERED, True)
        (call,) = rig.calls(Operation.POLL)
        assert (call.channel, call.to) == (Channel.SMS, (number(0),))
        assert await rig.router.status("a", ["stranger"], to=number(1)) == ()


async def test_a_message_is_asked_about_by_our_reference(clock: FakeClock, box: ScriptedSandbox):
    """Where the provider knows our reference, an attempt can be asked about whose id was never told."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        box.script(garble(taken=True))
        receipt = await rig.router.send(sms())
        (report,) = reports_of(await rig.router.status("a", reference=receipt.attempts[0].ref))
        assert (report.reference, report.provider_id) == (receipt.attempts[0].ref, "m1")


async def test_a_message_whose_provider_sends_the_sms_is_asked_about_as_such(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    """What became of the Viber message alone is not its end then, so a plugin must know it for this question too."""
    async with pair(clock, resends=True, polls=True) as both:
        receipt = await both.rig.router.send(viber(fallback=Fallback(by=FallbackBy.PROVIDER)))
        plugin, asked = both.rig.router._stations["v"].provider, list[Tracked]()
        assert isinstance(plugin, Polls)
        ask = plugin.poll_request

        def poll_request(tracked: tuple[Tracked, ...], session: Session | None) -> Request:
            asked.extend(tracked)
            return ask(tracked, session)

        monkeypatch.setattr(plugin, "poll_request", poll_request)
        await both.rig.router.status("v", accepted(receipt).ids, channel=Channel.VIBER)
        assert [one.resend for one in asked] == [True]


async def test_a_lookup_is_told_with_its_country(clock: FakeClock, box: ScriptedSandbox):
    """A plugin knows the code of a network; the country that belongs to it is completed here as well."""
    box.networks[number(0)] = "25002"
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        (task,) = sending(rig, lookup())
        async with clock.autojump():
            await task
        (report,) = reports_of(await rig.router.status("a", ["m1"], channel=Channel.HLR))
        assert report.lookup is not None
        assert report.lookup.network == Network("RU", "25002", NetworkSource.HLR)


@pytest.mark.parametrize(("bulk", "requests"), [(1, 3), (2, 2)])
async def test_ids_travel_as_the_provider_wants_them(clock: FakeClock, box: ScriptedSandbox, bulk: int, requests: int):
    """Several ids are one question each, or as many in one as the plugin says."""
    async with routing({"a": account(box, **EVERYTHING, poll_bulk=bulk)}, clock=clock) as rig:
        await rig.router.send_many([sms(place) for place in range(3)])
        reports = reports_of(await rig.router.status("a", ["m1", "m2", "m3"], to=number(0)))
        assert [report.provider_id for report in reports] == ["m1", "m2", "m3"]
        assert box.ledger.calls[Operation.POLL] == requests


def reports_of(reports: tuple[Report, ...] | Refused) -> tuple[Report, ...]:
    """Return reports; fails for a refusal."""
    assert not isinstance(reports, Refused)
    return reports


async def test_ids_that_a_plugin_cannot_ask_about_put_nobody_out_of_use(
    clock: FakeClock, box: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch
):
    """Some plugins raise for ids that they did not make; however often one is typed in, the provider stays in use."""

    def poll_request(*_: object) -> Request:
        raise ValueError("not an id of ours")

    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        with monkeypatch.context() as patch:
            patch.setattr(rig.router._stations["a"].provider, "poll_request", poll_request)
            for _ in range(5):
                with pytest.raises(InvalidQuestion, match="ids: cannot be asked about at a; write it exactly"):
                    await rig.router.status("a", ["nonsense"], to=number(0))
        assert rig.told(Called) == []
        assert rig.status("a").quarantined is None
        assert (await rig.router.send(sms())).provider == "a"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "ids: give the provider's ids"),
        ({"ids": ["m1"], "reference": "r1", "to": number(0)}, "ids: give the provider's ids"),
        ({"ids": ["m1"]}, "to: we have no record of this message"),
    ],
)
async def test_a_question_that_is_not_clear_is_refused(
    clock: FakeClock, box: ScriptedSandbox, arguments: dict[str, Any], words: str
):
    """Neither or both of ids and reference, and a stranger's id without a number, are errors; nothing is asked."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        with pytest.raises(InvalidQuestion, match=words):
            await rig.router.status("a", **arguments)
        with pytest.raises(InvalidMessage, match="has 2 digits"):
            await rig.router.status("a", ["m1"], to="12")
        assert box.seen == ()


# -- all of them -------------------------------------------------------------------------------------------------------


async def test_each_question_is_one_call(clock: FakeClock, box: ScriptedSandbox):
    """Every question is one request and one event, which says what was asked and that it was answered."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        assert not any(isinstance(one, Refused) for one in await everything(rig, clock))
        calls = [(call.operation, call.outcome, call.http_status) for call in rig.told(Called)]
        assert calls == [(operation, CallOutcome.ANSWERED, 200) for operation in OPERATIONS]
        assert [seen.operation for seen in box.seen] == OPERATIONS


async def test_a_refusal_is_a_result(clock: FakeClock, box: ScriptedSandbox):
    """What the provider refuses is returned with fault and code, and told; nobody is put out of use because of it."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        box.script(*[refuse(Fault.FORBIDDEN, on=operation) for operation in OPERATIONS])
        answers = await everything(rig, clock)
        assert [(one.fault, one.code) for one in answers if isinstance(one, Refused)] == [
            (Fault.FORBIDDEN, "forbidden")
        ] * len(OPERATIONS)
        assert {call.outcome for call in rig.told(Called)} == {CallOutcome.REFUSED}
        assert rig.status("a").rests == ()


async def test_no_answer_is_a_refusal_as_well(clock: FakeClock, box: ScriptedSandbox):
    """A connection that is closed and an answer that cannot be read are `unavailable`: it can be asked again."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        for step in (lambda on: hang_up(taken=False, on=on), lambda on: garble(taken=False, on=on)):
            box.script(*[step(operation) for operation in OPERATIONS])
            answers = await everything(rig, clock)
            assert [getattr(one, "fault", None) for one in answers] == [Fault.UNAVAILABLE] * len(OPERATIONS)


async def test_an_expired_session_is_renewed_for_questions_too(clock: FakeClock, box: ScriptedSandbox):
    """When the session has expired, the question is repeated once with a new one."""
    async with routing({"a": account(box, **EVERYTHING, needs_login=True)}, clock=clock) as rig:
        box.script(expire(on=Operation.INBOX))
        box.receive("hello")
        await clock.advance(1)
        assert texts(await rig.router.inbox("a", since=now_of(clock) - DAY, until=now_of(clock))) == ["hello"]
        assert box.ledger.calls[Operation.LOGIN] == 2


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("read_inbox", (Incoming(id=1, sender="s", to="t", text="x"),)),  # type: ignore[arg-type]
        ("read_inbox", (Incoming(id="1", sender="s", to="t", text="x", at=datetime(2026, 1, 1)),)),  # noqa: DTZ001
        ("read_inbox", [Incoming(id="1", sender="s", to="t", text="x")]),
        ("read_statistics", Statistics(sent=1.5)),  # type: ignore[arg-type]
        ("read_statistics", Statistics(delivery_ratio=Decimal("NaN"))),
        ("read_prices", (PriceQuote(channel=Channel.SMS, price=Money(Decimal("Infinity"), "EUR")),)),
        ("read_prices", (PriceQuote(channel="sms", price=Money(Decimal(1), "EUR")),)),  # type: ignore[arg-type]
    ],
)
async def test_what_a_plugin_may_not_return_goes_no_further(
    clock: FakeClock, box: ScriptedSandbox, method: str, value: object
):
    """A reading against the contract is a failed call of that provider, not an error of the caller."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        provider = rig.router._stations["a"].provider
        setattr(provider, method, lambda *_: Reading(value))
        place = {"read_inbox": 0, "read_statistics": 2, "read_prices": 3}[method]
        answer = (await everything(rig, clock))[place]
        assert isinstance(answer, Refused)
        assert (answer.fault, answer.code) == (Fault.UNAVAILABLE, "plugin")


async def test_what_is_not_offered_is_said(clock: FakeClock, box: ScriptedSandbox):
    """A provider without an ability is not asked, and the error names the provider and what it cannot be asked."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        since, until = now_of(clock) - DAY, now_of(clock)
        for operation, question in (
            (Operation.INBOX, rig.router.inbox("a", since=since, until=until)),
            (Operation.INBOX, rig.router.incoming("a", InboxCursor.starting(since))),
            (Operation.STATISTICS, rig.router.statistics("a", since=since, until=until)),
            (Operation.PRICES, rig.router.prices("a")),
            (Operation.POLL, rig.router.status("a", ["m1"], to=number(0))),
        ):
            with pytest.raises(NotOffered, match=rf"^a cannot be asked this \({operation}\)") as caught:
                await question
            assert (caught.value.provider, caught.value.operation) == ("a", operation)
        assert box.seen == ()


async def test_a_reference_that_nobody_knows_there_is_not_offered(clock: FakeClock, box: ScriptedSandbox):
    """Where reports are told by id only, a question by our reference is not offered."""
    async with routing({"a": account(box, tells_reports=True)}, clock=clock) as rig:
        with pytest.raises(NotOffered, match="it knows none of our references on sms; give its id"):
            await rig.router.status("a", reference="r1", to=number(0))


async def test_unknown_providers_and_closed_routers_are_errors(clock: FakeClock, box: ScriptedSandbox):
    """The error about a stranger lists who is there; a closed router asks nobody."""
    async with routing({"a": account(box, **EVERYTHING)}, clock=clock) as rig:
        with pytest.raises(InvalidQuestion, match="provider: there is no provider 'b'; there are a"):
            await rig.router.prices("b")
    with pytest.raises(RouterClosed):
        await rig.router.prices("a")


async def test_questions_leave_a_connection_to_messages(clock: FakeClock, box: ScriptedSandbox):
    """While slow questions are in flight, a message goes out over the connection that is left."""
    async with routing({"a": account(box, **EVERYTHING, max_in_flight=2)}, clock=clock) as rig:
        box.script(*[delay(20.0, endpoint=Operation.PRICES)] * 3)
        asking = [asyncio.create_task(rig.router.prices("a")) for _ in range(3)]
        await clock.settle()
        assert box.ledger.calls[Operation.PRICES] == 1
        (task,) = sending(rig, sms())
        await clock.settle()
        assert task.done()
        async with clock.autojump():
            await asyncio.gather(*asking)


def test_times_are_told_in_utc():
    """The cursor of a caller elsewhere holds the same moment in UTC."""
    elsewhere = datetime.fromisoformat("2026-11-01T03:00:00+03:00")

    assert InboxCursor.starting(elsewhere).since == datetime(2026, 11, 1, tzinfo=UTC)
