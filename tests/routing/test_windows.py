"""Windows: a span is cut without a gap and without an overlap, and what nobody answers for is refused."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import InvalidQuestion
from pointsman.plugin import Window, Windows
from pointsman.routing.windows import GRACE, MOST_WINDOWS, cut, span_of

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NINETY = Windows(longest=90 * DAY)


@pytest.mark.trap("D35")
def test_a_quarter_takes_two_questions() -> None:
    """From 1 July to 1 October are 92 days: a provider that answers for 90 is asked twice."""
    span = span_of(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
    turn = datetime(2026, 9, 29, tzinfo=UTC)

    assert cut(span, NINETY, NOW) == (Window(span.start, turn), Window(turn, span.end))


def test_what_fits_is_one_question() -> None:
    """A span of exactly the longest length is not cut."""
    span = Window(NOW - 90 * DAY, NOW)

    assert cut(span, NINETY, NOW) == (span,)


@given(
    length=st.timedeltas(timedelta(microseconds=1), 400 * DAY),
    longest=st.timedeltas(timedelta(hours=12), 120 * DAY),
)
def test_there_is_no_gap_and_no_overlap(length: timedelta, longest: timedelta) -> None:
    """Each window begins where the last one ends, none is empty or too long, and together they are the span."""
    span = Window(NOW - length, NOW)
    windows = cut(span, Windows(longest=longest), NOW)

    assert (windows[0].start, windows[-1].end) == (span.start, span.end)
    assert all(one.end == other.start for one, other in pairwise(windows))
    assert all(timedelta() < one.end - one.start <= longest for one in windows)


def test_what_is_too_old_is_refused() -> None:
    """A span that starts before anything that the provider answers for is refused with how old it may be."""
    with pytest.raises(InvalidQuestion, match="since: this provider answers for the last 30 days; start later"):
        cut(Window(NOW - 31 * DAY, NOW), Windows(longest=DAY, oldest=30 * DAY), NOW)


def test_the_oldest_day_may_have_been_named_a_moment_ago() -> None:
    """Who asks for the last 30 days says so a moment earlier than it is asked; the span is cut by that moment."""
    (window,) = cut(Window(NOW - 30 * DAY - GRACE, NOW), Windows(longest=30 * DAY, oldest=30 * DAY), NOW)

    assert window == Window(NOW - 30 * DAY, NOW)


def test_a_span_cannot_need_thousands_of_questions() -> None:
    """A span that would keep a provider busy for hours is refused, also where a plugin names no sensible length."""
    for longest in (DAY, timedelta(), -DAY):
        with pytest.raises(InvalidQuestion, match=f"more than {MOST_WINDOWS} questions"):
            cut(Window(NOW - 3000 * DAY, NOW), Windows(longest=longest), NOW)


def test_the_end_of_time_is_no_obstacle() -> None:
    """A span may end at the last moment that there is."""
    span = Window(NOW, datetime.max.replace(tzinfo=UTC))

    assert cut(span, Windows(longest=timedelta(days=3_000_000)), NOW) == (span,)
    assert cut(span, Windows(longest=timedelta(days=2_000_000)), NOW)[-1].end == span.end


def test_times_are_turned_into_utc() -> None:
    """A time of another zone is the same moment in UTC."""
    moscow = timezone(timedelta(hours=3))
    span = span_of(datetime(2026, 7, 1, 3, tzinfo=moscow), datetime(2026, 7, 2, 3, tzinfo=moscow))

    assert span == Window(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC))
    assert span.start.tzinfo is UTC


def test_what_is_no_span_is_refused() -> None:
    """A time without a zone and a span without a length are refused, and the error names which."""
    with pytest.raises(InvalidQuestion, match="until: 2026-07-01T00:00:00 does not say its time zone"):
        span_of(NOW, datetime(2026, 7, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(InvalidQuestion, match="since: is not before until"):
        span_of(NOW, NOW)
