"""A message as its record tells it, for those who go on with it: pure functions of a record."""

from datetime import timedelta
from itertools import pairwise

import msgspec

from pointsman.clock import as_utc
from pointsman.engine.station import Station
from pointsman.message import Envelope, FallbackBy, HlrLookup, Viber
from pointsman.outcome import Attempt
from pointsman.plugin import Submission
from pointsman.routing.failover import Past
from pointsman.routing.resuming import past_of
from pointsman.store import Record


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried for a message so far, as its next step depends on it."""

    past: tuple[Past, ...]
    tried: frozenset[str]
    """Providers that are not asked again, but perhaps the last one."""
    decisions: int
    """How many decisions were made, so that the next one has an id of its own."""


def history_of(record: Record) -> History:
    """Return what was tried for a message."""
    attempts = record.attempts
    return History(
        past=past_of(attempts),
        tried=frozenset(one.provider for one, following in pairwise(attempts) if one.provider != following.provider),
        decisions=max((_place_of(one.decision_id) for one in attempts), default=0),
    )


def _place_of(decision_id: str) -> int:
    _, _, place = decision_id.rpartition("-")
    return int(place) if place.isdecimal() and len(place) < len(decision_id) else 0


def submission_again(station: Station, envelope: Envelope, attempt: Attempt) -> Submission:
    """Return what an attempt submitted, as far as a question about it needs it."""
    message = envelope.message
    limits = station.view.limits.get(envelope.channel)
    sender = None if isinstance(message, HlrLookup) else message.sender or station.view.default_sender
    keeps = envelope.due > attempt.started_at
    by_local = envelope.local is not None and limits is not None and limits.schedules_local
    return submission_of(
        station,
        envelope,
        attempt.ref,
        sender,
        keeps=keeps,
        by_local=by_local,
        left=envelope.deadline - max(attempt.started_at, envelope.due),
    )


def submission_of(
    station: Station,
    envelope: Envelope,
    ref: str,
    sender: str | None,
    *,
    keeps: bool,
    by_local: bool,
    left: float,
) -> Submission:
    """Return a message as a provider gets it: under a reference, for `left` seconds."""
    fallback = envelope.message.fallback if isinstance(envelope.message, Viber) else None
    return Submission(
        ref=ref,
        message=envelope.message,
        to=envelope.to,
        network=envelope.network,
        segments=envelope.segments,
        sender=sender,
        # With a fallback the provider must give the message up in time, even if the caller set no limit.
        ttl=timedelta(seconds=left) if envelope.message.ttl is not None or fallback is not None else None,
        callback_url=station.callback_url,
        send_at=as_utc(envelope.due) if keeps and not by_local else None,
        send_at_local=envelope.local if keeps and by_local else None,
        resend=fallback is not None and fallback.by is FallbackBy.PROVIDER,
    )
