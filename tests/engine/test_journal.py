"""Decisions that are acted on are written to a file, and nothing about that file can disturb the messages."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pointsman import ConfigError, Router, read_decisions, replay
from pointsman.config.values import NewFile
from pointsman.engine.journal import DecisionLog
from pointsman.events import Decided
from pointsman.outcome import Fault, State
from pointsman.routing.candidate import Decision, Reason
from pointsman.routing.journal import DecisionMade
from pointsman.testing import FakeClock, ScriptedSandbox, refuse

from .rig import account, number, price, routing, sms


def decision(place: int) -> DecisionMade:
    """Return the news of a decision for nobody."""
    made = msgspec.convert(
        {
            "id": f"{place}-1",
            "message_id": str(place),
            "at": 0.0,
            "route": None,
            "strategy": "",
            "reason": Reason.NONE,
            "ranking": (),
            "excluded": (),
            "subject": {
                "channel": "sms",
                "message_class": "otp",
                "network": {},
                "parts": 1,
                "prefix": "7916",
            },
        },
        Decision,
    )
    return DecisionMade(at=0.0, decision=made)


def written(path: Path) -> list[str]:
    """Return the ids of the messages in a file."""
    return [one.message for one in read_decisions(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "decisions.jsonl"


# -- in a router -------------------------------------------------------------------------------------------------------


async def test_each_decision_that_is_acted_on_is_in_the_file(clock: FakeClock, box: ScriptedSandbox, path: Path):
    """A failover makes two lines; `explain` and looks at who else would be there make none; all can be replayed."""
    box.script(refuse(Fault.SENDER))
    other = ScriptedSandbox(clock=clock)
    accounts = {"a": account(box, prices=[price("1")]), "b": account(other, prices=[price("2")])}
    router = {"router": {"decisions": str(path)}}
    async with routing(accounts, clock=clock, policy={"strategy": "balanced"}, sections=router) as rig:
        rig.router.explain(sms())
        receipt = await rig.router.send(sms())
        decided = rig.told(Decided)

    kept = list(read_decisions(path))
    assert receipt.state is State.SENT
    assert [one.id for one in kept] == [one.decision_id for one in decided] == [f"{receipt.id}-1", f"{receipt.id}-2"]
    assert [one.first for one in kept] == [attempt.provider for attempt in receipt.attempts] == ["a", "b"]
    assert (replay(kept).agreed, kept[0].prefix, kept[1].out[0].why) == (2, number(0)[:7], "tried")
    assert number(0) not in repr(kept)


async def test_nobody_is_recorded_too(clock: FakeClock, box: ScriptedSandbox, path: Path):
    """A decision without any candidate is a decision."""
    accounts = {"a": account(box, prices=[price("1")], opening_balance="0")}
    async with routing(accounts, clock=clock, sections={"router": {"decisions": str(path)}}) as rig:
        await rig.router.send(sms())

    [kept] = read_decisions(path)
    assert (kept.first, kept.reason, kept.out[0].why) == (None, Reason.NONE, "funds")


@pytest.fixture
def folder(path: Path) -> Path:
    """A folder where the file should be."""
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("place", "problem"), [("decisions.jsonl", "is a folder"), ("there/x.jsonl", "there is no folder"), (7, "a path")]
)
async def test_a_place_where_no_file_can_be_is_refused(
    clock: FakeClock, box: ScriptedSandbox, folder: Path, place: str | int, problem: str
):
    """What the configuration says is checked when it is read."""
    section = {"router": {"decisions": str(folder.parent / place) if isinstance(place, str) else place}}
    with pytest.raises(ConfigError, match=rf"router\.decisions.*{problem}"):
        async with routing({"a": account(box)}, clock=clock, sections=section):
            pass


async def test_a_file_that_cannot_be_written_is_told_at_the_start(clock: FakeClock, box: ScriptedSandbox, folder: Path):
    """What was right when the configuration was read may be wrong when the router starts."""
    async with routing({"a": account(box)}, clock=clock) as rig:
        config, plugins = rig.router.config, rig.router.plugins
    changed = msgspec.structs.replace(config.router, decisions=NewFile(folder))
    config = msgspec.structs.replace(config, router=changed)
    with pytest.raises(ConfigError, match=r"router\.decisions.*cannot be written: Is a directory"):
        await Router(config, plugins=plugins, clock=clock, only_loopback=True).start()


# -- the file ----------------------------------------------------------------------------------------------------------


def test_lines_are_appended(path: Path) -> None:
    """A second process goes on where the first ended; what was cut short there spoils no other line."""
    for place in range(2):
        log = DecisionLog(path)
        log.open()
        log(decision(place))
        log.close()
    with path.open("ab") as file:
        file.write(b'{"v":1,"id":"cut sh')
    log = DecisionLog(path)
    log.open()
    log(decision(2))
    log.close()

    bad: list[int] = []
    assert [one.message for one in read_decisions(path, lambda line, _: bad.append(line))] == ["0", "1", "2"]
    assert bad == [3]
    with pytest.raises(ValueError, match="line 3 of"):
        written(path)


def test_a_file_does_not_grow_for_ever(path: Path) -> None:
    """A full file is put aside in place of the one before, and what is kept is whole."""
    for place in range(10):
        log = DecisionLog(path, most=400)
        log.open()
        log(decision(place))
        log.close()
        assert log.dropped == 0

    aside = path.with_name("decisions.jsonl.1")
    kept = [*written(aside), *written(path)]
    assert kept == [str(place) for place in range(10)][-len(kept) :]
    assert (len(kept) >= 2, path.stat().st_size <= 400, aside.stat().st_size <= 400) == (True, True, True)
    assert len(list(path.parent.iterdir())) == 2


def test_only_the_owner_can_read_it(path: Path) -> None:
    """The file tells of traffic, and is made for its owner alone."""
    log = DecisionLog(path)
    log.open()
    log.close()

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_disk_that_stands_still_delays_nobody(path: Path) -> None:
    """While nothing can be written, decisions are taken at once and, beyond what may wait, counted and dropped."""
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    log = DecisionLog(path, capacity=3)
    log._open = lambda: setattr(log, "_file", os.open(path, os.O_WRONLY))  # type: ignore[method-assign]
    log.open()
    filler = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    filled = 0
    try:
        while True:
            filled += os.write(filler, b"x" * 65536)
    except BlockingIOError:
        pass
    for place in range(300):
        log(decision(place))
    assert log.dropped >= 300 - 3 - 200

    left = filled
    while left:
        left -= len(os.read(reader, min(left, 65536)))
    log.close()
    assert b'"message":"0"' in os.read(reader, 1_000_000)
    os.close(filler)
    os.close(reader)


def test_a_full_disk_is_told_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be written is counted, and told at the first time and at the end."""
    path.symlink_to("/dev/full")
    log = DecisionLog(path)
    with caplog.at_level(logging.WARNING, "pointsman.decisions"):
        log.open()
        for place in range(3):
            log(decision(place))
        log.close()

    assert log.dropped == 3
    first, last = [record.getMessage() for record in caplog.records]
    assert "cannot be written to decisions.jsonl: No space left on device" in first
    assert "3 decisions are missing from decisions.jsonl: No space left" in last


def test_what_comes_after_the_end_is_counted(path: Path) -> None:
    """A log that is closed, or was never opened, takes nothing and breaks nothing; its thread has ended."""
    log = DecisionLog(path)
    log(decision(0))
    log.close()
    log.open()
    log.close()
    log(decision(1))

    assert (log.dropped, path.read_bytes()) == (2, b"")
    assert "pointsman-decisions" not in {thread.name for thread in threading.enumerate()}


def test_a_file_that_cannot_be_put_aside_harms_no_other(path: Path):
    """Where the full file cannot be renamed, decisions are dropped, and no file of anybody else is closed instead."""
    (path.with_name(f"{path.name}.1")).mkdir()
    log = DecisionLog(path, most=1)
    log.open()
    log(decision(0))
    _until(lambda: bool(written(path)))
    log(decision(1))
    _until(lambda: log.dropped == 1)
    others = [os.open(path, os.O_RDONLY) for _ in range(3)]
    log(decision(2))
    _until(lambda: log.dropped == 2)
    log.close()

    for other in others:
        os.close(other)
    assert written(path) == ["0"]


def test_a_line_that_was_cut_by_a_full_disk_spoils_no_other(path: Path, monkeypatch: pytest.MonkeyPatch):
    """When the disk is full in the middle of a line and has room again later, all lines after it can be read."""
    log = DecisionLog(path)
    log.open()
    with monkeypatch.context() as full:
        write, left = os.write, [20]

        def short(file: int, data: bytes) -> int:
            if not left:
                raise OSError(28, "No space left on device")
            return write(file, data[: left.pop()])

        full.setattr(os, "write", short)
        log(decision(0))
        _until(lambda: log.dropped == 1)
    log(decision(1))
    log(decision(2))
    log.close()

    unreadable: list[int] = []
    kept = read_decisions(path, lambda number, _: unreadable.append(number))
    assert ([one.message for one in kept], unreadable) == (["1", "2"], [1])


def _until(holds: Callable[[], bool]) -> None:
    """Wait for the thread of a log."""
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not happen")
