"""The functions under test as one value, so that bugs can be planted by putting others in their place."""

from collections.abc import Callable, Sequence

import msgspec

from pointsman.message import Envelope
from pointsman.outcome import Attempt, Outcome, State, Unknown, UnknownReason
from pointsman.plugin import Reconciling
from pointsman.routing.failover import Past, Situation, Step, decide, final_state
from pointsman.routing.reconcile import Finding, Inquiry, Proved, at_once, later, learn, may_ask, next_look, waited
from pointsman.routing.resuming import Follow, Found, next_step, past_of
from pointsman.store.change import Change
from pointsman.store.record import Record, advance, begin, may_repeat
from pointsman.store.stage import Stage, stage_of

NO_ANSWER = Unknown(reason=UnknownReason.TIMEOUT)


def _final_state(past: Sequence[Past], late: bool) -> State:
    return final_state(past, late=late)


def _last_left(attempt: Attempt, now: float) -> float:
    """When the last request may have left, for an inquiry at once: `Looking.look_into` takes the present."""
    del attempt
    return now


def _no_answer() -> Outcome:
    """What `engine.calling` makes of a request that left and was not answered."""
    return NO_ANSWER


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of the check run; by default the real functions."""

    begin: Callable[[Envelope, str, float], Record] = begin
    advance: Callable[[Record, Change, float], Record] = advance
    stage_of: Callable[[Record], Stage] = stage_of
    decide: Callable[[Situation], Step] = decide
    final_state: Callable[[Sequence[Past], bool], State] = _final_state
    past_of: Callable[[Sequence[Attempt]], tuple[Past, ...]] = past_of
    next_step: Callable[[Found, Situation], Step | Follow] = next_step
    at_once: Callable[[Reconciling, float, float], Inquiry] = at_once
    later: Callable[[Reconciling, Attempt, float], Inquiry | None] = later
    next_look: Callable[[Inquiry, float], float | None] = next_look
    waited: Callable[[Inquiry, float], Inquiry] = waited
    may_ask: Callable[..., bool] = may_ask
    learn: Callable[[Inquiry, Finding, float], Inquiry | Proved] = learn
    last_left: Callable[[Attempt, float], float] = _last_left
    no_answer: Callable[[], Outcome] = _no_answer
    may_repeat: Callable[[Record], bool] = may_repeat
    intent_first: bool = True
    """The intent is written down before the request leaves, not after it."""


REAL = Rules()
