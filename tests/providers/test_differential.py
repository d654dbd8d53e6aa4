"""What receipts say equals what providers' ledgers say, message by message and coin by coin, whatever goes wrong.

Each seed draws a configuration, some hundred messages of all kinds and what the sandboxes do wrong, lets it happen and
waits until nothing can happen any more. `POINTSMAN_DIFFERENTIAL_SEEDS=200` in the environment plays so many seeds.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pointsman.outcome import outcome_label

from .bench import Bench
from .ledgers import Truth
from .story import Door, Play
from .truth import first_difference

SEEDS = int(os.environ.get("POINTSMAN_DIFFERENTIAL_SEEDS", "32"))
MESSAGES = 100
"""In each of them."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door() -> AsyncIterator[Door]:
    """Listen for callbacks."""
    door = Door()
    await door.open()
    yield door
    await door.close()


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.asyncio(loop_scope="module")
async def test_receipts_and_ledgers_tell_one_story(bench: Bench, door: Door, seed: int):
    """Nothing is lost, nothing is sent twice but where the class wants it, no coin is missing, no call untold."""
    story = await Play(bench, door, seed, MESSAGES).run()

    assert len(story.receipts) == MESSAGES
    assert first_difference(story) is None


@pytest.mark.asyncio(loop_scope="module")
async def test_the_draw_is_as_wild_as_it_claims(bench: Bench, door: Door):
    """A few seeds hold every outcome at every account, doubts of both kinds, copies, shared places, late answers."""
    seen: Counter[str] = Counter()
    for seed in range(6):
        bench.reset()
        story = await Play(bench, door, seed, MESSAGES).run()
        truth = Truth(story)
        for record in story.records:
            for attempt in record.attempts:
                match = truth.of_try.get((record.envelope.id, attempt.number))
                seen[f"{attempt.provider} {outcome_label(attempt.first_unknown or attempt.outcome)}"] += 1
                seen[f"{outcome_label(attempt.outcome)} in a ledger: {match is not None}"] += 1
                seen["cleared up"] += attempt.first_unknown is not None
                seen["shared"] += attempt.shared
            seen["twice"] += len({id(match) for match in truth.of_message[record.envelope.id]}) > 1
    accounts = ("devino", "second", "smstele", "affiliate")
    wanted = {f"{account} {label}" for account in accounts for label in ("accepted", "refused", "unknown")}
    wanted |= {"unknown in a ledger: True", "unknown in a ledger: False", "cleared up", "shared", "twice"}
    assert {one for one in wanted if not seen[one]} == set()
