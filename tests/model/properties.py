"""What must hold in every state and over every step, told by comparing what is written down with what is true."""

from typing import NamedTuple

from pointsman.outcome import Accepted, Refused, State
from pointsman.routing.failover import MAX_COPIES_IN_DOUBT, OnUnknown
from pointsman.store.record import Record, is_final

from .world import Copy, Scope, World

NOT_SENT = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})
"""Ends that say that no copy arrives."""


class Broken(NamedTuple):
    """A rule that does not hold."""

    rule: str
    text: str


def of_state(world: World, scope: Scope) -> Broken | None:
    """Return the first rule that a state breaks."""
    return _copies(world, scope) or _ends(world) or _attempts(world)


def of_move(before: World, after: World) -> Broken | None:
    """Return the first rule that a step breaks."""
    return _written_first(before, after) or _wanted(before, after) or _monotone(before.record, after.record)


def _copies(world: World, scope: Scope) -> Broken | None:
    """A second copy goes out only where a duplicate is preferred, once, and flagged."""
    copies = len(world.copies)
    if copies < 2:
        return None
    if scope.policy is not OnUnknown.NEXT or copies > 1 + MAX_COPIES_IN_DOUBT:
        return Broken("second copy", f"{copies} copies are out under the policy {scope.policy.value}")
    if not world.record.possible_duplicate:
        return Broken("second copy", "it is not flagged as a possible duplicate")
    return None


def _ends(world: World) -> Broken | None:
    """No end is claimed that is not true."""
    record, fates = world.record, {one.fate for one in world.copies}
    if not is_final(record):
        return None
    if record.state in NOT_SENT and world.copies:
        return Broken("false end", f"it is {record.state.value}, but a copy was or will be processed")
    if record.state is State.DELIVERED and "delivered" not in fates:
        return Broken("false end", "it is delivered, but no copy was")
    if record.state is State.UNDELIVERED and "undelivered" not in fates:
        return Broken("false end", "it is undelivered, but no provider said so")
    return None


def _attempts(world: World) -> Broken | None:
    """Nothing is known of an attempt that is not true."""
    for one in world.record.attempts:
        here = [copy for copy in world.copies if copy.provider == int(one.provider)]
        if isinstance(one.outcome, Refused) and any(copy.call_ref == one.call_ref for copy in here):
            return Broken("false proof", f"attempt {one.number} counts as not sent, but was")
        if isinstance(one.outcome, Accepted) and not any(copy.ref == one.ref for copy in here):
            return Broken("false proof", f"attempt {one.number} counts as taken, but was not")
    return None


def _written_first(before: World, after: World) -> Broken | None:
    """No request leaves that is not written down."""
    if len(after.copies) <= len(before.copies):
        return None
    new: Copy = after.copies[-1]
    intent = before.record.intent
    known = [one.call_ref for one in before.record.attempts]
    if new.call_ref in known or (intent is not None and intent.call_ref == new.call_ref):
        return None
    return Broken("unwritten", f"request {new.call_ref} left, and nothing is written down about it")


def _wanted(before: World, after: World) -> Broken | None:
    """Once it is written down that nobody wants it, nothing leaves but what was in flight then."""
    if before.unwanted is None or len(after.copies) <= len(before.copies):
        return None
    new, intent = after.copies[-1], before.record.intent
    if intent is not None and intent.call_ref == new.call_ref == before.unwanted:
        return None
    return Broken("unwanted", f"request {new.call_ref} left, though it was written down that nobody wants it")


def _monotone(before: Record, after: Record) -> Broken | None:
    """A delivery is never taken back, nor another end by anything but a delivery or a copy that turns out to be out."""
    if before.state is State.DELIVERED and after.state is not State.DELIVERED:
        return Broken("taken back", f"it was delivered and is {after.state.value}")
    moved = before.state is State.UNDELIVERED and after.state not in {State.UNDELIVERED, State.DELIVERED}
    if moved and _taken(after) == _taken(before):
        return Broken("taken back", f"it was undelivered and is {after.state.value}")
    return None


def _taken(record: Record) -> int:
    return sum(isinstance(one.outcome, Accepted) for one in record.attempts)
