"""Cutting a span of time into windows that a provider answers for: no gap between them, and nothing twice."""

from datetime import UTC, datetime, timedelta

from pointsman.errors import InvalidQuestion
from pointsman.plugin import Window, Windows

MOST_WINDOWS = 1_000
"""Questions that one span may need; more is a slip of the pen that would keep a provider busy for hours."""
GRACE = timedelta(minutes=1)
"""How far too early a span may start; it is cut then, because "the last year" was said a moment ago."""
_SHORTEST = timedelta(seconds=1)


def span_of(since: datetime, until: datetime) -> Window:
    """Return a span in UTC. Raises `InvalidQuestion` when it is empty, or when a time does not say its zone."""
    for field, moment in (("since", since), ("until", until)):
        if moment.utcoffset() is None:
            raise InvalidQuestion(field, f"{moment.isoformat()} does not say its time zone; give an aware time")
    try:
        span = Window(since.astimezone(UTC), until.astimezone(UTC))
    except OverflowError:
        raise InvalidQuestion("since", "or until is out of the calendar in UTC; check the years") from None
    if span.start >= span.end:
        raise InvalidQuestion("since", "is not before until; exchange the two")
    return span


def cut(span: Window, windows: Windows, now: datetime) -> tuple[Window, ...]:
    """Return the windows that make up a span, oldest first; each is at most as long as the provider allows.

    Raises `InvalidQuestion` for a span that starts before anything that the provider answers for, or needs more than
    `MOST_WINDOWS` questions.
    """
    start = span.start
    if windows.oldest is not None and start < (oldest := now - windows.oldest):
        if start < oldest - GRACE or span.end <= oldest:
            days = windows.oldest / timedelta(days=1)
            raise InvalidQuestion("since", f"this provider answers for the last {days:g} days; start later")
        start = oldest
    step = max(windows.longest, _SHORTEST)
    if (span.end - start) / step > MOST_WINDOWS:
        raise InvalidQuestion("since", f"this span needs more than {MOST_WINDOWS} questions; ask for a shorter one")
    found = []
    while start < span.end:
        # Compared before it is added: far in the future there is no moment that is one step later.
        end = start + step if span.end - start > step else span.end
        found.append(Window(start, end))
        start = end
    return tuple(found)
