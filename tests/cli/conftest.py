"""What the tests of the command line share: the three sandboxes in a thread, a configuration for them, and a runner."""

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from pointsman.cli import main
from pointsman.sandbox import DeliveryPlan, FaultRule, Sandbox, SandboxMessage
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_smstele.sandbox import SmsteleSandbox

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
T = TypeVar("T")


class Boxes:
    """Running sandboxes; they live on a loop of their own thread, so that a command can run a loop in this one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        plan = DeliveryPlan(seconds_to_sent=0.0, seconds_to_final=0.05)
        made = (DevinoSandbox(delivery=plan), SmsteleSandbox(delivery=plan), AffiliateSandbox(delivery=plan))
        self.by_name: dict[str, Sandbox] = {box.name: box for box in made}
        for box in made:
            self._do(box.start())

    def close(self) -> None:
        """Stop them and their thread."""
        for box in self.by_name.values():
            self._do(box.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def __getitem__(self, name: str) -> Sandbox:
        return self.by_name[name]

    @property
    def environment(self) -> dict[str, str]:
        """The credentials of all."""
        return {name: value for box in self.by_name.values() for name, value in box.environment.items()}

    @property
    def base_urls(self) -> dict[str, str]:
        """Where they are, by name."""
        return {name: box.base_url for name, box in self.by_name.items()}

    @property
    def messages(self) -> list[SandboxMessage]:
        """Everything that any of them accepted."""
        return [message for box in self.by_name.values() for message in box.ledger.messages]

    def script(self, name: str, *rules: FaultRule) -> None:
        """Add faults to one of them."""

        async def add() -> None:
            self.by_name[name].faults.add(*rules)

        self._do(add())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)


class Run(msgspec.Struct, frozen=True):
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[Any]:
        """The lines of standard output, each as JSON."""
        return [msgspec.json.decode(line) for line in self.out.splitlines()]


Runner = Callable[..., Run]


@pytest.fixture
def boxes() -> Iterator[Boxes]:
    """The three sandboxes."""
    running = Boxes()
    yield running
    running.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment that says nothing about Pointsman."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if re.match("POINTSMAN|DEVINO|SMSTELE|AFFILIATE", name):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def config(boxes: Boxes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's example configuration in the working folder, pointed at the sandboxes, with their credentials."""
    for name, value in boxes.environment.items():
        monkeypatch.setenv(name, value)
    return write_config(folder / "router.toml", boxes.base_urls)


def write_config(path: Path, base_urls: Mapping[str, str], *changes: tuple[str, str]) -> Path:
    """Copy the example with other addresses, quicker polling and the given changes of its text."""
    text = (ROOT / "router.toml").read_text(encoding="utf-8")
    for name, url in base_urls.items():
        text = re.sub(rf'(\[providers\.{name}\]\n.*\nbase_url = )"[^"]*"', rf'\1"{url}"', text)
    for before, after in (('first = "500ms"', 'first = "50ms"'), *changes):
        assert before in text, before
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def pointsman(folder: Path, capsys: pytest.CaptureFixture[str]) -> Runner:
    """Runs a command in this process, in the working folder."""

    def run(*arguments: str | Path) -> Run:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Run(code, captured.out, captured.err)

    return run


@pytest.fixture
def spawn(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command as a process of its own; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "import sys; from pointsman.cli import main; sys.exit(main())"]
        process = subprocess.Popen(
            [*command, *map(str, arguments)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
