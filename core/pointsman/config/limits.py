"""What a client may do, and the spend guard against pumped traffic: the keys of `[clients.<name>]` and `[guard]`."""

from decimal import Decimal
from typing import Annotated

import msgspec

from pointsman.config.values import Cap, Destination, Duration
from pointsman.message import Channel

EVERYWHERE = "*"
"""Stands in `countries` for all countries, and for numbers of no single country."""

Count = Annotated[int, msgspec.Meta(ge=1)]
Rate = Annotated[float, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(gt=0, le=1)]
Prefix = Annotated[
    str,
    msgspec.Meta(pattern="^[1-9][0-9]{0,14}$", description='the first digits of numbers without "+", such as "8816"'),
]


class ClientGuardConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inline table `guard` of a client: where it differs from `[guard]`."""

    per_number: tuple[Cap, ...] | None = None
    per_range: tuple[Cap, ...] | None = None
    per_country: tuple[Cap, ...] | None = None
    per_unusual_country: tuple[Cap, ...] | None = None
    unusual_below: Count | None = None
    min_confirmed: Fraction | None = None


class GuardConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Table `[guard]`: what holds for every client that says nothing else."""

    stopped: bool = False
    """Nobody may send anything."""
    daily_spend: Decimal | None = None
    """Of all clients together on one day (UTC), in the router's currency."""
    prefixes_denied: tuple[Prefix, ...] = ()
    per_number: tuple[Cap, ...] = (Cap(5, Duration(600)), Cap(30, Duration(86400)))
    """Messages of one client to one number."""
    per_range: tuple[Cap, ...] = ()
    """The same to all numbers that differ in their last four digits only."""
    per_country: tuple[Cap, ...] = ()
    per_unusual_country: tuple[Cap, ...] = ()
    """The same to a country to which the client sent less than `unusual_below` in the seven days before."""
    unusual_below: Count = 100
    min_confirmed: Fraction | None = None
    """The share of one-time passwords to a range that must be confirmed, on routes that say `confirms`."""
    confirmed_of: Count = 20
    """One-time passwords to a range within an hour below which nothing is concluded from the share."""
    confirm_within: Duration = Duration(600)
    """How long a recipient may take to confirm."""

    def __post_init__(self) -> None:
        _check_amount("daily_spend", self.daily_spend)

    def over(self, client: ClientGuardConfig) -> "GuardConfig":
        """Return what holds for a client."""
        given = {name: getattr(client, name) for name in client.__struct_fields__}
        return msgspec.structs.replace(self, **{name: value for name, value in given.items() if value is not None})


class ClientLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a client that say how much it may send, and where to. A day is one of UTC."""

    stopped: bool = False
    """It may not send anything."""
    max_rate: Rate | None = None
    """Messages per second."""
    burst: Count | None = None
    """Messages that may come at once after a pause; None: as many as in one second, at least one."""
    daily_messages: Count | None = None
    """Messages and lookups."""
    daily_spend: Decimal | None = None
    """In the router's currency."""
    lookups_per_day: Count | None = None
    countries: tuple[Destination, ...] | None = None
    """None: only the router's region."""
    prefixes_denied: tuple[Prefix, ...] = ()
    senders: tuple[str, ...] | None = None
    """None: any."""
    channels: frozenset[Channel] | None = None
    """None: all."""
    max_price: Decimal | None = None
    """Of one message with all its segments, in the router's currency."""
    max_segments: Count | None = None
    guard: ClientGuardConfig = ClientGuardConfig()

    def __post_init__(self) -> None:
        for key in ("countries", "senders", "channels"):
            if getattr(self, key) is not None and not getattr(self, key):
                raise ValueError(f"{key} is empty, so nothing could be sent; name some, or leave it out")
        if self.countries is not None and EVERYWHERE in self.countries and len(self.countries) > 1:
            raise ValueError('countries has "*", which is all of them, and others; remove one or the other')
        _check_amount("daily_spend", self.daily_spend)
        _check_amount("max_price", self.max_price)
        if self.burst is not None and self.max_rate is None:
            raise ValueError("burst has no effect without max_rate; add max_rate, or remove it")


def _check_amount(key: str, amount: Decimal | None) -> None:
    if amount is not None and amount <= 0:
        raise ValueError(f"{key} is not above zero; to send nothing, write stopped = true")
