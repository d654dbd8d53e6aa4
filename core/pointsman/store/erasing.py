"""Forgetting what a message said and to whom, while its figures stay: the time, the prices, the outcomes."""

from typing import TYPE_CHECKING

import msgspec

from pointsman.message import HlrLookup, Message, MessageClass, Msisdn, Origin, Sms, Viber
from pointsman.outcome import Accepted, Attempt, Outcome, Refused, Report, Unknown

if TYPE_CHECKING:
    from pointsman.store.record import Record

GONE = ""
"""Stands where a text or a number was."""
DOUBTED = 2 * 86400.0
"""Seconds for which the text of a code is kept while it may still be found out what became of it."""


def is_to_be_silenced(record: "Record", paired: bool, texts: float, now: float) -> bool:  # noqa: FBT001 - two facts
    """Say whether the text of a message that is final has been kept for long enough.

    `texts` is for how many seconds it is kept; `paired`, that the SMS in place of this Viber message, or the Viber
    message in whose place this SMS is, is not over. The text of a code goes as soon as all is over.
    """
    age = now - record.updated_at
    if age >= texts:
        return True
    if record.envelope.message.message_class is not MessageClass.OTP or paired:
        return False
    return not any(isinstance(one.outcome, Unknown) for one in record.attempts) or age >= DOUBTED


def erased(record: "Record") -> "Record":
    """Return a record without text, number, and the words of providers, which may quote both."""
    replace = msgspec.structs.replace
    envelope = record.envelope
    return replace(
        record,
        envelope=replace(envelope, message=_silent(envelope.message), to=Msisdn(GONE), origin=_nameless(record)),
        attempts=tuple(_wordless(attempt) for attempt in record.attempts),
        reports=tuple(replace(one, report=silenced(one.report)) for one in record.reports),
        reason=replace(record.reason, detail=GONE) if record.reason is not None else None,
        erased=True,
    )


def silenced(report: Report) -> Report:
    """Return a report without the number and the words of the provider."""
    return msgspec.structs.replace(report, detail=GONE, to=None)


def _nameless(record: "Record") -> Origin | None:
    origin = record.envelope.origin
    return msgspec.structs.replace(origin, callback_url=None) if origin is not None else None


def _silent(message: Message) -> Message:
    replace = msgspec.structs.replace
    match message:
        case Viber(fallback=fallback):
            quiet = replace(fallback, text=GONE) if fallback is not None and fallback.text is not None else fallback
            return replace(message, to=GONE, text=GONE, fallback=quiet)
        case Sms():
            return replace(message, to=GONE, text=GONE)
        case HlrLookup():
            return replace(message, to=GONE)


def _wordless(attempt: Attempt) -> Attempt:
    replace = msgspec.structs.replace
    first = attempt.first_unknown
    return replace(
        attempt,
        outcome=_outcome(attempt.outcome),
        first_unknown=replace(first, detail=GONE) if first is not None else None,
    )


def _outcome(outcome: Outcome) -> Outcome:
    match outcome:
        case Refused() | Unknown():
            return msgspec.structs.replace(outcome, detail=GONE)
        case Accepted():
            return outcome
