"""Every state of the document, and what surrounds it in an answer."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pointsman.message import Channel, Money, Network, NetworkSource
from pointsman.outcome import DeliveryState, Fault, LookupResult, LookupState
from pointsman.plugin import Oddity
from pointsman_devino.reports import same_number
from pointsman_devino.states import HLR_STATES, SMS_STATES
from pointsman_devino.wire import moment

TO = "79001234567"

SMS = [
    (-40, DeliveryState.QUEUED, False, None),
    (-30, DeliveryState.QUEUED, False, None),
    (-20, DeliveryState.SENT, False, None),
    (-3, DeliveryState.REJECTED, True, Fault.DECLINED),
    (-2, DeliveryState.QUEUED, False, None),
    (-1, DeliveryState.SENT, False, None),
    (0, DeliveryState.DELIVERED, True, None),
    (8, DeliveryState.UNDELIVERABLE, True, Fault.UNAVAILABLE),
    (10, DeliveryState.REJECTED, True, Fault.SENDER),
    (11, DeliveryState.UNDELIVERABLE, True, Fault.RECIPIENT),
    (41, DeliveryState.UNDELIVERABLE, True, Fault.RECIPIENT),
    (42, DeliveryState.REJECTED, True, Fault.DECLINED),
    (46, DeliveryState.EXPIRED, True, None),
    (47, DeliveryState.DELETED, True, None),
    (-97, DeliveryState.DELETED, True, None),
    (48, DeliveryState.REJECTED, True, Fault.DECLINED),
    (69, DeliveryState.REJECTED, True, Fault.DECLINED),
    (-98, DeliveryState.DELETED, True, None),
    (99, DeliveryState.UNKNOWN, False, None),
    (255, DeliveryState.UNKNOWN, False, None),
]
HLR = [
    (0, LookupState.PENDING, False),
    (1, LookupState.REACHABLE, True),
    (2, LookupState.ABSENT, True),
    (3, LookupState.NONEXISTENT, True),
    (4, LookupState.FAILED, True),
    (99, LookupState.UNKNOWN, True),
]


@pytest.fixture
def report(devino, tracked, answer):
    """Read one SMS state."""
    return lambda body: devino.read_poll(tracked(Channel.SMS, a=TO), answer(body))


@pytest.fixture
def lookups(devino, tracked, answer):
    """Read the states of the lookups 312 and 313."""
    asked = {"703112828852109312": TO, "703112828852109313": "79160000000"}
    return lambda body: devino.read_poll(tracked(Channel.HLR, **asked), answer(body))


@pytest.mark.trap("D30", "D32", "D33")
@pytest.mark.parametrize(("number", "state", "final", "fault"), SMS)
@pytest.mark.parametrize("text", ["", "Доставлено", "Неизвестный"])
def test_a_state_is_its_number(report, number, state, final, fault, text):
    """The text beside the number changes nothing: the service writes others than the document."""
    reading = report(f'{{"State":{number},"StateDescription":"{text}","Price":null}}')

    (found,) = reading.value
    assert ("a", state, final, fault) == (found.provider_id, found.state, found.final, found.fault)
    assert (str(number), text, ()) == (found.code, found.detail, reading.oddities)


def test_the_tables_of_this_file_are_complete():
    """Every state that the plugin knows is proved here."""
    assert {row[0] for row in SMS} == set(SMS_STATES)
    assert {row[0] for row in HLR} == set(HLR_STATES)


@pytest.mark.trap("D07")
@pytest.mark.parametrize("number", [1, 3, 4, 100, -100, -200])
def test_an_unknown_state_ends_nothing(report, number):
    """A state that nobody documented (4 is an error code, not a state) is reported as odd and asked for again."""
    reading = report(f'{{"State":{number}}}')

    assert (reading.value[0].state, reading.value[0].final) == (DeliveryState.UNKNOWN, False)
    assert reading.oddities == (Oddity.UNDOCUMENTED_CODE,)


@pytest.mark.trap("D28", "D29")
def test_the_documents_own_broken_state_is_read(devino, tracked, answer, literal):
    """The printed example is no JSON and holds .NET's smallest date: state 255, no time, no price."""
    reading = devino.read_poll(tracked(Channel.SMS, a=TO), answer(literal("state255")))

    (found,) = reading.value
    assert (found.code, found.detail, found.at, found.price) == ("255", "Неизвестный", None, None)
    assert reading.lenient


def test_time_and_price_of_a_delivered_segment(report):
    """The time is that of delivery, in UTC; the price is an exact amount in the configured currency."""
    reading = report(
        '{"State":0,"CreationDateUtc":"\\/Date(1455820738000)\\/","SubmittedDateUtc":"\\/Date(1455820739000)\\/",'
        '"ReportedDateUtc":"\\/Date(1455820745123)\\/","TimeStampUtc":"\\/Date(1455820746000)\\/",'
        '"StateDescription":"Доставлено","Price":1.5}'
    )

    (found,) = reading.value
    assert datetime(2016, 2, 18, 18, 39, 5, 123000, tzinfo=UTC) == found.at
    assert Money(Decimal("1.5"), "RUB") == found.price


@pytest.mark.trap("D29")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/Date(1294045911213)/", datetime(2011, 1, 3, 9, 11, 51, 213000, tzinfo=UTC)),
        ("/Date(1294045911213+0300)/", datetime(2011, 1, 3, 9, 11, 51, 213000, tzinfo=UTC)),
        ("/Date(-62135596800000)/", None),
        ("/Date(99999999999999999)/", None),
        ("2011-01-03", None),
        ("", None),
        (None, None),
        (1294045911213, None),
    ],
)
def test_dates_are_milliseconds_in_utc(text, expected):
    """Year 1 means "no date"; a date out of range is none."""
    assert expected == moment(text)


@pytest.mark.parametrize(("price", "expected"), [("null", None), ('"1,50"', "1.50"), ("0", "0"), ('"free"', None)])
def test_a_price_is_an_amount_or_nothing(report, price, expected):
    """What is no amount is no price."""
    found = report(f'{{"State":0,"Price":{price}}}').value[0].price

    assert (None if expected is None else Money(Decimal(expected), "RUB")) == found


@pytest.mark.parametrize(("number", "state", "final"), HLR)
def test_a_lookup_state_is_its_number(lookups, number, state, final):
    """Each documented state of a lookup has one meaning, and blames nobody."""
    reading = lookups(f'[{{"messageId":"703112828852109312","StateCode":{number}}}]')

    (found,) = reading.value
    assert (state, final, None) == (found.lookup.state, found.final, found.fault)
    assert (str(number), None, ()) == (found.code, found.state, reading.oddities)


def test_an_unknown_lookup_state_ends_nothing(lookups):
    """It is reported as odd and asked for again until the deadline."""
    reading = lookups('[{"messageId":"703112828852109312","StateCode":7}]')

    assert (reading.value[0].lookup.state, reading.value[0].final) == (LookupState.UNKNOWN, False)
    assert reading.oddities == (Oddity.UNDOCUMENTED_CODE,)


@pytest.mark.trap("H04", "H06")
def test_the_documents_own_lookup_answer_is_about_an_id_that_nobody_asked_for(devino, tracked, answer, literal):
    """Its printed example asks for …312 and …313 and gets …314: both stay open, and that is odd."""
    asked = tracked(Channel.HLR, **{"703112828852109312": TO, "703112828852109313": "79160000000"})
    reading = devino.read_poll(asked, answer(literal("hlr_state")))

    assert (reading.value, reading.lenient, reading.oddities) == ((), True, (Oddity.FOREIGN_ID,))


@pytest.mark.trap("H04", "H07", "H08")
def test_the_documents_own_lookup_answer_read_for_its_id(devino, tracked, answer, literal):
    """State 1 with the text of state 0: the number wins; the free text of the operator becomes a network."""
    reading = devino.read_poll(tracked(Channel.HLR, **{"703112828852109314": TO}), answer(literal("hlr_state")))

    (found,) = reading.value
    assert found.final
    assert found.to == TO
    assert (
        LookupResult(
            state=LookupState.REACHABLE,
            network=Network(country="RU", mccmnc="25099", source=NetworkSource.HLR),
            operator="ОАО Вымпел-Коммуникации(Москва)",
        )
        == found.lookup
    )
    assert reading.oddities == (Oddity.CODE_AND_TEXT_DISAGREE,)


@pytest.mark.trap("H08")
@pytest.mark.parametrize(
    ("country", "operator"),
    [("Россия", "ООО Незнакомый оператор"), ("Россия", ""), ("Казахстан", "Билайн")],
)
def test_an_unknown_operator_is_no_network(lookups, country, operator):
    """No network is better than a guess: it would choose a wrong price. Brands cross borders."""
    reading = lookups(
        f'[{{"messageId":"703112828852109312","StateCode":1,"Country":"{country}","MobileOperator":"{operator}"}}]'
    )

    assert None is reading.value[0].lookup.network


@pytest.mark.trap("H10")
def test_a_number_that_is_not_ours_makes_an_answer_void(lookups):
    """Its result belongs to somebody else; the other answer is used."""
    reading = lookups(
        '[{"messageId":"703112828852109312","DestinationAddress":"+79007654321","StateCode":1},'
        '{"MessageID":703112828852109313,"DestinationAddress":"+79160000000","StateCode":2}]'
    )

    assert [(found.provider_id, found.lookup.state) for found in reading.value] == [
        ("703112828852109313", LookupState.ABSENT)
    ]
    assert reading.oddities == (Oddity.WRONG_NUMBER,)


@pytest.mark.trap("H10")
@pytest.mark.parametrize(
    ("said", "ours", "expected"),
    [
        ("79001234567", "79001234567", True),
        ("+79001234567", "79001234567", True),
        ("89001234567", "79001234567", True),
        ("+7 (900) 123-45-67", "79001234567", True),
        ("85267202829", "85267202829", True),
        ("79007654321", "79001234567", False),
        ("9001234567", "79001234567", False),
        ("", "79001234567", False),
    ],
)
def test_numbers_are_compared_in_all_their_spellings(said, ours, expected):
    """The document writes one number as `79…`, `+79…` and `89…`."""
    assert expected is same_number(said, ours)


@pytest.mark.trap("H06")
@pytest.mark.parametrize("body", ["[]", '[{"messageId":"703112828852109312","StateCode":0}]'])
def test_what_an_answer_does_not_mention_is_simply_missing(lookups, body):
    """A lookup that is not in the answer is asked for again."""
    assert "703112828852109313" not in {found.provider_id for found in lookups(body).value}
