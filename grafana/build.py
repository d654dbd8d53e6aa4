"""Writes the dashboard: `python grafana/build.py`. The JSON is kept beside it, and a test compares the two."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent / "dashboards" / "pointsman.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
RATE = "[$__rate_interval]"
WIDTH, HEIGHT = 12, 8
WHERE = 'provider=~"$provider"'

Panel = dict[str, Any]


def panel(title: str, unit: str, *queries: tuple[str, str], about: str = "") -> Panel:
    """Return a panel of lines; each query is an expression and how its lines are called."""
    return {
        "type": "timeseries",
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(queries)
        ],
    }


def quantile(share: float, labels: str, buckets: str) -> str:
    """Return the expression of a quantile of a histogram."""
    return f"histogram_quantile({share}, sum by (le, {labels}) (rate({buckets}{RATE})))"


def panels() -> Iterable[Panel]:
    """Yield the panels in their order."""
    yield from traffic()
    yield from accounts()


def traffic() -> Iterable[Panel]:
    """Yield the panels about messages and calls."""
    calls, seconds = "pointsman_provider_calls_total", "pointsman_provider_call_duration_seconds_bucket"
    yield panel(
        "Messages by state",
        "short",
        (f"sum by (state) (rate(pointsman_messages_total{RATE}))", "{{state}}"),
        about="How often messages come to each state, per second.",
    )
    yield panel(
        "Submits by outcome",
        "reqps",
        (
            f'sum by (provider, outcome) (rate({calls}{{{WHERE}, operation="submit"}}{RATE}))',
            "{{provider}} {{outcome}}",
        ),
        about="Unknown is neither a success nor a failure; a steady line of it is worth a look.",
    )
    yield panel(
        "Refusals by fault",
        "reqps",
        (f'sum by (provider, fault) (rate({calls}{{{WHERE}, outcome="refused"}}{RATE}))', "{{provider}} {{fault}}"),
    )
    yield panel(
        "Failovers",
        "reqps",
        (
            f"sum by (from_provider, to_provider, fault) (rate(pointsman_failovers_total{RATE}))",
            "{{from_provider}} to {{to_provider}}: {{fault}}",
        ),
    )
    yield panel(
        "Sent again an hour",
        "short",
        ("sum by (from_provider) (increase(pointsman_resends_total[1h]))", "lost by {{from_provider}}"),
        about="Messages that a provider took, reported as lost, and that another one sent.",
    )
    yield panel(
        "Late deliveries an hour",
        "short",
        (
            f"sum by (provider) (increase(pointsman_late_deliveries_total{{{WHERE}}}[1h]))",
            "{{provider}}",
        ),
        about="Viber messages delivered after an SMS had left in their place. Many of them: raise fallback_margin.",
    )
    yield panel(
        "Duration of a submit",
        "s",
        (quantile(0.5, "provider", f'{seconds}{{{WHERE}, operation="submit"}}'), "{{provider}} p50"),
        (quantile(0.99, "provider", f'{seconds}{{{WHERE}, operation="submit"}}'), "{{provider}} p99"),
    )
    yield panel(
        "Time to the final report",
        "s",
        (
            quantile(0.9, "provider, channel", f"pointsman_delivery_duration_seconds_bucket{{{WHERE}}}"),
            "{{provider}} {{channel}} p90",
        ),
    )


def accounts() -> Iterable[Panel]:
    """Yield the panels about money and about what is out of use."""
    yield panel(
        "Balance",
        "short",
        (f"pointsman_provider_balance{{{WHERE}}}", "{{provider}} {{currency}}"),
    )
    yield panel(
        "Spend a minute",
        "short",
        (
            f"sum by (provider, currency) (rate(pointsman_spend_total{{{WHERE}}}{RATE})) * 60",
            "{{provider}} {{currency}}",
        ),
    )
    yield panel(
        "Prices told, in prices of our list",
        "percentunit",
        (f"pointsman_provider_price_ratio{{{WHERE}}}", "{{provider}} {{channel}}"),
        (
            f"sum by (provider, channel) (increase(pointsman_price_drifts_total{{{WHERE}}}[1h]))",
            "{{provider}} {{channel}} drifts an hour",
        ),
        about="1 (100 %) means that the list is right. The line price.drifted names the network.",
    )
    yield panel(
        "Health",
        "percentunit",
        (f"pointsman_provider_health_ratio{{{WHERE}}}", "{{provider}} {{channel}}"),
        about="The learnt chance that a message is delivered in time once the provider has taken it.",
    )
    yield panel(
        "Breakers that are not closed",
        "short",
        (f'pointsman_breaker_state{{{WHERE}, state!="closed"}} == 1', "{{provider}} {{channel}} {{state}}"),
    )
    yield panel("Plugins out of use", "short", ("pointsman_plugin_quarantined", "{{plugin}}"))


def dashboard() -> Panel:
    """Return the dashboard as Grafana imports it."""
    placed = []
    for number, one in enumerate(panels()):
        place = {"h": HEIGHT, "w": WIDTH, "x": number % 2 * WIDTH, "y": number // 2 * HEIGHT}
        placed.append({"id": number + 1, "gridPos": place, **one})
    provider = "label_values(pointsman_provider_calls_total, provider)"
    return {
        "uid": "pointsman",
        "title": "Pointsman",
        "tags": ["pointsman"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus"},
                {
                    "name": "provider",
                    "type": "query",
                    "datasource": SOURCE,
                    "query": provider,
                    "definition": provider,
                    "refresh": 2,
                    "multi": True,
                    "includeAll": True,
                },
            ]
        },
        "panels": placed,
    }


def text() -> str:
    """Return the file's content."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
