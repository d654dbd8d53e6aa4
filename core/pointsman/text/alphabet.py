"""The GSM 7-bit default alphabet (3GPP TS 23.038, 6.2.1): what fits into septets, and at what price."""

import re

ESCAPE = "\x1b"
"""Code 27, which announces a character of the extension table; as a character of its own it means nothing."""

DEFAULT_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""The 128 characters in the order of their codes; one septet each."""

EXTENSION_TABLE = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""Characters that travel as an escape and this code; two septets each."""

_BASIC = re.escape(DEFAULT_TABLE.replace(ESCAPE, ""))
_EXTENDED = re.escape("".join(EXTENSION_TABLE))
_BEYOND_BASIC = re.compile(f"[^{_BASIC}]")
_BEYOND_GSM7 = re.compile(f"[^{_BASIC}{_EXTENDED}]")


def septets(text: str) -> str | None:
    """Return the text with an `ESCAPE` before each character of the extension table, so that its length is in septets.

    None when a character is in neither table (Cyrillic, a tab, a backtick, `ç`, typographic quotes …) and the whole
    text has to travel as UCS-2. National shift tables are not used: providers do not offer them.
    """
    if _BEYOND_BASIC.search(text) is None:
        return text
    if _BEYOND_GSM7.search(text) is not None:
        return None
    for character in EXTENSION_TABLE:
        text = text.replace(character, ESCAPE + character)
    return text
