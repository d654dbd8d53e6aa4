"""`journal show`, `check`, `backup` and `salvage`: what they say, write, and how they end."""

import asyncio
import json
from pathlib import Path

import pytest

from pointsman.store.sqlite import SqliteStore
from pointsman.testing.stores import Trial

from .conftest import Runner

TEXT = "A text that is nobody's business"
NUMBER = "79161234567"


@pytest.fixture
def journal(folder: Path) -> Path:
    """A journal with a message that waits and one that was delivered."""

    async def fill() -> None:
        async with Trial.of(lambda clock, place: SqliteStore(folder / "journal.db", clock=clock), "journal") as trial:
            await trial.taken(trial.envelope(text=TEXT))
            await trial.delivered(trial.envelope(text=TEXT, callback_url="https://client.example"))

    asyncio.run(fill())
    return folder / "journal.db"


@pytest.fixture
def broken(journal: Path) -> Path:
    """A journal of which one message is damaged."""
    content = journal.read_bytes()
    at = content.index(TEXT.encode())
    journal.write_bytes(content[:at] + b"X" + content[at + 1 :])
    return journal


def test_show(pointsman: Runner, journal: Path) -> None:
    """The overview counts messages by state and by what is to be done; as JSON it is one object."""
    shown = pointsman("journal", str(journal))
    told = json.loads(pointsman("journal", "show", str(journal), "--json").out)

    assert shown.code == 0
    assert "delivered" in shown.out
    assert (told["messages"], told["stages"]["waiting"], told["letters"], told["version"]) == (2, 1, 2, 1)


def test_journal_of_the_configuration(pointsman: Runner, journal: Path, config: Path) -> None:
    """Without a file, the journal is the one that the configuration names, beside it."""
    refused = pointsman("journal")
    config.write_text(config.read_text().replace('store = "memory:"', 'store = "sqlite:journal.db"', 1))
    shown = pointsman("journal", "check")
    short = pointsman("journal")
    both = pointsman("journal", "check", str(journal), "--config", str(config))

    assert (refused.code, shown.code, both.code) == (2, 0, 2)
    assert "journal.db" in short.out
    assert "keeps no journal" in refused.err
    assert "good, 2 messages" in shown.out


def test_check_of_a_damaged_one(pointsman: Runner, broken: Path) -> None:
    """What is damaged is named, with what to do, and neither text nor number is shown."""
    run = pointsman("journal", "check", str(broken))
    told = json.loads(pointsman("journal", "check", str(broken), "--json").out)

    assert run.code == 1
    assert "is damaged" in run.err
    assert "pointsman journal salvage" in run.out
    assert (told["readable"], len(told["damaged"])) == (1, 1)
    assert NUMBER not in run.out + run.err
    assert "business" not in run.out + run.err


def test_salvage(pointsman: Runner, broken: Path, folder: Path) -> None:
    """What can be read is in the new journal; what is lost is told, also by the exit code."""
    run = pointsman("journal", "salvage", "journal.db", "new.db")
    again = pointsman("journal", "salvage", "journal.db", "new.db")

    assert (run.code, again.code) == (1, 1)
    assert "exists already" in again.err
    assert json.loads(pointsman("journal", "show", "new.db", "--json").out)["messages"] == 1


def test_salvage_of_a_sound_one(pointsman: Runner, journal: Path) -> None:
    """Of a sound journal everything is saved, and the exit code says so."""
    run = pointsman("journal", "salvage", "journal.db", "new.db", "--json")
    saved = {one["table"]: one["saved"] for one in map(json.loads, run.out.splitlines())}

    assert run.code == 0
    assert (saved["messages"], saved["news"], saved["letters"]) == (2, 2, 2)


def test_backup(pointsman: Runner, journal: Path, folder: Path) -> None:
    """The copy is a sound journal, and nothing is overwritten."""
    run = pointsman("journal", "backup", "copy.db", "--from", "journal.db")
    again = pointsman("journal", "backup", "copy.db", "--from", "journal.db", "--json")

    assert (run.code, again.code) == (0, 1)
    assert "exists already" in again.err
    assert pointsman("journal", "check", "copy.db").code == 0


@pytest.mark.parametrize("command", ["show", "check"])
def test_what_is_no_journal(pointsman: Runner, folder: Path, command: str) -> None:
    """A missing file and one that is something else get one line and no traceback."""
    (folder / "text.db").write_text("hello")
    missing = pointsman("journal", command, "missing.db")
    other = pointsman("journal", command, "text.db")

    assert (missing.code, other.code) == (1, 1)
    assert missing.err == "pointsman: missing.db: there is no such file\n"
    assert other.err.startswith("pointsman: text.db: it is damaged")


def test_commands_leave_the_journal_alone(pointsman: Runner, journal: Path, config: Path) -> None:
    """A command that sends does so without the journal of the daemon, which may be in use."""
    config.write_text(config.read_text().replace('store = "memory:"', 'store = "sqlite:journal.db"', 1))
    before = journal.read_bytes()
    run = pointsman("explain", "--to", f"+{NUMBER}", "--text", "hello")

    assert run.code == 0
    assert journal.read_bytes() == before
