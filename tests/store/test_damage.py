"""A damaged journal is told as such, in words and with what to do, and what can be read of it can be saved."""

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from pointsman.errors import StoreError, StoreUnavailable
from pointsman.message import MessageClass
from pointsman.outcome import Unknown
from pointsman.store.interface import Claim
from pointsman.store.sqlite import SqliteStore
from pointsman.store.sqlite.faults import told
from pointsman.store.sqlite.looking import examine, overview
from pointsman.store.sqlite.salvage import Saved, salvage
from pointsman.testing.stores import MakeStore, Trial
from pointsman.testing.stores.trial import CLIENT, PROVIDER

from .conftest import NAME

COUNT = 60
PAGE = 4096
WAITING = "It waits"
"""The text of a message that nobody has sent."""


@pytest.fixture
async def filled(make: MakeStore, journal: Path) -> Path:
    """A journal with messages in all states, closed."""
    async with Trial.of(make, NAME) as trial:
        await asyncio.gather(*(trial.delivered(provider_id=f"p{place}") for place in range(COUNT)))
        await trial.begin(await trial.taken())
        await trial.store.accept((trial.envelope(text=WAITING),), claim=Claim(CLIENT, "k1", b"request"))
        await trial.store.keep("drained", "devino", b"by hand")
    return journal


def spoil(journal: Path, at: int, what: bytes) -> None:
    """Write over a part of a journal."""
    with journal.open("r+b") as file:
        file.seek(at)
        file.write(what)


def content_of(journal: Path) -> bytes:
    """Return the bytes of a journal."""
    return journal.read_bytes()


def garbage(journal: Path, content: bytes) -> None:
    """Make a file that is no journal."""
    journal.write_bytes(content)


def cut(journal: Path) -> None:
    """Cut a journal short at a page in its middle."""
    with journal.open("r+b") as file:
        file.truncate(journal.stat().st_size // 2 // PAGE * PAGE)


def pages_of(journal: Path, table: str) -> list[int]:
    """Return which pages hold the rows of a table, by looking for what only they hold."""
    content = content_of(journal)
    with sqlite3.connect(journal) as database:
        (root,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    database.close()
    interior = content[(root - 1) * PAGE : root * PAGE]
    assert interior[0] == 5, "the table has several pages"
    count = int.from_bytes(interior[3:5], "big")
    cells = [int.from_bytes(interior[12 + 2 * place : 14 + 2 * place], "big") for place in range(count)]
    return [int.from_bytes(interior[cell : cell + 4], "big") for cell in cells]


def by_table(saved: tuple[Saved, ...]) -> dict[str, Saved]:
    """Return what was saved, by table."""
    return {one.table: one for one in saved}


@contextlib.contextmanager
def words_only() -> Iterator[None]:
    """Allow an error that says in words what is wrong, and no other."""
    with contextlib.suppress(StoreError):
        yield


async def refused(journal: Path) -> str:
    """Return what is said when a journal cannot be opened."""
    with pytest.raises(StoreError) as caught:
        await SqliteStore(journal).open()
    return str(caught.value)


def test_sound(filled: Path):
    """A sound journal is found to be sound, and what is in it is told."""
    found, seen = examine(filled), overview(filled)

    assert (found.good, found.readable) == (True, COUNT + 2)
    assert (seen.messages, seen.states["delivered"]) == (COUNT + 2, COUNT)
    assert (seen.stages["waiting"], seen.stages["in_flight"], seen.stages["over"]) == (1, 1, COUNT)


@pytest.mark.parametrize("content", [b"not a journal" * 100, b"\0" * 8192, b"SQLite format 3\0" + b"\xff" * 4000])
async def test_garbage(journal: Path, content: bytes):
    """A file that is something else is refused in words and is not touched."""
    garbage(journal, content)

    assert re.search("damaged|another program", await refused(journal))
    assert content_of(journal) == content
    with pytest.raises(StoreError):
        examine(journal)


async def test_another_program(journal: Path):
    """A database of another program is refused and is not touched."""
    with sqlite3.connect(journal) as database:
        database.execute("CREATE TABLE theirs (one)")
    database.close()

    assert "another program" in await refused(journal)


async def test_truncated(filled: Path):
    """A journal that was cut short is refused when it is opened, with what to do."""
    cut(filled)

    assert "pointsman journal salvage" in await refused(filled)


async def test_spoilt_page(filled: Path, tmp_path: Path):
    """What is on the other pages of a journal with a broken page is saved, and opens as a sound journal."""
    page = pages_of(filled, "messages")[2]
    spoil(filled, (page - 1) * PAGE, bytes(PAGE))
    found = examine(filled)
    saved = by_table(salvage(filled, tmp_path / "new.db"))["messages"]

    assert not found.good
    assert (saved.gaps, saved.damaged) == (1, 0)
    assert 0 < saved.missing < 20
    assert saved.saved == COUNT + 2 - saved.missing
    assert examine(tmp_path / "new.db").good
    store = SqliteStore(tmp_path / "new.db")
    await store.open()
    (flying,) = await store.recover(2e9, 9)
    (free,) = await store.take(MessageClass.TRANSACTIONAL, 2e9, 9)
    assert isinstance(flying.attempts[0].outcome, Unknown)
    assert (await store.accept((free.envelope,), claim=Claim(CLIENT, "k1", b"request"))).repeated
    assert await store.kept("drained") == {"devino": b"by hand"}
    assert sum([len(await store.find(PROVIDER, f"p{place}")) for place in range(COUNT)]) >= COUNT - saved.missing
    assert await store.last_news() == 2 * COUNT
    await store.close()


async def test_spoilt_text(filled: Path, tmp_path: Path):
    """A letter of a text that has changed on the disk is noticed: the message is not sent, and the others are."""
    spoil(filled, content_of(filled).index(WAITING.encode()), b"Is")
    (damaged,) = examine(filled).damaged
    saved = by_table(salvage(filled, tmp_path / "new.db"))["messages"]

    assert (saved.saved, saved.damaged) == (COUNT + 1, 1)
    store = SqliteStore(filled)
    await store.open()
    with pytest.raises(StoreError, match=f"message {damaged} is damaged"):
        await store.get(damaged)
    assert await store.take(MessageClass.TRANSACTIONAL, 2e9, 9) == ()
    assert await store.take(MessageClass.TRANSACTIONAL, 2e9, 9) == ()
    assert len(await store.recover(2e9, 9)) == 1
    await store.close()


@pytest.mark.parametrize("seed", range(20))
async def test_flipped_bits(filled: Path, tmp_path: Path, seed: int):
    """Wherever bits are flipped, all that is said is in words: nothing else is raised, and salvage saves the most."""
    random = Random(seed)
    for _ in range(3):
        at = random.randrange(len(content_of(filled)))
        spoil(filled, at, bytes([random.randrange(256)]))

    with words_only():
        examine(filled)
    with words_only():
        saved = by_table(salvage(filled, tmp_path / "new.db"))["messages"]
        assert saved.saved >= COUNT // 2
        assert examine(tmp_path / "new.db").good
    store = SqliteStore(filled)
    with words_only():
        await store.open()
    for lane in MessageClass:
        with words_only():
            await store.take(lane, 2e9, 99)
    with words_only():
        while await store.recover(2e9, 9):
            pass
    await store.close()


def test_salvage_overwrites_nothing(filled: Path, tmp_path: Path):
    """Salvage makes a new journal only where there is no file, and leaves the broken one alone."""
    (tmp_path / "new.db").write_text("precious")
    before = filled.read_bytes()
    with pytest.raises(StoreError, match="exists already"):
        salvage(filled, tmp_path / "new.db")
    salvage(filled, tmp_path / "other.db")

    assert (tmp_path / "new.db").read_text() == "precious"
    assert filled.read_bytes() == before


def test_a_disk_that_is_gone_is_no_damage(tmp_path: Path):
    """SQLite calls a journal damaged that the system does not let it read; that may pass, and nothing is lost."""
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    unreadable, readable = tmp_path / "folder", tmp_path / "journal.db"
    unreadable.mkdir()
    readable.touch()

    gone, damaged = told(str(unreadable), error), told(str(readable), error)

    assert isinstance(gone, StoreUnavailable)
    assert "the disk cannot be written or read" in str(gone)
    assert not isinstance(damaged, StoreUnavailable)
    assert "it is damaged" in str(damaged)
