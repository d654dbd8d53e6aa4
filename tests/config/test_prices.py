"""Price lists are read whole and exactly; what is wrong is named by file, line and column."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from pointsman.config.prices import MAX_PROBLEMS, read_price_file
from pointsman.config.rows import RowReader
from pointsman.errors import Problem
from pointsman.message import Channel
from pointsman.routing.price import ChargedOn, PriceRow

HEADER = "mccmnc,prefix,country,channel,price,currency,charged_on,from,to\n"


def load(
    folder: Path, content: str | bytes, currency: str | None = "RUB"
) -> tuple[tuple[PriceRow, ...], list[Problem]]:
    """Read a price list with this content."""
    file = folder / "list.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_price_file(file, "list.csv", RowReader(currency, {"RUB", "EUR"}))


def test_every_column(tmp_path: Path) -> None:
    """Each column arrives in its field; a bare date is a whole day in UTC, the last one included."""
    text = HEADER + "25001,,,sms,2.95,RUB,delivery,2026-01-01,2026-12-31\n,7916,,viber,0,,,2026-01-01T00:00:00+03:00,\n"

    rows, problems = load(tmp_path, text)

    assert problems == []
    assert rows[0] == PriceRow(
        mccmnc="25001",
        channel=Channel.SMS,
        price=Decimal("2.95"),
        currency="RUB",
        charged_on=ChargedOn.DELIVERY,
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_to=datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert (rows[1].prefix, rows[1].price, rows[1].currency) == ("7916", Decimal(0), "RUB")
    assert rows[1].valid_from == datetime(2025, 12, 31, 21, tzinfo=UTC)


def test_columns_may_be_few_and_in_any_order(tmp_path: Path) -> None:
    """Only the columns that are needed must be there; blanks, a byte order mark and empty lines do no harm."""
    rows, problems = load(tmp_path, "\ufeffprice , country,channel\r\n\r\n 2.50,RU , sms\r\n")

    assert problems == []
    assert [(row.country, row.price) for row in rows] == [("RU", Decimal("2.50"))]


def test_for_ever(tmp_path: Path) -> None:
    """The last day of the calendar means no end."""
    rows, _ = load(tmp_path, "country,channel,price,to\nRU,sms,1,9999-12-31\n")

    assert rows[0].valid_to is None


def test_first_currency_decides(tmp_path: Path) -> None:
    """Where the account's currency is not known, the list decides, and it may not change its mind."""
    rows, problems = load(tmp_path, "country,channel,price,currency\nRU,sms,1,EUR\nKZ,sms,1,RUB\n", currency=None)

    assert [row.currency for row in rows] == ["EUR"]
    assert "RUB in an account in EUR" in problems[0].message


ROWS = [
    ("25001,,,sms,abc,,,,", "price", "this is not a price"),
    ("25001,,,sms,-1,,,,", "price", "a price cannot be negative"),
    ("25001,,,sms,NaN,,,,", "price", "this is not a price"),
    ("25001,,,sms,1e3,,,,", "price", "this is not a price"),
    ('25001,,,sms,"2,95",,,,', "price", "an amount with a point"),
    ("25001,,,sms,,,,,", "price", "this is not a price"),
    ("2500,,,sms,1,,,,", "mccmnc", "5 or 6 digits"),
    (",+7916,,sms,1,,,,", "prefix", 'without "+"'),
    (",,UK,sms,1,,,,", "country", "ISO 3166-1"),
    ("25001,7916,,sms,1,,,,", "mccmnc|prefix|country", "exactly one of"),
    (",,,sms,1,,,,", "mccmnc|prefix|country", "exactly one of"),
    (",,RU,smss,1,,,,", "channel", 'did you mean "sms"?'),
    (",,RU,,1,,,,", "channel", "expected one of"),
    (",,RU,sms,1,rub,,,", "currency", "ISO 4217"),
    (",,RU,sms,1,EUR,,,", "currency", "EUR in an account in RUB"),
    (",,RU,sms,1,,always,,", "charged_on", '"submit", "delivery"'),
    (",,RU,sms,1,,,31.12.2026,", "from", "expected a date"),
    (",,RU,sms,1,,,2026-01-01T00:00:00,", "from", "needs its zone"),
    (",,RU,sms,1,,,2026-01-01x00:00:00,", "from", "needs its zone"),
    (",,RU,sms,1,,,2026-02-01,2026-01-31", "to", "ends before it begins"),
    (",,RU,sms", "", "4 cells under 9 columns"),
]


@pytest.mark.parametrize(("row", "column", "message"), ROWS, ids=[row for row, _, _ in ROWS])
def test_bad_row(tmp_path: Path, row: str, column: str, message: str) -> None:
    """A bad row is named by line and column with what to do; the good ones around it are read."""
    rows, [problem] = load(tmp_path, f"{HEADER},,KZ,sms,1,,,,\n{row}\n,,BY,sms,1,,,,\n")

    assert (problem.file, problem.line, problem.key) == ("list.csv", 3, column)
    assert message in f"{problem.message} {problem.suggestion}"
    assert [row.country for row in rows] == ["KZ", "BY"]


def test_row_with_several_mistakes(tmp_path: Path) -> None:
    """Every bad cell of a row is a problem of its own, and the currency that a bad row names is not asked for again."""
    text = "country,channel,price,currency,from\nUK,smss,x,EUR,soon\nRU,sms,1,,\n"

    rows, problems = load(tmp_path, text, currency=None)

    assert [(problem.line, problem.key) for problem in problems] == [
        (2, "country"),
        (2, "channel"),
        (2, "price"),
        (2, "from"),
    ]
    assert [(row.country, row.currency) for row in rows] == [("RU", "EUR")]


def test_same_numbers_from_the_same_day(tmp_path: Path) -> None:
    """Two prices that begin on one day for the same numbers are refused; a new price from another day is not."""
    text = "prefix,mccmnc,channel,price,from\n25001,,sms,1,\n,25001,sms,1,\n25001,,sms,2,2026-01-01\n25001,,sms,3,\n"

    rows, problems = load(tmp_path, text)

    assert len(rows) == 3
    assert [(problem.line, problem.key) for problem in problems] == [(5, "prefix")]


FILES = [
    ("semicolons", b"country;channel;price\nRU;sms;1\n", 1, "not separated by commas"),
    ("misspelt", b"country,chanel,price\nRU,sms,1\n", 1, "unknown column"),
    ("no price", b"country,channel\nRU,sms\n", 1, "the column is missing"),
    ("no place", b"channel,price\nsms,1\n", 1, "for which numbers"),
    ("doubled", b"country,channel,price,price\n", 1, "twice"),
    ("empty", b"", 1, "the column is missing"),
    ("encoding", "country,channel,price\nRU,sms,1\nСтрана,sms,2\n".encode("cp1251"), 3, "byte 1 is not UTF-8"),
    ("zero byte", b"country,channel,price\nRU,sms,1\x00\n", 2, "zero byte"),
    ("open quote", b'country,channel,price\nRU,sms,"1\n', 2, "this is not CSV"),
]


@pytest.mark.parametrize(("content", "line", "message"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_file_that_is_no_price_list(tmp_path: Path, content: bytes, line: int, message: str) -> None:
    """Wrong separators, columns, encodings and quotes are named with their line."""
    _, problems = load(tmp_path, content)

    assert problems[0].line == line
    assert any(message in problem.message for problem in problems)


def test_missing_file(tmp_path: Path) -> None:
    """A price list that is not there is one problem without a line."""
    rows, [problem] = read_price_file(tmp_path / "none.csv", "none.csv", RowReader("RUB", {"RUB"}))

    assert rows == ()
    assert (problem.line, problem.message) == (None, "the price list cannot be read: No such file or directory")


def test_file_that_is_wrong_throughout(tmp_path: Path) -> None:
    """A list with a thousand bad rows is reported with the first few and the remark that it was given up."""
    _, problems = load(tmp_path, "country,channel,price\n" + "RU,sms,x\n" * 1000)

    assert len(problems) == MAX_PROBLEMS + 1
    assert "the rest of the file was not read" in problems[-1].message


def test_hundred_thousand_rows(tmp_path: Path) -> None:
    """A list of 100,000 rows is read in about a second, also on a slow machine under load."""
    lines = [f"{7900000000 + number},sms,{number % 97}.25,RUB,2026-01-01\n" for number in range(100_000)]
    text = "prefix,channel,price,currency,from\n" + "".join(lines)

    before = time.process_time()
    rows, problems = load(tmp_path, text)
    spent = time.process_time() - before

    assert (len(rows), problems) == (100_000, [])
    assert spent < 2.0
