"""The keys that are let in, obviously false ones."""

from typing import Final

from pointsman.sandbox import Call

KEY: Final = "live_demo-key-not-real"
TEST_KEY: Final = "test_demo-key-not-real"
"""What lookups find under it is drawn at random. They cost what they cost under the other key."""


def is_let_in(call: Call) -> bool:
    """Say whether a call has one of the keys."""
    return _key_of(call) in (KEY, TEST_KEY)


def is_test(call: Call) -> bool:
    """Say whether a call has the test key."""
    return _key_of(call) == TEST_KEY


def _key_of(call: Call) -> str:
    """The sample's key has a trailing blank, so blanks around it do not count."""
    return call.headers.get("X-API-KEY", "").strip()
