"""Whether lookups before sending pay in the simulator's worlds, by the router's own code."""

import msgspec
import pytest

from pointsman.routing.match import Lookup
from pointsman.testing.simulator.routed import Routed
from pointsman.testing.simulator.run import Result, play
from pointsman.testing.simulator.scenarios import SCENARIOS
from pointsman.testing.simulator.world import World

MESSAGES = 1200
SEEDS = (1, 2)


def world(name: str, **changes: object) -> World:
    """Return a scenario, shortened."""
    found = next(one for one in SCENARIOS if one.name == name)
    return msgspec.structs.replace(found, messages=MESSAGES, **changes)


def played(scenario: World, lookup: Lookup) -> list[Result]:
    """Return what comes of a scenario."""
    return [play(scenario, seed, lambda scene: Routed(scene, lookup=lookup)) for seed in SEEDS]


def total(results: list[Result]) -> float:
    """Return money and losses together."""
    return float(sum(result.total for result in results))


@pytest.mark.parametrize("name", ["ported numbers", "dead numbers"])
def test_auto_pays(name: str):
    """Where many numbers are ported or dead, lookups by `auto` save a good part of what `always` saves."""
    never, always, auto = (total(played(world(name), lookup)) for lookup in Lookup)

    assert always < never
    assert auto < never - 0.4 * (never - always)


def test_auto_leaves_alone_what_does_not_pay():
    """Where a lookup costs as much as a message and few numbers are dead, `auto` looks a few up and `always` loses."""
    scenario = world("dead numbers", dead=0.02, lookup_price=1)
    results = {lookup: played(scenario, lookup) for lookup in Lookup}

    assert sum(result.lookups for result in results[Lookup.AUTO]) < 0.02 * MESSAGES * len(SEEDS)
    assert sum(result.lookups for result in results[Lookup.NEVER]) == 0
    assert sum(result.lookups for result in results[Lookup.ALWAYS]) == MESSAGES * len(SEEDS)
    assert total(results[Lookup.AUTO]) < 1.05 * total(results[Lookup.NEVER]) < total(results[Lookup.ALWAYS])


def test_a_dead_number_costs_its_lookup():
    """Where every number is dead, `always` pays for lookups and sends nothing."""
    (result, _) = played(world("dead numbers", dead=1.0), Lookup.ALWAYS)

    assert result.shares == {}
    assert float(result.money) == pytest.approx(0.04 * MESSAGES)
