"""A provider's own table becomes a price list that reads as what was meant, or says where it cannot be read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.config.foreign import Plan, cells_of, read_foreign, written
from pointsman.config.prices import read_price_file
from pointsman.config.rows import RowReader

SMS = {"channel": "sms", "currency": "RUB"}


def read(text: str | bytes, currency: str | None = None, **plan: object) -> tuple[list[str], list[str]]:
    """Return rows as place and price, and the problems, each with its line."""
    content = text if isinstance(text, bytes) else text.encode()
    found, problems = read_foreign(
        content,
        "t",
        Plan(**{"defaults": SMS, **plan}),
        RowReader(currency, {"RUB", "EUR"}),  # type: ignore[arg-type]
    )
    rows = [f"{next(filter(None, cells_of(row)[:3]))} {row.price:f}" for _, row in found]
    return rows, [str(problem) for problem in problems]


RUSSIAN = "Код;Оператор;Цена\n250-01;МТС;2,95\n"
GOOD = {
    "our own": ("prefix,price\n7916,2.95\n", {}, "7916 2.95"),
    "decimal comma": ('prefix,price\n7916,"2,95"\n', {}, "7916 2.95"),
    "thousands with a comma": ('prefix,price\n7916,"1,234.5"\n', {}, "7916 1234.5"),
    "thousands with a point": ('prefix,price\n7916,"1.234,5"\n', {}, "7916 1234.5"),
    "thousands with a blank": ("prefix;price\n7916;1\u00a0234,5\n", {}, "7916 1234.5"),
    "a single comma divides": ('prefix,price\n7916,"1,234"\n', {}, "7916 1.234"),
    "prefix with a plus": ("prefix;price\n+7 (916);1\n", {}, "7916 1"),
    "prefix with zeros": ("prefix;price\n007916;1\n", {}, "7916 1"),
    "prefix with a star": ("prefix;price\n7916*;1\n", {}, "7916 1"),
    "two columns": ("mcc;mnc;price\n250;01;1\n", {}, "25001 1"),
    "zeros that were lost": ("MCC;MNC;Price\n250;1;1\n", {}, "25001 1"),
    "three digits that were lost": ("mcc;mnc;price\n310;4;1\n", {}, "310004 1"),
    "network before prefix": ("mccmnc;prefix;country;price\n25001;7916;RU;1\n", {}, "25001 1"),
    "prefix before country": ("prefix;country;price\n7916;ru;1\n", {}, "7916 1"),
    "small country": ("country;price\nru;1\n", {}, "RU 1"),
    "other names": (RUSSIAN, {"names": {"mccmnc": "Код", "price": "цена"}}, "25001 2.95"),
    "Windows-1251": (RUSSIAN.encode("cp1251"), {"names": {"mccmnc": "Код", "price": "Цена"}}, "25001 2.95"),
    "UTF-16": (RUSSIAN.encode("utf-16"), {"names": {"mccmnc": "Код", "price": "Цена"}}, "25001 2.95"),
    "byte order mark": (b"\xef\xbb\xbfprefix,price\r\n7916,1\r\n", {}, "7916 1"),
    "its own delimiter": ("prefix:price\n7916:1\n", {"delimiter": ":"}, "7916 1"),
    "empty rows": ("prefix;price\n;\n\n7916;1\n", {}, "7916 1"),
}


@pytest.mark.parametrize(("text", "plan", "expected"), GOOD.values(), ids=GOOD)
def test_tables_as_providers_write_them(text: str | bytes, plan: dict[str, object], expected: str) -> None:
    """Each of their ways to write a row is read as what it means."""
    assert read(text, **plan) == ([expected], [])


BAD = {
    "not a price": ("prefix;price\n7916;1\n7917;free\n", {}, "t:3: price: this is not a price"),
    "a currency beside the price": ("prefix;price\n7916;€1\n", {}, "t:2: price: this is not a price"),
    "a spreadsheet's number": ("mccmnc;price\n25001.0;1\n", {}, "t:2: mccmnc: expected 5 or 6 digits"),
    "a country by name": ("country;price\nRussia;1\n", {}, "t:2: country: expected a country as two capital letters"),
    "no numbers": ("prefix;price\n;1\n", {}, "t:2: mccmnc|prefix|country: exactly one of"),
    "too few cells": ("prefix;price\n7916\n", {}, "t:2: 1 cells under 2 columns"),
    "another currency": ("prefix;price;currency\n7916;1;EUR\n", {}, "t:2: currency: EUR in an account in RUB"),
    "a second price": ("prefix;price\n7916;1\n+7916;2\n", {}, "t:3: prefix: a second price for sms"),
    "open quote": ('prefix;price\n7916;"1\n', {}, "t:2: this is not CSV"),
    "no price column": ("prefix;цена\n", {}, "t:1: price: say which of prefix, цена it is: --column price=NAME"),
    "no channel": ("prefix;price\n", {"defaults": {}}, "t:1: channel: no column tells the channel; say --channel sms"),
    "no place": ("operator;price\n", {}, "t:1: mccmnc|prefix|country: no column says for which numbers"),
    "no such column": ("prefix;Prise\n", {"names": {"price": "Price"}}, "t:1: Price: there is no such column"),
    "the same column twice": ("prefix;price;price\n", {}, "t:1: price: the column is there twice"),
    "nothing": ("", {}, "t:1: price: say which of"),
}


@pytest.mark.parametrize(("text", "plan", "problem"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_told(text: str, plan: dict[str, object], problem: str) -> None:
    """Each row that cannot be read is named with its line and what to do."""
    _, problems = read(text, currency="RUB", **plan)

    assert problems[0].startswith(problem)


def test_good_rows_around_a_bad_one_are_read() -> None:
    """A bad row costs nobody else."""
    rows, problems = read("prefix;price\n7916;1\n7917;free\n7918;2\n7919;\n")

    assert rows == ["7916 1", "7918 2"]
    assert [problem.split(": ")[0] for problem in problems] == ["t:3", "t:5"]


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes(content: bytes) -> None:
    """Whatever the file holds, it is read or told about, and never breaks the command."""
    found, problems = read_foreign(b"prefix;price\n" + content, "t", Plan(defaults=SMS), RowReader(None, {"RUB"}))

    lines = [line for line, _ in found]
    assert sorted(set(lines)) == lines
    assert all(problem.line and problem.line > 1 and problem.line not in lines for problem in problems)


def test_what_is_written_reads_as_the_same(tmp_path: Path) -> None:
    """A list that was written is a price list of ours, with dates and all."""
    text = "prefix;country;price;charged_on;from;to\n7916;;2,95;delivery;01.02.2026;31.12.2026\n;KZ;1;;;\n"
    found, problems = read_foreign(text.encode(), "t", Plan(defaults=SMS), RowReader(None, {"RUB"}))
    file = tmp_path / "ours.csv"
    file.write_text(written([row for _, row in found]))

    assert problems == []
    assert read_price_file(file, "ours.csv", RowReader("RUB", {"RUB"})) == (tuple(row for _, row in found), [])
    assert file.read_text().splitlines()[0] == "prefix,country,channel,price,currency,charged_on,from,to"
