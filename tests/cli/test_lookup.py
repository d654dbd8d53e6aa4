"""`lookup`: numbers on the command line and in files."""

import signal
from pathlib import Path

import pytest

from pointsman.message import Channel
from pointsman.sandbox import Fate

from .conftest import PATIENCE, Boxes, Runner, write_config
from .test_resume import Spawn, wait_for_lines
from .test_send_csv import results_of


def test_numbers(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """Each number has a line with what is known of it, in the order in which they were given."""
    run = pointsman("lookup", "+79161234567", "8 926 123-45-67")

    lines = run.out.splitlines()[1:]
    assert (run.code, [line.split()[0] for line in lines]) == (0, ["+79161234567", "+79261234567"])
    assert all({"reachable", "affiliate_hlr", "EUR"} <= set(line.split()) for line in lines)
    assert boxes["affiliate_hlr"].ledger.accepted[Channel.HLR] == 2


def test_json(pointsman: Runner, config: Path) -> None:
    """With --json each number is a line."""
    run = pointsman("lookup", "+79161234567", "--json")

    [line] = run.json
    assert (
        line["to"],
        line["state"],
        line["result"],
        line["mccmnc"],
    ) == ("79161234567", "resolved", "reachable", "25001")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("numbers.txt", "+79161234567\n\n8 926 123-45-67\n"),
        ("numbers.csv", "name;to;reference\nAnna;+79161234567;a\nBoris;8 926 123-45-67;b\n"),
    ],
)
def test_file(pointsman: Runner, boxes: Boxes, folder: Path, config: Path, name: str, content: str) -> None:
    """A file is a list of numbers or a CSV file with a column `to`; asking twice costs once."""
    (folder / name).write_text(content, encoding="utf-8")

    runs = [pointsman("lookup", "--file", name, "--results", "out.csv") for _ in range(2)]

    lines = [(line["to"], line["state"], line["result"], line["mccmnc"]) for line in results_of(folder / "out.csv")]
    expected = [("79161234567", "resolved", "reachable", "25001"), ("79261234567", "resolved", "reachable", "25002")]
    assert ([0, 0], expected) == ([run.code for run in runs], lines)
    assert boxes["affiliate_hlr"].ledger.accepted[Channel.HLR] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("lookup", "+79161234567", "12"), "number 2: has 2 digits"),
        (("lookup", "--file", "numbers.txt"), "numbers.txt: row 2: to: contains something other than digits"),
        (("lookup", "--file", "nowhere.txt"), "nowhere.txt: cannot be read"),
    ],
)
def test_bad_numbers(
    pointsman: Runner, boxes: Boxes, folder: Path, config: Path, arguments: tuple[str, ...], words: str
) -> None:
    """Nothing is asked when one of the numbers is bad."""
    (folder / "numbers.txt").write_text("+79161234567\nnonsense\n", encoding="utf-8")

    run = pointsman(*arguments)

    assert (run.code, boxes.messages) == (2, [])
    assert words in run.err


def test_a_large_file_takes_few_requests(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """2,500 numbers are 13 requests of up to 200, although their results come one by one; a second run asks nothing."""
    write_config(config, boxes.base_urls, ("max_rate = 200 ", "max_rate = 9000 "))
    lines = "".join(f"+7916{1_000_000 + n}\n" for n in range(2500))
    (folder / "numbers.txt").write_text(lines, encoding="utf-8")

    runs = [pointsman("lookup", "--file", "numbers.txt") for _ in range(2)]

    results = results_of(folder / "numbers.results.csv")
    assert [line["row"] for line in sorted(results, key=lambda line: int(line["row"]))] == [
        str(n) for n in range(1, 2501)
    ]
    calls = boxes["affiliate_hlr"].ledger.calls
    assert (calls["hlr/create"] <= 16, boxes["affiliate_hlr"].ledger.accepted[Channel.HLR]) == (True, 2500)
    assert "done before and not looked up again: 2500 of 2500 rows" in runs[1].err


def test_a_result_that_did_not_come_is_asked_for_again(
    pointsman: Runner, spawn: Spawn, boxes: Boxes, folder: Path, config: Path
) -> None:
    """A lookup that Ctrl-C cut off before its result is no success: it stays unknown until --repeat-unknown."""
    (folder / "numbers.txt").write_text("+79161000001\n+79161000002\n", encoding="utf-8")
    results = folder / "numbers.results.csv"
    outcomes = boxes["affiliate_hlr"].outcomes
    outcomes["79161000002"] = Fate.STUCK

    process = spawn("lookup", "--file", "numbers.txt")
    wait_for_lines(results, 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    cut_off = results_of(results)[1]
    del outcomes["79161000002"]
    left_alone = pointsman("lookup", "--file", "numbers.txt")
    repeated = pointsman("lookup", "--file", "numbers.txt", "--repeat-unknown")

    assert process.returncode == 130
    assert (cut_off["to"], cut_off["state"], cut_off["code"]) == ("79161000002", "unknown", "interrupted")
    assert cut_off["id"]
    assert left_alone.code == 1
    assert "unknown, not repeated: 1 of 2 rows" in left_alone.err
    assert (repeated.code, [line["state"] for line in results_of(results)]) == (0, ["resolved", "unknown", "resolved"])
