"""Numbers are recognisable to those who know them, and to nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.telemetry import Masker, scrub


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("79161234567", "+7916***4567"),
        ("123456789012345", "+1234***2345"),
        ("3712000000", "+371***0000"),
        ("1234567", "+12***67"),
        ("123", "+***"),
    ],
)
def test_masks(number, shown):
    """Country and operator in front, the last digits behind; shorter numbers show less."""
    assert Masker(b"key").mask(number) == shown


@given(st.from_regex(r"[1-9][0-9]{2,14}", fullmatch=True))
def test_at_least_three_digits_are_hidden(number):
    """A mask never gives a number away."""
    shown = sum(character.isdigit() for character in Masker(b"key").mask(number))

    assert shown <= len(number) - 3


def test_a_hash_depends_on_the_number_and_on_the_key():
    """The same key finds the number again; another key, or none, does not."""
    masker = Masker(b"key")
    hashes = [masker.hash("79161234567"), Masker(b"key").hash("79161234567"), masker.hash("79161234568")]
    strangers = [Masker(b"other").hash("79161234567"), Masker().hash("79161234567"), Masker().hash("79161234567")]

    assert hashes[0] == hashes[1] == "b308b78e91c9"
    assert len({*hashes, *strangers}) == 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Abonent 79161234567 blocked", "Abonent *** blocked"),
        ("+7 (916) 123-45-67", "***"),
        ("8.916.123.45.67!", "***!"),
        ("7 916 123 45 67", "***"),
        ("٠١٢٣٤٥٦٧", "***"),
        ("a7916b1234567", "a7916b***"),
        ("code 123456", "code 123456"),
        ("error 20 in 10 parts", "error 20 in 10 parts"),
        ("", ""),
    ],
)
def test_words_of_others(text, shown):
    """Whatever may be a number is taken out, however it is written; short codes stay."""
    assert scrub(text) == shown


def test_words_of_others_are_cut():
    """An answer of a megabyte does not become a line of a megabyte, and the cut leaves no piece of a number."""
    assert scrub("ab" * 500_000) == "ab" * 99 + "a…"
    assert scrub("a" * 997 + "79161234567", limit=2000) == "a" * 997 + "***"
    assert scrub("7916123" * 200) == "***"
