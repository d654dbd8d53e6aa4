"""The pulse of the event loop tells the worst stall of the last minute."""

import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry

from pointsman.daemon.pulse import HALF, Pulse


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of its own."""
    return CollectorRegistry()


def stall(registry: CollectorRegistry) -> float | None:
    """Return what the metric says."""
    return registry.get_sample_value("pointsman_event_loop_stall_seconds")


async def test_work_that_holds_up_the_loop_is_felt(registry):
    """Who blocks the event loop for a tenth of a second is seen in the metric."""
    beating = asyncio.create_task(Pulse(registry).beat())
    await asyncio.sleep(0.03)
    time.sleep(0.12)  # noqa: ASYNC251 - this is the stall
    await asyncio.sleep(0.03)
    beating.cancel()

    assert (stall(registry) or 0.0) > 0.09


def test_the_worst_of_a_minute_is_told_and_then_forgotten(registry):
    """A stall stays for at least half a minute, smaller ones do not hide it, and after a minute it is gone."""
    pulse = Pulse(registry)
    pulse.note(0.3, 100.0)
    pulse.note(0.1, 101.0)
    assert stall(registry) == 0.3

    pulse.note(0.1, 100.0 + HALF)
    assert stall(registry) == 0.3

    pulse.note(0.05, 100.0 + 2 * HALF)
    assert stall(registry) == 0.1

    pulse.note(0.0, 1000.0)
    assert stall(registry) == 0.0
