"""Attempts whose outcome stayed unknown: asked about now and then for as long as an answer can still come."""

import asyncio

import msgspec

from pointsman.clock import Clock
from pointsman.engine.looking import LOOKS_FOR_ABSENT, Looking
from pointsman.engine.resolving import Resolving
from pointsman.engine.station import Station
from pointsman.engine.tracking import Tracking
from pointsman.message import Envelope
from pointsman.outcome import Accepted, Attempt, Fault, Outcome, Refused, SettledBy
from pointsman.plugin import Absent, Submission

FIRST_PAUSE = 60.0
LONGEST_PAUSE = 3600.0
GIVE_UP = 48 * 3600.0


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that nobody could clear up in time."""

    station: Station
    envelope: Envelope
    attempt: Attempt
    sent: Submission


class Doubts:
    """Late looks at unknown outcomes. They only tell; nothing is ever sent again because of them.

    Providers that are asked by a repeat of the submit are left alone: a late repeat would be a new order.
    """

    def __init__(self, looking: Looking, resolving: Resolving, tracking: Tracking, clock: Clock) -> None:
        self._looking = looking
        self._resolving = resolving
        self._tracking = tracking
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, doubt: Doubt) -> None:
        """Look into an attempt from now on."""
        rule = doubt.station.reconciling(doubt.envelope.channel)
        if rule is not None and not rule.repeats:
            task = asyncio.create_task(self._look(doubt), name="doubt")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop looking."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look(self, doubt: Doubt) -> None:
        pause = FIRST_PAUSE
        absent = 0
        while self._clock.now() - doubt.attempt.started_at < GIVE_UP:
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            found = await self._looking.ask(doubt.station, doubt.envelope, doubt.attempt, doubt.sent)
            if isinstance(found, Accepted):
                await self._settle(doubt, found)
                return
            absent = absent + 1 if isinstance(found, Absent) else 0
            if absent >= LOOKS_FOR_ABSENT:
                await self._settle(doubt, Refused(fault=Fault.UNAVAILABLE, code="not_sent"))
                return

    async def _settle(self, doubt: Doubt, outcome: Outcome) -> None:
        record = await self._resolving.resolve(doubt.envelope, doubt.attempt, outcome, SettledBy.RECONCILED)
        await self._tracking.follow(record, record.attempts[doubt.attempt.number - 1])
