"""Nothing acknowledged is lost and nothing is sent twice that need not be, however often the daemon dies.

These are the short runs; `python -m tests.chaos --times 200` is the long one.
"""

from pathlib import Path

import pytest

from .run import Plan, Way, perform

PLANS = {
    "kill": Plan(seed=1, times=8),
    "kill with faults": Plan(seed=2, times=8, faults=True),
    "terminate with faults": Plan(seed=3, times=4, way=Way.TERMINATE, faults=True),
    "reload": Plan(seed=4, times=8, way=Way.RELOAD, longest=0.6),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PLANS)
async def test_what_was_acknowledged_is_seen_through(name: str, tmp_path: Path) -> None:
    """Every acknowledged message ends in the state that the providers' books say, and no forbidden copy went out."""
    verdict = await perform(PLANS[name], tmp_path)

    assert verdict.wrong == ()
    assert verdict.acknowledged > 50
    assert verdict.states.get("delivered", 0) > 0
