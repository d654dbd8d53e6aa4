"""Which messages a route is for."""

from collections.abc import Callable

import pytest

from pointsman.message import Channel, Envelope, HlrLookup, MessageClass, Sms, Viber
from pointsman.routing.match import Match, Route, route_of

MakeEnvelope = Callable[..., Envelope]


def only(*values: str) -> frozenset[str]:
    """Return a condition that any of these fulfils."""
    return frozenset(values)


SMS = Sms(to="79161234567", text="x", sender="SHOP", message_class=MessageClass.MARKETING, tags=("sale", "autumn"))
PLAIN = Sms(to="79161234567", text="x")
VIBER = Viber(to="79161234567", text="x", sender="SHOP")
LOOKUP = HlrLookup(to="79161234567", tags=("clean",))

CASES = [
    pytest.param(Match(), LOOKUP, True, id="no condition"),
    pytest.param(Match(channel=frozenset({Channel.SMS})), SMS, True, id="channel"),
    pytest.param(Match(channel=frozenset({Channel.SMS})), VIBER, False, id="another channel"),
    pytest.param(Match(channel=frozenset({Channel.SMS, Channel.VIBER})), VIBER, True, id="one of two channels"),
    pytest.param(Match(message_class=frozenset({MessageClass.MARKETING})), SMS, True, id="class"),
    pytest.param(Match(message_class=frozenset({MessageClass.OTP})), SMS, False, id="another class"),
    pytest.param(Match(message_class=frozenset({MessageClass.TRANSACTIONAL})), LOOKUP, True, id="default class"),
    pytest.param(Match(country=only("KZ", "RU")), SMS, True, id="country"),
    pytest.param(Match(country=only("KZ")), SMS, False, id="another country"),
    pytest.param(Match(mccmnc=only("25001")), SMS, True, id="network"),
    pytest.param(Match(mccmnc=only("25002")), SMS, False, id="another network"),
    pytest.param(Match(prefix=("380", "7916")), SMS, True, id="prefix"),
    pytest.param(Match(prefix=("380", "7917")), SMS, False, id="another prefix"),
    pytest.param(Match(prefix=("916",)), SMS, False, id="digits inside"),
    pytest.param(Match(sender=only("SHOP")), SMS, True, id="sender"),
    pytest.param(Match(sender=only("shop")), SMS, False, id="sender in other letters"),
    pytest.param(Match(sender=only("SHOP")), PLAIN, False, id="no sender of its own"),
    pytest.param(Match(sender=only("SHOP")), LOOKUP, False, id="a look-up has no sender"),
    pytest.param(Match(tag=only("autumn", "spring")), SMS, True, id="one tag of several"),
    pytest.param(Match(tag=only("spring")), SMS, False, id="another tag"),
    pytest.param(Match(tag=only("clean")), LOOKUP, True, id="tag of a look-up"),
    pytest.param(Match(tag=only("sale")), PLAIN, False, id="no tags"),
    pytest.param(Match(country=only("RU"), tag=only("sale"), sender=only("SHOP")), SMS, True, id="all hold"),
    pytest.param(Match(country=only("RU"), tag=only("sale"), sender=only("BANK")), SMS, False, id="one does not"),
]


@pytest.mark.parametrize(("match", "message", "expected"), CASES)
def test_conditions(
    make_envelope: MakeEnvelope, match: Match, message: Sms | Viber | HlrLookup, expected: bool
) -> None:
    """Every condition must hold; a condition with several values holds for any of them."""
    assert match.holds(make_envelope(message)) is expected


@pytest.mark.parametrize("match", [Match(country=only("RU")), Match(mccmnc=only("25001"))], ids=["country", "network"])
def test_what_is_unknown_fulfils_no_condition(make_envelope: MakeEnvelope, match: Match) -> None:
    """A number whose network nobody knows is not taken for one of a network."""
    assert match.holds(make_envelope(PLAIN, country=None, mccmnc=None)) is False


def route(name: str, match: Match) -> Route:
    """Return a route of this name."""
    return Route(name=name, match=match, providers=("a",), strategy="priority")


def test_the_first_route_wins(make_envelope: MakeEnvelope) -> None:
    """Of the routes that fit, the one that is written first is taken; a message that fits none has none."""
    otp = route("otp", Match(message_class=frozenset({MessageClass.OTP})))
    russia, rest = route("russia", Match(country=only("RU"))), route("rest", Match())

    assert route_of((otp, russia, rest), make_envelope(SMS)) is russia
    assert route_of((rest, russia), make_envelope(SMS)) is rest
    assert route_of((otp,), make_envelope(SMS)) is None
    assert route_of((), make_envelope(SMS)) is None
