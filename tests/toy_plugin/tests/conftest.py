"""Installs the toy plugin for a test, as pip would but without pip."""

import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a `.dist-info` made from `pyproject.toml` on Python's path; the package itself is on it already."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    site = tmp_path / "site"
    info = site / f"pointsman_toy-{project['version']}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items()) for group, points in groups
    ]
    info.joinpath("entry_points.txt").write_text("\n".join(lines))
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
