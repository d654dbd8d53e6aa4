"""Every trap of the providers' documents is proved by a test that carries its id, or its page says that it is not."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "traps.md").read_text()
LAST = {"D": 44, "H": 10, "A": 20, "S": 33, "X": 6}
IDS = [f"{letter}{number:02d}" for letter, last in LAST.items() for number in range(1, last + 1)]
NOT_YET = "not built yet"


def rows() -> dict[str, str]:
    """Return the page's rows by id, each as what stands in its last cell."""
    found = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and re.fullmatch(r"[DHASX]\d\d", cells[0]):
            found[cells[0]] = cells[3]
    return found


@cache
def marked() -> frozenset[str]:
    """Return the ids that tests carry in a `trap` mark."""
    ids = set()
    for folder in (ROOT / "tests", *ROOT.glob("plugins/*/tests")):
        for path in folder.rglob("test_*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "trap":
                    ids |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    return frozenset(ids)


def test_the_page_lists_every_trap_once_and_in_order():
    """Nobody has to look for a trap anywhere else."""
    assert list(rows()) == IDS


@pytest.mark.parametrize("trap", IDS)
def test_every_trap_is_proved_or_known_to_be_open(trap):
    """A trap without a test is one whose page says so; one with a test is not called open."""
    assert (trap in marked()) != rows()[trap].startswith(NOT_YET)


def test_no_test_carries_an_id_that_does_not_exist():
    """A misspelt id would prove nothing."""
    assert marked() - set(IDS) == set()
