"""What was erased is not in the files any more."""

import sqlite3
from pathlib import Path

from pointsman.store.interface import Retention
from pointsman.store.sqlite import erasing, reading, taking
from pointsman.testing.stores import Trial

SECRET = "Your code is 4711-0815"


def found(folder: Path, what: str) -> list[str]:
    """Return the files in which something stands."""
    return [file.name for file in folder.iterdir() if what.encode() in file.read_bytes()]


async def test_nothing_is_left_of_a_text(trial: Trial, tmp_path: Path):
    """After a text was erased and the journal closed, neither it nor the number is in any of its files."""
    message_id = await trial.delivered(trial.envelope(text=SECRET))
    assert found(tmp_path, SECRET)
    await trial.store.erase(Retention(texts=0.0), trial.clock.now(), 10)
    await trial.store.close()

    assert found(tmp_path, SECRET) == []
    assert found(tmp_path, "79161234567") == []
    await trial.store.open()
    assert (await trial.get(message_id)).erased


async def test_beside_the_journal_too(trial: Trial, journal: Path, tmp_path: Path):
    """While the store is idle, what is beside the journal is moved into it, and the file beside it is emptied."""
    await trial.delivered(trial.envelope(text=SECRET))
    await trial.store.erase(Retention(texts=0.0), trial.clock.now(), 10)
    trial.store._writer._idle()  # type: ignore[attr-defined]

    assert found(tmp_path, SECRET) == []


async def test_queries_use_indexes(trial: Trial, journal: Path):
    """No query that a router makes looks at every message: with a million of them that would take seconds."""
    queries = [
        *(taking._TAKE, taking._IN_FLIGHT),
        *(reading._ONE, reading._FOLLOWED, reading._REFERRED, reading._DUE, reading._WAITING),
        *(erasing._MESSAGES, erasing._OLD, erasing._CODES),
    ]
    with sqlite3.connect(journal) as database:
        plans = {
            query: [step[3] for step in database.execute(f"EXPLAIN QUERY PLAN {query}", [0] * query.count("?"))]
            for query in queries
        }
    database.close()

    scans = {query: plan for query, plan in plans.items() if any(step.startswith("SCAN") for step in plan)}
    assert scans == {}


async def test_a_damaged_message_keeps_no_text(trial: Trial, journal: Path, tmp_path: Path):
    """What can be read of a damaged message is erased in its time, and it keeps no other from being erased."""
    damaged, sound = [await trial.delivered(trial.envelope(text=SECRET), f"p{place}") for place in range(2)]
    await trial.store.close()
    with sqlite3.connect(journal) as database:
        database.execute("UPDATE messages SET life = CAST(x'00' || life AS BLOB) WHERE id = ?", (damaged,))
    database.close()
    await trial.store.open()

    done = await trial.store.erase(Retention(texts=0.0), trial.clock.now(), 10)
    assert (done.texts, (await trial.get(sound)).erased) == (2, True)
    later = await trial.store.erase(Retention(texts=0.0, messages=0.0), trial.clock.now(), 10)
    assert (later.texts, later.messages) == (0, 2)
    await trial.store.close()
    assert found(tmp_path, SECRET) == []


async def test_news_are_not_looked_through(trial: Trial, journal: Path):
    """Forgetting old news looks at the oldest only, not at all that are there."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with sqlite3.connect(journal) as database:
        rows = [(seq, "shop", "m", "sent", 1e9 + seq, b"{}") for seq in range(1, 20_001)]
        database.executemany("INSERT INTO news VALUES (?, ?, ?, ?, ?, ?)", rows)
        database.set_progress_handler(step, 100)
        assert database.execute(erasing._FORGET_NEWS, (100, 1e9 + 11)).rowcount == 10
        assert database.execute(erasing._FORGET_NEWS, (100, 1e9 + 11)).rowcount == 0
    database.close()
    assert steps < 100
