"""When a message may be sent: the moment that the caller named, or the time on the recipient's clock as a moment."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import msgspec

from pointsman.errors import InvalidMessage
from pointsman.message import HlrLookup, Message, Msisdn
from pointsman.text import NumberRanges, clock_of, country_of, country_zone, moment_of, possible_zones, region_zone

LONGEST_AHEAD = timedelta(days=366)
"""Nobody plans further; more is a slip of the pen."""
_AWARE = "2026-12-01T09:00:00+03:00"
_NAIVE = "2026-12-01T09:00:00"


class Due(msgspec.Struct, frozen=True):
    """From when on a message may be sent."""

    at: float
    """Wall time; now for what need not wait."""
    local: datetime | None = None
    """The same on the recipient's clock, where the caller gave it so and it is still to come."""


def due_of(message: Message, to: Msisdn, ranges: NumberRanges | None, now: float) -> Due:
    """Return when a message may be sent; a time that is past counts as now. Raises `InvalidMessage`."""
    if isinstance(message, HlrLookup) or (message.send_at is None and message.send_at_local is None):
        return Due(now)
    if message.send_at is not None and message.send_at_local is not None:
        raise InvalidMessage("send_at_local", "excludes send_at; leave one of them out")
    if message.send_at is not None:
        moment = _in_utc(_aware(message.send_at)).timestamp()
        _check_ahead("send_at", moment, now)
        return Due(max(moment, now))
    return _on_the_clock(_naive(message.send_at_local), to, ranges, now)


def _on_the_clock(local: datetime, to: Msisdn, ranges: NumberRanges | None, now: float) -> Due:
    zone = _zone(to, ranges)
    try:
        moment = moment_of(local, zone)
        _check_ahead("send_at_local", moment, now)
        return Due(moment, clock_of(moment, zone)) if moment > now else Due(now)
    except ZoneInfoNotFoundError:
        raise InvalidMessage(
            "send_at_local",
            f"this machine has no time zone data for {zone}: install tzdata (a package of the system, and of Python),"
            f" or give send_at with a zone, such as {_AWARE}",
        ) from None


def zones_of(to: Msisdn, ranges: NumberRanges | None) -> tuple[str, ...]:
    """Return the zones in which a recipient may be: one where his number tells it, none where nobody knows."""
    country = country_of(to)
    zone = _known_zone(to, country, ranges)
    return (zone,) if zone is not None else possible_zones(country) if country is not None else ()


def _known_zone(to: Msisdn, country: str | None, ranges: NumberRanges | None) -> str | None:
    """Return the zone of a recipient. Only the range of a Russian number tells its region; a network spans them all."""
    block = ranges.find(to) if ranges is not None and country == "RU" else None
    return region_zone(block.region) if block is not None else country_zone(country) if country is not None else None


def _zone(to: Msisdn, ranges: NumberRanges | None) -> str:
    country = country_of(to)
    zone = _known_zone(to, country, ranges)
    if zone is not None:
        return zone
    instead = f"give send_at with a zone, such as {_AWARE}"
    if country != "RU":
        raise InvalidMessage("send_at_local", f"the number does not tell its time zone; {instead}")
    why = "needs the number's region" if ranges is None else "needs the number's region, which the number ranges lack"
    configure = ", or configure router.number_ranges" if ranges is None else ""
    raise InvalidMessage("send_at_local", f"{why}: Russia has eleven time zones; {instead}{configure}")


def _in_utc(at: datetime) -> datetime:
    """Return the same moment in UTC. The first and the last hours of the calendar are in no year there."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise InvalidMessage("send_at", "is not within the years 1 to 9999 of UTC; check the year") from None


def _aware(value: object) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidMessage(
            "send_at",
            f"must be a date with time and zone, such as {_AWARE}; for the recipient's clock use send_at_local",
        )
    return value


def _naive(value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise InvalidMessage(
            "send_at_local", f"must be a date with time and without a zone, such as {_NAIVE}; with a zone use send_at"
        )
    return value


def _check_ahead(field: str, moment: float, now: float) -> None:
    if moment - now > LONGEST_AHEAD.total_seconds():
        raise InvalidMessage(field, "is more than a year ahead; check the year")
