"""Messages that people sent to us."""

from datetime import UTC, datetime

import pytest

from pointsman.outcome import Fault
from pointsman.plugin import Incoming
from pointsman_devino.incoming import certain_number

AT = datetime(2011, 1, 3, 9, 11, 51, 213000, tzinfo=UTC)
ROW = '{"Data":"hi","SourceAddress":"79260000000","DestinationAddress":"79160000000","ID":"1",%s}'
DATE = '"CreateDateUtc":"\\/Date(1294045911213)\\/"'


@pytest.fixture
def inbox(devino, answer, window):
    """Read an answer of the inbox."""
    return lambda body, status=200: devino.read_inbox(window, answer(body, status))


@pytest.mark.trap("D34", "D29")
def test_the_documents_own_inbox_is_read(inbox, literal):
    """The printed example closes its dates with backslashes and its numbers lack a digit: both messages are read."""
    reading = inbox(literal("in"))

    assert (
        Incoming(id="539187174", sender="7926000000", to="7916000000", text="test1", at=AT),
        Incoming(id="539187214", sender="7926000001", to="7916000000", text="test2", at=AT.replace(microsecond=353000)),
    ) == reading.value
    assert reading.lenient


@pytest.mark.trap("D34")
@pytest.mark.parametrize("name", ["CreateDateUtc", "CreatedDateUtc", "CreationDateUtc", "createdateutc"])
def test_the_date_has_three_names(inbox, name):
    """The document, a later edition of it and the provider's own client call it differently."""
    (message,) = inbox(f"[{ROW % DATE}]".replace("CreateDateUtc", name)).value

    assert message.at == AT


@pytest.mark.trap("D34")
@pytest.mark.parametrize(
    ("written", "expected"), [('"539187174"', "539187174"), ("539187174", "539187174"), ('"SAR-W+8"', "SAR-W+8")]
)
def test_an_id_is_text_or_a_number(inbox, written, expected):
    """It is kept as text, digit by digit."""
    (message,) = inbox(f"[{ROW % DATE}]".replace('"1"', written)).value

    assert message.id == expected


@pytest.mark.trap("D34")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("79260000000", "79260000000"),
        ("+79260000000", "79260000000"),
        (" 79260000000", "79260000000"),
        ("89260000000", "79260000000"),
        ("380505142320", "380505142320"),
        ("7926000000", None),  # read as a number of Kazakhstan it would be +77926000000
        ("9260000000", None),  # read as international it would be one of Pakistan
        ("77926000000", None),
        ("84951234567", "84951234567"),
        ("80000000002", None),
        ("+70000000001", None),
        ("SHOP", None),
        ("", None),
    ],
)
def test_a_sender_is_a_number_only_where_that_is_certain(said, expected):
    """Ten digits are a number that lost one; nobody is answered on a guess."""
    assert expected == certain_number(said)


def test_a_sender_is_kept_as_it_was_written(inbox):
    """What is certain stands beside it, and does not replace it."""
    (message,) = inbox(f"[{ROW % DATE}]".replace("79260000000", "+79260000000")).value

    assert (message.sender, message.sender_msisdn, message.to) == ("+79260000000", "79260000000", "79160000000")


def test_a_message_without_id_or_date_is_not_lost(inbox):
    """It gets an id made of what it says: the same each time, and another one for another message."""
    body = '[{"Data":"hi","SourceAddress":"79260000000"},{"Data":"ho","SourceAddress":"79260000000"}]'
    first, second = inbox(body).value
    again, _ = inbox(body).value

    assert (first.text, first.at, second.text) == ("hi", None, "ho")
    assert first.id == again.id != second.id


@pytest.mark.parametrize(
    ("body", "texts"),
    [("[]", []), ('[{"Data":"a","ID":1},{},null,5,{"ID":2}]', ["a"]), ('[{"SourceAddress":"7","ID":1}]', [""])],
)
def test_a_row_that_says_nothing_is_no_message(inbox, body, texts):
    """Without a sender and without a text there is nothing to tell; an empty text of somebody is a message."""
    assert texts == [message.text for message in inbox(body).value]


@pytest.mark.parametrize("body", ["", "null", "{}", "5", '"x"', "<html></html>", "[5]", '{"Data":"a"}'])
def test_what_is_no_list_is_not_an_empty_inbox(inbox, body):
    """An unreadable answer is asked for again, or messages would be passed over."""
    assert Fault.UNAVAILABLE is inbox(body).value.fault


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_empty_list_under_an_error_status_is_not_an_empty_inbox(inbox, status):
    """What broke on the way may have lost the messages."""
    assert Fault.UNAVAILABLE is inbox("[]", status).value.fault
