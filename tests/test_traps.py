"""Every trap of the providers' documents is proved by a test that carries its id."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "traps.md").read_text()
LAST = {"D": 44, "H": 10, "A": 20, "S": 33, "X": 6}
IDS = [f"{letter}{number:02d}" for letter, last in LAST.items() for number in range(1, last + 1)]


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


@cache
def functions() -> frozenset[str]:
    """Return the names of all tests."""
    found = set()
    for folder in (ROOT / "tests", *ROOT.glob("plugins/*/tests")):
        for path in folder.rglob("test_*.py"):
            found |= {
                node.name
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return frozenset(found)


def test_the_page_lists_every_trap_once_and_in_order():
    """Nobody has to look for a trap anywhere else."""
    assert list(rows()) == IDS


@pytest.mark.parametrize("trap", IDS)
def test_every_trap_is_proved(trap):
    """A trap has a test that carries its id, and the page names it."""
    assert trap in marked()
    assert "test_" in rows()[trap]


@pytest.mark.parametrize("trap", IDS)
def test_the_tests_that_the_page_names_exist(trap):
    """Whoever follows the page to a proof finds it."""
    named = set(re.findall(r"\btest_[a-z0-9_]+(?=`)", rows()[trap]))
    assert named - functions() == set()


def test_no_test_carries_an_id_that_does_not_exist():
    """A misspelt id would prove nothing."""
    assert marked() - set(IDS) == set()
