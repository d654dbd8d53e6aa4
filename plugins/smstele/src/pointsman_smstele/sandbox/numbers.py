"""The provider's number plan: which operator serves a number, and which numbers it does not know at all."""

from collections.abc import Iterable, Mapping

import msgspec

MOSCOW = "77"
PETERSBURG = "78"


class Operator(msgspec.Struct, frozen=True):
    """An operator as answers name it. `mnc` comes without the country code; `region` is a code of Russia's subjects."""

    name: str
    region: str
    mnc: str


NOBODY = Operator(name="", region="", mnc="")
"""What answers say of a number that the plan does not list."""

MTS, MEGAFON, BEELINE, TELE2, YOTA = "mMTS", "mMEGAFON", "mBEELINE", "mTELE2", "mYOTA"


def _rows(name: str, mnc: str, codes: Iterable[int], region: str = MOSCOW) -> dict[str, Operator]:
    return {f"7{code}": Operator(name, region, mnc) for code in codes}


NUMBER_PLAN: Mapping[str, Operator] = {
    **_rows(MTS, "01", [910, *range(912, 920), *range(980, 990)]),
    **_rows(MTS, "01", [911], PETERSBURG),
    **_rows(MEGAFON, "02", [920, *range(922, 930), *range(930, 939)]),
    **_rows(MEGAFON, "02", [921], PETERSBURG),
    **_rows(BEELINE, "99", [903, 905, 906, 909, *range(960, 967), 968]),
    **_rows(TELE2, "20", [900, 901, 902, 904, 908, *range(950, 954), 958, 977, 999]),
    **_rows(YOTA, "11", [995, 996]),
}
"""By prefix, the longest wins. 907 and 967 are missing on purpose: the document's example calls such numbers bad.

The document shows the two rows of 916 and 926; the others are plausible, not documented.
"""


def operator_of(phone: str, plan: Mapping[str, Operator]) -> Operator:
    """Look a number up; `NOBODY` when the plan has no row for it."""
    for length in range(len(phone), 0, -1):
        if (operator := plan.get(phone[:length])) is not None:
            return operator
    return NOBODY


def is_russian(phone: str) -> bool:
    """Say whether the plan ought to know this number: country code 7 without Kazakhstan's 76 and 77."""
    return phone.startswith("7") and not phone.startswith(("76", "77"))
