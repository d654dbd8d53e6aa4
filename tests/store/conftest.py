"""What the tests of stores share: a durable store on trial."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pointsman.clock import Clock
from pointsman.store.sqlite import SqliteStore
from pointsman.testing.stores import MakeStore, Trial

NAME = "journal"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the journal of a test is."""
    return tmp_path / f"{NAME}.db"


@pytest.fixture
def make(tmp_path: Path) -> MakeStore:
    """Make a durable store in the folder of the test."""

    def made(clock: Clock, place: str) -> SqliteStore:
        return SqliteStore(tmp_path / f"{place}.db", clock=clock)

    return made


@pytest.fixture
async def trial(make: MakeStore) -> AsyncIterator[Trial]:
    """A durable store that is open."""
    async with Trial.of(make, NAME) as opened:
        yield opened


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 4 MB; needs the rights to do so."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
