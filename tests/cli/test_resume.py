"""Stopping and going on: no row of a file is sent twice, whatever happened to the run before."""

import errno
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.sandbox import error, hang_after_accept

from .conftest import PATIENCE, Boxes, Runner, write_config
from .test_send_csv import GOOD, results_of

ROWS = 200
FAST = (("max_rate = 40", "max_rate = 4000"),)
RESULTS = "rows.results.csv"
Spawn = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def rows(folder: Path) -> Path:
    """A file of many rows."""
    path = folder / "rows.csv"
    lines = "".join(f"+7916{1_000_000 + n},Hello {n}\n" for n in range(ROWS))
    path.write_text(f"to,text\n{lines}", encoding="utf-8")
    return path


def wait_for_lines(path: Path, count: int) -> None:
    """Wait until a file has so many lines."""
    end = time.monotonic() + PATIENCE
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert time.monotonic() < end, "the results did not come"
        time.sleep(0.005)


def test_kill_in_the_middle(
    pointsman: Runner, spawn: Spawn, boxes: Boxes, folder: Path, config: Path, rows: Path
) -> None:
    """After kill -9 in the middle the same command sends the rest; no row reaches a provider twice."""
    process = spawn("send", "--csv", rows)
    wait_for_lines(folder / RESULTS, 60)
    process.kill()
    process.communicate()
    before = results_of(folder / RESULTS)
    write_config(config, boxes.base_urls, *FAST)

    run = pointsman("send", "--csv", rows)

    texts = Counter(message.text for message in boxes.messages)
    lines = results_of(folder / RESULTS)
    unknown = [line for line in lines if line["state"] == "unknown"]
    assert 60 <= len(before) + 1 < ROWS
    assert max(texts.values()) == 1
    assert [str(n + 2) for n in range(ROWS)] == [line["row"] for line in lines]
    assert {"interrupted"} >= {line["code"] for line in unknown}
    assert len(unknown) <= 16, "only what was in flight may be in doubt"
    assert (1 if unknown else 0) == run.code
    assert ROWS - len(unknown) <= len(texts)


def test_interrupt_in_the_middle(
    pointsman: Runner, spawn: Spawn, boxes: Boxes, folder: Path, config: Path, rows: Path
) -> None:
    """Ctrl-C ends with code 130 and a result for all that left; the same command sends the rest, each row once."""
    process = spawn("send", "--csv", rows)
    wait_for_lines(folder / RESULTS, 60)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    write_config(config, boxes.base_urls, *FAST)

    run = pointsman("send", "--csv", rows)

    assert process.returncode == 130
    assert "stopped; the same command goes on where this one stopped" in err
    assert (0, {1}) == (run.code, set(Counter(message.text for message in boxes.messages).values()))
    assert {"sent"} == {line["state"] for line in results_of(folder / RESULTS)}
    assert len(boxes.messages) == ROWS


def test_nothing_left(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """A job that is done is not done again."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")
    pointsman("send", "--csv", "rows.csv")

    run = pointsman("send", "--csv", "rows.csv")

    assert (run.code, len(boxes.messages)) == (0, 3)
    assert "done before and not sent again: 3 of 3 rows" in run.err
    assert "no row was left; to have all of them sent again, give another --results" in run.err


def test_begun_rows_are_unknown(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """Rows that were begun and have no result are reported and left alone, until --repeat-unknown."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")
    pointsman("send", "--csv", "rows.csv")
    results = folder / RESULTS
    lines = results.read_text(encoding="utf-8").splitlines(keepends=True)
    results.write_text("".join(line for line in lines if not line.startswith("3,")), encoding="utf-8")

    left_alone = pointsman("send", "--csv", "rows.csv")
    noted = results_of(results)[1]
    repeated = pointsman("send", "--csv", "rows.csv", "--repeat-unknown")

    assert "unknown, not repeated: 1 of 3 rows; they may have been sent" in left_alone.err
    assert (left_alone.code, noted["to"], noted["state"], noted["code"]) == (1, "79161230002", "unknown", "interrupted")
    assert (repeated.code, len(boxes.messages)) == (0, 4)
    assert [(r["row"], r["state"]) for r in results_of(results) if r["row"] == "3"] == [("3", "unknown"), ("3", "sent")]


def test_unknown_outcomes_are_not_repeated(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """A row whose provider took it without an answer is unknown, and stays so without --repeat-unknown."""
    write_config(
        config,
        boxes.base_urls,
        ('read_timeout = "3s"', 'read_timeout = "200ms"'),
        ('providers = ["devino", "smstele"]', 'providers = ["devino"]'),
    )
    (folder / "rows.csv").write_text("to,text\n+79161230001,x\n", encoding="utf-8")
    boxes.script("devino", hang_after_accept(endpoint="Sms/*"))

    runs = [pointsman("send", "--csv", "rows.csv") for _ in range(2)]

    assert ([run.code for run in runs], len(boxes.messages)) == ([1, 1], 1)
    assert [(line["state"], line["code"]) for line in results_of(folder / RESULTS)] == [("unknown", "timeout")]


def closed_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_outage(pointsman: Runner, boxes: Boxes, folder: Path, config: Path, rows: Path) -> None:
    """While no provider can be reached a job stops early and uses up no row; the same command sends them all later."""
    nowhere = f"http://127.0.0.1:{closed_port()}/rest"
    write_config(config, dict.fromkeys(boxes.base_urls, nowhere), *FAST)
    down = pointsman("send", "--csv", rows)
    lines_meanwhile = results_of(folder / RESULTS)
    write_config(config, boxes.base_urls, *FAST)

    up = pointsman("send", "--csv", rows)

    assert (down.code, lines_meanwhile, "failed" in down.out) == (1, [], False)
    assert f"every provider is unreachable; {ROWS} rows not sent: run the same command again later" in down.err
    assert (up.code, len(boxes.messages)) == (0, ROWS)
    assert {"sent"} == {line["state"] for line in results_of(folder / RESULTS)}


def test_repeat_failed(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """Rows that failed stay so until --repeat-failed, which sends those and no others."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")
    boxes.script("smstele", error("-43", endpoint="sendsms", times=1))
    boxes.script("devino", error("5", endpoint="Sms/*", times=1))

    runs = [pointsman("send", "--csv", "rows.csv", *more) for more in ((), (), ("--repeat-failed",))]

    assert ([run.code for run in runs], len(boxes.messages)) == ([1, 1, 0], 3)
    assert ["failed, nothing was sent: 1 row (--repeat-failed sends them again)" in run.err for run in runs] == [
        True,
        True,
        False,
    ]
    assert max(Counter(message.text for message in boxes.messages).values()) == 1


def test_torn_files(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """An unfinished last line of either file is cut off."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")
    pointsman("send", "--csv", "rows.csv")
    for name, torn in ((RESULTS, '9,"7916'), (f"{RESULTS}.state", '{"begun":[9')):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(torn)

    run = pointsman("send", "--csv", "rows.csv")

    assert (run.code, len(boxes.messages), len(results_of(folder / RESULTS))) == (0, 3, 3)


def test_changed_input(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """A job is not continued with another input."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")
    pointsman("send", "--csv", "rows.csv")
    (folder / "rows.csv").write_text(GOOD + "+79161230009,new,d\n", encoding="utf-8")

    run = pointsman("send", "--csv", "rows.csv")

    assert (run.code, len(boxes.messages)) == (2, 3)
    assert "or the input has changed since; restore the input to go on, or give another --results" in run.err


def test_foreign_results(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """A file that is there already and not known to be of this job is not touched."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")
    (folder / "precious.csv").write_text("mine", encoding="utf-8")

    run = pointsman("send", "--csv", "rows.csv", "--results", "precious.csv")

    assert (run.code, boxes.messages, (folder / "precious.csv").read_text(encoding="utf-8")) == (2, [], "mine")
    assert "precious.csv: exists already" in run.err


def test_two_at_once(pointsman: Runner, spawn: Spawn, boxes: Boxes, folder: Path, config: Path, rows: Path) -> None:
    """A second run of a job that is running is refused."""
    process = spawn("send", "--csv", rows)
    wait_for_lines(folder / RESULTS, 5)

    run = pointsman("send", "--csv", rows)
    process.kill()

    assert run.code == 2
    assert f"{RESULTS}.state: another pointsman is at work on this job" in run.err


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ("no/such/folder.csv", "no/such/folder.csv: cannot be written: there is no folder no/such"),
        (".", "is not a file; give another --results"),
        ("/dev/full", "/dev/full: is not a file; give another --results"),
    ],
)
def test_unwritable_results(
    pointsman: Runner, boxes: Boxes, folder: Path, config: Path, results: str, words: str
) -> None:
    """Nothing is sent when the results have no place."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")

    run = pointsman("send", "--csv", "rows.csv", "--results", results)

    assert (run.code, boxes.messages) == (2, [])
    assert words in run.err


def test_full_disk(
    pointsman: Runner, boxes: Boxes, folder: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it cannot be written down that a row begins, the row is not sent, and the next run sends it."""
    (folder / "rows.csv").write_text(GOOD, encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("pointsman.cli.checkpoint.Checkpoint._commit", full)
        failed = pointsman("send", "--csv", "rows.csv")
    sent_meanwhile = len(boxes.messages)
    run = pointsman("send", "--csv", "rows.csv")

    assert (failed.code, sent_meanwhile) == (1, 0)
    assert "cannot be written: No space left on device; the same command goes on" in failed.err
    assert "Traceback" not in failed.err
    assert (run.code, len(boxes.messages)) == (0, 3)
