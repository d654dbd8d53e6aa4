"""Saves what can be read of a damaged journal into a new one.

Theory of operation. Every row that can be read and understood is copied. Tables whose rows have numbers are walked from
number to number: where a page is broken, the walk finds the next number behind it that can be read. The others are read
from both ends. The ids that providers gave are made anew from the messages, so nothing is lost with their table.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pointsman.errors import StoreError
from pointsman.outcome import Accepted
from pointsman.store.record import Record
from pointsman.store.sqlite.faults import told
from pointsman.store.sqlite.looking import look
from pointsman.store.sqlite.opening import Opened, open_journal
from pointsman.store.sqlite.rows import FREE, READ, Rows, Unreadable
from pointsman.store.sqlite.schema import STEPS, version_of

_NUMBERED = ("early", "news", "letters")
_KEYED = {"claims": "client, key", "accounts": "provider, currency", "usage": "day, client", "kept": "kind, name"}
_FARTHEST = 1 << 40
"""How far behind a broken page the next row that can be read is looked for."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one table."""

    table: str
    saved: int
    damaged: int = 0
    """Rows that were met and could not be understood."""
    gaps: int = 0
    """Places where rows are missing because a page cannot be read."""
    missing: int = 0
    """How many rows may have been there at most, where that can be said."""


class _Walk:
    """Goes through the rows of a table that has row numbers, around what is broken."""

    def __init__(self, database: sqlite3.Connection, table: str, columns: str) -> None:
        self._database = database
        self._query = f"SELECT rowid, {columns} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608 - ours
        self.gaps = 0
        self.missing = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        after, page = 0, 500
        while True:
            try:
                rows = self._database.execute(self._query, (after, page)).fetchall()
            except sqlite3.Error:
                if page > 1:
                    page = 1
                    continue
                found = self._behind(after)
                if found is None:
                    self.gaps += 1
                    return
                self.gaps += 1
                self.missing += found - after
                after, page = found, 1
                continue
            if not rows:
                return
            for row in rows:
                yield row[1:]
            after, page = rows[-1][0], min(page * 2, 500)

    def _behind(self, after: int) -> int | None:
        """Return the least number after which rows can be read again."""
        step = 1
        while step < _FARTHEST and not self._can(after + step):
            step *= 2
        if step >= _FARTHEST:
            return None
        bad, good = after + step // 2, after + step
        while good - bad > 1:
            middle = (bad + good) // 2
            bad, good = (bad, middle) if self._can(middle) else (middle, good)
        return good

    def _can(self, after: int) -> bool:
        try:
            return bool(self._database.execute(self._query, (after, 1)).fetchall())
        except sqlite3.Error:
            return False


def salvage(broken: Path, new: Path) -> tuple[Saved, ...]:
    """Copy what can be read of a journal into a new one; say how much of each table. Raises `StoreError`.

    The broken one is not changed. The new one must not exist.
    """
    if new.exists():
        raise StoreError(str(new), "it exists already: name a new file")
    with look(broken) as database:
        if version_of(database) != len(STEPS):
            raise StoreError(str(broken), "it is of an earlier version: use the pointsman that wrote it")
        opened = open_journal(new)
        try:
            return _copy(database, opened)
        except sqlite3.Error as error:
            raise told(str(new), error) from None
        finally:
            opened.close()


def _copy(database: sqlite3.Connection, opened: Opened) -> tuple[Saved, ...]:
    writes = opened.writes
    writes.execute("BEGIN IMMEDIATE")
    saved = [_messages(database, writes), *(_numbered(database, writes, table) for table in _NUMBERED)]
    saved += [_keyed(database, writes, table, key) for table, key in _KEYED.items()]
    # What was in flight bears the number of an opening, and has to be found as that of one that is gone.
    writes.execute(
        "UPDATE meta SET value = max(value, (SELECT coalesce(max(owner), 0) FROM messages)) WHERE name = 'openings'"
    )
    # Letters without their news cannot be posted.
    writes.execute("DELETE FROM letters WHERE seq NOT IN (SELECT seq FROM news)")
    writes.execute("COMMIT")
    return tuple(saved)


def _messages(database: sqlite3.Connection, writes: sqlite3.Connection) -> Saved:
    walk = _Walk(database, "messages", READ)
    saved = damaged = 0
    for row in walk:
        try:
            record = Rows(row[0] if row[0] > FREE else 0).record(tuple(row))
        except (Unreadable, TypeError):
            damaged += 1
            continue
        # Nobody has what waits; the number of whoever had something in flight is kept.
        values = Rows(max(row[0], 0)).new(record)
        saved += writes.execute(f"INSERT OR IGNORE INTO messages VALUES ({_marks(values)})", values).rowcount  # noqa: S608 - marks only
        writes.executemany("INSERT OR IGNORE INTO provider_ids VALUES (?, ?, ?, ?)", _places(record))
    return Saved(table="messages", saved=saved, damaged=damaged, gaps=walk.gaps, missing=walk.missing)


def _places(record: Record) -> list[tuple[str, str, str, int]]:
    return [
        (attempt.provider, one, record.envelope.id, attempt.number)
        for attempt in record.attempts
        if isinstance(attempt.outcome, Accepted)
        for one in attempt.outcome.ids
    ]


def _numbered(database: sqlite3.Connection, writes: sqlite3.Connection, table: str) -> Saved:
    walk = _Walk(database, table, "*")
    saved = sum(_insert(writes, table, row) for row in walk)
    return Saved(table=table, saved=saved, gaps=walk.gaps, missing=walk.missing)


def _keyed(database: sqlite3.Connection, writes: sqlite3.Connection, table: str, key: str) -> Saved:
    saved, gaps = 0, 0
    backward = ", ".join(f"{one} DESC" for one in key.split(", "))
    for order in (key, backward):
        try:
            for row in database.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608 - names of ours
                saved += _insert(writes, table, row)
        except sqlite3.Error:
            gaps = 1
        if not gaps:
            break
    return Saved(table=table, saved=saved, gaps=gaps)


def _insert(writes: sqlite3.Connection, table: str, row: Sequence[Any]) -> int:
    statement = f"INSERT OR IGNORE INTO {table} VALUES ({_marks(row)})"  # noqa: S608 - a name of ours
    return max(writes.execute(statement, tuple(row)).rowcount, 0)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
