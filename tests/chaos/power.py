"""Power cuts under the whole daemon: its disk goes, it may see that, it dies, and disk and daemon come back."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import aiohttp

from ..disk import Disk, hold  # noqa: TID252 - one disk for the store's tests and the daemon's
from .world import World

SEEN_WITHIN = 10.0
"""Seconds in which a daemon under load must see that nothing can be written any more."""
DEAD_AT_ONCE = 0.5
"""The share of cuts at which the daemon dies with its disk and sees nothing."""


@contextmanager
def powered(folder: Path) -> Iterator[Disk]:
    """Make a disk and mount it. Raises `NoDisk` where that does not work."""
    disk = Disk(folder / "disk.img", folder / "disk")
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()


class PowerCut:
    """Cuts the power."""

    def __init__(self, disk: Disk, random: Random) -> None:
        self._disk = disk
        self._random = random

    async def __call__(self, scene: World, place: int) -> None:
        """Cut it, and let everything come back."""
        daemon = scene.daemon
        sees_it = self._random.random() >= DEAD_AT_ONCE
        hold(daemon.pid, whole=sees_it)
        self._disk.cut()
        if sees_it:
            scene.outage.begin()
            daemon.tell(signal.SIGCONT)
            await _until_seen(scene)
            await asyncio.sleep(self._random.uniform(0.0, 0.5))
        await daemon.kill()
        scene.outage.end()
        self._disk.unmount()
        self._disk.mount()
        await daemon.start()


async def _until_seen(scene: World) -> None:
    """Wait until the daemon says that it is not ready, because of its store."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SEEN_WITHIN
    async with aiohttp.ClientSession() as session:
        while loop.time() < until:
            async with session.get(f"{scene.daemon.url}/readyz") as answer:
                if answer.status == 503 and "the last write failed" in await answer.text():
                    return
            await asyncio.sleep(0.02)
    scene.outage.wrong.append(f"the daemon did not see within {SEEN_WITHIN:.0f} s that its disk is gone")
