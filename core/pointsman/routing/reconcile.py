"""When a provider is asked what became of a request without an answer, and what its answers prove.

Theory of operation. An `Inquiry` is what is known so far about one attempt in doubt: when its last request may have
left, how often it was said to be absent, how long was waited. `next_look` says how long to wait before the next look,
or that there are to be no more; `may_ask` whether the look may be made when its time has come; `learn` what an answer
proves, or the inquiry as it goes on. All are functions of values; whoever asks keeps the inquiry and does the waiting.

Two ways of asking. Where a repeat under the same reference does nothing twice, the submit is repeated. Then only an
acceptance proves anything: whatever else is said of the repeat says nothing about the first request. Where the provider
can be asked by our own reference, it is asked, and "not there" is believed only when it has been said twice in a row,
each time longer after the last request than the provider may take to process one.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from pointsman.outcome import Accepted, Attempt, Fault, Refused, Unknown
from pointsman.plugin import Absent, Reconciling
from pointsman.routing.failover import OnUnknown

Finding = Accepted | Absent | Unknown | Refused
"""What was found out by one look; a refusal is one of the question, not of the message."""

PATIENCE: Mapping[OnUnknown, float] = MappingProxyType(
    {OnUnknown.NEXT: 5.0, OnUnknown.RECONCILE: 60.0, OnUnknown.STOP: 0.0}
)
"""Seconds that an unknown outcome is looked into before the policy decides without an answer."""
FIRST_LOOK = 0.5
LONGEST_PAUSE = 8.0
LATE_FIRST_LOOK = 60.0
LATE_LONGEST_PAUSE = 3600.0
GIVE_UP = 48 * 3600.0
"""Seconds after its start in which an attempt in doubt is looked into at all."""
LOOKS_FOR_ABSENT = 2
NEVER_SENT = Refused(fault=Fault.UNAVAILABLE, code="not_sent")
"""What an attempt turned out to be of which the provider never got anything."""


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an attempt in doubt. Times are seconds of one clock, whichever the caller uses throughout."""

    repeats: bool
    """It is asked by repeating the submit."""
    counts_from: float
    """Before this moment "not there" says nothing: the provider may still be at work on the last request."""
    patience: float
    """Seconds that are waited before looks, all together."""
    pause: float
    """Seconds to wait before the next look."""
    longest_pause: float
    aligned: bool
    """A look is made at the moment from which "not there" counts, even if it comes in the middle of a pause."""
    spent: float = 0.0
    """Seconds that were waited so far."""
    absences: int = 0
    """How often in a row the provider said "not there" when that says something."""


class Proved(msgspec.Struct, frozen=True):
    """It is known what became of the attempt."""

    outcome: Accepted | Refused


def at_once(rule: Reconciling, last_left: float, patience: float) -> Inquiry:
    """Return the inquiry into an attempt for which its message waits.

    `last_left` is a moment before which its last request left, if it left at all.
    """
    return Inquiry(
        repeats=rule.repeats,
        counts_from=last_left + rule.settle,
        patience=patience,
        pause=FIRST_LOOK,
        longest_pause=LONGEST_PAUSE,
        aligned=not rule.repeats,
    )


def later(rule: Reconciling, attempt: Attempt, now: float) -> Inquiry | None:
    """Return the inquiry into an attempt for which nobody waits any more (wall time).

    None where the provider is asked by a repeat: so late that would be a new order.
    """
    if rule.repeats:
        return None
    return Inquiry(
        repeats=False,
        counts_from=over_at(attempt) + rule.settle,
        patience=GIVE_UP - (now - attempt.started_at),
        pause=LATE_FIRST_LOOK,
        longest_pause=LATE_LONGEST_PAUSE,
        aligned=False,
    )


def over_at(attempt: Attempt) -> float:
    """Return a moment (wall time) before which the last request of an attempt left."""
    return attempt.started_at + attempt.duration


def next_look(inquiry: Inquiry, now: float) -> float | None:
    """Return the seconds before the next look; None when there are to be no more."""
    left = inquiry.patience - inquiry.spent
    if left <= 0.0:
        return None
    pause = inquiry.pause
    if inquiry.aligned and 0.0 < inquiry.counts_from - now < pause:
        pause = inquiry.counts_from - now
    return min(pause, left)


def waited(inquiry: Inquiry, seconds: float) -> Inquiry:
    """Return the inquiry after the wait before a look."""
    pause = min(inquiry.pause * 2, inquiry.longest_pause)
    return msgspec.structs.replace(inquiry, spent=inquiry.spent + seconds, pause=pause)


def may_ask(inquiry: Inquiry, *, late: bool) -> bool:
    """Say whether a look may be made; `late` is whether the life of the message is over.

    A repeat might be the first that gets through, and what it brings is worthless then.
    """
    return not (inquiry.repeats and late)


def learn(inquiry: Inquiry, finding: Finding, asked_at: float) -> Inquiry | Proved:
    """Return what the answer to a question proves that left at `asked_at`, or the inquiry with what was learnt."""
    if isinstance(finding, Accepted):
        return Proved(finding)
    if inquiry.repeats:
        return inquiry
    if not isinstance(finding, Absent):
        return msgspec.structs.replace(inquiry, absences=0)
    if asked_at < inquiry.counts_from:
        return inquiry
    absences = inquiry.absences + 1
    return Proved(NEVER_SENT) if absences >= LOOKS_FOR_ABSENT else msgspec.structs.replace(inquiry, absences=absences)
