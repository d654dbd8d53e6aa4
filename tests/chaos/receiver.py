"""A client's receiver of webhooks: it writes down what comes, and now and then it answers badly."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Self

import msgspec
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""Obviously not a real one."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One post, in the order in which they came."""

    id: str
    """Of the webhook."""
    message_id: str
    state: str
    body: bytes

    @property
    def place(self) -> int:
        """The place of this piece of news among all of the journal."""
        return int(self.id.rpartition("_")[2])


class Receiver:
    """Listens on a port of this machine. State: what came, and whether it answers badly."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.misbehaving = False
        self.arrivals: list[Arrival] = []
        self.wrong: list[str] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hook", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site.port}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            news = Webhook(SECRET).verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            self.wrong.append(f"a webhook whose signature is not valid: {error}")
            return web.Response(status=401)
        chance = self._random.random() if self.misbehaving else 1.0
        if chance < 0.01:
            return web.Response(status=400)
        if chance < 0.02:
            return web.Response(status=429, headers={"Retry-After": "1"})
        told = news["data"]
        self.arrivals.append(
            Arrival(id=request.headers["webhook-id"], message_id=told["id"], state=told["state"], body=body)
        )
        if chance < 0.025 and request.transport is not None:
            request.transport.abort()  # it was taken, and nobody hears of it
        return web.Response(status=204)


def told_states(arrivals: Sequence[Arrival]) -> Mapping[str, list[str]]:
    """Return the states by message, in the order in which they were told first."""
    told: dict[str, list[str]] = {}
    for one in arrivals:
        states = told.setdefault(one.message_id, [])
        if one.state not in states:
            states.append(one.state)
    return told


def disorder(arrivals: Sequence[Arrival]) -> list[str]:
    """Return what is wrong with the order of posts, or with those that came again."""
    wrong = []
    latest: dict[str, int] = {}
    bodies: dict[str, bytes] = {}
    for one in arrivals:
        if one.place < latest.get(one.message_id, 0):
            wrong.append(f"webhooks of {one.message_id} are out of order: {one.state} came late")
        latest[one.message_id] = max(one.place, latest.get(one.message_id, 0))
        if bodies.setdefault(one.id, one.body) != one.body:
            wrong.append(f"webhook {one.id} says two different things")
    return wrong
