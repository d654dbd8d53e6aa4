"""The page about the architecture agrees with the code: the table of outcomes, the layers, the modules."""

import re
from pathlib import Path

from pointsman.message import Channel, MessageClass
from pointsman.outcome import Fault
from pointsman.routing.failover import RULES, UNKNOWN_RULE, Again, Blame, Next, OnUnknown, Rule, default_on_unknown

PAGE = "docs/architecture.md"
ROOT = Path(__file__).parents[2]
NEXT = {
    Next.NO: "no",
    Next.ONCE: "once",
    Next.ONCE_UNLESS_CERTAIN: "once, unless certain",
    Next.YES: "yes",
    Next.IF_NEEDED: "if waiting would cost its life or its last attempt",
}
AGAIN = {
    Again.NO: "no",
    Again.AFTER_WAIT: "after a wait",
    Again.TWICE: "up to twice, when there is no other",
}
BLAME = {
    Blame.NOBODY: "nobody",
    Blame.SENDER: "the sender there",
    Blame.OPERATION: "the operation",
    Blame.CAPABILITY: "the channel there",
    Blame.MESSAGES: "the provider, after",
    Blame.ACCOUNT: "the account",
    Blame.PACE: "our pace",
    Blame.CELL: "the cell",
}


def words(rule: Rule) -> tuple[str, str, str, str]:
    """Return a rule as the page words it; of the blame only the part before the consequences."""
    return NEXT[rule.next], AGAIN[rule.again], BLAME[rule.blame], "yes" if rule.alert else ""


def test_table_of_outcomes_is_the_code(page):
    """Each fault has one row in the table, and the row says what `RULES` says."""
    rows = page(PAGE).rows("## Outcomes and failover")
    blames = sorted(BLAME.values(), key=len, reverse=True)
    table = {
        row[0].strip("`"): (row[2], row[3], next(blame for blame in blames if row[4].startswith(blame)), row[5])
        for row in rows
        if row[0].startswith("`")
    }

    assert table == {fault.value: words(rule) for fault, rule in RULES.items()}
    assert set(RULES) == set(Fault)


def test_unknown_has_its_row(page):
    """The row of the unknown outcome blames the cell and forbids the same provider, as the code does."""
    (row,) = [row for row in page(PAGE).rows("## Outcomes and failover") if row[0] == "*unknown*"]

    assert row[2:] == ["only as `on_unknown` says", *words(UNKNOWN_RULE)[1:2], "the cell: a failure", ""]


def test_defaults_of_unknown_are_the_code(page):
    """The table of `on_unknown` names the classes that take each of them by default."""
    rows = {row[0].strip("`"): row[1] for row in page(PAGE).rows("### Unknown outcomes")}

    assert set(rows) == set(OnUnknown)
    for message_class in MessageClass:
        assert f"`{message_class}`" in rows[default_on_unknown(message_class, Channel.SMS)]
        assert default_on_unknown(message_class, Channel.HLR) is OnUnknown.NEXT


def test_layers_are_those_that_are_enforced(page):
    """The table of layers is the one of `tests/test_layers.py`, from the top to the bottom."""
    source = (ROOT / "tests" / "test_layers.py").read_text()
    enforced = re.search(r"^LAYERS.*?^\)", source, re.MULTILINE | re.DOTALL)
    assert enforced is not None
    layers = [
        set(re.findall(r'"(\w+)"', layer)) for layer in re.findall(r"frozenset\(\s*\{(.*?)\}", enforced[0], re.DOTALL)
    ]

    rows = page(PAGE).rows("### Layers")
    assert [set(re.findall(r"`(\w+)`", row[1])) for row in rows] == layers[::-1]


def test_every_part_is_in_the_map(page):
    """The map of modules names each part of the core, and each module of `routing` and `engine` is mentioned."""
    text = page(PAGE).section("## Modules")
    core = ROOT / "core" / "pointsman"
    parts = {path.stem if path.suffix else path.name for path in core.iterdir() if path.suffix in {"", ".py"}}
    modules = {path.stem for part in ("routing", "engine") for path in (core / part).glob("*.py")}

    named = {name.strip("/") for name in re.findall(r"`([\w/]+)`", text)}
    assert parts - {"__init__", "__pycache__"} - named == set()
    assert modules - {"__init__", "bus", "ids", "status", "parsing"} - named == set()
