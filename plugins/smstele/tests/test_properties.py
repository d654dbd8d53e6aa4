"""Whatever a server says, reading it ends in a value."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.outcome import Accepted, Refused
from pointsman.plugin import Absent, Each, Response, Whole

KEYS = [
    "id",
    "cnt",
    "messages",
    "results",
    "error",
    "err",
    "phone",
    "operator",
    "mnc",
    "stat",
    "last_timestamp",
    "Error ",
]
SCALARS = st.sampled_from(
    ["", "1", "-1", "-25", "-99", "79160001234", "mMTS", "01", "DELIVRD", "2018-06-04 18:41:09+03"]
)
ANY = SCALARS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
NESTED = st.recursive(
    ANY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(KEYS), ANY, max_size=8), max_size=4)
LIKELY = st.fixed_dictionaries({}, optional={"messages": ROWS, "results": ROWS, "cnt": ANY, "error": ANY, "id": ANY})
BODIES = st.binary(max_size=200) | (NESTED | LIKELY).map(lambda value: json.dumps(value).encode())
STATUSES = st.sampled_from([200, 204, 301, 400, 401, 404, 429, 500, 502, 503])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, cut=st.integers(0, 400), status=STATUSES)
def test_reading_never_raises(provider, batch, tracked, body, cut, status):
    """Any bytes, whole or cut, give one outcome per message, and both lists have its length."""
    response = Response(status=status, body=body[: cut or None])
    sent = batch("79160001234", "79260004567")

    submitted = provider.read_submit(sent, response).value
    provider.read_poll(tracked(), response)
    reconciled = provider.read_reconcile(sent, response).value

    if isinstance(submitted, Each):
        assert len(submitted.outcomes) == 2
    assert isinstance(reconciled, Refused) or len(reconciled) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"messages":' * 5_000,
        b'{"error":' + b"9" * 5_000 + b"}",
        b"\xff\xfe{",
        b'{"error":"\xff"}',
        b"null",
    ],
)
def test_hostile_bodies_are_unknown(provider, batch, tracked, body):
    """Depth, length and broken encodings are survived like any other nonsense."""
    response = Response(status=200, body=body)

    assert isinstance(provider.read_submit(batch(), response).value, Whole)
    assert isinstance(provider.read_poll(tracked(), response).value, Refused)
    assert not any(isinstance(found, Accepted | Absent) for found in provider.read_reconcile(batch(), response).value)


@pytest.mark.trap("S12")
def test_an_answer_that_cannot_be_read_is_never_a_refusal(provider, batch):
    """Every proper beginning of a good answer leaves the message open or accepted, never refused."""
    row = {"id": "x", "phone": "79160001234", "error": "-99", "cnt": "1", "operator": "mMTS", "mnc": "01"}
    whole = json.dumps({"cnt": "1", "messages": [row]}).encode()
    sent = batch("79160001234", ref="x")

    values = [provider.read_submit(sent, Response(status=200, body=whole[:end])).value for end in range(len(whole))]

    outcomes = [value.outcome if isinstance(value, Whole) else value.outcomes[0] for value in values]
    assert not [outcome for outcome in outcomes if isinstance(outcome, Refused)]
