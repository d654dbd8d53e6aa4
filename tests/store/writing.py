"""A program that writes to a journal until it is killed, and says on standard output what was acknowledged.

It is given the journal, a seed and a mode of `PRAGMA synchronous`. Each line is an id and how far that message came.
"""

import asyncio
import os
import sys
from random import Random

from pointsman.clock import Clock
from pointsman.outcome import Accepted
from pointsman.store.change import Note
from pointsman.store.sqlite import SqliteStore
from pointsman.testing.stores import Trial
from pointsman.testing.stores.trial import report

WRITERS = 20


async def main(path: str, seed: int, synchronous: str) -> None:
    """Write for ever."""

    def make(clock: Clock, place: str) -> SqliteStore:
        return SqliteStore(path, clock=clock)

    random = Random(seed)
    async with Trial.of(make, "journal") as trial:
        assert isinstance(trial.store, SqliteStore)
        await trial.store._write(lambda books: books.database.execute(f"PRAGMA synchronous = {synchronous}"))
        trial._last = seed << 32
        say("ready", 0)
        await asyncio.gather(*(writer(trial, random) for _ in range(WRITERS)))


async def writer(trial: Trial, random: Random) -> None:
    """Take one message after the other in, and bring each a random part of its way."""
    while True:
        message_id = await trial.taken(trial.envelope(text="x" * random.randrange(1, 400)))
        say(message_id, 1)
        if random.random() < 0.2:
            continue
        await trial.begin(message_id)
        say(message_id, 2)
        if random.random() < 0.2:
            continue
        await trial.settle(message_id, Accepted(ids=(f"p{message_id}",)), price="0.01")
        say(message_id, 3)
        if random.random() < 0.5:
            await trial.apply(message_id, Note(1, report(f"p{message_id}")))
            say(message_id, 4)


def say(message_id: str, step: int) -> None:
    """Tell at once that a step was acknowledged: a killed process flushes nothing."""
    os.write(1, f"{message_id} {step}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
