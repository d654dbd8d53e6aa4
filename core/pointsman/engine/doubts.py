"""Attempts whose outcome stayed unknown: asked about now and then for as long as an answer can still come."""

import asyncio
import logging

import msgspec

from pointsman.clock import Clock
from pointsman.engine.looking import LOOKS_FOR_ABSENT, Looking
from pointsman.engine.recorder import Recorder
from pointsman.engine.resolving import Resolving
from pointsman.engine.station import Station
from pointsman.engine.tracking import Tracking
from pointsman.message import Envelope
from pointsman.outcome import Accepted, Attempt, Fault, Outcome, Refused, SettledBy, Unknown
from pointsman.plugin import Absent, Reconciling, Submission

_log = logging.getLogger("pointsman.doubts")

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

    def __init__(
        self, looking: Looking, resolving: Resolving, tracking: Tracking, recorder: Recorder, clock: Clock
    ) -> None:
        self._looking = looking
        self._resolving = resolving
        self._tracking = tracking
        self._recorder = recorder
        self._clock = clock
        self._tasks: dict[asyncio.Task[None], Station] = {}

    def add(self, doubt: Doubt) -> None:
        """Look into an attempt from now on."""
        rule = doubt.station.reconciling(doubt.envelope.channel)
        if rule is not None and not rule.repeats:
            task = asyncio.create_task(self._look(doubt, rule), name="doubt")
            self._tasks[task] = doubt.station
            task.add_done_callback(self._tasks.pop)

    def about(self, station: Station) -> bool:
        """Say whether a provider is still going to be asked about something."""
        return any(one is station for one in self._tasks.values())

    async def close(self) -> None:
        """Stop looking."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*tuple(self._tasks), return_exceptions=True)

    async def _look(self, doubt: Doubt, rule: Reconciling) -> None:
        pause = FIRST_PAUSE
        absent = 0
        while self._clock.now() - doubt.attempt.started_at < GIVE_UP:
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                asked_at = self._clock.now()
                found = await self._ask(doubt)
                absent = _absences(absent, found, counts=asked_at >= _settled_at(doubt.attempt, rule))
                if found is None or await self._cleared_up(doubt, found, absent):
                    return
            except Exception as error:  # noqa: BLE001 - one look that fails must not end all later ones
                _log.warning("a look into an unknown outcome failed: %s", type(error).__name__)

    async def _ask(self, doubt: Doubt) -> Accepted | Absent | Unknown | Refused | None:
        """Return what the provider says; None when there is nothing to ask any more."""
        if not await self._is_open(doubt):
            return None
        return await self._looking.ask(doubt.station, doubt.envelope, doubt.attempt, doubt.sent)

    async def _cleared_up(self, doubt: Doubt, found: object, absent: int) -> bool:
        """Settle the attempt if that is possible now; say whether it is settled, by whomsoever."""
        if isinstance(found, Accepted):
            outcome: Outcome = found
        elif absent >= LOOKS_FOR_ABSENT:
            outcome = Refused(fault=Fault.UNAVAILABLE, code="not_sent")
        else:
            return False
        if await self._is_open(doubt):
            record = await self._resolving.resolve(doubt.envelope, doubt.attempt, outcome, SettledBy.RECONCILED)
            await self._tracking.follow(record, record.attempts[doubt.attempt.number - 1])
            self._tracking.woken(record)
        return True

    async def _is_open(self, doubt: Doubt) -> bool:
        """Say whether nobody knows yet: no report has told meanwhile, and the message is not forgotten."""
        record = await self._recorder.get(doubt.envelope.id)
        return record is not None and isinstance(record.attempts[doubt.attempt.number - 1].outcome, Unknown)


def _settled_at(attempt: Attempt, rule: Reconciling) -> float:
    """Return the moment from which "not there" says something: the provider has had its time with the last request."""
    return attempt.started_at + attempt.duration + rule.settle


def _absences(before: int, found: object, *, counts: bool) -> int:
    """Return how often in a row the provider said "not there" when that says something."""
    if not isinstance(found, Absent):
        return 0
    return before + 1 if counts else before
