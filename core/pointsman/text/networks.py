"""Mobile networks by their country and network code (ITU-T E.212): what to call them and where they are."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec


class KnownNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """One network of the table."""

    mccmnc: str
    """Three digits of country and two or three of network, such as `25001`."""
    country: str | None
    """ISO 3166-1 alpha-2; None when the code serves several countries or none."""
    operator: str
    brand: str
    """What subscribers call it; empty when the operator has no brand."""

    @property
    def name(self) -> str:
        """The brand, or the operator where there is none."""
        return self.brand or self.operator


class Networks:
    """A table of networks. Codes that it does not hold are unknown, never an error: new networks appear every month."""

    __slots__ = ("_by_code", "_country_by_mcc")

    def __init__(self, networks: Iterable[KnownNetwork]) -> None:
        self._by_code = {network.mccmnc: network for network in networks}
        countries: defaultdict[str, set[str | None]] = defaultdict(set)
        for network in self._by_code.values():
            countries[network.mccmnc[:3]].add(network.country)
        self._country_by_mcc = {mcc: found.copy().pop() for mcc, found in countries.items() if len(found) == 1}

    def __len__(self) -> int:
        return len(self._by_code)

    def find(self, mccmnc: str) -> KnownNetwork | None:
        """Return the network with this code."""
        return self._by_code.get(mccmnc)

    def of(self, country: str) -> tuple[KnownNetwork, ...]:
        """Return the networks of a country (ISO 3166-1 alpha-2), in the order of their codes."""
        return tuple(self._by_code[code] for code in sorted(self._by_code) if self._by_code[code].country == country)

    def name(self, mccmnc: str) -> str | None:
        """Return what to call the network."""
        network = self._by_code.get(mccmnc)
        return network.name if network else None

    def country(self, mccmnc: str) -> str | None:
        """Return the country of the network, for an unlisted one the country that its first three digits belong to."""
        network = self._by_code.get(mccmnc)
        return network.country if network else self._country_by_mcc.get(mccmnc[:3])


@cache
def bundled_networks() -> Networks:
    """Return the table that comes with the package; it is read at the first call, in some milliseconds."""
    with (files("pointsman.text") / "data" / "networks.csv").open(encoding="utf-8") as lines:
        return Networks(
            KnownNetwork(
                mccmnc=row["mcc"] + row["mnc"],
                country=row["country"] or None,
                operator=row["operator"],
                brand=row["brand"],
            )
            for row in csv.DictReader(lines)
        )
