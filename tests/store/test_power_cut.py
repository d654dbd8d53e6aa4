"""A power cut: the file system is shut down under the running program, and what was not on the disk is gone.

Killing a process proves nothing about `fsync`: the system writes its pages all the same. This needs root, a loop mount
and ext4, and runs only where POINTSMAN_POWER_CUT is set; it never runs in continuous integration.
"""

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from .crashing import Writing, lost

SWITCH = "POINTSMAN_POWER_CUT"
SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN."""
WITHOUT_LOG = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal of the file system is written."""
CUTS = 5

pytestmark = [
    pytest.mark.skipif(not os.environ.get(SWITCH), reason=f"set {SWITCH}=1 to shut a file system down"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system and shut it down"),
    pytest.mark.skipif(shutil.which("mkfs.ext4") is None, reason="there is no mkfs.ext4"),
]


class Disk:
    """An ext4 file system in a file, whose power can be cut."""

    def __init__(self, image: Path, folder: Path) -> None:
        self._image = image
        self.folder = folder
        with image.open("wb") as file:
            file.truncate(256 * 1024 * 1024)
        run("mkfs.ext4", "-q", "-F", str(image))
        folder.mkdir()

    def mount(self) -> None:
        """Mount it; what was left undone is mended as after a power cut."""
        run("mount", "-o", "loop", str(self._image), str(self.folder))
        self.folder.chmod(0o700)

    def unmount(self) -> None:
        """Unmount it."""
        run("umount", str(self.folder))

    def cut(self) -> None:
        """Cut the power: nothing is written from now on."""
        file = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(file, SHUTDOWN, struct.pack("I", WITHOUT_LOG))
        finally:
            os.close(file)


def run(*command: str) -> None:
    """Run a program that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]} does not work here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that is mounted."""
    disk = Disk(tmp_path / "disk.img", tmp_path / "disk")
    disk.mount()
    yield disk
    disk.unmount()


def power_cuts(disk: Disk, synchronous: str, seed: int) -> dict[str, int]:
    """Cut the power again and again while a program writes; return what it acknowledged."""
    random = Random(seed)
    said: dict[str, int] = {}
    for turn in range(1, CUTS + 1):
        writing = Writing(disk.folder / "journal.db", seed * 100 + turn, synchronous)
        said |= writing.kill(random.uniform(0.5, 2.0), disk.cut)
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
