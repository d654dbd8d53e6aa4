"""What has lost its place in the configuration, until nothing of it is open: then its connections are closed."""

import asyncio
from collections.abc import Coroutine

from pointsman.clock import Clock
from pointsman.engine.doubts import Doubts
from pointsman.engine.polling import Poller
from pointsman.engine.station import Station
from pointsman.engine.tracking import Tracking

QUIET = 90.0
"""Seconds without a call after which none is to come: no look into an unknown outcome waits for so long."""
LONGEST = 300.0
"""Seconds that requests in flight on former connections to the same account get; their own limits are shorter."""


class Winding:
    """Stations that get nothing new. State: one task for each of them."""

    def __init__(self, tracking: Tracking, doubts: Doubts, clock: Clock) -> None:
        self._tracking = tracking
        self._doubts = doubts
        self._clock = clock
        self._tasks: dict[asyncio.Task[None], Station] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def stations(self) -> tuple[Station, ...]:
        """Return those of which something may be open."""
        return tuple(self._tasks.values())

    def finish(self, former: Station) -> None:
        """Close former connections to an account once the requests in flight on them are settled."""
        self._begin(former, self._finish(former))

    def follow(self, station: Station, poller: Poller | None) -> None:
        """Close a station once nothing that it took is open; `poller` is its own, if it has one to itself."""
        self._begin(station, self._follow(station, poller))

    async def close(self) -> None:
        """Close all of them now."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, station: Station, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work, name=f"winding {station.name}")
        self._tasks[task] = station
        task.add_done_callback(self._tasks.pop)

    async def _finish(self, former: Station) -> None:
        try:
            waiting = {
                asyncio.ensure_future(_idle(former, None)),
                asyncio.ensure_future(self._clock.sleep(LONGEST)),
            }
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waiting:
                    one.cancel()
        finally:
            await former.close()

    async def _follow(self, station: Station, poller: Poller | None) -> None:
        try:
            while True:
                await _idle(station, poller)
                await self._clock.sleep(QUIET)
                if not (station.lane.in_flight or station.caller.busy or poller or self._doubts.about(station)):
                    return
        finally:
            await station.close()
            station.closed = True
            if poller is not None:
                self._tracking.end(station.name, poller)


async def _idle(station: Station, poller: Poller | None) -> None:
    await station.lane.settled()
    if poller is not None:
        await poller.emptied()
    await station.caller.idle()
