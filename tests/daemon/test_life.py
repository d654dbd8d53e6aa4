"""The life of the service: what is asked for at a bad moment, and what goes wrong with nobody waiting for it."""

import asyncio
import socket

import pytest

from pointsman.config import load_config
from pointsman.daemon import company, keeping
from pointsman.daemon.service import Service
from pointsman.errors import RouterClosed
from pointsman.loading import load_plugins
from pointsman.testing import SCRIPTED

from .rig import CANARY, TOKEN, Lines, serving, until


async def test_a_reload_waits_for_the_start(tmp_path):
    """Systemd is not told that the service is ready by a reload that was asked for while it starts."""
    async with serving(tmp_path) as rig:
        path, box = rig.path, rig.box
        heard: list[str] = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.bind(str(tmp_path / "notify"))
            channel.setblocking(False)
            found = load_plugins([SCRIPTED])
            env = {"TOKEN": TOKEN, "CANARY": CANARY, "NOTIFY_SOCKET": str(tmp_path / "notify")}
            service = Service(load_config(path, plugins=found, env=env), found, Lines(), environment=env)
            asked = asyncio.create_task(service.reload())
            await asyncio.sleep(0.05)
            with pytest.raises(BlockingIOError):
                channel.recv(1000)

            await service.open()
            await asked
            while len(heard) < 3:
                heard.append((await asyncio.get_running_loop().sock_recv(channel, 1000)).decode().partition("\n")[0])
            assert heard == ["READY=1", "RELOADING=1", "READY=1"]

            await service.close(patience=0.1)
            with pytest.raises(RouterClosed):
                await service.reload()
            assert box.base_url


async def test_what_erases_goes_on_after_anything(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Texts are still forgotten after an error that nobody foresaw, and the log tells of it."""
    monkeypatch.setattr(keeping, "ERASE_EVERY", 0.02)
    async with serving(tmp_path) as rig:
        calls: list[int] = []

        async def broken(*_: object) -> None:
            calls.append(1)
            raise ZeroDivisionError

        monkeypatch.setattr(rig.service.router.store, "erase", broken)
        await until(lambda: len(calls) > 2)

        assert rig.lines.of("store.erase_failed")[0]["error"] == "ZeroDivisionError"


async def test_what_the_guard_counts_is_written_again_after_anything(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """An error that nobody foresaw does not end the writing down, and is told."""
    monkeypatch.setattr(company, "SAVE_EVERY", 0.02)
    calls: list[int] = []

    async def broken(*_: object) -> None:
        calls.append(1)
        raise ZeroDivisionError

    async with serving(tmp_path) as rig:
        with monkeypatch.context() as patch:
            patch.setattr(company, "save", broken)
            await until(lambda: len(calls) > 2)

        assert any("the guard" in line["detail"] for line in rig.lines.of("daemon.noted"))
