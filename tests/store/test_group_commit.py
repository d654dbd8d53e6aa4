"""Operations that come while the disk is busy share the next transaction; what fails alone fails alone."""

import asyncio

import pytest

from pointsman.errors import KeyReused, StoreError
from pointsman.outcome import State
from pointsman.store.change import Due, End, Retime
from pointsman.store.interface import Claim
from pointsman.store.sqlite import SqliteStore
from pointsman.store.sqlite.books import Books
from pointsman.store.sqlite.recent import Recent
from pointsman.store.sqlite.writer import Writer
from pointsman.testing.stores import Trial
from pointsman.testing.stores.trial import CLIENT


def sqlite(trial: Trial) -> SqliteStore:
    """Return the store of a trial as what it is."""
    assert isinstance(trial.store, SqliteStore)
    return trial.store


async def test_many_share_one_commit(trial: Trial):
    """A thousand messages that come at once are written in a few transactions, and all are told of."""
    groups: list[int] = []
    sqlite(trial).committed = lambda seconds, writes: groups.append(writes)

    await asyncio.gather(*(trial.taken() for _ in range(1000)))

    assert sum(groups) == 1000
    assert len(groups) < 20


async def test_reading_commits_nothing(trial: Trial):
    """An operation that changes nothing makes no transaction."""
    message_id = await trial.taken()
    groups: list[int] = []
    sqlite(trial).committed = lambda seconds, writes: groups.append(writes)

    await trial.apply(message_id, Due())
    await trial.store.give_back([], 0.0)

    assert groups == []


async def test_order_of_one_message(trial: Trial):
    """A hundred changes of one message that are under way together are applied in the order of the calls."""
    message_id = await trial.taken()
    due = trial.clock.now()

    changed = await asyncio.gather(*(trial.apply(message_id, Retime(due + place)) for place in range(1, 101)))

    assert [record.envelope.due for record in changed] == [due + place for place in range(1, 101)]


async def test_failures_are_alone(trial: Trial):
    """In one group an unknown message, a reused key and an id that is taken fail, and everything else is written."""
    first = trial.envelope()
    await trial.store.accept((first,), claim=Claim(CLIENT, "k", b"one"))

    results = await asyncio.gather(
        trial.taken(),
        trial.store.apply("0" * 28, Due(), 0.0),
        trial.store.accept((trial.envelope(),), claim=Claim(CLIENT, "k", b"two")),
        trial.taken(first),
        trial.apply(first.id, End(State.CANCELLED, owner=trial.store.owner)),
        return_exceptions=True,
    )

    assert [type(one) for one in results[1:4]] == [KeyError, KeyReused, ValueError]
    assert await trial.store.get(str(results[0])) is not None
    assert (await trial.get(first.id)).state is State.CANCELLED


async def test_what_cannot_be_written_harms_nobody(trial: Trial):
    """An operation that makes its whole group fail for another reason than the disk is found out and fails alone."""

    def poisoned(books: Books) -> None:
        books.batch.places.append(("no", "message", [], 1))  # type: ignore[arg-type]
        books.batch.claims["", ""] = Claim("", "", b""), (), 0.0

    results = await asyncio.gather(trial.taken(), sqlite(trial)._write(poisoned), trial.taken(), return_exceptions=True)

    assert isinstance(results[1], StoreError)
    assert [await trial.store.get(str(results[place])) is not None for place in (0, 2)] == [True, True]


async def test_readers_see_only_what_is_durable(trial: Trial):
    """Until its transaction is on the disk, a change is seen by nobody."""
    message_id = await trial.taken()
    seen: list[object] = []

    def slowly(books: Books) -> None:
        books.flush()
        seen.append(asyncio.run_coroutine_threadsafe(trial.get(message_id), loop).result(5.0).state)

    loop = asyncio.get_running_loop()
    await asyncio.gather(
        trial.apply(message_id, End(State.CANCELLED, owner=trial.store.owner)), sqlite(trial)._write(slowly)
    )

    assert seen == [State.ACCEPTED]
    assert (await trial.get(message_id)).state is State.CANCELLED


async def test_caller_that_gave_up(trial: Trial):
    """A caller that is cancelled while it waits stops nobody else."""
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(trial.taken())
        stays = group.create_task(trial.taken())
        await asyncio.sleep(0)
        gone.cancel()

    assert await trial.store.get(stays.result()) is not None


async def test_closing_finishes_writes(trial: Trial):
    """What was handed over before the store is closed is written; afterwards it says that it is closed."""
    envelope = trial.envelope()
    taken = asyncio.ensure_future(trial.store.accept((envelope,)))
    await asyncio.sleep(0)
    store = trial.store
    await trial.again()

    assert (await taken).records[0].envelope == envelope
    assert (await trial.get(envelope.id)).envelope == envelope
    with pytest.raises(StoreError, match="not open"):
        await store.accept((trial.envelope(),))
    await store.close()


async def test_patience_outlives_a_checkpoint_that_fails(trial: Trial):
    """After a checkpoint that could not be made, writes wait as long for another program's lock as before."""
    await trial.taken()

    def fail(books: Books) -> tuple[int]:
        writer = Writer(books, trial.clock, lambda *published: None)
        writer._unmoved = 1
        books.database.execute("BEGIN IMMEDIATE")
        writer.idle()  # no checkpoint can be made within a transaction
        books.database.execute("ROLLBACK")
        return books.database.execute("PRAGMA busy_timeout").fetchone()

    assert await sqlite(trial)._write(fail) == (5000,)


def test_recent_records_are_bounded():
    """Of the records that were used, so many are remembered, and those that were used last."""
    recent = Recent(2)
    one, two, three = object(), object(), object()
    recent.put({"one": one, "two": two})  # type: ignore[dict-item]
    recent.get("one")
    recent.put({"three": three})  # type: ignore[dict-item]

    assert [recent.get(name) for name in ("one", "two", "three")] == [one, None, three]
    assert len(recent) == 2
