"""Results of lookups, from status queries and callbacks."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pointsman.message import Channel, Msisdn, Network, NetworkSource
from pointsman.outcome import Fault, LookupState, Refused
from pointsman.plugin import Callback, Oddity, Response, Tracked
from pointsman_affiliate_hlr.provider import AffiliateHlr

MakeResponse = Callable[..., Response]
MakeTracked = Callable[..., tuple[Tracked, ...]]

STATUSES = [
    ("sent", LookupState.PENDING, False, None),
    ("active", LookupState.REACHABLE, True, None),
    ("absent", LookupState.ABSENT, True, None),
    ("unknown", LookupState.UNKNOWN, True, None),
    ("failed", LookupState.FAILED, True, Fault.UNAVAILABLE),
]

POLL_REFUSALS = [
    ({"error": "1"}, 200, Fault.CREDENTIALS, "1"),
    ({"error": "2", "errorDescription": "blocked"}, 200, Fault.FORBIDDEN, "2"),
    ({"error": "3"}, 200, Fault.REQUEST, "3"),
    ({"error": "4"}, 200, Fault.REQUEST, "4"),
    ({"error": "5"}, 200, Fault.UNAVAILABLE, "5"),
    ({"error": "6"}, 200, Fault.REQUEST, "6"),
    ({"error": "7"}, 200, Fault.REQUEST, "7"),
    ({"error": "8"}, 200, Fault.CREDITS, "8"),
    ({"error": "9", "errorDescription": "Inactive tariff"}, 200, Fault.REQUEST, "9"),
    ({"error": "10", "errorDescription": "Unsuitable time"}, 200, Fault.DECLINED, "10"),
    ({"error": "11", "errorDescription": "Exceeded limit"}, 200, Fault.THROTTLED, "11"),
    ({"error": "5"}, 500, Fault.UNAVAILABLE, "5"),
    ({}, 400, Fault.REQUEST, "http_400"),
    ({}, 401, Fault.CREDENTIALS, "http_401"),
    ({}, 403, Fault.FORBIDDEN, "http_403"),
    ({}, 404, Fault.REQUEST, "http_404"),
    ({}, 405, Fault.REQUEST, "http_405"),
    ({}, 422, Fault.REQUEST, "http_422"),
    ({"message": "No money"}, 422, Fault.CREDITS, "http_422"),
    ({}, 429, Fault.THROTTLED, "http_429"),
    ({}, 500, Fault.UNAVAILABLE, "http_500"),
    ({}, 502, Fault.UNAVAILABLE, "http_502"),
]


@pytest.mark.parametrize(("status", "state", "final", "fault"), STATUSES)
def test_status_word_becomes_a_state(
    status: str,
    state: LookupState,
    final: bool,
    fault: Fault | None,
    provider: AffiliateHlr,
    answered: MakeResponse,
    tracked: MakeTracked,
) -> None:
    """Every documented word has its state, by poll and by callback alike; only `sent` leaves the lookup open."""
    body = {"id": "12123", "msisdn": "380505142320", "reference": "r1", "status": status.upper()}

    polled = provider.read_poll(tracked(), answered(body))
    pushed = provider.read_callback(Callback(method="GET", query=tuple(body.items())))

    (report,) = polled.value
    assert (state, final, fault) == (report.lookup.state, report.final, report.fault)
    assert polled.value == pushed.value
    assert () == polled.oddities == pushed.oddities


def test_undocumented_status_settles_nothing(
    provider: AffiliateHlr, answered: MakeResponse, tracked: MakeTracked
) -> None:
    """A word that no document names keeps the lookup pending and shows as an oddity."""
    reading = provider.read_poll(tracked(), answered({"id": "12123", "status": "teleported"}))

    (report,) = reading.value
    assert (report.lookup.state, report.final, report.code) == (LookupState.PENDING, False, "teleported")
    assert reading.oddities == (Oddity.UNDOCUMENTED_CODE,)


def test_newer_fields_are_read(provider: AffiliateHlr, answered: MakeResponse, tracked: MakeTracked) -> None:
    """The newer form of the answer, with code 0, null details and a brand, is understood too."""
    body = {
        "error": 0,
        "errorDescription": "No errors",
        "id": 12123,
        "msisdn": "+380505142320",
        "status": "absent",
        "network": "25001",
        "details": None,
        "brand_name": "MTS",
        "imsi": "250010000000000",
    }

    (report,) = provider.read_poll(tracked(), answered(body)).value

    assert Network(mccmnc="25001", source=NetworkSource.HLR) == report.lookup.network
    assert (report.lookup.ported, report.lookup.roaming, report.lookup.operator) == (None, None, "MTS")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", False), ("1", True), (0, False), (1, True), (True, True), (None, None), ("2", None)],
    ids=repr,
)
def test_details_are_flags_or_not_told(
    value: object, expected: bool | None, provider: AffiliateHlr, answered: MakeResponse, tracked: MakeTracked
) -> None:
    """`ported` and `roaming` are strings in the document and may be numbers, booleans or nothing."""
    body = {"id": "12123", "status": "active", "details": {"ported": value, "roaming": value}}

    (report,) = provider.read_poll(tracked(), answered(body)).value

    assert (expected, expected) == (report.lookup.ported, report.lookup.roaming)


@pytest.mark.parametrize("network", ["", "2500", "2500100", "mts", None, 0])
def test_network_that_is_no_code_is_not_told(
    network: object, provider: AffiliateHlr, answered: MakeResponse, tracked: MakeTracked
) -> None:
    """Only five or six digits are a network."""
    body = {"id": "12123", "status": "active", "network": network}

    assert provider.read_poll(tracked(), answered(body)).value[0].lookup.network is None


@pytest.mark.parametrize(
    ("spelt", "expected"),
    [
        ("2015-08-04T06:50:19+00:00", datetime(2015, 8, 4, 6, 50, 19, tzinfo=UTC)),
        ("2015-08-04T06:50:19 00:00", datetime(2015, 8, 4, 6, 50, 19, tzinfo=UTC)),
        ("2015-08-04T09:50:19+03:00", datetime(2015, 8, 4, 6, 50, 19, tzinfo=UTC)),
        ("2015-08-04T06:50:19Z", datetime(2015, 8, 4, 6, 50, 19, tzinfo=UTC)),
        ("2015-08-04 06:50", None),
        ("2015-08-04T06:50:19", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_time_needs_a_zone(spelt: str, expected: datetime | None, provider: AffiliateHlr) -> None:
    """A time counts when its zone is told, even where the plus of the zone was lost in a query string."""
    pairs = (("id", "12123"), ("status", "active"), ("statusDatetime", spelt))

    assert expected == provider.read_callback(Callback(method="GET", query=pairs)).value[0].at


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": "10", "errorDescription": "HLR not found"}, 200),
        ({"error": "10"}, 404),
        ({"error": 9}, 200),
        ({"error": "60"}, 200),
        ({"code": 404, "message": "HLR is not found"}, 404),
    ],
)
def test_lookup_that_is_not_found_gives_no_report(
    body: object, status: int, provider: AffiliateHlr, answered: MakeResponse, tracked: MakeTracked
) -> None:
    """A lookup that is not found is no news about the number, in any of the lists' codes."""
    assert provider.read_poll(tracked(), answered(body, status)).value == ()


@pytest.mark.trap("A16")
@pytest.mark.parametrize(("body", "status", "fault", "code"), POLL_REFUSALS)
def test_poll_is_refused(
    body: object,
    status: int,
    fault: Fault,
    code: str,
    provider: AffiliateHlr,
    answered: MakeResponse,
    tracked: MakeTracked,
) -> None:
    """A code or a status refuses the question with the fault of the table."""
    refused = provider.read_poll(tracked(), answered(body, status)).value

    assert isinstance(refused, Refused)
    assert (fault, code) == (refused.fault, refused.code)


def test_poll_with_undocumented_code_is_declined(
    provider: AffiliateHlr, answered: MakeResponse, tracked: MakeTracked
) -> None:
    """A code that no document names for this call is declined and counted."""
    reading = provider.read_poll(tracked(), answered({"error": "13"}))

    assert Refused(fault=Fault.DECLINED, code="13") == reading.value
    assert reading.oddities == (Oddity.UNDOCUMENTED_CODE,)


def test_question_by_reference_is_about_a_lookup_without_an_id(provider: AffiliateHlr, answered: MakeResponse) -> None:
    """Without an id the lookup is asked for by our reference, and an answer for another reference is not used."""
    asked = (Tracked(ids=(), to=Msisdn("380505142320"), channel=Channel.HLR, accepted_at=0.0, ref="r1"),)

    found = provider.read_poll(asked, answered({"id": 7, "reference": "r1", "status": "active"}))
    foreign = provider.read_poll(asked, answered({"id": 7, "reference": "r2", "status": "active"}))

    assert provider.poll_request(asked, None).path == "hlr/reference/r1"
    assert [(one.provider_id, one.reference) for one in found.value] == [("reference/r1", "r1")]
    assert (foreign.value, foreign.oddities) == ((), (Oddity.FOREIGN_ID,))


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b"0", b'{"id":"12123"}'])
def test_poll_without_status_is_unavailable(
    body: bytes, provider: AffiliateHlr, answered: MakeResponse, tracked: MakeTracked
) -> None:
    """An answer that holds no status is a failed question, not a result."""
    assert provider.read_poll(tracked(), answered(body)).value.fault == Fault.UNAVAILABLE


def test_poll_ignores_another_lookup(provider: AffiliateHlr, answered: MakeResponse, tracked: MakeTracked) -> None:
    """A result under another id or reference than the one that was asked about is not used."""
    by_id = provider.read_poll(tracked("12123"), answered({"id": "12124", "status": "active"}))
    by_reference = provider.read_poll(
        tracked("reference/r1"), answered({"id": "12124", "reference": "r2", "status": "active"})
    )

    assert () == by_id.value == by_reference.value
    assert (Oddity.FOREIGN_ID,) == by_id.oddities == by_reference.oddities


def test_poll_by_reference_reports_under_the_id_given_out(
    provider: AffiliateHlr, answered: MakeResponse, tracked: MakeTracked
) -> None:
    """The report bears the id of the acceptance, although the answer now tells the provider's own."""
    body = {"id": "12124", "reference": "r1", "msisdn": 380505142320, "status": "active"}

    (report,) = provider.read_poll(tracked("reference/r1"), answered(body)).value

    assert (report.provider_id, report.reference, report.to) == ("reference/r1", "r1", "380505142320")


@pytest.mark.trap("A11")
@pytest.mark.parametrize(
    "callback",
    [
        Callback(method="GET", query=(("ID", "1"), ("Status", "active"))),
        Callback(method="POST", content_type="application/json", body=b'{"Id":1,"STATUS":"active"}'),
        Callback(method="POST", content_type="text/plain", body=b' [{"id":"1","status":"active"}]'),
        Callback(method="POST", content_type="application/json", body=b'{"hlr":{"id":"1","status":"active"}}'),
        Callback(method="POST", content_type="application/x-www-form-urlencoded", body=b"id=1&status=active"),
        Callback(method="POST", query=(("id", "1"), ("status", "active"))),
        Callback(method="POST", query=(("id", "9"), ("status", "ours")), body=b'{"id":1,"status":"active"}'),
        Callback(method="POST", content_type="application/json", body=b'{id:"1",status:"active",}'),
    ],
)
def test_callback_shapes_mean_the_same(callback: Callback, provider: AffiliateHlr) -> None:
    """Query, form and JSON, in any case and wrapped or not, give one and the same report."""
    (report,) = provider.read_callback(callback).value

    assert (report.provider_id, report.lookup.state) == ("1", LookupState.REACHABLE)


def test_repaired_callback_is_marked(provider: AffiliateHlr) -> None:
    """JSON that had to be repaired shows as a lenient reading."""
    assert provider.read_callback(Callback(method="POST", body=b'{id:"1",status:"active",}')).lenient is True


@pytest.mark.trap("A11")
def test_callback_without_id_is_known_by_its_reference(provider: AffiliateHlr) -> None:
    """A callback that tells only our reference still names the lookup."""
    (report,) = provider.read_callback(Callback(method="GET", query=(("reference", "r1"), ("status", "absent")))).value

    assert (report.provider_id, report.reference) == ("reference/r1", "r1")


@pytest.mark.parametrize(
    "callback",
    [
        Callback(method="GET"),
        Callback(method="GET", query=(("id", "1"),)),
        Callback(method="GET", query=(("status", "active"),)),
        Callback(method="GET", query=(("id", "../../create"), ("status", "active"))),
        Callback(method="POST", content_type="multipart/form-data; boundary=x", body=b"id=1&status=active"),
        Callback(method="POST", content_type="application/json", body=b"{"),
    ],
)
def test_callback_that_is_not_recognised_gives_nothing(callback: Callback, provider: AffiliateHlr) -> None:
    """Without an id or reference and a status there is no report."""
    assert provider.read_callback(callback).value == ()


@pytest.mark.trap("A11")
def test_provider_hears_ok(provider: AffiliateHlr) -> None:
    """A callback is answered with 200 and OK, so that it is not repeated."""
    assert Response(status=200, body=b"OK") == provider.callback_reply()
