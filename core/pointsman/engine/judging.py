"""What follows from the last word about an attempt: what is learnt of its provider, and whether somebody else sends."""

from collections.abc import Awaitable, Callable

from pointsman.clock import Clock
from pointsman.engine.attempts import rested
from pointsman.engine.bus import Bus
from pointsman.events import Confirmed
from pointsman.outcome import Accepted, Attempt, DeliveryState, Report, State
from pointsman.routing.stakes import Instant, Stakes
from pointsman.store import Record
from pointsman.store.change import Note
from pointsman.store.record import advance, attempt_state

Again = Callable[[Record], None]
"""Has a message sent again, once it is written down that it is."""
Resending = Callable[[Record, Attempt, Report], Awaitable[Again | None]]
"""Asked about an attempt that ends badly, before that is written down, whether somebody else sends the message."""


async def _nobody_sends(record: Record, attempt: Attempt, report: Report) -> Again | None:
    del record, attempt, report
    return None


class Judging:
    """Judges attempts by their last reports. State: who sends again."""

    def __init__(self, stakes: Stakes, bus: Bus, clock: Clock) -> None:
        self._stakes = stakes
        self._bus = bus
        self._clock = clock
        self.resending: Resending = _nobody_sends

    async def foresee(self, record: Record, number: int, report: Report) -> Again | None:
        """Return how a message is sent again if this report about it says that it was lost; None where it is not.

        What is erased cannot be sent again.
        """
        if record.erased:
            return None
        after = advance(record, Note(number, report), self._clock.now())
        verdict = _verdict(record, after, number, report)
        if verdict is None or verdict.state is DeliveryState.DELIVERED:
            return None
        return await self.resending(after, after.attempts[number - 1], verdict)

    def judge(self, before: Record, after: Record, number: int, report: Report) -> None:
        """Learn from a report that was written down.

        A message of several parts is judged when the fate of all of them is known.
        """
        verdict = _verdict(before, after, number, report)
        if verdict is None:
            return
        provider = after.attempts[number - 1].provider
        now = Instant(wall=self._clock.now(), monotonic=self._clock.monotonic())
        self._stakes.reported(provider, after.envelope.id, number, verdict, now)
        if verdict.state is DeliveryState.DELIVERED:
            return
        rest = self._stakes.blamed(provider, after.envelope, verdict, now)
        if rest is not None:
            self._bus.emit(rested(rest, now.wall))

    def confirm(self, record: Record) -> bool:
        """Learn that the recipient got a message; say whether any provider had taken it."""
        now = Instant(wall=self._clock.now(), monotonic=self._clock.monotonic())
        for attempt in reversed(record.attempts):
            if isinstance(attempt.outcome, Accepted):
                self._bus.emit(Confirmed(at=now.wall, message_id=record.envelope.id))
                self._stakes.confirmed(attempt.provider, record.envelope.id, attempt.number, now)
                return True
        return False


def _verdict(before: Record, after: Record, number: int, report: Report) -> Report | None:
    """Return the report that says what became of an attempt; None when it is not known yet, or was before."""
    attempt = after.attempts[number - 1]
    if after is before or not isinstance(attempt.outcome, Accepted):
        return None
    was, state = attempt_state(before, before.attempts[number - 1]), attempt_state(after, attempt)
    if state is was or state is State.SENT:
        return None
    return report if state is State.DELIVERED else _bad_part(after, number, report)


def _bad_part(record: Record, number: int, report: Report) -> Report:
    """Return the report about a part that was lost: the one that came last may be about one that was not."""
    if report.state is not DeliveryState.DELIVERED:
        return report
    parts = [one.report for one in record.reports if one.number == number]
    return next((part for part in parts if part.state is not DeliveryState.DELIVERED), report)
