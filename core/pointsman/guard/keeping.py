"""Quotas survive a restart: what was used today is read from the store, with what only the guard itself knows."""

import contextlib

import msgspec

from pointsman.guard.days import Memory
from pointsman.guard.guard import Guard
from pointsman.store import Store

KIND = "guard"
NAME = "days"


async def restore(guard: Guard, store: Store) -> None:
    """Take up what was used today; to be called once, before anything is let in.

    What was kept by another version, and cannot be read, is left out: lookups and countries are counted anew.
    """
    usage = await store.usage(guard.day)
    written = (await store.kept(KIND)).get(NAME)
    memory = None
    if written is not None:
        with contextlib.suppress(msgspec.MsgspecError):
            memory = msgspec.json.decode(written, type=Memory)
    guard.recall(usage, memory)


async def save(guard: Guard, store: Store) -> None:
    """Write down what the store does not count by itself: lookups and countries. Once a minute is enough."""
    await store.keep(KIND, NAME, msgspec.json.encode(guard.memory()))
