"""What the breakers of a channel are made of: the cell of a network, leases, and what one network explains."""

from collections import Counter
from collections.abc import Sequence
from math import inf

import msgspec

from pointsman.message import Network
from pointsman.routing.breaker import Breaker, BreakerState, Lease


def cell_of(network: Network) -> str:
    """Return by what the messages to a network are told apart in what is learnt: the country where it is unknown."""
    return network.mccmnc or network.country or ""


class CellLease(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Permission for one attempt, by the channel's breaker and by its network's."""

    whole: Lease
    network: str | None
    cell: Lease | None
    """None where the network has no breaker."""
    born: int
    """Which of the breakers that the network has had gave the lease."""

    @property
    def forced(self) -> bool:
        """Whether one of them was open."""
        return self.whole.forced or (self.cell is not None and self.cell.forced)


class Shut(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker that is not closed."""

    network: str | None
    """None for the whole channel."""
    state: BreakerState
    reason: str
    """Why it came into this state."""
    until: float | None
    """When its rest ends, in monotonic seconds; None when it is over, and for a trip that only a reset ends."""


class Trip(msgspec.Struct, frozen=True):
    """The operator's word that something is out of use."""

    until: float
    """Monotonic seconds; infinite when only a reset ends it."""
    reason: str


class Cell:
    """One network's breaker, and what is needed to know whether it can be forgotten."""

    __slots__ = ("born", "breaker", "out", "used_at", "worked_at")

    def __init__(self, breaker: Breaker, born: int, now: float) -> None:
        self.breaker = breaker
        self.born = born
        self.out = 0
        """Leases that were not given back yet."""
        self.used_at = now
        self.worked_at = -inf
        """When the last good result came."""

    def __repr__(self) -> str:
        return f"{self.breaker!r} out={self.out}"


Result = tuple[str | None, bool]
"""The network of an attempt, None for an unknown one, and whether it went well."""


def culprit(results: Sequence[Result]) -> str | None:
    """Return the network with the most failures; None when all of them are of unknown networks."""
    failures = Counter(network for network, good in results if not good and network is not None)
    return failures.most_common(1)[0][0] if failures else None


def others_fail(results: Sequence[Result], network: str, share: float) -> bool | None:
    """Say whether more than this share failed of the results of other networks; None when there are none."""
    others = [good for one, good in results if one != network]
    return others.count(False) > share * len(others) if others else None
