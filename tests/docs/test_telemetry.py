"""The page about telemetry has every metric with its labels, every label's values, and every field of every line."""

import ast
import re
from decimal import Decimal
from inspect import getsource

from pointsman.events import Called, CallOutcome, GuardRule, Operation, WebhookOutcome
from pointsman.message import Channel, Money, Msisdn
from pointsman.outcome import Fault, State
from pointsman.routing.breaker import BreakerState
from pointsman.routing.candidate import Reason
from pointsman.telemetry import (
    Labels,
    LogFormat,
    LogObserver,
    Masker,
    MetricsObserver,
    StateObserver,
    build_logger,
    client_lines,
    logs,
)

PAGE = "docs/telemetry.md"


def ticked(cell: str) -> set[str]:
    """Return the words of a cell that stand in code style."""
    return set(re.findall(r"`([\w.]+)`", cell))


def test_example_runs(page, stage, capsys):
    """The program of the page prints metrics."""
    (program,) = page(PAGE).blocks("python")
    names: dict[str, object] = {}
    exec(compile(program, "<example>", "exec"), names)
    names["sink"].close()

    assert "pointsman_build_info" in capsys.readouterr().out


def test_every_metric_is_listed(page):
    """The table has exactly the metrics of the code, each with its kind and its labels."""
    observer = MetricsObserver(Labels(providers=frozenset()), "1.0")
    metrics = {}
    for collector, names in observer.registry._collector_to_names.items():
        name = min((one for one in names if one.endswith(("_total", "_info")) or one == collector._name), key=len)
        name = next((one for one in names if one.endswith("_total")), collector._name)
        name = f"{collector._name}_info" if collector._type == "info" else name
        metrics[name] = (collector._type, set(collector._labelnames))
    metrics["pointsman_build_info"] = ("info", {"version", "python"})

    rows = page(PAGE).rows("## Metrics")
    assert {row[0].strip("`"): (row[1], ticked(row[2])) for row in rows} == metrics


def test_every_metric_of_the_state_is_listed(page):
    """The second table has exactly the metrics that are looked up, each with its kind and its labels."""
    described = StateObserver(lambda: ()).describe()
    metrics = {metric.name: (metric.type, set(metric._labelnames)) for metric in described}

    rows = page(PAGE).rows("### State")
    assert {row[0].strip("`"): (row[1], ticked(row[2])) for row in rows} == metrics


def test_every_value_of_a_label_is_listed(page):
    """The values of closed labels are those of the enums."""
    listed = {row[0]: ticked(row[1]) for row in page(PAGE).rows("### Values of labels")}

    assert listed == {
        "`operation`": set(Operation),
        "`outcome`": set(CallOutcome),
        "`outcome` (webhooks)": set(WebhookOutcome),
        "`fault`": {*Fault, "none"},
        "`reason`": set(Reason),
        "`rule`": set(GuardRule),
        "`state` (messages)": set(State),
        "`state` (breaker)": set(BreakerState),
        "`state` (queue)": {"waiting", "in_flight"},
        "`result`": {"applied", "refused"},
    }


class Kept:
    """A sink that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Keep one."""
        self.lines.append(line)

    def isatty(self) -> bool:
        """Nobody reads."""
        return False


def test_every_field_of_a_call_is_listed(page):
    """The table has exactly the fields that the line of a call can have."""
    sink = Kept()
    observer = LogObserver(build_logger(sink, format=LogFormat.JSON), Masker())
    for count in (1, 2):
        observer(
            Called(
                at=0.0,
                provider="p",
                channel=Channel.SMS,
                operation=Operation.SUBMIT,
                outcome=CallOutcome.REFUSED,
                fault=Fault.CREDITS,
                code="5",
                detail="no money",
                http_status=403,
                duration=0.1,
                left=True,
                message_ids=("m",) * count,
                to=(Msisdn("79161234567"),) * count,
                attempt=1,
                decision_id="d",
                price=Money(Decimal(1), "EUR"),
                lenient=True,
                oddities=("foreign_id",),
            )
        )
    written = {name for line in sink.lines for name in ast.literal_eval(re.sub(rb"\btrue\b", b"True", line).decode())}

    listed = {row[0].strip("`") for row in page(PAGE).rows("### `provider.call`")}
    assert listed == written - {"timestamp", "level", "event"}


def test_every_other_line_is_listed(page):
    """The table of other lines names each event that is written, with exactly its fields."""
    written: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(getsource(logs))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._write":
            fields = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
            for name in re.findall(r"'([a-z_]+\.[a-z_]+)'", ast.unparse(node.args[1])):
                written[name] = fields
    del written["provider.call"]
    for node in ast.walk(ast.parse(getsource(client_lines))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Line":
            written[ast.literal_eval(node.args[1])] = {ast.literal_eval(key) for key in node.args[2].keys}

    rows = {row[0].strip("`"): row[2] for row in page(PAGE).rows("### Other lines")}
    settled = rows.pop("message.settled")
    assert settled.startswith("the same")
    assert {name: ticked(cell) for name, cell in rows.items()} == {
        name: fields for name, fields in written.items() if name != "message.settled"
    }
    assert written["message.settled"] == written["message.moved"]
