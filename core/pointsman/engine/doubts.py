"""Attempts whose outcome stayed unknown: asked about now and then for as long as an answer can still come."""

import asyncio
import logging

import msgspec

from pointsman.clock import Clock
from pointsman.engine.looking import Looking
from pointsman.engine.recorder import Recorder
from pointsman.engine.resolving import Resolving
from pointsman.engine.station import Station
from pointsman.engine.tracking import Tracking
from pointsman.message import Envelope
from pointsman.outcome import Attempt, Outcome, SettledBy, Unknown
from pointsman.plugin import Submission
from pointsman.routing.reconcile import Finding, Inquiry, Proved, later, learn, next_look, waited

_log = logging.getLogger("pointsman.doubts")


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
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, doubt: Doubt) -> None:
        """Look into an attempt from now on."""
        rule = doubt.station.reconciling(doubt.envelope.channel)
        inquiry = later(rule, doubt.attempt, self._clock.now()) if rule is not None else None
        if inquiry is not None:
            task = asyncio.create_task(self._look(doubt, inquiry), name="doubt")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop looking."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look(self, doubt: Doubt, inquiry: Inquiry) -> None:
        while (pause := next_look(inquiry, self._clock.now())) is not None:
            await self._clock.sleep(pause)
            inquiry = waited(inquiry, pause)
            try:
                asked_at = self._clock.now()
                finding = await self._ask(doubt)
                if finding is None:
                    return
                learnt = learn(inquiry, finding, asked_at)
                if isinstance(learnt, Proved):
                    await self._settle(doubt, learnt.outcome)
                    return
                inquiry = learnt
            except Exception as error:  # noqa: BLE001 - one look that fails must not end all later ones
                _log.warning("a look into an unknown outcome failed: %s", type(error).__name__)

    async def _ask(self, doubt: Doubt) -> Finding | None:
        """Return what the provider says; None when there is nothing to ask any more."""
        if not await self._is_open(doubt):
            return None
        return await self._looking.ask(doubt.station, doubt.envelope, doubt.attempt, doubt.sent)

    async def _settle(self, doubt: Doubt, outcome: Outcome) -> None:
        """Settle the attempt, unless somebody else did meanwhile."""
        if await self._is_open(doubt):
            record = await self._resolving.resolve(doubt.envelope, doubt.attempt, outcome, SettledBy.RECONCILED)
            await self._tracking.follow(record, record.attempts[doubt.attempt.number - 1])
            self._tracking.woken(record)

    async def _is_open(self, doubt: Doubt) -> bool:
        """Say whether nobody knows yet: no report has told meanwhile, and the message is not forgotten."""
        record = await self._recorder.get(doubt.envelope.id)
        return record is not None and isinstance(record.attempts[doubt.attempt.number - 1].outcome, Unknown)
