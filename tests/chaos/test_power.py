"""A power cut under the whole daemon: the file system of its journal is shut down while clients post."""

from pathlib import Path

import pytest

from ..disk import NoDisk, why_not  # noqa: TID252 - one disk for the store's tests and the daemon's
from .run import Plan, Way, perform

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("faults", [False, True])
async def test_nothing_acknowledged_is_lost_with_the_power(faults: bool, tmp_path: Path) -> None:
    """Without its disk the daemon says 503 and promises nothing; with it, everything acknowledged is seen through."""
    try:
        verdict = await perform(Plan(seed=5, times=6, way=Way.POWER, faults=faults), tmp_path)
    except NoDisk as error:
        pytest.skip(str(error))

    assert verdict.wrong == ()
    assert verdict.acknowledged > 50
    assert verdict.refused_in_the_dark > 0
