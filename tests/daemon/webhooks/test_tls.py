"""Over TLS only receivers are posted to whose certificate is good for their name."""

import shutil
import ssl
import subprocess

import pytest
from aiohttp import web

from pointsman.clock import SystemClock
from pointsman.daemon.webhooks.calling import Caller
from pointsman.daemon.webhooks.settings import Settings
from pointsman.events import WebhookOutcome


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [openssl, "req", "-x509", *kind, *names, "-keyout", key, "-out", cert], check=True, capture_output=True
    )
    return cert, key


@pytest.mark.parametrize(
    ("trusted", "host", "outcome"),
    [
        (True, "127.0.0.1", WebhookOutcome.TAKEN),
        (True, "localhost", WebhookOutcome.UNREACHABLE),
        (False, "127.0.0.1", WebhookOutcome.UNREACHABLE),
    ],
)
async def test_certificates(certificate, monkeypatch, trusted, host, outcome):
    """One that the machine does not trust, or that is for another name, stops the post before anything is told."""
    seen = []

    async def serve(request: web.Request) -> web.Response:
        seen.append(await request.read())
        return web.Response()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    app = web.Application()
    app.router.add_post("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    caller = Caller(SystemClock(), Settings(timeout=2.0))
    await caller.open()
    answer = await caller.post(f"https://{host}:{site.port}/", {}, b"{}", allow_private=True)
    await caller.close()
    await runner.cleanup()

    assert answer.outcome is outcome
    assert bool(seen) is (outcome is WebhookOutcome.TAKEN)
    assert outcome is WebhookOutcome.TAKEN or answer.detail.startswith("certificate refused")
