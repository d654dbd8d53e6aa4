"""What the server does besides serving: forgetting what is too old, and telling systemd that it is alive."""

import asyncio
import contextlib
from collections.abc import Callable

from pointsman.clock import Clock
from pointsman.daemon.diary import Diary
from pointsman.daemon.house import House
from pointsman.daemon.notify import Notifier
from pointsman.errors import PointsmanError, StoreError, StoreUnavailable
from pointsman.router import Router
from pointsman.store.interface import Retention
from pointsman.telemetry import LogLevel

ERASE_EVERY = 3600.0
ERASE_AT_ONCE = 1000
"""Of each kind in one transaction; between two of them others have their turn."""
ERASE_PAUSE = 0.05
MOST_ROUNDS = 10_000
TRY_STORE_EVERY = 2.0
"""Seconds from one try of a store that refused to write to the next."""
_HEARTBEAT = ("daemon", "heartbeat")


class Keeping:
    """The tasks of the house. They end by being cancelled."""

    def __init__(
        self, router: Router, retention: Callable[[], Retention], notifier: Notifier, diary: Diary, clock: Clock
    ) -> None:
        """`retention` says how long things are kept by the configuration in force."""
        self._router = router
        self._retention = retention
        self._notifier = notifier
        self._diary = diary
        self._clock = clock

    async def erase(self) -> None:
        """Forget what is older than it is to be kept, now and every hour."""
        while True:
            try:
                await self._erase_all(self._retention())
            except StoreError as error:
                self._diary.write(LogLevel.ERROR, "store.erase_failed", detail=str(error))
            except Exception as error:  # noqa: BLE001 - it is told, and tried again; nothing would ever be forgotten
                self._diary.unforeseen("store.erase_failed", error)
            await self._clock.sleep(ERASE_EVERY)

    async def _erase_all(self, retention: Retention) -> None:
        texts = messages = others = 0
        for _ in range(MOST_ROUNDS):
            gone = await self._router.store.erase(retention, self._clock.now(), ERASE_AT_ONCE)
            texts, messages, others = texts + gone.texts, messages + gone.messages, others + gone.others
            if max(gone.texts, gone.messages, gone.others) < ERASE_AT_ONCE:
                break
            await self._clock.sleep(ERASE_PAUSE)
        if texts or messages or others:
            self._diary.write(LogLevel.INFO, "store.erased", texts=texts, messages=messages, others=others)

    async def watch_store(self, house: House) -> None:
        """Try again and again a store that has refused, and tell when it takes something.

        Nobody else may do so: a balancer sends nothing to a server that says that it is not ready.
        """
        refused = False
        while True:
            await self._clock.sleep(TRY_STORE_EVERY)
            if house.store_refuses:
                refused = True
                with contextlib.suppress(PointsmanError):
                    await self._beat()
                    house.store_refuses = False
            if refused and not house.store_refuses:
                refused = False
                self._diary.write(LogLevel.INFO, "store.recovered")

    async def feed_watchdog(self) -> None:
        """Tell systemd again and again that the loop turns and the store writes; do nothing where it does not ask."""
        period = self._notifier.watchdog
        if period is None:
            return
        while True:
            if await self._writes(period / 2):
                self._notifier.alive()
            await self._clock.sleep(period / 4)

    async def _writes(self, patience: float) -> bool:
        """Say whether the store answers. That it cannot write now, as on a full disk, is an answer as well."""
        try:
            async with asyncio.timeout(patience):
                await self._beat()
        except StoreUnavailable:
            return True
        except (TimeoutError, PointsmanError):
            return False
        return True

    async def _beat(self) -> None:
        await self._router.store.keep(*_HEARTBEAT, str(self._clock.now()).encode())
