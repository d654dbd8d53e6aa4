"""docs/cli.md tells of every command, every option, every column and every exit code."""

import re
from collections.abc import Iterator

import pytest

from pointsman.cli.app import COMMANDS, PARTS, build_app
from pointsman.cli.exits import ExitCode
from pointsman.cli.results import LookupLine, Result

from .conftest import ROOT

TEXT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([a-z]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def options() -> Iterator[tuple[str, str]]:
    """Every option of every command, by all its names."""
    app = build_app()
    for command in COMMANDS:
        for one in [app[command][part] for part in PARTS.get(command, ())] or [app[command]]:
            for argument in one.assemble_argument_collection():
                yield from ((command, name) for name in argument.names if name.startswith("-") and argument.show)


def test_commands() -> None:
    """Every command has a section and a line in the overview, and there are no others."""
    assert list(SECTIONS) == list(COMMANDS)
    assert [name for name in COMMANDS if f"| [`{name}`](#{name}) |" not in TEXT] == []


@pytest.mark.parametrize(("command", "option"), [*dict.fromkeys(options())])
def test_options(command: str, option: str) -> None:
    """Every option stands in its command's section."""
    assert f"`{option}`" in SECTIONS[command]


def test_no_option_too_many() -> None:
    """No section names an option that its command does not have."""
    known = {*options(), *((command, "--env") for command in COMMANDS)}

    named = {(command, option) for command, text in SECTIONS.items() for option in re.findall(r"`(--?[a-z-]+)`", text)}
    assert named - known == set()


def test_parts() -> None:
    """Every command of a command has a heading in its section."""
    for command, parts in PARTS.items():
        assert re.findall(r"^### `([a-z]+)", SECTIONS[command], re.MULTILINE) == [*parts]


def test_columns() -> None:
    """Every column of the results is explained."""
    assert [name for name in Result.__struct_fields__ if f"`{name}`" not in SECTIONS["send"]] == []
    own = set(LookupLine.__struct_fields__) - set(Result.__struct_fields__)
    assert [name for name in own if f"`{name}`" not in SECTIONS["lookup"]] == []


def test_exit_codes() -> None:
    """Every exit code is explained."""
    assert [code for code in ExitCode if f"| {int(code)} |" not in TEXT] == []
