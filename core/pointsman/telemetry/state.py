"""Shows what is so at this moment: health, queues and how long the money lasts, read when somebody looks."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pointsman.clock import Clock, SystemClock
from pointsman.engine.status import ProviderStatus
from pointsman.events import Event, MessageMoved, MessageTaken
from pointsman.outcome import State
from pointsman.telemetry.registry import Registry

MAX_WATCHED = 100_000
"""Messages whose age is known at once; of more than that, those that came last are not watched."""
_WAITING = frozenset({State.ACCEPTED, State.SENDING})


class StateObserver(Collector):
    """An observer of events and a collector of metrics at once; it registers itself with `registry`.

    `statuses` returns how every provider is doing (`Router.providers`); it is called in the thread that reads the
    registry. The labels are the names and channels in it, which are those of the configuration.

    State: the messages that nobody has taken yet, guarded by a lock because the registry may be read in another thread
    than that of the events.
    """

    def __init__(
        self,
        statuses: Callable[[], Sequence[ProviderStatus]],
        registry: CollectorRegistry | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.registry = Registry() if registry is None else registry
        self._statuses = statuses
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._taken: dict[str, float] = {}
        """Wall time by message, in the order in which they came."""
        self.registry.register(self)

    def __call__(self, event: Event) -> None:
        """Note an event."""
        match event:
            case MessageTaken():
                self._watch(event)
            case MessageMoved() if event.after not in _WAITING:
                with self._lock:
                    self._taken.pop(event.message_id, None)
            case MessageMoved(before=State.SCHEDULED):
                self._watch(event)

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without values, so that a registry refuses to have them twice."""
        return _Page().metrics()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        page = _Page()
        statuses = self._statuses()
        for status in statuses:
            for channel, health in status.health.items():
                page.health.add_metric((status.name, channel), health)
            for channel, ratio in status.price_ratios.items():
                page.prices.add_metric((status.name, channel), ratio)
            if status.runway is not None:
                page.runway.add_metric((status.name,), status.runway)
        page.queue.add_metric(("waiting",), sum(status.waiting for status in statuses))
        page.queue.add_metric(("in_flight",), sum(status.in_flight for status in statuses))
        page.oldest.add_metric((), self._oldest_age())
        yield from page.metrics()

    def _watch(self, event: MessageTaken | MessageMoved) -> None:
        """Count the age of a message from now on: it was taken, or its time came."""
        with self._lock:
            if len(self._taken) < MAX_WATCHED:
                self._taken[event.message_id] = event.at

    def _oldest_age(self) -> float:
        with self._lock:
            first = next(iter(self._taken.values()), None)
        return 0.0 if first is None else max(self._clock.now() - first, 0.0)


class _Page:
    """The metrics, to be filled."""

    def __init__(self) -> None:
        self.health = GaugeMetricFamily(
            "pointsman_provider_health_ratio",
            "The learnt chance that a message is delivered in time once the provider has taken it.",
            labels=("provider", "channel"),
        )
        self.runway = GaugeMetricFamily(
            "pointsman_provider_runway_seconds",
            "How long the money lasts at the rate of the last quarter of an hour; absent when it is not known.",
            labels=("provider",),
        )
        self.prices = GaugeMetricFamily(
            "pointsman_provider_price_ratio",
            "What the provider charges, in prices of our list; absent where it has not told enough.",
            labels=("provider", "channel"),
        )
        self.queue = GaugeMetricFamily(
            "pointsman_queue_messages",
            "Messages in the queues of providers (waiting), and requests on their way to them (in_flight).",
            labels=("state",),
        )
        self.oldest = GaugeMetricFamily(
            "pointsman_queue_oldest_age_seconds",
            "Age of the oldest message that is still to be sent; 0 when there is none.",
            labels=(),
        )

    def metrics(self) -> tuple[GaugeMetricFamily, ...]:
        """Return all of them."""
        return self.health, self.prices, self.runway, self.queue, self.oldest
