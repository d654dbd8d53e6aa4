"""Clients that post messages and never give up before they have an answer, as the documentation tells them to."""

import asyncio
from random import Random
from time import time
from typing import Any

import aiohttp
import msgspec

from .outage import Outage
from .wishes import PLAIN, Mix, Wish, body_of, draw
from .world import KEY

MOST_TRIES = 2_000
PAUSE = 0.05
"""Seconds before a client asks again that got no answer."""


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the daemon acknowledged."""

    id: str
    wish: Wish
    tries: int
    at: float
    """Wall time at which its client had read that."""
    stopped_at: float | None = None
    """Wall time at which its client had read that it is taken back."""
    may_be_stopped: bool = False
    """Whether some DELETE of it was answered so, or not at all."""


class Said(msgspec.Struct, frozen=True):
    """An answer, and how often it was asked for."""

    status: int
    body: Any
    tries: int


class Crowd:
    """Posts messages, each to a number of its own. State: what was acknowledged, and whether it is to go on."""

    def __init__(
        self,
        url: str,
        seed: int,
        clients: int = 8,
        *,
        mix: Mix = PLAIN,
        hooks: str | None = None,
        outage: Outage | None = None,
    ) -> None:
        self._url = f"{url}/v1/messages"
        self._random = Random(seed)
        self._clients = clients
        self._mix = mix
        self._hooks = hooks
        self._outage = outage or Outage()
        self._count = 0
        self._posted: dict[str, Posted] = {}
        self._regrets: set[asyncio.Task[None]] = set()
        self.stopping = False
        self.unexpected: list[str] = []
        """Answers that nobody should get."""

    @property
    def posted(self) -> list[Posted]:
        """What was acknowledged."""
        return list(self._posted.values())

    async def run(self) -> None:
        """Post until told to stop; what was begun is brought to its answer."""
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10)) as session:
            await asyncio.gather(*(self._client(session) for _ in range(self._clients)))
            await asyncio.gather(*self._regrets)

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while not self.stopping:
            await self._post(session)
            await asyncio.sleep(self._random.random() * 0.02)

    async def _post(self, session: aiohttp.ClientSession) -> None:
        self._count += 1
        wish = draw(self._random, self._count, self._mix, time())
        headers = {"Idempotency-Key": f"key-{wish.number}"}
        body = body_of(wish, self._hooks)
        said = await self._said(session, "POST", self._url, json=body, headers=headers)
        if said is None:
            self.unexpected.append(f"{wish.number} was never answered")
        elif said.status != 202:
            self.unexpected.append(f"{said.status}: {said.body}")
        else:
            one = Posted(id=said.body["id"], wish=wish, tries=said.tries, at=time())
            self._posted[one.id] = one
            if wish.regret is not None:
                self._regrets.add(asyncio.create_task(self._take_back(session, one, wish.regret)))

    async def _take_back(self, session: aiohttp.ClientSession, one: Posted, after: float) -> None:
        await asyncio.sleep(after)
        said = await self._said(session, "DELETE", f"{self._url}/{one.id}")
        if said is None or said.status not in {202, 409}:
            self.unexpected.append(f"DELETE of {one.id}: {said}")
            return
        stopped = said.status == 202
        self._posted[one.id] = msgspec.structs.replace(
            one, stopped_at=time() if stopped else None, may_be_stopped=stopped or said.tries > 1
        )

    async def _said(self, session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> Said | None:
        """Return the answer that is one; None when there was none at all."""
        for tries in range(1, MOST_TRIES):
            dark = self._outage.number
            try:
                async with session.request(method, url, **more) as answer:
                    body = await answer.json()
                    self._outage.answered(dark, answer.status, f"{method} {answer.status}: {body}", answer.headers)
                    if answer.status not in {429, 503}:
                        return Said(answer.status, body, tries)
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(PAUSE)
        return None
