"""A power cut: the file system is shut down under the running program, and what was not on the disk is gone.

Killing a process proves nothing about `fsync`: the system writes its pages all the same. This needs root, a loop mount
and ext4, and runs only where POINTSMAN_POWER_CUT is set; it never runs in continuous integration.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from ..disk import Disk, NoDisk, hold, why_not  # noqa: TID252 - one disk for the store's tests and the daemon's
from .crashing import Writing, lost

CUTS = 5

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that is mounted."""
    try:
        disk = Disk(tmp_path / "disk.img", tmp_path / "disk")
        disk.mount()
    except NoDisk as error:
        pytest.skip(str(error))
    yield disk
    disk.unmount()


def power_cuts(disk: Disk, synchronous: str, seed: int) -> dict[str, int]:
    """Cut the power again and again while a program writes; return what it acknowledged."""

    def cut(pid: int) -> None:
        hold(pid, whole=False)
        disk.cut()

    random = Random(seed)
    said: dict[str, int] = {}
    for turn in range(1, CUTS + 1):
        writing = Writing(disk.folder / "journal.db", seed * 100 + turn, synchronous)
        said |= writing.kill(random.uniform(0.5, 2.0), cut)
        disk.unmount()
        disk.mount()
    return said


@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost(disk: Disk):
    """Whatever was acknowledged before the power went is there afterwards."""
    said = power_cuts(disk, "FULL", 11)
    missing = await lost(disk.folder / "journal.db", said)

    assert len(said) > 1000
    assert missing == {}


@pytest.mark.timeout(300)
async def test_this_can_fail(disk: Disk):
    """The same with `synchronous = NORMAL` loses messages: the test does cut the power."""
    for seed in (11, 12, 13):  # another program that calls `sync` at that moment saves everything
        said = power_cuts(disk, "NORMAL", seed)
        if await lost(disk.folder / "journal.db", said):
            return
    pytest.fail("nothing was lost, though nothing had to be on the disk")
