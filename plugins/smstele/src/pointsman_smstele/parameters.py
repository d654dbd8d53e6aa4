"""What a call of `sendsms` says about its messages: everything but the credentials, the id and the numbers."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from pointsman.message import HlrLookup, Sms, Viber
from pointsman.plugin import Submission
from pointsman_smstele.settings import Settings, ValidityUnit, deferred_zone

Parameter = tuple[str, str]

LONGEST_VIBER_VALIDITY = 86_400
"""Seconds; the document allows 0 to 86400."""

_SECONDS_PER_UNIT: Mapping[ValidityUnit, int] = {ValidityUnit.SECONDS: 1, ValidityUnit.MINUTES: 60}


class Parameters:
    """How messages become parameters on one account. Never changes.

    Messages that come to the same parameters may share a call, so these are the batch key as well. `translit` is not
    among them: a text comes as it is to arrive, and its parts have been counted. Raises `ValueError` for an offset that
    cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._unit = settings.validity_unit
        self._zone = deferred_zone(settings.deferred_offset)

    @property
    def defers(self) -> bool:
        """Say whether SMStele can be asked to keep a message: only where somebody said whose clock it goes by."""
        return self._zone is not None

    def of(self, submission: Submission) -> tuple[Parameter, ...]:
        """Return the parameters of a message.

        Raises `ValueError` for one that SMStele shall keep without a configured offset: it must not leave at once.
        """
        match submission.message:
            case Sms(text=text, flash=flash):
                return _given(
                    mes=text,
                    sender=submission.sender,
                    flash="1" if flash else None,
                    deferred=self._deferred(submission.send_at),
                    validity=self._validity(submission.ttl),
                )
            case Viber(text=text):
                return _given(
                    mes=text,
                    viber="1",
                    sender=submission.sender,
                    deferred=self._deferred(submission.send_at),
                    viber_validity=_viber_validity(submission.ttl),
                )
            case HlrLookup():
                return _given(hlr="1")  # never with `mes`: it would be dropped silently

    def without_validity(self, submission: Submission) -> Submission | None:
        """Return a message without a limit of its life at SMStele; None when it has none, or needs it.

        A Viber message with a fallback needs it: SMStele must have given it up before the SMS starts.
        """
        bare = msgspec.structs.replace(submission, ttl=None)
        match submission.message:
            case Viber(fallback=fallback) if fallback is not None:
                return None
            case _:
                return None if self.of(bare) == self.of(submission) else bare

    def _validity(self, ttl: timedelta | None) -> str | None:
        """Return `validity` in the configured unit, rounded up; None when it is not to be sent."""
        seconds = _SECONDS_PER_UNIT.get(self._unit)
        if ttl is None or seconds is None:
            return None
        return str(max(1, math.ceil(ttl.total_seconds() / seconds)))

    def _deferred(self, send_at: datetime | None) -> str | None:
        """Return `deferred` by the configured clock, rounded up to a second: a message is never early."""
        if send_at is None:
            return None
        if self._zone is None:
            raise ValueError("smstele can keep a message only where deferred_offset is configured")
        rounded = send_at.astimezone(UTC) + timedelta(microseconds=-send_at.microsecond % 1_000_000)
        return rounded.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S")


def is_plain(submission: Submission) -> bool:
    """Say whether a message asks for nothing but to be sent: no flash, no keeping of an SMS.

    An SMS that is not plain and is answered by "not yet implemented" speaks against the extra, not against all SMS.
    """
    match submission.message:
        case Sms(flash=flash):
            return not flash and submission.send_at is None
        case Viber() | HlrLookup():
            return True


def _viber_validity(ttl: timedelta | None) -> str | None:
    """Return the life in seconds, rounded up; at least 1, because nothing is said of what 0 means."""
    if ttl is None:
        return None
    return str(min(max(1, math.ceil(ttl.total_seconds())), LONGEST_VIBER_VALIDITY))


def _given(**parameters: str | None) -> tuple[Parameter, ...]:
    return tuple((name, value) for name, value in parameters.items() if value is not None)
