"""The dashboard is what its builder writes, and asks for nothing that the metrics do not have."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pointsman.telemetry import Labels, MetricsObserver, StateObserver

GRAFANA = Path(__file__).parents[2] / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "pointsman.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def metrics() -> dict[str, frozenset[str]]:
    """Return the metrics that there are, with their labels."""
    registry = CollectorRegistry()
    MetricsObserver(Labels(providers=frozenset()), "1.0", registry)
    families = {}
    for collector in registry._collector_to_names:
        labels = frozenset(getattr(collector, "_labelnames", ()))
        for name in registry._collector_to_names[collector]:
            families[name] = labels
    for metric in StateObserver(lambda: ()).describe():
        families[metric.name] = frozenset(metric._labelnames)
    return families


def test_the_file_is_what_the_builder_writes():
    """Whoever changes one of the two changes both."""
    spec = importlib.util.spec_from_file_location("grafana_build", GRAFANA / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)

    assert build.text() == (GRAFANA / "dashboards" / "pointsman.json").read_text()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_exists(expression):
    """An expression names metrics that the observer keeps, and labels that they have."""
    known = metrics()
    names = set(re.findall(r"pointsman_\w+", expression))
    labels = set(re.findall(r"(\w+)\s*(?:=~|!=|=)\s*\"", expression))
    labels |= {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}

    assert names - known.keys() == set()
    assert labels - {"le"} - frozenset().union(*(known[name] for name in names)) == set()
