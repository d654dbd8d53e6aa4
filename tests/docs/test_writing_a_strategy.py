"""The page about strategies shows code that runs, names every field, and its configuration loads."""

from pathlib import Path

import pytest

from pointsman.config import parse_config
from pointsman.engine.guard import STRIKES, TOO_LONG, WINDOW
from pointsman.loading import load_plugins
from pointsman.plugin import Choice, Offer
from pointsman.routing.strategy import STRATEGIES

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "toy_plugin"
PAGE = "docs/writing-a-strategy.md"


@pytest.mark.parametrize("place", range(3))
def test_code_is_a_piece_of_the_package(page, place):
    """Each piece of code stands word for word in the toy package or its tests."""
    code = [path.read_text(encoding="utf-8") for path in sorted(TOY.rglob("*.py"))]
    blocks = page(PAGE).blocks("python")

    assert len(blocks) == 3
    assert any(blocks[place] in text for text in code)


def test_fields(page):
    """Every field of an offer and of a choice is explained, and each built-in strategy is named."""
    text = page(PAGE).text

    assert [
        name for name in Offer.__struct_fields__ if f"`{name}`" not in page(PAGE).section("## What an offer says")
    ] == []
    assert [name for name in (*Choice.__struct_fields__, *STRATEGIES) if f"`{name}`" not in text] == []


def test_limits(page):
    """The numbers that the page tells are those of the code."""
    assert (STRIKES, WINDOW, TOO_LONG) == (3, 600.0, 0.25)
    assert "more than a quarter of a second" in page(PAGE).text
    assert "three failures within ten minutes" in page(PAGE).text


def test_configuration(page, toy_installed):
    """With the package installed the policy loads; without it the name is unknown."""
    (policy,) = page(PAGE).blocks("toml")
    provider = '[providers.toy]\nplugin = "toy"\nbase_url = "http://127.0.0.1:9"\nkey = { env = "TOY_KEY" }\n'
    config = parse_config(provider + policy, plugins=load_plugins(), env={"TOY_KEY": "toy-key-for-trials"})

    assert config.policies["default"].strategy == "careful"
