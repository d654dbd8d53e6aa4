"""Every event is counted once, under labels from closed sets."""

from decimal import Decimal

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from pointsman.events import (
    Attempted,
    BalanceRead,
    BreakerMoved,
    Called,
    CallOutcome,
    Decided,
    FailedOver,
    JournalCommitted,
    LateDelivery,
    MessageMoved,
    Operation,
    PluginQuarantined,
    PriceDrifted,
    Reported,
    Resent,
    Spent,
)
from pointsman.message import Channel, MessageClass, Money
from pointsman.outcome import Accepted, Attempt, DeliveryState, Fault, LookupState, Refused, State
from pointsman.telemetry import Labels, MetricsObserver, render

LABELS = Labels(providers=frozenset({"devino", "smstele"}), plugins=frozenset({"broken"}))


@pytest.fixture
def metrics():
    """An observer with two known providers."""
    return MetricsObserver(LABELS, "1.2.3")


def value(metrics, name, **labels):
    """The value of one series, or None."""
    return metrics.registry.get_sample_value(name, labels)


def attempted(outcome):
    """An attempt of two segments at devino."""
    attempt = Attempt(
        number=1, provider="devino", ref="r", calls=1, outcome=outcome, started_at=0.0, duration=0.1, decision_id="d"
    )
    return Attempted(
        at=0.0,
        message_id="m",
        channel=Channel.SMS,
        message_class=MessageClass.OTP,
        attempt=attempt,
        segments=2,
    )


def test_a_call_is_one_count_and_one_duration(metrics, called):
    """The labels are those of the event."""
    metrics(called)
    metrics(called)

    labels = {"provider": "devino", "channel": "sms", "operation": "submit", "outcome": "refused", "fault": "credits"}
    assert value(metrics, "pointsman_provider_calls_total", **labels) == 2
    place = {"provider": "devino", "operation": "submit"}
    assert value(metrics, "pointsman_provider_call_duration_seconds_count", **place) == 2
    assert value(metrics, "pointsman_provider_call_duration_seconds_sum", **place) == pytest.approx(0.246912)


def test_what_a_call_has_not_is_called_none(metrics):
    """A login has no channel, and a good answer no fault."""
    metrics(
        Called(
            at=0.0,
            provider="devino",
            channel=None,
            operation=Operation.LOGIN,
            outcome=CallOutcome.ANSWERED,
            duration=0.1,
            left=True,
        )
    )

    labels = {"channel": "none", "operation": "login", "outcome": "answered", "fault": "none"}
    assert value(metrics, "pointsman_provider_calls_total", provider="devino", **labels) == 1


COUNTED = {
    "a decision": (
        Decided(at=0.0, message_id="m", decision_id="d", provider="devino", strategy="cheapest", reason="only"),
        ("decisions_total", {"provider": "devino", "strategy": "cheapest", "reason": "only"}, 1),
    ),
    "a decision for nobody": (
        Decided(at=0.0, message_id="m", decision_id="d", provider=None, strategy="weighted", reason="none"),
        ("decisions_total", {"provider": "none", "strategy": "weighted", "reason": "none"}, 1),
    ),
    "a failover": (
        FailedOver(at=0.0, message_id="m", from_provider="devino", to_provider="smstele", fault=Fault.CREDITS),
        ("failovers_total", {"from_provider": "devino", "to_provider": "smstele", "fault": "credits"}, 1),
    ),
    "a failover after an unknown outcome": (
        FailedOver(at=0.0, message_id="m", from_provider="devino", to_provider="smstele", fault=None),
        ("failovers_total", {"from_provider": "devino", "to_provider": "smstele", "fault": "unknown"}, 1),
    ),
    "a message sent again": (
        Resent(at=0.0, message_id="m", from_provider="devino", state=DeliveryState.EXPIRED, fault=None),
        ("resends_total", {"from_provider": "devino"}, 1),
    ),
    "a late delivery": (
        LateDelivery(at=0.0, message_id="m", sms_id="s", provider="devino", channel=Channel.VIBER),
        ("late_deliveries_total", {"provider": "devino", "channel": "viber"}, 1),
    ),
    "a new state": (
        MessageMoved(
            at=0.0,
            message_id="m",
            channel=Channel.VIBER,
            message_class=MessageClass.OTP,
            before=State.SENDING,
            after=State.SENT,
        ),
        ("messages_total", {"channel": "viber", "class": "otp", "state": "sent"}, 1),
    ),
    "a delivery": (
        Reported(
            at=0.0,
            message_id="m",
            provider="devino",
            channel=Channel.SMS,
            state=DeliveryState.DELIVERED,
            final=True,
            age=7.5,
        ),
        ("delivery_duration_seconds_sum", {"provider": "devino", "channel": "sms"}, 7.5),
    ),
    "the result of a lookup": (
        Reported(
            at=0.0,
            message_id="m",
            provider="devino",
            channel=Channel.HLR,
            state=LookupState.ABSENT,
            final=True,
            age=2.0,
        ),
        ("delivery_duration_seconds_sum", {"provider": "devino", "channel": "hlr"}, 2.0),
    ),
    "an expired message": (
        Reported(
            at=0.0,
            message_id="m",
            provider="devino",
            channel=Channel.SMS,
            state=DeliveryState.EXPIRED,
            final=True,
            age=86400.0,
        ),
        ("delivery_duration_seconds_sum", {"provider": "devino", "channel": "sms"}, None),
    ),
    "an accepted attempt": (
        attempted(Accepted(ids=("1", "2"))),
        ("segments_total", {"provider": "devino"}, 2),
    ),
    "a refused attempt": (
        attempted(Refused(fault=Fault.CREDITS)),
        ("segments_total", {"provider": "devino"}, None),
    ),
    "money spent": (
        Spent(at=0.0, provider="devino", price=Money(Decimal("1.25"), "RUB"), segments=1),
        ("spend_total", {"provider": "devino", "currency": "RUB"}, 1.25),
    ),
    "a refund": (
        Spent(at=0.0, provider="devino", price=Money(Decimal("-1"), "RUB"), segments=1),
        ("spend_total", {"provider": "devino", "currency": "RUB"}, None),
    ),
    "a price that drifted": (
        PriceDrifted(at=0.0, provider="devino", channel=Channel.SMS, network="25001", ratio=1.5),
        ("price_drifts_total", {"provider": "devino", "channel": "sms"}, 1),
    ),
    "a price that is not a number": (
        Spent(at=0.0, provider="devino", price=Money(Decimal("NaN"), "RUB"), segments=1),
        ("spend_total", {"provider": "devino", "currency": "RUB"}, None),
    ),
    "a balance": (
        BalanceRead(at=0.0, provider="devino", balance=Money(Decimal("-3.5"), "EUR")),
        ("provider_balance", {"provider": "devino", "currency": "EUR"}, -3.5),
    ),
    "a balance that is not told": (
        BalanceRead(at=0.0, provider="devino", balance=None),
        ("provider_balance", {"provider": "devino", "currency": "EUR"}, None),
    ),
    "a transaction of the journal": (
        JournalCommitted(at=0.0, duration=0.003, writes=7),
        ("journal_commit_duration_seconds_bucket", {"le": "0.005"}, 1),
    ),
    "a broken plugin": (
        PluginQuarantined(at=0.0, plugin="broken", reason="it raised"),
        ("plugin_quarantined", {"plugin": "broken"}, 1),
    ),
}


@pytest.mark.parametrize("case", COUNTED)
def test_events_and_their_series(metrics, case):
    """Each kind of event moves its own series, and what has no meaning there moves none."""
    event, (name, labels, expected) = COUNTED[case]

    metrics(event)

    assert value(metrics, f"pointsman_{name}", **labels) == expected


def test_a_correction_downward_is_taken_off_what_comes_next(metrics):
    """A counter cannot fall; in the end it tells what was charged all the same, each currency by itself."""
    seen = []
    for amount, currency in (("5", "RUB"), ("-3", "RUB"), ("1", "EUR"), ("2", "RUB"), ("2", "RUB")):
        metrics(Spent(at=0.0, provider="devino", price=Money(Decimal(amount), currency), segments=1))
        seen.append(value(metrics, "pointsman_spend_total", provider="devino", currency="RUB"))

    assert seen == [5, 5, 5, 5, 6]


def test_a_breaker_is_in_one_state(metrics):
    """Of the three series one is 1, also after several moves."""
    for before, after in (("closed", "open"), ("open", "probing")):
        metrics(BreakerMoved(at=0.0, provider="devino", channel=Channel.SMS, before=before, after=after, reason="x"))

    states = {
        state: value(metrics, "pointsman_breaker_state", provider="devino", channel="sms", state=state)
        for state in ("closed", "open", "probing")
    }
    assert states == {"closed": 0, "open": 0, "probing": 1}


def test_a_network_s_breaker_is_no_series(metrics):
    """A move of a single network's breaker leaves the series of the channel, and makes none of its own."""
    move = BreakerMoved(at=0.0, provider="devino", channel=Channel.SMS, before="closed", after="open", reason="x")
    metrics(move)
    metrics(msgspec.structs.replace(move, network="25001", before="open", after="closed"))

    assert value(metrics, "pointsman_breaker_state", provider="devino", channel="sms", state="open") == 1
    assert b"25001" not in render(metrics.registry)


def test_strangers_share_one_label(metrics, called):
    """However many names turn up that nobody configured, the number of series stays the same."""
    for number in range(1000):
        name = f"stranger{number}"
        metrics(msgspec.structs.replace(called, provider=name))
        metrics(Decided(at=0.0, message_id="m", decision_id="d", provider=name, strategy=name, reason=name))
        metrics(Spent(at=0.0, provider=name, price=Money(Decimal(1), name), segments=1))
        metrics(PluginQuarantined(at=0.0, plugin=name, reason=""))

    labels = {"channel": "sms", "operation": "submit", "outcome": "refused", "fault": "credits"}
    assert value(metrics, "pointsman_provider_calls_total", provider="other", **labels) == 1000
    assert b"stranger" not in render(metrics.registry)


def test_two_routers_share_nothing(called):
    """Each observer makes its own registry."""
    one, other = MetricsObserver(LABELS, "1"), MetricsObserver(LABELS, "1")

    one(called)

    assert b"devino" in render(one.registry)
    assert b"devino" not in render(other.registry)


def test_a_registry_can_be_passed_in(called):
    """An embedder's own registry holds our metrics beside its own."""
    registry = CollectorRegistry()
    metrics = MetricsObserver(LABELS, "1", registry)

    metrics(called)

    assert metrics.registry is registry
    assert b"pointsman_provider_calls_total" in render(registry)


def test_the_page_can_be_parsed_and_has_no_creation_times(metrics, called):
    """Prometheus reads the page; every family is ours and has a help text."""
    metrics(called)

    page = render(metrics.registry).decode()
    families = list(text_string_to_metric_families(page))

    assert "_created" not in page
    assert [family.name for family in families if not family.name.startswith("pointsman_")] == []
    assert [family.name for family in families if not family.documentation] == []
    assert 'pointsman_build_info{python="' in page
    assert 'version="1.2.3"} 1.0' in page
