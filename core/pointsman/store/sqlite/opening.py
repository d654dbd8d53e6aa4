"""Opening a journal: everything that is checked, mended and counted before the first message."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pointsman.errors import StoreError
from pointsman.store.sqlite.faults import told
from pointsman.store.sqlite.place import Lock, check_ours, connect, prepare
from pointsman.store.sqlite.rows import Rows
from pointsman.store.sqlite.schema import STEPS, Step, migrate


class Opened(msgspec.Struct, frozen=True):
    """A journal that is ours."""

    lock: Lock
    writes: sqlite3.Connection
    reads: sqlite3.Connection
    rows: Rows

    def close(self) -> None:
        """Let go of it."""
        self.reads.close()
        self.writes.close()
        self.lock.let_go()


def open_journal(path: Path, steps: Sequence[Step] = STEPS) -> Opened:
    """Open a journal, or begin one. Waits for the disk. Raises `StoreError`."""
    lock = prepare(path)
    try:
        writes, rows = _writable(path, steps)
        try:
            reads = connect(path, read_only=True)
        except BaseException:
            writes.close()
            raise
    except sqlite3.Error as error:
        lock.let_go()
        raise told(str(path), error) from None
    except BaseException:
        lock.let_go()
        raise
    return Opened(lock, writes, reads, rows)


def _writable(path: Path, steps: Sequence[Step]) -> tuple[sqlite3.Connection, Rows]:
    database = connect(path)
    try:
        check_ours(database, str(path))
        migrate(database, str(path), steps)
        return database, Rows(_begin(database, str(path)))
    except BaseException:
        database.close()
        raise


def _begin(database: sqlite3.Connection, name: str) -> int:
    """Count this opening and make free what waits and bears the name of an earlier one; return the number."""
    database.execute("BEGIN IMMEDIATE")
    database.execute("UPDATE meta SET value = value + 1 WHERE name = 'openings'")
    row = database.execute("SELECT value FROM meta WHERE name = 'openings'").fetchone()
    if row is None:
        raise StoreError(name, "it is no journal of ours: what it counts is missing")
    database.execute("UPDATE messages SET owner = 0 WHERE stage = 1 AND owner > 0")
    database.execute("COMMIT")
    return int(row[0])
