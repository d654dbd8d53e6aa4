"""What an outcome leads to: the table of outcomes, and the one function that looks it up.

Theory of operation. Every attempt ends in an outcome. `RULES` says for each fault whether another provider may help,
whether the same one may be asked again, and who is to blame; `UNKNOWN_RULE` says it for an unknown outcome. `decide`
combines the row with what is left of the message's budget and returns the next step. It never looks at a provider's
code or words, and nothing else in the package decides about failover.

Two rules stand above the table: no message is sent again after it was accepted, and none after an unknown outcome
unless it has been proved that nothing was sent, or the policy prefers a duplicate to a loss.
"""

import enum
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

import msgspec

from pointsman.message import Channel, MessageClass
from pointsman.outcome import Accepted, DeliveryState, Fault, Outcome, Refused, Report, State, Unknown


class Next(enum.Enum):
    """Whether another provider may take the message."""

    NO = enum.auto()
    ONCE = enum.auto()
    ONCE_UNLESS_CERTAIN = enum.auto()
    YES = enum.auto()
    IF_NEEDED = enum.auto()
    """Only when waiting for this one would use up the message's life or its last attempt."""


class Again(enum.Enum):
    """Whether the same provider may be asked again with the same message."""

    NO = enum.auto()
    AFTER_WAIT = enum.auto()
    TWICE = enum.auto()


class Blame(enum.Enum):
    """What a refusal speaks against; everything outside this scope goes on as before."""

    NOBODY = enum.auto()
    SENDER = enum.auto()
    """This sender at this provider."""
    OPERATION = enum.auto()
    """What our adapter does there."""
    CAPABILITY = enum.auto()
    """This channel at this provider."""
    MESSAGES = enum.auto()
    """The provider, once several different messages were declined."""
    ACCOUNT = enum.auto()
    """The provider as a whole: our account there."""
    PACE = enum.auto()
    """Our rate of sending to it."""
    CELL = enum.auto()
    """The health of this provider for messages like this one."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table."""

    next: Next
    again: Again
    blame: Blame
    alert: bool = False


RULES: Mapping[Fault, Rule] = MappingProxyType(
    {
        Fault.RECIPIENT: Rule(next=Next.ONCE_UNLESS_CERTAIN, again=Again.NO, blame=Blame.NOBODY),
        Fault.CONTENT: Rule(next=Next.NO, again=Again.NO, blame=Blame.NOBODY),
        Fault.REQUEST: Rule(next=Next.ONCE, again=Again.NO, blame=Blame.OPERATION, alert=True),
        Fault.LIMIT: Rule(next=Next.YES, again=Again.NO, blame=Blame.NOBODY),
        Fault.UNSUPPORTED: Rule(next=Next.YES, again=Again.NO, blame=Blame.CAPABILITY),
        Fault.SENDER: Rule(next=Next.YES, again=Again.NO, blame=Blame.SENDER, alert=True),
        Fault.DECLINED: Rule(next=Next.YES, again=Again.NO, blame=Blame.MESSAGES),
        Fault.CREDENTIALS: Rule(next=Next.YES, again=Again.NO, blame=Blame.ACCOUNT, alert=True),
        Fault.FORBIDDEN: Rule(next=Next.YES, again=Again.NO, blame=Blame.ACCOUNT, alert=True),
        Fault.CREDITS: Rule(next=Next.YES, again=Again.NO, blame=Blame.ACCOUNT, alert=True),
        Fault.THROTTLED: Rule(next=Next.IF_NEEDED, again=Again.AFTER_WAIT, blame=Blame.PACE),
        Fault.UNAVAILABLE: Rule(next=Next.YES, again=Again.TWICE, blame=Blame.CELL),
        Fault.NO_ROUTE: Rule(next=Next.NO, again=Again.NO, blame=Blame.NOBODY),
    }
)
UNKNOWN_RULE = Rule(next=Next.IF_NEEDED, again=Again.NO, blame=Blame.CELL)

THROTTLE_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before the same provider is asked again after "too fast", when it names no time itself."""
UNAVAILABLE_WAITS = (0.5, 2.0)
"""Seconds before the same provider is asked again after "try later", when there is no other."""
MAX_COPIES_IN_DOUBT = 1
"""How often a message may be sent again while an earlier copy is in doubt."""


class OnUnknown(enum.StrEnum):
    """What an outcome that nobody can clear up leads to."""

    NEXT = "next"
    """Look into it for a short while, then send by another provider: a duplicate is better than a loss."""
    RECONCILE = "reconcile"
    """Look into it; go on only when it is proved that nothing was sent."""
    STOP = "stop"
    """Leave it to the reports."""


def default_on_unknown(message_class: MessageClass, channel: Channel) -> OnUnknown:
    """Return what a message of this class prefers. A lookup may always be repeated: it delivers nothing to anybody."""
    if channel is Channel.HLR or message_class is MessageClass.OTP:
        return OnUnknown.NEXT
    return OnUnknown.RECONCILE


class Past(msgspec.Struct, frozen=True):
    """An attempt as far as the next decision needs it."""

    provider: str
    outcome: Outcome
    looked_into: bool = False
    """The outcome is what remained after reconciling (or reconciling is not possible)."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What the next step of a message depends on."""

    past: Sequence[Past]
    """All attempts, the latest last; never empty."""
    max_attempts: int
    now: float
    deadline: float
    another: bool
    """Another provider would take it now."""
    can_reconcile: bool
    on_unknown: OnUnknown


class Finish(msgspec.Struct, frozen=True):
    """No more attempts; the message is in this state."""

    state: State


class GoOn(msgspec.Struct, frozen=True):
    """Another provider is next."""


class Repeat(msgspec.Struct, frozen=True):
    """The same provider again, after so many seconds."""

    wait: float


class LookInto(msgspec.Struct, frozen=True):
    """Find out first what became of the last attempt."""


Step = Finish | GoOn | Repeat | LookInto


def decide(situation: Situation) -> Step:
    """Return the next step after the latest attempt."""
    outcome = situation.past[-1].outcome
    match outcome:
        case Accepted():
            return Finish(State.SENT)
        case Unknown():
            return _after_unknown(situation)
        case Refused():
            return _after_refusal(situation, outcome)
        case _:
            assert_never(outcome)


RESENDS = 1
"""How often a message is sent again because a provider reports that it lost it."""
_LOST = frozenset({DeliveryState.UNDELIVERABLE, DeliveryState.REJECTED, DeliveryState.EXPIRED})


def after_bad_report(report: Report, situation: Situation) -> bool:
    """Say whether a message is routed again, without this provider, after its last report about it.

    Never while a copy may be out: after an unknown outcome, or an unknown end, only where a duplicate is preferred.
    """
    if report.state not in _LOST or not situation.another:
        return False
    if report.fault is Fault.CONTENT or (report.fault is Fault.RECIPIENT and report.certain):
        return False
    in_doubt = any(isinstance(past.outcome, Unknown) for past in situation.past)
    if in_doubt and situation.on_unknown is not OnUnknown.NEXT:
        return False
    taken = sum(isinstance(past.outcome, Accepted) for past in situation.past)
    return taken <= RESENDS and _budget_left(situation)


def final_state(past: Sequence[Past], *, late: bool) -> State:
    """Return the state of a message that nobody took. Never "not sent" while a copy is in doubt."""
    if any(isinstance(attempt.outcome, Unknown) for attempt in past):
        return State.UNKNOWN
    return State.EXPIRED if late else State.FAILED


def _after_unknown(situation: Situation) -> Step:
    in_doubt = sum(isinstance(attempt.outcome, Unknown) for attempt in situation.past)
    if situation.on_unknown is OnUnknown.STOP:
        return Finish(State.UNKNOWN)
    if situation.can_reconcile and not situation.past[-1].looked_into:
        return LookInto()
    if situation.on_unknown is OnUnknown.NEXT and in_doubt <= MAX_COPIES_IN_DOUBT and _budget_left(situation):
        return GoOn() if situation.another else Finish(State.UNKNOWN)
    return Finish(State.UNKNOWN)


def _after_refusal(situation: Situation, refused: Refused) -> Step:
    stop = Finish(final_state(situation.past, late=situation.now >= situation.deadline))
    if not _budget_left(situation):
        return stop
    rule = RULES[refused.fault]
    if rule.again is Again.AFTER_WAIT:
        return _after_throttling(situation, refused, stop)
    if _next_allowed(rule.next, situation, refused) and situation.another:
        return GoOn()
    if rule.again is Again.TWICE:
        return _repeat_unavailable(situation, stop)
    return stop


def _next_allowed(rule: Next, situation: Situation, refused: Refused) -> bool:
    same_before = sum(
        isinstance(attempt.outcome, Refused) and attempt.outcome.fault is refused.fault
        for attempt in situation.past[:-1]
    )
    match rule:
        case Next.NO:
            return False
        case Next.ONCE:
            return same_before == 0
        case Next.ONCE_UNLESS_CERTAIN:
            return same_before == 0 and not refused.certain
        case Next.YES | Next.IF_NEEDED:
            return True
        case _:
            assert_never(rule)


def _after_throttling(situation: Situation, refused: Refused, stop: Finish) -> Step:
    """Wait for the same provider, unless the wait would cost the message its life or its last attempt."""
    latest = situation.past[-1]
    before = sum(
        attempt.provider == latest.provider
        and isinstance(attempt.outcome, Refused)
        and attempt.outcome.fault is Fault.THROTTLED
        for attempt in situation.past[:-1]
    )
    in_time = False
    wait = 0.0
    if before < len(THROTTLE_WAITS):
        wait = refused.retry_after if refused.retry_after is not None else THROTTLE_WAITS[before]
        in_time = situation.now + wait < situation.deadline
    last_attempt = len(situation.past) + 1 >= situation.max_attempts
    if situation.another and (not in_time or last_attempt):
        return GoOn()
    return Repeat(wait) if in_time else stop


def _repeat_unavailable(situation: Situation, stop: Finish) -> Step:
    latest = situation.past[-1]
    before = sum(
        attempt.provider == latest.provider
        and isinstance(attempt.outcome, Refused)
        and attempt.outcome.fault is Fault.UNAVAILABLE
        for attempt in situation.past[:-1]
    )
    if before < len(UNAVAILABLE_WAITS) and situation.now + UNAVAILABLE_WAITS[before] < situation.deadline:
        return Repeat(UNAVAILABLE_WAITS[before])
    return stop


def _budget_left(situation: Situation) -> bool:
    return len(situation.past) < situation.max_attempts and situation.now < situation.deadline
