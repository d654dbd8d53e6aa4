"""What follows from the last word about an attempt: what is learnt of its provider, and whether somebody else sends."""

from collections.abc import Awaitable, Callable

from pointsman.clock import Clock
from pointsman.engine.attempts import rested
from pointsman.engine.bus import Bus
from pointsman.events import Confirmed
from pointsman.outcome import Accepted, Attempt, DeliveryState, Report, State
from pointsman.routing.stakes import Instant, Stakes
from pointsman.store import Record
from pointsman.store.record import attempt_state

SendAgain = Callable[[Record, Attempt, Report], Awaitable[Record | None]]
"""Told of an attempt that ended badly; returns the record if the message is going to be sent by somebody else."""


async def _nobody_sends(record: Record, attempt: Attempt, report: Report) -> Record | None:
    del record, attempt, report
    return None


class Judging:
    """Judges attempts by their last reports. State: who sends again."""

    def __init__(self, stakes: Stakes, bus: Bus, clock: Clock) -> None:
        self._stakes = stakes
        self._bus = bus
        self._clock = clock
        self.send_again: SendAgain = _nobody_sends

    async def judge(self, before: Record, after: Record, number: int, report: Report) -> Record:
        """Draw the consequences of a report; return the record as it is then.

        A message of several parts is judged when the fate of all of them is known.
        """
        attempt = after.attempts[number - 1]
        if not isinstance(attempt.outcome, Accepted):
            return after
        was, state = attempt_state(before, before.attempts[number - 1]), attempt_state(after, attempt)
        if state is was or state is State.SENT:
            return after
        verdict = report if state is State.DELIVERED else _bad_part(after, number, report)
        now = Instant(wall=self._clock.now(), monotonic=self._clock.monotonic())
        self._stakes.reported(attempt.provider, after.envelope.id, number, verdict, now)
        if state is State.DELIVERED:
            return after
        rest = self._stakes.blamed(attempt.provider, after.envelope, verdict, now)
        if rest is not None:
            self._bus.emit(rested(rest, now.wall))
        return await self.send_again(after, attempt, verdict) or after

    def confirm(self, record: Record) -> bool:
        """Learn that the recipient got a message; say whether any provider had taken it."""
        now = Instant(wall=self._clock.now(), monotonic=self._clock.monotonic())
        for attempt in reversed(record.attempts):
            if isinstance(attempt.outcome, Accepted):
                self._bus.emit(Confirmed(at=now.wall, message_id=record.envelope.id))
                self._stakes.confirmed(attempt.provider, record.envelope.id, attempt.number, now)
                return True
        return False


def _bad_part(record: Record, number: int, report: Report) -> Report:
    """Return the report about a part that was lost: the one that came last may be about one that was not."""
    if report.state is not DeliveryState.DELIVERED:
        return report
    parts = [one.report for one in record.reports if one.number == number]
    return next((part for part in parts if part.state is not DeliveryState.DELIVERED), report)
