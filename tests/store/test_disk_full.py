"""When the disk is full nothing is acknowledged that is not written, and everything goes on when there is space."""

import asyncio
from pathlib import Path

import pytest

from pointsman.errors import StoreUnavailable
from pointsman.outcome import State
from pointsman.store.change import End
from pointsman.store.sqlite import SqliteStore
from pointsman.store.sqlite.books import Books
from pointsman.testing.stores import Trial


async def limit(trial: Trial, pages: int) -> None:
    """Let the journal grow by so many pages more, and then be as if the disk were full."""

    def limited(books: Books) -> None:
        (count,) = books.database.execute("PRAGMA page_count").fetchone()
        books.database.execute(f"PRAGMA max_page_count = {count + pages}")

    assert isinstance(trial.store, SqliteStore)
    await trial.store._write(limited)


async def fill(trial: Trial) -> list[str]:
    """Take messages in until there is no room; return those that were acknowledged."""
    taken: list[str] = []
    for _ in range(200):
        tries = [trial.taken(trial.envelope(text="x" * 500)) for _ in range(10)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        taken += [one for one in results if isinstance(one, str)]
        failed = [one for one in results if isinstance(one, BaseException)]
        if failed:
            assert {type(one) for one in failed} == {StoreUnavailable}
            assert all("disk is full" in str(one) for one in failed)
            return taken
    pytest.fail("it never was full")


async def test_nothing_acknowledged_is_lost(trial: Trial):
    """What was acknowledged before is there, what was not is not, and after space was made the store goes on."""
    await limit(trial, 40)
    taken = await fill(trial)
    refused = trial.envelope(text="y" * 5000)
    with pytest.raises(StoreUnavailable, match="free some space"):
        await trial.taken(refused)

    assert await trial.store.get(refused.id) is None
    assert taken
    await limit(trial, 1_000_000)
    late = await trial.taken(refused)
    await trial.again()
    assert [await trial.store.get(one) is not None for one in (*taken, late)] == [True] * (len(taken) + 1)


async def test_records_are_as_on_the_disk_after_a_failure(trial: Trial):
    """A change that could not be written has not happened: not in what is read, nor in the next change."""
    message_id = await trial.taken()
    await limit(trial, 0)
    results = await asyncio.gather(
        trial.apply(message_id, End(State.CANCELLED, owner=trial.store.owner)),
        trial.store.accept([trial.envelope(text="x" * 4000) for _ in range(50)]),
        return_exceptions=True,
    )

    assert [type(one) for one in results] == [StoreUnavailable] * 2
    assert (await trial.get(message_id)).state is State.ACCEPTED
    await limit(trial, 1_000_000)
    assert (await trial.begin(message_id)).state is State.SENDING


async def test_news_has_no_gaps_after_a_failure(trial: Trial):
    """Places of news that could not be written are given to the next news."""
    message_id, other = await trial.taken(), await trial.taken()
    await limit(trial, 0)
    await asyncio.gather(
        trial.apply(message_id, End(State.CANCELLED, owner=trial.store.owner)),
        trial.store.accept([trial.envelope(text="x" * 4000) for _ in range(50)]),
        return_exceptions=True,
    )
    await limit(trial, 1_000_000)
    await trial.apply(other, End(State.CANCELLED, owner=trial.store.owner))

    assert [one.seq for one in await trial.store.news("shop", 0, 9)] == [1]
    assert await trial.store.last_news() == 1


async def test_real_small_disk(small_disk: Path):
    """The same on a file system that really is full, until a file is deleted there."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 2_000_000)
    async with Trial.of(lambda clock, place: SqliteStore(small_disk / f"{place}.db", clock=clock), "small") as trial:
        taken = await fill(trial)
        with pytest.raises(StoreUnavailable, match="free some space"):
            await trial.taken(trial.envelope(text="y" * 3_000_000))
        ballast.unlink()
        taken.append(await trial.taken(trial.envelope(text="y" * 5000)))
        await trial.again()

        assert [await trial.store.get(one) is not None for one in taken] == [True] * len(taken)
