"""What lookups cost and what they find, by number: tariffs, networks and how a lookup ends."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from pointsman.sandbox import Fate, Tariff

STANDARD_TARIFF = 0
LAST_TARIFF = 9

TARIFFS: Mapping[int, Tariff] = {
    0: Tariff(
        Decimal("0.006"),
        {
            "380": Decimal("0.004"),
            "7": Decimal("0.002"),
            "77": Decimal("0.0045"),
            "375": Decimal("0.0045"),
            "852": Decimal("0.005"),
        },
    ),
    9: Tariff(
        Decimal("0.004"),
        {"380": Decimal("0.002"), "7": Decimal("0.0015"), "77": Decimal("0.003"), "852": Decimal("0.003")},
    ),
}
"""Euros for one lookup, by the country's dialling code. The numbers from 1 to 8 cost what number 0 does.

The document's samples cost 0.002 for Ukraine under tariff 9; the other figures are chosen, and those of tariff 0 for
Russia, Kazakhstan and Belarus are also the prices in the example `router.toml`.
"""


class Country(msgspec.Struct, frozen=True):
    """A country as the price table names it."""

    code: str
    name: str
    mcc: str


COUNTRIES: Mapping[str, Country] = {
    "380": Country("UA", "Ukraine", "255"),
    "7": Country("RU", "Russia", "250"),
    "77": Country("KZ", "Kazakhstan", "401"),
    "375": Country("BY", "Belarus", "257"),
    "852": Country("HK", "Hong Kong", "454"),
}
"""By dialling code."""

_CODES: Mapping[str, tuple[str, Iterable[int]]] = {
    "25501": ("380", (50, 66, 95, 99)),
    "25503": ("380", (67, 68, 96, 97, 98)),
    "25506": ("380", (63, 73, 93)),
    "25001": ("7", (*range(910, 920), *range(980, 990))),
    "25002": ("7", range(920, 939)),
    "25099": ("7", (903, 905, 906, 909, *range(960, 970))),
    "25020": ("7", (900, 901, 902, 904, 908, *range(950, 954), 958, 977)),
}
"""Network, dialling code of the country, codes after it."""

NETWORKS: Mapping[str, str] = {
    **{f"{dialling}{code}": network for network, (dialling, codes) in _CODES.items() for code in codes},
    "7701": "40102",
    "7702": "40102",
    "852": "45400",
}
"""Country and network code by prefix, the longest wins."""

ENDINGS: Mapping[str, Fate] = {"97": Fate.ABSENT, "98": Fate.UNKNOWN, "99": Fate.FAILED}
"""How lookups of numbers with these last digits end, unless scripted; all others follow the delivery plan."""


def network_of(msisdn: str) -> str | None:
    """Return the network that the number's range belongs to; None when the directory does not know it."""
    return next((NETWORKS[msisdn[:size]] for size in range(len(msisdn), 0, -1) if msisdn[:size] in NETWORKS), None)


def ending_of(msisdn: str, endings: Mapping[str, Fate]) -> Fate | None:
    """Return how a lookup of this number ends by rule, if a rule exists for its last digits."""
    return next((fate for digits, fate in endings.items() if msisdn.endswith(digits)), None)
