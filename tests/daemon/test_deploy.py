"""The unit for systemd and the Dockerfile say what the documents promise of them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pointsman.config import DaemonConfig

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "docs" / "deploy" / "pointsman.service"
DOCKERFILE = (ROOT / "docs" / "deploy" / "Dockerfile").read_text()
WORST = 2.0
"""Exposure by systemd's own measure, of 10; below 2.0 it says OK."""


def values() -> dict[str, str]:
    """Return the settings of the unit."""
    return dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))


def test_the_unit_waits_for_the_drain():
    """The kill comes later than the drain takes at most; the unit watches, and does not repeat what cannot start."""
    rules, unit = DaemonConfig(), values()

    assert int(unit["TimeoutStopSec"]) > rules.drain_delay + 4 * rules.drain_patience
    assert (unit["Type"], unit["RestartPreventExitStatus"]) == ("notify", "2")
    assert int(unit["WatchdogSec"]) > 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_it(tmp_path):
    """The unit has no line that systemd does not understand, and the service is well protected."""
    unit = tmp_path / "pointsman.service"
    unit.write_text(UNIT.read_text().replace("/opt/pointsman/bin/pointsman", "/bin/true"))

    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    security = ["systemd-analyze", "security", "--offline=yes", "--no-pager", unit]
    measured = subprocess.run(security, capture_output=True, text=True, check=False)

    assert (verified.returncode, verified.stderr) == (0, "")
    exposure = re.search(r"exposure level for pointsman\.service: ([\d.]+)", measured.stdout)
    assert exposure is not None
    assert float(exposure[1]) < WORST


def test_the_container_is_not_root_and_hash_locked():
    """What is installed is checked by hash, and what runs is nobody in particular."""
    last = DOCKERFILE.rpartition("\nFROM ")[2]

    assert "--require-hashes -r requirements.lock" in DOCKERFILE
    assert re.findall(r"^USER (\d+)$", last, re.MULTILINE) == ["10001"]
    assert "HEALTHCHECK" in last
    assert "STOPSIGNAL SIGTERM" in last
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.13-slim"] * 2
    for path in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        assert all((ROOT / one).exists() for one in path.split()), path
