"""A question about one message as its provider can be asked it: by ids or by our reference, completed from records."""

import msgspec

from pointsman.engine.ids import ID_LENGTH
from pointsman.engine.recorder import Recorder
from pointsman.engine.station import Station
from pointsman.engine.tracking import resent_by_provider
from pointsman.errors import InvalidQuestion, NotOffered
from pointsman.events import Operation
from pointsman.message import Channel, Msisdn
from pointsman.outcome import Attempt
from pointsman.plugin import Tracked
from pointsman.store import Record


class StatusQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which message a provider is asked about."""

    ids: tuple[str, ...] = ()
    """The provider's ids of it."""
    reference: str | None = None
    """Our reference of the attempt, instead of ids."""
    to: Msisdn | None = None
    """The number; None when it is in our own record of the message."""
    channel: Channel = Channel.SMS


async def tracked_by(
    station: Station, question: StatusQuestion, recorder: Recorder, now: float
) -> tuple[tuple[Tracked, ...], ...]:
    """Return what one request after the other asks about, as the provider's `Polling` wants it.

    Raises `InvalidQuestion` when it is not clear what is asked, `NotOffered` when the provider cannot be asked so.
    """
    channel = question.channel
    polling = station.provider.profile.polling.get(channel)
    if polling is None:
        raise NotOffered(station.name, Operation.POLL, f"it tells no reports on {channel}")
    if bool(question.ids) == (question.reference is not None):
        raise InvalidQuestion("ids", "give the provider's ids of the message, or our reference of it")
    if question.reference is not None:
        if not polling.by_reference:
            raise NotOffered(station.name, Operation.POLL, f"it knows none of our references on {channel}; give its id")
        known = await _known_by_reference(station, question.reference, recorder)
        return ((_tracked(question, (), known, now),),)
    each = [_tracked(question, (one,), await _known_by_id(station, one, recorder), now) for one in question.ids]
    size = max(polling.batch, 1)
    return tuple(tuple(each[start : start + size]) for start in range(0, len(each), size))


def _tracked(question: StatusQuestion, ids: tuple[str, ...], known: "_Known | None", now: float) -> Tracked:
    to = question.to or (known.record.envelope.to if known is not None else None)
    if to is None:
        raise InvalidQuestion("to", "we have no record of this message; give the number that it was sent to")
    reference = question.reference or ""
    return Tracked(
        ids=ids,
        to=to,
        channel=question.channel,
        accepted_at=known.attempt.started_at if known is not None else now,
        ref=known.attempt.ref if known is not None else reference,
        # Some providers know the reference of the request only; who names one means whichever the provider knows.
        call_ref=known.attempt.call_ref if known is not None else reference,
        resend=known is not None and resent_by_provider(known.record.envelope.message),
    )


class _Known(msgspec.Struct, frozen=True):
    """Our own record of what is asked about."""

    record: Record
    attempt: Attempt


async def _known_by_id(station: Station, provider_id: str, recorder: Recorder) -> _Known | None:
    for message_id, number in await recorder.find(station.name, provider_id):
        record = await recorder.get(message_id)
        if record is not None:
            return _Known(record, record.attempts[number - 1])
    return None


async def _known_by_reference(station: Station, reference: str, recorder: Recorder) -> _Known | None:
    record = await recorder.get(reference[:ID_LENGTH])
    for attempt in record.attempts if record is not None else ():
        if record is not None and attempt.provider == station.name and reference in {attempt.ref, attempt.call_ref}:
            return _Known(record, attempt)
    return None
