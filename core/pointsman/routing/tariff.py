"""What a message costs at a provider: the longest matching line of its price list, and rates between currencies."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from pointsman.message import Channel, Money, Msisdn, Network
from pointsman.routing.price import ChargedOn, PriceRow


class Price(msgspec.Struct, frozen=True, gc=False):
    """What one segment costs: in the provider's currency, and in the router's, by which providers are compared."""

    per_segment: Money
    comparable: Decimal
    charged_on: ChargedOn
    row: PriceRow

    def of(self, segments: int) -> Money:
        """Return the price of a whole message."""
        if segments == 1:
            return self.per_segment
        return Money(self.per_segment.amount * segments, self.per_segment.currency)


class Rates:
    """Exchange rates: the value of one unit of each currency in the router's own."""

    def __init__(self, currency: str, rates: Mapping[str, Decimal]) -> None:
        self.currency = currency
        self._rates = {**rates, currency: Decimal(1)}
        self._known = frozenset(self._rates)

    def renew(self, rates: Mapping[str, Decimal]) -> None:
        """Take over other rates. What is not listed any more is unknown, but what is on its way is still converted."""
        self._rates = {**self._rates, **rates, self.currency: Decimal(1)}
        self._known = frozenset({*rates, self.currency})

    def convert(self, money: Money, currency: str) -> Money:
        """Return the same value in another currency. Raises `KeyError` for a currency without a rate."""
        if money.currency == currency:
            return money
        return Money(money.amount * self._rates[money.currency] / self._rates[currency], currency)

    def comparable(self, money: Money) -> Decimal:
        """Return the amount in the router's own currency. Raises `KeyError` for a currency without a rate."""
        return money.amount * self._rates[money.currency]

    def usable(self, money: Money | None) -> Money | None:
        """Return a price that somebody told us, or None when it says nothing.

        Without a rate for its currency it cannot be compared; and providers write zero also where they do not know.
        """
        return money if money is not None and money.amount > 0 and self.knows(money.currency) else None

    def knows(self, currency: str) -> bool:
        """Say whether there is a rate for a currency."""
        return currency in self._known


Dated = list[tuple[float, float, Price]]
"""The lines of one place with the first moment of each and the first moment after it, the newest first."""


HEAD = 4
"""Digits by which one sees which longer prefixes there are: about as many as tell one operator from another."""


class _Index:
    """The lines of one channel, by the kinds of places that they name."""

    def __init__(self) -> None:
        self.networks: dict[str, Dated] = defaultdict(list)
        self.prefixes: dict[str, Dated] = defaultdict(list)
        self.countries: dict[str, Dated] = defaultdict(list)
        self.short: tuple[int, ...] = ()
        """Lengths of the prefixes that are shorter than a head, the longest first."""
        self.lengths: dict[str, tuple[int, ...]] = {}
        """Lengths of all prefixes that may fit numbers with a certain head, the longest first."""

    def place(self, row: PriceRow) -> Dated:
        """Return the lines of the place that a row names."""
        if row.mccmnc is not None:
            return self.networks[row.mccmnc]
        if row.prefix is not None:
            return self.prefixes[row.prefix]
        if row.country is not None:
            return self.countries[row.country]
        raise ValueError("a price row names a mccmnc, a prefix or a country")

    def complete(self) -> None:
        """Put everything in the order in which it is looked through."""
        found: dict[str, set[int]] = defaultdict(set)
        for prefix in self.prefixes:
            found[prefix[:HEAD] if len(prefix) >= HEAD else ""].add(len(prefix))
        short = found.pop("", set())
        self.short = tuple(sorted(short, reverse=True))
        self.lengths = {head: tuple(sorted(lengths | short, reverse=True)) for head, lengths in found.items()}
        for places in (self.networks, self.prefixes, self.countries):
            for dated in places.values():
                if len(dated) > 1:
                    dated.sort(key=_start, reverse=True)


class Tariff:
    """One provider's price list, indexed.

    MCC/MNC beats prefix, a longer prefix beats a shorter one, a prefix beats a country. Among rows for the same place
    the one that came into force last wins. What is not listed has no price, which is not the same as a price of zero.
    """

    def __init__(self, rows: Iterable[PriceRow], rates: Rates) -> None:
        self._channels: dict[Channel, _Index] = defaultdict(_Index)
        self._rows = 0
        for row in rows:
            money = Money(row.price, row.currency)
            price = Price(money, rates.comparable(money), row.charged_on, row)
            start = row.valid_from.timestamp() if row.valid_from else float("-inf")
            end = row.valid_to.timestamp() if row.valid_to else float("inf")
            self._channels[row.channel].place(row).append((start, end, price))
            self._rows += 1
        for index in self._channels.values():
            index.complete()

    def __len__(self) -> int:
        return self._rows

    def networks(self, channel: Channel) -> frozenset[str]:
        """Return the networks that the list names for a channel, as MCC and MNC."""
        index = self._channels.get(channel)
        return frozenset(index.networks) if index is not None else frozenset()

    def price(self, channel: Channel, to: Msisdn, network: Network, now: float) -> Price | None:
        """Return the price for a number at a moment (wall time), or None when the list says nothing."""
        index = self._channels.get(channel)
        if index is None:
            return None
        if network.mccmnc is not None and (dated := index.networks.get(network.mccmnc)) is not None:
            found = _in_force(dated, now)
            if found is not None:
                return found
        prefixes = index.prefixes
        for length in index.lengths.get(to[:HEAD], index.short):
            dated = prefixes.get(to[:length])
            if dated is not None:
                found = _in_force(dated, now)
                if found is not None:
                    return found
        if network.country is not None and (dated := index.countries.get(network.country)) is not None:
            return _in_force(dated, now)
        return None


def _in_force(dated: Dated, now: float) -> Price | None:
    for start, end, price in dated:
        if start <= now < end:
            return price
    return None


def _start(entry: tuple[float, float, Price]) -> float:
    return entry[0]
