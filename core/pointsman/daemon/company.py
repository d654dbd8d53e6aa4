"""What works beside the router for the clients: the guard that limits them, and the poster of their webhooks."""

import asyncio
import logging
from random import Random

from pointsman.clock import Clock
from pointsman.config import Config
from pointsman.daemon.webhooks import Poster
from pointsman.errors import StoreError
from pointsman.events import Charged, Confirmed, Event, MessageMoved
from pointsman.guard import Guard, restore, save
from pointsman.router import Router

_log = logging.getLogger("pointsman.guard")
SAVE_EVERY = 60.0
"""Seconds from one writing down of what the guard counted to the next."""
HEEDED = (MessageMoved, Charged, Confirmed)
"""Kinds of event that are of any meaning to the guard or the poster."""


class Company:
    """An observer of events, of the kinds in `HEEDED`.

    `start` it when the store is open, before anything is let in; `close` it before the store.

    State: that of the guard and of the poster.
    """

    def __init__(self, config: Config, router: Router, clock: Clock, random: Random) -> None:
        self._router = router
        self._clock = clock
        self.guard = Guard(config, clock, expected=router.expected_price, emit=router.tell)
        self.poster = Poster(router.store, config.clients, clock=clock, random=random, emit=router.tell)
        self._saving: asyncio.Task[None] | None = None

    def __call__(self, event: Event) -> None:
        """Note an event."""
        self.guard(event)
        if isinstance(event, MessageMoved):
            self.poster.poke()

    async def start(self) -> None:
        """Take up what was used today, and begin to post. Raises `StoreError`."""
        await restore(self.guard, self._router.store)
        await self.poster.start()
        self._saving = asyncio.create_task(self._save(), name="guard")

    def configure(self, config: Config) -> None:
        """Put another configuration in force. Cannot fail, and waits for nothing."""
        self.guard.renew(config)
        self.poster.configure(config.clients)

    async def close(self) -> None:
        """Let posts on their way end, and write down what was counted."""
        if self._saving is None:
            return
        self._saving.cancel()
        await asyncio.gather(self._saving, return_exceptions=True)
        self._saving = None
        await self.poster.close()
        await self._saved()

    async def _save(self) -> None:
        while True:
            await self._clock.sleep(SAVE_EVERY)
            await self._saved()

    async def _saved(self) -> None:
        try:
            await save(self.guard, self._router.store)
        except StoreError:
            return  # the next time will do; until then a restart would count lookups anew
        except Exception as error:  # noqa: BLE001 - whatever it is, the next time is tried
            _log.error("what the guard counted cannot be written down: %s", type(error).__name__)
