"""Forgetting by age, as functions of the writer's books."""

from pointsman.errors import StoreError
from pointsman.message import MessageClass
from pointsman.outcome import Accepted
from pointsman.store.change import Erase
from pointsman.store.erasing import DOUBTED
from pointsman.store.interface import Erased, Retention
from pointsman.store.sqlite.books import Books
from pointsman.store.sqlite.rows import LANES
from pointsman.store.sqlite.taking import Keys, forget_early

_PAIRED = "m.partner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages p WHERE p.id = m.partner AND p.stage = 0)"
"""The SMS in place of a Viber message, or the other way round, is not over; it may not even be there yet."""
_TEXTS = "SELECT id FROM messages m WHERE erased = 0 AND lane = ? AND over_at <= ?"
_OLD = f"{_TEXTS} LIMIT ?"
_CODES = f"{_TEXTS} AND (stage = 0 OR over_at <= ?) AND NOT ({_PAIRED}) LIMIT ?"
_MESSAGES = (
    "SELECT id FROM messages m WHERE erased = ? AND lane = ? AND over_at <= ?"
    " AND NOT EXISTS (SELECT 1 FROM messages p WHERE p.id = m.partner AND (p.over_at IS NULL OR p.over_at > ?)) LIMIT ?"
)

_FORGET_NEWS = (
    "DELETE FROM news WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM news ORDER BY seq LIMIT ?) n WHERE at < ?"
    " AND NOT EXISTS (SELECT 1 FROM letters l WHERE l.seq = n.seq))"
)
"""Looks at the oldest only: there may be millions that are not old."""


def erase(retention: Retention, now: float, limit: int, books: Books) -> tuple[Erased, Keys]:
    """Forget what is older than it is to be kept, at most `limit` of each kind.

    Returns also the keys under which no early report is kept any more.
    """
    messages = _delete_messages(now - retention.messages, limit, books)
    early, forgotten = _delete_early(now - retention.early, limit, books)
    erased = Erased(
        texts=_erase_texts(retention, now, limit, books),
        messages=messages,
        others=early + _delete_others(retention, now, limit, books),
    )
    return erased, forgotten


def _erase_texts(retention: Retention, now: float, limit: int, books: Books) -> int:
    old = now - retention.texts
    codes = LANES[MessageClass.OTP]
    found: list[str] = []
    for lane in LANES.values():
        found += [one for (one,) in books.read(_OLD, (lane, old, limit - len(found)))]
    known = set(found)
    soon = books.read(_CODES, (codes, now, now - DOUBTED, limit))
    found += [one for (one,) in soon if one not in known][: limit - len(found)]
    for message_id in found:
        _silence(message_id, books)
    books.flush()
    return len(found)


def _silence(message_id: str, books: Books) -> None:
    try:
        record = books.record(message_id)
    except StoreError:  # nobody can read it, but a text that can be found in the file may be left in it
        books.write("UPDATE messages SET erased = 1, envelope = x'', life = x'' WHERE id = ?", (message_id,))
        return
    if record is not None:
        # That is not news of the message, so the time of its last change stays.
        books.apply(record, Erase(), record.updated_at)


def _delete_messages(before: float, limit: int, books: Books) -> int:
    found: list[str] = []
    for erased in (1, 0):
        for lane in LANES.values():
            values = erased, lane, before, before, limit - len(found)
            found += [one for (one,) in books.read(_MESSAGES, values)]
    for message_id in found:
        books.write_many(
            "DELETE FROM provider_ids WHERE provider = ? AND provider_id = ? AND message_id = ?",
            [(*one, message_id) for one in _ids_of(message_id, books)],
        )
        books.write("DELETE FROM messages WHERE id = ?", (message_id,))
        books.touched.pop(message_id, None)
        books.gone.add(message_id)
    return len(found)


def _ids_of(message_id: str, books: Books) -> list[tuple[str, str]]:
    """Return providers and the ids that they gave a message; nothing for one that is damaged."""
    try:
        record = books.record(message_id)
    except StoreError:
        return []
    attempts = record.attempts if record is not None else ()
    outcomes = [(one.provider, one.outcome) for one in attempts]
    return [(provider, one) for provider, outcome in outcomes if isinstance(outcome, Accepted) for one in outcome.ids]


def _delete_others(retention: Retention, now: float, limit: int, books: Books) -> int:
    count = books.write(
        "DELETE FROM claims WHERE (client, key) IN (SELECT client, key FROM claims WHERE at < ? LIMIT ?)",
        (now - retention.keys, limit),
    )
    return count + _delete_news(now - retention.news, limit, books)


def _delete_early(before: float, limit: int, books: Books) -> tuple[int, Keys]:
    rows = books.read("SELECT seq, provider, key FROM early WHERE at < ? ORDER BY seq LIMIT ?", (before, limit))
    return len(rows), forget_early(rows, books)


def _delete_news(before: float, limit: int, books: Books) -> int:
    """Forget old news, save what is still to be posted. The place of the last is kept, so that none comes twice."""
    dead = "SELECT l.seq FROM letters l JOIN news n ON n.seq = l.seq WHERE l.dead = 1 AND n.at < ? LIMIT ?"
    books.write(f"DELETE FROM letters WHERE seq IN ({dead})", (before, limit))  # noqa: S608 - a constant
    last = books.read("SELECT max(seq) FROM news")[0][0]
    if last is not None:
        books.write("UPDATE meta SET value = max(value, ?) WHERE name = 'last_news'", (last,))
    return books.write(_FORGET_NEWS, (limit, before))
