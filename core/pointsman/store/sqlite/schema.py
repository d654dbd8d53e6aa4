"""The tables of the journal, and how an older journal becomes one of today.

Each step is run once, in a transaction of its own; `PRAGMA user_version` says how many were. A step that was released
is never changed. The form of the records in the columns `envelope` and `life` belongs to the version too: when a field
is added to what they hold, a step is added as well, if only an empty one, so that no older program loses the field.
Until the first release the first step still changes; what wrote a journal before then may not read it later.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

from pointsman.errors import StoreError

APPLICATION_ID = 0x506F696E
"""Marks the file as a journal of ours (`Poin`)."""


class Step(msgspec.Struct, frozen=True):
    """One step from a version to the next."""

    about: str
    statements: tuple[str, ...] = ()


_FIRST = Step(
    "the journal as it was first released",
    (
        """
        CREATE TABLE messages (
            id TEXT PRIMARY KEY NOT NULL,
            client TEXT,
            reference TEXT,
            lane INTEGER NOT NULL,
            stage INTEGER NOT NULL,
            owner INTEGER NOT NULL,
            run_at REAL NOT NULL,
            state TEXT NOT NULL,
            updated_at REAL NOT NULL,
            over_at REAL,
            erased INTEGER NOT NULL,
            partner TEXT,
            envelope BLOB NOT NULL,
            life BLOB NOT NULL
        )
        """,
        "CREATE INDEX messages_waiting ON messages (owner, lane, run_at) WHERE stage = 1",
        "CREATE INDEX messages_in_flight ON messages (owner) WHERE stage = 2",
        "CREATE INDEX messages_followed ON messages (id) WHERE stage = 3",
        "CREATE INDEX messages_over ON messages (erased, lane, over_at) WHERE over_at IS NOT NULL",
        "CREATE INDEX messages_reference ON messages (client, reference, id) WHERE reference IS NOT NULL",
        """
        CREATE TABLE provider_ids (
            provider TEXT NOT NULL,
            provider_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            PRIMARY KEY (provider, provider_id, message_id, attempt)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE claims (
            client TEXT NOT NULL,
            key TEXT NOT NULL,
            digest BLOB NOT NULL,
            ids TEXT NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (client, key)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX claims_at ON claims (at)",
        """
        CREATE TABLE early (
            seq INTEGER PRIMARY KEY,
            provider TEXT NOT NULL,
            key TEXT NOT NULL,
            report BLOB NOT NULL,
            at REAL NOT NULL
        )
        """,
        "CREATE INDEX early_key ON early (provider, key)",
        """
        CREATE TABLE news (
            seq INTEGER PRIMARY KEY,
            client TEXT NOT NULL,
            message_id TEXT NOT NULL,
            state TEXT NOT NULL,
            at REAL NOT NULL,
            body BLOB NOT NULL
        )
        """,
        "CREATE INDEX news_client ON news (client, seq)",
        """
        CREATE TABLE letters (
            seq INTEGER PRIMARY KEY,
            message_id TEXT NOT NULL,
            url TEXT NOT NULL,
            tries INTEGER NOT NULL,
            next_at REAL NOT NULL,
            error TEXT NOT NULL,
            dead INTEGER NOT NULL,
            head INTEGER NOT NULL
        )
        """,
        "CREATE INDEX letters_message ON letters (message_id, seq) WHERE dead = 0",
        "CREATE INDEX letters_due ON letters (next_at, seq) WHERE head = 1",
        "CREATE INDEX letters_dead ON letters (seq) WHERE dead = 1",
        """
        CREATE TABLE accounts (
            provider TEXT NOT NULL,
            currency TEXT NOT NULL,
            spent TEXT NOT NULL,
            PRIMARY KEY (provider, currency)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE usage (
            day TEXT NOT NULL,
            client TEXT NOT NULL,
            messages INTEGER NOT NULL,
            spent TEXT NOT NULL,
            PRIMARY KEY (day, client)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE kept (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (kind, name)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID",
        "INSERT INTO meta VALUES ('openings', 0), ('last_news', 0)",
    ),
)
STEPS: tuple[Step, ...] = (_FIRST,)
"""All of them, in order: the version of a journal is how many it has had."""


def version_of(database: sqlite3.Connection) -> int:
    """Return the version of a journal; 0 for a file in which nothing is yet."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(database: sqlite3.Connection, name: str, steps: Sequence[Step] = STEPS) -> int:
    """Bring a journal to the present version; return the one that it had. Raises `StoreError` for a later one."""
    found = version_of(database)
    if found > len(steps):
        raise StoreError(
            name,
            f"this journal is of version {found}, and this pointsman knows versions up to {len(steps)} only:"
            " run the later pointsman that wrote it, or restore the backup that was made before the upgrade",
        )
    for number, step in enumerate(steps[found:], start=found + 1):
        database.execute("BEGIN IMMEDIATE")
        try:
            for statement in step.statements:
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {number}")
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
    return found
