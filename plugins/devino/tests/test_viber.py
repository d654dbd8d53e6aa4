"""Viber: what the provider says of its messages, and of the SMS in their place."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pointsman.message import Channel, Money
from pointsman.outcome import Accepted, DeliveryState, Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import Each, Oddity, SessionExpired, Whole
from pointsman_devino.states import SMS_STATES, VIBER_STATES

A, B = "79001234567", "79160000000"

STATES = [
    (0, DeliveryState.QUEUED, False, False),
    (1, DeliveryState.SENT, False, False),
    (2, DeliveryState.DELIVERED, True, False),
    (3, DeliveryState.DELIVERED, True, True),
    (4, DeliveryState.UNDELIVERABLE, True, False),
    (5, DeliveryState.UNDELIVERABLE, True, False),
    (6, DeliveryState.UNKNOWN, False, False),
    (7, DeliveryState.EXPIRED, True, False),
    (8, DeliveryState.DELIVERED, True, True),
]


@pytest.fixture
def viber(make_devino):
    """A provider of an account that has Viber."""
    return make_devino(viber=True)


@pytest.fixture
def report(viber, tracked, answer):
    """Read the state of one message."""

    def read(body, *, resend=False):
        return viber.read_poll(tracked(Channel.VIBER, resend=resend, GW1=A), answer(body))

    return read


def state(own, *sms, price="null"):
    """Write an answer: the state of the message and those of the SMS segments in its place."""
    rows = ",".join(
        f'{{"State":{one},"StateDescription":"s","Price":1.5,"Id":"{place}"}}' for place, one in enumerate(sms)
    )
    return f'{{"State":{own},"StateDescription":"v","Price":{price},"ResentSms":[{rows}]}}'


# -- states ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "means", "final", "read"), STATES)
def test_a_state_of_viber_is_its_number(report, number, means, final, read):
    """The table of Viber counts, not that of SMS: 0 is the beginning here, and delivered there."""
    reading = report(state(number))

    (found,) = reading.value
    assert ("GW1", means, final, read) == (found.provider_id, found.state, found.final, found.read)
    assert (str(number), "v", ()) == (found.code, found.detail, reading.oddities)


def test_the_table_of_this_file_is_complete():
    """Every state that the plugin knows is proved here."""
    assert {row[0] for row in STATES} == set(VIBER_STATES)


@pytest.mark.parametrize("number", [-1, 9, 46, 255])
def test_an_unknown_state_ends_nothing(report, number):
    """A state of SMS is none of Viber."""
    reading = report(state(number))

    assert (reading.value[0].state, reading.value[0].final) == (DeliveryState.UNKNOWN, False)
    assert reading.oddities == (Oddity.UNDOCUMENTED_CODE,)


def test_a_state_without_resent_sms_is_read_as_well(report):
    """The list may be missing, null, empty or a single object."""
    for field in ("", ',"ResentSms":null', ',"ResentSms":[]', ',"ResentSms":"x"'):
        assert DeliveryState.UNDELIVERABLE is report(f'{{"State":4{field}}}').value[0].state
    assert DeliveryState.DELIVERED is report('{"State":4,"resentsms":{"State":0}}').value[0].state


# -- the SMS in its place ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", sorted(VIBER_STATES))
def test_a_message_whose_sms_was_delivered_is_delivered(report, number):
    """Whatever became of the Viber message itself; what was read stays read."""
    (found,) = report(state(number, 0, 0)).value

    assert (DeliveryState.DELIVERED, True, number in {3, 8}) == (found.state, found.final, found.read)


@pytest.mark.parametrize("number", [4, 5, 7])
@pytest.mark.parametrize("sms", sorted(SMS_STATES))
def test_a_failed_message_ends_as_its_sms_does(report, number, sms):
    """While the SMS is on its way the message is; then the state of the SMS is that of the message, blame included."""
    (found,) = report(state(number, sms, 0)).value
    row = SMS_STATES[sms]

    if row.final:
        assert (row.state, True, row.fault) == (found.state, found.final, found.fault)
    else:
        assert (found.state, found.final) == (DeliveryState.SENT, False)
    assert (str(number), f"v; SMS {sms} s; SMS 0 s") == (found.code, found.detail)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("sms", [41, -2, 255])
def test_an_sms_does_not_end_a_message_that_is_on_its_way(report, number, sms):
    """Only its delivery does."""
    (found,) = report(state(number, sms)).value

    assert (VIBER_STATES[number].state, False) == (found.state, found.final)


@pytest.mark.parametrize("number", [4, 5, 7])
def test_a_failure_is_not_the_end_when_an_sms_was_asked_for(report, number):
    """The failure may be told before the SMS is taken up, whose end would be lost if we stopped asking."""
    (found,) = report(state(number), resend=True).value
    (alone,) = report(state(number), resend=False).value

    assert (found.state, found.final) == (DeliveryState.SENT, False)
    assert (VIBER_STATES[number].state, True) == (alone.state, alone.final)


@pytest.mark.parametrize(
    ("own", "sms", "expected"), [("null", (), None), ("0.9", (), "0.9"), ("null", (0,), "1.5"), ("0.9", (0, 0), "3.9")]
)
def test_the_price_is_that_of_both_together(report, own, sms, expected):
    """Viber and every segment of the SMS, where they are told."""
    price = report(state(4, *sms, price=own)).value[0].price

    assert (None if expected is None else Money(Decimal(expected), "RUB")) == price


def test_the_time_is_that_of_the_last_news(report):
    """Of message and SMS, whichever is later."""
    body = (
        '{"State":4,"ReportedDateUtc":"/Date(1294045911213)/","ResentSms":'
        '[{"State":0,"ReportedDateUtc":"/Date(1294045971213)/"}]}'
    )

    assert datetime(2011, 1, 3, 9, 12, 51, 213000, tzinfo=UTC) == report(body).value[0].at


@pytest.mark.parametrize("body", ["[]", "null", "{}", "<html></html>", '["GW1"]'])
def test_what_is_no_state_is_asked_for_again(report, body):
    """Nothing is read into it."""
    assert Fault.UNAVAILABLE is report(body).value.fault


# -- ids ---------------------------------------------------------------------------------------------------------------


def test_each_message_of_a_bulk_has_one_id(viber, viber_batch, answer):
    """They come in the order of the numbers; there are no segments to count."""
    one = viber.read_submit(viber_batch(A), answer('["GW0261BBD6B3"]'))
    two = viber.read_submit(viber_batch(A, B), answer('["GW0261BBD6B3","GW0261BBD6B4"]'))

    assert Each((Accepted(ids=("GW0261BBD6B3",)),)) == one.value
    assert Each((Accepted(ids=("GW0261BBD6B3",)), Accepted(ids=("GW0261BBD6B4",)))) == two.value


@pytest.mark.parametrize("body", ['["GW1"]', '["GW1","GW1"]', '["GW1","GW2","GW3"]'])
def test_a_list_of_another_length_is_accepted_but_not_shared_out(viber, viber_batch, answer, body):
    """The messages were taken; whose id is whose is not guessed."""
    reading = viber.read_submit(viber_batch(A, B), answer(body))

    assert Each((Accepted(ids=()), Accepted(ids=()))) == reading.value
    assert reading.oddities == (Oddity.IDS_UNMAPPED,)


# -- refusals ----------------------------------------------------------------------------------------------------------

WORDS = [
    ("error-address-format", Fault.RECIPIENT, True, True),
    ("error-address-not-specified", Fault.RECIPIENT, True, True),
    ("error-address-unknown", Fault.RECIPIENT, False, True),
    ("error-content-not-specified", Fault.CONTENT, False, False),
    ("error-subject-format", Fault.SENDER, False, False),
    ("error-subject-unknown", Fault.SENDER, False, False),
    ("error-subject-not-specified", Fault.REQUEST, False, False),
    ("error-validity-period-seconds-format", Fault.REQUEST, False, False),
]
SPELLINGS = ['{Code: 1 Desc: "%s"}', '{"Code":1,"Desc":"%s"}', '{"Code":0,"Desc":" %s "}', '{ Code: "77", Desc: "%s" }']


@pytest.mark.parametrize(("word", "fault", "certain", "divisible"), WORDS)
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("status", [200, 400])
def test_a_refusal_is_its_word(viber, viber_batch, answer, word, fault, certain, divisible, spelling, status):
    """The number beside it tells nothing, nor does the status; the example has neither quotes nor a comma."""
    response = answer(spelling % word, status)
    outcome = viber.read_submit(viber_batch(A), response).value.outcome

    assert Refused(fault=fault, code=word, detail=outcome.detail, certain=certain) == outcome
    assert divisible is viber.read_submit(viber_batch(A, B), response).value.divisible


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_system_error_says_nothing_of_the_message(viber, viber_batch, tracked, answer, status):
    """It may have gone out; a question is simply asked again."""
    response = answer('{Code: 1 Desc: "error-system"}', status)
    expected = Unknown(reason=UnknownReason.GATEWAY, code="error-system", detail="error-system")

    assert Whole(outcome=expected) == viber.read_submit(viber_batch(A), response).value
    assert Fault.UNAVAILABLE is viber.read_poll(tracked(Channel.VIBER, GW1=A), response).value.fault


@pytest.mark.parametrize("status", [200, 400])
def test_ok_is_no_refusal_and_no_success(viber, viber_batch, answer, status):
    """It stands in the table of refusals: without ids nobody knows what was taken."""
    outcome = viber.read_submit(viber_batch(A), answer('{"Code":1,"Desc":"ok"}', status)).value.outcome

    assert UnknownReason.UNREADABLE is outcome.reason


@pytest.mark.parametrize(("code", "text"), [(3, "Invalid session id"), (4, "SessionID expired")])
def test_a_session_expires_for_viber_too(viber, viber_batch, answer, code, text):
    """What is no word of Viber's is read by the number."""
    assert isinstance(
        viber.read_submit(viber_batch(A), answer(f'{{"Code":{code},"Desc":"{text}"}}', 401)).value, SessionExpired
    )


def test_the_words_of_viber_mean_nothing_elsewhere(viber, sms_batch, answer):
    """In answer to an SMS the number counts, as for any other text."""
    outcome = viber.read_submit(sms_batch(A), answer('{"Code":5,"Desc":"error-subject-format"}', 403)).value.outcome

    assert (outcome.fault, outcome.code) == (Fault.CREDITS, "5")
