"""The page for embedders: its examples run in order, and its tables agree with the code."""

import inspect
import re

from pointsman import PointsmanError, Receipt, Router, State, SyncRouter, errors, router

PAGE = "docs/embedding.md"


async def test_examples_run(page, stage, capsys):
    """All examples of the page run, one after the other, as its first sentence promises."""
    names: dict[str, object] = {}
    for block in page(PAGE).blocks("python"):
        await stage.play(block, names)

    printed = capsys.readouterr().out
    assert "delivered" in printed
    assert "to " in printed
    assert stage.taken() >= 8


def test_states_are_explained(page):
    """The table of states has every state and no other."""
    table = page(PAGE).section("## What a receipt says")
    named = {
        word for line in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for word in re.findall(r"`(\w+)`", line)
    }

    fields = {*Receipt.__struct_fields__, "provider"}
    assert set(State) <= named
    assert named - set(State) <= fields
    assert {"id", "state", "provider", "attempts", "reason", "lookup", "possible_duplicate"} <= named


def test_options_are_explained(page):
    """The table of options has exactly those of `Router.from_toml`."""
    options = set(inspect.signature(Router.from_toml).parameters) - {"path"}
    named = {word for row in page(PAGE).rows("## Start and stop") for word in re.findall(r"`(\w+)`", row[0])}

    assert named == options


def test_errors_are_explained(page):
    """The table of exceptions has exactly those that the package raises."""
    raised = {
        name
        for module in (errors, router)
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, PointsmanError) and value is not PointsmanError
    }
    named = {word for row in page(PAGE).rows("## What is raised") for word in re.findall(r"`(\w+)`", row[0])}

    assert named == raised


def test_twin_has_what_the_page_promises():
    """Everything that sends, asks or waits exists in the synchronous twin as well, under the same name."""
    own = {name for name in vars(SyncRouter) if not name.startswith("_")}

    assert {"send", "send_many", "lookup", "explain", "providers", "receipt", "wait", "cancel"} <= own
    assert own - {"close"} <= {name for name in dir(Router) if not name.startswith("_")}
