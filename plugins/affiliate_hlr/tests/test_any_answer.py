"""Whatever a server says, reading never raises and never invents a refusal out of noise."""

from collections.abc import Callable

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.outcome import Unknown
from pointsman.plugin import Batch, Callback, Each, Response, Secret, Tracked, Unreadable, Whole, read_json
from pointsman_affiliate_hlr.provider import build
from pointsman_affiliate_hlr.settings import Settings

MakeBatch = Callable[..., Batch]
MakeTracked = Callable[..., tuple[Tracked, ...]]

QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

KEYS = st.sampled_from(
    [
        "error",
        " errorDescription",
        "result",
        "reference",
        "id",
        "price",
        "currency",
        "status",
        "details",
        "msisdn",
        "network",
        "statusDatetime",
        "ERROR",
        "code",
        "message",
        "mcc",
        "ported",
        "prices",
        "country",
        "errors",
        "our_ref",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["0", "13", "14", "11", "r1", "r2", "active", "sent", "EUR", "0.002", "12123", "380505142320"])
    | st.text(max_size=12)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6))
BODIES = st.binary(max_size=80) | VALUES.map(msgspec.json.encode) | VALUES.map(lambda v: msgspec.json.encode(v)[:-2])
RESPONSES = st.builds(
    lambda status, body, wait: Response(status=status, headers={"retry-after": wait}, body=body),
    st.sampled_from([200, 201, 204, 302, 400, 401, 404, 405, 422, 429, 500, 503]) | st.integers(100, 999),
    BODIES,
    st.sampled_from(["", "3", "soon", "99999999999"]),
)


@QUICK
@given(response=RESPONSES, several=st.booleans())
def test_no_answer_makes_reading_raise(
    response: Response, several: bool, batch_of: MakeBatch, tracked: MakeTracked
) -> None:
    """Every answer is read, with one outcome per message that was sent."""
    provider = build(Settings(api_key=Secret("live_example")))
    batch = batch_of("r1", "r2") if several else batch_of("r1")

    submitted = provider.read_submit(batch, response).value
    findings = provider.read_reconcile(batch, response).value
    provider.read_poll(tracked(), response)
    quotes = provider.read_prices(response).value

    assert not isinstance(quotes, tuple) or all(quote.price.amount.is_finite() for quote in quotes)
    assert not isinstance(submitted, Each) or len(batch.items) == len(submitted.outcomes)
    assert len(batch.items) == len(findings)


@QUICK
@given(
    body=BODIES,
    method=st.sampled_from(["GET", "POST"]),
    content_type=st.sampled_from(["", "application/json", "application/x-www-form-urlencoded"]) | st.text(max_size=9),
    query=st.lists(st.tuples(KEYS | st.text(max_size=9), st.text(max_size=9)), max_size=5),
)
def test_no_callback_makes_reading_raise(
    body: bytes, method: str, content_type: str, query: list[tuple[str, str]]
) -> None:
    """Every callback is read, and its reports all name something and hold a result."""
    provider = build(Settings(api_key=Secret("live_example")))
    callback = Callback(method=method, query=tuple(query), content_type=content_type, body=body)

    reports = provider.read_callback(callback).value

    assert all(report.provider_id and report.lookup is not None for report in reports)


@QUICK
@given(body=st.binary(max_size=200))
def test_noise_after_a_success_is_never_a_refusal(body: bytes, batch_of: MakeBatch) -> None:
    """Bytes that are no JSON leave a lookup unknown."""
    try:
        read_json(body)
    except Unreadable:
        value = build(Settings(api_key=Secret("live_example"))).read_submit(
            batch_of("r1"), Response(status=200, body=body)
        )
        assert isinstance(value.value, Whole)
        assert isinstance(value.value.outcome, Unknown)


def test_deeply_nested_answer_is_unreadable(batch_of: MakeBatch, tracked: MakeTracked) -> None:
    """An answer that is nested too deeply to decode is unreadable like any other."""
    provider = build(Settings(api_key=Secret("live_example")))
    response = Response(status=200, body=b"[" * 100_000)

    assert isinstance(provider.read_submit(batch_of("r1"), response).value.outcome, Unknown)
    assert provider.read_callback(Callback(method="POST", body=response.body)).value == ()
