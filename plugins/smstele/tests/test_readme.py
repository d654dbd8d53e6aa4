"""The README says what the code does."""

import re
import tomllib
from pathlib import Path

import msgspec

from pointsman_smstele.faults import FAULTS
from pointsman_smstele.sandbox import Quirk
from pointsman_smstele.settings import Settings
from pointsman_smstele.states import MEANINGS

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def rows(heading: str) -> list[tuple[str, ...]]:
    """The first table of a section, without its head."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines[2:]]


def test_every_line_of_the_fault_table_is_published():
    """Code, name, condition and fault of each line, in the same order."""
    expected = [(row.code, row.name, row.when or "always", row.fault or "unknown") for row in FAULTS]

    assert expected == rows("Fault table")


def test_every_state_is_published():
    """What each `stat` means for a message and for a lookup."""
    expected = [
        (stat, meaning.message, meaning.lookup, "yes" if meaning.final else "no", meaning.fault or "–")
        for stat, meaning in MEANINGS.items()
    ]

    assert expected == rows("States")[:-1]


def test_every_quirk_of_the_sandbox_is_described():
    """Each oddity has its line, in the order of the code."""
    assert [f"`{quirk}`" for quirk in Quirk] == [row[0] for row in rows("Sandbox")]


def test_every_setting_is_described():
    """Each key has its line, and no line is about a key that does not exist."""
    expected = [field.encode_name for field in msgspec.structs.fields(Settings)]

    assert expected == [row[0].strip("`") for row in rows("Configuration")]


def test_the_example_shows_every_key_with_its_default():
    """What the example sets is what the plugin would assume; a key without a default stands there as a comment."""
    (block,) = re.findall(r"```toml\n(.*?)```", README, flags=re.DOTALL)
    shown = tomllib.loads(block)["providers"]["smstele"]

    defaults = {
        field.encode_name: field.default
        for field in msgspec.structs.fields(Settings)
        if field.default is not msgspec.NODEFAULT
    }
    assert {key: default for key, default in defaults.items() if default is not None} == {
        key: shown[key] for key, default in defaults.items() if default is not None
    }
    for key in (key for key, default in defaults.items() if default is None):
        assert f"\n# {key} = " in block
