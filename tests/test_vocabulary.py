"""The vocabulary: secrets stay secret, money is exact, identifiers sort, and every outcome has its word."""

import copy
import json
import logging
import traceback
from datetime import timedelta
from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.clock import as_utc
from pointsman.engine.ids import ID_LENGTH, Ids
from pointsman.errors import ConfigError, InvalidMessage, PluginError, Problem
from pointsman.message import (
    Alphabet,
    Channel,
    Envelope,
    HlrLookup,
    Message,
    MessageClass,
    Money,
    Msisdn,
    Network,
    Segments,
    Sms,
    Viber,
    channel_of,
)
from pointsman.outcome import (
    Accepted,
    Attempt,
    Fault,
    Outcome,
    Receipt,
    Refused,
    State,
    Unknown,
    UnknownReason,
    outcome_label,
)
from pointsman.plugin import Form, Request, Session
from pointsman.secret import Secret

PASSWORD = "not-a-real-password"


# -- secrets ---------------------------------------------------------------------------------------------------------


def shown(secret: Secret) -> list[str]:
    """Return the secret in every way in which it may end in a line of text."""
    form = Form((("psw", secret),))
    session = Session(token=secret, valid_for=timedelta(minutes=1))
    request = Request(
        method="POST", path="/send", query=(("psw", secret),), headers=(("X-API-KEY", secret),), body=form
    )
    record = logging.LogRecord("x", logging.INFO, "x", 1, "login %s %r", (secret, secret), None)
    trace = "".join(traceback.format_exception(PluginError("p", f"with {secret}")))
    return [
        *(repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret!s}", format(secret)),
        *(repr([secret]), repr({secret: secret}), repr(form), repr(session), repr(request)),
        *(str(msgspec.structs.asdict(session)), str(copy.copy(secret)), str(copy.deepcopy(secret))),
        *(record.getMessage(), trace),
    ]


def test_a_secret_does_not_show() -> None:
    """In no text that is made of it, or of what holds it, does a secret or a part of it appear."""
    texts = shown(Secret(PASSWORD))

    assert [text for text in texts if PASSWORD in text or PASSWORD[:6] in text] == []
    assert all("***" in text for text in texts)


def test_a_secret_does_not_tell_its_length() -> None:
    """A short secret and a long one look alike."""
    assert shown(Secret("x")) == shown(Secret("x" * 500))


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode, json.dumps, msgspec.to_builtins])
def test_a_secret_cannot_be_encoded(encode: object) -> None:
    """Whoever tries to write a secret into JSON or MessagePack gets an error that does not hold it."""
    assert callable(encode)
    for value in (Secret(PASSWORD), {"password": Secret(PASSWORD)}):
        with pytest.raises(TypeError) as caught:
            encode(value)
        assert PASSWORD not in str(caught.value)


def test_a_secret_has_no_attributes_to_print() -> None:
    """Neither its dictionary, for it has none, nor a format of one's own gives a secret away."""
    assert not hasattr(Secret(PASSWORD), "__dict__")
    with pytest.raises(TypeError) as caught:
        format(Secret(PASSWORD), ">40")
    assert PASSWORD not in str(caught.value)


def test_secrets_compare_by_their_text() -> None:
    """Equal texts are equal secrets, so that a configuration can be compared; a text is not its secret."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert hash(Secret("a")) != hash("a")
    assert (bool(Secret("a")), bool(Secret(""))) == (True, False)
    assert Secret(PASSWORD).reveal() == PASSWORD


# -- messages --------------------------------------------------------------------------------------------------------

MESSAGES: list[tuple[Message, Channel]] = [
    (Sms(to="79161234567", text="x"), Channel.SMS),
    (Viber(to="79161234567", text="x"), Channel.VIBER),
    (HlrLookup(to="79161234567"), Channel.HLR),
]


@pytest.mark.parametrize(("message", "channel"), MESSAGES)
def test_a_message_knows_its_channel(message: Message, channel: Channel) -> None:
    """The type of a message is its channel, in the code and on the wire."""
    encoded = msgspec.json.encode(message)

    assert channel_of(message) is channel
    assert json.loads(encoded) == {**json.loads(encoded), "channel": channel.value}
    assert msgspec.json.decode(encoded, type=Message) == message


def test_what_is_left_out_has_its_default() -> None:
    """A message needs only what it cannot do without; its class is called `class` on the wire."""
    minimal = b'{"channel": "sms", "to": "7", "text": "x", "class": "otp", "ttl": "PT90S"}'
    sms = msgspec.json.decode(minimal, type=Message)

    assert sms == Sms(to="7", text="x", message_class=MessageClass.OTP, ttl=timedelta(seconds=90))
    assert Sms(to="7", text="x").message_class is MessageClass.TRANSACTIONAL


@pytest.mark.parametrize(
    "text",
    [
        b'{"channel": "sms", "to": "7", "text": "x", "sneder": "SHOP"}',
        b'{"channel": "fax", "to": "7", "text": "x"}',
        b'{"to": "7", "text": "x"}',
        b'{"channel": "sms", "to": "7"}',
        b'{"channel": "sms", "to": 7, "text": "x"}',
        b'{"channel": "hlr", "to": "7", "text": "x"}',
    ],
    ids=["unknown key", "unknown channel", "no channel", "no text", "number as a number", "text of a look-up"],
)
def test_other_messages_are_refused(text: bytes) -> None:
    """A message with a wrong, a missing or an unknown part is not half understood."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Message)


def envelope(segments: Segments | None, channel: Channel = Channel.SMS) -> Envelope:
    """Return an envelope of so many segments."""
    return Envelope(
        id="m",
        message=MESSAGES[0][0],
        channel=channel,
        to=Msisdn("79161234567"),
        network=Network(),
        segments=segments,
        accepted_at=0.0,
        deadline=1.0,
    )


THREE = Segments(Alphabet.UCS2, 140, 3)


@pytest.mark.parametrize(
    ("segments", "channel", "parts"), [(None, Channel.HLR, 1), (THREE, Channel.SMS, 3), (THREE, Channel.VIBER, 1)]
)
def test_what_a_message_counts_as(segments: Segments | None, channel: Channel, parts: int) -> None:
    """An SMS counts as its segments; a Viber message is one, however long it is, and so is a lookup."""
    assert envelope(segments, channel).parts == parts


def test_values_cannot_be_changed() -> None:
    """What is decided upon stays as it was when it was decided."""
    for value, field in ((MESSAGES[0][0], "to"), (Money(Decimal(1), "EUR"), "amount"), (envelope(None), "deadline")):
        with pytest.raises(AttributeError):
            setattr(value, field, "x")


def test_money_is_exact() -> None:
    """An amount keeps every digit that it had, on its way through JSON as well."""
    money = Money(Decimal("0.10"), "EUR")

    assert str(money) == "0.10 EUR"
    assert msgspec.json.decode(msgspec.json.encode(money), type=Money) == money
    assert str(msgspec.json.decode(msgspec.json.encode(money), type=Money)) == "0.10 EUR"
    assert Money(Decimal("0.1"), "EUR") == money
    assert Money(Decimal("0.1"), "RUB") != money


# -- outcomes --------------------------------------------------------------------------------------------------------

OUTCOMES: list[tuple[Outcome, str]] = [
    (Accepted(ids=("1",)), "accepted"),
    (Refused(fault=Fault.CONTENT), "refused"),
    (Unknown(reason=UnknownReason.TIMEOUT), "unknown"),
]


@pytest.mark.parametrize(("outcome", "label"), OUTCOMES)
def test_outcomes_have_labels(outcome: Outcome, label: str) -> None:
    """The word for an outcome in metrics is also its tag where it is written down."""
    assert outcome_label(outcome) == label
    assert json.loads(msgspec.json.encode(outcome))["type"] == label
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome


def attempt(number: int, provider: str, outcome: Outcome) -> Attempt:
    """Return an attempt with this outcome."""
    return Attempt(
        number=number,
        provider=provider,
        ref="r",
        calls=1,
        outcome=outcome,
        started_at=0.0,
        duration=0.0,
        decision_id="d",
    )


@pytest.mark.parametrize(
    ("outcomes", "provider"),
    [
        pytest.param([], None, id="no attempt"),
        pytest.param([1, 2], None, id="nobody took it"),
        pytest.param([1, 0], "p1", id="the second took it"),
        pytest.param([0, 0], "p1", id="two took it"),
        pytest.param([0, 1], "p0", id="an earlier one took it"),
    ],
)
def test_a_receipt_names_who_has_the_message(outcomes: list[int], provider: str | None) -> None:
    """The provider of a receipt is the last one that took the message."""
    receipt = Receipt(
        id="m",
        channel=Channel.SMS,
        message_class=MessageClass.OTP,
        to=Msisdn("79161234567"),
        network=Network(),
        segments=None,
        state=State.SENT,
        attempts=tuple(attempt(place + 1, f"p{place}", OUTCOMES[kind][0]) for place, kind in enumerate(outcomes)),
        accepted_at=0.0,
        updated_at=0.0,
    )

    assert receipt.provider == provider


# -- errors ----------------------------------------------------------------------------------------------------------


def test_errors_say_where_and_what() -> None:
    """An error of the configuration names file, line, key and remedy; one of a message names its field."""
    whole = Problem(file="router.toml", line=3, key="providers.a.flor", message="unknown key", suggestion="floor?")
    bare = Problem(file="router.toml", line=None, key="", message="is empty")

    assert str(whole) == "router.toml:3: providers.a.flor: unknown key (floor?)"
    assert str(ConfigError([whole, bare])) == f"{whole}\nrouter.toml: is empty"
    assert ConfigError([whole, bare]).problems == (whole, bare)
    assert str(InvalidMessage("to", "is too short")) == "to: is too short"


# -- identifiers -----------------------------------------------------------------------------------------------------


class Stopped:
    """A clock that shows what it is told to."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        """Return the time that was set."""
        return self.time

    def monotonic(self) -> float:
        """Return the same."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.time += seconds


@given(st.lists(st.floats(0.0, 4e9), min_size=1, max_size=50), st.integers(1, 5), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_identifiers_sort_in_the_order_of_making(times: list[float], each: int, seed: int) -> None:
    """Every identifier is greater than all before, within one millisecond and even when the clock is set back."""
    clock = Stopped(0.0)
    ids = Ids(clock, Random(seed))
    made = []
    for clock.time in times:
        made += [ids.new() for _ in range(each)]

    assert made == sorted(set(made))


def test_identifiers_fit_into_a_reference() -> None:
    """They have one length, and with the number of an attempt they keep within what every provider allows."""
    ids = Ids(Stopped(1_767_225_600.0), Random(1))
    made = [ids.new() for _ in range(10_000)]

    assert {len(one) for one in made} == {ID_LENGTH}
    assert ID_LENGTH + 2 <= 32
    assert set("".join(made)) <= set("0123456789abcdefghijklmnopqrstuvwxyz")


def test_identifiers_sort_by_time() -> None:
    """Of two routers, the identifier that was made a millisecond later is the greater one."""
    early, late = Ids(Stopped(1_767_225_600.0), Random(1)), Ids(Stopped(1_767_225_600.001), Random(2))

    assert early.new() < late.new()


def test_identifiers_of_two_routers_differ() -> None:
    """Two that start in the same millisecond do not make the same identifiers."""
    one, other = (Ids(Stopped(1_767_225_600.0), Random(seed)) for seed in (1, 2))

    assert not {one.new() for _ in range(1000)} & {other.new() for _ in range(1000)}


def test_moments_are_aware() -> None:
    """A moment shown to people carries its time zone."""
    assert as_utc(1_767_225_600.5).isoformat() == "2026-01-01T00:00:00.500000+00:00"
