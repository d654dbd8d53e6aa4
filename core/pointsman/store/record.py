"""The life of a message as values: what is recorded, what can happen to it, and what follows from that.

Theory of operation. A `Record` is everything that is known of one message. It changes only by a `Change`, and `advance`
is the only function that applies one; it is pure, so every store runs the same life cycle, and a journal is the list of
changes. The state that people see is never set but derived from attempts and reports by `_state`, which makes the
result independent of the order in which reports come.
"""

from typing import assert_never

import msgspec

from pointsman.message import Channel, Envelope, FallbackBy, Viber
from pointsman.outcome import (
    Accepted,
    Attempt,
    LookupResult,
    Refused,
    Report,
    SettledBy,
    State,
    Unknown,
)
from pointsman.routing.merge import best_attempt, better, state_of_parts
from pointsman.store.change import (
    Begin,
    Change,
    Decided,
    Due,
    End,
    Erase,
    FellBack,
    Forgo,
    Intent,
    Kept,
    Located,
    Note,
    Own,
    Recover,
    Resolve,
    Retime,
    Settle,
    Unwant,
)
from pointsman.store.doubt import in_doubt, timed
from pointsman.store.erasing import erased
from pointsman.store.preparing import located, retimed
from pointsman.store.pricing import repriced, told_price

UNMAPPED = ""
"""Stands for the id of an acceptance that told none; only we ourselves report under it."""


class Known(msgspec.Struct, frozen=True):
    """The best report about one part of one attempt."""

    number: int
    provider_id: str
    report: Report


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything known of one message."""

    envelope: Envelope
    state: State
    attempts: tuple[Attempt, ...] = ()
    intent: Intent | None = None
    """The attempt in flight. Found after a crash, it is an unknown outcome."""
    waits: bool = False
    """Its time has not come yet."""
    reports: tuple[Known, ...] = ()
    ended: State | None = None
    """How the attempts ended when nobody took it, or no other provider is asked about a lookup."""
    resuming: bool = False
    """A provider lost it after it had taken it, and another one is going to send it."""
    reason: Refused | None = None
    possible_duplicate: bool = False
    sms: str | None = None
    """The id of the SMS that takes the place of this Viber message. After a crash it may not exist yet."""
    forgone: bool = False
    """It was decided that no SMS takes the place of this Viber message."""
    unwanted: bool = False
    """Nobody wants it any more: it is not attempted again."""
    lookup: LookupResult | None = None
    """What was known of the number from a lookup before the message was sent."""
    owner: str = ""
    """Who sends the message: one process of those that share a store. Empty where a store has one user."""
    lease_until: float = float("inf")
    """Until when nobody else may take it over; wall time of the store."""
    erased: bool = False
    """Text and number are gone; the figures are not."""
    updated_at: float


def begin(envelope: Envelope, owner: str = "", lease_until: float = float("inf")) -> Record:
    """Return the record of a message that we just took (the first durable write)."""
    waits = envelope.due > envelope.accepted_at
    state = State.SCHEDULED if waits else State.ACCEPTED
    return Record(
        envelope=envelope,
        state=state,
        waits=waits,
        owner=owner,
        lease_until=lease_until,
        updated_at=envelope.accepted_at,
    )


def advance(record: Record, change: Change, now: float) -> Record:
    """Return the record after a change; one that tells nothing new returns the same object."""
    replace = msgspec.structs.replace
    match change:
        case Due():
            after = replace(record, waits=False) if record.waits else record
        case Located(result):
            after = located(record, result)
        case Begin(intent):
            after = _begun(record, intent)
        case Settle():
            after = _settled(record, change, now)
        case Resolve():
            after = _resolved(record, change)
        case Note(number, report, again):
            after = _noted(record, number, report)
            if again and after is not record and _may_resume(after):
                after = replace(after, resuming=True)
        case End():
            after = _ended(record, change, now)
        case FellBack() | Forgo() | Unwant():
            after = _decided(record, change)
        case Own() | Recover() | Retime() | Erase():
            after = _kept(record, change, now)
        case _:
            assert_never(change)
    return record if after is record else replace(after, state=_state(after), updated_at=now)


def _decided(record: Record, change: Decided) -> Record:
    match change:
        case FellBack(message_id):
            return msgspec.structs.replace(record, sms=message_id) if awaits_fallback(record) else record
        case Forgo():
            return msgspec.structs.replace(record, forgone=True) if awaits_fallback(record) else record
        case Unwant():
            return _unwanted(record)
        case _:
            assert_never(change)


def _kept(record: Record, change: Kept, now: float) -> Record:
    match change:
        case Own(owner, until):
            free = record.owner == owner or record.lease_until <= now
            return msgspec.structs.replace(record, owner=owner, lease_until=until) if free else record
        case Recover(owner):
            return _recovered(record, owner, now)
        case Retime(due):
            return retimed(record, due)
        case Erase():
            return erased(record) if is_final(record) and not record.erased else record
        case _:
            assert_never(change)


def _begun(record: Record, intent: Intent) -> Record:
    """Return the record with an attempt in flight; one that is in flight already starts anew, with its next request.

    An attempt that was found open and recovered does not start again: its copy may be out. Nor does another one when a
    copy turned out to be taken in the meantime, unless that one is lost, or its provider could not answer a lookup; and
    nothing starts that nobody wants.
    """
    if record.unwanted:
        return record
    best = _best(record)
    if best is not None and not _may_go_on(record, best):
        return record
    known = any(one.number == intent.number for one in record.attempts)
    other = record.intent is not None and record.intent.number != intent.number
    if intent.owner != record.owner or known or other:
        return record
    doubled = record.possible_duplicate or is_in_doubt(record)
    return msgspec.structs.replace(record, intent=intent, possible_duplicate=doubled)


def _may_go_on(record: Record, best: State) -> bool:
    """Say whether a message that was taken may be attempted once more."""
    return (record.resuming and best is not State.DELIVERED) or _is_unanswered(record, best)


def _settled(record: Record, change: Settle, now: float) -> Record:
    """Return the record after an attempt ended.

    Somebody else may have found it open and written down that nobody knows its outcome. Then an acceptance that came
    after all is what clears it up; it is not another attempt. What else somebody tells whose message it is not any
    more is about an attempt that never started.
    """
    attempt = timed(change.attempt, now)
    if any(one.number == attempt.number for one in record.attempts):
        return _settled_late(record, attempt)
    if change.owner != record.owner:
        return record
    resuming = record.resuming and not isinstance(attempt.outcome, Accepted)
    return msgspec.structs.replace(record, intent=None, attempts=(*record.attempts, attempt), resuming=resuming)


def _settled_late(record: Record, attempt: Attempt) -> Record:
    """Return the record after the answer to an attempt that had been recovered; of another request it says nothing.

    A refusal does not clear it up either: it says that this request was not taken, but whoever recovered the attempt
    may have repeated it to find out.
    """
    place = next(place for place, one in enumerate(record.attempts) if one.number == attempt.number)
    known = record.attempts[place]
    if known.call_ref != attempt.call_ref or not isinstance(known.outcome, Unknown):
        return record
    if isinstance(attempt.outcome, Unknown):
        longer = msgspec.structs.replace(known, duration=max(known.duration, attempt.duration))
        attempts = (*record.attempts[:place], longer, *record.attempts[place + 1 :])
        return record if longer == known else msgspec.structs.replace(record, attempts=attempts)
    if isinstance(attempt.outcome, Refused):
        return record
    return _resolved(
        record, Resolve(attempt.number, attempt.outcome, SettledBy.ANSWER, attempt.price, attempt.on_delivery)
    )


def _recovered(record: Record, owner: str, now: float) -> Record:
    return in_doubt(record, now) if record.intent is not None and record.owner == owner else record


def _ended(record: Record, change: End, now: float) -> Record:
    """Return the record of a message that is not attempted any more.

    What is in flight may have been sent, and so may be what was in doubt: then nobody says that it was not.
    """
    if change.owner != record.owner:
        return record
    record = in_doubt(record, now)
    state = State.UNKNOWN if is_in_doubt(record) and change.state in _NOT_SENT else change.state
    if record.ended is state and record.reason == change.reason and not record.resuming:
        return record
    return msgspec.structs.replace(record, resuming=False, ended=state, reason=change.reason)


def _unwanted(record: Record) -> Record:
    """Return the record of a message that nobody wants any more; of one that is over for good nothing changes.

    Its end is written down with it where nothing has left, or all that has is lost. Else whoever follows the attempt in
    flight, or the one in doubt, says how it ended.
    """
    arrived = record.state in {State.DELIVERED, State.RESOLVED}
    over = is_final(record) and record.sms is None and (arrived or record.ended is not None)
    if record.unwanted or record.erased or over:
        return record
    replace = msgspec.structs.replace
    record = replace(record, unwanted=True, forgone=record.forgone or awaits_fallback(record))
    if record.intent is not None or is_in_doubt(record) or record.ended is not None:
        return record
    best = _best(record)
    if best is None:
        refusals = [one.outcome for one in record.attempts if isinstance(one.outcome, Refused)]
        return replace(record, ended=State.CANCELLED, reason=refusals[-1] if refusals else None)
    return replace(record, resuming=False, ended=State.FAILED if _is_unanswered(record, best) else None)


def _may_resume(record: Record) -> bool:
    under_way = record.resuming or record.intent is not None or record.ended is not None or record.unwanted
    return not under_way and _best(record) in _LOST


def _resolved(record: Record, change: Resolve) -> Record:
    known = any(one.number == change.number and isinstance(one.outcome, Unknown) for one in record.attempts)
    if not known or isinstance(change.outcome, Unknown):
        return record
    attempts = tuple(
        msgspec.structs.replace(
            attempt,
            outcome=change.outcome,
            settled_by=change.settled_by,
            first_unknown=attempt.outcome,
            price=change.price,
            on_delivery=change.on_delivery,
        )
        if attempt.number == change.number and isinstance(attempt.outcome, Unknown)
        else attempt
        for attempt in record.attempts
    )
    in_doubt = any(isinstance(attempt.outcome, Unknown) for attempt in attempts)
    cleared = record.ended is State.UNKNOWN and not in_doubt
    return msgspec.structs.replace(
        record,
        attempts=attempts,
        ended=(State.CANCELLED if record.unwanted else State.FAILED) if cleared else record.ended,
        resuming=record.resuming and not isinstance(change.outcome, Accepted),
    )


def _noted(record: Record, number: int, report: Report) -> Record:
    known = next(
        (one.report for one in record.reports if one.number == number and one.provider_id == report.provider_id), None
    )
    best = better(known, report)
    if best is known:
        return record
    others = tuple(
        one for one in record.reports if not (one.number == number and one.provider_id == report.provider_id)
    )
    return _repriced(
        msgspec.structs.replace(record, reports=(*others, Known(number, report.provider_id, best))), number
    )


def _repriced(record: Record, number: int) -> Record:
    """Give an attempt the price that final reports tell of its parts, each of its own: it beats the price list.

    What is charged on delivery is put right with a single part only: the first of several is booked for all.
    """
    attempt = next((one for one in record.attempts if one.number == number), None)
    reports = [one.report for one in record.reports if one.number == number]
    told = told_price(attempt, reports, record.envelope.parts) if attempt is not None else None
    if told is None:
        return record
    attempts = tuple(repriced(one, told) if one.number == number else one for one in record.attempts)
    return msgspec.structs.replace(record, attempts=attempts)


def _state(record: Record) -> State:
    best = _best(record)
    if best is not None and record.resuming and best is not State.DELIVERED:
        return State.SENDING
    if best in _LOST and record.intent is not None:
        return State.SENDING  # another copy is on its way
    if best in _LOST and is_in_doubt(record):
        return State.UNKNOWN  # the copy that nobody knows of may have arrived
    if best is not None:
        return State.SENT if _is_unanswered(record, best) else best
    if record.ended is not None:
        return record.ended
    if record.intent is not None or record.attempts:
        return State.SENDING
    return State.SCHEDULED if record.waits else State.ACCEPTED


def _best(record: Record) -> State | None:
    """Return the state by the attempts that were accepted, if any was."""
    states = [attempt_state(record, attempt) for attempt in record.attempts if isinstance(attempt.outcome, Accepted)]
    return best_attempt(states) if states else None


def _is_unanswered(record: Record, best: State) -> bool:
    """Say whether those who took a lookup could not answer it, but somebody else may yet be asked."""
    return best is State.FAILED and record.envelope.channel is Channel.HLR and record.ended is None


def attempt_state(record: Record, attempt: Attempt) -> State:
    """Return what the reports say of one attempt that was accepted."""
    outcome = attempt.outcome
    ids = outcome.ids if isinstance(outcome, Accepted) else ()
    known = {one.provider_id: one.report for one in record.reports if one.number == attempt.number}
    return state_of_parts([known.get(one) for one in ids or (UNMAPPED,)])


FINAL = frozenset(
    {
        State.DELIVERED,
        State.UNDELIVERED,
        State.EXPIRED,
        State.REJECTED,
        State.FAILED,
        State.UNKNOWN,
        State.CANCELLED,
        State.RESOLVED,
    }
)
"""States in which nothing more is going to be done; news may still come."""
_NOT_SENT = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})
"""Ends that say that no copy is going to arrive."""
_LOST = frozenset({State.UNDELIVERED, State.EXPIRED, State.REJECTED})
"""States of a message that was taken and of which no copy is going to arrive."""
_NO_FALLBACK = frozenset({State.DELIVERED, State.CANCELLED})
"""States of a Viber message that no SMS follows."""


def is_final(record: Record) -> bool:
    """Say whether nothing more is going to be done for a message, an SMS in its place included.

    Once that SMS exists it is a message of its own: whether the whole is final is said by `store.whole`.
    """
    return record.state in FINAL and record.intent is None and not awaits_fallback(record)


def is_in_doubt(record: Record) -> bool:
    """Say whether there is an attempt of which nobody knows whether it got through."""
    return any(isinstance(attempt.outcome, Unknown) for attempt in record.attempts)


def may_repeat(record: Record) -> bool:
    """Say whether a request may be repeated to find out what became of it: the repeat might be what sends it."""
    return not record.unwanted and record.state is not State.DELIVERED


def awaits_fallback(record: Record) -> bool:
    """Say whether it is still open whether the router sends an SMS in place of a Viber message."""
    message = record.envelope.message
    if not isinstance(message, Viber) or message.fallback is None or message.fallback.by is not FallbackBy.ROUTER:
        return False
    return record.sms is None and not record.forgone and record.state not in _NO_FALLBACK


def is_told(record: Record) -> bool:
    """Say whether those who took a message told its end, even if it is only that they could not answer a lookup."""
    best = _best(record)
    return is_final(record) or (record.intent is None and best is not None and _is_unanswered(record, best))


def lookup_result(record: Record) -> LookupResult | None:
    """Return the best answer to a lookup; of another message what a lookup told before it was sent."""
    best: Report | None = None
    for one in record.reports:
        if one.report.lookup is not None:
            best = better(best, one.report)
    return best.lookup if best is not None else record.lookup
