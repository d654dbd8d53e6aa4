"""Reading an inbox in turns: whenever messages are listed, each is shown exactly once."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointsman.errors import InvalidQuestion
from pointsman.plugin import Incoming, Window
from pointsman.routing.inbox import InboxCursor, key_of, news, pick

START = datetime(2026, 11, 1, tzinfo=UTC)
OVERLAP = timedelta(seconds=60)


def second(seconds: float) -> datetime:
    """Return a moment after the start."""
    return START + timedelta(seconds=seconds)


def letter(name: str, at: float | None) -> Incoming:
    """Return a message that its provider got so many seconds after the start."""
    return Incoming(id=name, sender="79161234567", to="SHOP", text=name, at=None if at is None else second(at))


class Shop:
    """A provider with an inbox: what it lists depends on the moment and on the window.

    Each arrival is the second at which it came, the second from which on it is listed, and whether its time is told.
    """

    def __init__(self, arrivals: list[tuple[float, float, bool]]) -> None:
        self.letters = [
            (letter(f"m{place}", at if told else None), second(at), seen)
            for place, (at, seen, told) in enumerate(arrivals)
        ]

    def answer(self, window: Window, now: float) -> tuple[Incoming, ...]:
        """List what is listed by now; both ends belong to the window."""
        return tuple(one for one, at, seen in self.letters if seen <= now and window.start <= at <= window.end)


def read(shop: Shop, polls: list[float]) -> list[str]:
    """Poll at these seconds after the start; return the ids that were shown."""
    cursor, shown = InboxCursor.starting(START, OVERLAP), []
    for now in polls:
        window = cursor.window(second(now))
        if window is not None:
            fresh, cursor = news(cursor, window, pick(shop.answer(window, now), window))
            shown += [one.id for one in fresh]
            cursor = msgspec.json.decode(msgspec.json.encode(cursor), type=InboxCursor)
    return shown


seconds = st.integers(0, 600)


@given(
    arrivals=st.lists(st.tuples(seconds, st.integers(0, 60), st.booleans()), max_size=12),
    polls=st.lists(seconds, max_size=12),
)
@example(arrivals=[(100, 60, False)], polls=[100, 160])
@example(arrivals=[(100, 60, True)], polls=[159, 160, 161])
def test_every_message_is_shown_exactly_once(arrivals: list[tuple[int, int, bool]], polls: list[int]) -> None:
    """For all times of arrival and of polls, with delays up to the overlap, nothing is missed and nothing comes twice.

    The cursor goes through JSON between the polls; of some messages the provider does not tell the time.
    """
    shop = Shop([(float(at), float(at + delay), told) for at, delay, told in arrivals])

    shown = read(shop, [*sorted(map(float, polls)), 661.0])
    assert sorted(shown) == sorted(one.id for one, *_ in shop.letters)


def test_a_message_that_is_listed_late_is_shown_when_it_is_listed() -> None:
    """A message of second 10 that is listed at second 50 only is missing from the poll at 30 and shown at 55."""
    shop = Shop([(10.0, 50.0, True), (20.0, 20.0, True)])

    assert read(shop, [30.0]) == ["m1"]
    assert read(shop, [30.0, 55.0]) == ["m1", "m0"]


def test_without_an_overlap_the_late_one_is_missed() -> None:
    """The overlap is what finds late messages: with none the same message is lost."""
    shop = Shop([(10.0, 50.0, True)])
    cursor = InboxCursor.starting(START, timedelta())
    for now in (30.0, 55.0):
        window = cursor.window(second(now))
        assert window is not None
        fresh, cursor = news(cursor, window, pick(shop.answer(window, now), window))
        assert fresh == ()


def test_what_came_before_the_beginning_is_not_asked_for() -> None:
    """The first windows begin where the cursor was told to begin, although the overlap reaches further back."""
    cursor = InboxCursor.starting(START, OVERLAP)
    first = cursor.window(second(10))
    assert first == Window(START, second(10))
    _, cursor = news(cursor, first, ())
    assert cursor.window(second(20)) == Window(START, second(20))
    assert msgspec.structs.replace(cursor, until=second(100)).window(second(200)) == Window(second(40), second(200))


def test_the_overlap_is_cut_where_nobody_answers_that_far_back() -> None:
    """What was asked for before need not be asked for again; what was not is asked for, however old."""
    cursor = msgspec.structs.replace(InboxCursor.starting(START, OVERLAP), until=second(100))
    now, short = second(150), timedelta(seconds=80)

    assert cursor.window(now, short) == Window(second(70), now)
    assert cursor.window(now, 2 * short) == cursor.window(now) == Window(second(40), now)
    assert cursor.window(now, short / 4) == Window(second(40), now), "this is refused, and not passed over in silence"


def test_a_cursor_stays_small() -> None:
    """Only the ids of the last message and of those that came within the overlap before it are remembered."""
    cursor = InboxCursor.starting(START, OVERLAP)
    for minute in range(1, 50):
        window = cursor.window(second(60 * minute))
        assert window is not None
        _, cursor = news(cursor, window, (letter(f"m{minute}", 60 * minute - 1),))

    assert [one.key for one in cursor.shown] == ["m48", "m49"]


def test_a_clock_that_was_set_back_leaves_no_gap() -> None:
    """After a poll whose clock was an hour ahead, the next window begins one overlap before the true time."""
    cursor = msgspec.structs.replace(InboxCursor.starting(START, OVERLAP), until=second(7200))

    assert cursor.window(second(3600)) == Window(second(3540), second(3600))


def test_a_clock_that_was_set_back_repeats_nothing() -> None:
    """What was shown while the clock was an hour ahead is still known when the true time comes back."""
    shop = Shop([(10.0, 10.0, True), (50.0, 50.0, True), (70.0, 70.0, True)])
    cursor, shown = InboxCursor.starting(START, OVERLAP), []
    for now, true in ((40.0, 40.0), (3650.0, 55.0), (60.0, 60.0), (80.0, 80.0)):
        window = cursor.window(second(now))
        assert window is not None
        fresh, cursor = news(cursor, window, pick(shop.answer(window, true), window))
        shown += [one.id for one in fresh]

    assert shown == ["m0", "m1", "m2"]


def test_nothing_is_asked_for_before_the_beginning() -> None:
    """A cursor that begins in the future has no window yet."""
    assert InboxCursor.starting(second(100), OVERLAP).window(second(50)) is None


def test_what_lies_outside_belongs_to_another_window() -> None:
    """The end of a window belongs to the next one, and what is listed twice is one message."""
    window = Window(second(0), second(10))
    answer = [letter("before", -1), letter("first", 0), letter("first", 0), letter("end", 10), letter("undated", None)]

    assert [one.id for one in pick(answer, window)] == ["first", "undated"]


def test_messages_without_an_id_are_told_apart_by_all_they_say() -> None:
    """Where a provider gives no id, equal messages are one and different ones are two."""
    one, same, other = (
        Incoming(id="", sender="a", to="b", text=text, at=START) for text in ("hello", "hello", "good bye")
    )

    assert key_of(one) == key_of(same)
    assert key_of(one) != key_of(other)


def test_a_cursor_that_cannot_be_is_refused() -> None:
    """A beginning without a time zone and a negative overlap are refused."""
    with pytest.raises(InvalidQuestion, match="does not say its time zone"):
        InboxCursor.starting(datetime(2026, 11, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(InvalidQuestion, match="overlap: is negative"):
        InboxCursor.starting(START, timedelta(seconds=-1))


def test_the_first_moment_of_time_is_no_obstacle() -> None:
    """A cursor may begin at the first moment that there is."""
    first = datetime.min.replace(tzinfo=UTC)

    assert InboxCursor.starting(first).window(START) == Window(first, START)
