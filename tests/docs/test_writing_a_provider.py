"""The guide for authors shows code that runs: every block is a piece of the toy package, or of its tests."""

import re
import textwrap
import tomllib
from pathlib import Path

import pytest

from pointsman.config import parse_config
from pointsman.loading import load_plugins
from pointsman.plugin import interface

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "toy_plugin"
PAGE = "docs/writing-a-provider.md"
CODE = {path.relative_to(TOY).as_posix(): path.read_text() for path in sorted(TOY.rglob("*.py"))}
BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / PAGE).read_text(), re.MULTILINE | re.DOTALL)


PIECES = [piece.strip("\n") for block in BLOCKS for piece in block.split("\n\n\n")]
"""Functions of one block need not be neighbours in the package."""


@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_code_is_a_piece_of_the_package(piece):
    """Each piece of code in the guide stands word for word in a file of the toy package, be it as a method."""
    shown = (piece, textwrap.indent(piece, "    "))

    assert [name for name, code in CODE.items() if any(f"\n{text}\n" in code for text in shown)] != []


def test_every_ability_is_shown(page):
    """Each ability of the interface has a heading and code that uses it."""
    abilities = {
        name
        for name, value in vars(interface).items()
        if isinstance(value, type) and (value.__doc__ or "").startswith("Ability")
    }

    assert set(re.findall(r"^### `(\w+)`", page(PAGE).text, re.MULTILINE)) == abilities


def test_entry_point_is_the_package_s(page):
    """The entry point that the guide shows is the one of the toy's `pyproject.toml`."""
    entry, _ = page(PAGE).blocks("toml")

    shown = tomllib.loads(entry)["project"]["entry-points"]
    assert shown == tomllib.loads((TOY / "pyproject.toml").read_text())["project"]["entry-points"]


def test_package_can_be_installed(page, toy_installed):
    """Found by its entry point alone, the package offers both providers, and the guide's configuration loads."""
    plugins = load_plugins()
    (toy,) = [plugin for plugin in plugins.loaded if plugin.name == "toy"]

    assert (toy.distribution, toy.version, toy.provides) == ("pointsman-toy", "0.1.0", ("hello", "toy"))
    config = parse_config(page(PAGE).blocks("toml")[1], plugins=plugins, env={"TOY_KEY": "toy-key-for-trials"})
    assert config.providers["toy"].currency == "EUR"


def test_layout_is_the_package_s(page):
    """The files that the guide lists are the files of the package."""
    (listing,) = page(PAGE).blocks("")
    listed = re.findall(r"^    (\S+)", listing, re.MULTILINE)
    source = TOY / "src" / "pointsman_toy"

    found = {path.name for path in source.iterdir() if path.name != "__pycache__"}
    assert found - set(listed) == {"hello.py"}
    assert set(listed) <= found
