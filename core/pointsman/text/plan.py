"""The usual case of a number, a plain mobile one, decided without libphonenumber's general and slow parser.

libphonenumber's own patterns are used, but only where nothing else can apply: no trunk prefix to strip, no leading
zero, and no other kind of number that the digits might be. Whatever is not that plain is left to the parser.
"""

import re
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

_OTHER_KINDS = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")


class _Plan(NamedTuple):
    """The patterns of one region."""

    region: str
    leading: re.Pattern[str] | None
    """Which national numbers are of this region, among several that share a country code."""
    trunk: re.Pattern[str] | None
    general: re.Pattern[str]
    mobile: re.Pattern[str]
    others: tuple[re.Pattern[str], ...]


def plain_mobile(digits: str) -> str | None:
    """Return the country of an international number that is surely mobile; None when that takes a closer look."""
    for length in (1, 2, 3):
        plans = _plans(digits[:length])
        if plans:
            return _among(plans, digits[length:])
    return None


def _among(plans: tuple[_Plan, ...], national: str) -> str | None:
    if national.startswith("0"):
        return None
    for plan in plans:
        if plan.leading is None:
            return plan.region if _is_plain(plan, national) else None
        if plan.leading.match(national):
            return plan.region if _is_plain(plan, national) else None
    return None


def _is_plain(plan: _Plan, national: str) -> bool:
    return (
        plan.mobile.fullmatch(national) is not None
        and plan.general.fullmatch(national) is not None
        and (plan.trunk is None or plan.trunk.match(national) is None)
        and not any(other.fullmatch(national) for other in plan.others)
    )


@cache
def _plans(country_code: str) -> tuple[_Plan, ...]:
    """Return the plans behind a country code; empty when it is none, or one that is too intricate for this."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(country_code or "0"), ())
    plans = [_plan(region) for region in regions]
    return tuple(plan for plan in plans if plan is not None) if all(plans) else ()


def _plan(region: str) -> _Plan | None:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None:
        return None
    general, mobile = _pattern(metadata.general_desc), _pattern(metadata.mobile)
    if general is None or mobile is None:
        return None
    others = [_pattern(getattr(metadata, kind)) for kind in (*_OTHER_KINDS, "fixed_line")]
    trunk, leading = metadata.national_prefix_for_parsing, metadata.leading_digits
    return _Plan(
        region=region,
        leading=re.compile(leading) if leading else None,
        trunk=re.compile(trunk) if trunk else None,
        general=general,
        mobile=mobile,
        others=tuple(other for other in others if other is not None),
    )


def _pattern(desc: PhoneNumberDesc | None) -> re.Pattern[str] | None:
    pattern = desc.national_number_pattern if desc is not None else None
    return re.compile(pattern) if pattern else None
