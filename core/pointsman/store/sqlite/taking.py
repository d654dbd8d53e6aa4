"""Operations on messages, as functions of the writer's books: taking in, changing, handing out, recovering."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from pointsman.errors import KeyReused
from pointsman.message import Envelope, MessageClass
from pointsman.outcome import Report
from pointsman.store.change import Change, Own, Recover
from pointsman.store.interface import Claim, Taken
from pointsman.store.record import Record, advance, begin
from pointsman.store.sqlite.books import Books
from pointsman.store.sqlite.rows import FREE, LANES, READ, Unreadable, pack, read_report
from pointsman.store.stage import Stage, stage_of

_TAKE = (
    f"SELECT id, {READ} FROM messages"  # noqa: S608 - a constant
    " WHERE stage = 1 AND owner = 0 AND lane = ? AND run_at <= ? ORDER BY run_at, rowid LIMIT ?"
)
_IN_FLIGHT = (
    f"SELECT id, {READ} FROM messages"  # noqa: S608 - a constant
    " WHERE stage = 2 AND owner > 0 AND owner < ? ORDER BY owner, rowid LIMIT ?"
)
FOREVER = float("inf")
"""A lease in a store that one process uses: it ends with the process."""


def accept(envelopes: Sequence[Envelope], claim: Claim | None, books: Books, *, mine: bool) -> Taken:
    """Take new messages in. Raises `KeyReused`, and `ValueError` for an id that is taken."""
    if claim is not None and (known := claimed(claim, books)) is not None:
        return known
    ids = tuple(one.id for one in envelopes)
    if len(set(ids)) < len(ids) or any(books.known(one) is not None for one in ids):
        raise taken_before()  # an id that is in the table only is refused by the table
    owner, until = (books.rows.owner, FOREVER) if mine else ("", 0.0)
    records = tuple([begin(envelope, owner, until) for envelope in envelopes])
    for record in records:
        books.batch.enter(record)
    if claim is not None:
        books.batch.claims[claim.client, claim.key] = claim, ids, books.clock.now()
    return Taken(records)


def taken_before() -> ValueError:
    """Return the error for an id of which there is a message."""
    return ValueError("a message of this id was taken before")


def claimed(claim: Claim, books: Books) -> Taken | None:
    """Return what was taken under a claim, if it was made. Raises `KeyReused`."""
    ids = _claimed(claim, books)
    if ids is None:
        return None
    found = (books.record(one) for one in ids)
    return Taken(tuple([record for record in found if record is not None]), repeated=True)


def _claimed(claim: Claim, books: Books) -> Sequence[str] | None:
    """Return the ids of the messages that were taken under the key, if any was. Raises `KeyReused`."""
    key = claim.client, claim.key
    pending = books.batch.claims.get(key)
    if pending is not None:
        digest, ids = pending[0].digest, list(pending[1])
    else:
        row = books.database.execute("SELECT digest, ids FROM claims WHERE client = ? AND key = ?", key).fetchone()
        if row is None:
            return None
        digest, ids = row[0], row[1].split()
    if digest != claim.digest:
        raise KeyReused(claim.key)
    return ids


def apply(message_id: str, change: Change, now: float, books: Books) -> tuple[Record, Record]:
    """Change a message. Raises `KeyError` for one that there is not."""
    before = books.record(message_id)
    if before is None:
        raise KeyError(message_id)
    return before, books.apply(before, change, now)


def take(lane: MessageClass, now: float, limit: int, books: Books) -> tuple[Record, ...]:
    """Make waiting messages ours."""
    taken = _found(books, _TAKE, (LANES[lane], now, limit), partial(_own, books))
    numbers = [(books.rows.opening, one.envelope.id) for one in taken]
    books.write_many("UPDATE messages SET owner = ? WHERE id = ?", numbers)
    books.touched.update((one.envelope.id, one) for one in taken)
    return tuple(taken)


def _own(books: Books, record: Record) -> Record:
    """Return a record as ours; that is not news of the message, so the time of its last change stays."""
    return advance(record, Own(books.rows.owner, FOREVER), record.updated_at)


def give_back(message_ids: Sequence[str], books: Books) -> None:
    """Leave messages of ours that wait to whoever takes them."""
    for message_id in message_ids:
        record = books.record(message_id)
        if record is None or stage_of(record) is not Stage.WAITING or record.owner != books.rows.owner:
            continue
        books.write("UPDATE messages SET owner = ? WHERE id = ?", (FREE, message_id))
        books.touched[message_id] = msgspec.structs.replace(record, owner="", lease_until=0.0)


def recover(now: float, limit: int, books: Books) -> tuple[Record, ...]:
    """Make messages ours whose attempt nobody is going to settle, and write down that its outcome is unknown."""
    found = _found(books, _IN_FLIGHT, (books.rows.opening, limit), lambda record: record)
    recovered = []
    for record in found:
        owned = books.apply(record, Own(books.rows.owner, FOREVER), now)
        recovered.append(books.apply(owned, Recover(books.rows.owner), now))
    return tuple(recovered)


def _found(books: Books, query: str, values: tuple[Any, ...], made: Callable[[Record], Record]) -> list[Record]:
    """Return what a query finds; what is damaged of it is put aside, so that the next query finds others."""
    found = []
    for message_id, *row in books.read(query, values):
        try:
            found.append(made(books.rows.record(tuple(row))))
        except Unreadable:
            books.put_aside(message_id)
    return found


Keys = tuple[tuple[str, str], ...]
"""Providers and keys under which reports are kept."""


def keep_early(provider: str, key: str, report: Report, now: float, each: int, most: int, books: Books) -> Keys:
    """Keep a report of which the message is not known: at most `each` of a key, and the last `most` of all.

    Returns the keys under which nothing is kept any more.
    """
    (known,) = books.read("SELECT count(*) FROM early WHERE provider = ? AND key = ?", (provider, key))[0]
    if known >= each:
        return ()
    books.write("INSERT INTO early VALUES (NULL, ?, ?, ?, ?)", (provider, key, pack(report), now))
    old = "SELECT seq, provider, key FROM early WHERE seq <= (SELECT max(seq) FROM early) - ?"
    return forget_early(books.read(old, (most,)), books)


def forget_early(rows: Sequence[tuple[int, str, str]], books: Books) -> Keys:
    """Forget reports by their place; return the keys under which nothing is kept any more."""
    books.write_many("DELETE FROM early WHERE seq = ?", [(seq,) for seq, *_ in rows])
    keys = dict.fromkeys((provider, key) for _, provider, key in rows)
    left = "SELECT 1 FROM early WHERE provider = ? AND key = ? LIMIT 1"
    return tuple([one for one in keys if not books.read(left, one)])


def early(provider: str, key: str, books: Books) -> tuple[Report, ...]:
    """Return the reports that were kept under a key."""
    rows = books.read("SELECT report FROM early WHERE provider = ? AND key = ? ORDER BY seq", (provider, key))
    found = []
    for (blob,) in rows:
        try:
            found.append(read_report(blob))
        except Unreadable:
            continue
    return tuple(found)


def take_early(provider: str, key: str, books: Books) -> tuple[Report, ...]:
    """Return the reports that were kept under a key, and forget them."""
    found = early(provider, key, books)
    books.write("DELETE FROM early WHERE provider = ? AND key = ?", (provider, key))
    return found
