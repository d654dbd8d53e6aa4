"""The record of rows that may have been sent, on its own."""

import asyncio
import errno
from pathlib import Path

import pytest

from pointsman.cli.checkpoint import Checkpoint, Header
from pointsman.cli.exits import UsageError

HEADER = Header(input="0" * 64, job="send")


def reopened(path: Path) -> set[int]:
    """Return what the file says now."""
    checkpoint = Checkpoint.open(path, HEADER)
    checkpoint.close()
    return checkpoint.begun


async def test_rows_that_begin_together_share_a_write(tmp_path: Path) -> None:
    """Rows that wait while the disk is busy are written in one line."""
    path = tmp_path / "state"
    checkpoint = Checkpoint.open(path, HEADER)

    await asyncio.gather(*(checkpoint.begin(row) for row in range(1, 101)))

    checkpoint.close()
    assert (set(range(1, 101)), 2) == (reopened(path), len(path.read_bytes().splitlines()))


async def test_refused_rows_may_be_sent_again(tmp_path: Path) -> None:
    """A row that is proven not to have been sent is forgotten, and may begin again."""
    path = tmp_path / "state"
    checkpoint = Checkpoint.open(path, HEADER)
    await checkpoint.begin(1)
    await checkpoint.begin(2)
    checkpoint.unsent(1)
    checkpoint.unsent(2)
    await checkpoint.begin(2)

    checkpoint.close()
    assert {2} == reopened(path)


async def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full nothing begins any more, also after there is room again."""
    checkpoint = Checkpoint.open(tmp_path / "state", HEADER)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            await checkpoint.begin(1)
    with pytest.raises(OSError, match="No space left"):
        await checkpoint.begin(2)

    checkpoint.close()
    assert set() == checkpoint.begun


@pytest.mark.parametrize(
    "content", [b"row,to\n", b'{"input":"x"}\n', b'{"input":"x","job":"send","version":1}\n{"a":1}\n']
)
def test_foreign_file(tmp_path: Path, content: bytes) -> None:
    """A file that is something else is refused and left as it is."""
    path = tmp_path / "state"
    path.write_bytes(content)

    with pytest.raises(UsageError):
        Checkpoint.open(path, HEADER)

    assert content == path.read_bytes()
