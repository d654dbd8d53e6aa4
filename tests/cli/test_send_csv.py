"""`send --csv`: every kind of bad file is refused before anything is sent, and good ones give a result for each row."""

import csv
import time
from pathlib import Path

import pytest

from pointsman.sandbox import error

from .conftest import Boxes, Runner

GOOD = "to,text,reference\n+79161230001,first,a\n+79161230002,second,b\n+79161230003,third,c\n"


def results_of(path: Path) -> list[dict[str, str]]:
    """Return the lines of a file of results, in the order of the rows."""
    with path.open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda line: int(line["row"]))


def test_results(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """Every row is sent once and has a line of results beside the input."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")

    run = pointsman("send", "--csv", "rows.csv")

    lines = [
        (r["row"], r["to"], r["reference"], r["state"], r["provider"], r["price"], r["currency"])
        for r in results_of(folder / "rows.results.csv")
    ]
    expected = [(str(n + 1), f"7916123000{n}", "abc"[n - 1], "sent", "smstele", "3.20", "RUB") for n in (1, 2, 3)]
    assert (0, expected) == (run.code, lines)
    assert sorted(message.text for message in boxes.messages) == ["first", "second", "third"]
    assert ("sent" in run.out, "spent: 9.60 RUB" in run.out) == (True, True)


def test_json_lines(pointsman: Runner, folder: Path, config: Path) -> None:
    """With --json every result is a line of JSON with the columns of the file of results."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")

    run = pointsman("send", "--csv", "rows.csv", "--json", "--results", "here.csv", "--wait")

    assert sorted((str(line["row"]), line["state"]) for line in run.json) == [
        ("2", "delivered"),
        ("3", "delivered"),
        ("4", "delivered"),
    ]
    assert [line["row"] for line in results_of(folder / "here.csv")] == ["2", "3", "4"]


def test_every_column(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """Columns come in any order, divided by semicolons, after a byte order mark; options fill the empty cells."""
    (folder / "rows.csv").write_text(
        "\ufeffText;TO;class;ttl;sender;channel\n"
        '" two\nlines ";8 916 123-00-01;OTP;5m;SHOP;sms\n'
        ";;;;;\n"
        "empty cells;+79161230002;;;;\n",
        encoding="utf-8",
    )

    run = pointsman("send", "--csv", "rows.csv", "--sender", "SHOP", "--class", "marketing")

    sent = sorted((message.to, message.text, message.sender) for message in boxes.messages)
    assert (run.code, sent) == (0, [("79161230001", " two\nlines ", "SHOP"), ("79161230002", "empty cells", "SHOP")])


def test_failed_rows(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """Rows that nobody takes have the code of the refusal, and the command ends with code 1."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")
    boxes.script("smstele", error("-43", endpoint="sendsms", times=None))
    boxes.script("devino", error("5", endpoint="Sms/*", times=None))

    run = pointsman("send", "--csv", "rows.csv")

    states = {(line["state"], line["code"]) for line in results_of(folder / "rows.results.csv")}
    assert (1, {"failed"}) == (run.code, {state for state, _ in states})
    assert {code for _, code in states} <= {"5", "-43", "no_route"}


HEADER = "to,text,sender,class,ttl,reference,channel\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "rows.csv: the first line is empty; it must name the columns"),
        (
            "number,message\n1,2\n",
            'rows.csv: there is no column "to"; the first row must name to,text; it may name sender',
        ),
        ("to,message\n1,2\n", 'rows.csv: unknown column "message"'),
        ("to,txt\n1,2\n", 'rows.csv: unknown column "txt" (did you mean "text"?)'),
        ("to,text,to\n1,2,3\n", 'rows.csv: the column "to" is there twice'),
        ("to,text\n", "rows.csv: holds no row that can be sent"),
        ("to,text\n+79161230001\n", "rows.csv: row 2: has 1 cells, but the first row names 2"),
        ("to,text\n+79161230001,a,b\n", "rows.csv: row 2: has 3 cells, but the first row names 2"),
        ('to,text\n+79161230001,"a" b\n', "rows.csv: row 2: line 2: "),
        ('to,text\n+79161230001,ok\n+79161230002,"a\n', "rows.csv: row 3: line 3: "),
        (
            f"to,text\n+79161230001,{'x' * 140_000}\n",
            "rows.csv: row 2: line 2: a cell has more than 131,072 characters",
        ),
        ("to,text\n12,x\n", "rows.csv: row 2: to: has 2 digits"),
        ("to,text\n,x\n", "rows.csv: row 2: to: is empty"),
        ("to,text\n+79161230001,\n", "rows.csv: row 2: text: is empty"),
        (
            f"to,text\n+79161230001,{'я' * 18_000}\n",
            "rows.csv: row 2: text: needs 269 segments; an SMS has at most 255",
        ),
        (f"{HEADER}+79161230001,x,МАГАЗИН,,,,\n", "rows.csv: row 2: sender: contains 'М'"),
        (f"{HEADER}+79161230001,x,,opt,,,\n", "row 2: class: there is no class 'opt' (did you mean \"otp\"?)"),
        (f"{HEADER}+79161230001,x,,,5,,\n", "rows.csv: row 2: ttl: '5' is no duration; write one such as 30s, 5m"),
        (f"{HEADER}+79161230001,x,,,99999999999d,,\n", "row 2: ttl: '99999999999d' is no duration"),
        (f'{HEADER}+79161230001,x,,,,"a\nb",\n', "rows.csv: row 2: reference: a reference has at most 200 characters"),
        (f"{HEADER}+79161230001,x,,,,,fax\n", "row 2: channel: there is no channel 'fax' (known: sms, viber)"),
        (f"{HEADER}+79161230001,x,,,,,hlr\n", "row 2: channel: there is no channel 'hlr' (numbers are looked up by"),
        (
            "to,text\n+79161230001,x\n89161230001,x\n",
            "rows.csv: row 3: to: says the same as row 2; remove it, or give --allow-duplicates",
        ),
    ],
)
def test_bad_file(pointsman: Runner, boxes: Boxes, folder: Path, config: Path, content: str, words: str) -> None:
    """A bad file is refused with the place and what to do; nothing is sent and nothing is written."""
    (folder / "rows.csv").write_text(content, encoding="utf-8")
    before = {path.name for path in folder.iterdir()}

    run = pointsman("send", "--csv", "rows.csv")

    assert (2, "", [], before) == (run.code, run.out, boxes.messages, {path.name for path in folder.iterdir()})
    assert words in run.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("to,text\n+79161230001,x\n+79161230002,Привет\n".encode("cp1251"), "rows.csv:3: this is not UTF-8"),
        ("to,text\n+79161230001,x\n".encode("utf-16"), "rows.csv: this is UTF-16; save the file as CSV in UTF-8"),
    ],
)
def test_broken_encoding(
    pointsman: Runner, boxes: Boxes, folder: Path, config: Path, content: bytes, words: str
) -> None:
    """A file in another encoding is refused with the line where it shows."""
    (folder / "rows.csv").write_bytes(content)

    run = pointsman("send", "--csv", "rows.csv")

    assert (run.code, boxes.messages) == (2, [])
    assert words in run.err


def test_missing_file(pointsman: Runner, config: Path) -> None:
    """A file that is not there is named."""
    run = pointsman("send", "--csv", "nowhere.csv")

    assert (run.code, run.err) == (2, "pointsman: nowhere.csv: cannot be read: No such file or directory\n")


def test_all_problems_are_counted(pointsman: Runner, folder: Path, config: Path) -> None:
    """Twenty problems are shown and all are counted; JSON has them all."""
    (folder / "rows.csv").write_text("to,text\n" + "x,y\n" * 30 + "+79161230001,good\n", encoding="utf-8")

    run, as_json = pointsman("send", "--csv", "rows.csv"), pointsman("send", "--csv", "rows.csv", "--json")

    assert (run.err.count("rows.csv: row"), len(as_json.json)) == (20, 30)
    assert "rows.csv: … and 10 more\n" in run.err
    assert "rows.csv: 30 of 31 rows cannot be sent; nothing was sent; mend them, or give --skip-bad\n" in run.err
    assert {"row": 2, "field": "to"}.items() <= as_json.json[0].items()


def test_skip_bad(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """With --skip-bad the good rows are sent, the bad ones have a line of results, and the command ends with code 1."""
    (folder / "rows.csv").write_text(GOOD + "nonsense,x,d\n", encoding="utf-8")

    run = pointsman("send", "--csv", "rows.csv", "--skip-bad")

    states = [(line["row"], line["state"], line["code"]) for line in results_of(folder / "rows.results.csv")]
    assert (run.code, states[-1], len(boxes.messages)) == (1, ("5", "invalid", "to"), 3)


def test_allow_duplicates(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """With --allow-duplicates the same message may be there twice, and both rows have their line."""
    (folder / "rows.csv").write_text("to,text\n+79161230001,x\n+79161230001,x\n", encoding="utf-8")

    run = pointsman("send", "--csv", "rows.csv", "--allow-duplicates")

    assert run.code == 0
    assert [line["state"] for line in results_of(folder / "rows.results.csv")] == ["sent", "sent"]


def test_100_000_rows(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """A file of 100,000 rows is checked to its end within seconds before anything is sent."""
    rows = "".join(f"+7916{1_000_000 + n % 10_000},Ваш заказ {n} готов к выдаче\n" for n in range(100_000))
    (folder / "rows.csv").write_text(f"to,text\n{rows}nonsense,x\n", encoding="utf-8")
    started = time.process_time()

    run = pointsman("send", "--csv", "rows.csv")

    assert (run.code, boxes.messages) == (2, [])
    assert "rows.csv: 1 of 100001 rows cannot be sent" in run.err
    assert time.process_time() - started < 10
