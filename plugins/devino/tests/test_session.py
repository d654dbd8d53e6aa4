"""The session and the balance."""

from datetime import timedelta
from decimal import Decimal

import pytest

from pointsman.message import Money
from pointsman.outcome import Fault, Refused
from pointsman.plugin import Balance, Oddity, Secret, Session

TOKEN = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
PRINTED = [
    TOKEN,
    "Z5CYSZEKDL1DPICU37WENQVOYKP0T1GSLHX1",
    "Z5CYSZEKDL1DPICU37WEHQVOYKPO11GSLHX1",
    "C619DF83829F4C3094CB54F4D62878786B5B",
    "1AED345F65DD4C27BD37A17970C427FAE991",
    "FBHKZT9TBBTUWYUR1PYUTYRAGRLUUG0R8A8Z",
    "4E1C44388AB54B38B097C17D5F949ECA4005",
]


@pytest.mark.trap("D02")
@pytest.mark.parametrize("token", PRINTED)
def test_every_session_id_of_the_documents_is_taken_as_it_is(devino, answer, token):
    """The document calls it a GUID, but none of its samples is one: it is opaque, and good for two hours."""
    reading = devino.read_login(answer(f'"{token}"'))

    assert Session(token=Secret(token), valid_for=timedelta(minutes=120)) == reading.value
    assert (reading.lenient, reading.oddities) == (False, ())


@pytest.mark.trap("D01")
@pytest.mark.parametrize(
    ("body", "lenient"),
    [
        (f'"{TOKEN}"', False),
        (TOKEN, True),
        (f'\ufeff"{TOKEN}"\r\n', True),
        (f' "{TOKEN}" ', False),
        (f'"{TOKEN}', True),
    ],
)
def test_quotes_and_blanks_do_not_belong_to_the_session(devino, answer, body, lenient):
    """The document says "a string in quotes, not JSON": it is the same session with and without them."""
    reading = devino.read_login(answer(body))

    assert (Secret(TOKEN), lenient) == (reading.value.token, reading.lenient)


@pytest.mark.trap("D02")
def test_another_length_is_odd_but_good(devino, answer):
    """36 characters are what the document promises; who sends 32 is believed."""
    reading = devino.read_login(answer('"4E1C44388AB54B38B097C17D5F949ECA"'))

    assert isinstance(reading.value, Session)
    assert reading.oddities == (Oddity.SESSION_LENGTH,)


@pytest.mark.trap("D01")
@pytest.mark.parametrize(
    "body", ["", '""', '" "', "null", "true", "{}", "[]", '"Service Unavailable"', "<html></html>"]
)
def test_what_is_no_session_refuses_the_login_for_now(devino, answer, body):
    """An empty or unreadable session is never used; the login may be tried again."""
    assert Fault.UNAVAILABLE is devino.read_login(answer(body)).value.fault


def test_a_word_under_an_error_status_is_no_session(devino, answer):
    """`Forbidden` with status 403 would pass for a session id by its characters."""
    assert Refused(fault=Fault.FORBIDDEN, code="http_403") == devino.read_login(answer("Forbidden", 403)).value


@pytest.mark.trap("D16")
def test_the_session_shows_in_no_repr(devino, answer):
    """A reading can be logged without giving the session away."""
    assert TOKEN not in repr(devino.read_login(answer(f'"{TOKEN}"')))


@pytest.mark.trap("D37")
@pytest.mark.parametrize(
    ("body", "expected", "lenient"),
    [
        ("20015.3", "20015.3", False),
        ('"20015.3"', "20015.3", False),
        ("20015,3", "20015.3", True),
        ('"20015,30"', "20015.30", False),
        ("0", "0", False),
        ("-12.50", "-12.50", False),
        (" 100\r\n", "100", False),
    ],
)
def test_a_balance_is_an_exact_number(devino, answer, body, expected, lenient):
    """Quoted or not, with a point or a comma, the amount keeps its digits."""
    reading = devino.read_balance(answer(body))

    assert Balance(Money(Decimal(expected), "RUB")) == reading.value
    assert str(Decimal(expected)) == str(reading.value.money.amount)
    assert lenient is reading.lenient


@pytest.mark.trap("D37")
@pytest.mark.parametrize("body", ["", " \r\n", '""', "null", "\ufeff"])
def test_no_amount_is_not_zero(devino, answer, body):
    """The document's example of this answer has no body: the balance is not told."""
    assert Balance(None) == devino.read_balance(answer(body)).value


@pytest.mark.parametrize("body", ["NaN", "Infinity", "1e9", "1.2.3", "twelve", "[1]", '{"Balance": 1}', "<html>"])
def test_what_is_no_amount_is_no_balance(devino, answer, body):
    """Nothing is guessed from what is not a plain number."""
    assert Fault.UNAVAILABLE is devino.read_balance(answer(body)).value.fault


def test_the_currency_is_the_configured_one(make_devino, answer):
    """The API names none."""
    assert Money(Decimal(5), "EUR") == make_devino(currency="EUR").read_balance(answer("5")).value.money
