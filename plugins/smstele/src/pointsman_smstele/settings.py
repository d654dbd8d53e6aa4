"""What `router.toml` may say about an SMStele account, besides what it says about every provider."""

import enum
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
    hlr: bool = False
    """Offer HLR lookups. Experimental: SMStele's document does not say what their result looks like."""
    validity_unit: ValidityUnit = ValidityUnit.NONE
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    """Numbers in one request, at most."""
    settle: Annotated[float, msgspec.Meta(ge=0.0)] = 10.0
    """Seconds after which a message that the status call does not know counts as not taken."""
