"""Addresses: whose word about them is believed, and how many tries they have."""

import ipaddress

import pytest

from pointsman.daemon.limits import FREE_TRIES, MOST_ADDRESSES, TRY_AGAIN, Tries, is_within, sender_of
from pointsman.testing import FakeClock

PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "sender"),
    [
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("::ffff:10.0.0.1", ["203.0.113.5", " 198.51.100.9", "10.2.3.4"], "198.51.100.9"),
        ("10.0.0.1", ["198.51.100.9", "nonsense"], "10.0.0.1"),
        ("::1", ["2001:db8::1"], "2001:db8::1"),
    ],
)
def test_proxies_are_believed_and_nobody_else(peer: str, forwarded: list[str], sender: str):
    """Of the addresses that a request names, the last one counts that no proxy of ours has."""
    assert sender_of(peer, forwarded, PROXIES) == sender


def test_ranges():
    """An address is within a range in whichever form it comes."""
    assert is_within("10.1.2.3", PROXIES)
    assert is_within("::ffff:10.1.2.3", PROXIES)
    assert not is_within("11.1.2.3", PROXIES)
    assert not is_within("nonsense", PROXIES)


async def test_tries_come_back():
    """After a while an address has a try again, and who goes on trying does not wait longer for it."""
    clock = FakeClock()
    tries = Tries(clock)
    assert [tries.failed("192.0.2.1") for _ in range(FREE_TRIES)] == [None] * FREE_TRIES
    assert {tries.failed("192.0.2.1") for _ in range(100)} == {TRY_AGAIN}

    await clock.advance(2 * TRY_AGAIN)
    assert tries.failed("192.0.2.1") is None


def test_households_of_ipv6_count_as_one():
    """All addresses of one /64 share their tries; others have their own."""
    tries = Tries(FakeClock())
    for place in range(FREE_TRIES):
        assert tries.failed(f"2001:db8::{place + 1:x}") is None

    assert tries.failed("2001:db8::ffff") is not None
    assert tries.failed("2001:db8:0:1::1") is None


def test_memory_is_bounded():
    """However many addresses try, so many are remembered."""
    tries = Tries(FakeClock())
    for place in range(MOST_ADDRESSES + 10):
        tries.failed(str(ipaddress.ip_address(place)))

    assert len(tries._full_at) == MOST_ADDRESSES
