"""Standard streams that are closed, full or cut off: what was done is told, and nobody is shown an internal error."""

import subprocess
import sys
from pathlib import Path

from .conftest import Boxes

PROGRAM = "import sys; from pointsman.cli import main; sys.exit(main())"
SEND = "send --to +79161234567 --text x"


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line with its redirections; `pointsman` stands for the program."""
    program = f"'{sys.executable}' -c '{PROGRAM}'"
    return subprocess.run(
        ["bash", "-c", command.replace("pointsman", program)], cwd=folder, capture_output=True, text=True
    )


def test_output_that_takes_nothing(boxes: Boxes, folder: Path, config: Path) -> None:
    """A message is sent although its receipt cannot be written; the code is 1, and its id is told."""
    runs = [shell(f"pointsman {SEND} {where}", folder) for where in (">&-", "> /dev/full", "--json > /dev/full")]

    assert ([run.returncode for run in runs], len(boxes.messages)) == ([1, 1, 1], 3)
    assert all(run.stderr.startswith("pointsman: cannot write the results: ") for run in runs)
    assert all("; the message is sent (id " in run.stderr for run in runs)


def test_help_cut_off(folder: Path) -> None:
    """Help whose reader has gone, or that finds no room, is no internal error."""
    cut_off = shell("pointsman --help | (exec <&-; sleep 0.1); exit ${PIPESTATUS[0]}", folder)
    full = shell("pointsman --help > /dev/full", folder)

    assert (cut_off.returncode, cut_off.stderr) == (0, "")
    assert (full.returncode, full.stderr) == (1, "pointsman: cannot write: No space left on device\n")


def test_standard_input(boxes: Boxes, folder: Path, config: Path) -> None:
    """A file of messages may come from standard input, if it is said where its results go."""
    rows = r"printf 'to,text\n+79161230001,a\n'"

    without = shell(f"{rows} | pointsman send --csv -", folder)
    run = shell(f"{rows} | pointsman send --csv - --results r.csv", folder)

    assert (without.returncode, run.returncode, len(boxes.messages)) == (2, 0, 1)
    assert "-: this input has no place of its own for the results; give --results FILE" in without.stderr
    assert (folder / "r.csv").exists()
