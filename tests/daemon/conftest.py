"""What most tests of the server begin with: one that runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .rig import Rig, serving


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A server with two clients over one provider that takes everything."""
    async with serving(tmp_path) as running:
        yield running


@pytest.fixture
async def durable(tmp_path: Path) -> AsyncIterator[Rig]:
    """The same with a journal on disk."""
    async with serving(tmp_path, store=f"sqlite:{tmp_path / 'journal.db'}") as running:
        yield running
