"""Reports of which nobody knows the message: bounded on the disk and in memory, and never forgotten by a failure."""

import pytest

from pointsman.errors import StoreUnavailable
from pointsman.store.sqlite import SqliteStore, store
from pointsman.store.sqlite.books import Books
from pointsman.testing.stores import Trial
from pointsman.testing.stores.trial import PROVIDER, report


async def test_memory_is_bounded(trial: Trial, monkeypatch: pytest.MonkeyPatch):
    """Of many reports that are about nobody the last are kept, and nothing is remembered of the others."""
    monkeypatch.setattr(store, "EARLY_KEPT", 10)
    for place in range(50):
        await trial.store.keep_early(PROVIDER, f"p{place}", report(f"p{place}"), trial.clock.now())

    assert isinstance(trial.store, SqliteStore)
    assert len(trial.store._early) == 10
    assert await trial.store.early(PROVIDER, "p0") == ()
    assert await trial.store.early(PROVIDER, "p49") == (report("p49"),)


async def test_what_could_not_be_forgotten_is_still_there(trial: Trial):
    """A report that could not be taken out, because the disk refused, is handed out when it is asked for again."""
    await trial.store.keep_early(PROVIDER, "p1", report("p1"), trial.clock.now())

    def refuse(books: Books) -> None:
        books.database.execute("PRAGMA query_only = ON")

    def allow(books: Books) -> None:
        books.database.execute("PRAGMA query_only = OFF")

    assert isinstance(trial.store, SqliteStore)
    await trial.store._write(refuse)
    with pytest.raises(StoreUnavailable):
        await trial.store.take_early(PROVIDER, "p1")
    await trial.store._write(allow)
    assert await trial.store.take_early(PROVIDER, "p1") == (report("p1"),)
    assert await trial.store.early(PROVIDER, "p1") == ()
