"""The recipes of the page about webhooks work: what the server posts verifies, and what is forged does not."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web

from pointsman.config.webhooks import WebhookSecrets, parse_webhook_secrets
from pointsman.daemon.webhooks.settings import Settings
from pointsman.daemon.webhooks.signing import body_of, signed_headers, webhook_id
from pointsman.outcome import State
from pointsman.secret import Secret
from pointsman.store.interface import News
from pointsman.store.telling import TOLD, Body

PAGE = "docs/webhooks.md"
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEWS = News(
    seq=7,
    client="shop",
    message_id="m",
    state=State.DELIVERED,
    at=time.time(),
    body=b'{"id":"m","channel":"sms","state":"delivered","at":1.5}',
)


def posted(secret: str = SECRET, at: float | None = None) -> tuple[dict[str, str], bytes]:
    """Headers and body as the server posts them."""
    body = body_of(NEWS)
    now = time.time() if at is None else at
    return dict(signed_headers([Secret(secret)], webhook_id("j", NEWS), now, body)), body


async def shell(script: str, folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run a block as a reader would."""
    for program in ("openssl", "curl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", script, cwd=folder, env={"PATH": os.environ["PATH"], **env}, stdout=-1, stderr=-1
    )
    out, error = await process.communicate()
    return process.returncode or 0, (out + error).decode()


def python_recipe(page, monkeypatch):
    """The function of the page."""
    monkeypatch.setenv("SHOP_WEBHOOK_SECRET", SECRET)
    (code,) = page(PAGE).blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "<example>", "exec"), names)
    return names["receive"]


def test_python(page, monkeypatch, capsys):
    """The recipe takes what was posted, works on it once however often it comes, and refuses what is forged or old."""
    receive = python_recipe(page, monkeypatch)
    headers, body = posted()

    assert [receive(headers, body), receive(headers, body)] == [204, 204]
    assert capsys.readouterr().out == "message.delivered m\n"
    assert receive(headers, body.replace(b'"m"', b'"n"')) == 401
    assert receive(*posted("whsec_" + "A" * 32)) == 401
    assert receive(*posted(at=time.time() - 301)) == 401


@pytest.mark.parametrize(
    ("secret", "age", "change", "code", "says"),
    [
        (SECRET, 0, b"", 0, "good"),
        (SECRET, 0, b" ", 1, "not from us"),
        ("whsec_" + "A" * 32, 0, b"", 1, "not from us"),
        (SECRET, 400, b"", 1, "too old"),
        (SECRET, -400, b"", 1, "too new"),
    ],
)
async def test_openssl(page, tmp_path, secret, age, change, code, says):
    """So does the one without a library, also when a signature by another secret stands before ours."""
    verify, _ = page(PAGE).blocks("sh")
    headers, body = posted(secret, time.time() - age)
    (tmp_path / "body.json").write_bytes(body + change)
    env = {
        "SECRET": SECRET,
        "ID": headers["webhook-id"],
        "TIMESTAMP": headers["webhook-timestamp"],
        "SIGNATURE": f"v1,{'A' * 43}= {headers['webhook-signature']}",
    }
    result, output = await shell(verify, tmp_path, env)

    assert result == code
    assert says in output


async def test_trying_a_receiver(page, tmp_path, monkeypatch):
    """What the page posts by hand is taken by the receiver of the page."""
    receive = python_recipe(page, monkeypatch)

    async def serve(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        return web.Response(status=receive(headers, await request.read()))

    app = web.Application()
    app.router.add_post("/hook", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, post = page(PAGE).blocks("sh")
    env = {"SECRET": SECRET, "URL": f"http://127.0.0.1:{site.port}/hook"}
    good = await shell(post, tmp_path, env)
    bad = await shell(post, tmp_path, {**env, "SECRET": "whsec_" + "A" * 32})
    await runner.cleanup()

    assert good == (0, "")
    assert bad[0] == 22


def test_fields_are_listed(page):
    """The table has exactly the fields that news can have, and the text names the states that are told."""
    rows = page(PAGE).rows("## What comes")
    listed = [name.strip(" `") for row in rows for name in row[0].split(",")]
    (example,) = page(PAGE).blocks("json")

    assert set(listed) == set(Body.__struct_fields__)
    assert set(json.loads(example)["data"]) <= set(listed)
    for state in TOLD:
        assert f"`{state}`" in page(PAGE).section("## What comes")


def test_limits_are_those_of_the_code(page):
    """Times and counts on the page are the defaults."""
    settings, text = Settings(), page(PAGE).text

    assert "none within 15 s" in text
    assert settings.timeout == 15
    assert "after some 5 seconds" in text
    assert settings.first_pause == 5
    assert "up to two hours, for 24 hours" in text
    assert (settings.longest_pause, settings.give_up) == (7200, 86400)
    assert "an hour at most" in text
    assert settings.longest_wanted == 3600
    assert "up to five minutes at a time" in text
    assert settings.longest_rest == 300
    assert "At most eight posts" in text
    assert settings.at_once_each == 8
    assert "tried eight times" in text
    assert settings.least_tries == 8


async def test_the_way_to_make_a_secret(page, tmp_path):
    """The command of the page makes a secret that the configuration takes."""
    command = 'echo "whsec_$(openssl rand -base64 32)"'
    assert command in page(PAGE).text
    code, output = await shell(command, tmp_path, {})

    assert code == 0
    assert isinstance(parse_webhook_secrets({}, lambda _: Secret(output.strip())), WebhookSecrets)
