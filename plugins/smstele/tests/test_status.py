"""The status call, for reports and for messages whose submit had no answer."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.message import Channel, Network, NetworkSource
from pointsman.outcome import (
    Accepted,
    DeliveryState,
    Fault,
    LookupResult,
    LookupState,
    Refused,
    Report,
    Unknown,
    UnknownReason,
)
from pointsman.plugin import Absent, Oddity, Response

FIXTURES = Path(__file__).parent / "fixtures"
REF = "custom-message-id-test-22"
FOUR = ("79160001234", "79072233645", "79676771707", "79260004567")


def row(stat: str, at: str = "2018-06-04 18:41:09+03", phone: str = FOUR[0], **more: str) -> dict[str, str]:
    """A row as the server writes it."""
    common = {"id": REF, "phone": phone, "status": "-99", "err": "-99", "stat": stat, "type": "1"}
    return common | {"last_timestamp": at, "operator": "mMTS", "region": "77", "mnc": "01"} | more


def answer(*rows: object) -> Response:
    """The answer of `status` as the server writes it."""
    return Response(status=200, body=json.dumps({"results": rows}).encode())


STATES = [
    ("ENROUTE", DeliveryState.SENT, LookupState.PENDING, False, None),
    ("ACCEPTD", DeliveryState.SENT, LookupState.PENDING, False, None),
    ("DELIVRD", DeliveryState.DELIVERED, LookupState.REACHABLE, True, None),
    ("UNDELIV", DeliveryState.UNDELIVERABLE, LookupState.ABSENT, True, Fault.UNAVAILABLE),
    ("EXPIRED", DeliveryState.EXPIRED, LookupState.FAILED, True, None),
    ("REJECTD", DeliveryState.REJECTED, LookupState.FAILED, True, Fault.DECLINED),
    ("DELETED", DeliveryState.DELETED, LookupState.FAILED, True, None),
    ("UNKNOWN", DeliveryState.UNKNOWN, LookupState.UNKNOWN, False, None),
]


@pytest.mark.trap("S10")
@pytest.mark.parametrize(("stat", "state", "lookup", "final", "fault"), STATES)
def test_every_stat_of_a_message(provider, tracked, stat, state, lookup, final, fault):
    """The state, whether it is final and whose fault it is; the −99 beside it means nothing."""
    reading = provider.read_poll(tracked(), answer(row(stat)))

    expected = Report(
        provider_id=f"{REF}/{FOUR[0]}",
        state=state,
        final=final,
        at=datetime(2018, 6, 4, 15, 41, 9, tzinfo=UTC),
        code=stat,
        fault=fault,
        to=FOUR[0],
    )
    assert ((expected,), ()) == (reading.value, reading.oddities)


@pytest.mark.parametrize(("stat", "state", "lookup", "final", "fault"), STATES)
def test_every_stat_of_a_lookup(provider, tracked, stat, state, lookup, final, fault):
    """Our reading of what the document leaves open; the network is known by range only."""
    (report,) = provider.read_poll(tracked(channel=Channel.HLR), answer(row(stat))).value

    network = Network(country="RU", mccmnc="25001", source=NetworkSource.RANGE)
    assert LookupResult(state=lookup, network=network, operator="mMTS") == report.lookup
    assert (None, None, final) == (report.state, report.fault, report.final)


def test_a_stat_that_is_not_documented_is_asked_for_again(provider, tracked):
    """It is neither good nor bad nor final, and it is counted."""
    reading = provider.read_poll(tracked(), answer(row("SKIPPED")))

    (report,) = reading.value
    assert (report.state, report.final, report.code) == (DeliveryState.UNKNOWN, False, "SKIPPED")
    assert reading.oddities == (Oddity.UNDOCUMENTED_CODE,)


@pytest.mark.trap("S12", "S20")
@pytest.mark.parametrize(("phone", "second"), [(FOUR[0], 9), (FOUR[3], 10)])
def test_the_literal_example_is_delivered(provider, tracked, phone, second):
    """Its closing brace is missing; it is read all the same, and the row of the other number is left alone."""
    body = (FIXTURES / "smstele_status_literal.txt").read_bytes()

    reading = provider.read_poll(tracked(phone=phone), Response(status=200, body=body))

    (report,) = reading.value
    assert (report.state, report.final) == (DeliveryState.DELIVERED, True)
    assert datetime(2018, 6, 4, 15, 41, second, tzinfo=UTC) == report.at
    assert (reading.lenient, reading.oddities) == (True, (Oddity.FOREIGN_ID,))


EARLY, LATE = "2018-06-04 18:41:09+03", "2018-06-04 18:50:00+03"


@pytest.mark.trap("S24")
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("ENROUTE", EARLY), row("DELIVRD", LATE)], DeliveryState.DELIVERED),
        ([row("DELIVRD", EARLY), row("ENROUTE", LATE)], DeliveryState.DELIVERED),
        ([row("UNDELIV", EARLY), row("DELIVRD", LATE)], DeliveryState.DELIVERED),
        ([row("UNKNOWN", LATE), row("ENROUTE", EARLY)], DeliveryState.UNKNOWN),
        ([row("ENROUTE", "2018-06-04 18:00:00+03"), row("UNKNOWN", "2018-06-04 16:00:00+00")], DeliveryState.UNKNOWN),
        ([row("DELIVRD", "nonsense"), row("ENROUTE", LATE)], DeliveryState.DELIVERED),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_final_row_beats_the_newest_and_the_newest_the_others(provider, tracked, rows, expected, order):
    """Several rows of one message give one report, in whatever order they come."""
    (report,) = provider.read_poll(tracked(), answer(*rows[::order])).value

    assert expected is report.state


@pytest.mark.trap("S23")
@pytest.mark.parametrize("stranger", [row("DELIVRD", phone=FOUR[1]), row("DELIVRD", id="another")])
def test_rows_of_other_messages_are_ignored(provider, tracked, stranger):
    """Id and number must both be the ones that were asked for."""
    reading = provider.read_poll(tracked(), answer(stranger))

    assert (reading.value, reading.oddities) == ((), (Oddity.FOREIGN_ID,))


@pytest.mark.trap("S24")
@pytest.mark.parametrize(
    "response", [answer(), answer({}), answer(row("")), Response(status=200, body=b'{"error":"0"}')]
)
def test_no_news_is_no_report(provider, tracked, response):
    """A message that is not listed, or of which nothing is said, is still awaited."""
    assert provider.read_poll(tracked(), response).value == ()


@pytest.mark.trap("S20")
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2018-06-04 18:41:09+03", datetime(2018, 6, 4, 15, 41, 9, tzinfo=UTC)),
        ("2018-06-04 18:41:09+03:00", datetime(2018, 6, 4, 15, 41, 9, tzinfo=UTC)),
        ("2018-06-04 18:41:09", None),
        ("0001-01-01 00:00:00+03", None),
        ("", None),
    ],
)
def test_times_are_read_with_their_offset_or_not_at_all(provider, tracked, text, at):
    """An offset of hours alone is understood; a time without one is not guessed at."""
    (report,) = provider.read_poll(tracked(), answer(row("DELIVRD", text))).value

    assert at == report.at


@pytest.mark.trap("S11")
def test_an_error_of_the_network_is_told(provider, tracked):
    """A code in `err` is kept for people."""
    (report,) = provider.read_poll(tracked(), answer(row("UNDELIV", err="27"))).value

    assert report.detail == "err 27"


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (Response(status=200, body=b'{"error":"-23"}'), Fault.CREDENTIALS),
        (Response(status=200, body=b'{"error":"-34"}'), Fault.REQUEST),
        (Response(status=200, body=b'{"error":"-1"}'), Fault.UNAVAILABLE),
        (Response(status=200, body=b"<html>"), Fault.UNAVAILABLE),
        (Response(status=502, body=b"<html>"), Fault.UNAVAILABLE),
        (Response(status=404), Fault.REQUEST),
    ],
)
def test_a_failed_question_is_a_refusal_to_answer(provider, tracked, response, fault):
    """It says nothing about the message; it can be asked again."""
    assert fault is provider.read_poll(tracked(), response).value.fault


# -- reconcile ---------------------------------------------------------------------------------------------------------


@pytest.mark.trap("S12", "S24")
def test_reconciling_finds_what_was_taken_and_what_was_not(provider, batch):
    """The document's own status lists two of four: the others are absent, although its last brace is missing."""
    body = (FIXTURES / "smstele_status_literal.txt").read_bytes()

    reading = provider.read_reconcile(batch(*FOUR, ref=REF), Response(status=200, body=body))

    def accepted(phone: str, mccmnc: str) -> Accepted:
        return Accepted(
            ids=(f"{REF}/{phone}",), network=Network(country="RU", mccmnc=mccmnc, source=NetworkSource.RANGE)
        )

    assert (accepted(FOUR[0], "25001"), Absent(), Absent(), accepted(FOUR[3], "25002")) == reading.value
    assert (reading.lenient, reading.oddities) == (True, ())


@pytest.mark.parametrize("stat", [stat for stat, *_ in STATES])
def test_a_message_in_any_state_was_taken(provider, batch, stat):
    """Even a rejected one: what became of it is for a report to say."""
    (finding,) = provider.read_reconcile(batch(FOUR[0], ref=REF), answer(row(stat))).value

    assert (f"{REF}/{FOUR[0]}",) == finding.ids


def test_a_message_under_another_id_is_not_ours(provider, batch):
    """The same number may have other messages; they prove nothing of this one."""
    reading = provider.read_reconcile(batch(FOUR[0], ref=REF), answer(row("DELIVRD", id="another")))

    assert ((Absent(),), (Oddity.FOREIGN_ID,)) == (reading.value, reading.oddities)


@pytest.mark.trap("S24")
def test_a_message_that_is_kept_may_be_missing(provider, batch):
    """Whether the list names what is kept until later is not documented: a second order would be delivered as well."""
    sent = batch(*FOUR[:2], ref=REF, send_at=datetime(2026, 12, 1, tzinfo=UTC))
    listed, missing = provider.read_reconcile(sent, answer(row("ENROUTE"))).value

    assert (f"{REF}/{FOUR[0]}",) == listed.ids
    assert (Unknown, UNREADABLE) == (type(missing), missing.reason)


WHOLE = json.dumps({"results": [row("DELIVRD"), row("DELIVRD", phone=FOUR[3])]})
UNREADABLE = UnknownReason.UNREADABLE


@pytest.mark.trap("S12")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(WHOLE[: WHOLE.index("}") + 1], id="cut after a row"),
        pytest.param(WHOLE[: WHOLE.index("}") + 2], id="cut between rows"),
        pytest.param('{"results": [', id="cut before the first row"),
        pytest.param('{"results": [{"id": "' + REF + '", "stat": "DELIVRD"}]}', id="a row without a number"),
        pytest.param('{"results": ["?"]}', id="a row that is none"),
        pytest.param('{"error": "0"}', id="no error and no list"),
        pytest.param("", id="nothing"),
    ],
)
def test_absence_is_never_read_out_of_a_damaged_list(provider, batch, body):
    """A message that a damaged answer does not list may have been sent: its fate stays unknown."""
    reading = provider.read_reconcile(batch(FOUR[3], ref=REF), Response(status=200, body=body.encode()))

    (finding,) = reading.value
    assert (Unknown, UNREADABLE) == (type(finding), finding.reason)


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (Response(status=200, body=b'{"error":"-35"}'), Fault.REQUEST),
        (Response(status=200, body=b'{"error":"-23"}'), Fault.CREDENTIALS),
        (Response(status=404), Fault.REQUEST),
        (Response(status=502), Fault.UNAVAILABLE),
    ],
)
def test_an_error_proves_no_absence(provider, batch, response, fault):
    """Not even an error about the id: it may be the way in which an unknown id is told, or not."""
    reading = provider.read_reconcile(batch(*FOUR, ref=REF), response)

    assert isinstance(reading.value, Refused)
    assert fault is reading.value.fault
