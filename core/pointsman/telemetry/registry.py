"""Where one router's metrics live: a registry of its own, and families that remember their children."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric

M = TypeVar("M", Counter, Gauge, Histogram)


class Registry(CollectorRegistry):
    """A registry without the `_created` series, of which every counter and histogram would have one more each.

    The library can leave them out only for all registries of the process; an embedder's own are not ours to change.
    """

    def collect(self) -> Iterable[Metric]:
        """Yield all metrics."""
        for metric in super().collect():
            if metric.type in {"counter", "histogram", "summary"}:
                metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


class Family(Generic[M]):
    """A metric with labels. Its children are kept, because looking one up is most of the cost of counting.

    There are as many children as combinations of labels in use, so every label must come from a closed set.
    """

    __slots__ = ("_children", "_labels", "_metric")

    def __init__(self, metric: M, labels: tuple[str, ...]) -> None:
        """`labels` are the names of the metric's labels, in its order."""
        self._metric: M = metric
        self._labels = labels
        self._children: dict[tuple[str, ...], M] = {}

    def child(self, *labels: str) -> M:
        """Return the child with these labels, in the order in which the metric names them."""
        child = self._children.get(labels)
        if child is None:
            child = self._metric.labels(*labels) if labels else self._metric
            self._children[labels] = child
        return child

    def forget(self, label: str, value: str) -> None:
        """Remove the children whose label has a value; does nothing for a metric without that label."""
        if label in self._labels:
            place = self._labels.index(label)
            self._children = {key: child for key, child in self._children.items() if key[place] != value}
            self._metric.remove_by_labels({label: value})


def render(registry: CollectorRegistry) -> bytes:
    """Return all metrics in the text format of Prometheus (0.0.4). Takes its time: call it in a thread when many."""
    return generate_latest(registry)
