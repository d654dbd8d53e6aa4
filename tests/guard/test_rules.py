"""What a client may never send, whenever it comes: every refusal says which limit it is and what to do."""

from decimal import Decimal

import pytest

from pointsman.errors import Denied
from pointsman.events import GuardRule
from pointsman.message import Fallback, HlrLookup, Sms, Viber

from .conftest import NUMBER, Rig, config_of

VIBER = Viber(to=NUMBER, text="x", sender="SHOP")
FALLING = Viber(to=NUMBER, text="x", sender="SHOP", fallback=Fallback())
RENAMED = Viber(to=NUMBER, text="x", sender="SHOP", fallback=Fallback(sender="BANK"))
SMS = Sms(to=NUMBER, text="x")
NAMED = Sms(to=NUMBER, text="x", sender="SHOP")
LOOKUP = HlrLookup(to=NUMBER)


def to(number):
    """Return an SMS to a number."""
    return Sms(to=number, text="x")


CASES = [
    ("channels", 'channels = ["sms"]', "", SMS, VIBER, "viber is not among the channels of this client: sms"),
    ("channels", 'channels = ["sms"]', "", SMS, LOOKUP, "hlr is not among"),
    ("channels", 'channels = ["viber"]', "", VIBER, FALLING, "its fallback is an sms"),
    ("senders", 'senders = ["SHOP"]', "", NAMED, SMS, "names no sender; name one of this client: SHOP"),
    ("senders", 'senders = ["SHOP"]', "", LOOKUP, Sms(to=NUMBER, text="x", sender="BANK"), "not one of this client"),
    ("senders", 'senders = ["SHOP"]', "", FALLING, RENAMED, "not one of this client"),
    ("countries", "", "", SMS, to("447400123456"), "GB is not among the countries of this client: RU"),
    ("countries", 'countries = ["GB"]', "", to("447400123456"), SMS, "RU is not among"),
    ("countries", 'countries = ["RU", "GB"]', "", to("447400123456"), to("883510012345"), "no single country"),
    ("countries", "", "", LOOKUP, HlrLookup(to="447400123456"), "GB is not among"),
    ("prefixes_denied", 'prefixes_denied = ["7916"]', "", to("79171234567"), SMS, "this range of numbers of RU"),
    ("prefixes_denied", "", 'prefixes_denied = ["7916"]', to("79171234567"), SMS, "this range of numbers of RU"),
]


@pytest.mark.parametrize(
    ("rule", "client", "guard", "fine", "wrong", "words"), CASES, ids=[f"{c[0]} {n}" for n, c in enumerate(CASES)]
)
def test_what_may_never_be_sent(rule, client, guard, fine, wrong, words):
    """One message passes and one does not; the refusal names the rule, says why, and promises nothing."""
    rig = Rig(client, guard)

    assert rig.rule(rig.envelope(message=fine)) is None
    denied = rig.denied(rig.envelope(message=wrong))
    assert denied.rule == rule
    assert words in denied.problem
    assert denied.retry_after is None


def test_everywhere_is_everywhere():
    """With `"*"` every country passes, and numbers of no single one."""
    rig = Rig('countries = ["*"]')

    assert [rig.rule(rig.envelope(number)) for number in ("447400123456", "883510012345", NUMBER)] == [None] * 3


def test_segments():
    """As many segments as are allowed pass, one more does not."""
    rig = Rig("max_segments = 2")

    assert rig.rule(rig.envelope(text="x" * 306)) is None
    assert rig.denied(rig.envelope(text="x" * 307)).rule == "max_segments"


def test_price_ceiling():
    """A message that costs as much as the ceiling passes, a dearer one not, and one without a known price neither."""
    rig = Rig('max_price = "0.05"\ncountries = ["*"]')
    rig.prices = {"RU": Decimal("0.05"), "GB": Decimal("0.0501")}

    assert rig.rule(rig.envelope()) is None
    assert "a message to GB may cost 0.0501" in rig.denied(rig.envelope("447400123456")).problem
    assert "to KZ has no known price" in rig.denied(rig.envelope("77011234567")).problem
    assert rig.denied(rig.envelope(text="x" * 161)).rule == "max_price"


def test_price_is_asked_for_only_where_money_is_limited():
    """Without a limit of money nobody looks a price up."""
    rig = Rig("daily_messages = 5")

    rig.admit(rig.envelope())

    assert rig.asked == 0


@pytest.mark.parametrize(
    ("client", "guard", "where"), [("stopped = true", "", "clients.shop"), ("", "stopped = true", "guard")]
)
def test_kill_switch(client, guard, where):
    """A reload stops one client or all, and another one lifts it."""
    rig = Rig()
    assert rig.rule(rig.envelope()) is None

    rig.guard.renew(config_of(client, guard))
    denied = rig.denied(rig.envelope())
    assert denied.rule == "stopped"
    assert f"[{where}]" in denied.problem
    assert rig.rule(rig.envelope(), client="bank") == ("stopped" if guard else None)

    rig.guard.renew(config_of())
    assert rig.rule(rig.envelope()) is None


def test_client_that_is_gone():
    """A client that a reload took away is refused, and does not break anything."""
    rig = Rig()

    assert rig.denied(rig.envelope(), client="nobody").rule == "client"


def test_stops_are_told():
    """Every refused order is one event, with the country and without the number; what is let in is none."""
    rig = Rig()
    rig.admit(rig.envelope())
    denied = rig.denied(rig.envelope("447400123456"), rig.envelope("447400123457"))

    (stop,) = rig.stops
    assert (stop.client, stop.rule, stop.country, stop.channel) == ("shop", GuardRule.COUNTRIES, "GB", "sms")
    assert "message 0: " in denied.problem
    for word in ("4474", "123456"):
        assert word not in repr(stop)
        assert word not in str(denied)


def test_two_guards_share_nothing():
    """What one counted does not hold for another."""
    rig = Rig("daily_messages = 1")
    other = rig.another(config_of("daily_messages = 1"))

    rig.admit(rig.envelope())
    other.admit("shop", (rig.envelope(),))
    with pytest.raises(Denied):
        other.admit("shop", (rig.envelope(),))
