"""How much is served at once, and how often an address may show a wrong key."""

import asyncio
import ipaddress
import math
from collections import OrderedDict, deque
from collections.abc import Sequence

from pointsman.clock import Clock
from pointsman.daemon.problems import Failure, Kind

BEGUN_AT_ONCE = 20
"""Requests that begin to be served in one turn of the event loop, and then none in the next; some ten milliseconds.

Fewer would make all slower: the processor works best through many steps of one kind in a row.
"""
FREE_TRIES = 10
"""Wrong keys of one address that are answered as such."""
TRY_AGAIN = 6.0
"""Seconds after which an address has one more try."""
MOST_ADDRESSES = 10_000
_V6_PREFIX = 64


class Gate:
    """Lets so many requests in at once, and begins to serve only so many of them in one turn of the event loop.

    When a hundred clients ask in the same moment, nobody else would be heard until all of them are served.

    State: how many are in, how many have begun in this turn, and who waits for one of the next.
    """

    def __init__(self) -> None:
        self.inside = 0
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self, most: int) -> None:
        """Take a place, to be given back by `leave`. Raises `Failure` when there is none."""
        if self.inside >= most:
            raise Failure(Kind.BUSY, "too many requests are being served", retry_after=1.0)
        self.inside += 1

    def leave(self) -> None:
        """Give a place back."""
        self.inside -= 1

    async def turn(self) -> None:
        """Wait for a turn of the event loop in which not too many have begun yet; who came first goes first."""
        loop = asyncio.get_running_loop()
        if not self._begun:
            loop.call_soon(self._next)
        if self._begun >= BEGUN_AT_ONCE:
            called: asyncio.Future[None] = loop.create_future()
            self._waiting.append(called)
            await called
        else:
            self._begun += 1

    def _next(self) -> None:
        """Begin a turn with those who wait; those who have left do not count."""
        self._begun = 0
        while self._waiting and self._begun < BEGUN_AT_ONCE:
            called = self._waiting.popleft()
            if not called.done():
                called.set_result(None)
                self._begun += 1
        if self._begun:
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._next)  # the next turn belongs to everybody else


class Tries:
    """Counts wrong keys by address; an address has some tries, which come back with time.

    Who shows a right key is never turned away: behind one address may be many clients, and one of them with an old key
    must not keep the others from sending. Keys of 256 random bits cannot be guessed, however often one tries.

    State: when the tries of an address are all back, for at most so many addresses; the oldest are forgotten.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def failed(self, address: str) -> float | None:
        """Count a wrong key; return in how many seconds it may be tried again, or None if it may be at once."""
        now = self._clock.monotonic()
        key = _group(address)
        full_at = max(self._full_at.pop(key, now), now) + TRY_AGAIN
        # Tries that are turned away do not make the wait longer, else a stubborn client would never get out.
        self._full_at[key] = full_at = min(full_at, now + (FREE_TRIES + 1) * TRY_AGAIN)
        owed = full_at - now - FREE_TRIES * TRY_AGAIN
        while len(self._full_at) > MOST_ADDRESSES:
            self._full_at.popitem(last=False)
        return float(math.ceil(owed)) if owed > 0 else None


def _group(address: str) -> str:
    """Return the address, or the network of a household: one of them has 2⁶⁴ addresses of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, _V6_PREFIX), strict=False))
    return str(found)


IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_within(address: str, networks: Sequence[IpNetwork]) -> bool:
    """Say whether an address belongs to one of the networks; an IPv4 address in IPv6 form counts as IPv4."""
    try:
        found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in networks)


def sender_of(peer: str, forwarded: Sequence[str], proxies: Sequence[IpNetwork]) -> str:
    """Return the address that a request comes from.

    `forwarded` is what `X-Forwarded-For` says, in its order. It is believed as far as proxies of ours wrote it: the
    last address that is none of them.
    """
    address = peer
    for hop in reversed(forwarded):
        if not is_within(address, proxies):
            break
        try:
            address = str(ipaddress.ip_address(hop.strip()))
        except ValueError:
            break
    return address
