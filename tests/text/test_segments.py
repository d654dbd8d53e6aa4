"""Segments: the recorded vectors, the edges of the two tables and an independent library."""

import json
from pathlib import Path

import pytest
import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.message import Alphabet, Segments
from pointsman.text import DEFAULT_TABLE, ESCAPE, EXTENSION_TABLE, count_segments, septets

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures" / "segments.json").read_text(encoding="utf-8"))

BASIC = DEFAULT_TABLE.replace(ESCAPE, "")
FOREIGN = "`\tç’“яЖα中\u00a0😀👍"


@pytest.mark.trap("D22")
@pytest.mark.parametrize("name", VECTORS)
def test_recorded_vectors(name: str) -> None:
    """Every recorded text has the alphabet, units and number of parts that three other counters agreed on."""
    text, alphabet, units, count = VECTORS[name]
    assert Segments(Alphabet(alphabet), units, count) == count_segments(text)


def test_tables_have_their_sizes() -> None:
    """The default table holds 128 different characters and the extension table ten others."""
    assert (len(DEFAULT_TABLE), len(set(DEFAULT_TABLE))) == (128, 128)
    assert len(EXTENSION_TABLE) == 10
    assert not set(EXTENSION_TABLE) & set(DEFAULT_TABLE)


@pytest.mark.parametrize("character", BASIC)
def test_basic_characters_take_one_septet(character: str) -> None:
    """A character of the default table is one septet."""
    assert Segments(Alphabet.GSM7, 1, 1) == count_segments(character)


@pytest.mark.parametrize("character", EXTENSION_TABLE)
def test_extension_characters_take_two_septets(character: str) -> None:
    """A character of the extension table is an escape and a code."""
    assert ESCAPE + character == septets(character)
    assert Segments(Alphabet.GSM7, 2, 1) == count_segments(character)


@pytest.mark.parametrize("character", [*FOREIGN, ESCAPE])
def test_one_foreign_character_makes_the_whole_text_ucs2(character: str) -> None:
    """A single character outside both tables, a bare escape included, moves the whole text to UCS-2."""
    units = 10 + len(character.encode("utf-16-be")) // 2
    assert Segments(Alphabet.UCS2, units, 1) == count_segments("Code 1234 " + character)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 151 + "€" + "a" * 153, 2),
        ("я" * 66 + "😀" + "я" * 66, 3),
        ("я" * 65 + "😀" + "я" * 67, 2),
        ("a" * 158 + "€", 1),
        ("a" * 159 + "€", 2),
        ("я" * 68 + "😀", 1),
        ("я" * 69 + "😀", 2),
    ],
)
def test_pairs_stay_whole(text: str, count: int) -> None:
    """A pair that would straddle two parts goes to the second, which can cost one part more."""
    assert count == count_segments(text).count


def test_half_a_surrogate_pair_does_not_raise() -> None:
    """Broken text is counted like any other; whether it may be sent is another question."""
    assert Segments(Alphabet.UCS2, 71, 2) == count_segments("\ud83d" * 71)


runs = st.lists(
    st.tuples(st.sampled_from(BASIC + "".join(EXTENSION_TABLE)), st.integers(1, 160)), min_size=1, max_size=6
)
foreign_runs = st.lists(st.tuples(st.sampled_from("a€" + FOREIGN), st.integers(1, 80)), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.one_of(runs, foreign_runs))
def test_agrees_with_an_independent_counter(runs: list[tuple[str, int]]) -> None:
    """For any text the alphabet, units and parts are those of `smsutil`, which really builds the parts."""
    text = "".join(character * times for character, times in runs)
    split = smsutil.split(text)
    gsm7 = split.encoding == "gsm0338"
    expected = Segments(
        Alphabet.GSM7 if gsm7 else Alphabet.UCS2,
        split.total_bytes if gsm7 else split.total_bytes // 2,
        len(split.parts),
    )
    assert expected == count_segments(text)
