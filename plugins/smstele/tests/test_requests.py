"""What goes out: names, values and the order of nothing but our own making."""

import re
from datetime import timedelta

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


def test_equal_messages_share_a_request(provider, batch):
    """Text, sender and life decide, the number does not; lookups always travel together."""
    one, two = batch("79160001234", "79260004567", sender="SHOP", ttl=timedelta(seconds=60)).items
    (other_text,) = batch(text="Other", sender="SHOP", ttl=timedelta(seconds=60)).items
    (other_sender,) = batch(sender="BANK", ttl=timedelta(seconds=60)).items
    (other_ttl,) = batch(sender="SHOP", ttl=timedelta(seconds=61)).items
    (lookup,), (late_lookup,) = (batch(channel=Channel.HLR, ttl=timedelta(seconds=life)).items for life in (1, 100))

    assert provider.batch_key(one) == provider.batch_key(two)
    assert provider.batch_key(lookup) == provider.batch_key(late_lookup)
    assert len({provider.batch_key(each) for each in (one, other_text, other_sender, other_ttl, lookup)}) == 5


def test_viber_is_not_offered(provider, batch):
    """The engine is never told of Viber; building such a request is a mistake of ours."""
    (item,) = batch().items
    viber = msgspec.structs.replace(item, message=Viber(to=item.to, text="Test"))

    assert Channel.VIBER not in provider.profile.channels
    assert provider.batch_key(viber) is None
    with pytest.raises(ValueError, match="viber"):
        provider.submit_request(Batch(ref=REF, channel=Channel.VIBER, items=(viber,)), None)


@pytest.mark.trap("S23", "S29")
def test_status_is_asked_by_id_and_number(provider, tracked):
    """A number alone would bring other people's messages, an id alone the whole batch."""
    request = provider.poll_request(tracked(), None)

    assert (request.method, request.path, request.query) == ("POST", "status", ())
    assert {name: value for name, value in fields(request).items() if name not in {"login", "psw"}} == {
        "id": "custom-message-id-test-22",
        "phone": "79160001234",
    }


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


@pytest.mark.trap("S05", "S15", "S16", "S17")
@given(
    channel=st.sampled_from([Channel.SMS, Channel.HLR]),
    ref=st.from_regex(r"[0-9a-z]{1,32}", fullmatch=True),
    phones=st.lists(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), min_size=1, max_size=5, unique=True),
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    sender=st.none() | st.just("SHOP"),
    ttl=st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3)),
)
def test_no_request_breaks_the_rules_of_the_protocol(channel, ref, phones, text, sender, ttl):
    """For every batch: `hlr` never with `mes`, an id of at most 32 harmless characters, numbers without plus."""
    secret = Secret("x")
    provider = Smstele(Settings(login=secret, password=secret, hlr=True, validity_unit=ValidityUnit.SECONDS))
    items = tuple(
        Submission(
            ref=ref,
            message=Sms(to=phone, text=text) if channel is Channel.SMS else HlrLookup(to=phone),
            to=Msisdn(phone),
            network=Network(),
            segments=None,
            sender=sender,
            ttl=ttl,
        )
        for phone in phones
    )

    sent = fields(provider.submit_request(Batch(ref=ref, channel=channel, items=items), None))

    assert ("mes" in sent) is not ("hlr" in sent)
    assert sent["charset"] == "utf-8"
    assert re.fullmatch(r"[A-Za-z0-9-]{1,32}", str(sent["id"]))
    assert re.fullmatch(r"[1-9][0-9]+(,[1-9][0-9]+)*", str(sent["phones"]))
    assert "validity" not in sent or int(str(sent["validity"])) >= 1
