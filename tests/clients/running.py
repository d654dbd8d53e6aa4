"""Runs other people's clients as processes of their own, next to the sandboxes that this process serves."""

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

HERE = Path(__file__).parent
PATIENCE = 60.0
"""Seconds of real time for one answer of a client; it is a guard against a test that hangs, nothing is measured."""


class Raised(Exception):
    """The client raised something of its own; what it told of it is in `story`."""

    def __init__(self, story: Any) -> None:
        super().__init__(str(story))
        self.story = story


def unavailable(reason: str) -> NoReturn:
    """Skip a test that needs what this machine does not have; where CI is `true` everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def needed(program: str, package: str) -> str:
    """Return the path of a program, or tell which Debian package has it."""
    path = shutil.which(program)
    return path if path is not None else unavailable(f"{program} is missing; install the package {package}")


def surroundings(home: Path) -> dict[str, str]:
    """Return an environment in which no proxy, no credentials and no settings of the user are found."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "TZ": "UTC", "LC_ALL": "C.UTF-8"}


class Client:
    """A client at work: it takes a call a line and answers each with a line, both JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, method: str, *args: Any) -> Any:
        """Call a method of the client; raises `Raised` when the client does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, *args]).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE)
        assert line, f"the client ended at {method}, see its standard error"
        answer = json.loads(line)
        if "raised" in answer:
            raise Raised(answer["raised"])
        return answer["returned"]


@contextlib.asynccontextmanager
async def client(*command: str, env: Mapping[str, str]) -> AsyncIterator[Client]:
    """Start a client and see to it that it ends."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=env)
    try:
        yield Client(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await _end(process)


async def output(*command: str, env: Mapping[str, str], cwd: Path | None = None) -> tuple[int, str, str]:
    """Run a program to its end; return its status and what it wrote, output and errors."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=env, cwd=cwd)
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE * 4)
    finally:
        await _end(process)
    return process.returncode or 0, out.decode(), err.decode()


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        process.kill()
        await process.wait()
