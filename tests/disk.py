"""A file system whose power can be cut: ext4 in a file. Needs root, a loop mount and `mkfs.ext4`.

No process may run while its file system is shut down: an `fdatasync` that is under way in that moment may return as if
all were well, though nothing is on the disk. That happens to a program of ten lines as well, in one cut out of eight;
power does not do it, because nobody is there any more to hear of it. So whoever cuts has the process `hold` still.
"""

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

SWITCH = "POINTSMAN_POWER_CUT"
"""The environment variable that lets tests cut power; never set in continuous integration."""
SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN."""
WITHOUT_LOG = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal of the file system is written."""


HELD_WITHIN = 5.0
"""Seconds."""


class NoDisk(Exception):
    """This machine does not let us make or mount a file system."""


def hindrance() -> str | None:
    """Return why power cannot be cut here, None when it can."""
    if os.geteuid() != 0:
        return "only root can mount a file system and shut it down"
    return "there is no mkfs.ext4" if shutil.which("mkfs.ext4") is None else None


def why_not() -> str | None:
    """Return why a test is not to cut power, None when it is to."""
    return hindrance() if os.environ.get(SWITCH) else f"set {SWITCH}=1 to shut a file system down"


def hold(pid: int, *, whole: bool) -> None:
    """Stop a process, and wait until its first thread stands still; with `whole`, until no thread has a call open.

    Else what the others have under way is cut in the middle, and the process must not go on afterwards.
    """
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + HELD_WITHIN
    while time.monotonic() < until:
        threads = list(Path(f"/proc/{pid}/task").iterdir()) if whole else [Path(f"/proc/{pid}/task/{pid}")]
        if all(_stands_still(one / "stat") for one in threads):
            return
        time.sleep(0.0005)
    raise NoDisk(f"process {pid} does not stand still")


def _stands_still(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:  # the thread has ended
        return True


class Disk:
    """An ext4 file system in a file, whose power can be cut. Raises `NoDisk` where that does not work."""

    def __init__(self, image: Path, folder: Path) -> None:
        self._image = image
        self.folder = folder
        with image.open("wb") as file:
            file.truncate(256 * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", str(image))
        folder.mkdir()

    def mount(self) -> None:
        """Mount it; what was left undone is mended as after a power cut."""
        _run("mount", "-o", "loop", str(self._image), str(self.folder))
        self.folder.chmod(0o700)

    def unmount(self) -> None:
        """Unmount it."""
        _run("umount", str(self.folder))

    def cut(self) -> None:
        """Cut the power: nothing is written from now on."""
        file = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(file, SHUTDOWN, struct.pack("I", WITHOUT_LOG))
        finally:
            os.close(file)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoDisk(f"{command[0]} does not work here: {done.stderr.strip()}")
