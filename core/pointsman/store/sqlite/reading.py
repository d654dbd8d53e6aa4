"""What is read without changing anything, as functions of a connection: it sees what is durable, and nothing else."""

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from pointsman.message import MessageClass
from pointsman.outcome import State
from pointsman.store.interface import Letter, News, Usage
from pointsman.store.record import Record
from pointsman.store.sqlite.rows import LANES, READ, Rows, Unreadable, damaged

_ONE = f"SELECT {READ} FROM messages WHERE id = ?"  # noqa: S608 - a constant
_FOLLOWED = f"SELECT id, {READ} FROM messages WHERE stage = 3 AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 - a constant
_REFERRED = (
    f"SELECT id, {READ} FROM messages"  # noqa: S608 - a constant
    " WHERE client = ? AND reference = ? ORDER BY id DESC LIMIT ?"
)
_DUE = "SELECT min(run_at) FROM messages WHERE stage = 1 AND owner = 0 AND lane = ?"
_WAITING = "SELECT lane, count(*) FROM messages WHERE stage = 1 AND owner = 0 GROUP BY lane"
_LETTER = (
    "SELECT n.seq, n.client, n.message_id, n.state, n.at, n.body, l.url, l.tries, l.next_at, l.error, l.dead"
    " FROM letters l JOIN news n ON n.seq = l.seq"
)
_decimals = msgspec.json.Decoder(dict[str, Decimal]).decode


class Reading:
    """Reads with a connection of its own; used in one thread only."""

    def __init__(self, name: str, database: sqlite3.Connection, rows: Rows) -> None:
        self.name = name
        self.database = database
        self.rows = rows

    def record(self, message_id: str) -> Record | None:
        """Return a record. Raises `StoreError` when its row is damaged."""
        row = self.database.execute(_ONE, (message_id,)).fetchone()
        if row is None:
            return None
        try:
            return self.rows.record(row)
        except Unreadable:
            raise damaged(self.name, message_id) from None

    def find(self, provider: str, provider_id: str) -> tuple[tuple[str, int], ...]:
        """Return messages and attempts to which a provider gave an id."""
        query = "SELECT message_id, attempt FROM provider_ids WHERE provider = ? AND provider_id = ?"
        return tuple(self.database.execute(query, (provider, provider_id)).fetchall())

    def referred(self, client: str, reference: str, limit: int) -> tuple[Record, ...]:
        """Return a client's messages with a reference, the latest first; what is damaged is left out."""
        rows = self.database.execute(_REFERRED, (client, reference, limit)).fetchall()
        return tuple(self._readable(rows))

    def followed(self, after: str, limit: int) -> tuple[Record, ...]:
        """Return messages whose reports are waited for; nothing means that there are no more."""
        found: list[Record] = []
        while len(found) < limit:
            rows = self.database.execute(_FOLLOWED, (after, limit - len(found))).fetchall()
            if not rows:
                break
            found.extend(self._readable(rows))
            after = rows[-1][0]
        return tuple(found)

    def _readable(self, rows: list[Any]) -> list[Record]:
        found = []
        for _, *row in rows:
            try:
                found.append(self.rows.record(tuple(row)))
            except Unreadable:
                continue
        return found

    def next_due(self) -> float | None:
        """Return when the next message is due that nobody has."""
        firsts = [self.database.execute(_DUE, (lane,)).fetchone()[0] for lane in LANES.values()]
        return min((one for one in firsts if one is not None), default=None)

    def waiting(self) -> Mapping[MessageClass, int]:
        """Return how many messages of each class nobody has."""
        counts = dict(self.database.execute(_WAITING).fetchall())
        return {lane: counts.get(number, 0) for lane, number in LANES.items()}

    def news(self, client: str, after: int, limit: int) -> tuple[News, ...]:
        """Return a client's news after a place."""
        query = (
            "SELECT seq, client, message_id, state, at, body FROM news WHERE client = ? AND seq > ?"
            " ORDER BY seq LIMIT ?"
        )
        return tuple(_news(row) for row in self.database.execute(query, (client, after, limit)))

    def letters(self, now: float, limit: int) -> tuple[Letter, ...]:
        """Return letters that are due, those first that are due for the longest time."""
        query = f"{_LETTER} WHERE l.head = 1 AND l.next_at <= ? ORDER BY l.next_at, l.seq LIMIT ?"
        return tuple(_letter(row) for row in self.database.execute(query, (now, limit)))

    def next_letter(self) -> float | None:
        """Return when the next letter is to be tried."""
        (at,) = self.database.execute("SELECT min(next_at) FROM letters WHERE head = 1").fetchone()
        return float(at) if at is not None else None

    def dead_letters(self, after: int, limit: int) -> tuple[Letter, ...]:
        """Return letters that are not tried any more, in order."""
        query = f"{_LETTER} WHERE l.dead = 1 AND l.seq > ? ORDER BY l.seq LIMIT ?"
        return tuple(_letter(row) for row in self.database.execute(query, (after, limit)))

    def spent(self) -> Mapping[tuple[str, str], Decimal]:
        """Return what attempts cost, by provider and currency."""
        rows = self.database.execute("SELECT provider, currency, spent FROM accounts").fetchall()
        return {(provider, currency): Decimal(amount) for provider, currency, amount in rows}

    def usage(self, day: str) -> tuple[Usage, ...]:
        """Return what the clients used on a day."""
        query = "SELECT client, messages, spent FROM usage WHERE day = ? ORDER BY client"
        return tuple(
            Usage(client=client, day=day, messages=messages, spent=_decimals(spent))
            for client, messages, spent in self.database.execute(query, (day,))
        )

    def kept(self, kind: str) -> Mapping[str, bytes]:
        """Return what is remembered of a kind."""
        return dict(self.database.execute("SELECT name, value FROM kept WHERE kind = ?", (kind,)).fetchall())

    def early_keys(self) -> list[tuple[str, str]]:
        """Return under which keys reports are kept."""
        return self.database.execute("SELECT DISTINCT provider, key FROM early").fetchall()


def _news(row: tuple[Any, ...]) -> News:
    seq, client, message_id, state, at, body = row
    return News(seq=seq, client=client, message_id=message_id, state=State(state), at=at, body=body)


def _letter(row: tuple[Any, ...]) -> Letter:
    url, tries, next_at, error, dead = row[6:]
    return Letter(news=_news(row[:6]), url=url, tries=tries, next_at=next_at, error=error, dead=bool(dead))
