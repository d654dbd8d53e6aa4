"""Cuts a text into SMS segments the way a gateway bills them (3GPP TS 23.038 and 23.040)."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")

_LATIN = {
    **dict(zip("абвгдезийклмнопрстуфхцыэ", "abvgdeziyklmnoprstufhcye", strict=True)),
    **dict(zip("ёжчшщъьюя", ("e", "zh", "ch", "sh", "sch", "", "", "yu", "ya"), strict=True)),
}
_TRANSLITERATION = str.maketrans({**_LATIN, **{key.upper(): value.capitalize() for key, value in _LATIN.items()}})


def transliterated(text: str) -> str:
    """Write Russian letters in Latin ones; everything else stays."""
    return text.translate(_TRANSLITERATION)


def count_segments(text: str) -> int:
    """Return the number of segments; an empty text takes one."""
    if all(character in BASIC or character in EXTENDED for character in text):
        return _parts([2 if character in EXTENDED else 1 for character in text], 160, 153)
    return _parts([2 if ord(character) > 0xFFFF else 1 for character in text], 70, 67)


def _parts(units: list[int], alone: int, joined: int) -> int:
    """Fill parts without dividing a character of two units."""
    if sum(units) <= alone:
        return 1
    parts, room = 1, joined
    for unit in units:
        if unit > room:
            parts, room = parts + 1, joined
        room -= unit
    return parts
