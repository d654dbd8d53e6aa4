"""One line of a price list."""

import enum
from datetime import datetime
from decimal import Decimal

import msgspec

from pointsman.message import Channel


class ChargedOn(enum.StrEnum):
    """What a provider charges for."""

    SUBMIT = "submit"
    DELIVERY = "delivery"


class PriceRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The price of one segment (or one lookup) to the networks that the row names.

    Exactly one of `mccmnc`, `prefix` and `country` is set.
    """

    channel: Channel
    price: Decimal
    currency: str
    mccmnc: str | None = None
    """Mobile country and network code, such as `25001`."""
    prefix: str | None = None
    """Leading digits of the MSISDN."""
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    charged_on: ChargedOn = ChargedOn.SUBMIT
    valid_from: datetime | None = None
    """Aware; the row holds from this moment on."""
    valid_to: datetime | None = None
    """Aware; the row holds before this moment."""
