"""One key is one message and one journal has one daemon, whatever dies in between: shown by the real command."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from .asking import FINAL
from .daemon import Daemon, free_port
from .world import KEY, World, world

BODY = {"to": "79165550000", "text": "hello", "class": "marketing"}
AT_ONCE = 100


async def posted(session: aiohttp.ClientSession, scene: World) -> str | None:
    """Post the message under its one key; return its id, None when nobody answered."""
    headers = {"Idempotency-Key": "order-17"}
    try:
        async with session.post(f"{scene.daemon.url}/v1/messages", json=BODY, headers=headers) as answer:
            assert answer.status == 202, await answer.text()
            return str((await answer.json())["id"])
    except aiohttp.ClientError:
        return None


async def final(session: aiohttp.ClientSession, scene: World, message_id: str) -> dict[str, Any]:
    """Return a receipt as soon as its state is final."""
    async with asyncio.timeout(30):
        while True:
            async with session.get(f"{scene.daemon.url}/v1/messages/{message_id}") as answer:
                receipt: dict[str, Any] = await answer.json()
            if receipt["state"] in FINAL:
                return receipt
            await asyncio.sleep(0.05)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("pause", [0.0, 0.03, 0.1])
async def test_one_key_is_one_message_although_the_daemon_is_killed(pause: float, tmp_path: Path) -> None:
    """A hundred posts at once, a kill in the middle, a hundred more: all hear of one message, and one copy went out."""
    async with world(tmp_path, seed=1) as scene:
        await scene.daemon.start()
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}, connector=connector) as session:
            posting = [asyncio.create_task(posted(session, scene)) for _ in range(AT_ONCE)]
            await asyncio.sleep(pause)
            await scene.daemon.kill()
            before = await asyncio.gather(*posting)
            await scene.daemon.start()
            after = await asyncio.gather(*(posted(session, scene) for _ in range(AT_ONCE)))

            assert None not in after
            (only,) = {*before, *after} - {None}
            assert only is not None
            receipt = await final(session, scene, only)

        copies = [one for box in scene.sandboxes.values() for one in box.ledger.messages]
        assert len(copies) == 1 or (not copies and receipt["state"] == "unknown")


@pytest.mark.timeout(60)
async def test_a_second_daemon_on_one_journal_is_refused(tmp_path: Path) -> None:
    """It ends with 2 and says whose the journal is and where it is; the first one goes on and loses nothing."""
    async with world(tmp_path, seed=1) as scene:
        await scene.daemon.start()
        text = scene.config.read_text()
        port, admin = free_port(), free_port()
        own = text.replace(scene.daemon.url.rpartition(":")[2], str(port))
        other = tmp_path / "other.toml"
        other.write_text(own.replace(scene.daemon.admin.rpartition(":")[2], str(admin)))
        other.chmod(0o600)
        second = Daemon(other, scene.daemon.environment, port, admin)
        second.log = tmp_path / "second.log"

        with pytest.raises(AssertionError, match="ended with 2 instead of starting"):
            await second.start()

        said = second.log.read_text()
        assert "journal.db" in said
        assert "in use" in said or "another process" in said, said
        assert "Traceback" not in said
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:
            taken = await posted(session, scene)
            assert taken is not None
            assert (await final(session, scene, taken))["state"] in {"delivered", "undelivered"}
