"""Whether and when an SMS takes the place of a Viber message: one pure function.

Theory of operation. A caller names the *triggers* on which the SMS may start. A bad end that is certain starts it at
once, though not before the Viber message itself was due. Everything else waits until the Viber message cannot be
delivered any more: its life is over, which its provider was told, and so is the *margin*, in which late reports come
in. What may have been sent but nobody can say is never followed at once, and later only where a duplicate is preferred
to a loss. A message that was delivered or that its caller gave up is never followed.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from pointsman.message import FallbackTrigger
from pointsman.outcome import State
from pointsman.routing.failover import OnUnknown

LAST_LOOK = 15.0
"""Seconds before an SMS starts because of silence when the provider is asked once more, at most half of the margin."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a Viber message stands, as far as the decision depends on it."""

    state: State
    """Its own, without any SMS."""
    taken: bool
    """A provider took it."""
    in_doubt: bool
    """An attempt was made of which nobody can say whether it got through."""
    on: frozenset[FallbackTrigger]
    due: float
    """Wall time before which the caller wants nothing to be sent; its provider may have it already."""
    until: float
    """Wall time when its life and the margin after it are over."""
    on_unknown: OnUnknown
    now: float


class Start(msgspec.Struct, frozen=True):
    """Send the SMS now."""

    trigger: FallbackTrigger


class Wait(msgspec.Struct, frozen=True):
    """Decide again when there is news of the Viber message, or at a moment (wall time) if one is given."""

    until: float | None


class Never(msgspec.Struct, frozen=True):
    """There will be no SMS."""


Step = Start | Wait | Never

_TRIGGERS: Mapping[State, FallbackTrigger] = MappingProxyType(
    {
        State.FAILED: FallbackTrigger.FAILED,
        State.UNDELIVERED: FallbackTrigger.UNDELIVERED,
        State.REJECTED: FallbackTrigger.REJECTED,
        State.EXPIRED: FallbackTrigger.EXPIRED,
    }
)
BAD_ENDS = frozenset(_TRIGGERS)
"""States in which a Viber message did not get through."""
_SETTLED = frozenset({State.DELIVERED, State.CANCELLED, State.RESOLVED})
_NOT_YET = frozenset({State.ACCEPTED, State.SCHEDULED, State.SENDING})


def last_look(deadline: float, margin: float) -> float:
    """Return when to ask for a report once more before the silence counts: pauses between questions grow long."""
    return deadline + margin - min(LAST_LOOK, margin / 2)


def is_lost(state: State, *, in_doubt: bool) -> bool:
    """Say whether a message certainly did not get through: an SMS in its place duplicates nothing."""
    return state in BAD_ENDS and not in_doubt


def decide(standing: Standing) -> Step:
    """Return what follows from how a Viber message stands."""
    state = standing.state
    if state in _SETTLED:
        return Never()
    if state in _NOT_YET:
        return Wait(None)
    cause = _cause(standing)
    if cause is not None and is_lost(state, in_doubt=standing.in_doubt):
        return Start(cause) if standing.now >= standing.due else Wait(standing.due)
    late = FallbackTrigger.SILENT if FallbackTrigger.SILENT in standing.on else cause
    allowed = late is not None and (not standing.in_doubt or standing.on_unknown is OnUnknown.NEXT)
    if standing.now >= standing.until:
        if late is not None and allowed:
            return Start(late)
        return Wait(None) if state is State.SENT else Never()
    if allowed or state is State.UNKNOWN or standing.in_doubt:
        return Wait(standing.until)
    return Wait(None) if state is State.SENT else Never()


def _cause(standing: Standing) -> FallbackTrigger | None:
    """Return the trigger that a bad end is, if the caller named it."""
    trigger = _TRIGGERS.get(standing.state)
    if trigger in standing.on:
        return trigger
    # What expired before anybody took it is a message that nobody took as well.
    nobody = standing.state is State.EXPIRED and not standing.taken and FallbackTrigger.FAILED in standing.on
    return FallbackTrigger.FAILED if nobody else None
