"""How the calls are written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pointsman.message import Channel, Fallback, FallbackBy
from pointsman.plugin import Form, Operation, Secret, Window
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


AT = datetime(2011, 1, 28, 16, tzinfo=UTC)
VLADIVOSTOK = timezone(timedelta(hours=10))


@pytest.mark.trap("D26", "D27")
@pytest.mark.parametrize("numbers", [NUMBERS[:1], NUMBERS])
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (AT, "2011-01-28T16:00:00"),
        (AT.replace(hour=9), "2011-01-28T09:00:00"),
        (datetime(2011, 1, 28, 9, tzinfo=VLADIVOSTOK), "2011-01-27T23:00:00"),
        (AT.replace(microsecond=1), "2011-01-28T16:00:01"),
    ],
)
def test_a_moment_is_told_in_utc(devino, session, sms_batch, numbers, at, expected):
    """`SendDate` is UTC with hours that go to 24, without a zone, and never earlier than what was asked for."""
    request = devino.submit_request(sms_batch(*numbers, send_at=at), session)

    assert request.path == ("Sms/Send" if len(numbers) == 1 else "Sms/SendBulk")
    assert [("SendDate", expected)] == [field for field in fields(request.body.fields) if field[0] == "SendDate"]


@pytest.mark.trap("D26", "D27")
@pytest.mark.parametrize(
    ("numbers", "path"), [(NUMBERS[:1], "Sms/SendByTimeZone"), (NUMBERS, "Sms/SendByTimeZoneToAddresses")]
)
def test_a_time_of_the_recipients_day_stays_as_it_is(devino, session, sms_batch, numbers, path):
    """16:00 on the recipient's clock goes out as 16:00: the provider knows what time it is there."""
    request = devino.submit_request(sms_batch(*numbers, send_at_local=AT.replace(tzinfo=None)), session)

    assert (request.method, request.path) == ("POST", path)
    assert ("SendDate", "2011-01-28T16:00:00") in fields(request.body.fields)


@pytest.mark.trap("D27")
def test_without_a_time_there_is_no_date(devino, session, sms_batch):
    """No parameter, not an empty one, and none of the calls that demand it."""
    request = devino.submit_request(sms_batch(*NUMBERS), session)

    assert request.path == "Sms/SendBulk"
    assert "SendDate" not in dict(request.body.fields)


@pytest.mark.trap("D26")
def test_messages_of_two_times_do_not_travel_together(devino, sms_batch):
    """The date is shared by a bulk; noon by UTC and noon by the recipient's clock are two dates."""
    noon = AT.replace(hour=12)
    keys = {
        key(devino, sms_batch(NUMBERS[0], **when))
        for when in (
            {},
            {"send_at": noon},
            {"send_at": noon + timedelta(seconds=1)},
            {"send_at_local": noon.replace(tzinfo=None)},
        )
    }

    assert len(keys) == 4
    same = datetime(2011, 1, 28, 22, tzinfo=VLADIVOSTOK)
    assert key(devino, sms_batch(NUMBERS[0], send_at=noon)) == key(devino, sms_batch(NUMBERS[1], send_at=same))


@pytest.mark.trap("D26")
@pytest.mark.parametrize("schedule", [False, True])
def test_schedules_are_offered_only_when_they_are_wanted(make_devino, schedule):
    """The router can call a message off that it keeps itself, the provider cannot: the account has to opt in."""
    channels = make_devino(schedule=schedule, viber=True).profile.channels

    assert (schedule, schedule) == (channels[Channel.SMS].schedules, channels[Channel.SMS].schedules_local)
    assert not any(
        channels[other].schedules or channels[other].schedules_local for other in (Channel.HLR, Channel.VIBER)
    )


@pytest.mark.trap("D43")
def test_viber_is_not_offered_unless_it_is_set(devino, session, viber_batch):
    """The document only announces Viber: the channel is not declared, and building a call for it is a mistake."""
    assert {Channel.SMS, Channel.HLR} == set(devino.profile.channels) == set(devino.profile.polling)
    with pytest.raises(ValueError, match="viber = true"):
        devino.submit_request(viber_batch(NUMBERS[0]), session)


@pytest.mark.trap("D43")
@pytest.mark.parametrize(
    ("numbers", "resend", "path"),
    [
        (NUMBERS[:1], False, "Viber/Send"),
        (NUMBERS, False, "Viber/SendBulk"),
        (NUMBERS[:1], True, "Viber/SendWithResend"),
        (NUMBERS, True, "Viber/SendWithResendBulk"),
    ],
)
def test_viber_has_four_ways_to_send(make_devino, session, viber_batch, numbers, resend, path):
    """One number or several, alone or with the provider's own SMS after it; the fields are those of an SMS."""
    batch = viber_batch(*numbers, text="one\ntwo", resend=resend, ttl=timedelta(seconds=90))
    request = make_devino(viber=True).submit_request(batch, session)

    name = "DestinationAddress" if len(numbers) == 1 else "DestinationAddresses"
    assert (request.method, request.path, request.query) == ("POST", path, ())
    assert [
        ("SessionID", session.token.reveal()),
        *((name, number) for number in numbers),
        ("SourceAddress", "DEVINO"),
        ("Data", "one\ntwo"),
        ("Validity", "2"),
    ] == fields(request.body.fields)


SMS_BY_US, SMS_BY_THEM = Fallback(), Fallback(by=FallbackBy.PROVIDER)


@pytest.mark.trap("X01")
@pytest.mark.parametrize(
    ("ttl", "fallback", "expected"),
    [
        (None, None, None),
        (timedelta(0), None, "1"),
        (timedelta(seconds=90), None, "2"),
        (timedelta(seconds=90), SMS_BY_THEM, "2"),
        (timedelta(seconds=90), SMS_BY_US, "1"),
        (timedelta(seconds=30), SMS_BY_US, "1"),
        (timedelta(hours=24), None, "1440"),
        (timedelta(hours=25), None, "1440"),
        (timedelta(hours=25), SMS_BY_US, "1440"),
    ],
)
def test_viber_lives_for_minutes_within_a_day(make_devino, session, viber_batch, ttl, fallback, expected):
    """1 to 1440 minutes; rounded down where our own SMS follows, so that both do not arrive."""
    batch = viber_batch(NUMBERS[0], ttl=ttl, fallback=fallback)
    request = make_devino(viber=True).submit_request(batch, session)

    assert expected == dict(request.body.fields).get("Validity")


def test_viber_texts_travel_together_only_when_all_but_the_number_is_equal(make_devino, viber_batch, sms_batch):
    """Text, sender, minutes and who sends the SMS are in the key; the number is not."""
    devino = make_devino(viber=True)
    base = key(devino, viber_batch(NUMBERS[0], ttl=timedelta(seconds=90)))

    assert base == key(devino, viber_batch(NUMBERS[1], ttl=timedelta(seconds=120)))
    others = (
        viber_batch(NUMBERS[0]),
        viber_batch(NUMBERS[0], ttl=timedelta(seconds=90), text="other"),
        viber_batch(NUMBERS[0], ttl=timedelta(seconds=90), sender="OTHER"),
        viber_batch(NUMBERS[0], ttl=timedelta(seconds=90), resend=True),
        viber_batch(NUMBERS[0], ttl=timedelta(seconds=90), fallback=SMS_BY_US),
        sms_batch(NUMBERS[0], ttl=timedelta(seconds=90)),
    )
    assert base not in {key(devino, batch) for batch in others}


def test_the_state_of_a_viber_message_is_asked_for_by_its_id(make_devino, session, tracked):
    """One message a call, as for an SMS, on a path of its own."""
    request = make_devino(viber=True).poll_request(tracked(Channel.VIBER, GW0261BBD6B3=NUMBERS[0]), session)

    assert (request.method, request.path) == ("GET", "Viber/State")
    assert [("sessionId", session.token.reveal()), ("messageId", "GW0261BBD6B3")] == fields(request.query)


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        (AT, AT + timedelta(days=1), "2011-01-28T15:59:59", "2011-01-29T16:00:00"),
        (AT.replace(microsecond=1), AT.replace(microsecond=2), "2011-01-28T15:59:59", "2011-01-28T16:00:01"),
        (AT, AT, "2011-01-28T15:59:59", "2011-01-28T16:00:00"),
    ],
)
def test_the_inbox_is_asked_for_a_little_more_than_is_wanted(devino, session, start, end, first, last):
    """Periods are whole seconds, and whether their ends belong to them is not said: nothing at an end may be missed."""
    request = devino.inbox_request(Window(start, end), session)

    assert (request.method, request.path) == ("GET", "Sms/In")
    assert [("sessionId", session.token.reveal()), ("minDateUTC", first), ("maxDateUTC", last)] == fields(request.query)


@pytest.mark.trap("D35", "D36")
@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        (AT, AT + timedelta(days=90), "2011-01-28T16:00:00", "2011-04-28T16:00:00"),
        (
            AT.replace(microsecond=1),
            AT + timedelta(days=90, microseconds=1),
            "2011-01-28T16:00:00",
            "2011-04-28T16:00:00",
        ),
        (AT.replace(microsecond=1), AT.replace(microsecond=2), "2011-01-28T16:00:00", "2011-01-28T16:00:01"),
        (datetime(2011, 1, 28, 9, tzinfo=VLADIVOSTOK), AT, "2011-01-27T23:00:00", "2011-01-28T16:00:00"),
    ],
)
def test_statistics_are_asked_for_in_whole_seconds(devino, session, start, end, first, last):
    """Both dates are written with a `T`; rounding never makes 90 days longer, nor any window empty."""
    request = devino.statistics_request(Window(start, end), session)

    assert (request.method, request.path) == ("GET", "Sms/Statistics")
    assert [
        ("sessionId", session.token.reveal()),
        ("startDateTime", first),
        ("endDateTime", last),
    ] == fields(request.query)


@pytest.mark.trap("D35")
def test_windows_are_within_what_the_provider_answers_for(devino):
    """Statistics take 90 days, which is the shorter of two limits; the inbox not quite a whole year."""
    profile = devino.profile

    assert profile.statistics.longest == timedelta(days=90)
    assert profile.inbox.longest == timedelta(days=365)
    assert timedelta(days=364) < profile.inbox.oldest < timedelta(days=365)


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
