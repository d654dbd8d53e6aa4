"""Which messages of a batch were taken, by the operator and the two kinds of `cnt`."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from pointsman.message import Channel, Network, NetworkSource
from pointsman.outcome import Accepted, Fault, Refused, Unknown, outcome_label
from pointsman.plugin import Each, Oddity, Response

FIXTURES = Path(__file__).parent / "fixtures"
REF = "01jx7y6k8m9n0p1q2r3s4t5v6w"
FOUR = ("79160001234", "79072233645", "79676771707", "79260004567")


def answer(count: object, rows: Sequence[dict[str, object]]) -> Response:
    """A success as the server writes it."""
    return Response(status=200, body=json.dumps({"id": REF, "cnt": count, "messages": rows}).encode())


def row(phone: str, operator: str = "mMTS", mnc: str = "01", cnt: object = "1", **more: object) -> dict[str, object]:
    """A row as the server writes it."""
    return {
        "id": REF,
        "phone": phone,
        "status": "-99",
        "error": "-99",
        "cnt": cnt,
        "operator": operator,
        "mnc": mnc,
    } | more


def labels(reading) -> str:
    """The outcomes as one letter each: accepted, refused, unknown."""
    assert isinstance(reading.value, Each)
    return "".join(outcome_label(outcome)[0] for outcome in reading.value.outcomes)


@pytest.mark.trap("S10")
def test_the_first_literal_example_is_accepted(provider, batch):
    """−99 everywhere and yet it went well: the operator says so."""
    body = (FIXTURES / "smstele_send1_literal.txt").read_bytes()
    sent = batch(FOUR[0], ref="custom-message-id-test-21")

    reading = provider.read_submit(sent, Response(status=200, body=body))

    expected = Accepted(
        ids=("custom-message-id-test-21/79160001234",),
        segments=1,
        network=Network(country="RU", mccmnc="25001", source=NetworkSource.RANGE),
    )
    assert (Each((expected,)), False, ()) == (reading.value, reading.lenient, reading.oddities)


@pytest.mark.trap("S08", "S12")
def test_the_second_literal_example_has_two_bad_numbers(provider, batch):
    """Broken JSON is repaired, counted as such, and the two numbers without an operator are refused softly."""
    body = (FIXTURES / "smstele_send2_literal.txt").read_bytes()
    sent = batch(*FOUR, ref="custom-message-id-test-22")

    reading = provider.read_submit(sent, Response(status=200, body=body))

    bad = Refused(fault=Fault.RECIPIENT, detail="not in the provider's number plan")
    assert reading.lenient
    assert labels(reading) == "arra"
    assert (bad, bad) == reading.value.outcomes[1:3]


GOOD, BAD = "mMTS", ""


@pytest.mark.trap("S08", "S09")
@pytest.mark.parametrize(
    ("operators", "parts", "count", "expected"),
    [
        pytest.param([GOOD], 1, "1", "a", id="one good number"),
        pytest.param([BAD], 1, "1", "a", id="one foreign number, counted"),
        pytest.param([BAD], 1, "0", "r", id="one number, not counted"),
        pytest.param([BAD], 3, "3", "a", id="one foreign number in three parts, parts counted"),
        pytest.param([GOOD], 3, "3", "a", id="one number in three parts, parts counted"),
        pytest.param([GOOD], 3, "1", "a", id="one number in three parts, recipients counted"),
        pytest.param([GOOD, BAD, BAD, GOOD], 1, "2", "arra", id="the document's second example"),
        pytest.param([GOOD, BAD, BAD, GOOD], 1, 2, "arra", id="the same with numbers for texts"),
        pytest.param([GOOD, BAD, BAD, GOOD], 1, "4", "aaaa", id="all counted"),
        pytest.param([GOOD, BAD, BAD, GOOD], 1, "3", "auua", id="a count that fits nothing"),
        pytest.param([GOOD, BAD, BAD, GOOD], 1, "", "auua", id="no count"),
        pytest.param([GOOD, BAD, BAD, GOOD], 3, "6", "arra", id="the parts of the good ones counted"),
        pytest.param([GOOD, BAD, BAD, GOOD], 3, "12", "aaaa", id="all parts counted"),
        pytest.param([GOOD, BAD, BAD, GOOD], 2, "4", "auua", id="parts of the good ones or all recipients: open"),
        pytest.param(
            [GOOD, BAD, BAD], 2, "2", "auu", id="parts of the good one, or a foreign number and not the other"
        ),
        pytest.param([GOOD, GOOD], 1, "7", "aa", id="known operators outweigh a strange count"),
    ],
)
def test_the_count_tells_what_an_empty_operator_means(provider, batch, operators, parts, count, expected):
    """Both readings of the outer count are tried; where they do not decide, nobody pretends to know."""
    phones = [f"7916000123{number}" for number in range(len(operators))]
    rows = [row(phone, operator, cnt=str(parts)) for phone, operator in zip(phones, operators, strict=True)]

    assert expected == labels(provider.read_submit(batch(*phones, parts=parts), answer(count, rows)))


def test_rows_are_matched_by_number_not_by_place(provider, batch):
    """The order of the answer is not promised."""
    rows = [row(phone, mnc=mnc) for phone, mnc in zip(reversed(FOUR), ("02", "20", "99", "01"), strict=True)]

    reading = provider.read_submit(batch(*FOUR), answer("4", rows))

    assert [outcome.network.mccmnc for outcome in reading.value.outcomes] == ["25001", "25099", "25020", "25002"]
    assert [(f"{REF}/{phone}",) for phone in FOUR] == [outcome.ids for outcome in reading.value.outcomes]


@pytest.mark.trap("S24")
def test_a_number_that_is_not_listed_is_unknown(provider, batch):
    """Silence about a number is no refusal."""
    reading = provider.read_submit(batch(*FOUR[:2]), answer("1", [row(FOUR[0]), {}]))

    assert labels(reading) == "au"
    assert isinstance(reading.value.outcomes[1], Unknown)


@pytest.mark.trap("S31")
@pytest.mark.parametrize(
    ("stranger", "oddity"),
    [
        (row("79990000000"), Oddity.WRONG_NUMBER),
        (row(FOUR[0], id="another-id"), Oddity.FOREIGN_ID),
    ],
)
def test_rows_about_something_else_are_not_used(provider, batch, stranger, oddity):
    """They neither settle a message nor take part in the count."""
    reading = provider.read_submit(batch(*FOUR[:2]), answer("1", [stranger, row(FOUR[1])]))

    assert ("ua", (oddity,)) == (labels(reading), reading.oddities)


@pytest.mark.parametrize(
    ("cnt", "segments"), [("1", 1), ("3", 3), ("255", 255), ("0", None), ("256", None), ("", None), (None, None)]
)
def test_the_parts_are_taken_over_when_they_can_be_true(provider, batch, cnt, segments):
    """An SMS has 1 to 255 parts."""
    reading = provider.read_submit(batch(FOUR[0]), answer("1", [row(FOUR[0], cnt=cnt)]))

    assert segments == reading.value.outcomes[0].segments


def test_a_lookup_is_accepted_without_parts(provider, batch):
    """The answer to a lookup is read like that to a message; it has no text to cut."""
    reading = provider.read_submit(batch(FOUR[0], channel=Channel.HLR), answer("1", [row(FOUR[0])]))

    assert (f"{REF}/{FOUR[0]}",) == reading.value.outcomes[0].ids
    assert reading.value.outcomes[0].segments is None


@pytest.mark.trap("S25")
@pytest.mark.parametrize(("mnc", "mccmnc"), [("01", "25001"), ("99", "25099")])
def test_the_code_of_a_russian_network_gets_its_country(provider, batch, mnc, mccmnc):
    """`mnc` comes without a country and keeps its leading zero."""
    reading = provider.read_submit(batch(FOUR[0]), answer("1", [row(FOUR[0], mnc=mnc)]))

    assert mccmnc == reading.value.outcomes[0].network.mccmnc


@pytest.mark.trap("S25")
@pytest.mark.parametrize(("phone", "mnc"), [(FOUR[0], ""), ("85267202829", "01")])
def test_a_code_whose_country_is_not_known_names_no_network(provider, batch, phone, mnc):
    """250 is put before the codes of +7 numbers only."""
    reading = provider.read_submit(batch(phone), answer("1", [row(phone, mnc=mnc)]))

    assert reading.value.outcomes[0].network is None


@pytest.mark.trap("S10")
@pytest.mark.parametrize("code", ["0", "-99"])
def test_no_error_beside_messages_leaves_it_to_the_messages(provider, batch, code):
    """Codes that say nothing do not turn a success into anything else."""
    body = json.dumps({"error": code, "cnt": "1", "messages": [row(FOUR[0])]}).encode()

    assert labels(provider.read_submit(batch(FOUR[0]), Response(status=200, body=body))) == "a"
