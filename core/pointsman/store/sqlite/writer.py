"""The thread that writes: group commit, and what happens when it fails.

Theory of operation. A group is one transaction. An operation that fails by itself - there is no such message, the key
was used for another request - fails alone. When writing fails, all of the group does, nothing of it is written, and the
next group tries anew: a full disk heals by itself. Should anything else go wrong while a group is written, its
operations are tried one by one, so that whatever cannot be written harms nobody else.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence

from pointsman.clock import Clock
from pointsman.store.record import Record
from pointsman.store.sqlite.books import Books
from pointsman.store.sqlite.faults import told
from pointsman.store.sqlite.taking import taken_before
from pointsman.store.sqlite.threads import Answer, Job

Committed = Callable[[float, int], None]
"""Is told of each group: the seconds that its transaction took, and how many operations shared it."""
Group = tuple[float, int]
"""What is told of a group."""
Published = Callable[[Sequence[Answer], Mapping[str, Record], frozenset[str], Group | None], None]
"""Is given, in this thread, what is durable now."""

_OF_AN_OPERATION = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.IntegrityError, sqlite3.DataError)
"""Errors of SQLite that say something of what it was given, and nothing of the disk."""
PATIENCE_MS = 5_000
"""How long a write waits for another program's lock (milliseconds)."""
MOVED_AFTER = 5_000
"""After so many rows written, what is in the file beside the journal is moved into it."""


class Writer:
    """Runs groups of operations on the books; used in its thread only."""

    def __init__(self, books: Books, clock: Clock, publish: Published) -> None:
        self._books = books
        self._clock = clock
        self._publish = publish
        # Opening has written, and a process that died may have left any number of rows there.
        self._unmoved = 1
        """Rows written since the file beside the journal was emptied."""
        self._since = MOVED_AFTER
        """Rows written since what is in it was moved into the journal."""

    def serve(self, jobs: Sequence[Job]) -> None:
        """Run a group and make it durable."""
        try:
            self._run(jobs)
        except Exception as error:  # noqa: BLE001 - told to those who wait, and the thread must live on
            is_of_the_disk = isinstance(error, sqlite3.Error) and not isinstance(error, _OF_AN_OPERATION)
            if is_of_the_disk or len(jobs) == 1:
                self._failed(jobs, self._in_words(error))
                return
            for job in jobs:
                self.serve((job,))

    def _in_words(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.IntegrityError):
            return taken_before()  # the only rule of a table that an operation may break
        return told(self._books.name, error) if isinstance(error, sqlite3.Error) else error

    def _run(self, jobs: Sequence[Job]) -> None:
        books = self._books
        books.begin()
        started = self._clock.monotonic()
        answers = [self._answer(job) for job in jobs]
        writes = books.commit()
        told_of = (self._clock.monotonic() - started, len(jobs)) if writes else None
        self._publish(answers, books.touched, frozenset(books.gone), told_of)
        self._unmoved += writes
        self._since += writes
        if self._since >= MOVED_AFTER:
            self._checkpoint("PASSIVE")

    def _answer(self, job: Job) -> Answer:
        try:
            return Answer(job, job.run(self._books))
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked for this
            return Answer(job, error=error)

    def _failed(self, jobs: Sequence[Job], error: Exception) -> None:
        # What cannot be undone now is undone before the next group begins, or that one fails as well.
        with contextlib.suppress(sqlite3.Error):
            self._books.begin()
        self._publish([Answer(job, error=error) for job in jobs], {}, frozenset(), None)

    def idle(self) -> None:
        """Move what is beside the journal into it, now that nobody waits, and leave nothing of what was erased."""
        self._checkpoint("TRUNCATE")

    def finish(self) -> None:
        """Move everything into the journal and let go of it."""
        self._checkpoint("TRUNCATE")
        self._books.database.close()

    def _checkpoint(self, how: str) -> None:
        """Move what is beside the journal into it. Never fails or waits: where it is now, it is as safe."""
        if not self._unmoved:
            return
        self._since = 0
        self._unmoved = 0 if how == "TRUNCATE" else self._unmoved
        database = self._books.database
        database.execute("PRAGMA busy_timeout = 0")
        with contextlib.suppress(sqlite3.Error):
            database.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        database.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
