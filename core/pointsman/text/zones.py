"""What the recipient's clock shows: the time zone of a country, or of a region of Russia."""

import csv
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from zoneinfo import ZoneInfo

_REGIONS: Mapping[str, str] = MappingProxyType(
    {
        "Europe/Kaliningrad": "калининградск",
        "Europe/Moscow": (
            r"адыге|архангельск|белгородск|брянск|владимирск|вологодск|воронежск|дагестан|донецк|запорожск|ивановск"
            r"|ингушети|кабардино|калмык|калужск|карачаево|карели|коми\b|костромск|краснодарск|курск|ленинградск"
            r"|липецк|луганск|марий|мордови|москв|московск|мурманск|ненецк|нижегородск|новгородск|орловск|осети"
            r"|пензенск|псковск|ростовск|рязанск|санкт|смоленск|ставропольск|тамбовск|татарстан|тверск|тульск"
            r"|херсонск|чеченск|чуваш|ярославск"
        ),
        "Europe/Kirov": "кировск",
        "Europe/Simferopol": "крым|севастополь",
        "Europe/Volgograd": "волгоградск",
        "Europe/Astrakhan": "астраханск",
        "Europe/Samara": "самарск|удмурт",
        "Europe/Saratov": "саратовск",
        "Europe/Ulyanovsk": "ульяновск",
        "Asia/Yekaterinburg": (
            r"башкортостан|курганск|оренбургск|пермск|свердловск|тюменск|ханты\W*мансийск|челябинск|ямало\W*ненецк"
        ),
        "Asia/Omsk": "омск",
        "Asia/Barnaul": "алтай",
        "Asia/Novokuznetsk": "кемеровск",
        "Asia/Novosibirsk": "новосибирск",
        "Asia/Tomsk": "томск",
        "Asia/Krasnoyarsk": "красноярск|тува|тыва|хакаси",
        "Asia/Irkutsk": "бурят|иркутск",
        "Asia/Chita": "забайкальск",
        "Asia/Yakutsk": r"амурск|саха\b|якути",
        "Asia/Vladivostok": "еврейск|приморск|хабаровск",
        "Asia/Magadan": "магаданск",
        "Asia/Sakhalin": "сахалинск",
        "Asia/Kamchatka": "камчатск",
        "Asia/Anadyr": "чукотск",
    }
)
"""Zone to the beginnings of the words by which the names of its regions are known, in all their spellings.

Sakha has three zones; the one of Yakutsk stands for it, where most of its people live.
"""
_ZONES = tuple(_REGIONS)
_REGION = re.compile("|".join(rf"\b({stems})" for stems in _REGIONS.values()))


def region_zone(region: str) -> str | None:
    """Return the zone (IANA) of a region of Russia, such as `Asia/Vladivostok` for `Приморский край`.

    The spellings of the regulator's number ranges and of the tax service's classifier are understood. A name of
    several regions has a zone when all of them share it. None when the name does not tell.
    """
    subject = region.rpartition("|")[2].casefold().replace("ё", "е")
    zones = {_ZONES[found.lastindex - 1] for found in _REGION.finditer(subject) if found.lastindex is not None}
    return zones.pop() if len(zones) == 1 else None


def country_zone(country: str) -> str | None:
    """Return the zone (IANA) of a country (ISO 3166-1 alpha-2) in which one time holds everywhere.

    None for a country with several times, such as `RU` or `US`, and for an unknown one.
    """
    return _countries().get(country)


def possible_zones(country: str) -> tuple[str, ...]:
    """Return the zones (IANA) in which somebody in a country may be; empty where we do not know them all."""
    if country == "RU":
        return _ZONES
    zone = country_zone(country)
    return (zone,) if zone is not None else ()


def moment_of(local: datetime, zone: str) -> float:
    """Return the moment (wall time, seconds since the epoch) at which clocks of a zone show a time without a zone.

    What they show twice, in autumn, is the first time of the two; what they skip, in spring, is moved forward by what
    they skip. Raises `zoneinfo.ZoneInfoNotFoundError` where the machine has no time zone data.
    """
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).timestamp()


def clock_of(moment: float, zone: str) -> datetime:
    """Return what clocks of a zone show at a moment (wall time), without a zone; raises as `moment_of` does."""
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).replace(tzinfo=None, fold=0)


@cache
def _countries() -> Mapping[str, str]:
    with (files("pointsman.text") / "data" / "zones.csv").open(encoding="utf-8") as lines:
        return {row["country"]: row["zone"] for row in csv.DictReader(lines)}
