"""How many SMS a text takes by 3GPP TS 23.038 and 23.040; a count of its own, so that it can contradict a client."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")


def count_parts(text: str) -> int:
    """Return the number of SMS; an escape pair and a surrogate pair are never divided between two of them."""
    if all(character in _BASIC or character in _EXTENDED for character in text):
        return _cut([2 if character in _EXTENDED else 1 for character in text], whole=160, part=153)
    return _cut([2 if ord(character) > 0xFFFF else 1 for character in text], whole=70, part=67)


def _cut(widths: list[int], *, whole: int, part: int) -> int:
    if sum(widths) <= whole:
        return 1
    parts, room = 1, part
    for width in widths:
        if width > room:
            parts, room = parts + 1, part
        room -= width
    return parts
