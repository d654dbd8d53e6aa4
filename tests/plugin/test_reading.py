"""Broken JSON is mended without changing what it says, and a status alone is judged with care."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pointsman.events import Operation
from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import Response
from pointsman.plugin.reading import MAX_RETRY_AFTER, REPAIR_LIMIT, Unreadable, http_verdict, read_json, retry_after

FIXTURES = Path(__file__).parents[1] / "fixtures"
MTS = {"operator": "mMTS", "region": "77", "mnc": "01"}
MEGAFON = {"operator": "mMEGAFON", "region": "77", "mnc": "02"}
NOBODY = {"operator": "", "region": "", "mnc": ""}


def smstele_row(number: str, phone: str, network: Mapping[str, str]) -> dict[str, str]:
    """Return a row of SMStele's answer to a submit."""
    identity = {"id": f"custom-message-id-test-{number}", "phone": phone}
    return {**identity, "status": "-99", "error": "-99", "cnt": "1", **network}


def smstele_status(phone: str, at: str, network: Mapping[str, str]) -> dict[str, str]:
    """Return a row of SMStele's answer to a question for the status."""
    return {
        "id": "custom-message-id-test-22",
        "phone": phone,
        "sender": "REX400.RU",
        "status": "-99",
        "err": "-99",
        "stat": "DELIVRD",
        "type": "1",
        "send_timestamp": at,
        "last_timestamp": at,
        **network,
    }


def devino_in(data: str, sender: str, number: str, at: int) -> dict[str, str]:
    """Return an incoming message at Devino."""
    return {
        "Data": data,
        "SourceAddress": sender,
        "DestinationAddress": "7916000000",
        "ID": number,
        "CreateDateUtc": f"/Date({at})/",
    }


CREATED = {"error": "0", "price": "0.002", "currency": "EUR"}
LITERALS: Mapping[str, tuple[Any, bool]] = {
    "affiliate_batch_dup": (
        {
            "result": [
                {
                    "reference": "extid13423now",
                    "id": "12345",
                    "error": "13",
                    " errorDescription": "HLR already exists",
                },
                {"reference": "extid13425", "id": "12346", **CREATED},
            ],
            "error": "0",
            "totalprice": "0.002",
            "currency": "EUR",
        },
        False,
    ),
    "affiliate_batch_ok": (
        {
            "result": [
                {"reference": "extid13423now", "id": "12345", **CREATED},
                {"reference": "extid13425", "id": "12346", **CREATED},
            ],
            "error": "0",
            "totalprice": "0.004",
            "currency": "EUR",
        },
        False,
    ),
    "affiliate_err14": ({"error": "14", "errorDescription": "Incorrect payload: missing msisdn"}, False),
    "devino_err1": (
        {"Code": 1, "Desc": "MessageID can not be null or empty Parameter name: messageid"},
        True,
    ),
    "devino_err2": ({"Code": 2, "Desc": "Нельзя указывать диапазон дат более 90 дней."}, True),
    "devino_err4_login": ({"Code": 4, "Desc": "Invalid user login or password"}, True),
    "devino_err4_session": ({"Code": 4, "Desc": "SessionID expired"}, True),
    "devino_err6": ({"Code": 6, "Desc": "Invalid source address"}, True),
    "devino_err9": (
        {
            "Code": 9,
            "Desc": "The parameters dictionary contains a null entry for parameter 'maxDateUtc' of non-nullable type "
            "'DateTime' for method 'System.Web.Mvc.ActionResult In(System.String, DateTime, DateTime)' in "
            "'RestService.Controllers.SmsController'. An optional parameter must be a reference type, a nullable type, "
            "or be declared as an optional parameter. Parameter name: parameters",
        },
        True,
    ),
    "devino_hlr_state": (
        [
            {
                "messageId": "703112828852109314",
                "DestinationAddress": "+79001234567",
                "StateCode": 1,
                "StateDesc": "Отправляется",
                "Country": "Россия",
                "MobileOperator": "ОАО Вымпел-Коммуникации(Москва)",
            }
        ],
        True,
    ),
    "devino_in": (
        [
            devino_in("test1", "7926000000", "539187174", 1294045911213),
            devino_in("test2", "7926000001", "539187214", 1294045911353),
        ],
        True,
    ),
    "devino_state255": (
        {
            "State": 255,
            "CreationDateUtc": None,
            "SubmittedDateUtc": None,
            "ReportedDateUtc": None,
            "TimeStampUtc": "/Date(-62135596800000)/",
            "StateDescription": "Неизвестный",
            "Price": None,
        },
        True,
    ),
    "devino_stats": (
        {
            "Sent": 9,
            "Delivered": 0,
            "Errors": 0,
            "InProcess": 7780,
            "Expired": 0,
            "Rejected": 56876,
            "Total": 64665,
            "TotalWithErrors": 64665,
            "DeliveryRatio": 0,
        },
        False,
    ),
    "smstele_err22": ({"error": "-22", "description": "No password"}, False),
    "smstele_err24": ({"error": "-24", "description": "Missing attribute: 'phones'"}, False),
    "smstele_err25": ({"error": "-25", "description": "Invalid attribute: 'phones='"}, False),
    "smstele_err35": (
        {
            "error": "-35",
            "description": "Invalid attribute: "
            "'id=custom-message-id-test-11-too-long-1234567890abcdefghijklmnopqrstuvwxyz'",
        },
        False,
    ),
    "smstele_send1": (
        {"id": "custom-message-id-test-21", "cnt": "1", "messages": [smstele_row("21", "79160001234", MTS)]},
        False,
    ),
    "smstele_send2": (
        {
            "id": "custom-message-id-test-22",
            "cnt": "2",
            "messages": [
                smstele_row("22", "79160001234", MTS),
                smstele_row("22", "79072233645", NOBODY),
                smstele_row("22", "79676771707", NOBODY),
                smstele_row("22", "79260004567", MEGAFON),
            ],
        },
        True,
    ),
    "smstele_status": (
        {
            "results": [
                smstele_status("79160001234", "2018-06-04 18:41:09+03", MTS),
                smstele_status("79260004567", "2018-06-04 18:41:10+03", MEGAFON),
            ]
        },
        True,
    ),
}
"""What the literal answers of the providers' documents say, and whether they have to be mended."""
REQUESTS = ("affiliate_batch_req", "affiliate_single_req")
"""Literal samples of requests, whose damage no rule of the repair is meant for."""


@pytest.mark.trap("D06", "D28", "H04")
@pytest.mark.parametrize("name", LITERALS)
def test_literal_answers_are_read(name: str) -> None:
    """Each answer of the documents is read as it was meant, key by key and value by value."""
    value, lenient = read_json((FIXTURES / f"{name}_literal.txt").read_bytes())

    assert value == LITERALS[name][0]
    assert list(map(str, value)) == list(map(str, LITERALS[name][0]))
    assert lenient is LITERALS[name][1]


@pytest.mark.parametrize("name", REQUESTS)
def test_literal_requests_are_not_guessed_at(name: str) -> None:
    """The broken samples of requests are refused rather than read as something that they do not say."""
    with pytest.raises(Unreadable):
        read_json((FIXTURES / f"{name}_literal.txt").read_bytes())


def test_every_literal_is_tested() -> None:
    """No literal is missing from these tests, and there are 22."""
    names = {path.name.removesuffix("_literal.txt") for path in FIXTURES.glob("*_literal.txt")}

    assert names == {*LITERALS, *REQUESTS}
    assert len(names) == 22


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


@given(ANY_JSON, st.booleans(), st.sampled_from([None, 0, 2]), st.sampled_from(["", "\n", "  \r\n"]))
@settings(max_examples=150, deadline=None)
def test_valid_json_is_never_changed(value: Any, ascii_only: bool, indent: int | None, around: str) -> None:
    """Whatever is JSON is read as it is and not as repaired, however odd its keys and texts are."""
    text = around + json.dumps(value, ensure_ascii=ascii_only, indent=indent) + around

    assert read_json(text.encode()) == (value, False)


VALID_BUT_ODD = [
    ('{"a b": 1}', {"a b": 1}),
    ('{"d": "\\/Date(1294045911213)\\/"}', {"d": "/Date(1294045911213)/"}),
    ('"Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"', "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"),
    ('["579700854169272358"]', ["579700854169272358"]),
    ("579700854169272358123456789", 579700854169272358123456789),
    ('{"a": "{b: 1,}"}', {"a": "{b: 1,}"}),
    ('{"a": "x,\\"b\\": 2"}', {"a": 'x,"b": 2'}),
    ('{"a": 1, "a": 2}', {"a": 2}),
]


@pytest.mark.parametrize(("text", "value"), VALID_BUT_ODD)
def test_what_looks_damaged_may_be_whole(text: str, value: Any) -> None:
    """Valid JSON that resembles a kind of damage stays as it is."""
    assert read_json(text.encode()) == (value, False)


# -- damage ----------------------------------------------------------------------------------------------------------

PLAIN = st.text(st.characters(codec="utf-8", exclude_characters='"\\', exclude_categories=["Cc", "Cs"]), max_size=10)
TRICKY = st.sampled_from(
    ["a,", "b{", "[", "}", "x: 1", "{k: 2,}", ",}", "ab cd", " lead", "//", "a\tb", 'say "no"', "\\"]
)
VALUES = st.none() | st.booleans() | st.integers(-(10**12), 10**18) | st.just(2.5) | PLAIN | TRICKY
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,7}", fullmatch=True)
ANSWERS = st.dictionaries(
    KEYS,
    VALUES
    | st.lists(VALUES, max_size=3)
    | st.dictionaries(KEYS, VALUES, max_size=3)
    | st.lists(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), max_size=3),
    min_size=1,
    max_size=5,
)
"""What answers of providers look like."""
FLAT = st.dictionaries(KEYS, st.none() | st.integers(0, 10**6) | PLAIN, min_size=2, max_size=5)

Pick = Callable[[], bool]
"""Says of each place that could be damaged whether it is."""


def lines_of(value: Any) -> list[str]:
    """Write an answer as documents do, one member a line."""
    return json.dumps(value, indent=1, ensure_ascii=False).split("\n")


def is_key(line: str) -> bool:
    """Say whether a line begins with a key."""
    return re.match(r'\s*"\w+": ', line) is not None


def bare_keys(value: Any, pick: Pick) -> str:
    """Keys without quotes."""
    return "\n".join(re.sub(r'^(\s*)"(\w+)": ', r"\1\2: ", line) if pick() else line for line in lines_of(value))


def missing_commas(value: Any, pick: Pick) -> str:
    """No comma at the end of a line, before a key."""
    lines = lines_of(value)
    for place in range(len(lines) - 1):
        if lines[place].endswith(",") and is_key(lines[place + 1]) and pick():
            lines[place] = lines[place][:-1]
    return "\n".join(lines)


def trailing_commas(value: Any, pick: Pick) -> str:
    """A comma after the last member."""
    lines = lines_of(value)
    for place in range(len(lines) - 1):
        last = lines[place + 1].strip().rstrip(",") in {"}", "]"}
        if last and not lines[place].endswith(("{", "[")) and pick():
            lines[place] += ","
    return "\n".join(lines)


def lost_brackets(value: Any, pick: Pick) -> str:
    """The end of the answer cut off, brackets only."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    while text.endswith(("}", "]")) and pick():
        text = text[:-1].rstrip()
    return text


def lines_of_a_quote(value: Any, pick: Pick) -> str:
    """A line that holds nothing but a quote, as where a page of the document ends."""
    lines = lines_of(value)
    for place in range(len(lines) - 1):
        if lines[place].endswith((",", "{", "[")) and lines[place + 1].lstrip().startswith('"') and pick():
            lines[place] += '\n"\n\n\n'
    return "\n".join(lines)


def blanks_in_keys(value: Any, pick: Pick) -> str:
    """A blank within a key; by itself that is valid, so a comma at the end breaks the answer."""
    lines = [
        re.sub(r'^(\s*"\w+?)(\w": )', r"\1 \2", line) if is_key(line) and pick() else line for line in lines_of(value)
    ]
    return "\n".join([*lines[:-1], ",", lines[-1]])


DAMAGE = [bare_keys, missing_commas, trailing_commas, lost_brackets, lines_of_a_quote, blanks_in_keys]


@pytest.mark.parametrize("damage", DAMAGE)
@given(value=ANSWERS, data=st.data())
@settings(max_examples=60, deadline=None)
def test_damage_is_mended(damage: Callable[[Any, Pick], str], value: Any, data: st.DataObject) -> None:
    """An answer that is damaged in a known way, at any places, says what it said before, and is marked."""
    text = damage(value, lambda: data.draw(st.booleans()))
    whole = text == json.dumps(value, indent=1, ensure_ascii=False)

    assert read_json(text.encode()) == (value, not whole)


@given(FLAT, st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_stray_escapes_are_mended(value: dict[str, Any], start: int) -> None:
    """From some quote before a key on, every quote is escaped, as if the rest were a string within a string."""
    text = json.dumps(value, ensure_ascii=False)
    keys = [match.start() for match in re.finditer(r'(?<=[{ ])"\w+": ', text)]
    at = keys[start % len(keys)]
    damaged = text[:at] + text[at:].replace('"', '\\"')
    assume(not any(isinstance(one, str) and '", "' in one for one in value.values()))

    assert read_json(damaged.encode()) == (value, True)


@pytest.mark.trap("D29")
@given(FLAT, st.lists(st.integers(-(10**14), 10**14), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("form", ["\\Date({})\\\\", "\\Date({})\\", "\\/Date({})\\/", "/Date({})/"])
def test_dates_are_mended(form: str, value: dict[str, Any], moments: list[int]) -> None:
    """Dates as the documents print them are read as the service writes them."""
    dates = {f"Date{place}Utc": f"/Date({moment})/" for place, moment in enumerate(moments)}
    text = json.dumps({**value, **dates}, ensure_ascii=False)
    for moment in moments:
        text = text.replace(f'"/Date({moment})/"', '"' + form.format(moment) + '"')

    assert read_json(text.encode())[0] == {**value, **dates}


MENDED = [
    pytest.param('{Code: 4, Desc: "he said,\\"no\\""}', {"Code": 4, "Desc": 'he said,"no"'}, id="escapes in a string"),
    pytest.param('\ufeff{"Code":9,"Desc":"x"}', {"Code": 9, "Desc": "x"}, id="byte order mark"),
    pytest.param('{"a": {"b": 1}\n"c": 2}', {"a": {"b": 1}, "c": 2}, id="no comma after a bracket"),
    pytest.param('{"a": [], \n "b": [1\n', {"a": [], "b": [1]}, id="open brackets of both kinds"),
    pytest.param('{Code : "5" , Desc:null,}', {"Code": "5", "Desc": None}, id="several kinds at once"),
    pytest.param('{"d": "Date(5)",}', {"d": "Date(5)"}, id="a text that is no date"),
]


@pytest.mark.parametrize(("text", "value"), MENDED)
def test_particular_damage_is_mended(text: str, value: Any) -> None:
    """Answers that once were read wrongly, or that combine several kinds of damage."""
    assert read_json(text.encode()) == (value, True)


NOT_MENDED = [
    b"",
    b"   ",
    b"<html><body>502 Bad Gateway</body></html>",
    b"OK",
    b"{'Code': 4}",
    b'{"a": "cut off in a str',
    b'{"a": 1]',
    b'{"a" 1}',
    b'{"a": 1} {"b": 2}',
    b'{"a": tru',
    b"\xff\xfe{\x00",
    b'"\\ud800"',
    b"1e400",
]


@pytest.mark.parametrize("body", NOT_MENDED)
def test_other_damage_is_not_guessed_at(body: bytes) -> None:
    """What is damaged in another way is refused: a guess might move a value into another field."""
    with pytest.raises(Unreadable):
        read_json(body)


@given(st.binary(max_size=60) | st.text('{}[]":,\\/ \n\tabDate(1)-.ntrue\ufeff', max_size=80).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_nothing_but_unreadable_is_raised(body: bytes) -> None:
    """Whatever the bytes, they are read or refused."""
    with contextlib.suppress(Unreadable):
        _, lenient = read_json(body)

        assert isinstance(lenient, bool)


HOSTILE = {
    "quotes": b"{" + b'"' * REPAIR_LIMIT,
    "escaped quotes": b'{"' + b'\\"' * REPAIR_LIMIT,
    "escaped quotes and half of one": b'{ "' + b'\\"' * REPAIR_LIMIT,
    "brackets": b"[" * REPAIR_LIMIT,
    "braces": b"{" * REPAIR_LIMIT,
    "commas": b"{" + b", " * REPAIR_LIMIT,
    "blanks": b"{," + b" " * REPAIR_LIMIT,
    "lines": b'{,"' + b"\n" * REPAIR_LIMIT,
    "letters": b"{" + b"a" * REPAIR_LIMIT,
    "digits": b'{"a":' + b"1" * REPAIR_LIMIT,
    "keys": b"{" + b'"a" : "b" ' * REPAIR_LIMIT,
    "bare keys": b"{" + b"a:" * REPAIR_LIMIT,
    "dates": b'{"\\Date(' * REPAIR_LIMIT,
    "backslashes": b"{" + b"\\" * REPAIR_LIMIT,
    "key blanks": b'{"a' + b" " * REPAIR_LIMIT,
    "closers": b'{"a":' + b"}" * REPAIR_LIMIT,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("end", [b"", b"\\", b'"', b'":1'], ids=["plain", "backslash", "quote", "key"])
def test_hostile_answers_take_time_in_proportion(name: str, end: bytes) -> None:
    """No answer makes the repair take more than a moment, and twice the length about twice the time at most."""
    body = HOSTILE[name]

    def seconds(size: int) -> float:
        started = time.process_time()
        with contextlib.suppress(Unreadable):
            read_json(body[: size - len(end)] + end)
        return time.process_time() - started

    small, large = seconds(4_000), seconds(16_000)
    assert large < max(0.1, small * 16)


def test_a_long_answer_is_not_repaired() -> None:
    """What is too long to be an answer is refused before anything is tried; a long valid one is read."""
    long = b'"' + b"x" * REPAIR_LIMIT + b'"'

    assert read_json(long) == ("x" * REPAIR_LIMIT, False)
    with pytest.raises(Unreadable, match="too long"):
        read_json(b"{Code:1," + long[:-1])


@pytest.mark.parametrize("unit", [b"[", b'{"a":', b"{a:"])
def test_deep_nesting_is_refused(unit: bytes) -> None:
    """A tower of brackets raises what every unreadable answer raises."""
    with pytest.raises(Unreadable):
        read_json(unit * 20_000)


# -- HTTP status -----------------------------------------------------------------------------------------------------

GATEWAY = Unknown(reason=UnknownReason.GATEWAY)
VERDICTS = {
    200: None,
    201: None,
    204: None,
    302: Fault.REQUEST,
    400: Fault.REQUEST,
    401: Fault.CREDENTIALS,
    402: Fault.CREDITS,
    403: Fault.FORBIDDEN,
    404: Fault.REQUEST,
    405: Fault.REQUEST,
    413: Fault.LIMIT,
    414: Fault.LIMIT,
    422: Fault.REQUEST,
    429: Fault.THROTTLED,
    431: Fault.LIMIT,
    500: GATEWAY,
    502: GATEWAY,
    503: Fault.UNAVAILABLE,
    504: GATEWAY,
    520: GATEWAY,
}
"""After a submit: nothing, a refusal, or that nobody knows."""


@pytest.mark.parametrize("status", VERDICTS)
def test_a_bare_status_after_a_submit(status: int) -> None:
    """Only a status that means "not processed" is a refusal; a proxy's error may hide a message that was taken."""
    verdict = http_verdict(Response(status=status), Operation.SUBMIT)
    expected, code = VERDICTS[status], f"http_{status}"

    match expected:
        case None:
            assert verdict is None
        case Fault():
            assert verdict == Refused(fault=expected, code=code)
        case Unknown():
            assert verdict == Unknown(reason=expected.reason, code=code)


@pytest.mark.parametrize("operation", [operation for operation in Operation if operation is not Operation.SUBMIT])
@pytest.mark.parametrize("status", VERDICTS)
def test_a_bare_status_after_a_question(operation: Operation, status: int) -> None:
    """A question is never in doubt: what hides a message after a submit only means "later" here."""
    verdict = http_verdict(Response(status=status), operation)
    expected = VERDICTS[status]
    fault = Fault.UNAVAILABLE if isinstance(expected, Unknown) else expected

    assert verdict == (None if fault is None else Refused(fault=fault, code=f"http_{status}"))


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_means_too_fast(status: int) -> None:
    """With the seconds to wait, "too many" and "unavailable" both ask for less speed."""
    response = Response(status=status, headers={"retry-after": "3"})

    assert http_verdict(response, Operation.SUBMIT) == Refused(
        fault=Fault.THROTTLED, code=f"http_{status}", retry_after=3.0
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 5000, MAX_RETRY_AFTER),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
    ids=["zero", "blanks", "endless", "empty", "negative", "fraction", "other digits", "date"],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    """Whole seconds count, up to an hour; anything else counts as not given."""
    assert retry_after(Response(status=429, headers={"retry-after": text})) == seconds
    assert retry_after(Response(status=429)) is None
