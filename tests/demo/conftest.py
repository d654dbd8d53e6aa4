"""Short performances of the demo, with the real router and the real sandboxes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pointsman.demo.report import Report
from pointsman.demo.run import perform
from pointsman.demo.script import Act, Send, Settled

EXAMPLE = Path(__file__).parents[2] / "router.toml"

Perform = Callable[..., Report]


@pytest.fixture
def play(tmp_path: Path) -> Perform:
    """Play the given acts, or one quiet step, with the example's configuration."""

    def play(acts: Sequence[Act] = (Send("session"), Settled()), **options: Any) -> Report:
        return perform(EXAMPLE, tmp_path / "out", 7, script=acts, **options)

    return play
