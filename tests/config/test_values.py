"""Durations, addresses and URLs are read exactly, or refused with a sentence that says how to write them."""

import pytest

from pointsman.config import Address
from pointsman.config.values import parse_address, parse_base_url, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("2m", 120), ("1h30m", 5400), ("1d", 86400), ("1.5h", 5400), ("1s500ms", 1.5)],
)
def test_durations(text: str, seconds: float) -> None:
    """A duration is a sum of numbers with units."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("value", ["30", 30, 1.5, "", "s", "-1s", "1 s", "1w", "0s", "1m30", None, "１s"], ids=repr)
def test_malformed_durations(value: object) -> None:
    """Anything without a unit, or not longer than zero, is no duration."""
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("[::1]:80", Address("::1", 80)),
        ("localhost:0", Address("localhost", 0)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    """An address to listen on is a host and a port, and is shown as it was written."""
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize("value", ["8080", ":8080", "::1:80", "a:65536", "a b:1", 8080, "host:"], ids=repr)
def test_malformed_addresses(value: object) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="expected an address"):
        parse_address(value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://sms.example", "https://sms.example"),
        ("https://sms.example:8882/cgi-bin/", "https://sms.example:8882/cgi-bin"),
        ("http://127.0.0.1:8101/rest", "http://127.0.0.1:8101/rest"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://[::1]:1", "http://[::1]:1"),
        ("http://localhost:1/", "http://localhost:1"),
    ],
)
def test_base_urls(text: str, url: str) -> None:
    """Https passes everywhere, plain http to this machine; the last slash is dropped."""
    assert parse_base_url(text, allow_plain_http=False) == url


@pytest.mark.trap("S32")
@pytest.mark.parametrize(
    "host",
    [
        "sms.example",
        "10.0.0.1",
        "0.0.0.0",
        "128.0.0.1",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "0x7f.1",
        "2130706433",
        "[::ffff:10.0.0.1]",
    ],
)
def test_plain_http_leaves_this_machine_only_when_told(host: str) -> None:
    """Plain http to any other host, also one that only looks like this machine, needs to be allowed."""
    with pytest.raises(ValueError, match="allow_plain_http = true"):
        parse_base_url(f"http://{host}/", allow_plain_http=False)

    assert parse_base_url(f"http://{host}/", allow_plain_http=True) == f"http://{host}"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://sms.example",
        "sms.example",
        "https://",
        "https://:80",
        "https://sms.example:port",
        "https://sms.example:99999",
        "https://[::1",
        "https://user:hunter2@sms.example",
        "https://hunter2@sms.example",
        "https://sms.example/?key=hunter2",
        "https://sms.example/#hunter2",
        "https://sms.example/a b",
        "https://sms.example\\@evil.example",
        "https://смс.example",
        "",
        7,
    ],
    ids=repr,
)
def test_malformed_base_urls(url: object) -> None:
    """A URL that is not one, or that holds more than scheme, host, port and path, is refused and never repeated."""
    with pytest.raises(ValueError, match="address") as caught:
        parse_base_url(url, allow_plain_http=True)

    assert "hunter2" not in str(caught.value)
