"""Every code of the table, in every form in which the document shows an error."""

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pointsman.message import Channel
from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import Each, Form, Oddity, Response, Resubmit, Whole
from pointsman_smstele.faults import FAULTS
from pointsman_smstele.provider import Smstele
from pointsman_smstele.settings import ValidityUnit

FIXTURES = Path(__file__).parent / "fixtures"


def error(code: object, description: str | None = None, status: int = 200) -> Response:
    """An error as the server writes it."""
    body = {"error": code} if description is None else {"error": code, "description": description}
    return Response(status=status, body=json.dumps(body).encode())


BY_NUMBER = {
    -1: Fault.UNAVAILABLE,
    -2: Fault.UNAVAILABLE,
    -6: Fault.UNSUPPORTED,
    -21: Fault.CREDENTIALS,
    -22: Fault.CREDENTIALS,
    -23: Fault.CREDENTIALS,
    -24: Fault.FORBIDDEN,
    -25: Fault.REQUEST,
    -26: Fault.RECIPIENT,
    -27: Fault.CONTENT,
    -28: Fault.REQUEST,
    -29: Fault.REQUEST,
    -30: Fault.REQUEST,
    -31: Fault.SENDER,
    -32: Fault.SENDER,
    -33: Fault.REQUEST,
    -34: Fault.REQUEST,
    -35: Fault.REQUEST,
    -41: Fault.LIMIT,
    -42: Fault.LIMIT,
    -43: Fault.CREDITS,
}


def refusal(reading) -> Refused:
    """The refusal in a reading, whether it may be followed by another try or not."""
    match reading.value:
        case Whole(outcome=Refused() as refused) | Resubmit(reason=refused):
            return refused
    raise AssertionError(reading)


@pytest.mark.trap("S03", "S04", "S22")
@pytest.mark.parametrize(("code", "fault"), BY_NUMBER.items())
@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("spelling", [str, int])
def test_every_code_without_words_is_read_by_its_number(provider, batch, code, fault, status, spelling):
    """The same refusal whatever the HTTP status says and however the number is spelt; never certain, never unknown."""
    reading = provider.read_submit(batch(), error(spelling(code), status=status))

    assert Refused(fault=fault, code=str(code)) == refusal(reading)
    assert reading.oddities == ()


def test_the_table_lists_every_documented_code_once():
    """The published table is the one by which the answers are read."""
    listed = [row for row in FAULTS if row.code.lstrip("-").isdecimal() and row.fault]

    assert {int(row.code): row.fault for row in listed} == BY_NUMBER
    assert len(BY_NUMBER) == len(listed)


NO_ODDITY: tuple[Oddity, ...] = ()
CONTRADICTION = (Oddity.CODE_AND_TEXT_DISAGREE,)


@pytest.mark.trap("S03", "S27")
@pytest.mark.parametrize(
    ("code", "description", "fault", "oddities"),
    [
        (-22, "No password", Fault.CREDENTIALS, NO_ODDITY),
        (-21, "No login", Fault.CREDENTIALS, NO_ODDITY),
        (-24, "Missing attribute: 'phones'", Fault.REQUEST, CONTRADICTION),
        (-25, "Missing attribute: 'phones'", Fault.REQUEST, NO_ODDITY),
        (-25, "Invalid attribute: 'phones='", Fault.RECIPIENT, CONTRADICTION),
        (-26, "Invalid attribute: 'phones=7'", Fault.RECIPIENT, NO_ODDITY),
        (-26, "Missing attribute: 'mes'", Fault.CONTENT, CONTRADICTION),
        (-26, "Invalid attribute: 'mes='", Fault.CONTENT, CONTRADICTION),
        (-27, "Missing attribute: 'mes'", Fault.CONTENT, NO_ODDITY),
        (-27, "Invalid attribute: 'validity=x'", Fault.REQUEST, CONTRADICTION),
        (-27, "validity is out of range", Fault.REQUEST, CONTRADICTION),
        (-24, "Invalid attribute: 'colour=red'", Fault.REQUEST, CONTRADICTION),
        (-24, "IP address not allowed", Fault.FORBIDDEN, NO_ODDITY),
        (-32, "Sender 'SHOP' not allowed", Fault.SENDER, NO_ODDITY),
        (-43, "Not enough credits", Fault.CREDITS, NO_ODDITY),
        (-43, "No credits", Fault.CREDITS, NO_ODDITY),
        (-37, "Something new", Fault.DECLINED, (Oddity.UNDOCUMENTED_CODE,)),
        (-37, "Missing attribute: 'mes'", Fault.CONTENT, (Oddity.UNDOCUMENTED_CODE,)),
        (-3, "", Fault.DECLINED, (Oddity.UNDOCUMENTED_CODE,)),
    ],
)
def test_the_description_decides_where_it_names_a_parameter(provider, batch, code, description, fault, oddities):
    """The document's examples and its table disagree about the numbers, never about the words."""
    reading = provider.read_submit(batch(), error(str(code), description))

    assert (fault, str(code), oddities) == (refusal(reading).fault, refusal(reading).code, reading.oddities)


@pytest.mark.trap("S03")
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("err22", Fault.CREDENTIALS),
        ("err24", Fault.REQUEST),
        ("err25", Fault.RECIPIENT),
        ("err35", Fault.REQUEST),
    ],
)
def test_the_four_literal_examples(provider, batch, name, fault):
    """The errors that the document prints are read as what their requests did wrong."""
    body = (FIXTURES / f"smstele_{name}_literal.txt").read_bytes()

    assert fault is refusal(provider.read_submit(batch(), Response(status=200, body=body))).fault


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ("Invalid attribute: 'phones=79160001234,79260004567'", "Invalid attribute: 'phones=…'"),
        ("Invalid attribute: 'psw=~test123'\nsecond line", "Invalid attribute: 'psw=…'"),
        ("79160001234 is bad", "… is bad"),
        ("x" * 300, "x" * 200),
    ],
)
def test_the_detail_of_a_refusal_repeats_no_value(provider, batch, description, told):
    """Descriptions quote what was sent: numbers, texts, passwords. None of that gets into a log."""
    assert told == refusal(provider.read_submit(batch(), error("-26", description))).detail


@pytest.mark.trap("S26")
@pytest.mark.parametrize("code", ["0", "-99", "7", "soon", "-"])
def test_an_error_that_says_nothing_is_unknown(provider, batch, code):
    """Not even "no error" without messages proves anything, so the status call has to tell."""
    reading = provider.read_submit(batch(), error(code))

    assert Whole(outcome=Unknown(reason=UnknownReason.UNREADABLE, code=str(code))) == reading.value


@pytest.mark.parametrize(("phones", "divisible"), [(("79160001234",), False), (("79160001234", "70000000001"), True)])
@pytest.mark.parametrize(("code", "description"), [("-26", None), ("-25", "Invalid attribute: 'phones=x'")])
def test_a_bad_number_among_several_divides_the_batch(provider, batch, phones, divisible, code, description):
    """The answer does not name the culprit; nothing was sent, so the halves may be."""
    reading = provider.read_submit(batch(*phones), error(code, description))

    assert isinstance(reading.value, Whole)
    assert (Fault.RECIPIENT, False, divisible) == (
        reading.value.outcome.fault,
        reading.value.outcome.certain,
        reading.value.divisible,
    )


@pytest.mark.trap("S15")
@pytest.mark.parametrize("code", ["-34", "-35"])
@pytest.mark.parametrize("ref", ["01jx7y6k8m9n0p1q2r3s4t5v6w", "z" * 32])
def test_a_refused_id_is_replaced_by_a_shorter_one(provider, batch, code, ref):
    """The same batch goes out under another id, no longer than the longest that the document shows being taken."""
    sent = batch("79160001234", "79260004567", ref=ref)

    value = provider.read_submit(sent, error(code)).value

    assert isinstance(value, Resubmit)
    assert sent.items == value.batch.items
    assert ref != value.batch.ref
    assert len(value.batch.ref) == 25
    assert provider.submit_request(value.batch, None) == value.request


def test_a_refused_validity_is_left_out(provider, batch):
    """The batch goes out again without the parameter and under a fresh id."""
    sent = batch(ttl=timedelta(minutes=5))

    value = provider.read_submit(sent, error("-28")).value

    assert isinstance(value, Resubmit)
    assert isinstance(value.request.body, Form)
    assert {"validity"} == set(dict(provider.submit_request(sent, None).body.fields)) - set(
        dict(value.request.body.fields)
    )
    assert sent.ref != value.batch.ref


@pytest.mark.trap("S22")
@pytest.mark.parametrize("code", ["-28", "-29", "-30"])
def test_an_optional_parameter_that_was_not_sent_cannot_be_left_out(settings, batch, code):
    """Without `validity` in the request these codes are plain refusals."""
    provider = Smstele(msgspec.structs.replace(settings, validity_unit=ValidityUnit.NONE))

    reading = provider.read_submit(batch(ttl=timedelta(minutes=5)), error(code))

    assert Whole(outcome=Refused(fault=Fault.REQUEST, code=code)) == reading.value


def test_a_lookup_has_no_validity_to_leave_out(provider, batch):
    """A lookup never carries the parameter, so there is nothing to repeat."""
    reading = provider.read_submit(batch(channel=Channel.HLR, ttl=timedelta(minutes=5)), error("-28"))

    assert Whole(outcome=Refused(fault=Fault.REQUEST, code="-28")) == reading.value


@pytest.mark.trap("S02")
def test_a_wrong_path_is_told_apart_from_a_refused_message(provider, batch):
    """404 is our configuration: the refusal says where to look."""
    reading = provider.read_submit(batch(), Response(status=404, body=b"<html>Not Found</html>"))

    assert (refusal(reading).fault, refusal(reading).code) == (Fault.REQUEST, "http_404")
    assert "base_url" in refusal(reading).detail


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"", Unknown(reason=UnknownReason.UNREADABLE, detail="the answer is not one of SMStele's")),
        (200, b"<html>", Unknown(reason=UnknownReason.UNREADABLE, detail="the answer is not one of SMStele's")),
        (200, b"[]", Unknown(reason=UnknownReason.UNREADABLE, detail="the answer is not one of SMStele's")),
        (
            200,
            b'{"messages": 7}',
            Unknown(reason=UnknownReason.UNREADABLE, detail="the answer is not one of SMStele's"),
        ),
        (502, b"<html>", Unknown(reason=UnknownReason.GATEWAY, code="http_502")),
        (500, b"", Unknown(reason=UnknownReason.GATEWAY, code="http_500")),
        (503, b"", Refused(fault=Fault.UNAVAILABLE, code="http_503")),
        (403, b"", Refused(fault=Fault.FORBIDDEN, code="http_403")),
        (429, b"", Refused(fault=Fault.THROTTLED, code="http_429")),
    ],
)
def test_a_body_that_says_nothing_leaves_it_to_the_status(provider, batch, status, body, expected):
    """Only a status that means "not processed" is a refusal; everything else may have been sent."""
    assert Whole(outcome=expected) == provider.read_submit(batch(), Response(status=status, body=body)).value


def test_an_error_beside_messages_is_believed_by_nobody(provider, batch):
    """A refusal and a list of messages contradict each other, so it is unknown."""
    body = b'{"error": "-1", "messages": [{"phone": "79160001234", "operator": "mMTS", "cnt": "1"}], "cnt": "1"}'

    reading = provider.read_submit(batch(), Response(status=200, body=body))

    assert isinstance(reading.value, Whole)
    assert isinstance(reading.value.outcome, Unknown)


@pytest.mark.trap("S11")
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("-43", Refused(fault=Fault.CREDITS, code="-43")),
        ("-26", Refused(fault=Fault.RECIPIENT, code="-26")),
        ("-37", Unknown(reason=UnknownReason.UNREADABLE, code="-37")),
        ("5", Unknown(reason=UnknownReason.UNREADABLE, code="5")),
    ],
)
def test_an_error_of_one_message_is_its_own(provider, batch, code, expected):
    """A documented code in a row refuses that message alone; any other leaves it open."""
    row = {"phone": "79160001234", "error": code, "cnt": "1", "operator": "mMTS"}
    body = json.dumps({"cnt": "0", "messages": [row]}).encode()

    assert Each((expected,)) == provider.read_submit(batch(), Response(status=200, body=body)).value
