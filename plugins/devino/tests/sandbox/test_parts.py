"""The sandbox's own count of segments."""

import pytest

from pointsman_devino.sandbox.parts import count_parts


@pytest.mark.trap("D22")
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 307, 3),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 135, 3),
        ("€" * 80, 1),
        ("€" * 153, 3),
        ("😀" * 35, 1),
        ("😀" * 67, 3),
        ("`" * 71, 2),
        ("", 1),
    ],
)
def test_parts(text: str, parts: int) -> None:
    """The sandbox counts segments by the standard, pairs undivided."""
    assert count_parts(text) == parts
