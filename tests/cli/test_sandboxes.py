"""`sandbox`: the servers, their addresses and their credentials."""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.cli.sandboxes import PORTS

from .conftest import PATIENCE, ROOT, Runner, write_config

Spawn = Callable[..., subprocess.Popen[str]]
FREE = "devino=0,smstele=0,affiliate_hlr=0"


def test_env(pointsman: Runner) -> None:
    """--env prints what a shell can evaluate, and nothing else."""
    run = pointsman("sandbox", "--env")

    names = [re.match(r"export ([A-Z_]+)=", line) for line in run.out.splitlines()]
    assert (run.code, run.err, all(names)) == (0, "", True)
    shell = subprocess.run(["sh", "-c", f'{run.out}printf "%s" "$SMSTELE_PASSWORD"'], capture_output=True, text=True)
    assert shell.stdout == "~test123"


def test_ports_of_the_example() -> None:
    """The ports are those at which the example configuration looks."""
    text = (ROOT / "router.toml").read_text(encoding="utf-8")

    assert {
        name: int(port) for name, port in re.findall(r"\[providers\.(\w+)\]\n.*\nbase_url = \"http://[^:]+:(\d+)", text)
    } == PORTS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving(
    spawn: Spawn, pointsman: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """The sandboxes serve a router with the credentials that they print, until a signal ends them with code 0."""
    process = spawn("sandbox", "--ports", FREE)
    assert process.stdout is not None
    base_urls = {}
    for line in iter(process.stdout.readline, ""):
        match line.split():
            case [name, url, _] if url.startswith("http://"):
                base_urls[name] = url
            case ["export", assignment]:
                variable, _, value = assignment.partition("=")
                monkeypatch.setenv(variable, "".join(shlex.split(value)))
        if len(base_urls) == 3 and "SMSTELE_PASSWORD" in os.environ:
            break
    write_config(folder / "router.toml", base_urls)

    run = pointsman("send", "--to", "+79161234567", "--text", "x")
    process.send_signal(number)
    process.wait(PATIENCE)

    assert (run.code, process.returncode) == (0, 0)


def test_taken_port(spawn: Spawn, pointsman: Runner) -> None:
    """A port that is in use is an error with a way out."""
    process = spawn("sandbox", "--ports", FREE, "--json")
    assert process.stdout is not None
    port = re.search(r":(\d+)", process.stdout.readline())
    assert port is not None

    run = pointsman("sandbox", "--ports", f"{FREE},devino={port[1]}")

    assert run.code == 1
    assert "--ports chooses other ports" in run.err
