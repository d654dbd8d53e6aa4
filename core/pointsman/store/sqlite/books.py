"""The state of the thread that writes: its connection, the records that it used last, and the group at hand.

Theory of operation. The operations of a group run one after the other. Those that change messages only note in the
`Batch` what is to be written; the others read and write the tables themselves, after what was noted before them has
been written. Nothing is durable before `commit`, and the next `begin` undoes what did not come so far.
"""

import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

from pointsman.clock import Clock
from pointsman.store.change import Change
from pointsman.store.record import Record, advance
from pointsman.store.sqlite.batch import Batch
from pointsman.store.sqlite.recent import Recent
from pointsman.store.sqlite.rows import CHANGING, DAMAGED, READ, Rows, Unreadable, damaged
from pointsman.store.sqlite.together import insertion, pieces, update_of

_CHANGED = (*CHANGING, "life")
_RENEWED = (*CHANGING, "envelope", "life")
_SELECT = f"SELECT {READ} FROM messages WHERE id = ?"  # noqa: S608 - a constant
_decimals = msgspec.json.Decoder(dict[str, Decimal]).decode


class Books:
    """What the operations of the writing thread work on; used in that thread only."""

    def __init__(self, name: str, database: sqlite3.Connection, rows: Rows, clock: Clock) -> None:
        self.name = name
        self.database = database
        self.rows = rows
        self.clock = clock
        self.recent = Recent()
        self.gone: set[str] = set()
        """Messages that were deleted in this group."""
        self.touched: dict[str, Record] = {}
        """Records as they are after what of this group was written already."""
        self.writes = 0
        """Rows that this group wrote."""
        self.last_news = max(
            self._number("SELECT coalesce(max(seq), 0) FROM news"),
            self._number("SELECT value FROM meta WHERE name = 'last_news'"),
        )
        self.batch = Batch(self.last_news)

    def _number(self, query: str) -> int:
        (number,) = self.database.execute(query).fetchone()
        return int(number)

    def begin(self) -> None:
        """Begin a group; what is left of one that failed is forgotten, as far as it got."""
        if self.database.in_transaction:
            self.database.execute("ROLLBACK")
        self.batch = Batch(self.last_news)
        self.touched = {}
        self.gone = set()
        self.writes = 0

    def known(self, message_id: str) -> Record | None:
        """Return a record as it is now, if it was used lately."""
        record = self.batch.records.get(message_id) or self.touched.get(message_id)
        return record if record is not None or message_id in self.gone else self.recent.get(message_id)

    def record(self, message_id: str) -> Record | None:
        """Return a record as it is now. Raises `StoreError` when its row is damaged."""
        if (record := self.known(message_id)) is not None:
            return record
        row = self.database.execute(_SELECT, (message_id,)).fetchone()
        if row is None:
            return None
        try:
            return self.rows.record(row)
        except Unreadable:
            raise damaged(self.name, message_id) from None

    def apply(self, before: Record, change: Change, now: float) -> Record:
        """Apply a change and note what follows from it."""
        after = advance(before, change, now)
        if after is not before:
            self.batch.change(before, after, change)
        return after

    def write(self, statement: str, values: tuple[Any, ...] = ()) -> int:
        """Change a table at once, after all that was noted before; return how many rows it changed."""
        self.flush()
        self._transact()
        count = max(self.database.execute(statement, values).rowcount, 0)
        self.writes += count
        return count

    def write_many(self, statement: str, values: list[tuple[Any, ...]]) -> None:
        """Change many rows at once."""
        if values:
            self.flush()
            self._transact()
            self.database.executemany(statement, values)
            self.writes += len(values)

    def read(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Return rows as they are after all that was noted before."""
        self.flush()
        return self.database.execute(query, values).fetchall()

    def put_aside(self, message_id: str) -> None:
        """Have a message that cannot be read taken by nobody again."""
        self.write("UPDATE messages SET owner = ? WHERE id = ?", (DAMAGED, message_id))

    def flush(self) -> None:
        """Write what was noted, without making it durable yet."""
        batch = self.batch
        if not batch.records and not batch.claims:
            return
        self._transact()
        self._write_messages(batch)
        self._insert("INSERT OR IGNORE INTO provider_ids", batch.places)
        self._write_mail(batch)
        self._write_claims(batch)
        self._write_figures(batch)
        self.touched.update(batch.records)
        self.batch = Batch(batch.last_news)

    def commit(self) -> int:
        """Make the group durable; return how many rows were written. With none there is no transaction."""
        self.flush()
        if self.database.in_transaction:
            self.database.execute("COMMIT")
        self.last_news = self.batch.last_news
        self.recent.put(self.touched)
        for message_id in self.gone:
            self.recent.drop(message_id)
        return self.writes

    def _transact(self) -> None:
        if not self.database.in_transaction:
            self.database.execute("BEGIN IMMEDIATE")

    def _many(self, statement: str, values: list[tuple[Any, ...]]) -> None:
        if values:
            self.database.executemany(statement, values)
            self.writes += len(values)

    def _together(self, statement: Callable[[int], str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows, many of them by one statement."""
        for piece in pieces(rows):
            self.database.execute(statement(len(piece)), tuple(chain.from_iterable(piece)))
        self.writes += len(rows)

    def _insert(self, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._together(insertion(into, len(rows[0])), rows)

    def _write_messages(self, batch: Batch) -> None:
        rows, new, renewed = self.rows, batch.new, batch.renewed
        self._insert("INSERT INTO messages", [rows.new(batch.records[one]) for one in sorted(new)])
        changed = [record for one, record in batch.records.items() if one not in new and one not in renewed]
        self._together(update_of("messages", _CHANGED), [rows.changed(record) for record in changed])
        self._together(update_of("messages", _RENEWED), [rows.renewed(batch.records[one]) for one in renewed])

    def _write_mail(self, batch: Batch) -> None:
        self._insert(
            "INSERT INTO news",
            [(one.seq, one.client, one.message_id, one.state.value, one.at, one.body) for one in batch.news],
        )
        self._many(
            "INSERT INTO letters SELECT ?1, ?2, ?3, 0, ?4, '', 0,"
            " NOT EXISTS (SELECT 1 FROM letters WHERE message_id = ?2 AND dead = 0)",
            list(batch.letters),
        )

    def _write_claims(self, batch: Batch) -> None:
        self._many(
            "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?)",
            [
                (client, key, claim.digest, " ".join(ids), at)
                for (client, key), (claim, ids, at) in batch.claims.items()
            ],
        )

    def _write_figures(self, batch: Batch) -> None:
        database = self.database
        for key, amount in batch.spent.items():
            row = database.execute("SELECT spent FROM accounts WHERE provider = ? AND currency = ?", key).fetchone()
            known = Decimal(row[0]) if row is not None else Decimal(0)
            database.execute("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)", (*key, str(known + amount)))
        for key in batch.taken.keys() | batch.costs.keys():
            row = database.execute("SELECT messages, spent FROM usage WHERE day = ? AND client = ?", key).fetchone()
            messages, costs = (row[0], _decimals(row[1])) if row is not None else (0, {})
            for currency, amount in batch.costs.get(key, {}).items():
                costs[currency] = costs.get(currency, Decimal(0)) + amount
            written = msgspec.json.encode(costs).decode()
            values = (*key, messages + batch.taken.get(key, 0), written)
            database.execute("INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?)", values)
        self.writes += len(batch.spent)
