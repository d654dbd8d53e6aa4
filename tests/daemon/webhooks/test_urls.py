"""What a client may give as `callback_url`, and that it is told what is wrong without repeating the address."""

import ipaddress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from pointsman.config.webhooks import HostPattern
from pointsman.daemon.webhooks import check_callback_url
from pointsman.daemon.webhooks.addresses import Reach, reach_of
from pointsman.errors import InvalidMessage


def strict(config, **others):
    """A client as it is by default, with a secret."""
    return config(allow_plain_callbacks=False, allow_private_callbacks=False, **others)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.shop.example/sms",
        "https://hooks.shop.example",
        "https://hooks.shop.example:8443/a%20b?c=d&e=%2F",
        "HTTPS://HOOKS.SHOP.EXAMPLE/",
        "https://8.8.8.8/x",
        "https://[2606:4700::1111]/x",
        "https://xn--d1acufc.xn--p1ai/",
    ],
)
def test_good_ones(config, url):
    """These are taken."""
    check_callback_url(strict(config), url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://hooks.shop.example/s3cr3t", "must begin with https://"),
        ("ftp://hooks.shop.example/s3cr3t", "must begin with https://"),
        ("file:///etc/s3cr3t", "not an address"),
        ("//hooks.shop.example/s3cr3t", "must begin with https://"),
        ("hooks.shop.example/s3cr3t", "not an address"),
        ("", "blank"),
        ("https://", "not an address"),
        ("https:///s3cr3t", "not an address"),
        ("https://hooks.shop.example:99999/s3cr3t", "not an address"),
        ("https://hooks.shop.example:0/s3cr3t", "not an address"),
        ("https://hooks.shop.example:x/s3cr3t", "not an address"),
        ("https://[::1/s3cr3t", "not an address"),
        ("https://user@hooks.shop.example/s3cr3t", "user or a password"),
        ("https://user:s3cr3t@hooks.shop.example/", "user or a password"),
        ("https://@hooks.shop.example/s3cr3t", "user or a password"),
        ("https://hooks.shop.example/s3cr3t#part", "fragment"),
        ("https://hooks.shop.example/s3cr3t#", "fragment"),
        ("https://hooks.shop.example\\@127.0.0.1/s3cr3t", "backslash"),
        ("https://hooks.shop.example/s3cr3t path", "blank"),
        ("https://hooks.shop.example/s3cr3t\r\nX: y", "blank"),
        ("https://hooks.shop.example/s3cr3t\x00", "blank"),
        ("https://пример.example/s3cr3t", "outside of ASCII"),
        ("https://hooks.shop.example/s3cr3t" + "x" * 2048, "longer than 2048"),
        ("https://127.0.0.1/s3cr3t", "private network"),
        ("https://10.1.2.3/s3cr3t", "private network"),
        ("https://[::1]/s3cr3t", "private network"),
        ("https://[::ffff:127.0.0.1]/s3cr3t", "private network"),
        ("https://[fd00::1]/s3cr3t", "private network"),
        ("https://localhost/s3cr3t", "private network"),
        ("https://LOCALHOST./s3cr3t", "private network"),
        ("https://hooks.localhost/s3cr3t", "private network"),
        ("https://169.254.169.254/s3cr3t", "not one that webhooks"),
        ("https://0.0.0.0/s3cr3t", "not one that webhooks"),
        ("https://[64:ff9b::7f00:1]/s3cr3t", "not one that webhooks"),
        ("https://[fe80::1%25eth0]/s3cr3t", "interface"),
        ("https://2130706433/s3cr3t", "not one that webhooks"),
        ("https://0x7f000001/s3cr3t", "not one that webhooks"),
        ("https://127.1/s3cr3t", "not one that webhooks"),
        ("https://0177.0.0.1/s3cr3t", "not one that webhooks"),
        ("https://127.0.0.0x1/s3cr3t", "not one that webhooks"),
        ("https://224.0.0.1/s3cr3t", "not one that webhooks"),
    ],
)
def test_bad_ones(config, url, problem):
    """These are refused, for the reason that is told; the address, in which a secret may be, is not repeated."""
    with pytest.raises(InvalidMessage) as caught:
        check_callback_url(strict(config), url)

    assert caught.value.field == "callback_url"
    assert problem in caught.value.problem
    assert "s3cr3t" not in str(caught.value)


@given(
    st.one_of(
        st.text(),
        st.text("https:/@[]:#?\\.%0x1-aA\x00\n ", max_size=30).map("https://".__add__),
        st.ip_addresses().map(lambda one: f"https://[{one}]:1/"),
    )
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_anything(config, url):
    """Whatever is given, it is either taken or refused as invalid, and what is taken leads to no literal of ours."""
    try:
        check_callback_url(strict(config), url)
    except InvalidMessage:
        return
    host = URL(url, encoded=True).raw_host
    assert host
    assert reach_of(host) is Reach.PUBLIC or not is_address(host)


def is_address(host):
    """Say whether a host is written as an address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def test_names_in_other_letters(config):
    """A host in other letters is compared as it is written in the address."""
    client = strict(config, callback_hosts=(HostPattern("xn--d1acufc.xn--p1ai"),))
    check_callback_url(client, "https://xn--d1acufc.xn--p1ai/")


def test_no_secret_no_webhooks(config):
    """Without a secret nothing can be signed, so no address is taken."""
    with pytest.raises(InvalidMessage, match="webhook_secret"):
        check_callback_url(config(webhook_secret=None), "https://hooks.shop.example/")


def test_what_can_be_allowed(config):
    """Plain HTTP and private addresses are taken where the client's table says so; those of nobody never are."""
    check_callback_url(config(), "http://127.0.0.1:8000/hook")
    check_callback_url(config(), "http://localhost/hook")
    with pytest.raises(InvalidMessage, match="https"):
        check_callback_url(config(allow_plain_callbacks=False), "http://127.0.0.1/")
    with pytest.raises(InvalidMessage, match="private"):
        check_callback_url(config(allow_private_callbacks=False), "http://127.0.0.1/")
    with pytest.raises(InvalidMessage, match="not one"):
        check_callback_url(config(), "http://169.254.169.254/")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("hooks.shop.example", True),
        ("HOOKS.shop.example", True),
        ("hooks.shop.example.", True),
        ("a.bank.example", True),
        ("a.b.bank.example", True),
        ("bank.example", False),
        ("evilbank.example", False),
        ("shop.example", False),
        ("hooks.shop.example.evil.example", False),
    ],
)
def test_hosts(config, host, allowed):
    """Where hosts are listed no others are taken; `*.` stands for everything below."""
    client = strict(config, callback_hosts=(HostPattern("hooks.shop.example"), HostPattern("*.bank.example")))
    if allowed:
        check_callback_url(client, f"https://{host}/")
    else:
        with pytest.raises(InvalidMessage, match="callback_hosts"):
            check_callback_url(client, f"https://{host}/")
