"""Counts requests: metrics of the server, every label out of a closed set."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pointsman.daemon.keys import Rejection
from pointsman.telemetry.registry import Family

OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Figures:
    """The metrics of the server in `registry`. `routes` are the templates of all paths."""

    def __init__(self, registry: CollectorRegistry, routes: Iterable[str]) -> None:
        self._routes = frozenset(routes)
        labels = ("route", "method", "status")
        requests = Counter("pointsman_http_requests", "Requests that were answered.", labels, registry=registry)
        self._requests = Family(requests, labels)
        seconds = Histogram(
            "pointsman_http_request_duration_seconds",
            "From the head of a request to its answer; streams are left out.",
            ("route",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._seconds = Family(seconds, ("route",))
        self._rejected = Counter(
            "pointsman_http_rejected_keys", "Keys that were not taken.", ("reason",), registry=registry
        )
        self._replayed = Counter(
            "pointsman_http_idempotent_replays",
            "Requests that had been carried out before under the same Idempotency-Key.",
            registry=registry,
        )
        self._streams = Gauge("pointsman_http_streams", "Streams of events that are open.", registry=registry)

    def answered(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """Count a request; `seconds` is None for a stream."""
        route = route if route in self._routes else OTHER
        self._requests.child(route, method if method in METHODS else OTHER, str(status)).inc()
        if seconds is not None:
            self._seconds.child(route).observe(seconds)

    def rejected(self, reason: Rejection) -> None:
        """Count a key that was not taken."""
        self._rejected.labels(reason).inc()

    def replayed(self) -> None:
        """Count a request that had been carried out before."""
        self._replayed.inc()

    def streams(self, count: int) -> None:
        """Tell how many streams are open."""
        self._streams.set(count)
