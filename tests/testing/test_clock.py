"""The clock that stands still."""

import asyncio
import time

import pytest

from pointsman.testing import FakeClock


async def test_it_stands_still():
    """Real time means nothing to it."""
    clock = FakeClock(1_000.0)
    before = clock.now(), clock.monotonic()
    await asyncio.sleep(0.01)

    assert (clock.now(), clock.monotonic()) == before
    assert clock.now() == 1_000.0


async def test_sleepers_wake_in_order_at_their_own_moments():
    """Each sees the very time for which it waited, also those that began to sleep on the way."""
    clock = FakeClock(0.0)
    woken: list[tuple[str, float]] = []

    async def sleep(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.now()))

    tasks = [
        asyncio.create_task(sleep("a", 3, 3)),
        asyncio.create_task(sleep("b", 1, 1, 1)),
        asyncio.create_task(sleep("c", 9)),
    ]
    await clock.advance(5)

    assert woken == [("b", 1), ("b", 2), ("a", 3), ("b", 3)]
    assert (clock.now(), clock.sleeping) == (5, 2)
    for task in tasks:
        task.cancel()


async def test_no_time_is_no_wait():
    """Zero and less only let others run."""
    clock = FakeClock()
    await clock.sleep(0)
    await clock.sleep(-1)

    assert clock.sleeping == 0


async def test_who_is_cancelled_does_not_sleep_on():
    """A cancelled sleeper is forgotten and wakes nobody."""
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.settle()
    task.cancel()
    await clock.settle()
    assert clock.sleeping == 0

    await clock.advance(10)
    assert task.cancelled()


async def test_setting_the_wall_moves_nothing_else():
    """Monotonic time goes on as before, and who sleeps for a second sleeps for a second."""
    clock = FakeClock(1_000.0)
    task = asyncio.create_task(clock.sleep(1))
    before = clock.monotonic()
    await clock.settle()
    clock.set_wall(500.0)

    assert (clock.now(), clock.monotonic()) == (500.0, before)
    assert not task.done()
    await clock.advance(1)
    assert (clock.now(), task.done()) == (501.0, True)


async def test_hours_pass_at_once():
    """Within `autojump` a sequence of long waits takes no time."""
    clock = FakeClock()
    started, real = clock.now(), time.perf_counter()
    async with clock.autojump():
        for _ in range(100):
            await clock.sleep(3600)

    assert clock.now() - started == 360_000
    assert time.perf_counter() - real < 5


async def test_the_clock_waits_for_whoever_is_busy():
    """While something outside goes on in real time, nobody is woken."""
    clock = FakeClock()
    working = [True]
    async with clock.autojump(lambda: working[0]):
        task = asyncio.create_task(clock.sleep(1))
        await asyncio.sleep(0.02)
        assert not task.done()

        working.clear()
        working.append(False)
        await task


async def test_the_clock_stops_jumping_at_the_end():
    """After `autojump` only the hand moves it."""
    clock = FakeClock()
    async with clock.autojump():
        await clock.sleep(1)
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0.02)

    assert not task.done()
    task.cancel()


async def test_a_loop_that_never_rests_is_noticed():
    """Somebody who looks at the clock for ever makes `settle` fail instead of hang."""
    clock = FakeClock()

    async def restless() -> None:
        while True:
            clock.now()
            await asyncio.sleep(0)

    task = asyncio.create_task(restless())
    with pytest.raises(RuntimeError, match="still looks at the clock"):
        await clock.settle()
    task.cancel()
