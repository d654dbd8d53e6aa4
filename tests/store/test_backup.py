"""A backup is the journal as it was at one moment, whole, though messages are taken in meanwhile."""

import asyncio
import stat
from pathlib import Path

import pytest

from pointsman.errors import StoreError
from pointsman.store.sqlite import SqliteStore
from pointsman.store.sqlite.copying import back_up
from pointsman.store.sqlite.looking import examine
from pointsman.testing.stores import Trial


def described(folder: Path) -> list[tuple[str, int, int]]:
    """Return the copies in a folder: name, mode and size."""
    found = [(file.name, file.stat()) for file in folder.glob("copy*")]
    return [(name, stat.S_IMODE(one.st_mode), one.st_size) for name, one in found]


async def test_while_writing(trial: Trial, journal: Path, tmp_path: Path):
    """Everything that was acknowledged before the backup began is in it, and it is a sound journal."""
    stop, enough = asyncio.Event(), asyncio.Event()
    acknowledged: list[str] = []

    async def write() -> None:
        while not stop.is_set():
            acknowledged.append(await trial.delivered(provider_id=f"p{len(acknowledged)}"))
            if len(acknowledged) == 200:
                enough.set()

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(write())
        await enough.wait()
        before = list(acknowledged)
        await asyncio.to_thread(back_up, journal, tmp_path / "copy.db")
        stop.set()

    assert examine(tmp_path / "copy.db").good
    restored = SqliteStore(tmp_path / "copy.db")
    await restored.open()
    assert [one for one in before if await restored.get(one) is None] == []
    await restored.close()


async def test_only_for_its_owner(trial: Trial, journal: Path, tmp_path: Path):
    """The copy is one file that nobody else may read."""
    await trial.taken()
    size = back_up(journal, tmp_path / "copy.db")
    assert described(tmp_path) == [("copy.db", 0o600, size)]


async def test_overwrites_nothing(trial: Trial, journal: Path, tmp_path: Path):
    """A file that is there is not overwritten, and a backup that fails leaves nothing behind."""
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(StoreError, match="exists already"):
        back_up(journal, tmp_path / "copy.db")
    with pytest.raises(StoreError, match="No such file"):
        back_up(journal, tmp_path / "nowhere" / "copy.db")
    with pytest.raises(StoreError, match="no such file"):
        back_up(tmp_path / "missing.db", tmp_path / "other.db")

    assert (tmp_path / "copy.db").read_text() == "precious"
    assert not (tmp_path / "other.db").exists()


async def test_without_a_daemon(trial: Trial, journal: Path, tmp_path: Path):
    """A journal that nobody has open is copied as well."""
    message_id = await trial.taken()
    await trial.store.close()
    back_up(journal, tmp_path / "copy.db")
    copy = SqliteStore(tmp_path / "copy.db")
    await copy.open()

    assert await copy.get(message_id) is not None
    await copy.close()
