"""The page about the measured choice shows code that runs and names scenarios that exist."""

import re

from pointsman.testing.simulator import SCENARIOS

PAGE = "docs/routing.md"


def test_the_example_runs(page, capsys):
    """A scenario of one's own is played under both policies."""
    (code,) = re.findall(r"```python\n(.*?)```", page(PAGE).text, re.DOTALL)
    exec(compile(code, PAGE, "exec"), {})

    assert re.findall(r"policy='(\w+)'", capsys.readouterr().out) == ["oracle", "balanced"]


def test_the_table_has_every_scenario(page):
    """Each scenario has its line, in the order in which they are measured."""
    rows = [line.split(" | ")[0].removeprefix("| ") for line in page(PAGE).text.splitlines() if line.startswith("| ")]
    named = [row for row in rows if row in {world.name for world in SCENARIOS}]

    assert named == [world.name for world in SCENARIOS]
