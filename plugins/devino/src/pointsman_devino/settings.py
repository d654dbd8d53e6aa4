"""What `router.toml` may say about a Devino account."""

import enum
from typing import Annotated

import msgspec

from pointsman.plugin import Secret


class HlrAuth(enum.StrEnum):
    """How lookups prove who we are: their document offers both forms, on different paths."""

    SESSION = "session"
    """With the session of the other calls, on `Hlr/…`."""
    PASSWORD = "password"  # noqa: S105 - the name of a form of authentication
    """With login and password in every call, on `v2/Hlr/…`."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a `[providers.…]` table with `plugin = "devino"`, besides the common ones."""

    login: Secret
    password: Secret
    hlr_auth: HlrAuth = HlrAuth.SESSION
    hlr_validity: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 5
    """Minutes for which the network may try to answer a lookup; the document requires the parameter."""
    bulk_size: Annotated[int, msgspec.Meta(ge=1, le=2999)] = 200
    """Recipients in one bulk of SMS or Viber. The document names no limit; a later edition says 2999."""
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "RUB"
    """Of the balance and of prices in reports, which come as bare numbers."""
    schedule: bool = False
    """Let the provider keep a message until its time. Off: the router keeps it, which can still call it off."""
    viber: bool = False
    """Offer Viber. The document of the account only announces it; a later edition of the same document describes it."""
