"""Both stores of the package keep the contract of stores, check by check."""

from pathlib import Path

import pytest

from pointsman.store import MemoryStore
from pointsman.store.sqlite import SqliteStore
from pointsman.testing.stores import STORE_CHECKS, check_store, store_problems


@pytest.mark.parametrize("name", STORE_CHECKS)
async def test_memory(name: str):
    """The memory store keeps it."""
    await check_store(name, lambda clock, place: MemoryStore())


@pytest.mark.parametrize("name", STORE_CHECKS)
async def test_sqlite(name: str, tmp_path: Path):
    """The durable store keeps it."""
    await check_store(name, lambda clock, place: SqliteStore(tmp_path / f"{place}.db", clock=clock))


def test_every_check_states_its_fact():
    """Each check has a docstring of its own, which is what an author of a store is told."""
    facts = [check.__doc__ for check in STORE_CHECKS.values()]

    assert all(facts)
    assert len(set(facts)) == len(facts)


class Forgetful(MemoryStore):
    """Forgets every message."""

    async def get(self, message_id: str) -> None:
        """Return nothing."""


async def test_problems_are_told():
    """A store that breaks the contract is told by which check, and what it did instead; a good one is told nothing."""
    problems = await store_problems(lambda clock, place: Forgetful())

    assert any(one.startswith("taken_in_together: ") and "is not there" in one for one in problems)
    assert await store_problems(lambda clock, place: MemoryStore()) == ()
