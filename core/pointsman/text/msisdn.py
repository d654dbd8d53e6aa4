"""Telephone numbers: what people write becomes the one form that is stored, compared and sent.

Digits alone do not say whether they begin with a country code: `85267202829` is a mobile number of Hong Kong and might
be a Russian one written with the trunk prefix 8. So nothing is replaced blindly: both readings are made, and the one
that is a mobile number counts. `phonenumbers` (libphonenumber's metadata) knows the numbering plans.
"""

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache

import msgspec
import phonenumbers
from phonenumbers import PhoneNumberType as Kind

from pointsman.errors import InvalidMessage
from pointsman.message import Msisdn
from pointsman.text.plan import plain_mobile

_NO_ONE_COUNTRY = "001"
"""How libphonenumber calls the region of satellite, toll-free and other numbers without a country."""

SHORTEST, LONGEST = 7, 15
"""Digits of an MSISDN; fifteen is the limit of E.164."""

_MOBILE = frozenset({Kind.MOBILE, Kind.FIXED_LINE_OR_MOBILE})
_FIXED = frozenset({Kind.FIXED_LINE, Kind.VOIP, Kind.PERSONAL_NUMBER, Kind.PAGER})
_NEVER_RECEIVE = frozenset({Kind.TOLL_FREE, Kind.PREMIUM_RATE, Kind.SHARED_COST, Kind.UAN, Kind.VOICEMAIL})
_LONGEST_INPUT = 64
_CACHED = 16_384

_SEPARATORS = re.compile(r"[\s().\-/\u00ad\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")
_DIGITS = re.compile(r"\+?[0-9]+")
_RUSSIAN_EXIT = re.compile(r"810(?=[1-9])")


def parse_msisdn(text: str, region: str = "RU") -> Msisdn:
    """Read a telephone number as people write it and return it as E.164 digits.

    International are `+…` and `00…`, and in Russia `810…`. Other digits are read both as international and as a
    national number of `region` (ISO 3166-1 alpha-2); a mobile number wins over anything else. In Russia ten digits from
    9 are national, and eleven digits from 8 must be mobile in exactly one of the two readings. Blanks, brackets,
    hyphens, dots and full-width digits are understood. Numbers that never receive messages (toll-free, premium …) are
    refused.

    Raises `InvalidMessage("to", …)`, whose text does not repeat the number, and `ValueError` for an unknown region.
    """
    digits, international = _clean(text)
    if international:
        return _usable(digits)
    if region == "RU":
        return _read_russian(digits)
    return _read_national(digits, region)


def country_of(msisdn: Msisdn) -> str | None:
    """Return the country of a number as ISO 3166-1 alpha-2; None when it is not valid or belongs to no one country.

    The shared codes (+7: Russia and Kazakhstan, +1: North America …) are told apart by the numbering plan.
    """
    return _facts(msisdn).country


def country_of_prefix(prefix: str) -> str | None:
    """Return the country of all numbers with these first digits; None when they may belong to several or to none."""
    if prefix.startswith("7"):  # Russia and Kazakhstan share it, the latter has what begins with 76 and 77
        return None if prefix == "7" else "KZ" if prefix[1] in "67" else "RU"
    for length in range(1, 4):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(prefix[:length] or 0), ())
        if regions and len(prefix) >= length:
            return regions[0] if len(regions) == 1 and regions[0] != _NO_ONE_COUNTRY else None
    return None


def is_region(code: str) -> bool:
    """Say whether `parse_msisdn` knows this region."""
    return code in phonenumbers.SUPPORTED_REGIONS


def _invalid(problem: str) -> InvalidMessage:
    return InvalidMessage("to", f"{problem}; write it with country code, such as +79161234567")


def _clean(text: str) -> tuple[str, bool]:
    """Return the bare digits and whether the text said that they begin with a country code."""
    if len(text) > _LONGEST_INPUT:
        raise _invalid(f"has {len(text)} characters, too many for a telephone number")
    if not (text.isascii() and text.isdecimal()):
        text = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
        if not text:
            raise _invalid("is empty")
        if not _DIGITS.fullmatch(text):
            raise _invalid("contains something other than digits and separators")
    if text.startswith("+"):
        return text[1:], True
    if text.startswith("00"):
        return text[2:], True
    return text, False


def _read_russian(digits: str) -> Msisdn:
    """Read digits as Russians write them, trunk prefix 8 and exit code 810 included."""
    if _RUSSIAN_EXIT.match(digits):
        return _usable(digits[3:])
    if len(digits) == 10 and digits.startswith("9"):
        return _usable("7" + digits)
    if len(digits) == 11 and digits.startswith("8"):
        mobile = _one_of({digits, "7" + digits[1:]}, _MOBILE)
        if mobile is None:
            raise _invalid("is a mobile number neither with 8 as the trunk prefix nor with 8 as part of a country code")
        return mobile
    number = _usable(digits)
    if len(digits) <= 10 and _facts(digits).kind not in _MOBILE:
        raise _invalid("lacks its country code, or is a fixed line abroad written without +")
    return number


def _read_national(digits: str, region: str) -> Msisdn:
    """Read digits by the rules of any other region."""
    if not is_region(region):
        raise ValueError(f"{region!r} is not a region that has a numbering plan")
    readings = {digits}
    with suppress(phonenumbers.NumberParseException):
        national = phonenumbers.parse(digits, region)
        readings.add(f"{national.country_code}{phonenumbers.national_significant_number(national)}")
    return _one_of(readings, _MOBILE) or _one_of(readings, _FIXED) or _usable(digits)


def _one_of(readings: Iterable[str], kinds: frozenset[int]) -> Msisdn | None:
    """Return the one reading that is a number of these kinds, None when none is; two are refused."""
    fitting = {facts.digits for facts in map(_facts, readings) if facts.kind in kinds}
    if len(fitting) > 1:
        raise _invalid("could be a number of two countries")
    return Msisdn(fitting.pop()) if fitting else None


def _usable(digits: str) -> Msisdn:
    """Return a number that begins with its country code, or raise `InvalidMessage`."""
    if not SHORTEST <= len(digits) <= LONGEST:
        raise _invalid(f"has {len(digits)} digits, an international number has {SHORTEST} to {LONGEST}")
    facts = _facts(digits)
    if facts.kind == Kind.UNKNOWN:
        raise _invalid("is in no numbering plan")
    if facts.kind in _NEVER_RECEIVE:
        raise InvalidMessage("to", "is a toll-free, premium or other service number, which receives no messages")
    return Msisdn(facts.digits)


class _Facts(msgspec.Struct, frozen=True, gc=False):
    """What the numbering plan says of an international number."""

    digits: str
    """Without a trunk prefix that was written after the country code, as in +44 (0)20."""
    kind: int
    country: str | None


@lru_cache(_CACHED)
def _facts(digits: str) -> _Facts:
    country = plain_mobile(digits)
    return _Facts(digits, Kind.MOBILE, country) if country is not None else _parsed_facts(digits)


def _parsed_facts(digits: str) -> _Facts:
    try:
        number = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return _Facts(digits, Kind.UNKNOWN, None)
    kind = phonenumbers.number_type(number)
    if kind == Kind.UNKNOWN:
        return _Facts(digits, Kind.UNKNOWN, None)
    country = phonenumbers.region_code_for_number(number)
    return _Facts(
        digits=f"{number.country_code}{phonenumbers.national_significant_number(number)}",
        kind=kind,
        country=None if country == _NO_ONE_COUNTRY else country,
    )
