"""Counts what happens: events in, Prometheus metrics out, every label out of a closed set."""

import platform
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from pointsman.events import (
    Attempted,
    BalanceRead,
    BreakerMoved,
    Called,
    ConfigRefused,
    ConfigReloaded,
    Decided,
    Event,
    FailedOver,
    GuardStopped,
    JournalCommitted,
    LateDelivery,
    MessageMoved,
    PluginQuarantined,
    PriceDrifted,
    Reported,
    Resent,
    Spent,
    WebhookGivenUp,
    WebhookOutcome,
    WebhookPosted,
)
from pointsman.outcome import Accepted, DeliveryState, LookupState
from pointsman.routing.breaker import BreakerState
from pointsman.routing.candidate import Reason
from pointsman.telemetry.registry import Family, Registry

_NAMESPACE = "pointsman"
_NAMES_PROVIDER = ("provider", "from_provider", "to_provider")
"""Labels that hold the name of a provider."""
F = TypeVar("F", Family[Counter], Family[Gauge], Family[Histogram])
NONE = "none"
OTHER = "other"
_CALL_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_DELIVERY_BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
_POST_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
_NEWS_BUCKETS = (0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0, 21600.0, 86400.0)
_ARRIVED = frozenset({DeliveryState.DELIVERED, LookupState.REACHABLE, LookupState.ABSENT, LookupState.NONEXISTENT})
"""Reports that say how long it took; a message that was not delivered has no time of delivery."""


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """The names that may become labels; whatever else turns up is counted as `other`."""

    providers: frozenset[str]
    plugins: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset({"EUR", "RUB", "USD"})
    strategies: frozenset[str] = frozenset({"balanced", "cheapest", "fastest", "priority", "weighted"})
    reasons: frozenset[str] = frozenset(Reason)


class MetricsObserver:
    """An observer of events that keeps the metrics of one router in `registry`.

    State: the metrics, the children already looked up, as many as there are combinations of labels in use, and by how
    much the money spent is counted too high.
    """

    def __init__(self, labels: Labels, version: str, registry: CollectorRegistry | None = None) -> None:
        self.registry = Registry() if registry is None else registry
        self._labels = labels
        self._excess: dict[tuple[str, str], Decimal] = {}
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            Called: self._called,
            Decided: self._decided,
            FailedOver: self._failed_over,
            Resent: self._resent,
            LateDelivery: self._late,
            MessageMoved: self._moved,
            Reported: self._reported,
            Attempted: self._attempted,
            Spent: self._spent,
            PriceDrifted: self._drifted,
            BalanceRead: self._balance_read,
            BreakerMoved: self._breaker_moved,
            PluginQuarantined: self._quarantined,
            GuardStopped: self._guard_stopped,
            JournalCommitted: self._committed,
            WebhookPosted: self._posted,
            WebhookGivenUp: self._given_up,
            ConfigReloaded: self._reloaded,
            ConfigRefused: self._refused,
        }
        self._families: list[Family[Counter] | Family[Gauge] | Family[Histogram]] = []
        self._define()
        build = Info("build", "What is running.", namespace=_NAMESPACE, registry=self.registry)
        build.info({"version": version, "python": platform.python_version()})

    def observer_of(self, kind: type[Event]) -> Callable[[Any], None] | None:
        """Return what counts events of a kind; None for what is not counted."""
        return self._handlers.get(kind)

    def __call__(self, event: Event) -> None:
        """Count an event."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _define(self) -> None:
        self._calls = self._counter(
            "provider_calls", "Requests to providers.", ("provider", "channel", "operation", "outcome", "fault")
        )
        self._call_seconds = self._histogram(
            "provider_call_duration_seconds",
            "Duration of requests to providers, waiting for our own limits excluded.",
            ("provider", "operation"),
            _CALL_BUCKETS,
        )
        self._decisions = self._counter(
            "decisions", "Choices of a provider; the provider is the first choice.", ("provider", "strategy", "reason")
        )
        self._failovers = self._counter(
            "failovers",
            "Messages that went on to another provider. Fault `unknown` means that the outcome was unknown.",
            ("from_provider", "to_provider", "fault"),
        )
        self._resends = self._counter(
            "resends",
            "Messages that a provider lost after it had taken them, and that another one sends.",
            ("from_provider",),
        )
        self._late_deliveries = self._counter(
            "late_deliveries",
            "Viber messages that were delivered after an SMS had left in their place.",
            ("provider", "channel"),
        )
        self._messages = self._counter("messages", "Messages that came into a state.", ("channel", "class", "state"))
        self._delivery_seconds = self._histogram(
            "delivery_duration_seconds",
            "From acceptance by the provider to delivery (a lookup: to its result).",
            ("provider", "channel"),
            _DELIVERY_BUCKETS,
        )
        self._segments = self._counter("segments", "Segments of messages that a provider accepted.", ("provider",))
        self._spend = self._counter("spend", "Money that providers charged.", ("provider", "currency"))
        self._drifts = self._counter(
            "price_drifts",
            "News that a provider charges something else on a network than the price list says.",
            ("provider", "channel"),
        )
        self._balance = self._gauge("provider_balance", "The balance that was read last.", ("provider", "currency"))
        self._breaker = self._gauge(
            "breaker_state",
            "1 for the state that the channel's breaker is in, else 0.",
            ("provider", "channel", "state"),
        )
        self._define_process()
        self._define_clients()

    def _define_process(self) -> None:
        self._commit_seconds = self._histogram(
            "journal_commit_duration_seconds",
            "Transactions of the durable store, the wait for the disk included.",
            (),
            _COMMIT_BUCKETS,
        )
        self._reloads = self._counter(
            "config_reloads", "Configurations that came while the router ran: `applied` or `refused`.", ("result",)
        )
        self._reloaded_at = Gauge(
            "config_last_reload_timestamp_seconds",
            "When a configuration was put in force while the router ran; 0 before the first.",
            namespace=_NAMESPACE,
            registry=self.registry,
        )
        self._plugins = self._gauge("plugin_quarantined", "1 for a plugin that is out of use.", ("plugin",))

    def _define_clients(self) -> None:
        self._posts = self._counter("webhook_posts", "Posts to clients' webhooks.", ("client", "outcome"))
        self._post_seconds = self._histogram(
            "webhook_post_duration_seconds", "Duration of posts to clients' webhooks.", ("client",), _POST_BUCKETS
        )
        self._news_seconds = self._histogram(
            "webhook_delay_seconds", "From news of a message to the webhook that took it.", ("client",), _NEWS_BUCKETS
        )
        self._dead_letters = self._counter(
            "webhook_dead_letters", "News that are not posted any more, because they were not taken.", ("client",)
        )
        self._stops = self._counter(
            "guard_stops", "Orders of clients that a limit or the spend guard refused.", ("client", "rule")
        )

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Family[Counter]:
        return self._kept(Family(Counter(name, text, labels, namespace=_NAMESPACE, registry=self.registry), labels))

    def _gauge(self, name: str, text: str, labels: tuple[str, ...]) -> Family[Gauge]:
        return self._kept(Family(Gauge(name, text, labels, namespace=_NAMESPACE, registry=self.registry), labels))

    def _histogram(
        self, name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> Family[Histogram]:
        histogram = Histogram(name, text, labels, namespace=_NAMESPACE, registry=self.registry, buckets=buckets)
        return self._kept(Family(histogram, labels))

    def _kept(self, family: F) -> F:
        self._families.append(family)
        return family

    def _provider(self, name: str | None) -> str:
        return NONE if name is None else _closed(name, self._labels.providers)

    def _called(self, event: Called) -> None:
        provider = self._provider(event.provider)
        self._calls.child(provider, event.channel or NONE, event.operation, event.outcome, event.fault or NONE).inc()
        self._call_seconds.child(provider, event.operation).observe(event.duration)

    def _decided(self, event: Decided) -> None:
        strategy = _closed(event.strategy, self._labels.strategies)
        reason = _closed(event.reason, self._labels.reasons)
        self._decisions.child(self._provider(event.provider), strategy, reason).inc()

    def _failed_over(self, event: FailedOver) -> None:
        source, target = self._provider(event.from_provider), self._provider(event.to_provider)
        self._failovers.child(source, target, event.fault or "unknown").inc()

    def _resent(self, event: Resent) -> None:
        self._resends.child(self._provider(event.from_provider)).inc()

    def _late(self, event: LateDelivery) -> None:
        self._late_deliveries.child(self._provider(event.provider), event.channel).inc()

    def _moved(self, event: MessageMoved) -> None:
        self._messages.child(event.channel, event.message_class, event.after).inc()

    def _reported(self, event: Reported) -> None:
        if event.final and event.state in _ARRIVED:
            self._delivery_seconds.child(self._provider(event.provider), event.channel).observe(event.age)

    def _attempted(self, event: Attempted) -> None:
        if isinstance(event.attempt.outcome, Accepted):
            self._segments.child(self._provider(event.attempt.provider)).inc(event.segments)

    def _spent(self, event: Spent) -> None:
        amount = event.price.amount
        # One NaN would make the counter useless for ever: providers' prices are input like any other.
        if not amount.is_finite():
            return
        labels = self._provider(event.provider), _closed(event.price.currency, self._labels.currencies)
        # A counter cannot fall, so what was counted too much is taken off what comes next.
        excess = self._excess.pop(labels, None) if self._excess else None
        due = amount if excess is None else amount - excess
        if due < 0:
            self._excess[labels] = -due
        elif due > 0:
            self._spend.child(*labels).inc(float(due))

    def _drifted(self, event: PriceDrifted) -> None:
        self._drifts.child(self._provider(event.provider), event.channel).inc()

    def _balance_read(self, event: BalanceRead) -> None:
        if event.balance is not None:
            currency = _closed(event.balance.currency, self._labels.currencies)
            self._balance.child(self._provider(event.provider), currency).set(float(event.balance.amount))

    def _breaker_moved(self, event: BreakerMoved) -> None:
        if event.network is not None:  # networks are no closed set: the log tells of their cells
            return
        provider = self._provider(event.provider)
        for state in BreakerState:
            self._breaker.child(provider, event.channel, state).set(state == event.after)

    def _reloaded(self, event: ConfigReloaded) -> None:
        self._reloads.child("applied").inc()
        self._reloaded_at.set(event.at)
        self._labels = msgspec.structs.replace(
            self._labels,
            providers=frozenset(event.providers),
            plugins=self._labels.plugins | frozenset(event.plugins),
            currencies=self._labels.currencies | frozenset(event.currencies),
            clients=self._labels.clients | frozenset(event.clients),
        )
        for name in event.removed:
            for family in self._families:
                for label in _NAMES_PROVIDER:
                    family.forget(label, name)

    def _refused(self, event: ConfigRefused) -> None:
        del event
        self._reloads.child("refused").inc()

    def _quarantined(self, event: PluginQuarantined) -> None:
        self._plugins.child(_closed(event.plugin, self._labels.plugins)).set(1)

    def _guard_stopped(self, event: GuardStopped) -> None:
        self._stops.child(_closed(event.client, self._labels.clients), event.rule).inc()

    def _committed(self, event: JournalCommitted) -> None:
        self._commit_seconds.child().observe(event.duration)

    def _posted(self, event: WebhookPosted) -> None:
        client = _closed(event.client, self._labels.clients)
        self._posts.child(client, event.outcome).inc()
        self._post_seconds.child(client).observe(event.duration)
        if event.outcome is WebhookOutcome.TAKEN:
            self._news_seconds.child(client).observe(event.delay)

    def _given_up(self, event: WebhookGivenUp) -> None:
        self._dead_letters.child(_closed(event.client, self._labels.clients)).inc()


def _closed(name: str, names: frozenset[str]) -> str:
    return name if name in names else OTHER
