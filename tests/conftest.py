"""What tests of several parts share: the toy plugin, installed for one test."""

import sys
import tomllib
from pathlib import Path

import pytest

TOY = Path(__file__).parent / "toy_plugin"


@pytest.fixture
def toy_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the toy plugin for one test, as pip would but without pip.

    The package is on Python's path already; this adds the `.dist-info` that its `pyproject.toml` leads to.
    """
    project = tomllib.loads((TOY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    info = tmp_path / "site" / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = "".join(
        f"[{group}]\n{point} = {place}\n"
        for group, named in project["entry-points"].items()
        for point, place in named.items()
    )
    info.joinpath("entry_points.txt").write_text(points)
    monkeypatch.setattr(sys, "path", [*sys.path, str(info.parent)])
