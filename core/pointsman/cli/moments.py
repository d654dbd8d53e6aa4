"""Moments as people type them: a date, a time with its zone, or how long ago."""

from datetime import UTC, date, datetime, timedelta

from pointsman.cli.exits import UsageError
from pointsman.config.values import parse_duration

HOW = "a date (its first moment in UTC), a time with its zone such as 2026-11-01T12:00+03:00, or how long ago: 2h, 7d"
"""For the help of options."""


def read_moment(option: str, text: str, now: datetime) -> datetime:
    """Return a moment. Raises `UsageError` that says how to write one."""
    try:
        return now - timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: {text!r} is no moment; write {HOW}") from None
    if moment.tzinfo is None:
        raise UsageError(f"{option}: {text!r} does not say its time zone; write {text}Z or {text}+03:00")
    return moment


def read_start(text: str, until: str | None, now: datetime) -> datetime:
    """Return the moment of --since. Raises `UsageError` for one that is still to come where the end is now."""
    start = read_moment("--since", text, now)
    if until is None and start >= now:
        raise UsageError(f"--since: {text!r} has not come yet; give an earlier moment")
    return start


def shown(moment: datetime | None) -> str:
    """Return a moment for people, in UTC; nothing when it is not known."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment is not None else ""
