"""How the calls are written."""

from datetime import timedelta

import pytest

from pointsman.message import Channel, Msisdn, Network, Viber
from pointsman.plugin import Batch, Form, Operation, Secret, Submission
from pointsman_devino.requests import minutes
from pointsman_devino.settings import HlrAuth

NUMBERS = ("79031234567", "79161002030")


def fields(pairs):
    """Reveal what would go on the wire."""
    return [(name, value.reveal() if isinstance(value, Secret) else value) for name, value in pairs]


@pytest.mark.trap("D16")
def test_login_is_a_get_with_both_credentials_as_secrets(devino):
    """Login and password travel in the query, as the document has it, and show in no repr."""
    request = devino.login_request()

    assert (request.method, request.path) == ("GET", "user/sessionid")
    assert fields(request.query) == [("login", "test_login"), ("password", "test123")]
    assert "test_login" not in repr(request)
    assert "test123" not in repr(request)


def test_balance_carries_the_session(devino, session):
    """The balance needs the session and nothing else."""
    request = devino.balance_request(session)

    assert (request.method, request.path, request.body) == ("GET", "User/Balance", None)
    assert [("SessionID", session.token.reveal())] == fields(request.query)


@pytest.mark.trap("D15")
def test_one_recipient_goes_to_send(devino, session, sms_batch):
    """One message is `Sms/Send` with everything in the form and nothing in the address."""
    request = devino.submit_request(sms_batch("79031234567", text="a+b==13%!"), session)

    assert (request.method, request.path, request.query) == ("POST", "Sms/Send", ())
    assert isinstance(request.body, Form)
    assert [
        ("SessionID", session.token.reveal()),
        ("DestinationAddress", "79031234567"),
        ("SourceAddress", "DEVINO"),
        ("Data", "a+b==13%!"),
    ] == fields(request.body.fields)
    assert session.token.reveal() not in repr(request)


@pytest.mark.trap("D13", "D15", "D19")
def test_several_recipients_go_to_send_bulk(devino, session, sms_batch):
    """Only the numbers repeat: text, sender and validity stand there once."""
    request = devino.submit_request(sms_batch(*NUMBERS, ttl=timedelta(seconds=90)), session)

    assert (request.method, request.path) == ("POST", "Sms/SendBulk")
    assert isinstance(request.body, Form)
    assert [
        ("SessionID", session.token.reveal()),
        ("DestinationAddresses", NUMBERS[0]),
        ("DestinationAddresses", NUMBERS[1]),
        ("SourceAddress", "DEVINO"),
        ("Data", "test"),
        ("Validity", "2"),
    ] == fields(request.body.fields)


@pytest.mark.trap("D25", "X01")
@pytest.mark.parametrize(
    ("ttl", "expected"),
    [
        (None, None),
        (timedelta(0), 1),
        (timedelta(seconds=1), 1),
        (timedelta(seconds=60), 1),
        (timedelta(seconds=61), 2),
        (timedelta(seconds=90), 2),
        (timedelta(hours=1), 60),
    ],
)
def test_validity_is_in_minutes_rounded_up(ttl, expected):
    """A life time is never cut short, never zero, and absent when there is none."""
    assert expected == minutes(ttl)


@pytest.mark.trap("H01")
def test_lookups_with_a_session_use_the_plain_path(devino, session, hlr_batch, tracked):
    """In session mode no call holds the password or the `v2` path."""
    submit = devino.submit_request(hlr_batch(*NUMBERS), session)
    poll = devino.poll_request(tracked(Channel.HLR, **{"312": NUMBERS[0], "313": NUMBERS[1]}), session)

    assert (submit.method, submit.path) == ("POST", "Hlr/SendBulk")
    assert [
        ("SessionID", session.token.reveal()),
        ("DestinationAddresses", NUMBERS[0]),
        ("DestinationAddresses", NUMBERS[1]),
        ("Validity", "5"),
    ] == fields(submit.body.fields)
    assert (poll.method, poll.path) == ("GET", "Hlr/State")
    assert [("SessionID", session.token.reveal()), ("messageIds", "312"), ("messageIds", "313")] == fields(poll.query)


@pytest.mark.trap("H01")
def test_lookups_with_the_password_use_v2_and_no_session(make_devino, session, hlr_batch, tracked):
    """In password mode no call holds the session, even when there is one."""
    devino = make_devino(hlr_auth=HlrAuth.PASSWORD, hlr_validity=7)
    submit = devino.submit_request(hlr_batch(NUMBERS[0]), session)
    poll = devino.poll_request(tracked(Channel.HLR, **{"312": NUMBERS[0]}), None)

    who = [("Login", "test_login"), ("Password", "test123")]
    assert (submit.method, submit.path) == ("POST", "v2/Hlr/SendBulk")
    assert [*who, ("DestinationAddresses", NUMBERS[0]), ("Validity", "7")] == fields(submit.body.fields)
    assert (poll.method, poll.path) == ("GET", "v2/Hlr/State")
    assert [*who, ("messageIds", "312")] == fields(poll.query)


@pytest.mark.trap("D20")
def test_state_is_asked_for_one_id_and_keeps_it_unchanged(devino, session, tracked):
    """Ids are opaque: a plus sign in one is left for the transport to encode."""
    request = devino.poll_request(tracked(Channel.SMS, **{"SAR-W+84333": NUMBERS[0]}), session)

    assert (request.method, request.path) == ("GET", "Sms/State")
    assert [("sessionId", session.token.reveal()), ("messageId", "SAR-W+84333")] == fields(request.query)


@pytest.mark.trap("D14")
def test_no_parameter_name_holds_a_blank(devino, session, sms_batch):
    """The document's template has a blank before one name; ours never do."""
    request = devino.submit_request(sms_batch(*NUMBERS), session)

    assert [name for name, _ in request.body.fields if name != name.strip()] == []


@pytest.mark.parametrize(
    ("operation", "channel", "auth", "expected"),
    [
        (Operation.LOGIN, None, HlrAuth.SESSION, False),
        (Operation.BALANCE, None, HlrAuth.SESSION, True),
        (Operation.BALANCE, None, HlrAuth.PASSWORD, True),
        (Operation.SUBMIT, Channel.SMS, HlrAuth.PASSWORD, True),
        (Operation.POLL, Channel.SMS, HlrAuth.PASSWORD, True),
        (Operation.SUBMIT, Channel.HLR, HlrAuth.SESSION, True),
        (Operation.SUBMIT, Channel.HLR, HlrAuth.PASSWORD, False),
        (Operation.POLL, Channel.HLR, HlrAuth.PASSWORD, False),
    ],
)
def test_only_logins_and_password_lookups_need_no_session(make_devino, operation, channel, auth, expected):
    """The setting `hlr_auth` changes lookups and nothing else."""
    assert expected == make_devino(hlr_auth=auth).needs_session(operation, channel)


def test_a_call_without_the_session_that_it_needs_is_our_mistake(devino, sms_batch):
    """The plugin never sends a call that the provider must refuse."""
    with pytest.raises(ValueError, match="needs a session"):
        devino.submit_request(sms_batch("79031234567"), None)


@pytest.mark.trap("D43")
def test_viber_is_not_offered(devino, session):
    """The document only announces Viber: the channel is not declared, and building a call for it is a mistake."""
    message = Viber(to="79031234567", text="hi")
    submission = Submission(
        ref="r",
        message=message,
        to=Msisdn("79031234567"),
        network=Network(),
        segments=None,
        sender="S",
        ttl=None,
    )

    assert {Channel.SMS, Channel.HLR} == set(devino.profile.channels)
    assert devino.batch_key(submission) is None
    with pytest.raises(ValueError, match="no Viber"):
        devino.submit_request(Batch(ref="b", channel=Channel.VIBER, items=(submission,)), session)


def key(devino, batch):
    """Return the batch key of the first message of a batch."""
    return devino.batch_key(batch.items[0])


def test_texts_travel_together_only_when_all_but_the_number_is_equal(devino, sms_batch, hlr_batch):
    """Text, sender and life time in minutes are in the key; the number is not."""
    base = key(devino, sms_batch("79031234567", ttl=timedelta(seconds=61)))

    assert base == key(devino, sms_batch("79161002030", ttl=timedelta(seconds=120)))
    assert base != key(devino, sms_batch("79031234567", ttl=timedelta(seconds=60)))
    assert base != key(devino, sms_batch("79031234567"))
    assert base != key(devino, sms_batch("79031234567", ttl=timedelta(seconds=61), text="other"))
    assert base != key(devino, sms_batch("79031234567", ttl=timedelta(seconds=61), sender="OTHER"))
    assert key(devino, hlr_batch("79031234567")) == key(devino, hlr_batch("79161002030"))
    assert base != key(devino, hlr_batch("79031234567"))
