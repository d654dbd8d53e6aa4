"""How many parts an SMS takes: what is paid for, and what a provider may limit."""

from pointsman.message import Alphabet, Segments
from pointsman.text.alphabet import ESCAPE, septets

SINGLE_SEPTETS = 160
PART_SEPTETS = 153
SINGLE_UNITS = 70
PART_UNITS = 67
"""Units of UTF-16. A part of several loses six octets to the header that joins them (3GPP TS 23.040, 9.2.3.24.1)."""

_HIGH_SURROGATES = range(0xD8, 0xDC)


def count_segments(text: str) -> Segments:
    """Count the parts of an SMS with this text; an empty text is one part of nothing.

    Neither an escape pair (`€`) nor a surrogate pair (`😀`) is ever divided between two parts, so a part may stay one
    unit short of full and `count` may exceed `units` divided by the size of a part.
    """
    coded = septets(text)
    if coded is None:
        return _count_units(text)
    units = len(coded)
    if units <= SINGLE_SEPTETS:
        return Segments(Alphabet.GSM7, units, 1)
    count = -(-units // PART_SEPTETS) if coded is text else _septet_parts(coded)
    return Segments(Alphabet.GSM7, units, count)


def _count_units(text: str) -> Segments:
    coded = text.encode("utf-16-be", "surrogatepass")
    units = len(coded) // 2
    if units <= SINGLE_UNITS:
        return Segments(Alphabet.UCS2, units, 1)
    count = -(-units // PART_UNITS) if units == len(text) else _unit_parts(coded)
    return Segments(Alphabet.UCS2, units, count)


def _septet_parts(coded: str) -> int:
    """Count parts of septets; one that would end with an escape leaves it to the next part."""
    count, start = 0, 0
    while start < len(coded):
        start += PART_SEPTETS
        if start < len(coded) and coded[start - 1] == ESCAPE:
            start -= 1
        count += 1
    return count


def _unit_parts(coded: bytes) -> int:
    """Count parts of UTF-16; one that would end with the first half of a pair leaves it to the next part."""
    count, start = 0, 0
    while start < len(coded):
        start += 2 * PART_UNITS
        if start < len(coded) and coded[start - 2] in _HIGH_SURROGATES:
            start -= 2
        count += 1
    return count
