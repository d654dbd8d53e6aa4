"""Attempts whose outcome nobody knows, as they are written down."""

from typing import TYPE_CHECKING

import msgspec

from pointsman.outcome import Attempt, Unknown, UnknownReason

if TYPE_CHECKING:
    from pointsman.store.record import Record


def in_doubt(record: "Record", now: float) -> "Record":
    """Return the record with an unknown outcome in place of the attempt in flight, if there is one."""
    intent = record.intent
    if intent is None:
        return record
    attempt = Attempt(
        number=intent.number,
        provider=intent.provider,
        ref=intent.ref,
        call_ref=intent.call_ref,
        calls=1,
        outcome=Unknown(reason=UnknownReason.CANCELLED, detail="the process ended before the answer was written down"),
        started_at=intent.started_at,
        duration=max(now - intent.started_at, 0.0),
        decision_id=intent.decision_id,
        account=intent.account,
    )
    return msgspec.structs.replace(record, intent=None, attempts=(*record.attempts, attempt))


def timed(attempt: Attempt, now: float) -> Attempt:
    """Return an attempt that lasted until now, if its outcome is unknown.

    Its last request may have left long after the start: after a login, a wait for a connection or for the other half
    of its batch. Its provider may still process it, and the time that this may take counts from the end.
    """
    if not isinstance(attempt.outcome, Unknown):
        return attempt
    return msgspec.structs.replace(attempt, duration=max(attempt.duration, now - attempt.started_at))
