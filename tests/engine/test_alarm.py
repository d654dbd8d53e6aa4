"""The alarm: every event is set at its moment, whatever the order in which they were asked for."""

import asyncio
from itertools import permutations

import pytest

from pointsman.engine.alarm import Alarm
from pointsman.engine.schedule import MOST_GONE
from pointsman.testing import FakeClock


@pytest.mark.parametrize("order", sorted(set(permutations((10.0, 20.0, 20.0, 30.0)))))
async def test_each_is_woken_at_its_moment(clock: FakeClock, order: tuple[float, ...]):
    """Nobody is woken early or late, also when an earlier moment is asked for after a later one."""
    alarm, start = Alarm(clock), clock.now()
    events = [(second, asyncio.Event()) for second in order]
    for second, event in events:
        alarm.set(start + second, event)
        await clock.settle()
    for now in (9.5, 10.0, 19.5, 20.0, 29.5, 30.0):
        await clock.advance(start + now - clock.now())
        assert [event.is_set() for _, event in events] == [second <= now for second, _ in events]
    assert clock.sleeping == 0


async def test_it_can_be_used_again(clock: FakeClock):
    """After everybody was woken the next one is woken as well; a moment that is over wakes at once."""
    alarm = Alarm(clock)
    for seconds in (5.0, 5.0, -1.0):
        event = asyncio.Event()
        alarm.set(clock.now() + seconds, event)
        await clock.advance(max(seconds, 0.0))
        assert event.is_set()


async def test_a_clock_that_is_set_forward_is_noticed(clock: FakeClock):
    """A moment that comes because the clock is set wakes within a minute; one that is put off by it wakes later."""
    alarm, event, later = Alarm(clock), asyncio.Event(), asyncio.Event()
    start = clock.now()
    alarm.set(start + 5 * 3600, event)
    alarm.set(start + 6 * 3600, later)
    await clock.settle()
    clock.set_wall(start + 5 * 3600)
    await clock.advance(60)
    assert (event.is_set(), later.is_set()) == (True, False)
    clock.set_wall(start)
    await clock.advance(3600)
    assert not later.is_set()
    await alarm.close()


async def test_those_who_do_not_wait_any_more_are_forgotten(clock: FakeClock):
    """Most messages are delivered long before their moment: what is kept of them is bounded, and others are woken."""
    alarm, start, last = Alarm(clock), clock.now(), asyncio.Event()
    alarm.set(start + 50, last)
    for place in range(5_000):
        event = asyncio.Event()
        alarm.set(start + 86_400, event)
        alarm.set(start + 86_400 + place, event)
        alarm.set(start + 50, last)
        alarm.forget(event)
    assert len(alarm._heap) <= 2 + MOST_GONE
    assert repr(alarm) == "<Alarm waiting=1>"
    await clock.advance(50)
    assert last.is_set()
    await alarm.close()


async def test_the_last_moment_counts(clock: FakeClock):
    """Who asks again is woken at the new moment and not at the old one."""
    alarm, event = Alarm(clock), asyncio.Event()
    alarm.set(clock.now() + 5, event)
    alarm.set(clock.now() + 10, event)
    await clock.advance(5)
    assert not event.is_set()
    await clock.advance(5)
    assert event.is_set()


async def test_closing_wakes_nobody(clock: FakeClock):
    """After the end nothing is left running."""
    before = asyncio.all_tasks()
    alarm, event = Alarm(clock), asyncio.Event()
    alarm.set(clock.now() + 5, event)
    await clock.settle()
    await alarm.close()
    await clock.advance(10)

    assert not event.is_set()
    assert asyncio.all_tasks() == before
