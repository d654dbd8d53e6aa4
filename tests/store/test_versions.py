"""Older journals become today's, later ones are refused, and what is written has not changed by accident."""

import hashlib
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest

from pointsman.errors import StoreError
from pointsman.message import Envelope, MessageClass
from pointsman.outcome import Report, State, Unknown
from pointsman.store.interface import Claim
from pointsman.store.record import Record
from pointsman.store.sqlite import SqliteStore
from pointsman.store.sqlite.opening import open_journal
from pointsman.store.sqlite.rows import Life
from pointsman.store.sqlite.schema import STEPS, Step, version_of
from pointsman.testing.clock import START
from pointsman.testing.stores import Trial
from pointsman.testing.stores.trial import CLIENT, PROVIDER

from .make_fixture import FIXTURES, SHAPE, shape

ANOTHER = Step("a column for a test", ("ALTER TABLE messages ADD COLUMN tested INTEGER NOT NULL DEFAULT 7",))
BROKEN = Step("a step that fails", ("CREATE TABLE half (one)", "SELECT * FROM nowhere"))


def steps_open(journal: Path, *more: Step) -> int:
    """Open a journal with more steps than there are; return its version then."""
    opened = open_journal(journal, (*STEPS, *more))
    try:
        return version_of(opened.writes)
    finally:
        opened.close()


def digest(journal: Path) -> bytes:
    """Return what tells a file from any other."""
    return hashlib.sha256(journal.read_bytes()).digest()


async def test_journal_of_version_1(tmp_path: Path):
    """The journal that version 1 wrote opens, and everything in it is understood."""
    journal = tmp_path / "journal.db"
    shutil.copy(FIXTURES / "version_1.journal", journal)
    store = SqliteStore(journal)
    await store.open()
    try:
        (free,) = await store.take(MessageClass.TRANSACTIONAL, START + 9.0, 9)
        (flying,) = await store.recover(START + 9.0, 9)
        (followed,) = await store.followed("", 9)
        delivered = await store.referred(CLIENT, "order-1", 9)
        (unwanted,) = await store.referred(CLIENT, "order-2", 9)
        (early,) = await store.take_early(PROVIDER, "early")
        kept = await store.kept("drained")
        taken = await store.accept((free.envelope,), claim=Claim(CLIENT, "k1", b"request"))
        letters = await store.letters(START + 9.0, 9)
    finally:
        await store.close()

    assert free.envelope.to == "79161234567"
    assert isinstance(flying.attempts[0].outcome, Unknown)
    assert followed.state is State.SENT
    assert [one.state for one in delivered] == [State.DELIVERED]
    assert (unwanted.state, unwanted.unwanted) == (State.CANCELLED, True)
    assert (early.provider_id, kept, taken.repeated) == ("early", {"devino": b"by hand"}, True)
    assert [one.news.state for one in letters] == [State.SENT]


def test_migration(journal: Path):
    """A journal of an earlier version gets the missing steps, once, and keeps what is in it."""
    assert steps_open(journal) == len(STEPS)
    assert steps_open(journal, ANOTHER) == len(STEPS) + 1
    assert steps_open(journal, ANOTHER) == len(STEPS) + 1


def test_step_that_fails(journal: Path):
    """A step that fails leaves the journal as it was, whole, and of its old version."""
    steps_open(journal)
    with pytest.raises(StoreError):
        steps_open(journal, BROKEN)

    assert steps_open(journal) == len(STEPS)
    with sqlite3.connect(journal) as database:
        assert database.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").fetchone() == (0,)
    database.close()


async def test_later_version(journal: Path):
    """A journal of a later version is refused, with what to do, and is not touched."""
    steps_open(journal, ANOTHER)
    before = digest(journal)
    with pytest.raises(StoreError, match=r"of version 2, .* up to 1 only: run the later pointsman"):
        await SqliteStore(journal).open()

    assert digest(journal) == before


def test_nothing_of_a_record_is_left_out():
    """Each field of a record is in a blob or a column: a new field that is in neither would be lost."""
    columns = {"envelope", "state", "owner", "lease_until", "erased", "updated_at"}

    assert {*Life.__struct_fields__} | columns == {*Record.__struct_fields__}


def test_form_of_records_belongs_to_the_version():
    """What the blobs look like is that of this version.

    If this fails, the form of a record has changed: add a step to `schema.STEPS`, an empty one if fields were only
    added, see that the fixtures of earlier versions are still read, and run `make_fixture.py`.
    """
    assert shape(Envelope, Life, Report) == SHAPE.read_text(encoding="utf-8")


async def test_fixture_can_be_made(tmp_path: Path):
    """The helper that made the fixture makes one like it."""
    from .make_fixture import fill

    journal = tmp_path / "new.db"
    await fill(journal)
    with sqlite3.connect(journal) as new, sqlite3.connect(FIXTURES / "version_1.journal") as old:
        for table in ("messages", "news", "letters", "claims", "early", "accounts", "usage", "kept"):
            count = f"SELECT count(*) FROM {table}"
            assert new.execute(count).fetchone() == old.execute(count).fetchone()
    new.close()
    old.close()


async def test_values_come_back_exactly(trial: Trial):
    """Times, amounts, choices and infinities come back from the disk as they were."""
    envelope = trial.envelope(viber=True, due=trial.clock.now() + 0.1)
    await trial.sent(envelope, price="0.10")
    before = await trial.get(envelope.id)
    await trial.again()
    after = await trial.get(envelope.id)

    assert msgspec.structs.replace(after, owner=before.owner) == before
    assert str(after.attempts[0].price) == "0.10 EUR"
