"""Clients that post messages and never give up before they have an answer, as the documentation tells them to."""

import asyncio
from random import Random

import aiohttp
import msgspec

from .world import KEY

MOST_TRIES = 2_000
PAUSE = 0.05
"""Seconds before a client asks again that got no answer."""


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the daemon acknowledged."""

    id: str
    number: str
    channel: str
    message_class: str
    tries: int


class Crowd:
    """Posts messages, each to a number of its own. State: what was acknowledged, and whether it is to go on."""

    def __init__(self, url: str, seed: int, clients: int = 8) -> None:
        self._url = url
        self._random = Random(seed)
        self._clients = clients
        self._count = 0
        self.stopping = False
        self.posted: list[Posted] = []
        self.unexpected: list[str] = []
        """Answers that nobody should get."""

    async def run(self) -> None:
        """Post until told to stop; what was begun is brought to its answer."""
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10)) as session:
            await asyncio.gather(*(self._client(session) for _ in range(self._clients)))

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while not self.stopping:
            await self._post(session)
            await asyncio.sleep(self._random.random() * 0.02)

    async def _post(self, session: aiohttp.ClientSession) -> None:
        self._count += 1
        number = f"7916{self._count:07d}"
        channel = "hlr" if self._random.random() < 0.2 else "sms"
        message_class = self._random.choice(("otp", "transactional", "marketing"))
        body: dict[str, str] = {"channel": channel, "to": number, "class": message_class, "reference": number}
        if channel == "sms":
            body["text"] = f"message {self._count}"
        headers = {"Idempotency-Key": f"key-{number}"}
        for tries in range(1, MOST_TRIES):
            try:
                async with session.post(f"{self._url}/v1/messages", json=body, headers=headers) as answer:
                    said = await answer.json()
                    if answer.status == 202:
                        self.posted.append(
                            Posted(
                                id=said["id"],
                                number=number,
                                channel=channel,
                                message_class=message_class,
                                tries=tries,
                            )
                        )
                        return
                    if answer.status not in (429, 503):
                        self.unexpected.append(f"{answer.status}: {said}")
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(PAUSE)
        self.unexpected.append(f"{number} was never answered")
