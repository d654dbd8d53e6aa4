"""Keys: whose they are, how they are exchanged, and what happens to those who show wrong ones."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from pointsman.config import load_config
from pointsman.daemon.keys import NewKey, is_mistyped, make_key
from pointsman.daemon.limits import FREE_TRIES
from pointsman.errors import ConfigError
from pointsman.loading import load_plugins

from .rig import Rig, serving, sms


def metric(rig: Rig, name: str, **labels: str) -> float:
    """Return the value of a metric."""
    return rig.service.house.registry.get_sample_value(name, labels) or 0.0


def test_keys_are_long_and_tell_typos():
    """A key has 256 random bits; one wrong character is noticed without asking anybody."""
    made = make_key()
    head, key_id, rest = made.key.split("_", 2)

    assert (head, len(key_id), len(rest)) == ("pm", 8, 43 + 1 + 8)
    assert made.key_sha256 == hashlib.sha256(made.key.encode()).hexdigest()
    assert made.key not in repr(made)
    assert not is_mistyped(made.key)
    other = "A" if made.key[20] != "A" else "B"
    assert is_mistyped(made.key[:20] + other + made.key[21:])
    assert is_mistyped(made.key[:-1])
    assert not is_mistyped("somebody's own key")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer nonsense", "Bearer " + "a" * 5000, "bearer pm_x"]
)
async def test_without_a_valid_key_nothing_is_done(rig: Rig, header: str | None):
    """Whatever is wrong with a key, the answer is the same 401."""
    headers = {"Authorization": header} if header is not None else {}

    said = await rig.post("/v1/messages", sms(), client=None, headers=headers)

    assert (said.status, said.kind) == (401, "unauthorized")
    assert said.headers["WWW-Authenticate"] == 'Bearer realm="pointsman"'
    assert said.json["detail"] == "send a valid key: Authorization: Bearer …"
    assert rig.box.ledger.messages == []


async def test_two_keys_live_side_by_side_and_keys_end(tmp_path):
    """A client may have several keys while they are exchanged; after `expires` none of them is taken."""
    keys, late = [make_key(), make_key()], make_key()
    past, future = (datetime.now(tz=UTC) + timedelta(days=days) for days in (-1, 1))
    text = "".join(
        f"[clients.{name}]\nkey_sha256 = {[one.key_sha256 for one in mine]}\nexpires = {end.isoformat()}\n"
        for name, mine, end in (("two", keys, future), ("late", [late], past))
    )
    async with serving(tmp_path, more=text) as rig:
        rig.keys = {"first": keys[0], "second": keys[1], "late": late}

        statuses = [(await rig.get("/v1/messages?reference=a", client=name)).status for name in rig.keys]

        assert statuses == [200, 200, 401]
        assert metric(rig, "pointsman_http_rejected_keys_total", reason="expired") == 1


async def test_wrong_keys_are_limited_and_right_ones_are_not(rig: Rig):
    """Whoever shows too many wrong keys hears 429; from the same address a right key goes through."""
    rig.keys = {**rig.keys, "wrong": NewKey(key="wrong", key_sha256=""), "typo": NewKey(key="pm_x", key_sha256="")}

    said = [await rig.get("/v1/messages?reference=a", client="wrong") for _ in range(FREE_TRIES + 2)]
    typo = await rig.get("/v1/messages?reference=a", client="typo")

    assert [one.status for one in said] == [401] * FREE_TRIES + [429] * 2
    assert (said[-1].kind, typo.status) == ("too-many-requests", 429)
    assert int(said[-1].headers["Retry-After"]) >= 1
    assert (await rig.get("/v1/messages?reference=a")).status == 200
    assert metric(rig, "pointsman_http_rejected_keys_total", reason="unknown") == FREE_TRIES + 2
    assert metric(rig, "pointsman_http_rejected_keys_total", reason="mistyped") == 1
    assert metric(rig, "pointsman_http_rejected_keys_total", reason="limited") == 3


async def test_requests_without_a_key_cost_no_try(rig: Rig):
    """A missing key is no wrong one."""
    statuses = {(await rig.get("/v1/messages?reference=a", client=None)).status for _ in range(FREE_TRIES + 5)}

    assert statuses == {401}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9090", "127.0.0.1.evil.example"])
async def test_management_is_for_this_machine(rig: Rig, host: str):
    """A page that gave itself our address by a trick with DNS calls us by another name, and is refused."""
    assert (await rig.ask("GET", "/v1/providers", admin=True)).status == 200

    said = await rig.ask("GET", "/v1/providers", admin=True, headers={"Host": host})

    assert (said.status, said.kind) == (403, "foreign-request")


async def test_other_sites_cannot_manage(rig: Rig):
    """What a form on another site can send is refused: no JSON, or a browser's word that it is another site."""
    form = await rig.ask(
        "POST", "/v1/providers/a/drain", b"", admin=True, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    script = await rig.manage("/v1/providers/a/drain", headers={"Sec-Fetch-Site": "cross-site"})

    assert (form.status, script.status) == (415, 403)


async def test_a_key_of_management_is_needed_where_there_is_one(tmp_path):
    """With `admin_key_sha256` everything that manages needs that key, and no client's will do."""
    key = make_key()
    async with serving(tmp_path, daemon={"admin_key_sha256": key.key_sha256}) as rig:
        rig.keys = {**rig.keys, "boss": key}

        statuses = [
            (await rig.ask("GET", path, admin=True, client=client)).status
            for path in ("/v1/providers", "/metrics", "/livez")
            for client in (None, "shop", "boss")
        ]

        assert statuses == [401, 401, 200, 401, 401, 200, 200, 200, 200]


def test_one_key_is_not_for_two(tmp_path):
    """A hash that stands in two tables is refused: nobody could say whose limits hold."""
    path = tmp_path / "router.toml"
    path.write_text(
        f'[daemon]\nadmin_key_sha256 = "{"b" * 64}"\n'
        + "".join(
            f'[clients.{name}]\nkey_sha256 = "{digest * 64}"\n' for name, digest in (("a", "a"), ("b", "a"), ("c", "b"))
        )
    )

    with pytest.raises(ConfigError) as caught:
        load_config(path, plugins=load_plugins([]), env={})

    found = [(one.key, one.message) for one in caught.value.problems if "key_sha256" in (one.key or "")]
    assert [key for key, _ in found] == ["clients.b.key_sha256", "clients.c.key_sha256"]
    assert "client a" in found[0][1]
    assert "management" in found[1][1]


async def test_two_keys_at_once_are_none(rig: Rig):
    """Which of two headers counts would be a guess, and a proxy might guess otherwise."""
    headers = [("Authorization", f"Bearer {rig.keys[name].key}") for name in ("shop", "other")]
    async with rig.session.get(f"{rig.url}/v1/messages?reference=a", headers=headers) as response:
        assert response.status == 401
