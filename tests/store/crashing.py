"""Runs a program that writes to a journal, ends it in the middle, and compares what is left with what it said."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pointsman.outcome import State
from pointsman.store.record import Record
from pointsman.store.sqlite import SqliteStore

PROGRAM = Path(__file__).with_name("writing.py")


class Writing:
    """The program at work, and what it acknowledged."""

    def __init__(self, journal: Path, seed: int, synchronous: str = "FULL") -> None:
        self.said: dict[str, int] = {}
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(journal), str(seed), synchronous],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        if not first.startswith("ready"):
            raise AssertionError(self._process.communicate()[1])

    def kill(self, after: float, first: Callable[[int], None] = lambda pid: None) -> dict[str, int]:
        """Kill it after so many seconds as nobody can prevent, and return what it said until then.

        `first` is called with its id before.
        """
        time.sleep(after)
        first(self._process.pid)
        self._process.kill()
        said, _ = self._process.communicate(timeout=30.0)
        for line in said.splitlines(keepends=True):
            if line.endswith("\n"):
                message_id, step = line.split()
                self.said[message_id] = max(int(step), self.said.get(message_id, 0))
        return self.said


def came_to(record: Record | None) -> int:
    """Return how far a message came, as the program counts."""
    if record is None:
        return 0
    if record.state is State.DELIVERED:
        return 4
    if record.attempts:
        return 3
    return 2 if record.intent is not None else 1


async def lost(journal: Path, said: dict[str, int]) -> dict[str, int]:
    """Return the messages that did not come as far as was acknowledged, each with how far it came."""
    store = SqliteStore(journal)
    await store.open()
    try:
        found = {message_id: came_to(await store.get(message_id)) for message_id in said}
    finally:
        await store.close()
    return {message_id: step for message_id, step in found.items() if step < said[message_id]}
