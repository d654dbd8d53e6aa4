"""Whose id is whose: the answers to a submit are lists of ids and nothing else."""

from pointsman.message import Channel
from pointsman.outcome import Accepted, Unknown, UnknownReason
from pointsman.plugin import Batch, Each, Oddity, Whole

Shares = tuple[Each | Whole, tuple[Oddity, ...]]


def share(batch: Batch, ids: tuple[str, ...]) -> Shares:
    """Give each message of a batch its ids."""
    match batch.channel:
        case Channel.SMS:
            return _segments(batch, ids)
        case Channel.VIBER:
            return _messages(batch, ids)
        case Channel.HLR:
            return _lookups(batch, ids)


def _segments(batch: Batch, ids: tuple[str, ...]) -> Shares:
    """Share the flat list of ids out: all segments of the first recipient, then the next one's.

    One recipient owns them all. With several, only a list of exactly the expected length can be shared out; from any
    other one we learn that the messages were taken, but not which id is whose.
    """
    recipients = len(batch.items)
    if recipients == 1:
        return Each((Accepted(ids=ids, segments=len(ids)),)), ()
    parts = batch.items[0].segments.count if batch.items[0].segments is not None else 1
    if len(ids) != recipients * parts or len(set(ids)) != len(ids):
        return _unmapped(recipients)
    shares = (ids[start : start + parts] for start in range(0, len(ids), parts))
    return Each(tuple(Accepted(ids=share, segments=parts) for share in shares)), ()


def _messages(batch: Batch, ids: tuple[str, ...]) -> Shares:
    """Give each Viber message its one id; it has no segments."""
    recipients = len(batch.items)
    if recipients == 1:
        return Each((Accepted(ids=ids),)), ()
    if len(ids) != recipients or len(set(ids)) != len(ids):
        return _unmapped(recipients)
    return Each(tuple(Accepted(ids=(message_id,)) for message_id in ids)), ()


def _lookups(batch: Batch, ids: tuple[str, ...]) -> Shares:
    """Give each number its id by position, the only link there is; a lookup without a sure id is worth nothing."""
    if len(ids) != len(batch.items) or len(set(ids)) != len(ids):
        detail = f"ids: {len(ids)}, numbers: {len(batch.items)}"
        return Whole(outcome=Unknown(reason=UnknownReason.UNREADABLE, detail=detail)), (Oddity.IDS_UNMAPPED,)
    return Each(tuple(Accepted(ids=(message_id,)) for message_id in ids)), ()


def _unmapped(recipients: int) -> Shares:
    return Each((Accepted(ids=()),) * recipients), (Oddity.IDS_UNMAPPED,)
