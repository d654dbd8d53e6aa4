"""`prices check`, `import` and `diff`: what they say, write, and how they end."""

from pathlib import Path

import pytest

from .conftest import Runner

THEIRS = "MCC;MNC;Цена\n250;1;2,95\n250;2;3,10\n"
OURS = "mccmnc,channel,price,currency,charged_on\n25001,sms,2.95,RUB,submit\n25002,sms,3.10,RUB,submit\n"
IMPORT = ("prices", "import", "theirs.csv", "--column", "price=Цена", "--channel", "sms")


@pytest.fixture
def theirs(folder: Path) -> Path:
    """A provider's table, in the encoding of its spreadsheet."""
    file = folder / "theirs.csv"
    file.write_bytes(THEIRS.encode("cp1251"))
    return file


def test_import(pointsman: Runner, folder: Path, theirs: Path) -> None:
    """A table becomes a file of ours, or standard output, and says how much it is."""
    shown = pointsman(*IMPORT, "--currency", "RUB")
    kept = pointsman(*IMPORT, "--currency", "RUB", "--out", "ours.csv")

    assert (shown.code, shown.out, shown.err) == (0, OURS, "2 rows\n")
    assert (kept.code, kept.out, kept.err) == (0, "", "2 rows to ours.csv\n")
    assert (folder / "ours.csv").read_text() == OURS
    assert sorted(path.name for path in folder.iterdir()) == ["ours.csv", "theirs.csv"]


def test_import_for_a_provider(pointsman: Runner, config: Path, theirs: Path) -> None:
    """With a provider's name the currency is that of its account."""
    run = pointsman(*IMPORT, "--provider", "devino")

    assert (run.code, run.out) == (0, OURS)


def test_nothing_is_written_when_a_row_is_bad(pointsman: Runner, folder: Path, theirs: Path) -> None:
    """A bad row is named and nothing is written, unless it is to be left out; then the code is 1."""
    theirs.write_text(THEIRS + "250;99;dear\n")
    arguments = (*IMPORT, "--currency", "RUB", "--out", "ours.csv")

    strict = pointsman(*arguments)
    assert (strict.code, (folder / "ours.csv").exists()) == (2, False)
    assert "theirs.csv:4: price: this is not a price" in strict.err
    assert "1 line could not be read; nothing was written" in strict.err
    lax = pointsman(*arguments, "--skip-bad")
    assert (lax.code, (folder / "ours.csv").read_text()) == (1, OURS)
    assert "2 rows to ours.csv, 1 line left out" in lax.err


def test_a_list_is_not_overwritten_by_accident(pointsman: Runner, folder: Path, theirs: Path) -> None:
    """A file that is there stays as it is, unless it is to be replaced."""
    (folder / "ours.csv").write_text("precious")
    arguments = (*IMPORT, "--currency", "RUB", "--out", "ours.csv")

    assert pointsman(*arguments).code == 2
    assert (folder / "ours.csv").read_text() == "precious"
    assert pointsman(*arguments, "--replace").code == 0
    assert (folder / "ours.csv").read_text() == OURS


def test_a_full_disk_leaves_the_old_list(
    pointsman: Runner, folder: Path, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that could not be written whole is not there at all, and the old one is."""
    (folder / "ours.csv").write_text("precious")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    run = pointsman(*IMPORT, "--currency", "RUB", "--out", "ours.csv", "--replace")

    assert (run.code, run.err.splitlines()[-1]) == (1, "pointsman: cannot write: No space left on device")
    assert (folder / "ours.csv").read_text() == "precious"
    assert sorted(path.name for path in folder.iterdir()) == ["ours.csv", "theirs.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "none.csv"), "none.csv: cannot be read: No such file"),
        (("import", "theirs.csv", "--column", "price"), "--column 'price': write OURS=THEIRS"),
        (("import", "theirs.csv", "--column", "prise=Цена"), 'did you mean "price"?'),
        (("import", "theirs.csv", "--delimiter", ";;"), "--delimiter is one character"),
        (("import", "theirs.csv", "--channel", "sms"), "theirs.csv:1: price: say which of MCC, MNC, Цена it is"),
        ((*IMPORT[1:], "--out", "no/where.csv", "--currency", "RUB"), "--out: no/where.csv cannot be written"),
        (IMPORT[1:], "theirs.csv:2: currency: no currency; name it here"),
        (("check", "none.csv"), "none.csv: the price list cannot be read"),
        (("check", "theirs.csv", "-c", "router.toml"), "name files or --config, not both"),
        (("check",), "there is no configuration"),
        (("diff", "none.csv", "theirs.csv"), "none.csv: the price list cannot be read"),
    ],
)
def test_wrong_usage(pointsman: Runner, theirs: Path, arguments: tuple[str, ...], words: str) -> None:
    """Wrong usage and files that cannot be read end with code 2 and say what to do."""
    run = pointsman("prices", *arguments)

    assert (run.code, run.out) == (2, "")
    assert words in run.err


def test_check(pointsman: Runner, folder: Path) -> None:
    """Remarks have file and line and end with code 1; what cannot be read ends with code 2, and all of it is told."""
    (folder / "odd.csv").write_text("country,channel,price\nRU,sms,1\nKZ,sms,0\n")
    (folder / "good.csv").write_text("country,channel,price\nRU,sms,1\n")
    (folder / "bad.csv").write_text("country,channel,price\n" + "RU,sms,x\n" * 30)

    odd, good = pointsman("prices", "check", "odd.csv", "good.csv"), pointsman("prices", "check", "good.csv")
    bad, as_json = pointsman("prices", "check", "bad.csv"), pointsman("prices", "check", "odd.csv", "--json")

    assert (odd.code, good.code, bad.code, as_json.code) == (1, 0, 2, 1)
    assert odd.out.startswith("odd.csv:3: free: sms country KZ: a price of zero")
    assert odd.err == "2 lists, 3 rows, 1 remark\n"
    assert bad.err.count("this is not a price") == 30
    assert [(one["where"], one["what"]) for one in as_json.json] == [("odd.csv:3", "free")]


def test_check_of_the_configuration(pointsman: Runner, config: Path) -> None:
    """Without files all lists of the configuration are looked at, tables included."""
    run = pointsman("prices", "check", "--json")

    assert run.code in {0, 1}
    assert " lists, " in run.err
    config.write_text(config.read_text().replace('channel = "sms"', 'channel = "fax"', 1))
    assert pointsman("prices", "check").code == 2


def test_diff(pointsman: Runner, folder: Path) -> None:
    """Rows that were added, removed and changed are shown; with --check any of them ends with code 1."""
    (folder / "a.csv").write_text("country,channel,price,currency\nRU,sms,2,EUR\nKZ,sms,1,EUR\nBY,sms,1,EUR\n")
    (folder / "b.csv").write_text("country,channel,price,currency\nBY,sms,1,EUR\nRU,sms,2.5,EUR\nUA,sms,3,EUR\n")

    run, same = pointsman("prices", "diff", "a.csv", "b.csv"), pointsman("prices", "diff", "a.csv", "a.csv", "--check")
    checked = pointsman("prices", "diff", "a.csv", "b.csv", "--check", "--json")

    assert (run.code, same.code, checked.code) == (0, 0, 1)
    assert [line.split() for line in run.out.splitlines()[1:]] == [
        ["removed", "sms", "country", "KZ", "1", "EUR"],
        ["changed", "sms", "country", "RU", "2", "EUR", "2.5", "EUR", "+25.0", "%"],
        ["added", "sms", "country", "UA", "3", "EUR"],
    ]
    assert run.err == "1 added, 1 removed, 1 changed\n"
    assert [(one["kind"], one["percent"]) for one in checked.json] == [
        ("removed", None),
        ("changed", "25.0"),
        ("added", None),
    ]


def test_short_and_long_form(pointsman: Runner, config: Path) -> None:
    """`prices NAME` is `prices show NAME`, options before the name included; a part's own name means the part."""
    for arguments in (("devino",), ("show", "devino"), ("--check", "devino"), ("-c", "router.toml", "devino")):
        assert "devino cannot be asked this (prices)" in pointsman("prices", *arguments).err
    assert pointsman("prices", "--help").out.startswith("Usage: pointsman prices COMMAND")
