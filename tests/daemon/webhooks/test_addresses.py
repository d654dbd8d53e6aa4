"""Nothing is posted to an address inside of a network, whatever it is called and wherever its name leads."""

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from pointsman.clock import SystemClock
from pointsman.daemon.webhooks.addresses import Reach, may_be_called, reach_of
from pointsman.daemon.webhooks.calling import Caller, Forbidden, _Guard
from pointsman.daemon.webhooks.settings import Settings
from pointsman.events import WebhookOutcome, WebhookPosted

OURS = [
    "127.0.0.1",
    "127.8.9.1",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.254",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:7f00:1",
]
NOBODY = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:42::42",
    "169.254.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::7f00:1",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::a00:1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:db8::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "localhost",
    "2130706433",
    "",
]
PUBLIC = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize(
    ("reach", "host"),
    [(Reach.OURS, host) for host in OURS]
    + [(Reach.NOBODY, host) for host in NOBODY]
    + [(Reach.PUBLIC, host) for host in PUBLIC],
)
def test_whose_an_address_is(reach, host):
    """Private ones are ours, those that may lead anywhere are nobody's, and only the rest is public."""
    assert reach_of(host) is reach
    assert may_be_called(host, allow_private=False) is (reach is Reach.PUBLIC)
    assert may_be_called(host, allow_private=True) is (reach is not Reach.NOBODY)


@pytest.mark.parametrize("host", [*OURS, *NOBODY])
def test_no_socket_for_them(host):
    """The guard makes no socket for an address that is not public."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with pytest.raises(Forbidden):
        _Guard(allow_private=False)((family, socket.SOCK_STREAM, 0, "", (host, 80)))


class Names(AbstractResolver):
    """A resolver by which every name leads to all of some addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Answer with all of them."""
        self.asked.append(host)
        return [self._result(host, port, address) for address in self.addresses]

    def _result(self, host: str, port: int, address: str) -> ResolveResult:
        return {
            "hostname": host,
            "host": address,
            "port": port,
            "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
            "proto": 0,
            "flags": socket.AI_NUMERICHOST,
        }

    async def close(self) -> None:
        """Nothing to do."""


@pytest.fixture
async def call():
    """Post to an address as for a client who may not use private ones."""
    callers: list[Caller] = []

    async def start(url: str, resolver: Names | None = None, *, allow_private: bool = False):
        caller = Caller(SystemClock(), Settings(timeout=1.0), resolver or Names("127.0.0.1"))
        await caller.open()
        callers.append(caller)
        return await caller.post(url, {}, b"{}", allow_private=allow_private)

    yield start
    for caller in callers:
        await caller.close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost",
        "0x7f000001",
        "hooks.shop.example",
    ],
)
async def test_a_server_of_ours_sees_nothing(listen, call, host):
    """However this machine is written, the server on it is not reached; the answer says why."""
    inner = await listen()
    answer = await call(inner.url.replace("127.0.0.1", host))

    assert inner.posts == []
    assert answer.outcome is WebhookOutcome.BLOCKED
    assert answer.error == "blocked: the host leads to an address that is not allowed"


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "127.1"])
async def test_odd_spellings_reach_nobody(listen, call, host):
    """Numbers that some programs take for an address of this machine lead nowhere."""
    inner = await listen()
    answer = await call(inner.url.replace("127.0.0.1", host))

    assert inner.posts == []
    assert answer.outcome in {WebhookOutcome.BLOCKED, WebhookOutcome.UNREACHABLE}


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "fd00::1", "64:ff9b::7f00:1", "2002:7f00:1::", "::"]
)
async def test_names_that_lead_inside(call, address):
    """A name that leads to such an address is not connected to."""
    assert (await call("http://hooks.shop.example/", Names(address))).outcome is WebhookOutcome.BLOCKED


async def test_a_name_that_leads_to_several(call):
    """None of the addresses of a name is connected to when all are inside."""
    answer = await call("http://hooks.shop.example/", Names("10.0.0.1", "127.0.0.1", "fd00::1", "::1"))

    assert answer.outcome is WebhookOutcome.BLOCKED


async def test_metadata_of_clouds_even_where_private_is_allowed(call):
    """Private addresses may be allowed; those of nobody, behind which clouds tell secrets, never are."""
    answer = await call("http://169.254.169.254/latest/meta-data/", allow_private=True)

    assert answer.outcome is WebhookOutcome.BLOCKED


async def test_a_name_that_changes(desk, listen, post, config):
    """A name that leads outside when it is accepted and inside when it is posted to gains nothing."""
    inner = await listen()
    names = Names("127.0.0.1")
    await desk.sent(inner.url.replace("127.0.0.1", "hooks.shop.example"))
    poster = await post(config(allow_private_callbacks=False), resolver=names)
    await poster.until(lambda: len(poster.events) == 2, seconds=60)

    assert names.asked
    assert inner.posts == []
    assert {event.outcome for event in poster.events if isinstance(event, WebhookPosted)} == {WebhookOutcome.BLOCKED}


async def test_connections_are_not_shared(desk, listen, post, config):
    """A connection that one client may have is not used for another who may not."""
    inner = await listen()
    url = inner.url.replace("127.0.0.1", "hooks.shop.example")
    await desk.sent(url, "shop")
    poster = await post(config("shop"), config("bank", allow_private_callbacks=False), resolver=Names("127.0.0.1"))
    await poster.until(lambda: inner.posts)
    await desk.sent(url, "bank")
    poster.poke()
    await poster.until(lambda: len(poster.events) == 2)

    assert len(inner.posts) == 1


async def test_the_proxy_of_the_environment_is_not_asked(listen, call, monkeypatch):
    """A proxy of the environment would connect to whatever it is told; it is not used."""
    proxy, hooks = await listen(), await listen()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    answer = await call(hooks.url, allow_private=True)

    assert answer.outcome is WebhookOutcome.TAKEN
    assert proxy.posts == []
