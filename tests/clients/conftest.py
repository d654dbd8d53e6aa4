"""The sandboxes that other people's clients talk to, on a clock that stands still, and a home that holds nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pointsman.testing import FakeClock
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox

from .running import surroundings


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The environment of a client."""
    return surroundings(tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    """The sandboxes' time."""
    return FakeClock()


@pytest.fixture
async def devino(clock: FakeClock) -> AsyncIterator[DevinoSandbox]:
    """Devino, as good as new."""
    async with DevinoSandbox(clock=clock) as box:
        yield box


@pytest.fixture
async def affiliate(clock: FakeClock) -> AsyncIterator[AffiliateSandbox]:
    """affiliate-sms.com, as good as new."""
    async with AffiliateSandbox(clock=clock) as box:
        yield box
