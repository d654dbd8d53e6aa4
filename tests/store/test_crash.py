"""What was acknowledged is there after the process was killed, however often and whenever that happens."""

import asyncio
import shutil
from pathlib import Path
from random import Random

from pointsman.outcome import Unknown
from pointsman.store.sqlite import SqliteStore
from pointsman.store.sqlite.looking import examine
from pointsman.testing.stores import MakeStore, Trial

from .crashing import Writing, lost

KILLS = 4


async def test_killed_at_random_moments(journal: Path):
    """A process that writes is killed again and again; the next one finds everything that was acknowledged."""
    random = Random(5)
    said: dict[str, int] = {}
    for seed in range(1, KILLS + 1):
        writing = Writing(journal, seed)
        writing.kill(random.uniform(0.05, 0.5))
        said |= writing.said

    assert len(said) > 100
    assert await lost(journal, said) == {}
    assert examine(journal).good


async def test_what_was_in_flight_is_recovered(journal: Path):
    """After a kill each attempt that was started and not settled is found once, with an outcome that nobody knows."""
    writing = Writing(journal, 1)
    writing.kill(0.3)
    flying = {message_id for message_id, step in writing.said.items() if step == 2}

    store = SqliteStore(journal)
    await store.open()
    recovered = []
    while page := await store.recover(2e9, 50):
        recovered += page
    await store.close()

    assert flying
    found = {one.envelope.id for one in recovered}
    assert len(found) == len(recovered)
    # One whose settlement was written and not told any more is settled.
    assert len(flying - found) <= 20
    assert all(isinstance(one.attempts[-1].outcome, Unknown) for one in recovered)


async def test_what_stands_beside_a_journal_does_not_grow_with_each_crash(make: MakeStore, tmp_path: Path):
    """However often a process dies before it made order, its rows are moved into the journal by the next one."""
    sizes = []
    for life in range(8):
        async with Trial.of(make, f"life{life}") as trial:
            trial._last = life * 1000
            await asyncio.gather(*(trial.taken() for _ in range(200)))
            await asyncio.gather(*(trial.taken() for _ in range(200)))
            beside = tmp_path / f"life{life}.db-wal"
            sizes.append(beside.stat().st_size)
            # As a crash leaves the two: nothing writes now, and the copy is of one moment.
            shutil.copy(tmp_path / f"life{life}.db", tmp_path / f"life{life + 1}.db")
            shutil.copy(beside, tmp_path / f"life{life + 1}.db-wal")

    assert sizes[-1] < 2 * sizes[2]
