"""`send` later, at once on the screen, in Latin letters: as options and as columns, alone and in a file."""

import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .conftest import PATIENCE, Boxes, Runner, write_config
from .test_send_csv import results_of

TO = "+79161234567"
Spawn = Callable[..., subprocess.Popen[str]]


def ahead(seconds: float) -> str:
    """Return a time that comes after so many seconds, as an option is written."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def wait_for(happened: Callable[[], object]) -> None:
    """Wait until something happened."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_at(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """A message for later is sent when it is due, not before; the command says that it waits."""
    due = datetime.now(UTC) + timedelta(seconds=1.0)

    run = pointsman("send", "--to", TO, "--text", "x", "--at", due.isoformat())

    [message] = boxes.messages
    assert (run.code, message.accepted_at >= due.timestamp()) == (0, True)
    assert "waiting until " in run.err
    assert "(Ctrl-C takes it back)" in run.err
    assert {"due", "sent"} <= set(run.out.split())


def test_at_local(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """A time on the recipient's clock that is past means at once; the number range tells the clock."""
    ranges = config.with_name("ranges.csv")
    ranges.write_text(
        'АВС/ DEF;От;До;Емкость;Оператор;Регион\n916;0000000;9999999;10000000;ПАО "МТС";Приморский край\n',
        encoding="utf-8",
    )
    write_config(config, boxes.base_urls, ("[router]\n", '[router]\nnumber_ranges = "ranges.csv"\n'))

    run = pointsman("send", "--to", TO, "--text", "x", "--at-local", "2020-12-01T09:00")

    assert (run.code, len(boxes.messages), "waiting" in run.err) == (0, 1, False)


def test_translit(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """With --translit the text leaves in Latin letters and is counted as such."""
    run = pointsman("send", "--to", TO, "--text", "Ваша щука готова", "--translit")

    assert ([message.text for message in boxes.messages], run.code) == (["Vasha shchuka gotova"], 0)
    assert "GSM7" in run.out


def test_explain(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """`explain` counts what the text becomes, and says who cannot show it at once; a lookup has nothing of this."""
    asked = [
        pointsman("explain", "--to", TO, *more)
        for more in (("--text", "щука", "--translit"), ("--text", "x", "--flash"), ("--channel", "hlr", "--flash"))
    ]

    assert "1 × GSM7" in asked[0].out
    assert "cannot show a message at once (flash)" in asked[1].out
    assert (asked[2].code, "channel: a lookup is made at once" in asked[2].err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--flash",), "flash: "),
        (("--at", "tomorrow"), "send_at: 'tomorrow' is no date with time; write one such as 2026-12-01T09:00:00+03:00"),
        (("--at-local", "9:00"), "send_at_local: '9:00' is no date with time; write one such as 2026-12-01T09:00"),
        (("--at", "2026-12-01T09:00"), "send_at: must be a date with time and zone"),
        (("--at-local", "2026-12-01T09:00+03:00"), "send_at_local: must be a date with time and without a zone"),
        (("--at", "2040-12-01T09:00Z"), "send_at: is more than a year ahead; check the year"),
        (("--at", "2026-12-01T09:00Z", "--at-local", "2026-12-01T09:00"), "send_at_local: excludes send_at"),
        (("--at-local", "2026-12-01T09:00"), "or configure router.number_ranges"),
        (("--flash", "--channel", "viber"), "flash: is for SMS only"),
        (("--translit", "--channel", "viber"), "transliterate: is for SMS only"),
    ],
)
def test_what_is_refused(
    pointsman: Runner, boxes: Boxes, config: Path, folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    """What contradicts itself or is offered by nobody is refused before anything is sent, as options and for a file."""
    if "--flash" in arguments and "viber" not in arguments:
        write_config(config, boxes.base_urls, ('providers = ["devino", "smstele"]', 'providers = ["devino"]'))
    (folder / "rows.csv").write_text(f"to,text\n{TO},x\n", encoding="utf-8")

    runs = [pointsman("send", *given, *arguments) for given in (("--to", TO, "--text", "x"), ("--csv", "rows.csv"))]

    assert ([run.code for run in runs], boxes.messages) == ([2, 2], [])
    assert [words in run.err for run in runs] == [True, True]


def test_columns(pointsman: Runner, boxes: Boxes, config: Path, folder: Path) -> None:
    """Cells win over options: one time of a row is in place of the option's, and yes and no are understood."""
    (folder / "rows.csv").write_text(
        "to,text,send_at,transliterate\n"
        "+79161230001,щука,2020-01-01T00:00:00Z,No\n"
        "+79161230002,щука,2020-01-01T00:00:00Z,\n"
        f"+79161230003,щука,{ahead(1)},true\n",
        encoding="utf-8",
    )

    run = pointsman("send", "--csv", "rows.csv", "--translit", "--at-local", "2020-01-01T09:00")

    assert run.code == 0
    assert sorted((message.to[-1], message.text) for message in boxes.messages) == [
        ("1", "щука"),
        ("2", "shchuka"),
        ("3", "shchuka"),
    ]
    assert "the last row is due " in run.err


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("soon,,", "row 2: send_at: 'soon' is no date with time"),
        (",,maybe", "row 2: flash: 'maybe' is neither yes nor no"),
        ("2026-12-01T09:00Z,2026-12-01T09:00,", "row 2: send_at_local: excludes send_at"),
    ],
)
def test_bad_cells(pointsman: Runner, boxes: Boxes, config: Path, folder: Path, cells: str, words: str) -> None:
    """A bad cell is named with its row and column, and nothing is sent."""
    (folder / "rows.csv").write_text(f"to,text,send_at,send_at_local,flash\n{TO},x,{cells}\n", encoding="utf-8")

    run = pointsman("send", "--csv", "rows.csv")

    assert (run.code, boxes.messages) == (2, [])
    assert words in run.err


def test_rows_for_later_do_not_hold_up_the_others(
    pointsman: Runner, spawn: Spawn, boxes: Boxes, config: Path, folder: Path
) -> None:
    """Of many rows for later and one for now at the end, that one is sent while the others wait; a stop is clean."""
    write_config(config, boxes.base_urls, ("max_rate = 40", "max_rate = 4000"))
    rows = [f"+7916{1_000_000 + n},later,{ahead(3600)}" for n in range(1_500)]
    (folder / "rows.csv").write_text("\n".join(["to,text,send_at", *rows, f"{TO},now,\n"]), encoding="utf-8")
    process = spawn("send", "--csv", "rows.csv")
    wait_for(lambda: (folder / "rows.results.csv").exists() and len(results_of(folder / "rows.results.csv")) == 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)

    assert [message.text for message in boxes.messages] == ["now"]
    assert process.returncode == 130
    assert "stopped; the same command goes on where this one stopped" in err
    assert [(line["row"], line["state"]) for line in results_of(folder / "rows.results.csv")] == [("1502", "sent")]


def test_one_that_waits_can_be_taken_back(spawn: Spawn, boxes: Boxes, config: Path) -> None:
    """Ctrl-C before the message is due: nothing is sent, and the command says so."""
    process = spawn("send", "--to", TO, "--text", "x", "--at", ahead(3600))
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=PATIENCE)

    assert "waiting until " in first
    assert "stopped before it was due: it was not sent" in rest
    assert (process.returncode, boxes.messages) == (130, [])


def test_the_same_text_at_two_times_is_no_duplicate(
    pointsman: Runner, boxes: Boxes, config: Path, folder: Path
) -> None:
    """A reminder that is sent twice on purpose, at different times, is no mistake in the file."""
    rows = "".join(f"{TO},x,{ahead(seconds)}\n" for seconds in (-10, 0.5))
    (folder / "rows.csv").write_text(f"to,text,send_at\n{rows}", encoding="utf-8")

    assert pointsman("send", "--csv", "rows.csv").code == 0
    assert len(boxes.messages) == 2
