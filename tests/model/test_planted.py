"""The check is worth something: bugs that are planted in the rules are found, each with a story that can be read."""

import pytest

from .explorer import explore
from .mutants import CANCELLED, MENDED, PLANTED, Mutant
from .world import Scope

BUGS = {**PLANTED, **CANCELLED, **MENDED}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str):
    """The first counterexample breaks a rule that the bug is known to break, and tells how it came about."""
    mutant: Mutant = BUGS[bug]
    found = explore(mutant.scope, mutant.rules, ignore=mutant.ignore, precise=mutant.precise).found

    assert found is not None
    assert found.broken.rule in mutant.breaks, str(found)
    assert found.story[0].startswith("a message is accepted")
    assert len(found.story) > 3


@pytest.mark.parametrize("bug", [*PLANTED, *CANCELLED])
def test_without_it_nothing_is_found(bug: str):
    """In the same scope the real rules hold, so it is the bug that is found and not the scope."""
    assert explore(BUGS[bug].scope).found is None


def test_an_intent_after_the_call_is_seen_at_once():
    """That something left of which nothing is written down is a breach of its own, before it has any consequence."""
    mutant = PLANTED["the intent is written after the call"]
    found = explore(mutant.scope, mutant.rules).found

    assert found is not None
    assert found.broken.rule == "unwritten"
    assert len(found.story) == 3


def test_without_its_assumption_the_check_finds_the_hole_that_is_left(scope_without_promptness: Scope):
    """A process that is paused between its last look at the lease and the write makes a second copy, or a false end.

    This is the one window in which a message may be sent twice where that is forbidden; see decision 0021. With the
    assumption the same scope is part of the exhaustive check.
    """
    found = explore(scope_without_promptness).found

    assert found is not None
    assert found.broken.rule in {"second copy", "false proof", "false end"}
    looked = next(place for place, line in enumerate(found.story) if "finds its lease in order" in line)
    assert any("is paused" in line for line in found.story[looked:])


@pytest.fixture
def scope_without_promptness() -> Scope:
    """A provider that can be asked, two processes, and no promise that a request leaves at once."""
    return PLANTED["absent is believed at once"].scope._replace(processes=2, prompt=False, cancels=False, fates=())
