"""The whole demo, as `make demo` runs it."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

from pointsman.demo import run_demo
from pointsman.demo.cases import load_cases

from .conftest import EXAMPLE

PARTS = {
    "ok",
    "config",
    "seed",
    "seconds",
    "messages",
    "calls",
    "codes",
    "failovers",
    "spending",
    "savings",
    "balances",
    "breakers",
    "unknowns",
    "duplicates",
    "requests_made",
    "requests_seen",
    "log",
    "metrics",
    "deviations",
}
PROGRAM = """
from pathlib import Path
from pointsman.demo import run_demo
raise SystemExit(run_demo(json=True, out=Path({out!r})))
"""


def test_everything_ends_as_the_script_implies(tmp_path: Path) -> None:
    """In the project's folder the demo exits with 0, prints one JSON document with all parts and writes both files."""
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(out=str(out))],
        cwd=EXAMPLE.parent,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert set(report) == PARTS
    assert (report["ok"], report["deviations"]) == (True, [])
    assert sum(row["count"] for row in report["messages"]) == len(load_cases())
    check_faults(report)
    check_files(Path(report["log"]).read_text(), Path(report["metrics"]).read_text(), report)


def check_faults(report: dict) -> None:
    """Every fault of the script shows in the report."""
    said = {(row["provider"], row["operation"], row["code"]) for row in report["codes"]}
    assert said >= {
        ("devino", "submit", "2"),
        ("devino", "submit", "4"),
        ("devino", "submit", "5"),
        ("devino", "submit", "8"),
        ("devino", "submit", "timeout"),
        ("smstele", "submit", "timeout"),
        ("smstele", "submit", "disconnected"),
        ("smstele", "submit", "refused"),
        ("affiliate_hlr", "submit", "timeout"),
        *((provider, "submit", "http_429") for provider in ("devino", "smstele", "affiliate_hlr")),
    }
    assert {row["settlement"] for row in report["unknowns"]} == {"taken", "not_taken", "sent_again", "left_unknown"}
    assert all(row["allowed"] for row in report["duplicates"])
    twice = Counter(row["message"].partition("/")[0] for row in report["duplicates"])
    assert twice == {"calm": 6, "silence": 1}  # six are reported as lost, one is a code in doubt
    channel = [row["after"] for row in report["breakers"] if row["network"] is None]
    assert channel == ["open", "probing", "closed"]
    assert float(report["savings"]["spent"]) < float(report["savings"]["dearest"])
    assert [Decimal(row["after"]) - Decimal(row["believed"]) for row in report["balances"]] == [0, 0, 0]


def check_files(log: str, metrics: str, report: dict) -> None:
    """Log and metrics have every call, and no secret, text or full number."""
    lines = [json.loads(line) for line in log.splitlines()]
    assert sum(line["event"] == "provider.call" for line in lines) == report["requests_made"]
    counts = re.findall(r"^pointsman_provider_calls_total\{.*\} (\S+)$", metrics, re.MULTILINE)
    assert sum(map(float, counts)) == report["requests_made"]
    for case in load_cases():
        assert case.to is None or (case.to not in log and case.to not in metrics)
    for secret in ("demo-password", "live_demo-key", "~test123", "SHOP code"):
        assert secret not in log + metrics


def test_a_wrong_rule_is_noticed(tmp_path: Path, capsys) -> None:
    """A configuration that repeats marketing after an unknown outcome makes duplicates; the demo says so and fails."""
    config = tmp_path / "router.toml"
    careful = 'name = "default"\nmatch = { channel = "sms" }\n'
    text = EXAMPLE.read_text()
    assert careful in text
    config.write_text(text.replace(careful, careful + 'on_unknown = "next"\n'))
    assert run_demo(out=tmp_path / "out", config=config) == 1
    printed = capsys.readouterr().out
    assert "was to be unknown and is delivered" in printed
    assert "the providers took it 2 times instead of 1" in printed
    assert "silence/3 marketing devino and smstele FORBIDDEN" in " ".join(printed.split())
