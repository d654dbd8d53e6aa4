"""Addresses: whose word about them is believed, and how many tries they have."""

import asyncio
import ipaddress

import pytest

from pointsman.daemon.limits import (
    BEGUN_AT_ONCE,
    FREE_TRIES,
    MOST_ADDRESSES,
    TRY_AGAIN,
    Gate,
    Tries,
    is_within,
    sender_of,
)
from pointsman.daemon.problems import Failure
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


async def test_requests_begin_by_and_by_and_in_order():
    """In one turn of the event loop so many begin; the others have the next turns, in the order in which they came."""
    gate, begun = Gate(), []
    turns = 0

    def count() -> None:
        nonlocal turns
        turns += 1
        if len(begun) < 3 * BEGUN_AT_ONCE:
            asyncio.get_running_loop().call_soon(count)

    async def ask(number: int) -> None:
        await gate.turn()
        begun.append((turns, number))

    asyncio.get_running_loop().call_soon(count)
    await asyncio.gather(*(ask(number) for number in range(3 * BEGUN_AT_ONCE)))

    assert [number for _, number in begun] == list(range(3 * BEGUN_AT_ONCE))
    of_each_turn = [sum(turn == at for turn, _ in begun) for at in {turn for turn, _ in begun}]
    assert max(of_each_turn) <= BEGUN_AT_ONCE


async def test_who_leaves_while_waiting_takes_nobodys_turn():
    """A request whose client is gone before its turn came does not count, and holds up nobody."""
    gate = Gate()
    first = [asyncio.ensure_future(gate.turn()) for _ in range(BEGUN_AT_ONCE)]
    leaving = [asyncio.ensure_future(gate.turn()) for _ in range(5 * BEGUN_AT_ONCE)]
    last = asyncio.ensure_future(gate.turn())
    await asyncio.sleep(0)
    for one in leaving:
        one.cancel()

    for _ in range(4):  # one turn is everybody else's, one begins with who is left, one wakes him up
        await asyncio.sleep(0)
    assert all(one.done() for one in first)
    assert all(one.cancelled() for one in leaving)
    assert last.done()


def test_only_so_many_are_served_at_once():
    """The one too many is told to come back; a place that was given back is somebody else's."""
    gate = Gate()
    gate.enter(1)
    with pytest.raises(Failure):
        gate.enter(1)
    gate.leave()
    gate.enter(1)
    assert gate.inside == 1
