"""What `router.toml` may say about an SMStele account, besides what it says about every provider."""

import enum
import re
from datetime import datetime, tzinfo
from typing import Annotated

import msgspec

from pointsman.plugin import Secret


class ValidityUnit(enum.StrEnum):
    """The unit of the parameter `validity`, which SMStele's document leaves open; the account manager knows it."""

    NONE = "none"
    """The parameter is not sent: the life of a message is limited by our own deadline only."""
    SECONDS = "seconds"
    MINUTES = "minutes"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SMStele account."""

    login: Secret
    password: Secret
    """Sent as the parameter `psw`."""
    viber: bool = True
    """Offer Viber messages; off for an account that has no Viber."""
    hlr: bool = False
    """Offer HLR lookups. Experimental: SMStele's document does not say what their result looks like."""
    validity_unit: ValidityUnit = ValidityUnit.NONE
    deferred_offset: str | None = None
    """The offset from UTC, such as `+03:00`, of the clock that `deferred` goes by; the document does not say it.

    None: SMStele is never asked to keep a message.
    """
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    """Numbers in one request, at most."""
    settle: Annotated[float, msgspec.Meta(ge=0.0)] = 10.0
    """Seconds after which a message that the status call does not know counts as not taken."""


def deferred_zone(offset: str | None) -> tzinfo | None:
    """Return the clock of `deferred_offset`. Raises `ValueError` for what is no offset that a place on Earth has."""
    if offset is None:
        return None
    if not re.fullmatch(r"[+-](0[0-9]|1[0-3]):[0-5][0-9]|\+14:00", offset):
        raise ValueError(f'deferred_offset = "{offset[:20]}" is no offset from UTC; write it like "+03:00"')
    return datetime.strptime(offset, "%z").tzinfo
