"""Cyrillic in Latin letters, as in passports: a text that needs UCS-2 becomes one that fits GSM-7."""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

_LOWER = {
    "а": "a",
    "б": "b",
    "в": "v",
    "г": "g",
    "д": "d",
    "е": "e",
    "ё": "e",
    "ж": "zh",
    "з": "z",
    "и": "i",
    "й": "i",
    "к": "k",
    "л": "l",
    "м": "m",
    "н": "n",
    "о": "o",
    "п": "p",
    "р": "r",
    "с": "s",
    "т": "t",
    "у": "u",
    "ф": "f",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "ie",
    "ы": "y",
    "ь": "",
    "э": "e",
    "ю": "iu",
    "я": "ia",
    # Ukrainian and Belarusian
    "є": "ie",
    "і": "i",
    "ї": "i",
    "ґ": "g",
    "ў": "u",
    # Kazakh
    "ә": "a",
    "ғ": "g",
    "қ": "k",
    "ң": "n",
    "ө": "o",
    "ұ": "u",
    "ү": "u",
    "һ": "h",
}
"""ICAO Doc 9303 part 3, section 6 B; the Kazakh letters, which it does not list, as the nearest plain letter."""

LETTERS: Mapping[str, str] = MappingProxyType(
    {**_LOWER, **{letter.upper(): latin.capitalize() for letter, latin in _LOWER.items()}}
)
"""Every letter that is written in Latin, small and capital, with what stands for it."""

_RUN = re.compile(f"[{''.join(LETTERS)}]+")
_IN_TWO = re.compile("[еиуіЕИУІ][\u0306\u0308]")
"""A letter and its mark as two characters, as some systems write ё, й, ў and ї."""


def translit(text: str) -> str:
    """Write Russian, Ukrainian, Belarusian and Kazakh letters in Latin ones; everything else stays as it is.

    By ICAO Doc 9303, the rule of passports: `Щука` becomes `Shchuka`, and `ЩУКА` becomes `SHCHUKA`. Quotes, dashes and
    other marks are not letters and stay, so a text with « » or — needs UCS-2 afterwards as well.
    """
    return _RUN.sub(_latin, _IN_TWO.sub(lambda pair: unicodedata.normalize("NFC", pair[0]), text))


def _latin(run: re.Match[str]) -> str:
    word = run[0]
    return "".join([_letter(word, place) for place in range(len(word))])


def _letter(word: str, place: int) -> str:
    """Return what stands for one letter: all in capitals where its neighbour is one, else only the first."""
    latin = LETTERS[word[place]]
    if len(latin) < 2 or word[place].islower():
        return latin
    following = word[place + 1 : place + 2]
    in_capitals = following.isupper() if following else place > 0 and word[place - 1].isupper()
    return latin.upper() if in_capitals else latin
