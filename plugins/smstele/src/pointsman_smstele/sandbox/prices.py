"""What messages cost here, and how large they may be: the document gives no figures, so these are chosen."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from pointsman.message import Channel
from pointsman_smstele.sandbox.numbers import BEELINE, MEGAFON, MTS, TELE2, YOTA

ABROAD = ""
"""The key of the price for numbers that have no operator in the plan."""

PRICES: Mapping[str, Decimal] = {
    MTS: Decimal("2.20"),
    MEGAFON: Decimal("2.40"),
    BEELINE: Decimal("2.30"),
    TELE2: Decimal("2.10"),
    YOTA: Decimal("2.40"),
    ABROAD: Decimal("6.00"),
}
"""Roubles for one segment, by operator."""


class PriceList(msgspec.Struct, frozen=True, kw_only=True):
    """Roubles for each kind of message."""

    segments: Mapping[str, Decimal]
    """For one segment of an SMS, by operator; `ABROAD` has to be among them."""
    lookup: Decimal
    viber: Decimal

    def price(self, channel: Channel, operator: str, segments: int) -> Decimal:
        """Return the price of one message to a number of this operator."""
        match channel:
            case Channel.HLR:
                return self.lookup
            case Channel.VIBER:
                return self.viber
            case Channel.SMS:
                return self.segments.get(operator, self.segments[ABROAD]) * segments


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that the document implies by its codes."""

    id: int = 64
    """Characters; the examples take 25 and refuse 71."""
    text: int = 2000
    """Characters."""
    segments: int = 20
