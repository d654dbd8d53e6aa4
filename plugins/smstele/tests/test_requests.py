"""What goes out: names, values and the order of nothing but our own making."""

import re
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.message import Channel, HlrLookup, Msisdn, Network, Sms, Viber
from pointsman.plugin import Batch, Form, Request, Secret, Submission, Tracked
from pointsman_smstele.provider import Smstele
from pointsman_smstele.settings import Settings, ValidityUnit

REF = "01jx7y6k8m9n0p1q2r3s4t5v6w"
FOUR = ("79160001234", "79072233645", "79676771707", "79260004567")


def fields(request: Request) -> dict[str, str | Secret]:
    """The form of a request; fails when a name occurs twice."""
    assert isinstance(request.body, Form)
    found = dict(request.body.fields)
    assert len(request.body.fields) == len(found)
    return found


@pytest.mark.trap("S05", "S06", "S16")
def test_an_sms_is_one_post_with_everything_in_the_body(provider, batch):
    """Nothing of a message, not even the login, is part of the address."""
    request = provider.submit_request(batch(*FOUR, sender="SHOP"), None)

    assert (request.method, request.path, request.query, request.headers) == ("POST", "sendsms", (), ())
    assert {
        "login": Secret("test:http"),
        "psw": Secret("~test123"),
        "charset": "utf-8",
        "id": REF,
        "phones": "79160001234,79072233645,79676771707,79260004567",
        "mes": "Test message 1",
        "sender": "SHOP",
    } == fields(request)


@pytest.mark.trap("S17")
def test_a_lookup_carries_no_text(provider, batch):
    """A text sent along with `hlr=1` would be dropped without a word."""
    request = provider.submit_request(batch(channel=Channel.HLR, sender="SHOP", ttl=timedelta(hours=1)), None)

    assert {"login", "psw", "charset", "id", "phones", "hlr"} == set(fields(request))
    assert fields(request)["hlr"] == "1"


def test_credentials_show_in_no_repr(provider, batch, tracked):
    """A request can be logged whole."""
    requests = (
        provider.submit_request(batch(), None),
        provider.poll_request(tracked(), None),
        provider.reconcile_request(batch(), None),
    )

    assert not re.search("test:http|test123", repr(requests))


@pytest.mark.trap("S18", "X01")
@pytest.mark.parametrize(
    ("unit", "ttl", "expected"),
    [
        (ValidityUnit.NONE, timedelta(seconds=90), None),
        (ValidityUnit.SECONDS, timedelta(seconds=90), "90"),
        (ValidityUnit.SECONDS, timedelta(seconds=89, milliseconds=1), "90"),
        (ValidityUnit.MINUTES, timedelta(seconds=90), "2"),
        (ValidityUnit.MINUTES, timedelta(milliseconds=1), "1"),
        (ValidityUnit.MINUTES, None, None),
    ],
)
def test_validity_is_sent_only_when_its_unit_is_known(settings, batch, unit, ttl, expected):
    """The document gives no unit, so without configuration the parameter is absent; otherwise it is rounded up."""
    provider = Smstele(msgspec.structs.replace(settings, validity_unit=unit))

    assert expected == fields(provider.submit_request(batch(ttl=ttl), None)).get("validity")


@pytest.mark.trap("S18", "X01")
@pytest.mark.parametrize(
    ("ttl", "expected"),
    [
        (timedelta(seconds=90), "90"),
        (timedelta(seconds=89, milliseconds=1), "90"),
        (timedelta(seconds=90_000), "86400"),
        (timedelta(seconds=86_399, milliseconds=1), "86400"),
        (timedelta(milliseconds=1), "1"),
        (timedelta(0), "1"),
        (None, None),
    ],
)
@pytest.mark.parametrize("unit", list(ValidityUnit))
def test_the_life_of_a_viber_message_is_in_seconds_up_to_a_day(settings, batch, unit, ttl, expected):
    """`viber_validity` has a documented unit and range, whatever is configured for `validity`, which is not sent."""
    provider = Smstele(msgspec.structs.replace(settings, validity_unit=unit))

    sent = fields(provider.submit_request(batch(channel=Channel.VIBER, ttl=ttl), None))

    assert (expected, None) == (sent.get("viber_validity"), sent.get("validity"))


def test_a_viber_message_is_marked_as_one(provider, batch):
    """Text, sender and numbers travel as they do for an SMS; only the mark says that it is none."""
    request = provider.submit_request(batch(*FOUR, channel=Channel.VIBER, sender="SHOP"), None)

    assert {
        "login": Secret("test:http"),
        "psw": Secret("~test123"),
        "charset": "utf-8",
        "id": REF,
        "phones": ",".join(FOUR),
        "mes": "Test message 1",
        "viber": "1",
        "sender": "SHOP",
    } == fields(request)


def test_flash_is_said_only_of_flash_messages(provider, batch):
    """The parameter is 1 or absent."""
    sent = [fields(provider.submit_request(batch(flash=flash), None)).get("flash") for flash in (True, False)]

    assert sent == ["1", None]


@pytest.mark.trap("S19")
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VIBER])
@pytest.mark.parametrize(
    ("offset", "send_at", "expected"),
    [
        ("+03:00", datetime(2018, 6, 4, 15, 41, 9, tzinfo=UTC), "2018-06-04 18:41:09"),
        ("+00:00", datetime(2018, 6, 4, 15, 41, 9, tzinfo=UTC), "2018-06-04 15:41:09"),
        ("-09:30", datetime(2018, 6, 4, 1, 0, tzinfo=UTC), "2018-06-03 15:30:00"),
        ("+03:00", datetime(2018, 6, 4, 20, 59, 59, 1, tzinfo=UTC), "2018-06-05 00:00:00"),
        ("+03:00", datetime(2018, 6, 4, 18, 41, 9, tzinfo=timezone(timedelta(hours=3))), "2018-06-04 18:41:09"),
        ("+03:00", None, None),
    ],
)
def test_a_message_is_kept_by_the_configured_clock(settings, batch, channel, offset, send_at, expected):
    """`deferred` has no zone, so it is written by the clock that was configured, and never early."""
    provider = Smstele(msgspec.structs.replace(settings, deferred_offset=offset))

    sent = fields(provider.submit_request(batch(channel=channel, send_at=send_at), None))

    assert expected == sent.get("deferred")
    assert provider.profile.channels[channel].schedules


@pytest.mark.trap("S19")
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VIBER])
def test_without_a_configured_clock_nothing_is_kept(settings, batch, channel):
    """It is not offered, and a message that is to be kept all the same does not leave: it would arrive at once."""
    provider = Smstele(msgspec.structs.replace(settings, deferred_offset=None))
    kept = batch(channel=channel, send_at=datetime(2018, 6, 4, 15, 41, 9, tzinfo=UTC))

    assert not any(limits.schedules for limits in provider.profile.channels.values())
    assert "deferred" not in fields(provider.submit_request(batch(channel=channel), None))
    with pytest.raises(ValueError, match="deferred_offset"):
        provider.submit_request(kept, None)


@pytest.mark.trap("S21")
@pytest.mark.parametrize("wanted", [True, False])
def test_a_text_is_never_changed_on_the_way(provider, batch, wanted):
    """Transliteration is over before a text comes here and its parts are counted: SMStele is not asked for it."""
    sent = batch(text="Привет")
    (item,) = sent.items
    message = Sms(to=item.to, text="Привет", transliterate=wanted)
    items = (msgspec.structs.replace(item, message=message),)

    request = provider.submit_request(msgspec.structs.replace(sent, items=items), None)

    assert (fields(request)["mes"], fields(request).get("translit")) == ("Привет", None)


NOON = datetime(2018, 6, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VIBER])
def test_equal_messages_share_a_request(provider, batch, channel):
    """Channel, text, sender, life and date decide, the number does not."""
    base = {"channel": channel, "sender": "SHOP", "ttl": timedelta(seconds=60)}
    one, two = batch("79160001234", "79260004567", **base).items
    others = [
        batch(**(base | other)).items[0]
        for other in (
            {"text": "Other"},
            {"sender": "BANK"},
            {"ttl": timedelta(seconds=61)},
            {"send_at": NOON},
            {"send_at": NOON + timedelta(hours=1)},
            {"channel": Channel.SMS if channel is Channel.VIBER else Channel.VIBER},
            {"channel": Channel.HLR},
        )
    ]

    assert provider.batch_key(one) == provider.batch_key(two)
    assert len({provider.batch_key(each) for each in (one, *others)}) == 1 + len(others)


def test_flash_messages_share_a_request_with_their_kind(provider, batch):
    """`flash` holds for all messages of a request."""
    (plain,), (flash,), (another,) = (batch(flash=flash).items for flash in (False, True, True))

    assert provider.batch_key(flash) == provider.batch_key(another) != provider.batch_key(plain)


def test_lookups_always_share_a_request(provider, batch):
    """Whatever their life is: there is nothing else to differ in."""
    (soon,), (late,) = (batch(channel=Channel.HLR, ttl=timedelta(seconds=life)).items for life in (1, 100))

    assert provider.batch_key(soon) == provider.batch_key(late)


@pytest.mark.trap("S23", "S29")
def test_status_is_asked_by_id_and_number(provider, tracked):
    """A number alone would bring other people's messages, an id alone the whole batch."""
    request = provider.poll_request(tracked(), None)

    assert (request.method, request.path, request.query) == ("POST", "status", ())
    assert {name: value for name, value in fields(request).items() if name not in {"login", "psw"}} == {
        "id": "custom-message-id-test-22",
        "phone": "79160001234",
    }


@pytest.mark.trap("S14", "S23")
def test_a_message_without_an_id_is_asked_about_by_its_request(provider, tracked):
    """The reference of the request is its `id` at SMStele, so nothing of an answer is needed to ask."""
    without, with_id = (provider.poll_request(tracked(by_reference=by), None) for by in (True, False))

    assert fields(without) == fields(with_id)
    assert all(polling.by_reference for polling in provider.profile.polling.values())


@pytest.mark.trap("S23", "S30")
@pytest.mark.parametrize("ids", [(), ("/79160001234",), (f"{REF}/",), ("nonsense",), ("a/1", "a/2")])
def test_a_status_call_without_both_halves_is_never_made(provider, ids):
    """The server would answer −34 or tell about other messages, so the mistake shows before any request."""
    asked = (Tracked(ids=ids, to=Msisdn("79160001234"), channel=Channel.SMS, accepted_at=0.0),)

    with pytest.raises(ValueError, match="smstele"):
        provider.poll_request(asked, None)


@pytest.mark.trap("S29")
@pytest.mark.parametrize(("phones", "phone"), [(FOUR[:1], FOUR[0]), (FOUR, None)])
def test_reconciling_asks_for_the_whole_request_at_once(provider, batch, phones, phone):
    """The id finds every message of a batch; a single one is named by its number too."""
    request = provider.reconcile_request(batch(*phones), None)

    assert ("status", REF, phone) == (request.path, fields(request)["id"], fields(request).get("phone"))


OF_ITS_KIND = {
    Channel.SMS: {"flash", "deferred", "validity"},
    Channel.VIBER: {"viber", "deferred", "viber_validity"},
    Channel.HLR: {"hlr"},
}


@pytest.mark.trap("S05", "S15", "S16", "S17", "S18", "S21")
@given(
    channel=st.sampled_from(list(Channel)),
    ref=st.from_regex(r"[0-9a-z]{1,32}", fullmatch=True),
    phones=st.lists(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), min_size=1, max_size=5, unique=True),
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    sender=st.none() | st.just("SHOP"),
    ttl=st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3)),
    flash=st.booleans(),
    send_at=st.none()
    | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)).map(lambda later: NOON + later),
)
def test_no_request_breaks_the_rules_of_the_protocol(channel, ref, phones, text, sender, ttl, flash, send_at):
    """For every batch: one kind of message, its own limit of life in its range, a harmless id, numbers without plus."""
    secret = Secret("x")
    provider = Smstele(
        Settings(login=secret, password=secret, hlr=True, validity_unit=ValidityUnit.SECONDS, deferred_offset="+03:00")
    )
    items = tuple(
        Submission(
            ref=ref,
            message={
                Channel.SMS: Sms(to=phone, text=text, flash=flash),
                Channel.VIBER: Viber(to=phone, text=text),
                Channel.HLR: HlrLookup(to=phone),
            }[channel],
            to=Msisdn(phone),
            network=Network(),
            segments=None,
            sender=sender,
            ttl=ttl,
            send_at=None if channel is Channel.HLR else send_at,
        )
        for phone in phones
    )

    sent = fields(provider.submit_request(Batch(ref=ref, channel=channel, items=items), None))

    assert ("mes" in sent) is not ("hlr" in sent)
    assert sent["charset"] == "utf-8"
    assert re.fullmatch(r"[A-Za-z0-9-]{1,32}", str(sent["id"]))
    assert re.fullmatch(r"[1-9][0-9]+(,[1-9][0-9]+)*", str(sent["phones"]))
    assert "validity" not in sent or int(str(sent["validity"])) >= 1
    assert 0 <= int(str(sent.get("viber_validity", 0))) <= 86_400
    assert "translit" not in sent
    assert set(sent) - {"login", "psw", "charset", "id", "phones", "mes", "sender"} <= OF_ITS_KIND[channel]
