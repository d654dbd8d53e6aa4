"""Health, queues and runway are read when somebody looks, and are those of that moment."""

from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry

from pointsman.engine.status import ProviderStatus
from pointsman.events import MessageMoved, MessageTaken
from pointsman.message import Channel, MessageClass, Money
from pointsman.outcome import State
from pointsman.telemetry import Labels, MetricsObserver, StateObserver, render
from pointsman.telemetry.state import MAX_WATCHED
from pointsman.testing.clock import FakeClock


def status(name="devino", *, runway=None, waiting=0, in_flight=0, health=1.0, **more):
    """How one provider with one channel is doing."""
    money = Money(Decimal(100), "RUB")
    return ProviderStatus(
        name=name,
        plugin="devino",
        channels=(Channel.SMS,),
        balance=money,
        available=money,
        runway=runway,
        breakers={},
        health={Channel.SMS: health},
        rests=(),
        quarantined=None,
        waiting=waiting,
        in_flight=in_flight,
        **more,
    )


class Bench:
    """An observer with a clock that stands still and statuses that a test sets."""

    def __init__(self):
        self.clock = FakeClock()
        self.statuses = [status()]
        self.state = StateObserver(lambda: self.statuses, clock=self.clock)

    def value(self, name, **labels):
        """The value of one series, or None."""
        return self.state.registry.get_sample_value(f"pointsman_{name}", labels)

    @property
    def oldest(self):
        """The age of the oldest message."""
        return self.value("queue_oldest_age_seconds")

    def take(self, message_id):
        """A message is taken now."""
        self.state(
            MessageTaken(
                at=self.clock.now(),
                message_id=message_id,
                channel=Channel.SMS,
                message_class=MessageClass.OTP,
                segments=1,
            )
        )

    def move(self, message_id, after, before=State.ACCEPTED):
        """A message comes into a state now."""
        self.state(
            MessageMoved(
                at=self.clock.now(),
                message_id=message_id,
                channel=Channel.SMS,
                message_class=MessageClass.OTP,
                before=before,
                after=after,
            )
        )


@pytest.fixture
def bench():
    """An observer with one provider that has 100 roubles."""
    return Bench()


def test_health_and_queues_are_those_of_the_moment(bench):
    """Each provider's health has a series of its own, queues and requests are sums, and all follow the statuses."""
    bench.statuses = [status(waiting=3, in_flight=1, health=0.5), status("smstele", waiting=4, in_flight=2)]

    assert bench.value("provider_health_ratio", provider="devino", channel="sms") == 0.5
    assert bench.value("provider_health_ratio", provider="smstele", channel="sms") == 1.0
    assert bench.value("queue_messages", state="waiting") == 7
    assert bench.value("queue_messages", state="in_flight") == 3

    bench.statuses = [status()]
    assert bench.value("queue_messages", state="waiting") == 0
    assert bench.value("provider_health_ratio", provider="smstele", channel="sms") is None


async def test_oldest_message_is_the_one_that_nobody_took(bench):
    """The age is that of the first message which is not sent yet; messages on their way count, finished ones do not."""
    assert bench.oldest == 0
    bench.take("first")
    await bench.clock.advance(10.0)
    bench.take("second")
    await bench.clock.advance(5.0)
    bench.move("first", State.SENDING)
    assert bench.oldest == 15

    bench.move("first", State.SENT)
    assert bench.oldest == 5

    bench.move("first", State.DELIVERED)
    bench.move("second", State.FAILED)
    assert bench.oldest == 0


@pytest.mark.parametrize("leaves_as", [State.ACCEPTED, State.SENDING])
async def test_what_is_for_later_has_no_age_before_its_time(bench, leaves_as):
    """The age of a message for later begins when it is due, or when a provider is asked to keep it."""
    bench.take("m")
    bench.move("m", State.SCHEDULED)
    await bench.clock.advance(3600.0)
    assert bench.oldest == 0

    bench.move("m", leaves_as, before=State.SCHEDULED)
    await bench.clock.advance(5.0)
    assert bench.oldest == 5

    bench.move("m", State.SENT, before=leaves_as)
    assert bench.oldest == 0


@pytest.mark.parametrize("state", sorted(set(State) - {State.ACCEPTED, State.SENDING}))
def test_every_other_state_ends_the_waiting(bench, state):
    """A message that left, or that nobody is going to send, does not wait."""
    bench.take("m")
    bench.move("m", state)

    assert len(bench.state._taken) == 0


async def test_watching_is_bounded(bench):
    """Beyond the limit new messages are not watched, and the oldest one stays the oldest."""
    bench.take("oldest")
    await bench.clock.advance(1.0)
    for number in range(MAX_WATCHED + 10):
        bench.take(f"m{number}")

    assert len(bench.state._taken) == MAX_WATCHED
    assert bench.oldest == 1


def test_runway_is_absent_where_it_cannot_be_said(bench):
    """Each provider's runway is that of its account; where it is not known there is no series."""
    bench.statuses = [status(runway=3600.0), status("smstele"), status("empty", runway=0.0)]

    assert bench.value("provider_runway_seconds", provider="devino") == 3600
    assert bench.value("provider_runway_seconds", provider="smstele") is None
    assert bench.value("provider_runway_seconds", provider="empty") == 0


def test_registry_is_shared_with_the_counters(bench):
    """Both kinds of metrics stand on one page; the same metrics twice in one registry are refused."""
    metrics = MetricsObserver(Labels(providers=frozenset({"devino"})), "1")
    StateObserver(lambda: bench.statuses, metrics.registry)

    page = render(metrics.registry)
    assert b'pointsman_provider_health_ratio{channel="sms",provider="devino"} 1.0' in page
    assert b"pointsman_build_info" in page
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        StateObserver(lambda: bench.statuses, metrics.registry)


def test_embedder_may_bring_a_registry(bench):
    """The registry of the embedder's own program will do."""
    registry = CollectorRegistry()

    assert StateObserver(lambda: bench.statuses, registry).registry is registry
    assert b"pointsman_queue_messages" in render(registry)


def test_price_ratio_is_absent_where_nothing_was_told(bench):
    """What a provider charges beside our list has a series for each channel on which it told enough."""
    bench.statuses = [status(price_ratios={Channel.SMS: 1.25}), status("smstele")]

    assert bench.value("provider_price_ratio", provider="devino", channel="sms") == 1.25
    assert bench.value("provider_price_ratio", provider="smstele", channel="sms") is None
