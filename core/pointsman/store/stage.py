"""What is still to be done for a message, by which a store finds it again: the states in which a process may die."""

import enum

from pointsman.outcome import Accepted, State, Unknown
from pointsman.store.record import Record, is_final, is_told


class Stage(enum.IntEnum):
    """Where the work on a message stands. Stored as numbers: never change one."""

    OVER = 0
    """Nothing is to be done; news of it may still come."""
    WAITING = 1
    """Somebody has to attempt it, now or when it is due, or to find out first what became of an attempt."""
    IN_FLIGHT = 2
    """An attempt has started. Found after a crash, its outcome is unknown."""
    FOLLOWED = 3
    """It was taken, and its reports, or an SMS in its place, are waited for."""


def stage_of(record: Record) -> Stage:
    """Return what is still to be done for a message."""
    if record.intent is not None:
        return Stage.IN_FLIGHT
    if record.resuming and record.state is not State.DELIVERED:
        return Stage.WAITING
    if is_final(record):
        return Stage.FOLLOWED if _may_be_cleared_up(record) else Stage.OVER
    if record.ended is not None:
        return Stage.FOLLOWED  # a Viber message of which it is open whether an SMS takes its place
    taken = any(isinstance(attempt.outcome, Accepted) for attempt in record.attempts)
    # A lookup that nobody could answer is asked of somebody else.
    return Stage.FOLLOWED if taken and not is_told(record) else Stage.WAITING


def _may_be_cleared_up(record: Record) -> bool:
    """Say whether the provider of an attempt in doubt may still tell what became of it."""
    return (
        not record.erased
        and record.state is State.UNKNOWN
        and any(isinstance(one.outcome, Unknown) for one in record.attempts)
    )


def run_at(record: Record) -> float:
    """Return when a message that waits may be attempted (wall time)."""
    return max(record.envelope.due, record.envelope.accepted_at)
