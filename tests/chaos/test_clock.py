"""Somebody sets the clock of the machine while messages are on their way, to and fro: shown by the real command."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

import aiohttp
import pytest

from .asking import settled
from .crowd import Crowd
from .verdict import judge
from .world import KEY, World, world

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
"""Debian's package `faketime`."""
SWITCH = "POINTSMAN_CLOCK"
"""It makes a daemon so slow that it takes half a minute, and never runs in continuous integration."""
JUMPS = ("+1h", "+0", "-1h", "+0", "+1d", "+0", "-1d", "+0")
BUSY = 0.6
"""The share of a processor above which an idle daemon runs in circles."""
LEAST = 10
"""Messages that must have been taken. The library makes a process some thirty times slower, jumps or none."""
NUMBERS = {"soon": "79165550001", "late": "79165550002"}


@pytest.fixture
def hands(tmp_path: Path) -> Path:
    """The file by which the daemon's wall clock is set."""
    file = tmp_path / "clock"
    file.write_text("+0\n")
    return file


def environment(hands: Path) -> dict[str, str]:
    """Return what lets a process take its wall clock, and nothing else, from a file."""
    return {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(hands),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def set_clock(hands: Path, jump: str) -> None:
    """Set the daemon's wall clock so far from the true time."""
    hands.write_text(f"{jump}\n")


async def scheduled(scene: World, number: str, ahead: timedelta) -> str:
    """Post a message for later; return its id."""
    body = {"to": number, "text": "later", "send_at": (datetime.now(tz=UTC) + ahead).isoformat(), "ttl": "1h"}
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{scene.daemon.url}/v1/messages", json=body) as answer,
    ):
        assert answer.status == 202, await answer.text()
        return str((await answer.json())["id"])


async def state(scene: World, message_id: str) -> str:
    """Return the state of a message."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{scene.daemon.url}/v1/messages/{message_id}") as answer,
    ):
        return str((await answer.json())["state"])


def worked(pid: int) -> float:
    """Return the seconds that a process worked."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not os.environ.get(SWITCH), reason=f"set {SWITCH}=1 to set the clock of a daemon; it takes a while")
@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed here: apt-get install faketime")
@pytest.mark.timeout(200)
async def test_a_clock_that_jumps_to_and_fro_does_no_harm(hands: Path, tmp_path: Path) -> None:
    """Nothing is lost, doubled or sent before its time, what is for later stays, and nobody runs in circles."""
    async with world(tmp_path, seed=5, more=environment(hands)) as scene:
        await scene.daemon.start()
        late = await scheduled(scene, NUMBERS["late"], timedelta(days=3))
        crowd = Crowd(scene.daemon.url, seed=5, clients=4)
        posting = asyncio.create_task(crowd.run())
        try:
            for jump in JUMPS:
                await asyncio.sleep(0.8)
                set_clock(hands, jump)
        finally:
            await asyncio.sleep(0.5)
            crowd.stopping = True
        await posting
        due = time() + 2.0
        soon = await scheduled(scene, NUMBERS["soon"], timedelta(seconds=2))
        told = await settled(scene, crowd.posted)
        for _ in range(100):
            if await state(scene, soon) in {"delivered", "undelivered"}:
                break
            await asyncio.sleep(0.1)
        sent = {one.to: one for box in scene.sandboxes.values() for one in box.ledger.messages}

        assert await state(scene, late) == "scheduled"
        assert NUMBERS["late"] not in sent
        assert sent[NUMBERS["soon"]].accepted_at >= due, "it was sent before its time"
        before, looked_at = worked(scene.daemon.pid), time()
        await asyncio.sleep(2.0)
        assert (worked(scene.daemon.pid) - before) / (time() - looked_at) < BUSY
        verdict = judge(scene, crowd.posted, told)
        wrong = [one for one in (*crowd.unexpected, *verdict.wrong) if NUMBERS["soon"] not in one]
        assert wrong == []
        assert verdict.acknowledged >= LEAST
        assert verdict.states.get("expired", 0) <= verdict.acknowledged // 4
