"""A bell: waiting until somebody rings or so many seconds have passed, whichever comes first."""

import asyncio

from pointsman.clock import Clock


class Bell:
    """Rung from anywhere in the loop, heard by one waiter; several rings before it waits are one."""

    __slots__ = ("_clock", "_rung")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiter, or keep it from waiting next time."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for a ring, but not longer than this; say whether there was one."""
        if seconds > 0 and not self._rung.is_set():
            waiting = [asyncio.create_task(self._heard()), asyncio.create_task(self._clock.sleep(seconds))]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waiting:
                    one.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
        rung = self._rung.is_set()
        self._rung.clear()
        return rung

    async def _heard(self) -> None:
        await self._rung.wait()
