"""What the accounts of the demo hold, and what they are charged: exactly what the price lists of `router.toml` say."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from pointsman.config import Config
from pointsman.demo import script
from pointsman.message import Channel, Msisdn
from pointsman.routing import tariff as listed
from pointsman.sandbox import Tariff
from pointsman.text import NumberRanges, classify

DEVINOS_BALANCE = Decimal("2500.00")
"""Where the other two begin is said by `opening_balance`."""
UNLISTED = Decimal("1.00")
"""What a sandbox charges where the price list says nothing."""


class Place(msgspec.Struct, frozen=True):
    """Numbers that cost the same, by what they begin with."""

    prefix: str
    number: Msisdn
    """One of them."""
    operator: str
    """What SMStele calls their network; empty for all networks abroad together."""


PLACES = (
    Place("7916", Msisdn("79165550000"), "mMTS"),
    Place("7926", Msisdn("79265550000"), "mMEGAFON"),
    Place("7903", Msisdn("79035550000"), "mBEELINE"),
    Place("7977", Msisdn("79775550000"), "mTELE2"),
    Place("7995", Msisdn("79955550000"), "mYOTA"),
    Place("7", Msisdn("79675550000"), "another"),
    Place("77", Msisdn("77015550000"), ""),
    Place("375", Msisdn("375295550000"), ""),
)


def account_options(config: Config, name: str) -> dict[str, object]:
    """Return what a sandbox is made with, each kind in its own way. Raises `ValueError` for one that is not known."""
    price = _prices(config, name)
    prefixes = {channel: {place.prefix: price(channel, place) for place in PLACES} for channel in Channel}
    opening_balance = config.providers[name].opening_balance
    opening = {} if opening_balance is None else {"balance": opening_balance}
    match name:
        case script.DEVINO:
            return {
                "balance": DEVINOS_BALANCE,
                "tariff": Tariff(UNLISTED, prefixes[Channel.SMS]),
                "lookup_tariff": Tariff(UNLISTED, prefixes[Channel.HLR]),
            }
        case script.SMSTELE:
            return {"prices": {place.operator: price(Channel.SMS, place) for place in PLACES}, **opening}
        case script.AFFILIATE:
            return {"tariffs": dict.fromkeys(range(10), Tariff(UNLISTED, prefixes[Channel.HLR])), **opening}
        case _:
            raise ValueError(name)


def _prices(config: Config, name: str) -> Callable[[Channel, Place], Decimal]:
    ranges = NumberRanges.load(config.router.number_ranges) if config.router.number_ranges else None
    tariff = listed.Tariff(config.providers[name].prices, listed.Rates(config.router.currency, config.rates))

    def price(channel: Channel, place: Place) -> Decimal:
        found = tariff.price(channel, place.number, classify(place.number, ranges), 0.0)
        return found.per_segment.amount if found is not None else UNLISTED

    return price
