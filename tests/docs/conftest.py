"""Reading the documents: their code blocks, their tables, and the stage on which their examples run."""

import ast
import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import CodeType

import pytest

from pointsman.sandbox import DeliveryPlan, Sandbox, running
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_smstele.sandbox import SmsteleSandbox

ROOT = Path(__file__).parents[2]
QUICK = DeliveryPlan(seconds_to_sent=0.05, seconds_to_final=0.1)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page:
    """One document."""

    def __init__(self, name: str) -> None:
        self.path = ROOT / name
        self.text = self.path.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[str]:
        """Return the code blocks of a language, in order."""
        return [code for found, code in _BLOCK.findall(self.text) if found == language]

    def section(self, heading: str) -> str:
        """Return what stands under a heading, up to the next one of any level."""
        _, _, rest = f"\n{self.text}".partition(f"\n{heading}\n")
        assert rest, f"{self.path.name} has no heading {heading}"
        return re.split(r"\n#+ ", rest, maxsplit=1)[0]

    def rows(self, heading: str) -> list[list[str]]:
        """Return the cells of the first table under a heading, without its first two lines."""
        table = re.findall(r"(?:^\|.*\n?)+", self.section(heading), re.MULTILINE)[0].splitlines()
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


@pytest.fixture
def page():
    """Open a document by its path from the top of the project."""
    return Page


class Stage:
    """A folder with the example `router.toml` in it, and the sandboxes that it points to."""

    def __init__(self, sandboxes: dict[str, Sandbox]) -> None:
        self.sandboxes = sandboxes

    async def play(self, code: str, names: dict[str, object]) -> None:
        """Run a block as a reader would: with `await` where it has one, in a thread of its own where it has a loop."""
        compiled = compile(code, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if "asyncio.run(" in code or "SyncRouter" in code:
            await asyncio.to_thread(exec, compiled, names)
        elif _awaits(compiled):
            await eval(compiled, names)
        else:
            exec(compiled, names)

    def taken(self) -> int:
        """Return how many messages the sandboxes took."""
        return sum(len(sandbox.ledger.messages) for sandbox in self.sandboxes.values())


def _awaits(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def stage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """The example configuration with the ports of running sandboxes, and their credentials in the environment."""
    boxes = [DevinoSandbox(delivery=QUICK), SmsteleSandbox(delivery=QUICK), AffiliateSandbox(delivery=QUICK)]
    async with running(boxes) as started:
        text = (ROOT / "router.toml").read_text(encoding="utf-8")
        for port, name in ((8101, "devino"), (8103, "smstele"), (8102, "affiliate_hlr")):
            assert f":{port}" in text
            text = text.replace(f":{port}", f":{started[name].port}")
            for variable, value in started[name].environment.items():
                monkeypatch.setenv(variable, value)
        (folder / "router.toml").write_text(text, encoding="utf-8")
        yield Stage(started)
