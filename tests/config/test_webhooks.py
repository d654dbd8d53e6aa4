"""The keys of a client that are about its webhooks."""

import base64

import pytest

from pointsman.config import parse_config
from pointsman.errors import ConfigError
from pointsman.loading import load_plugins

GOOD = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(24)).decode()
ENV = {
    "LOGIN": "x",
    "GOOD": GOOD,
    "OTHER": OTHER,
    "BARE": base64.b64encode(bytes(32)).decode(),
    "SHORT": "whsec_c2hvcnQ=",
    "LONG": "whsec_" + base64.b64encode(bytes(65)).decode(),
    "GARBLED": "whsec_s3cr3t!s3cr3t!s3cr3t!s3cr3t!",
}


def read(lines):
    """Read a configuration with a client that has some lines of its own."""
    text = f"""
[clients.shop]
key_sha256 = "{"0" * 64}"
{lines}

[providers.devino]
plugin = "devino"
login = {{ env = "LOGIN" }}
password = {{ env = "LOGIN" }}

[rates]
RUB = "0.01"
"""
    return parse_config(text, plugins=load_plugins(), env=ENV).clients["shop"]


def test_nothing_given():
    """A client has no webhooks unless its table says so, and then only over TLS to public addresses."""
    client = read("")

    assert client.webhook_secret is None
    assert (client.callback_hosts, client.allow_plain_callbacks, client.allow_private_callbacks) == ((), False, False)


@pytest.mark.parametrize(
    ("value", "secrets"),
    [('{ env = "GOOD" }', [GOOD]), ('[{ env = "GOOD" }, { env = "OTHER" }]', [GOOD, OTHER])],
)
def test_secrets(value, secrets):
    """One secret or a list of them is read, and not shown."""
    client = read(f"webhook_secret = {value}")

    assert client.webhook_secret is not None
    assert [secret.reveal() for secret in client.webhook_secret.secrets] == secrets
    assert GOOD not in repr(client)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (f'"{GOOD}"', "a secret is never written into the configuration"),
        ('{ env = "MISSING" }', "MISSING is not set"),
        ('{ env = "BARE" }', "begins with whsec_"),
        ('{ env = "SHORT" }', "24 to 64 bytes, this one 5"),
        ('{ env = "LONG" }', "24 to 64 bytes, this one 65"),
        ('{ env = "GARBLED" }', "not base64"),
        ("[]", "one secret, or up to 3"),
        ('[{ env = "GOOD" }, { env = "GOOD" }]', "the same secret twice"),
        ('[{ env = "GOOD" }, { env = "GARBLED" }]', "not base64"),
    ],
)
def test_bad_secrets(value, problem):
    """What cannot be used is refused with the reason, and without the secret."""
    with pytest.raises(ConfigError) as caught:
        read(f"webhook_secret = {value}")

    (found,) = caught.value.problems
    assert found.key == "clients.shop.webhook_secret"
    assert problem in found.message
    assert "s3cr3t" not in str(caught.value)
    assert GOOD not in str(caught.value)


def test_hosts():
    """Hosts are read as they are written."""
    assert read('callback_hosts = ["hooks.shop.example", "*.shop.example", "[::1]"]').callback_hosts == (
        "hooks.shop.example",
        "*.shop.example",
        "[::1]",
    )


@pytest.mark.parametrize(
    "host", ["https://hooks.shop.example", "hooks.shop.example/path", "*", "a.*.example", "A.example", ""]
)
def test_bad_hosts(host):
    """What is no host is refused at its place in the list."""
    with pytest.raises(ConfigError) as caught:
        read(f'callback_hosts = ["{host}"]')

    (found,) = caught.value.problems
    assert found.key.startswith("clients.shop.callback_hosts")
    assert "expected a host in small letters" in found.message
