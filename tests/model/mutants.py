"""Bugs that are planted by putting other functions in the place of the real ones, one at a time.

The first seven are those that a reviewer would fear most. The others undo what the check made us mend.
"""

from collections.abc import Mapping, Sequence

import msgspec

from pointsman.outcome import Attempt, Fault, Outcome, Refused, State, Unknown
from pointsman.plugin import Absent
from pointsman.routing.failover import Finish, OnUnknown, Past, Situation, Step, decide
from pointsman.routing.reconcile import NEVER_SENT, Finding, Inquiry, Proved, learn
from pointsman.store.change import Begin, Change, End, Recover, Settle, Unwant
from pointsman.store.record import Record, advance

from .rules import REAL, Rules
from .world import Kind, Scope


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """A planted bug, and a small scope in which it shows."""

    rules: Rules
    scope: Scope
    breaks: frozenset[str]
    """The rules that it may break; the first one that is found broken is among them."""
    ignore: frozenset[str] = frozenset()
    """Rules that are not looked at, so that a consequence has to be found."""
    precise: bool = False


def _timeout_is_a_failure() -> Outcome:
    return Refused(fault=Fault.UNAVAILABLE, code="timeout")


def _requeues(record: Record, change: Change, now: float) -> Record:
    """Recover by forgetting that an attempt had started."""
    if isinstance(change, Recover) and record.intent is not None and record.owner == change.owner:
        return msgspec.structs.replace(record, intent=None)
    return advance(record, change, now)


def _absent_at_once(inquiry: Inquiry, finding: Finding, asked_at: float) -> Inquiry | Proved:
    """Believe the first "not there", whenever it is said."""
    return Proved(NEVER_SENT) if isinstance(finding, Absent) else learn(inquiry, finding, asked_at)


def _absent_once(inquiry: Inquiry, finding: Finding, asked_at: float) -> Inquiry | Proved:
    """Believe "not there" the second time, but do not wait for the provider."""
    return learn(msgspec.structs.replace(inquiry, counts_from=0.0), finding, asked_at)


def _refused_repeat(inquiry: Inquiry, finding: Finding, asked_at: float) -> Inquiry | Proved:
    """Read the refusal of a repeat as that of the first request."""
    return Proved(finding) if isinstance(finding, Refused) else learn(inquiry, finding, asked_at)


def _from_the_start(attempt: Attempt, now: float) -> float:
    del now
    return attempt.started_at


def _timed_by_itself(record: Record, change: Change, now: float) -> Record:
    """Let an attempt in doubt last only as long as its exchanges."""
    after = advance(record, change, now)
    if isinstance(change, Settle) and after is not record and after.attempts[-1].number == change.attempt.number:
        last = msgspec.structs.replace(after.attempts[-1], duration=change.attempt.duration)
        return msgspec.structs.replace(after, attempts=(*after.attempts[:-1], last))
    return after


def _claims(past: Sequence[Past], late: bool) -> State:
    """Say "not sent" whatever is in doubt."""
    del past
    return State.EXPIRED if late else State.FAILED


def _claims_unguarded(record: Record, change: Change, now: float) -> Record:
    """Write down what is claimed, without the table's own guard."""
    after = advance(record, change, now)
    if isinstance(change, End) and after is not record and after.ended is not change.state:
        return msgspec.structs.replace(after, ended=change.state, state=change.state)
    return after


def _claims_after_unknown(situation: Situation) -> Step:
    step = decide(situation)
    return Finish(_claims((), situation.now >= situation.deadline)) if step == Finish(State.UNKNOWN) else step


def _anybody_begins(record: Record, change: Change, now: float) -> Record:
    if isinstance(change, Begin):
        mine = msgspec.structs.replace(change.intent, owner=record.owner)
        return advance(record, Begin(mine), now)
    return advance(record, change, now)


def _anybody_settles(record: Record, change: Change, now: float) -> Record:
    return advance(record, Settle(change.attempt, record.owner) if isinstance(change, Settle) else change, now)


def _anybody_ends(record: Record, change: Change, now: float) -> Record:
    """End without a look at who says so, and forget what is in flight."""
    if isinstance(change, End):
        ended = msgspec.structs.replace(record, intent=None)
        return advance(ended, End(change.state, change.reason, record.owner), now)
    return advance(record, change, now)


def _begins_though_taken(record: Record, change: Change, now: float) -> Record:
    after = advance(record, change, now)
    if isinstance(change, Begin) and after is record and change.intent.owner == record.owner:
        known = any(one.number == change.intent.number for one in record.attempts)
        return record if known else msgspec.structs.replace(record, intent=change.intent, state=State.SENDING)
    return after


def _late_refusal_counts(record: Record, change: Change, now: float) -> Record:
    """Let a refusal clear up an attempt that somebody else recovered and perhaps repeated."""
    after = advance(record, change, now)
    if isinstance(change, Settle) and after is record and isinstance(change.attempt.outcome, Refused):
        attempts = tuple(
            msgspec.structs.replace(one, outcome=change.attempt.outcome)
            if one.call_ref == change.attempt.call_ref and isinstance(one.outcome, Unknown)
            else one
            for one in record.attempts
        )
        return record if attempts == record.attempts else msgspec.structs.replace(record, attempts=attempts)
    return after


def _nobody_hears(record: Record, change: Change, now: float) -> Record:
    """Keep it in memory that nobody wants a message."""
    return record if isinstance(change, Unwant) else advance(record, change, now)


def _begins_though_unwanted(record: Record, change: Change, now: float) -> Record:
    """Let an attempt begin that was chosen before it was written down that nobody wants it."""
    after = advance(record, change, now)
    if isinstance(change, Begin) and after is record and record.unwanted and change.intent.owner == record.owner:
        return msgspec.structs.replace(record, intent=change.intent, state=State.SENDING)
    return after


def _ends_once_more(record: Record, change: Change, now: float) -> Record:
    """Let whoever still has a message in hand say how it ended, although it is cancelled."""
    after = advance(record, change, now)
    is_over = record.state is State.CANCELLED and record.unwanted and record.intent is None
    if isinstance(change, End) and after is record and is_over and change.owner == record.owner:
        return msgspec.structs.replace(record, ended=change.state, state=change.state, reason=change.reason)
    return after


def _forgotten_on_recovery(record: Record, change: Change, now: float) -> Record:
    """Forget that nobody wants it when an attempt is found that nobody settled."""
    after = advance(record, change, now)
    return msgspec.structs.replace(after, unwanted=False) if isinstance(change, Recover) else after


def _may_repeat_anything(record: Record) -> bool:
    del record
    return True


def _with(**changes: object) -> Rules:
    return msgspec.structs.replace(REAL, **changes)


STATUS = Scope((Kind.STATUS,), OnUnknown.RECONCILE, 0, 1)
REPEAT = Scope((Kind.REPEAT,), OnUnknown.RECONCILE, 0, 1)
BLIND = Scope((Kind.BLIND,), OnUnknown.RECONCILE, 0, 1)
COPIES = frozenset({"second copy"})
LIES = frozenset({"false end", "false proof", "second copy"})

PLANTED: Mapping[str, Mutant] = {
    "the intent is written after the call": Mutant(
        rules=_with(intent_first=False),
        scope=BLIND._replace(crashes=1),
        breaks=LIES,
        ignore=frozenset({"unwritten"}),
    ),
    "a time-out is read as a failure": Mutant(rules=_with(no_answer=_timeout_is_a_failure), scope=BLIND, breaks=LIES),
    "recovery puts the message back in the queue": Mutant(
        rules=_with(advance=_requeues), scope=BLIND._replace(crashes=1, cancels=False), breaks=COPIES
    ),
    "absent is believed at once": Mutant(rules=_with(learn=_absent_at_once), scope=STATUS, breaks=LIES),
    "a refused repeat is read as proof for the first": Mutant(
        rules=_with(learn=_refused_repeat), scope=REPEAT, breaks=LIES
    ),
    "the settle clock runs from the first request": Mutant(
        rules=_with(last_left=_from_the_start), scope=STATUS, breaks=LIES, precise=True
    ),
    "failed or expired is claimed after an attempt in doubt": Mutant(
        rules=_with(decide=_claims_after_unknown, final_state=_claims, advance=_claims_unguarded),
        scope=BLIND,
        breaks=LIES,
    ),
}

CANCELLED: Mapping[str, Mutant] = {
    "that nobody wants it is only remembered": Mutant(
        rules=_with(advance=_nobody_hears), scope=BLIND, breaks=frozenset({"unwanted"})
    ),
    "an attempt begins although nobody wants it": Mutant(
        rules=_with(advance=_begins_though_unwanted), scope=BLIND, breaks=frozenset({"unwanted", "taken back"})
    ),
    "an end that comes too late replaces a cancellation": Mutant(
        rules=_with(advance=_ends_once_more), scope=BLIND, breaks=frozenset({"taken back"})
    ),
    "recovery forgets that nobody wants it": Mutant(
        rules=_with(advance=_forgotten_on_recovery),
        scope=BLIND._replace(kinds=(Kind.BLIND, Kind.BLIND), policy=OnUnknown.NEXT, crashes=1),
        breaks=frozenset({"unwanted"}),
    ),
    "what nobody wants is repeated to find out about it": Mutant(
        rules=_with(may_repeat=_may_repeat_anything), scope=REPEAT, breaks=frozenset({"unwanted"})
    ),
}
"""Bugs in what cancelling promises."""

MENDED: Mapping[str, Mutant] = {
    "absent is believed before the provider had its time": Mutant(
        rules=_with(learn=_absent_once), scope=STATUS, breaks=LIES
    ),
    "an attempt in doubt lasts only as long as its exchanges": Mutant(
        rules=_with(advance=_timed_by_itself), scope=STATUS._replace(policy=OnUnknown.STOP), breaks=LIES, precise=True
    ),
    "anybody may begin": Mutant(
        rules=_with(advance=_anybody_begins),
        scope=BLIND._replace(processes=2, cancels=False),
        breaks=LIES | {"unwritten"},
        ignore=frozenset({"lost"}),
    ),
    "anybody may settle what never started": Mutant(
        rules=_with(advance=_anybody_settles),
        scope=BLIND._replace(kinds=(Kind.BLIND, Kind.BLIND), processes=2, cancels=False),
        breaks=LIES | {"lost", "unwritten"},
    ),
    "anybody may say that it is over": Mutant(
        rules=_with(advance=_anybody_ends),
        scope=BLIND._replace(processes=2),
        breaks=LIES | {"unwritten", "lost"},
    ),
    "an attempt begins although another one was taken": Mutant(
        rules=_with(advance=_begins_though_taken),
        scope=Scope((Kind.REPEAT, Kind.BLIND), OnUnknown.NEXT, 0, 2, cancels=False),
        breaks=LIES | {"taken back"},
    ),
    "a late refusal clears up what somebody else repeated": Mutant(
        rules=_with(advance=_late_refusal_counts),
        scope=REPEAT._replace(processes=2, cancels=False),
        breaks=LIES | {"lost"},
    ),
}
