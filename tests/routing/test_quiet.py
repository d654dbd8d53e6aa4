"""Quiet hours as a function of zones and moments."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.message import MessageClass
from pointsman.routing.quiet import Quiet, awake_at
from pointsman.text import possible_zones

MOSCOW = "Europe/Moscow"
NIGHT = Quiet(start=21 * 60, end=9 * 60, classes=frozenset({MessageClass.MARKETING}), zone=MOSCOW)
NOON = Quiet(start=12 * 60, end=13 * 60 + 30, classes=frozenset({MessageClass.MARKETING}), zone=MOSCOW)


def at(text: str) -> float:
    """Return a moment given in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("quiet", "moment", "awake"),
    [
        pytest.param(NIGHT, "2026-11-28T17:59:59", "2026-11-28T17:59:59", id="just before the night"),
        pytest.param(NIGHT, "2026-11-28T18:00:00", "2026-11-29T06:00:00", id="in the evening"),
        pytest.param(NIGHT, "2026-11-28T23:00:00", "2026-11-29T06:00:00", id="after midnight"),
        pytest.param(NIGHT, "2026-11-29T06:00:00", "2026-11-29T06:00:00", id="when it is over"),
        pytest.param(NOON, "2026-11-28T09:15:00", "2026-11-28T10:30:00", id="within a day"),
        pytest.param(NOON, "2026-11-28T08:15:00", "2026-11-28T08:15:00", id="before noon"),
    ],
)
def test_one_zone(quiet: Quiet, moment: str, awake: str) -> None:
    """A moment within the quiet hours is put off to their end, any other is not."""
    assert awake_at(quiet, (MOSCOW,), at(moment)) == at(awake)


def test_the_recipients_clock_counts() -> None:
    """What is evening in Vladivostok is noon in Moscow."""
    moment = at("2026-11-28T11:30:00")
    assert awake_at(NIGHT, (MOSCOW,), moment) == moment
    assert awake_at(NIGHT, ("Asia/Vladivostok",), moment) == at("2026-11-28T23:00:00")
    assert awake_at(NIGHT, (), moment) == moment


def test_a_country_of_many_zones_is_awake_for_a_short_while() -> None:
    """Where it is not known in which zone of Russia somebody is, he is not woken in any of them."""
    zones = possible_zones("RU")
    assert len(zones) > 10
    assert awake_at(NIGHT, zones, at("2026-11-28T12:00:00")) == at("2026-11-29T07:00:00")


def test_where_it_is_always_quiet_somewhere_one_zone_decides() -> None:
    """Nights so long that no hour is left for all zones must not keep a message for ever."""
    long = Quiet(start=17 * 60, end=11 * 60, classes=NIGHT.classes, zone=MOSCOW)
    moment = at("2026-11-28T12:00:00")
    assert awake_at(long, possible_zones("RU"), moment) == moment


def test_clocks_that_are_put_forward() -> None:
    """The end of the quiet hours is skipped in spring: they end when the clock shows a later time."""
    quiet = Quiet(start=60, end=2 * 60 + 30, classes=NIGHT.classes, zone="Europe/Berlin")
    assert awake_at(quiet, ("Europe/Berlin",), at("2026-03-29T00:30:00")) == at("2026-03-29T01:30:00")


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.floats(at("2026-01-01T00:00:00"), at("2027-01-01T00:00:00")),
    st.lists(st.sampled_from([*possible_zones("RU"), "Europe/Berlin", "America/New_York"]), max_size=4),
)
def test_the_answer_is_never_quiet_nor_earlier(start: int, end: int, moment: float, zones: list[str]) -> None:
    """Whatever the hours: the answer is not before the moment, and it is not quiet then unless it always is."""
    if start == end:
        return
    quiet = Quiet(start=start, end=end, classes=NIGHT.classes, zone=MOSCOW)
    awake = awake_at(quiet, tuple(zones), moment)
    assert awake >= moment
    assert awake_at(quiet, tuple(zones), awake) == awake
