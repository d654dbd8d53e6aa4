"""The README works: its programs run, its configuration loads, its commands exist, its links lead somewhere."""

import asyncio
import re
import shlex

import pytest

from pointsman import cli
from pointsman.config import parse_config
from pointsman.loading import load_plugins

README = "README.md"


async def test_programs_run(page, stage, capsys):
    """Each program of the README does what it says, against the sandboxes."""
    asynchronous, synchronous, watched = page(README).blocks("python")

    await stage.play(asynchronous, {})
    await stage.play(synchronous, {})

    printed = capsys.readouterr().out.split()
    assert [printed[0], printed[2]] == ["sent", "sent"]
    assert printed[1] in stage.sandboxes
    assert stage.taken() == 2

    names: dict[str, object] = {}
    await stage.play(watched, names)
    names["sink"].close()


async def test_lines_and_metrics_appear(page, stage, capsys):
    """With the three lines of the README every call is a metric and a log line."""
    names: dict[str, object] = {}
    await stage.play(page(README).blocks("python")[2], names)
    await stage.play(
        "from pointsman import Sms\nfrom pointsman.telemetry import render\n"
        "async with router:\n    await router.send(Sms(to='+79161234567', text='hello'))\nsink.close()\n"
        "text = render(metrics.registry).decode()\n",
        names,
    )

    submits = sum(sandbox.ledger.accepted.total() for sandbox in stage.sandboxes.values())
    assert submits == 1
    assert 'operation="submit",outcome="accepted"' in str(names["text"])
    assert "provider.call" in capsys.readouterr().err


def test_programs_are_short(page):
    """Embedding takes about ten lines, and so does the configuration."""
    document = page(README)

    assert max(len([line for line in block.splitlines() if line.strip()]) for block in document.blocks("python")) <= 12
    assert max(len(block.splitlines()) for block in document.blocks("toml")) <= 12


def test_configuration_loads(page):
    """The configuration of the README is a whole one."""
    (text,) = page(README).blocks("toml")

    config = parse_config(text, plugins=load_plugins(), env={"DEVINO_LOGIN": "a", "DEVINO_PASSWORD": "b"})

    assert list(config.providers) == ["devino"]


def test_make_targets_exist(page):
    """Each `make` command of the README is a target of the Makefile."""
    document = page(README)
    makefile = page("Makefile").text

    wanted = re.findall(r"^make (\w+)", "\n".join(document.blocks("sh")), re.MULTILINE)
    assert wanted == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in wanted)


def commands(document) -> list[list[str]]:
    """Return the words of each call of the program in the README, but for those that run a server."""
    blocks = [block for block in document.blocks("sh") if "pointsman serve" not in block]
    lines = "\n".join(blocks).splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("pointsman ")]


def test_sandboxes_print_their_credentials(page, capsys):
    """`eval` of what `pointsman sandbox --env` prints sets the variables that the example configuration names."""
    assert 'eval "$(pointsman sandbox --env)"' in page(README).text

    assert cli.main(["sandbox", "--env"]) == 0
    exported = set(re.findall(r"^export (\w+)=", capsys.readouterr().out, re.MULTILINE))
    assert set(re.findall(r'env = "(\w+)"', page("router.toml").text)) <= exported


@pytest.mark.filterwarnings("default")
async def test_commands_work(page, stage, capsys):
    """Each command that the README shows ends well against the sandboxes."""
    wanted = [words for words in commands(page(README)) if words != ["sandbox"]]

    assert [words[0] for words in wanted] == ["check", "explain", "send", "lookup", "providers"]
    for words in wanted:
        code = await asyncio.to_thread(cli.main, words)
        assert code == 0, (words, capsys.readouterr())
