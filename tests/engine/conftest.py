"""What most tests of the engine begin with: a clock that stands still, and a provider on it."""

import pytest

from pointsman.testing import FakeClock, ScriptedSandbox


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def box(clock: FakeClock) -> ScriptedSandbox:
    """One provider that is not running yet."""
    return ScriptedSandbox(clock=clock)
