"""What the door makes of a message that is to be sent later or in Latin letters, and what it refuses."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.engine.dues import due_of
from pointsman.engine.ids import Ids
from pointsman.engine.parsing import Door, Parsed, Rules
from pointsman.errors import InvalidMessage
from pointsman.message import (
    Alphabet,
    Channel,
    Fallback,
    FallbackBy,
    Message,
    MessageClass,
    Msisdn,
    Segments,
    Sms,
    Viber,
)
from pointsman.routing.match import Match, Route
from pointsman.testing import FakeClock
from pointsman.text import NumberRanges, read_ranges

ROUTE = Route(name="all", match=Match(), providers=("a",), strategy="priority")
LIVES = {("all", message_class): 60.0 for message_class in MessageClass}
OFFERS = {"a": (Channel.SMS, Channel.VIBER)}
FAR_EAST = "79141234567"
"""A number of the range below."""
RANGES = NumberRanges(
    read_ranges(
        [
            "АВС/ DEF;От;До;Емкость;Оператор;Регион;ИНН",
            '914;1230000;1239999;10000;ПАО "МТС";Приморский край;0',
            '914;1240000;1249999;10000;ПАО "МТС";Российская Федерация;0',
        ],
        "ranges.csv",
    )
)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at noon."""
    return FakeClock(NOON.timestamp())


def parse(clock: FakeClock, message: Message, ranges: NumberRanges | None = RANGES) -> Parsed:
    """Let a message through the door."""
    ids = Ids(clock, Random(1))
    rules = Rules(region="RU", ranges=ranges, routes=(ROUTE,), lives=LIVES, offers=OFFERS)
    return Door(rules, clock=clock, ids=ids).parse(message)


def local(text: str) -> datetime:
    """Return a time without a zone."""
    return datetime.fromisoformat(text)


# -- when --------------------------------------------------------------------------------------------------------------


def test_at_once(clock: FakeClock) -> None:
    """A message that says nothing is due when it is taken, and its life begins then."""
    envelope = parse(clock, Sms(to=FAR_EAST, text="x")).envelope

    assert (envelope.due, envelope.local, envelope.deadline) == (clock.now(), None, clock.now() + 60.0)


@pytest.mark.parametrize("kind", [Sms, Viber])
def test_later(clock: FakeClock, kind: type[Sms | Viber]) -> None:
    """The zone of `send_at` counts, not its digits; the life begins when the message is due."""
    at = datetime.fromisoformat("2026-12-01T09:00:00+03:00")
    envelope = parse(clock, kind(to=FAR_EAST, text="x", send_at=at, ttl=timedelta(seconds=90))).envelope

    due = datetime(2026, 12, 1, 6, tzinfo=UTC).timestamp()
    assert (envelope.due, envelope.local, envelope.deadline) == (due, None, due + 90.0)


def test_later_on_the_recipients_clock(clock: FakeClock) -> None:
    """The number range tells the region, the region its zone; the envelope knows both times."""
    wished = local("2026-12-01T09:00")
    envelope = parse(clock, Sms(to=FAR_EAST, text="x", send_at_local=wished)).envelope

    due = datetime(2026, 11, 30, 23, tzinfo=UTC).timestamp()
    assert (envelope.due, envelope.local, envelope.deadline) == (due, wished, due + 60.0)


def test_a_time_that_the_recipients_clock_skips(clock: FakeClock) -> None:
    """What clocks skip in spring is moved forward, also as the recipient's clock shows it."""
    envelope = parse(clock, Sms(to="491701234567", text="x", send_at_local=local("2027-03-28T02:30"))).envelope

    due = datetime(2027, 3, 28, 1, 30, tzinfo=UTC).timestamp()
    assert (envelope.due, envelope.local) == (due, local("2027-03-28T03:30"))


@pytest.mark.parametrize(
    "times",
    [
        {"send_at": datetime(2001, 1, 1, tzinfo=UTC)},
        {"send_at": datetime.min.replace(tzinfo=UTC)},
        {"send_at_local": local("2026-11-28T21:59:59")},
        {"send_at_local": local("0001-01-01T00:00")},
    ],
)
def test_what_is_past_is_now(clock: FakeClock, times: Mapping[str, datetime]) -> None:
    """A time that is past, on the recipient's clock as well, means at once."""
    envelope = parse(clock, Sms(to=FAR_EAST, text="x", **times)).envelope

    assert (envelope.due, envelope.local, envelope.deadline) == (clock.now(), None, clock.now() + 60.0)


NEXT_WEEK = datetime(2026, 12, 5, 12, tzinfo=UTC)
REFUSED = [
    ({"send_at": NEXT_WEEK, "send_at_local": local("2026-12-05T12:00")}, "send_at_local", "leave one of them out"),
    ({"send_at": local("2026-12-05T12:00")}, "send_at", "must be a date with time and zone, such as 2026-12-01T09"),
    ({"send_at": "2026-12-05T12:00+03:00"}, "send_at", "must be a date with time and zone"),
    ({"send_at": NEXT_WEEK.date()}, "send_at", "must be a date with time and zone"),
    ({"send_at_local": NEXT_WEEK}, "send_at_local", "with a zone use send_at"),
    ({"send_at": NEXT_WEEK.replace(year=2028)}, "send_at", "is more than a year ahead; check the year"),
    ({"send_at": datetime.max.replace(tzinfo=UTC)}, "send_at", "is more than a year ahead"),
    ({"send_at_local": local("2027-12-05T12:00")}, "send_at_local", "is more than a year ahead"),
    ({"send_at_local": local("9999-12-31T23:59:59")}, "send_at_local", "is more than a year ahead"),
]


@pytest.mark.parametrize(("times", "field", "problem"), REFUSED)
def test_times_that_are_refused(clock: FakeClock, times: Mapping[str, datetime], field: str, problem: str) -> None:
    """What contradicts itself, lacks or has a zone, or is a slip of the pen, is refused with what to do."""
    with pytest.raises(InvalidMessage) as refused:
        parse(clock, Sms(to=FAR_EAST, text="x", **times))

    assert refused.value.field == field
    assert problem in refused.value.problem


@pytest.mark.parametrize(
    ("to", "ranges", "problem"),
    [
        (FAR_EAST, None, "or configure router.number_ranges"),
        ("79161234567", RANGES, "which the number ranges lack"),
        ("79141241234", RANGES, "which the number ranges lack"),
        ("12125550123", RANGES, "the number does not tell its time zone; give send_at with a zone"),
    ],
    ids=["no ranges", "no range", "a range of no region", "a country of many zones"],
)
def test_a_recipient_of_unknown_zone(clock: FakeClock, to: str, ranges: NumberRanges | None, problem: str) -> None:
    """Where nobody can say what the recipient's clock shows, the message is refused with what to do."""
    with pytest.raises(InvalidMessage) as refused:
        parse(clock, Sms(to=f"+{to}", text="x", send_at_local=local("2026-12-01T09:00")), ranges)

    assert refused.value.field == "send_at_local"
    assert problem in refused.value.problem


def test_a_machine_without_zones(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the system's time zone data only the recipient's clock is refused, with what to install."""
    monkeypatch.setattr("pointsman.text.zones.ZoneInfo", _without_data)
    with pytest.raises(InvalidMessage, match="no time zone data for Asia/Vladivostok: install tzdata"):
        parse(clock, Sms(to=FAR_EAST, text="x", send_at_local=local("2026-12-01T09:00")))


@given(st.datetimes(), st.floats(0.0, 4e9))
def test_whatever_the_time_it_is_due_within_a_year_or_refused(wished: datetime, now: float) -> None:
    """No time without a zone breaks the door, and nothing is due before now or after a year."""
    message = Sms(to=FAR_EAST, text="x", send_at_local=wished)
    try:
        due = due_of(message, Msisdn(FAR_EAST), RANGES, now)
    except InvalidMessage:
        return
    assert now <= due.at <= now + 366 * 86400
    assert (due.local is not None) == (due.at > now)


# -- in Latin letters --------------------------------------------------------------------------------------------------


@pytest.mark.trap("S21")
def test_transliteration_comes_before_the_count(clock: FakeClock) -> None:
    """Seventy Cyrillic characters, one part of UCS-2, are counted as what they become: GSM-7."""
    text = "Щука" * 17 + "да"
    plain, latin = (parse(clock, Sms(to=FAR_EAST, text=text, transliterate=on)).envelope for on in (False, True))

    assert plain.segments == Segments(Alphabet.UCS2, 70, 1)
    assert latin.segments == Segments(Alphabet.GSM7, 121, 1)
    assert isinstance(latin.message, Sms)
    assert latin.message.text == "Shchuka" * 17 + "da"


def test_a_text_that_vanishes_is_empty(clock: FakeClock) -> None:
    """Letters that are not written in Latin leave an empty text, which nobody would deliver."""
    with pytest.raises(InvalidMessage, match="is empty"):
        parse(clock, Sms(to=FAR_EAST, text="ьЬ", transliterate=True))


@pytest.mark.parametrize(("text", "latin"), [(None, "Shchuka"), ("Ёж", "Ezh")])
def test_an_sms_in_place_of_viber(clock: FakeClock, text: str | None, latin: str) -> None:
    """Of a Viber message only the SMS in its place is written in Latin letters, whichever text it has."""
    message = Viber(to=FAR_EAST, text="Щука", fallback=Fallback(text=text, transliterate=True))
    envelope = parse(clock, message).envelope

    assert isinstance(envelope.message, Viber)
    assert envelope.message.text == "Щука"
    assert envelope.message.fallback == Fallback(text=latin, transliterate=True)


def test_the_sms_in_place_of_viber_is_counted_as_it_is_sent(clock: FakeClock) -> None:
    """A text of 299 segments in Cyrillic letters is too long for an SMS, and has 131 in Latin ones."""
    text = "я" * 10_000

    parse(clock, Viber(to=FAR_EAST, text="Щука", fallback=Fallback(text=text, transliterate=True)))
    with pytest.raises(InvalidMessage, match=r"fallback\.text: needs 299 segments"):
        parse(clock, Viber(to=FAR_EAST, text="Щука", fallback=Fallback(text=text * 2)))


def test_the_providers_own_sms_has_the_same_text(clock: FakeClock) -> None:
    """Where the provider sends the SMS, it has the text of the Viber message: nothing else can be asked for."""
    fallback = Fallback(transliterate=True, by=FallbackBy.PROVIDER)
    with pytest.raises(InvalidMessage, match=r"fallback\.transliterate: is decided by the provider"):
        parse(clock, Viber(to=FAR_EAST, text="Щука", fallback=fallback))


def _without_data(zone: str) -> None:
    raise ZoneInfoNotFoundError(zone)
