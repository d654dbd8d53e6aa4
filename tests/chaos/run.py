"""One run: clients post, the daemon is ended again and again at random moments, and in the end all is compared."""

import asyncio
import enum
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random

import msgspec

from .asking import settled
from .crowd import Crowd
from .power import PowerCut, powered
from .printed import said
from .verdict import Verdict, judge
from .wishes import FULL
from .world import World, world


class Way(enum.StrEnum):
    """How the daemon is disturbed."""

    KILL = "kill"
    """`kill -9`, and a new start at once."""
    TERMINATE = "terminate"
    """SIGTERM, and a new start when it has ended."""
    RELOAD = "reload"
    """SIGHUP with a configuration that has changed, while it runs."""
    POWER = "power"
    """The file system of the journal is shut down, the process killed, and both start anew; needs root."""


Disturb = Callable[[World, int], Awaitable[None]]
"""Disturbs the daemon, and counts how often it did before."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done."""

    seed: int
    times: int
    """How often the daemon is disturbed."""
    way: Way = Way.KILL
    faults: bool = False
    """Whether the providers misbehave as well."""
    longest: float = 1.0
    """Seconds from one disturbance to the next at most."""


async def perform(plan: Plan, folder: Path) -> Verdict:
    """Carry a plan out in an empty folder."""
    random = Random(plan.seed)
    if plan.way is Way.POWER:
        with powered(folder) as disk:
            return await _performed(plan, folder, PowerCut(disk, random), str(disk.folder / "journal.db"))
    return await _performed(plan, folder, _DISTURB[plan.way], "journal.db")


async def _performed(plan: Plan, folder: Path, disturb: Disturb, journal: str) -> Verdict:
    random = Random(plan.seed)
    async with world(folder, plan.seed, journal=journal) as scene:
        await scene.daemon.start()
        if plan.faults:
            scene.misbehave()
        crowd = Crowd(scene.daemon.url, plan.seed, mix=FULL, hooks=scene.receiver.url, outage=scene.outage)
        posting = asyncio.create_task(crowd.run())
        try:
            for place in range(plan.times):
                await asyncio.sleep(random.uniform(0.05, plan.longest))
                await disturb(scene, place)
        finally:
            crowd.stopping = True
        await posting
        scene.behave()
        told = await settled(scene, crowd.posted)
        verdict = judge(scene, crowd.posted, told)
        printed = said(scene.daemon.log)
    return msgspec.structs.replace(verdict, wrong=(*crowd.unexpected, *verdict.wrong, *printed))


async def _kill(scene: World, place: int) -> None:
    del place
    await scene.daemon.kill()
    await scene.daemon.start()


async def _terminate(scene: World, place: int) -> None:
    del place
    code = await scene.daemon.terminate()
    assert code == 0, f"the daemon ended with {code} after SIGTERM"
    await scene.daemon.start()


async def _reload(scene: World, place: int) -> None:
    text = scene.config.read_text()
    prices = ("3.10", "2.90") if place % 2 == 0 else ("2.90", "3.10")
    scene.config.write_text(text.replace(f'price = "{prices[0]}"', f'price = "{prices[1]}"'))
    scene.daemon.tell(signal.SIGHUP)


_DISTURB: Mapping[Way, Disturb] = {
    Way.KILL: _kill,
    Way.TERMINATE: _terminate,
    Way.RELOAD: _reload,
}
