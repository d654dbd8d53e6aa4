"""One set of running sandboxes for each module of tests, and a clean start for each test."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from pointsman.testing import FakeClock
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_smstele.sandbox import SmsteleSandbox

from .bench import Bench, SecondDevino


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Bench]:
    """Serve the sandboxes."""
    clock = FakeClock()
    bench = Bench(
        clock=clock,
        devino=DevinoSandbox(clock=clock),
        smstele=SmsteleSandbox(clock=clock),
        affiliate=AffiliateSandbox(clock=clock),
        second=SecondDevino(clock=clock),
    )
    async with AsyncExitStack() as stack:
        for box in bench.boxes:
            await stack.enter_async_context(box)
        yield bench


@pytest.fixture
def bench(running: Bench) -> Bench:
    """Give the sandboxes as good as new."""
    running.reset()
    return running
