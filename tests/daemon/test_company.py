"""What works beside the router: limits of clients, confirmations, and webhooks."""

from typing import Any

import pytest
from aiohttp import web

from .rig import CANARY, NUMBER, Rig, serving, sms, until

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


async def test_what_a_client_may_not_do_is_forbidden(tmp_path):
    """A message to a country that is not allowed is 403, with the rule that forbids it; nothing is taken."""
    async with serving(tmp_path, clients={"shop": {"countries": ["KZ"]}}) as rig:
        said = await rig.post("/v1/messages", sms())

        assert (said.status, said.kind, said.json["rule"]) == (403, "denied", "countries")
        assert rig.box.ledger.messages == []


async def test_a_quota_that_passes_is_told_with_its_end(tmp_path):
    """Over a daily quota the answer is 429, with the rule and the seconds until it is over; usage shows it."""
    async with serving(tmp_path, clients={"shop": {"daily_messages": 2}}) as rig:
        statuses = [(await rig.post("/v1/messages", sms())).status for _ in range(2)]
        said = await rig.post("/v1/messages", sms())

        assert statuses == [202, 202]
        assert (said.status, said.kind, said.json["rule"]) == (429, "too-many-requests", "daily_messages")
        assert int(said.headers["Retry-After"]) > 0
        (used,) = [one for one in (await rig.get("/v1/clients", admin=True)).json["clients"] if one["client"] == "shop"]
        assert (used["messages"], used["daily_messages"], used["stopped"]) == (2, 2, False)


async def test_a_repeat_costs_no_quota(tmp_path):
    """Who repeats a request under its key is not held against his quota for it."""
    async with serving(tmp_path, clients={"shop": {"daily_messages": 2}}) as rig:
        headers = {"Idempotency-Key": "k"}
        statuses = [(await rig.post("/v1/messages", sms(), headers=headers)).status for _ in range(5)]
        assert statuses == [202] * 5
        assert (await rig.post("/v1/messages", sms())).status == 202


async def test_a_repeat_is_answered_when_the_quota_is_full(tmp_path):
    """What was acknowledged is acknowledged again under its key, when nothing new would be taken any more."""
    async with serving(tmp_path, clients={"shop": {"daily_messages": 1}}) as rig:
        headers = {"Idempotency-Key": "k"}
        first = await rig.post("/v1/messages", sms(), headers=headers)
        assert (await rig.post("/v1/messages", sms())).status == 429

        again = await rig.post("/v1/messages", sms(), headers=headers)
        other = await rig.post("/v1/messages", sms(text="Another"), headers=headers)

        assert (again.status, again.json["id"], again.headers["Idempotent-Replay"]) == (202, first.json["id"], "true")
        assert other.kind == "key-reused"


async def test_quotas_survive_a_restart(tmp_path):
    """What was used today counts after a restart, too."""
    store = f"sqlite:{tmp_path / 'journal.db'}"
    clients = {"shop": {"daily_messages": 1, "lookups_per_day": 1}}
    async with serving(tmp_path, clients=clients, store=store) as rig:
        assert (await rig.post("/v1/lookups", {"to": NUMBER})).status == 202
    async with serving(tmp_path, clients=clients, store=store) as rig:
        assert (await rig.post("/v1/messages", sms())).json["rule"] == "daily_messages"


async def test_confirmations_are_noted(rig: Rig):
    """A client can confirm a message of his that a provider took, and no other's."""
    taken = (await rig.post("/v1/messages", sms())).json["id"]
    await rig.service.router.wait(taken)

    assert (await rig.post(f"/v1/messages/{taken}/confirm")).status == 200
    assert (await rig.post(f"/v1/messages/{taken}/confirm", {})).json == {"id": taken, "state": "delivered"}
    assert (await rig.post(f"/v1/messages/{taken}/confirm", {}, client="other")).status == 404


class Hook:
    """A client's server, which answers what it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[bytes] = []

    async def take(self, request: web.Request) -> web.Response:
        """Take a post."""
        self.got.append(await request.read())
        return web.Response(status=self.status)


@pytest.fixture
async def hook():
    """A running one."""
    taking = Hook()
    app = web.Application()
    app.router.add_post("/hook", taking.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    taking.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield taking
    await runner.cleanup()


HOOKED = {
    "webhook_secret": {"env": "HOOK"},
    "allow_plain_callbacks": True,
    "allow_private_callbacks": True,
}


async def test_news_are_posted(tmp_path, hook: Hook):
    """A message with a `callback_url` has its news posted there; after a reload the rules are the new ones."""
    async with serving(tmp_path, clients={"shop": HOOKED}, env={"HOOK": SECRET}) as rig:
        assert (await rig.post("/v1/messages", sms(callback_url=hook.url))).status == 202
        await until(lambda: any(b"delivered" in one for one in hook.got))

        said = await rig.post("/v1/messages", sms(callback_url=hook.url), client="other")
        assert (said.status, said.fields) == (422, ["callback_url"])


async def test_news_that_nobody_takes_are_listed_and_posted_again(tmp_path, hook: Hook):
    """News that a receiver refuses for good are in the list of the dead, and go out again when somebody says so."""
    hook.status = 410
    async with serving(tmp_path, clients={"shop": HOOKED}, env={"HOOK": SECRET}) as rig:
        taken = (await rig.post("/v1/messages", sms(callback_url=hook.url))).json["id"]

        async def look() -> list[dict[str, Any]]:
            return (await rig.get("/v1/webhooks/dead", admin=True)).json["letters"]

        dead = await until(look)
        assert (dead[0]["client"], dead[0]["message_id"]) == ("shop", taken)
        assert "127.0.0.1" not in str(dead)
        hook.status = 200
        hook.got.clear()

        said = await rig.manage("/v1/webhooks/retry", {"client": "shop"})
        assert said.json["revived"] >= 1
        await until(lambda: hook.got)
        for nonsense in ({}, {"client": "shop", "seqs": [1]}):
            assert (await rig.manage("/v1/webhooks/retry", nonsense)).status == 422
        assert CANARY not in rig.lines.text
