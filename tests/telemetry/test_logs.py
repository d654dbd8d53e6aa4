"""A line says what happened, and nothing that a log must not hold."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.events import (
    BalanceRead,
    BreakerMoved,
    Called,
    CallOutcome,
    Decided,
    Event,
    FailedOver,
    GuardRule,
    GuardStopped,
    LateDelivery,
    MessageMoved,
    MessageTaken,
    Operation,
    PluginQuarantined,
    PriceDrifted,
    Reconciled,
    Reported,
    ReportIgnored,
    Resent,
    Rested,
    Spent,
    SteppedIn,
    WebhookGivenUp,
    WebhookOutcome,
    WebhookPosted,
)
from pointsman.message import Channel, FallbackTrigger, MessageClass, Money
from pointsman.outcome import DeliveryState, Fault, State
from pointsman.telemetry import LogFormat, LogLevel, LogObserver, Masker, build_logger

MASKER = Masker(b"key")


def observer(sink, **options):
    """An observer that writes to a sink."""
    return LogObserver(build_logger(sink, **options), MASKER)


def test_the_line_of_a_call(sink, called):
    """All fields by their documented names; the number masked, with a hash to search by."""
    observer(sink)(called)

    assert sink.decoded() == [
        {
            "timestamp": "2025-11-22T08:26:40.500Z",
            "level": "info",
            "event": "provider.call",
            "message_id": "01jd0000000000000000000000",
            "to": "+7916***4567",
            "to_hash": MASKER.hash("79161234567"),
            "attempt": 1,
            "provider": "devino",
            "channel": "sms",
            "operation": "submit",
            "outcome": "refused",
            "fault": "credits",
            "code": "6",
            "http_status": 500,
            "duration_ms": 123.456,
            "left": True,
            "price": "0.0120",
            "currency": "EUR",
            "decision_id": "01jd0000000000000000000001",
            "detail": "no money left",
        }
    ]


def test_the_line_of_a_batch_names_its_messages(sink, called):
    """Up to 200 are listed, and the number of all of them is told."""
    ids = tuple(f"message{number}" for number in range(250))
    numbers = tuple(f"79160000{number:03}" for number in range(250))

    observer(sink)(msgspec.structs.replace(called, message_ids=ids, to=numbers))

    line = sink.decoded()[0]
    assert (line["messages"], line["message_ids"]) == (250, list(ids[:200]))
    assert (line["to"][3], line["to_hash"][3]) == ("+7916***0003", MASKER.hash("79160000003"))
    assert (len(line["to"]), len(line["to_hash"])) == (200, 200)
    assert "message_id" not in line


def test_what_a_call_has_not_is_left_out(sink):
    """A login is about no message."""
    observer(sink)(
        Called(
            at=0.0,
            provider="devino",
            channel=None,
            operation=Operation.LOGIN,
            outcome=CallOutcome.ANSWERED,
            duration=0.001,
            left=True,
        )
    )

    assert list(sink.decoded()[0]) == [
        "timestamp", "level", "event", "provider", "operation", "outcome", "duration_ms", "left",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        (CallOutcome.ACCEPTED, "info"),
        (CallOutcome.REFUSED, "info"),
        (CallOutcome.MIXED, "info"),
        (CallOutcome.ANSWERED, "info"),
        (CallOutcome.UNKNOWN, "warning"),
        (CallOutcome.FAILED, "warning"),
    ],
)
def test_a_call_without_an_answer_is_a_warning(sink, called, outcome, level):
    """What may need a person's eye stands out."""
    observer(sink)(msgspec.structs.replace(called, outcome=outcome))

    assert sink.decoded()[0]["level"] == level


SMS, OTP = Channel.SMS, MessageClass.OTP

LINES = {
    "taken": (
        MessageTaken(at=0.0, message_id="m", channel=SMS, message_class=OTP, segments=2),
        {"level": "debug", "event": "message.taken", "message_id": "m", "channel": "sms", "message_class": "otp",
         "segments": 2},
    ),
    "decided": (
        Decided(at=0.0, message_id="m", decision_id="d", provider="devino", strategy="cheapest", reason="only"),
        {"level": "debug", "event": "message.decided", "message_id": "m", "decision_id": "d", "provider": "devino",
         "strategy": "cheapest", "reason": "only"},
    ),
    "failed over": (
        FailedOver(at=0.0, message_id="m", from_provider="a", to_provider="b", fault=None),
        {"level": "info", "event": "message.failed_over", "message_id": "m", "from_provider": "a", "to_provider": "b",
         "fault": "unknown"},
    ),
    "fell back": (
        SteppedIn(at=0.0, message_id="m", sms_id="s", trigger=FallbackTrigger.SILENT),
        {"level": "info", "event": "message.fell_back", "message_id": "m", "sms_id": "s", "trigger": "silent"},
    ),
    "late delivery": (
        LateDelivery(at=0.0, message_id="m", sms_id="s", provider="a", channel=Channel.VIBER),
        {"level": "warning", "event": "message.late_delivery", "message_id": "m", "sms_id": "s", "provider": "a",
         "channel": "viber"},
    ),
    "sent again": (
        Resent(at=0.0, message_id="m", from_provider="a", state=DeliveryState.REJECTED, fault=Fault.SENDER),
        {"level": "info", "event": "message.resent", "message_id": "m", "from_provider": "a", "state": "rejected",
         "fault": "sender"},
    ),
    "reconciled": (
        Reconciled(at=0.0, message_id="m", provider="a", result="absent"),
        {"level": "info", "event": "message.reconciled", "message_id": "m", "provider": "a", "result": "absent"},
    ),
    "reported": (
        Reported(at=0.0, message_id="m", provider="a", channel=SMS, state=DeliveryState.DELIVERED, final=True, age=1.5),
        {"level": "debug", "event": "message.reported", "message_id": "m", "provider": "a", "channel": "sms",
         "state": "delivered", "final": True, "age_seconds": 1.5},
    ),
    "report ignored": (
        ReportIgnored(at=0.0, provider="a", reason="nobody knows 79161234567"),
        {"level": "warning", "event": "report.ignored", "provider": "a", "reason": "nobody knows ***"},
    ),
    "moved": (
        MessageMoved(at=0.0, message_id="m", channel=SMS, message_class=OTP, before=None, after=State.ACCEPTED),
        {"level": "debug", "event": "message.moved", "message_id": "m", "channel": "sms", "message_class": "otp",
         "state": "accepted"},
    ),
    "settled": (
        MessageMoved(at=0.0, message_id="m", channel=SMS, message_class=OTP, before=State.SENT, after=State.UNKNOWN),
        {"level": "info", "event": "message.settled", "message_id": "m", "channel": "sms", "message_class": "otp",
         "before": "sent", "state": "unknown"},
    ),
    "balance": (
        BalanceRead(at=0.0, provider="a", balance=Money(Decimal("1.20"), "EUR")),
        {"level": "info", "event": "provider.balance", "provider": "a", "balance": "1.20", "currency": "EUR",
         "told": True},
    ),
    "breaker": (
        BreakerMoved(at=0.0, provider="a", channel=SMS, before="closed", after="open", reason="5 of 6 failed"),
        {"level": "info", "event": "breaker.moved", "provider": "a", "channel": "sms", "before": "closed",
         "state": "open", "reason": "5 of 6 failed"},
    ),
    "breaker of a network": (
        BreakerMoved(
            at=0.0, provider="a", channel=SMS, network="25001", before="open", after="probing", reason="rest is over"
        ),
        {"level": "info", "event": "breaker.moved", "provider": "a", "channel": "sms", "network": "25001",
         "before": "open", "state": "probing", "reason": "rest is over"},
    ),
    "price that drifted": (
        PriceDrifted(at=0.0, provider="a", channel=SMS, network="25001", ratio=1.23456),
        {"level": "warning", "event": "price.drifted", "provider": "a", "channel": "sms", "network": "25001",
         "ratio": 1.2346},
    ),
    "rested": (
        Rested(at=0.0, provider="a", scope="sender", subject="79161234567", fault=Fault.SENDER, until=60.0, alert=True),
        {"level": "warning", "event": "provider.rested", "provider": "a", "scope": "sender", "subject": "***",
         "fault": "sender", "until": "1970-01-01T00:01:00.000Z", "alert": True},
    ),
    "quarantined": (
        PluginQuarantined(at=0.0, plugin="p", reason="it raised"),
        {"level": "error", "event": "plugin.quarantined", "plugin": "p", "reason": "it raised"},
    ),
    "webhook that was taken": (
        WebhookPosted(at=0.0, client="shop", message_id="m", webhook_id="msg_j_1", host="hooks.shop.example",
                      outcome=WebhookOutcome.TAKEN, http_status=204, duration=0.0123, tries=1, delay=1.0),
        {"level": "info", "event": "webhook.post", "message_id": "m", "client": "shop", "webhook_id": "msg_j_1",
         "host": "hooks.shop.example", "outcome": "taken", "http_status": 204, "duration_ms": 12.3, "tries": 1},
    ),
    "webhook that was not": (
        WebhookPosted(at=0.0, client="shop", message_id="m", webhook_id="msg_j_1", host="79161234567.shop.example",
                      outcome=WebhookOutcome.TIMEOUT, duration=15.0, tries=2, delay=1.0, detail="no answer"),
        {"level": "warning", "event": "webhook.post", "message_id": "m", "client": "shop", "webhook_id": "msg_j_1",
         "host": "***.shop.example", "outcome": "timeout", "duration_ms": 15000.0, "tries": 2, "detail": "no answer"},
    ),
    "webhook that is dead": (
        WebhookGivenUp(at=0.0, client="shop", message_id="m", reason="gone: the receiver answered 410"),
        {"level": "error", "event": "webhook.dead", "message_id": "m", "client": "shop",
         "reason": "gone: the receiver answered 410"},
    ),
    "stopped order": (
        GuardStopped(at=0.0, client="shop", rule=GuardRule.PER_RANGE, channel=SMS, country="RU", retry_after=71.26),
        {"level": "warning", "event": "guard.stopped", "client": "shop", "rule": "per_range", "channel": "sms",
         "country": "RU", "retry_after": 71.3},
    ),
    "stopped client": (
        GuardStopped(at=0.0, client="shop", rule=GuardRule.STOPPED),
        {"level": "warning", "event": "guard.stopped", "client": "shop", "rule": "stopped"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LINES)
def test_events_and_their_lines(sink, case):
    """Each kind of event has its name, its level and its fields."""
    event, expected = LINES[case]

    observer(sink, level=LogLevel.DEBUG)(event)

    assert sink.decoded() == [{"timestamp": "1970-01-01T00:00:00.000Z", **expected}]


def test_what_has_no_line_writes_none(sink):
    """Money is a metric."""
    observer(sink, level=LogLevel.DEBUG)(Spent(at=0.0, provider="a", price=Money(Decimal(1), "EUR"), segments=1))

    assert sink.lines == []


def test_a_level_leaves_out_what_is_below(sink):
    """Debug lines are written only where they are asked for."""
    observer(sink)(LINES["taken"][0])

    assert sink.lines == []


ANY_TEXT = st.text(st.characters(), max_size=60)
"""With surrogates, control characters and line ends."""
AT = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def events(draw) -> Event:
    """An event whose texts are anything at all."""
    kind = draw(st.sampled_from(["call", "ignored", "broken", "rested", "decided"]))
    text, at = draw(ANY_TEXT), draw(AT)
    match kind:
        case "call":
            return Called(
                at=at,
                provider=text,
                channel=None,
                operation=Operation.POLL,
                outcome=CallOutcome.FAILED,
                code=draw(ANY_TEXT),
                detail=draw(ANY_TEXT),
                duration=draw(st.floats(0, 1e6)),
                left=True,
                message_ids=tuple(draw(st.lists(ANY_TEXT, max_size=3))),
                oddities=tuple(draw(st.lists(ANY_TEXT, max_size=3))),
                price=Money(draw(st.decimals()), draw(ANY_TEXT)),
            )
        case "ignored":
            return ReportIgnored(at=at, provider=text, reason=draw(ANY_TEXT))
        case "broken":
            return PluginQuarantined(at=at, plugin=text, reason=draw(ANY_TEXT))
        case "rested":
            until = draw(st.none() | AT)
            return Rested(
                at=at, provider=text, scope="sender", subject=text, fault=Fault.SENDER, until=until, alert=False
            )
        case _:
            return Decided(at=at, message_id=text, decision_id=text, provider=text, strategy=text, reason=text)


def lines_of(event: Event, **options) -> list[bytes]:
    """What an event leaves in a sink."""
    lines: list[bytes] = []

    class Kept:
        def write(self, line: bytes) -> None:
            """Keep a line."""
            lines.append(line)

        def isatty(self) -> bool:
            """Nobody is reading."""
            return False

    observer(Kept(), level=LogLevel.DEBUG, **options)(event)
    return lines


@given(events())
def test_any_event_is_exactly_one_line_of_json(event):
    """Whatever a provider writes, it cannot forge a second line or an unreadable one."""
    lines = lines_of(event)

    assert len(lines) == 1
    assert b"\n" not in lines[0]
    assert msgspec.json.decode(lines[0])["event"]


@given(events())
def test_any_event_is_exactly_one_line_on_a_console(event):
    """Neither can it move the cursor of the person who reads."""
    lines = lines_of(event, format=LogFormat.CONSOLE)

    assert len(lines) == 1
    text = lines[0].decode()
    assert [character for character in text if ord(character) < 32 or 127 <= ord(character) < 160] == []
    assert len(text.splitlines()) == 1


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.sampled_from(["{}", "+{}", "to={};", "нет {}", "{}0"]))
def test_no_line_holds_a_full_number(number, form):
    """Neither as the recipient nor in the words of a provider."""
    text = form.format(number)
    event = Called(
        at=0.0,
        provider="devino",
        channel=Channel.SMS,
        operation=Operation.SUBMIT,
        outcome=CallOutcome.REFUSED,
        code=text,
        detail=text,
        duration=0.1,
        left=True,
        to=(number,),
    )

    assert number.encode() not in lines_of(event)[0]


def test_time_is_written_in_utc(sink, called):
    """The time of a line is the time of the event."""
    observer(sink)(called)

    assert datetime.fromisoformat(sink.decoded()[0]["timestamp"]) == datetime.fromtimestamp(called.at, tz=UTC)
