"""docs/operating.md and the README: a server can be run as they say, command by command."""

import asyncio
import re
import socket
import sys
from pathlib import Path

import pytest

from pointsman.config import DaemonConfig

from .conftest import Stage

PAGE = "docs/operating.md"
PATIENCE = 40.0
_PORTS = ("8080", "9090")
_HEAD = """
set -eu
PATH=$PWD/bin:$PATH
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
"""
_COMMAND = f"""#!/bin/sh
exec '{sys.executable}' -c 'import sys; from pointsman.cli import main; sys.exit(main())' "$@"
"""


def free_ports() -> list[str]:
    """Return two ports of this machine that nobody uses."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return [str(opened.getsockname()[1]) for opened in (one, other)]


async def run(blocks: list[str], *, after: str = "") -> tuple[int, str]:
    """Run blocks in one shell, on ports of their own; return its exit code and what it printed."""
    path = Path.cwd() / "router.toml"
    script, text = "\n".join([*blocks, after]), path.read_text()
    for usual, port in zip(_PORTS, free_ports(), strict=True):
        script, text = script.replace(f":{usual}", f":{port}"), text.replace(f":{usual}", f":{port}")
    path.write_text(text.replace('drain_delay = "2s"', 'drain_delay = "1ms"').replace("# drain_delay", "drain_delay"))
    command = path.parent / "bin" / "pointsman"
    command.parent.mkdir()
    command.write_text(_COMMAND)
    command.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", _HEAD + script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(PATIENCE):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.usefixtures("stage")
async def test_the_path_of_an_operator_works(page, stage: Stage):
    """Every command of the page ends well, one after the other, and the message outlives the restored journal."""
    code, out = await run(page(PAGE).blocks("sh"))

    assert code == 0, out
    assert out.count('"reference":"first"') == 2
    assert "Traceback" not in out
    assert '"changes":["provider devino' in out
    assert "monday.db: good, 1 message" in out
    assert stage.taken() == 1


@pytest.mark.usefixtures("stage")
async def test_the_server_of_the_readme_takes_a_message(page, stage: Stage):
    """The commands of the README start a server, and it acknowledges a message."""
    (block,) = [block for block in page("README.md").blocks("sh") if "pointsman serve" in block]
    assert len([line for line in block.splitlines() if not line.startswith(" ")]) <= 6

    code, out = await run([block], after="kill %1; wait %1")

    assert code == 0, out
    assert '"state":"accepted"' in out
    assert stage.taken() == 1


def test_metrics_and_lines_exist(page):
    """Every metric and every line of the log that the page names is in the list of all."""
    text, known = page(PAGE).text, page("docs/telemetry.md").text

    metrics = {name.removesuffix("_bucket") for name in re.findall(r"pointsman_[a-z_]+(?=[^a-z_.])", text)}
    lines = set(re.findall(r"`((?:store|webhook|http|daemon|provider)\.[a-z_]+)`", text))
    assert [name for name in sorted(metrics) if f"| `{name}` |" not in known] == []
    assert len(metrics) > 10
    assert [name for name in sorted(lines) if f"`{name}`" not in known] == []


def test_paths_of_the_api_exist(page):
    """Every path that the page names is one of the server's."""
    known = page("docs/openapi.json").text
    text = page(PAGE).text

    named = {*re.findall(r"\$(?:URL|ADMIN)(/[a-z0-9/-]+)", text), *re.findall(r"`(?:GET|POST) (/[a-z0-9/-]+)`", text)}
    named = {re.sub(r"/providers/[a-z]+/", "/providers/{name}/", path) for path in named}
    assert [path for path in sorted(named) if f'"{path}"' not in known] == []


def test_the_proxy_lets_everything_through(page):
    """The fragment for nginx takes as much as the server does, and waits for longer than events are silent."""
    (fragment,) = page(PAGE).blocks("nginx")

    assert DaemonConfig().max_body == int(re.findall(r"client_max_body_size (\d+)m", fragment)[0]) * 2**20
    assert int(re.findall(r"proxy_read_timeout (\d+)s", fragment)[0]) > 15
