"""What `router.toml` may set for an account at affiliate-sms.com, and what of it cannot work."""

import enum
from typing import Annotated, Final

import msgspec

from pointsman.plugin import Secret

STANDARD_TARIFF: Final = 0
"""The price grid that a create without a tariff gets: every account has it."""
MAX_TARIFF: Final = 9
MAX_BATCH: Final = 1000


class Method(enum.StrEnum):
    """The HTTP method that creates lookups; the provider documents both."""

    PUT = "PUT"
    POST = "POST"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of `[providers.<name>]` that belong to this plugin."""

    api_key: Secret
    """The `X-API-KEY`; blanks and line ends around it are dropped."""
    tariff: Annotated[int, msgspec.Meta(ge=0, le=MAX_TARIFF)] = STANDARD_TARIFF
    """Which of the account's price grids to use, 0 to 9. Always sent, as the provider names two different defaults."""
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH)] = 200
    """Numbers in one request, at most. The provider documents no limit."""
    method: Method = Method.PUT
    """How lookups are created. `PUT` turns into `POST` by itself where a server answers it with 405."""
    allow_test_key: bool = False
    """Take a key that begins with `test_`. Such keys answer with random results."""


def usable_key(settings: Settings) -> Secret:
    """Return the key as it goes on the wire.

    Raises `ValueError`, with a sentence for the operator and without the key, for settings that cannot work.
    """
    key = settings.api_key.reveal().strip()
    if not key:
        raise ValueError("api_key is empty: set it to the key of the account, such as live_…")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("api_key holds a blank or a character that no key has: copy it again")
    if key.startswith("test_") and not settings.allow_test_key:
        raise ValueError(
            "api_key is a test key, whose results are random: use the live key, or set allow_test_key = true"
        )
    if not 0 <= settings.tariff <= MAX_TARIFF:
        raise ValueError(f"tariff is {settings.tariff}: it must be 0 to {MAX_TARIFF}")
    if not 1 <= settings.batch_size <= MAX_BATCH:
        raise ValueError(f"batch_size is {settings.batch_size}: it must be 1 to {MAX_BATCH}")
    return Secret(key)
