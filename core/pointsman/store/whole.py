"""A Viber message and the SMS in its place as one: the state of the whole, whether it is final, and the receipt.

Theory of operation. The two have a record each, and each record knows only its own news. What a caller is told is made
of both: the Viber message speaks until the SMS exists, then the SMS does. Two exceptions keep that true: a Viber
message that was delivered after all wins, and an SMS that never left says nothing about one that may have arrived.
"""

from pointsman.outcome import Accepted, Receipt, State
from pointsman.routing.fallback import BAD_ENDS, is_lost
from pointsman.store.record import FINAL, Record, is_final, is_in_doubt, lookup_result

_ON_ITS_WAY = frozenset({State.ACCEPTED, State.SCHEDULED, State.SENDING})
"""States of an SMS that may still leave, or be withdrawn."""


def has_left(record: Record) -> bool:
    """Say whether a message is out, or may be, or is leaving now."""
    taken = any(isinstance(attempt.outcome, Accepted) for attempt in record.attempts)
    return taken or record.intent is not None or is_in_doubt(record)


def state_of(record: Record, sms: Record | None) -> State:
    """Return the state of a message together with the SMS in its place, if there is one."""
    return record.state if _speaks_for_itself(record, sms) or sms is None else sms.state


def is_over(record: Record, sms: Record | None) -> bool:
    """Say whether nothing more is going to be done for a message and the SMS in its place."""
    if sms is None:
        return is_final(record)
    if sms.intent is not None or sms.state in _ON_ITS_WAY:
        return False
    if _speaks_for_itself(record, sms):
        return is_final(record)
    return sms.state in FINAL


def _speaks_for_itself(record: Record, sms: Record | None) -> bool:
    if sms is None or record.state is State.DELIVERED:
        return True
    unsent = sms.state in FINAL and not has_left(sms)
    return unsent and record.state not in BAD_ENDS


def receipt(record: Record, sms: Record | None = None) -> Receipt:
    """Return what the caller is told; `sms` is the record of the SMS in place of a Viber message."""
    envelope = record.envelope
    return Receipt(
        id=envelope.id,
        channel=envelope.channel,
        message_class=envelope.message.message_class,
        to=envelope.to,
        network=envelope.network,
        segments=envelope.segments,
        state=state_of(record, sms),
        attempts=record.attempts,
        reason=record.reason,
        lookup=lookup_result(record),
        reference=envelope.message.reference,
        possible_duplicate=_may_be_double(record, sms),
        read=any(one.report.read for one in record.reports),
        fallback=receipt(sms) if sms is not None else None,
        client=envelope.origin.client if envelope.origin is not None else None,
        accepted_at=envelope.accepted_at,
        due=envelope.due if envelope.due > envelope.accepted_at else None,
        updated_at=record.updated_at if sms is None else max(record.updated_at, sms.updated_at),
    )


def _may_be_double(record: Record, sms: Record | None) -> bool:
    """Say whether a copy went out while another may have got through."""
    if sms is None or not has_left(sms):
        return record.possible_duplicate
    followed = not is_lost(record.state, in_doubt=is_in_doubt(record))
    return record.possible_duplicate or sms.possible_duplicate or followed
