"""What operators see of the limits of clients."""

from decimal import Decimal

import msgspec


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What a client used today, and what it may use; None is no limit. Amounts are in the router's currency."""

    client: str
    day: str
    """In UTC, such as `2026-11-28`."""
    messages: int
    """Lookups included."""
    daily_messages: int | None
    lookups: int
    lookups_per_day: int | None
    spent: Decimal
    reserved: Decimal
    """For messages whose cost has not turned out yet; counts as spent."""
    daily_spend: Decimal | None
    stopped: bool
