"""Looking into a journal from outside, also while a daemon uses it, and also when it is damaged."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from pointsman.errors import StoreError
from pointsman.store.sqlite.faults import told
from pointsman.store.sqlite.place import check_ours, connect
from pointsman.store.sqlite.rows import READ, Rows, Unreadable
from pointsman.store.sqlite.schema import STEPS, version_of
from pointsman.store.stage import Stage

TABLES = ("messages", "provider_ids", "claims", "early", "news", "letters", "accounts", "usage", "kept")
"""Everything in which there may be something to save."""
MOST_PROBLEMS = 20
"""Problems that SQLite lists."""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a journal."""

    file: str
    version: int
    size: int
    """Bytes, those of the file beside it included."""
    messages: int
    states: Mapping[str, int]
    stages: Mapping[str, int]
    """By what is still to be done: `over`, `waiting`, `in_flight`, `followed`."""
    oldest_due: float | None
    """When the message was due that waits for the longest time (wall time)."""
    news: int
    letters: int
    """Webhooks that are still to be posted."""
    dead_letters: int


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a journal."""

    file: str
    version: int
    problems: tuple[str, ...]
    """What SQLite says of the file itself."""
    readable: int
    """Messages that can be read."""
    damaged: tuple[str, ...]
    """Messages that cannot, by id, as far as that can be read."""
    unreadable: tuple[str, ...]
    """Tables that cannot be read to their end."""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.problems or self.damaged or self.unreadable)


@contextlib.contextmanager
def look(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal for reading. Raises `StoreError` for what is none or cannot be opened at all."""
    if not path.is_file():
        raise StoreError(str(path), "there is no such file")
    if not os.access(path, os.R_OK):
        raise StoreError(str(path), "it cannot be read: do this as the user who owns it")
    try:
        database = connect(path, read_only=True)
    except sqlite3.Error as error:
        raise told(str(path), error) from None
    try:
        check_ours(database, str(path))
        if version_of(database) > len(STEPS):
            raise StoreError(str(path), "it is of a later version: use the pointsman that wrote it")
        yield database
    except sqlite3.Error as error:
        raise told(str(path), error) from None
    finally:
        database.close()


def overview(path: Path) -> Overview:
    """Return what is in a journal. Reads all of it. Raises `StoreError`."""
    with look(path) as database:
        counts = database.execute("SELECT state, stage, count(*) FROM messages GROUP BY state, stage").fetchall()
        states: dict[str, int] = {}
        stages = {stage.name.lower(): 0 for stage in Stage}
        for state, stage, count in counts:
            states[state] = states.get(state, 0) + count
            stages[Stage(stage).name.lower()] += count
        (oldest,) = database.execute("SELECT min(run_at) FROM messages WHERE stage = 1").fetchone()
        beside = path.with_name(f"{path.name}-wal")
        return Overview(
            file=str(path),
            version=version_of(database),
            size=path.stat().st_size + (beside.stat().st_size if beside.exists() else 0),
            messages=sum(states.values()),
            states=dict(sorted(states.items())),
            stages=stages,
            oldest_due=oldest,
            news=_count(database, "SELECT count(*) FROM news"),
            letters=_count(database, "SELECT count(*) FROM letters WHERE dead = 0"),
            dead_letters=_count(database, "SELECT count(*) FROM letters WHERE dead = 1"),
        )


def examine(path: Path) -> Findings:
    """Check all of a journal: its pages, its indexes, and every message. Raises `StoreError` when it cannot be opened.

    Takes its time with a large one, and may be run while a daemon uses it.
    """
    with look(path) as database:
        problems = _integrity(database)
        readable, damaged, unreadable = 0, [], []
        rows = Rows(0)
        try:
            for message_id, *row in database.execute(f"SELECT id, {READ} FROM messages"):  # noqa: S608 - a constant
                try:
                    rows.record(tuple(row))
                    readable += 1
                except Unreadable:
                    damaged.append(str(message_id))
        except sqlite3.Error:
            unreadable.append("messages")
        unreadable += [table for table in TABLES[1:] if not _is_readable(database, table)]
        return Findings(
            file=str(path),
            version=version_of(database),
            problems=problems,
            readable=readable,
            damaged=tuple(damaged),
            unreadable=tuple(unreadable),
        )


def _integrity(database: sqlite3.Connection) -> tuple[str, ...]:
    try:
        lines = [str(line) for (line,) in database.execute(f"PRAGMA integrity_check({MOST_PROBLEMS})")]
    except sqlite3.Error as error:
        return (str(error),)
    return tuple(line for line in lines if line != "ok")


def _is_readable(database: sqlite3.Connection, table: str) -> bool:
    try:
        for _ in database.execute(f"SELECT * FROM {table}"):  # noqa: S608 - a name of ours
            pass
    except sqlite3.Error:
        return False
    return True


def _count(database: sqlite3.Connection, query: str) -> int:
    (count,) = database.execute(query).fetchone()
    return int(count)
