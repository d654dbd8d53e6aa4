"""Quiet hours: when a message may not be sent, by the clock of its recipient."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

import msgspec

from pointsman.message import MessageClass
from pointsman.text import clock_of, moment_of

LONGEST = 2 * 86400.0
"""Seconds after which no hour is going to be found that is quiet nowhere."""


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """The quiet hours of a route."""

    start: int
    """Minutes after midnight; the first one that is quiet."""
    end: int
    """The first one that is not quiet any more; before `start` when midnight is between them."""
    classes: frozenset[MessageClass]
    """Messages that are not sent then."""
    zone: str
    """Whose clock counts where that of the recipient is not known (IANA)."""


def awake_at(quiet: Quiet, zones: Sequence[str], moment: float) -> float:
    """Return the first moment from this one on that is quiet in none of the zones in which a recipient may be.

    Where there is no such hour, as with many zones and long nights, the zone of the quiet hours alone decides, and so
    it does without any zone. Times are wall time. Raises `zoneinfo.ZoneInfoNotFoundError`.
    """
    at = moment
    while at - moment <= LONGEST:
        ends = [end for zone in zones or (quiet.zone,) if (end := _end(quiet, zone, at)) is not None]
        if not ends:
            return at
        at = max(ends)
    return awake_at(quiet, (), moment) if zones else moment


def _end(quiet: Quiet, zone: str, moment: float) -> float | None:
    """Return when the quiet hours end in which a moment lies; None when it lies in none."""
    shown = clock_of(moment, zone)
    minute = shown.hour * 60 + shown.minute
    over_midnight = quiet.start > quiet.end
    after, before = minute >= quiet.start, minute < quiet.end
    if not (after or before if over_midnight else after and before):
        return None
    day = shown.date() + timedelta(days=1 if over_midnight and minute >= quiet.start else 0)
    end = moment_of(datetime.combine(day, time(quiet.end // 60, quiet.end % 60)), zone)
    return max(end, moment + 1.0)  # an hour that a clock shows twice must not hold anybody up for ever
