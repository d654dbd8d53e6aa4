"""Number ranges: the regulator's table, its mistakes, and finding a number in it."""

from pathlib import Path

import pytest

from pointsman.errors import ConfigError
from pointsman.message import Msisdn, Network, NetworkSource
from pointsman.text import NumberRange, NumberRanges, classify, read_ranges
from pointsman.text.ranges import MOST_PROBLEMS

SAMPLE = Path(__file__).parents[1] / "fixtures" / "def_sample.csv"
HEADER = "АВС/ DEF;От;До;Емкость;Оператор;Регион;Территория ГАР;ИНН\n"


@pytest.fixture(scope="module")
def sample() -> NumberRanges:
    """The sample table in the regulator's form."""
    return NumberRanges.load(SAMPLE)


def table(*rows: str) -> list[str]:
    """The lines of a table with these rows."""
    return [HEADER, *(row + "\n" for row in rows)]


def block(first: int, last: int) -> NumberRange:
    """A range about which only its limits matter."""
    return NumberRange(first=first, last=last, operator="", region="", network=None, line=0)


@pytest.mark.parametrize(
    ("msisdn", "mccmnc"),
    [
        ("79000000000", "25020"),
        ("79000300000", "25035"),
        ("79000499999", "25035"),
        ("79000500000", "25020"),
        ("79003350000", "25099"),
        ("79161234567", "25001"),
        ("79169999999", "25001"),
        ("79260000000", "25002"),
    ],
)
def test_numbers_have_the_network_of_their_range(sample: NumberRanges, msisdn: str, mccmnc: str) -> None:
    """A number between the first and the last of a range, both included, has the network of its operator."""
    expected = Network("RU", mccmnc, NetworkSource.RANGE)
    assert expected == sample.lookup(Msisdn(msisdn))
    assert expected == classify(Msisdn(msisdn), sample)


@pytest.mark.parametrize("msisdn", ["78999999999", "79001000000", "79270000000", "380505142320", "29022123"])
def test_numbers_outside_of_all_ranges(sample: NumberRanges, msisdn: str) -> None:
    """Before, between and after the ranges there is nothing."""
    assert (sample.find(Msisdn(msisdn)), sample.lookup(Msisdn(msisdn))) == (None, None)


def test_operator_without_a_known_network(sample: NumberRanges) -> None:
    """A range of an operator that is not known tells operator and region, but no network: only the country remains."""
    to = Msisdn("79002188000")
    found = sample.find(to)
    assert found is not None
    assert (found.operator, found.region) == ('ООО "СИМ ТЕЛЕКОМ"', "г. Москва и Московская область")
    assert sample.lookup(to) is None
    assert Network("RU") == classify(to, sample)


@pytest.mark.parametrize(
    ("msisdn", "country"),
    [("77012345678", "KZ"), ("85267202829", "HK"), ("79161234567", "RU"), ("883510012345678", None)],
)
def test_without_ranges_only_the_country_is_known(msisdn: str, country: str | None) -> None:
    """The numbering plan alone gives the country and no network."""
    assert Network(country, None, NetworkSource.COUNTRY) == classify(Msisdn(msisdn))


def test_order_and_spelling_of_the_table_do_not_matter() -> None:
    """Rows may come in any order, columns too, quotes may be doubled, blank lines and short numbers are fine."""
    lines = [
        "Регион;Оператор;До;От;АВС/DEF\n",
        'Москва;"ПАО ""МегаФон""";9;5;926\n',
        "\n",
        'Москва;ПАО "МТС";4;0;926\n',
    ]
    ranges = NumberRanges(read_ranges(lines, "table.csv"))
    networks = [ranges.lookup(Msisdn(number)) for number in ("79260000004", "79260000005")]
    assert [network.mccmnc for network in networks if network] == ["25001", "25002"]
    assert [found.line for found in map(ranges.find, map(Msisdn, ("79260000000", "79260000009"))) if found] == [4, 2]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("900;0000000", "table.csv:3: has 2 fields, fewer than the header needs"),
        ("90;0;1;2;МТС;Москва;Москва;1", "table.csv:3: '90' is not a code of three digits"),
        ("900;a;1;2;МТС;Москва;Москва;1", "table.csv:3: 'a' to '1' are not numbers of at most seven digits"),
        (
            "900;0;10000000;2;МТС;Москва;Москва;1",
            "table.csv:3: '0' to '10000000' are not numbers of at most seven digits",
        ),
        ("900;-1;1;2;МТС;Москва;Москва;1", "table.csv:3: '-1' to '1' are not numbers of at most seven digits"),
        ("900;5;1;2;МТС;Москва;Москва;1", "table.csv:3: 5 is after 1"),
        ("901;5;20;2;МТС;Москва;Москва;1", "table.csv:3: overlaps the range of line 2"),
        ('900;0;1;2;"МТС;Москва;Москва;1', "table.csv:3: has 5 fields, fewer than the header needs"),
    ],
)
def test_bad_rows_are_named(row: str, problem: str) -> None:
    """A bad row is refused with file, line and reason."""
    with pytest.raises(ConfigError) as caught:
        read_ranges(table("901;0;9;10;МТС;Москва;Москва;1", row), "table.csv")
    assert problem == str(caught.value)


def test_many_bad_rows_are_cut_short() -> None:
    """A file of another kind gives a readable error."""
    with pytest.raises(ConfigError) as caught:
        read_ranges(table(*["nonsense"] * 1000), "table.csv")
    assert len(caught.value.problems) == MOST_PROBLEMS


def test_other_files_are_named(tmp_path: Path) -> None:
    """A missing, empty, foreign or wrongly encoded file is refused with its name and what is wrong with it."""
    empty, foreign, cyrillic = tmp_path / "empty.csv", tmp_path / "foreign.csv", tmp_path / "cp1251.csv"
    empty.touch()
    foreign.write_text("a,b,c\n1,2,3\n")
    cyrillic.write_text(HEADER, encoding="cp1251")
    reasons = {
        tmp_path / "none.csv": "none.csv: cannot be read: No such file or directory",
        empty: "empty.csv:1: lacks the heading АВС/DEF, От, До, Оператор, Регион",
        foreign: "foreign.csv:1: lacks the heading АВС/DEF, От, До, Оператор, Регион",
        cyrillic: "cp1251.csv: is not UTF-8",
    }
    for path, reason in reasons.items():
        with pytest.raises(ConfigError) as caught:
            NumberRanges.load(path)
        assert reason in str(caught.value)


def test_ranges_with_a_number_in_common_are_a_mistake() -> None:
    """Ranges that overlap have no single answer and are refused wherever they come from; neighbours are fine."""
    assert len(NumberRanges([block(10, 19), block(0, 9)])) == 2
    with pytest.raises(ValueError, match="0-10 and 10-19 overlap"):
        NumberRanges([block(10, 19), block(0, 10)])
