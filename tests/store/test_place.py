"""Where a journal may be, who may open it, and what is said to the others."""

import asyncio
import errno
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.errors import StoreError
from pointsman.store.sqlite import SqliteStore, place
from pointsman.store.sqlite.looking import examine
from pointsman.store.sqlite.place import file_system
from pointsman.testing.stores import Trial

HOLDER = """
import asyncio, sys
from pointsman.store.sqlite import SqliteStore
async def main():
    await SqliteStore(sys.argv[1]).open()
    print("open", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def hold(journal: Path) -> subprocess.Popen[bytes]:
    """Have another process open a journal."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(journal)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"open\n"
    return holder


def modes(*files: Path) -> list[int]:
    """Return what files allow whom."""
    return [stat.S_IMODE(file.stat().st_mode) for file in files]


@pytest.fixture
def restored(journal: Path) -> Path:
    """A journal that others may read."""
    journal.touch()
    journal.chmod(0o644)
    return journal


async def refused(path: Path) -> str:
    """Return what is said when a journal cannot be opened."""
    with pytest.raises(StoreError) as caught:
        await SqliteStore(path).open()
    return str(caught.value)


async def test_second_process(journal: Path):
    """A second process is refused at once and told which one has the journal; after that was killed it may have it."""
    holder = hold(journal)
    said = await refused(journal)
    holder.kill()
    holder.communicate()

    assert f"in use by process {holder.pid}" in said
    store = SqliteStore(journal)
    await store.open()
    await store.close()


async def test_twice_in_one_process(trial: Trial, journal: Path):
    """Two stores of one process cannot share a journal either, and one cannot be opened twice."""
    assert f"in use by process {os.getpid()}" in await refused(journal)
    with pytest.raises(StoreError, match="open already"):
        await trial.store.open()


async def test_opening_that_was_given_up(journal: Path):
    """Who stops waiting for a journal to be opened does not keep it locked."""
    opening = asyncio.ensure_future(SqliteStore(journal).open())
    await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait([opening])
    store = SqliteStore(journal)
    for _ in range(100):
        try:
            await store.open()
            break
        except StoreError:
            await asyncio.sleep(0.02)

    assert store.owner
    await store.close()


async def test_nobody_else_can_read_it(trial: Trial, journal: Path):
    """All files of a journal belong to their owner alone, also where the umask would allow more."""
    await trial.taken()
    files = sorted(journal.parent.glob(f"{journal.name}*"))

    assert [file.name.removeprefix(journal.name) for file in files] == ["", "-shm", "-wal", ".lock"]
    assert modes(*files) == [0o600] * 4


async def test_open_file_is_closed_to_others(restored: Path):
    """A journal that others may read, such as one that was restored, is taken from them."""
    store = SqliteStore(restored)
    await store.open()
    await store.close()

    assert modes(restored) == [0o600]


async def test_folder_that_everybody_may_write(tmp_path: Path):
    """A journal in a folder where anybody may replace it is refused, with what to do."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)

    assert f"chmod o-w {folder}" in await refused(folder / "journal.db")
    folder.chmod(0o1777)
    store = SqliteStore(folder / "journal.db")
    await store.open()
    await store.close()


async def test_folder_that_is_missing(tmp_path: Path):
    """A missing folder is named."""
    assert f"there is no folder {tmp_path / 'nowhere'}" in await refused(tmp_path / "nowhere" / "journal.db")


async def test_what_is_no_file(tmp_path: Path):
    """A folder, and a link that somebody may have laid, are refused."""
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "elsewhere.db")

    assert "directory" in await refused(tmp_path / "folder.db")
    assert "symbolic links" in await refused(tmp_path / "link.db")


@pytest.mark.parametrize("kind", ["nfs4", "ext4"])
def test_kind_of_file_system(tmp_path: Path, kind: str):
    """The kind of file system is read from the table of mounts by the device of the folder."""
    device = tmp_path.stat().st_dev
    table = tmp_path / "mountinfo"
    table.write_text(
        "21 1 0:1 / /proc rw - proc proc rw\n"
        f"26 1 {os.major(device)}:{os.minor(device)} / / rw,relatime shared:1 - {kind} server:/export rw\n"
    )

    assert file_system(tmp_path, table) == kind
    assert file_system(tmp_path, tmp_path / "missing") == ""


async def test_network_file_system(journal: Path, monkeypatch: pytest.MonkeyPatch):
    """A journal on a network file system is refused, with the reason."""
    monkeypatch.setattr("pointsman.store.sqlite.place.file_system", lambda folder: "nfs4")

    assert "network file system (nfs4)" in await refused(journal)
    assert [*journal.parent.iterdir()] == []


async def test_a_journal_of_another_user(restored: Path, monkeypatch: pytest.MonkeyPatch):
    """Who may not open or read a journal hears that it belongs to somebody else, and nothing of writing or handles."""

    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(place.Lock, "take", forbidden)
    assert "Permission denied; run as the user who owns it" in await refused(restored)

    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="cannot be read: do this as the user who owns it"):
        examine(restored)


async def test_an_sqlite_that_is_too_old_is_refused(journal: Path, monkeypatch: pytest.MonkeyPatch):
    """A library that cannot write what we write is named at the start, and not message by message."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 32, 3))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.32.3")
    with pytest.raises(StoreError, match=r"SQLite 3\.32\.3, and a journal needs 3\.33\.0 or later"):
        await SqliteStore(journal).open()
    assert not await asyncio.to_thread(journal.exists)
