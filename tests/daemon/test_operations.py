"""Operations: probes, metrics, providers in and out of use, and the configuration anew."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest

from pointsman.daemon import keeping
from pointsman.errors import StoreError, StoreUnavailable

from .rig import CANARY, Rig, serving, sms, until


@pytest.fixture(autouse=True)
def _quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "TRY_STORE_EVERY", 0.5)


@pytest.mark.parametrize("admin", [False, True])
async def test_probes_are_on_both_listeners(rig: Rig, admin: bool):
    """Whether the server lives and is ready is told to whoever asks, with the reasons."""
    live, ready = [await rig.get(path, client=None, admin=admin) for path in ("/livez", "/readyz")]

    assert (live.status, live.json["ok"]) == (200, True)
    assert (ready.status, [check["name"] for check in ready.json["checks"]]) == (
        200,
        ["started", "draining", "store", "providers"],
    )


async def test_the_end_begins_with_not_being_ready(rig: Rig):
    """While the server drains, `/readyz` is 503 and says so; what comes in is still served, and `/livez` is fine."""
    await rig.service.drain()

    ready = await rig.get("/readyz", client=None)
    assert (ready.status, [one["name"] for one in ready.json["checks"] if not one["ok"]]) == (503, ["draining"])
    assert (await rig.get("/livez", client=None)).status == 200
    assert (await rig.post("/v1/messages", sms())).status == 202


async def test_a_store_that_cannot_write_takes_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """On a full disk a message is not acknowledged but answered with 503; when there is room again all is well."""
    store = rig.service.router.store

    async def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("sqlite:pointsman.db", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "accept", full)
        said = await rig.post("/v1/messages", sms())
        assert (said.status, said.kind, said.headers["Retry-After"]) == (503, "store-unavailable", "5")
        assert "pointsman.db" not in said.body.decode()
        assert (await rig.get("/readyz")).status == 503

    assert (await rig.post("/v1/messages", sms())).status == 202
    assert (await rig.get("/readyz")).status == 200


async def test_readiness_comes_back_without_any_client(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """A server that a balancer has left for its full disk finds out by itself that there is room, and tells both."""
    store = rig.service.router.store

    async def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("pointsman.db", "nothing was written, the disk is full: free some space")

    monkeypatch.setattr(keeping, "TRY_STORE_EVERY", 0.01)
    watching = asyncio.create_task(rig.service._keeping.watch_store(rig.service.house))
    with monkeypatch.context() as patch:
        patch.setattr(store, "accept", full)
        patch.setattr(store, "keep", full)
        for _ in range(2):
            await rig.post("/v1/messages", sms())
        await asyncio.sleep(0.05)
        assert (await rig.get("/readyz")).status == 503

    await until(lambda: not rig.service.house.store_refuses)
    assert (await rig.get("/readyz")).status == 200
    (told,) = rig.lines.of("store.refused")
    assert "the disk is full" in told["detail"]
    assert await until(lambda: rig.lines.of("store.recovered"))
    watching.cancel()


async def test_a_damaged_journal_is_told_in_words(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """When forgetting what is too old meets damage, the line says what is damaged and what to do."""

    async def broken(*_: object) -> None:
        raise StoreError("pointsman.db", "it is damaged: restore a backup")

    monkeypatch.setattr(rig.service.router.store, "erase", broken)
    erasing = asyncio.create_task(rig.service._keeping.erase())
    (line,) = await until(lambda: rig.lines.of("store.erase_failed"))
    erasing.cancel()
    assert line["detail"] == "pointsman.db: it is damaged: restore a backup"


async def test_management_needs_no_body_where_there_is_nothing_to_say(rig: Rig):
    """A plain `curl -X POST` does what it looks like; a page of another site, which tells its origin, cannot."""
    bare = {"admin": True, "client": None}
    assert (await rig.post("/v1/providers/a/drain", **bare)).status == 200
    assert (await rig.post("/-/reload", **bare)).status == 200

    page = {"Origin": "https://elsewhere.example"}
    assert (await rig.post("/v1/providers/a/resume", headers=page, **bare)).status == 415
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await rig.post("/v1/providers/a/resume", headers=form, **bare)).status == 415
    assert (await rig.post("/v1/messages")).status == 415


async def test_too_much_waiting_is_turned_away(tmp_path):
    """When as much waits as may, a message is not acknowledged but answered with 503 and Retry-After."""
    async with serving(tmp_path, router={"max_waiting": 2}) as rig:
        said = await rig.post("/v1/messages", [sms()] * 3)

        assert (said.status, said.kind) == (503, "busy")
        assert int(said.headers["Retry-After"]) >= 1


async def test_metrics_tell_of_messages_and_requests(rig: Rig):
    """The metrics of the router and of the server are on one page, whose labels name routes and not paths."""
    taken = (await rig.post("/v1/messages", sms())).json["id"]
    await rig.service.router.wait(taken)
    await rig.get(f"/v1/messages/{taken}")
    await rig.get("/nonsense/79161234567")

    page = (await rig.get("/metrics", client=None, admin=True)).body.decode()

    assert 'pointsman_messages_total{channel="sms",class="transactional",state="delivered"} 1.0' in page
    assert 'pointsman_http_requests_total{method="POST",route="/v1/messages",status="202"} 1.0' in page
    assert 'route="/v1/messages/{id}"' in page
    assert 'pointsman_http_requests_total{method="GET",route="other",status="404"} 1.0' in page
    assert taken not in page
    assert "79161234567" not in page


async def test_a_provider_is_drained_and_resumed(rig: Rig):
    """A drained provider gets nothing new and says why; resumed, it does again. Unknown ones are not there."""
    said = await rig.manage("/v1/providers/a/drain", {"reason": "maintenance"})
    assert (said.status, said.json["drained"]) == (200, "maintenance")
    assert (await rig.post("/v1/explain", sms())).json["excluded"][0]["provider"] == "a"

    said = await rig.manage("/v1/providers/a/resume")
    assert (said.status, said.json["drained"]) == (200, None)
    assert (await rig.post("/v1/explain", sms())).json["candidates"][0]["provider"] == "a"
    assert (await rig.manage("/v1/providers/a/probe")).status == 200
    for act in ("drain", "resume", "probe"):
        assert (await rig.manage(f"/v1/providers/nobody/{act}")).kind == "not-found"


async def test_a_drain_survives_a_restart(tmp_path):
    """What the operator took out of use is out of use after the next start, too."""
    store = f"sqlite:{tmp_path / 'journal.db'}"
    async with serving(tmp_path, store=store) as rig:
        await rig.manage("/v1/providers/a/drain", {"reason": "maintenance"})
    async with serving(tmp_path, store=store) as rig:
        (provider,) = (await rig.ask("GET", "/v1/providers", admin=True)).json["providers"]

    assert provider["drained"] == "maintenance"


async def test_a_valid_configuration_is_put_in_force_at_once(rig: Rig):
    """After a reload the new clients get in and the gone ones do not; what changed is told."""
    text = rig.path.read_text()
    rig.path.write_text(text.replace("[clients.other]", "[clients.newcomer]"))

    said = await rig.manage("/-/reload")

    assert (said.status, said.json) == (200, {"changes": ["clients changed"]})
    taken = await rig.post("/v1/messages", sms(), client="other")
    assert taken.status == 202
    assert (await rig.service.router.receipt(taken.json["id"])).client == "newcomer"
    assert [line["client"] for line in rig.lines.of("http.request") if line["route"] == "/v1/messages"] == ["newcomer"]


async def test_new_clients_have_metrics_of_their_own(rig: Rig):
    """What a client that came with a reload is refused is counted under its name."""
    text = rig.path.read_text()
    rig.path.write_text(text.replace("[clients.other]", '[clients.newcomer]\ncountries = ["KZ"]'))
    assert (await rig.manage("/-/reload")).status == 200

    assert (await rig.post("/v1/messages", sms(), client="other")).status == 403

    labels = {"client": "newcomer", "rule": "countries"}
    assert rig.service.house.registry.get_sample_value("pointsman_guard_stops_total", labels) == 1


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ('plugin = "scripted"', 'plugin = "fax"', "providers.a.plugin"),
        ('listen = "127.0.0.1:0"', 'listen = "127.0.0.1:1"', "daemon.listen"),
        ('store = "memory:"', 'store = "sqlite:x.db"', "router.store"),
        ("[clients.other]", "[clients.other", "router.toml"),
    ],
)
async def test_a_wrong_configuration_changes_nothing(rig: Rig, before: str, after: str, field: str):
    """A configuration that is not valid, or needs a restart, is refused with all its problems; the old one holds."""
    text = rig.path.read_text()
    assert before in text
    rig.path.write_text(text.replace("[clients.shop]", "[clients.renamed]").replace(before, after))

    said = await rig.manage("/-/reload")

    assert (said.status, said.kind) == (422, "invalid-configuration")
    assert any(field in one for one in said.fields)
    for one in said.json["errors"]:
        assert one["problem"].partition(": ")[2] in rig.lines.text.replace('\\"', '"')
    assert (await rig.post("/v1/messages", sms())).status == 202
    (line,) = rig.lines.of("config.refused")
    assert len(line["problems"]) == len(said.fields)


async def test_limits_of_the_server_are_reloaded(rig: Rig):
    """Limits of `[daemon]` are in force after a reload."""
    rig.path.write_text(rig.path.read_text().replace("[daemon]", "[daemon]\nmax_body = 1024"))

    assert (await rig.manage("/-/reload")).status == 200
    assert (await rig.post("/v1/messages", sms(text="x" * 2000))).kind == "too-large"


async def test_secrets_of_a_new_configuration_are_kept_out_of_the_log(rig: Rig):
    """A secret that came with a reload is hidden in lines as those from the start are."""
    rig.path.write_text(rig.path.read_text().replace('env = "TOKEN"', 'env = "CANARY"'))
    assert (await rig.manage("/-/reload")).status == 200

    rig.service.diary.write(20, "test.line", detail=f"they say {CANARY}")

    assert CANARY not in rig.lines.text


async def test_reloads_do_not_disturb_messages(rig: Rig):
    """While the configuration is taken in again and again, every message is taken and arrives once."""

    async def reload() -> None:
        for turn in range(5):
            text = rig.path.read_text()
            rig.path.write_text(text.replace("max_body", "# max_body") if turn % 2 else f"{text}\n")
            assert (await rig.manage("/-/reload")).status == 200

    async def send() -> list[str]:
        return [(await rig.post("/v1/messages", sms())).json["id"] for _ in range(50)]

    ids, _ = await asyncio.gather(send(), reload())
    for one in ids:
        await rig.service.router.wait(one)

    assert len(rig.box.ledger.messages) == len(set(ids)) == 50


async def test_inboxes_are_for_those_who_may(tmp_path):
    """A client reads the incoming messages of the providers that his table names, and of no other."""
    clients = {"shop": {"inbox": ["a"]}}
    now = datetime.now(tz=UTC)
    since, until = (f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (-1, 1))
    span = f"since={since}&until={until}"
    async with serving(tmp_path, account={"reads_inbox": True}, clients=clients) as rig:
        rig.box.receive("yes")

        mine = await rig.get(f"/v1/inbox?provider=a&{span}")
        others = await rig.get(f"/v1/inbox?provider=a&{span}", client="other")
        long = await rig.get("/v1/inbox?provider=a&since=2026-01-01T00:00:00Z&until=2026-03-02T00:00:00Z")

    assert [one["text"] for one in mine.json["messages"]] == ["yes"]
    assert (others.status, others.kind, others.json["rule"]) == (403, "denied", "inbox")
    assert (long.status, long.fields) == (422, ["until"])


async def test_a_store_that_writes_again_is_ready_without_a_message(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """Who is not ready gets no messages from a load balancer, so readiness does not wait for one to be taken."""

    async def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("sqlite:pointsman.db", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(rig.service.router.store, "accept", full)
        assert (await rig.post("/v1/messages", sms())).status == 503
    assert (await rig.get("/readyz")).status == 503

    async def is_ready() -> bool:
        return (await rig.get("/readyz")).status == 200

    assert await until(is_ready)


async def test_secrets_of_webhooks_are_kept_out_of_the_log(tmp_path):
    """What webhooks are signed with is a secret of the configuration as any other."""
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    shop = {"webhook_secret": {"env": "HOOK"}}
    async with serving(tmp_path, clients={"shop": shop}, env={"HOOK": secret}) as rig:
        rig.service.diary.write(20, "test.line", detail=f"they say {secret}")

        assert secret not in rig.lines.text
