"""What a message costs at a provider: the longest matching line of its price list, and rates between currencies."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from pointsman.message import Channel, Money, Msisdn, Network
from pointsman.routing.price import ChargedOn, PriceRow


class Price(msgspec.Struct, frozen=True):
    """What one segment costs: in the provider's currency, and in the router's, by which providers are compared."""

    per_segment: Money
    comparable: Decimal
    charged_on: ChargedOn
    row: PriceRow

    def of(self, segments: int) -> Money:
        """Return the price of a whole message."""
        return Money(self.per_segment.amount * segments, self.per_segment.currency)


class Rates:
    """Exchange rates: the value of one unit of each currency in the router's own."""

    def __init__(self, currency: str, rates: Mapping[str, Decimal]) -> None:
        self.currency = currency
        self._rates = {**rates, currency: Decimal(1)}

    def convert(self, money: Money, currency: str) -> Money:
        """Return the same value in another currency. Raises `KeyError` for a currency without a rate."""
        if money.currency == currency:
            return money
        return Money(money.amount * self._rates[money.currency] / self._rates[currency], currency)

    def comparable(self, money: Money) -> Decimal:
        """Return the amount in the router's own currency. Raises `KeyError` for a currency without a rate."""
        return money.amount * self._rates[money.currency]

    def knows(self, currency: str) -> bool:
        """Say whether there is a rate for a currency."""
        return currency in self._rates


class Tariff:
    """One provider's price list, indexed.

    MCC/MNC beats prefix, a longer prefix beats a shorter one, a prefix beats a country. Among rows for the same place
    the one that came into force last wins. What is not listed has no price, which is not the same as a price of zero.
    """

    def __init__(self, rows: Iterable[PriceRow], rates: Rates) -> None:
        places: dict[tuple[Channel, str, str], list[tuple[float, float, Price]]] = defaultdict(list)
        lengths: dict[Channel, set[int]] = defaultdict(set)
        for row in rows:
            kind, place = _place(row)
            if kind == "prefix":
                lengths[row.channel].add(len(place))
            money = Money(row.price, row.currency)
            price = Price(money, rates.comparable(money), row.charged_on, row)
            start = row.valid_from.timestamp() if row.valid_from else float("-inf")
            end = row.valid_to.timestamp() if row.valid_to else float("inf")
            places[row.channel, kind, place].append((start, end, price))
        for dated in places.values():
            dated.sort(key=lambda entry: entry[0], reverse=True)
        self._places = dict(places)
        self._lengths = {channel: sorted(found, reverse=True) for channel, found in lengths.items()}

    def __len__(self) -> int:
        return sum(len(dated) for dated in self._places.values())

    def price(self, channel: Channel, to: Msisdn, network: Network, now: float) -> Price | None:
        """Return the price for a number at a moment (wall time), or None when the list says nothing."""
        if network.mccmnc is not None:
            found = self._at((channel, "mccmnc", network.mccmnc), now)
            if found is not None:
                return found
        for length in self._lengths.get(channel, ()):
            found = self._at((channel, "prefix", to[:length]), now)
            if found is not None:
                return found
        if network.country is not None:
            return self._at((channel, "country", network.country), now)
        return None

    def _at(self, place: tuple[Channel, str, str], now: float) -> Price | None:
        for start, end, price in self._places.get(place, ()):
            if start <= now < end:
                return price
        return None


def _place(row: PriceRow) -> tuple[str, str]:
    if row.mccmnc is not None:
        return "mccmnc", row.mccmnc
    if row.prefix is not None:
        return "prefix", row.prefix
    if row.country is not None:
        return "country", row.country
    raise ValueError("a price row names a mccmnc, a prefix or a country")
