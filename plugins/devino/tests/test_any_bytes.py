"""Whatever a server sends, reading it gives a value."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.message import Alphabet, Channel, HlrLookup, Msisdn, Network, Segments, Sms, Viber
from pointsman.outcome import Accepted, Refused
from pointsman.plugin import (
    Batch,
    Each,
    Incoming,
    Reading,
    Response,
    Secret,
    Session,
    SessionExpired,
    Statistics,
    Submission,
    Tracked,
    Whole,
    Window,
)
from pointsman_devino import Devino, Settings

FIXTURES = [path.read_bytes() for path in sorted((Path(__file__).parent / "fixtures").iterdir())]
DEVINO = Devino(Settings(login=Secret("l"), password=Secret("p"), viber=True))
CALM = settings(deadline=None)
"""A busy machine is no failure."""
NUMBERS = ("79031234567", "79161002030")
WINDOW = Window(datetime(2011, 1, 1, tzinfo=UTC), datetime(2011, 1, 11, tzinfo=UTC))
MESSAGES = {Channel.SMS: Sms, Channel.VIBER: Viber}
CHANNELS = st.sampled_from(list(Channel))

NAMES = "Code Desc State messageId StateCode Price TimeStampUtc ResentSms Data SourceAddress ID CreateDateUtc Sent"
KEYS = st.sampled_from([*NAMES.split(), "Total", "DeliveryRatio", "x", " Code "])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("/Date(1)/")
JSONS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def damaged(draw):
    """Cut a piece out of a document's literal and put noise there."""
    body = draw(st.sampled_from(FIXTURES))
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 12)))
    return body[:start] + draw(st.binary(max_size=4)) + body[end:]


BODIES = st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | JSONS.map(lambda v: json.dumps(v).encode())
RESPONSES = st.builds(
    Response,
    status=st.sampled_from([200, 204, 302, 400, 401, 403, 404, 413, 429, 500, 502, 503]) | st.integers(100, 599),
    headers=st.dictionaries(st.just("retry-after"), st.text(max_size=5), max_size=1),
    body=BODIES | damaged(),
)


def batch(channel, count):
    """Build a batch of one or two messages."""
    return Batch(
        ref="b",
        channel=channel,
        items=tuple(
            Submission(
                ref=f"r{number}",
                message=HlrLookup(to=number) if channel is Channel.HLR else MESSAGES[channel](to=number, text="t"),
                to=Msisdn(number),
                network=Network(),
                segments=None if channel is Channel.HLR else Segments(Alphabet.GSM7, 1, 1),
                sender="S",
                ttl=None,
            )
            for number in NUMBERS[:count]
        ),
    )


def tracked(channel):
    """Build what is awaited, under an id that the fixtures hold."""
    ids = ("703112828852109314",)
    return (Tracked(ids=ids, to=Msisdn("79001234567"), channel=channel, accepted_at=0.0),)


@CALM
@given(RESPONSES, CHANNELS, st.sampled_from([1, 2]))
def test_any_answer_to_a_submit_gives_one_outcome_for_each_message(response, channel, count):
    """No answer raises, and a batch never gets more or fewer outcomes than it has messages."""
    reading = DEVINO.read_submit(batch(channel, count), response)

    assert isinstance(reading, Reading)
    if isinstance(reading.value, Each):
        assert count == len(reading.value.outcomes)


@CALM
@given(RESPONSES, CHANNELS)
def test_an_answer_without_error_code_is_no_refusal_under_2xx(response, channel):
    """A submit is refused only by an error code or a status that says so."""
    reading = DEVINO.read_submit(batch(channel, 1), response)

    if isinstance(reading.value, Whole) and isinstance(reading.value.outcome, Refused) and response.status // 100 == 2:
        assert not reading.value.outcome.code.startswith("http_")


@CALM
@given(RESPONSES, CHANNELS)
def test_any_answer_to_a_poll_speaks_only_of_what_was_asked(response, channel):
    """No answer raises, and no report is about an id that was not asked for."""
    value = DEVINO.read_poll(tracked(channel), response).value

    if isinstance(value, tuple):
        assert {"703112828852109314"} >= {report.provider_id for report in value}


@CALM
@given(RESPONSES)
def test_any_answer_to_a_login_is_a_session_or_a_refusal(response):
    """No answer raises, and a session is never empty."""
    value = DEVINO.read_login(response).value

    assert isinstance(value, Refused) or (isinstance(value, Session) and value.token)


@CALM
@given(RESPONSES)
def test_any_answer_to_a_balance_gives_a_value(response):
    """No answer raises."""
    assert isinstance(DEVINO.read_balance(response), Reading)


@CALM
@given(RESPONSES)
def test_any_answer_about_the_inbox_gives_messages_or_a_refusal(response):
    """No answer raises, and every message can be told from others."""
    value = DEVINO.read_inbox(WINDOW, response).value

    if isinstance(value, tuple):
        assert all(isinstance(message, Incoming) and message.id for message in value)
    else:
        assert isinstance(value, Refused | SessionExpired)


@CALM
@given(RESPONSES)
def test_any_answer_with_statistics_gives_figures_or_a_refusal(response):
    """No answer raises."""
    assert isinstance(DEVINO.read_statistics(WINDOW, response).value, Statistics | Refused | SessionExpired)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 5_000,
        b'{"Code":' + b"9" * 5_000 + b"}",
        b'["\\ud800"]',
        b"\xff\xfe\x00",
    ],
    ids=["deep list", "deep object", "long number", "long code", "half a surrogate", "no UTF-8"],
)
def test_hostile_bodies_are_read_as_well(body):
    """Depth, length and broken encodings end in a value, not in an exception."""
    response = Response(status=200, body=body)
    for channel in Channel:
        assert isinstance(DEVINO.read_submit(batch(channel, 1), response).value, Whole)
        assert isinstance(DEVINO.read_poll(tracked(channel), response).value, Refused)
    assert isinstance(DEVINO.read_login(response).value, Refused | Session)
    assert isinstance(DEVINO.read_balance(response).value, Refused)
    assert isinstance(DEVINO.read_inbox(WINDOW, response).value, Refused)
    assert isinstance(DEVINO.read_statistics(WINDOW, response).value, Refused)


@pytest.mark.trap("X02")
@CALM
@given(st.lists(st.from_regex(r"\A[!-~]{1,40}\Z"), min_size=1, max_size=6, unique=True))
def test_ids_survive_unchanged(ids):
    """Any list of visible characters comes back exactly, for one recipient in full."""
    response = Response(status=200, body=json.dumps(ids).encode())

    assert (
        Each((Accepted(ids=tuple(ids), segments=len(ids)),))
        == DEVINO.read_submit(batch(Channel.SMS, 1), response).value
    )


@pytest.mark.trap("D25")
@CALM
@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)))
def test_validity_never_cuts_a_life_short(ttl):
    """The minutes that we ask for cover the life time, by less than one minute too much, but are never none."""
    (item,) = batch(Channel.SMS, 1).items
    item = Submission(**{name: getattr(item, name) for name in item.__struct_fields__} | {"ttl": ttl})
    session = Session(token=Secret("t"), valid_for=timedelta(minutes=120))
    request = DEVINO.submit_request(Batch(ref="b", channel=Channel.SMS, items=(item,)), session)
    minutes = int(dict(request.body.fields)["Validity"])

    assert minutes >= 1
    assert timedelta(0) <= timedelta(minutes=minutes) - ttl
    assert minutes == 1 or timedelta(minutes=minutes) - ttl < timedelta(minutes=1)
