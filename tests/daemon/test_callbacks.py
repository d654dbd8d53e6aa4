"""Callbacks of providers: who is listened to, and when they hear that all is well."""

import asyncio
from typing import Any

import msgspec
import pytest

from pointsman.errors import StoreUnavailable
from pointsman.outcome import DeliveryState, Report
from pointsman.plugin import Callback, CallbackReading, ProviderPlugin, Reading
from pointsman.testing import Scripted, ScriptedSettings

from .rig import TOKEN, Rig, serving, sms, until


class Outspoken(Scripted):
    """Calls back with whole reports."""

    def read_callback(self, callback: Callback) -> CallbackReading:
        """Read reports as they are."""
        return Reading(msgspec.json.decode(callback.body, type=tuple[Report, ...]))


OUTSPOKEN = ProviderPlugin(name="outspoken", settings=ScriptedSettings, build=Outspoken)
ACCOUNT = {"plugin": "outspoken", "tells_reports": False}


def delivered(receipt: dict[str, Any]) -> bytes:
    """Return the report that a message was delivered."""
    provider_id = receipt["attempts"][0]["provider_ids"][0]
    return msgspec.json.encode([Report(provider_id=provider_id, state=DeliveryState.DELIVERED, final=True)])


async def sent(rig: Rig) -> dict[str, Any]:
    """Return the receipt of a message that the provider has taken."""
    taken = (await rig.post("/v1/messages", sms())).json["id"]

    async def look() -> dict[str, Any] | None:
        receipt = (await rig.get(f"/v1/messages/{taken}")).json
        return receipt if receipt["state"] == "sent" else None

    return await until(look)


async def test_a_report_is_answered_when_it_counts(tmp_path):
    """What a provider reports is known to the client as soon as the provider hears 200."""
    async with serving(tmp_path, account=ACCOUNT, plugins=[OUTSPOKEN]) as rig:
        receipt = await sent(rig)

        said = await rig.post(f"/v1/callbacks/a/{TOKEN}", delivered(receipt), client=None)

        assert (said.status, said.body) == (200, b"OK")
        assert (await rig.get(f"/v1/messages/{receipt['id']}")).json["state"] == "delivered"


async def test_no_report_is_taken_that_cannot_be_written_down(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """While the store cannot write, a provider hears 503 and comes again."""
    async with serving(tmp_path, account=ACCOUNT, plugins=[OUTSPOKEN]) as rig:
        receipt = await sent(rig)

        async def full(*_: object) -> None:
            raise StoreUnavailable("memory:", "the disk is full")

        monkeypatch.setattr(rig.service.router.store, "apply", full)
        said = await rig.post(f"/v1/callbacks/a/{TOKEN}", delivered(receipt), client=None)

        assert (said.status, said.kind) == (503, "store-unavailable")
        assert int(said.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("path", ["/v1/callbacks/a/wrong", f"/v1/callbacks/b/{TOKEN}", f"/v1/callbacks/a/{TOKEN}x"])
async def test_strangers_hear_nothing(rig: Rig, path: str):
    """Without the token there is nothing here, whether the provider exists or not."""
    said = await rig.post(path, b"[]", client=None)

    assert (said.status, said.json["detail"]) == (404, "there is nothing here")


async def test_a_provider_without_a_token_does_not_report(tmp_path):
    """Where the configuration has no `callback_token`, nobody is listened to."""
    async with serving(tmp_path, more='[providers.b]\nplugin = "scripted"\nbase_url = "http://127.0.0.1:1"\n') as rig:
        assert (await rig.post("/v1/callbacks/b/anything", b"[]", client=None)).status == 404


@pytest.mark.parametrize(("networks", "status"), [(["127.0.0.0/8"], 200), (["10.0.0.0/8"], 404), ([], 200)])
async def test_reports_come_from_where_they_may(tmp_path, networks: list[str], status: int):
    """With `callback_from` a report from anywhere else is not there, token or not."""
    async with serving(tmp_path, account={"callback_from": networks}) as rig:
        assert (await rig.get(f"/v1/callbacks/a/{TOKEN}", client=None)).status == status


async def test_a_proxy_tells_where_a_report_comes_from(tmp_path):
    """Behind a proxy of ours its word counts; anybody else's does not."""
    account = {"callback_from": ["192.0.2.0/24"]}
    headers = {"X-Forwarded-For": "192.0.2.7"}
    for proxies, status in ((["127.0.0.1"], 200), ([], 404)):
        async with serving(tmp_path, account=account, daemon={"proxies": proxies}) as rig:
            assert (await rig.get(f"/v1/callbacks/a/{TOKEN}", client=None, headers=headers)).status == status


async def test_reports_are_small(rig: Rig):
    """A report of more than 64 KiB is refused."""
    assert (await rig.post(f"/v1/callbacks/a/{TOKEN}", b" " * 65_536, client=None)).status == 200
    assert (await rig.post(f"/v1/callbacks/a/{TOKEN}", b" " * 65_537, client=None)).kind == "too-large"


async def test_strangers_take_no_places_with_slow_bodies(tmp_path):
    """Who has no token is answered before his body comes, so that he cannot keep clients out by sending none."""
    async with serving(tmp_path, daemon={"max_requests": 2, "body_timeout": "10s"}) as rig:
        address = rig.service.public.address
        streams = [await asyncio.open_connection(address.host, address.port) for _ in range(2)]
        for reader, writer in streams:
            writer.write(b"POST /v1/callbacks/a/wrong HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
            async with asyncio.timeout(2):
                assert b" 404 " in await reader.readline()

        assert (await rig.post("/v1/messages", sms())).status == 202
        for _, writer in streams:
            writer.close()


async def test_a_parameter_may_come_twice_in_a_report(rig: Rig):
    """How a provider writes its query is its own affair."""
    said = await rig.get(f"/v1/callbacks/a/{TOKEN}?id=1&id=2", client=None)

    assert said.status != 422
