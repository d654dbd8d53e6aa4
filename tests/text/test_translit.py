"""Cyrillic in Latin letters: by the passports' rule, with sensible capitals, and nothing else is touched."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.message import Alphabet
from pointsman.text import count_segments, translit
from pointsman.text.translit import LETTERS

RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
CYRILLIC = "".join(LETTERS)


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Щука", "Shchuka"),
        ("ЩУКА", "SHCHUKA"),
        ("щука", "shchuka"),
        (
            "Съешь ещё этих мягких французских булок, да выпей чаю",
            "Sieesh eshche etikh miagkikh frantsuzskikh bulok, da vypei chaiu",
        ),
        ("Ёлка, ЁЖ, объект, подъезд №5", "Elka, EZH, obieekt, podieezd №5"),
        ("Юлия Цой", "Iuliia Tsoi"),
        ("Я", "Ia"),
        ("ООО «ЮЖНАЯ НОЧЬ»", "OOO «IUZHNAIA NOCH»"),
        ("ХОРОШИЙ ДЕНЬ", "KHOROSHII DEN"),
        ("БОРЩ", "BORSHCH"),
        ("Київ, Європа, Ґанок, їжак", "Kiiv, Ievropa, Ganok, izhak"),
        ("Магілёў, Ўладзімір", "Magileu, Uladzimir"),
        ("Қазақстан, Өскемен, Үлгі, Ұлы, Ңғһә", "Kazakstan, Oskemen, Ulgi, Uly, Ngha"),
        ("Code 4711 — OK", "Code 4711 — OK"),
        ("", ""),
    ],
)
def test_words(text: str, latin: str) -> None:
    """What words become."""
    assert latin == translit(text)


def test_every_letter_of_the_russian_alphabet() -> None:
    """The whole alphabet by ICAO Doc 9303."""
    expected = "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y  e iu ia"

    assert expected == translit(" ".join(RUSSIAN))


def test_letters_in_two_characters() -> None:
    """Letters that some systems write as a letter and a mark leave no mark behind."""
    whole = "ёйўїЁЙЎЇ"
    parted = unicodedata.normalize("NFD", whole)

    assert len(parted) == 16
    assert translit(whole) == translit(parted)


@given(st.text())
def test_no_letter_is_left_and_nothing_else_is_touched(text: str) -> None:
    """Afterwards no letter of the table is there; a text without any comes back as it was, and once is enough."""
    latin = translit(text)

    assert set(latin).isdisjoint(LETTERS)
    assert latin == translit(latin)
    if set(text).isdisjoint(LETTERS):
        assert text == latin


@given(st.text(alphabet=CYRILLIC + " 1a.,!?", max_size=80))
def test_cyrillic_becomes_gsm7(text: str) -> None:
    """A text of Cyrillic letters and plain signs needs no UCS-2 any more."""
    assert count_segments(translit(text)).alphabet is Alphabet.GSM7


@given(st.text(alphabet=RUSSIAN, min_size=2), st.text(alphabet=RUSSIAN, min_size=2))
def test_capitals(one: str, other: str) -> None:
    """Words in capitals stay so, small ones stay small, and a word does not depend on its neighbours."""
    assert translit(one.upper()) == translit(one).upper()
    assert translit(one).islower() or translit(one) == ""
    assert translit(f"{one.upper()} {other}") == f"{translit(one.upper())} {translit(other)}"


@given(st.text(alphabet=RUSSIAN, min_size=2))
def test_only_the_first_letter_is_a_capital(word: str) -> None:
    """A word that begins with a capital has one capital afterwards as well, unless its first letter is not written."""
    latin = translit(word.capitalize())

    assert sum(letter.isupper() for letter in latin) == (0 if word[0] == "ь" else 1)
