"""Rows of a group are written by one statement, however many there are."""

import sqlite3

import pytest

from pointsman.store.sqlite.together import KEPT, MOST, insertion, pieces, update_of


@pytest.mark.parametrize("count", [0, 1, MOST - 1, MOST, MOST + 1, 3 * MOST + 5])
def test_pieces_are_all_the_rows_in_order(count: int):
    """Nothing is lost where rows are cut into pieces, and no piece is too large for a statement."""
    rows = [(number,) for number in range(count)]

    assert [row for piece in pieces(rows) for row in piece] == rows
    assert all(0 < len(piece) <= MOST for piece in pieces(rows))


@pytest.mark.parametrize("count", [1, 2, MOST])
def test_many_rows_by_one_statement(count: int):
    """What one statement inserts and changes are exactly the rows that it was given; others stay as they are."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE messages (id TEXT PRIMARY KEY, state TEXT, at REAL)")
    rows = [(f"m{number}", "new", float(number)) for number in range(count)]
    database.execute(insertion("INSERT INTO messages", 3)(count), [value for row in rows for value in row])
    database.execute("INSERT INTO messages VALUES ('other', 'new', 0.5)")

    changes = [value for number in range(count) for value in ("sent", number + 0.25, f"m{number}")]
    changed = database.execute(update_of("messages", ("state", "at"))(count), changes).rowcount

    assert changed == count
    found = database.execute("SELECT id, state, at FROM messages ORDER BY rowid").fetchall()
    assert found == [*((f"m{number}", "sent", number + 0.25) for number in range(count)), ("other", "new", 0.5)]


def test_messages_are_looked_up_by_their_id():
    """A change of many rows finds each by the index: it must not go through a table of a million."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE messages (id TEXT PRIMARY KEY, state TEXT)")
    statement = update_of("messages", ("state",))(MOST)
    plan = database.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * 2 * MOST).fetchall()

    assert any("SEARCH messages" in line[-1] for line in plan)
    assert not any("SCAN messages" in line[-1] for line in plan)


def test_statements_stay_prepared():
    """A connection keeps as many statements as there may be, so that none is prepared again and again."""
    kinds = 5  # new messages, changes, changes with the envelope, ids of providers, news
    assert kinds * MOST <= KEPT
