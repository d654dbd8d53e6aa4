"""Sender ids: what can exist at all."""

import pytest

from pointsman.errors import InvalidMessage
from pointsman.text import check_sender, valid_sender


@pytest.mark.trap("D24")
@pytest.mark.parametrize(
    "sender", ["SHOP", "A", "Shop-24.ru", "11 letters.", "B&B!+*/()#_", "1", "7" * 15, "900", "4shop"]
)
def test_well_formed_senders(sender: str) -> None:
    """Up to eleven characters with a letter among them, or up to fifteen digits, are a sender."""
    assert valid_sender(sender)
    check_sender(sender)


@pytest.mark.trap("D24")
@pytest.mark.parametrize(
    ("sender", "problem"),
    [
        ("", "is empty"),
        ("TWELVE CHARS", "has 12 characters; a sender with letters has at most 11"),
        ("7" * 16, "has 16 digits; a numeric sender has at most 15"),
        ("МАГАЗИН", "contains 'М'"),
        ("SHОP", "contains 'О'"),
        ("SHOP\n", r"contains '\n'"),
        ("SH@P", "contains '@'"),
        ("{SHOP}", "contains '{'"),
        ("+79161234567", "has no letter"),
        ("123-456", "has no letter"),
        ("٣٤٥", "contains '٣'"),
    ],
)
def test_malformed_senders(sender: str, problem: str) -> None:
    """Anything else is refused under the field `sender`, with the rule that it breaks."""
    assert not valid_sender(sender)
    with pytest.raises(InvalidMessage) as caught:
        check_sender(sender)
    assert caught.value.field == "sender"
    assert problem in caught.value.problem
