"""`pointsman replay`: recorded decisions come out as they were made, and what-if has its table."""

from pathlib import Path

import msgspec
import pytest

from pointsman.routing.journal import Entry, Place, read_entry, write_entry

from .conftest import ROOT, Boxes, Runner, write_config

GOLDEN = ROOT / "tests" / "routing" / "golden" / "decisions-1.jsonl"


@pytest.fixture
def made(folder: Path) -> Path:
    """Decisions of strategies that have no numbers that may be tuned."""
    lines = GOLDEN.read_bytes().splitlines()
    path = folder / "made.jsonl"
    kept = [line for line in lines if read_entry(line).strategy in {"cheapest", "priority", "weighted"}]
    path.write_bytes(b"".join(line + b"\n" for line in kept))
    return path


def entries(path: Path) -> list[Entry]:
    """Return the decisions in a file."""
    return [read_entry(line) for line in path.read_bytes().splitlines()]


def test_what_was_sent_can_be_replayed(pointsman: Runner, boxes: Boxes, config: Path, folder: Path) -> None:
    """With `decisions` in the configuration each message that is sent leaves a line, and `replay` agrees with it."""
    write_config(config, boxes.base_urls, ("[router]\n", '[router]\ndecisions = "decisions.jsonl"\n'))
    for place in range(3):
        assert pointsman("send", "--to", f"+7916123456{place}", "--text", "Your code is 4711").code == 0
    assert pointsman("explain", "--to", "+79161234569", "--text", "x").code == 0

    run = pointsman("replay", "decisions.jsonl")

    assert (run.code, run.err) == (0, "")
    assert "3 decisions in decisions.jsonl: 3 come out as they were made" in run.out
    assert "7916123456" not in (folder / "decisions.jsonl").read_text()


def test_what_differs_is_named(pointsman: Runner, made: Path) -> None:
    """A decision that comes out differently, and a line that is none, are named, and the code is 1."""
    first, *others = made.read_bytes().splitlines()
    entry = read_entry(first)
    forged = write_entry(msgspec.structs.replace(entry, ranking=(Place("nobody"), *entry.ranking[1:])))
    made.write_bytes(b"\n".join([forged, *others, b'{"v":1,"cut']))

    run, as_json = pointsman("replay", made), pointsman("replay", made, "--json")

    count = len(others) + 1
    assert (run.code, as_json.code) == (1, 1)
    assert f"{count} decisions in {made}: {count - 1} come out as they were made" in run.out
    assert f"{entry.id}: place 1 goes to {entry.first} instead of nobody" in run.out
    assert f"line {count + 1} cannot be read" in run.out
    [told] = as_json.json
    assert (told["replayed"]["agreed"], told["unreadable"], told["lines"][0]["line"]) == (count - 1, 1, count + 1)
    assert told["replayed"]["differences"][0]["id"] == entry.id


def test_long_lists_are_cut(pointsman: Runner, made: Path) -> None:
    """Twenty differences and twenty unreadable lines are shown; the others are counted."""
    wrong = [
        write_entry(msgspec.structs.replace(one, strategy="gone"))
        for one in entries(made)
        if one.conditions is not None
    ]
    made.write_bytes(b"\n".join([*wrong[:25], *[b"x"] * 22]))

    lines = pointsman("replay", made).out.splitlines()

    assert len([line for line in lines if "there is no strategy gone here" in line]) == 20
    assert "  and 5 more decisions that differ" in lines
    assert "  and 2 more lines that cannot be read" in lines


def test_what_if(pointsman: Runner, made: Path) -> None:
    """The table says what would have changed; `--json` has the same figures."""
    options = ("--without", "alpha", "--without", "beta", "--strategy", "cheapest", "--loss", "otp=0.50")
    run, as_json = pointsman("replay", made, *options), pointsman("replay", made, *options, "--json")

    [told] = as_json.json
    found = told["what_if"]
    rows = {line[:32].strip(): line[32:].split() for line in run.out.splitlines() if line[:1].strip()}
    assert (run.code, as_json.code) == (0, 0)
    assert rows["decisions for another provider"] == [str(found["changed"])]
    assert found["changed"] > 0
    assert rows["expected deliveries"][:2] == [f"{found[side]['delivered']:.1f}" for side in ("before", "after")]
    assert rows["spend"][1] == "EUR"
    assert set(found["after"]["shares"]) == {"gamma", "delta", "epsilon"}
    assert rows["alpha"][1] == "0.0%"


def test_other_prices(pointsman: Runner, made: Path, folder: Path) -> None:
    """A price list in another currency is compared by what that currency was worth when the decisions were made."""
    (folder / "cheap.csv").write_text("country,channel,price,currency\nRU,sms,0.000001,RUB\n")

    [told] = pointsman("replay", made, "--prices", "delta=cheap.csv", "--strategy", "cheapest", "--json").json

    before, after = told["what_if"]["before"]["shares"]["delta"], told["what_if"]["after"]["shares"]["delta"]
    candidates = sum(any(one.provider == "delta" for one in entry.options) for entry in entries(made))
    assert before < after <= candidates


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--strategy", "cheepest"), '--strategy: cheepest (did you mean "cheapest"?); there are balanced, cheapest'),
        (("--without", "betta"), '--without: betta (did you mean "beta"?): no decision knows this provider'),
        (("--prices", "beta"), "--prices: beta: expected PROVIDER=FILE.csv"),
        (("--prices", "beta=no.csv"), "no.csv: the price list cannot be read: No such file"),
        (("--prices", "beta=bad.csv"), "bad.csv:2: price: this is not a price"),
        (("--prices", "beta=dollars.csv"), "dollars.csv:2: currency: "),
        (("--loss", "otp"), "--loss: otp: expected CLASS=AMOUNT, such as otp=0.50; classes: otp, transactional"),
        (("--loss", "otp=-1"), "--loss: otp=-1: expected"),
        (("--loss", "vip=1"), "--loss: vip=1: expected"),
    ],
)
def test_wrong_questions(pointsman: Runner, made: Path, folder: Path, options: tuple[str, str], words: str) -> None:
    """What cannot be asked is refused with code 2, and says what is wrong."""
    (folder / "bad.csv").write_text("country,channel,price\nRU,sms,cheap\n")
    (folder / "dollars.csv").write_text("country,channel,price,currency\nRU,sms,1,USD\n")

    run = pointsman("replay", made, *options)

    assert (run.code, run.out) == (2, "")
    assert words in run.err


def test_no_file(pointsman: Runner, folder: Path) -> None:
    """A file that is not there is told, with code 2."""
    run = pointsman("replay", "gone.jsonl")

    assert (run.code, "gone.jsonl cannot be read: No such file" in run.err) == (2, True)


def test_nothing_to_compare(pointsman: Runner, folder: Path) -> None:
    """An empty file agrees with everything, and a question about it has an answer."""
    (folder / "empty.jsonl").touch()

    run = pointsman("replay", "empty.jsonl", "--strategy", "cheapest")

    assert (run.code, "0 decisions in empty.jsonl" in run.out) == (0, True)
