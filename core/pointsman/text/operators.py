"""Operators as providers and the numbering plan write them, and the network code that each of them means.

The same operator is `ПАО "Вымпел-Коммуникации"` in the numbering plan, `ОАО Вымпел-Коммуникации(Москва)` in a lookup
of Devino and `mMTS` in an answer of SMStele. A name that is not in the table is unknown: a wrong network would choose a
wrong price, no network only chooses the country's.
"""

import re
import unicodedata

import msgspec

from pointsman.message import Msisdn
from pointsman.text.msisdn import country_of


class OperatorMatch(msgspec.Struct, frozen=True):
    """What an operator's name told."""

    mccmnc: str
    region: str | None
    """Where the number was issued, in the words of whoever wrote the name."""


_NAMES = {
    "25001": ("МТС", "MTS", "Мобильные ТелеСистемы", "Mobile TeleSystems"),
    "25002": ("МегаФон", "MegaFon"),
    "25008": ("Вайнах Телеком", "Vainah Telecom", "Vainakh Telecom"),
    "25011": ("Скартел", "Scartel", "Yota", "Йота"),
    "25016": ("МиАТел", "Miatel"),
    "25020": ("Т2 Мобайл", "T2 Мобайл", "T2 Mobile", "T2", "Т2", "Tele2", "Теле2", "Т2 РТК Холдинг"),
    "25026": ("ВТБ Мобайл", "VTB Mobile"),
    "25027": ("Таттелеком", "Tattelecom", "Летай", "Letai"),
    "25032": ("Win Mobile",),
    "25033": ("Севастополь Телеком", "Sevtelekom", "Севмобайл", "Sevmobile"),
    "25034": ("Крымтелеком", "Krymtelekom"),
    "25035": ("Екатеринбург-2000", "Ekaterinburg-2000", "Мотив", "Motiv"),
    "25045": ("Газпромбанк Мобайл", "Gazprombank Mobile"),
    "25050": ("Сбербанк-Телеком", "Sberbank-Telecom", "СберМобайл", "SberMobile"),
    "25060": ("КТК Телеком", "KTK Telecom", "Волна мобайл", "Volna mobile"),
    "25062": ("Тинькофф Мобайл", "Tinkoff Mobile", "Т-Мобайл", "Т-Моб"),
    "25099": (
        "Вымпел-Коммуникации",
        "ВымпелКом",
        "Vimpel-Communications",
        "VimpelCom",
        "Билайн",
        "Beeline",
    ),
}
"""Legal and brand names of Russian operators. One that runs several networks is left out."""

_LEGAL_FORM = re.compile(
    r"\b(?:публичное акционерное общество|открытое акционерное общество|закрытое акционерное общество"
    r"|акционерное общество|общество с ограниченной ответственностью|пао|оао|зао|нао|ао|ооо"
    r"|pjsc|ojsc|cjsc|jsc|llc|ltd)\b"
)
_REGION = re.compile(r"\(([^()]*)\)\s*$")
_MOBILE_PREFIX = re.compile(r"^m(?=[A-ZА-ЯЁ])")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


def _key(name: str) -> str:
    """Reduce a name to what stays the same in all its spellings: letters and digits without the legal form."""
    return _NOT_ALPHANUMERIC.sub("", _LEGAL_FORM.sub(" ", unicodedata.normalize("NFKC", name).casefold()))


_BY_KEY = {_key(name): mccmnc for mccmnc, names in _NAMES.items() for name in names}


def operator_network(text: str) -> OperatorMatch | None:
    """Return the network that an operator's name means, and the region where the name ends with one in brackets.

    Legal forms, quotes, hyphens and capitals do not matter, nor does the `m` that SMStele puts before a name.
    None when the name is not known.
    """
    bracket = _REGION.search(text)
    name = text[: bracket.start()] if bracket else text
    mccmnc = _BY_KEY.get(_key(name)) or _BY_KEY.get(_key(_MOBILE_PREFIX.sub("", name.strip())))
    if mccmnc is None:
        return None
    return OperatorMatch(mccmnc, (bracket.group(1).strip() or None) if bracket else None)


def network_by_mnc(to: Msisdn, mnc: str) -> str | None:
    """Return the network code for a bare mobile network code that a Russian provider reports, such as `01`.

    The missing country code is 250 for numbers of Russia alone; the numbers of Kazakhstan, which begin with 7 as well,
    have another. None for any other number and for what is not two digits.
    """
    if len(mnc) != 2 or not (mnc.isascii() and mnc.isdecimal()) or country_of(to) != "RU":
        return None
    return "250" + mnc
