"""What lookups told about numbers by their range: how many exist, and which networks serve them.

A number is given out by one network and may have been taken along to another since. Nobody tells how often that happens
but lookups, so their results are counted, the latest counting most, and stand beside a prior guess that a few of them
outweigh.
"""

from collections.abc import Collection

import msgspec

from pointsman.message import Network
from pointsman.outcome import LookupResult, LookupState
from pointsman.routing.cells import cell_of

PORTED = 0.1
"""The share of numbers that are served by another network than their range names, before any lookup tells."""
DEAD = 0.02
"""The share of numbers that do not exist, before any lookup tells."""
GUESS = 20.0
"""How many lookups the guess about networks counts for."""
GUESS_DEAD = 20.0
"""How many lookups the guess about numbers that do not exist counts for.

Few: a range that seems to hold more dead numbers than it does is looked up and soon known better; one that seems to
hold fewer is not looked up, and remains unknown.
"""
TOLD = 0.95
"""The share of lookups that tell something in time, before any did."""
FADE = 0.995
"""What a result counts beside the next one of its range."""
MOST_RANGES = 2000
"""Networks whose ranges are remembered; the one about which nothing was heard for longest is forgotten first."""
MOST_NETWORKS = 8
"""Networks that a number is taken to be served by at most, the likeliest ones."""


class Odds(msgspec.Struct, frozen=True, kw_only=True):
    """What a number may turn out to be."""

    dead: float
    """The chance that it does not exist, from 0 to 1."""
    networks: tuple[tuple[str, float], ...]
    """The networks that may serve it if it does, as MCC and MNC, each with its chance, the likeliest first.

    The chances may sum up to less than 1: about the rest nothing is known.
    """
    told: float = 1.0
    """The chance that a lookup tells anything in time, from 0 to 1."""
    evidence: float = 0.0
    """How many lookups this rests on besides the guess."""


class _Counts(msgspec.Struct, gc=False):
    """What lookups found, each faded by those that came after it."""

    seen: float = 0.0
    dead: float = 0.0
    found: dict[str, float] = msgspec.field(default_factory=dict)

    def note(self, *, dead: bool, network: str | None) -> None:
        self.seen = self.seen * FADE + 1.0
        self.dead = self.dead * FADE + float(dead)
        if network is not None:
            self.found = {one: kept for one, count in self.found.items() if (kept := count * FADE) > FORGOTTEN}
            self.found[network] = self.found.get(network, 0.0) + 1.0


FORGOTTEN = 0.05
"""Networks that were found less often than that, faded, are not remembered."""


class Porting:
    """The counts by range and by country. Say `note` once for each number, or it counts as several."""

    __slots__ = ("_all", "_asked", "_markets", "_ranges", "_told")

    def __init__(self) -> None:
        self._ranges: dict[str, _Counts] = {}
        self._markets: dict[str, _Counts] = {}
        self._all = _Counts()
        self._asked = 0.0
        self._told = 0.0

    def __repr__(self) -> str:
        return f"<Porting ranges={len(self._ranges)}>"

    def note(self, by_range: Network, result: LookupResult) -> None:
        """Take in what a lookup found about a number; `by_range` is what its digits tell."""
        dead = result.state is LookupState.NONEXISTENT
        network = result.network.mccmnc if result.network is not None and not dead else None
        self._all.note(dead=dead, network=None)
        for table, key in ((self._ranges, cell_of(by_range)), (self._markets, by_range.country or "")):
            counts = table.pop(key, None) or _Counts()
            if len(table) >= MOST_RANGES:
                del table[next(iter(table))]
            table[key] = counts  # at the end: it was heard of last
            counts.note(dead=dead, network=network)

    def asked(self, *, told: bool) -> None:
        """Take in whether a lookup that a message waited for told anything in time."""
        self._asked = self._asked * FADE + 1.0
        self._told = self._told * FADE + float(told)

    def odds(self, by_range: Network, others: Collection[str]) -> Odds:
        """Return what a number of a range may turn out to be.

        `others` are networks that may serve it although no lookup found one there yet.
        """
        counts = self._ranges.get(cell_of(by_range)) or _Counts()
        overall = (self._all.dead + GUESS_DEAD * DEAD) / (self._all.seen + GUESS_DEAD)
        guess = self._guess(by_range, others)
        total = sum(counts.found.values())
        shares = [
            (network, (counts.found.get(network, 0.0) + GUESS * guess.get(network, 0.0)) / (total + GUESS))
            for network in sorted(guess.keys() | counts.found.keys())
        ]
        shares.sort(key=lambda one: -one[1])
        return Odds(
            dead=(counts.dead + GUESS_DEAD * overall) / (counts.seen + GUESS_DEAD),
            networks=tuple(shares[:MOST_NETWORKS]),
            told=(self._told + GUESS * TOLD) / (self._asked + GUESS),
            evidence=counts.seen,
        )

    def _guess(self, by_range: Network, others: Collection[str]) -> dict[str, float]:
        """Return the chances of networks before any lookup of this range: its own, and the others by their markets."""
        market = self._markets.get(by_range.country or "")
        found = market.found if market is not None else {}
        home = by_range.mccmnc
        sizes = {one: 1.0 + found.get(one, 0.0) for one in {*others, *found} if one != home}
        total = sum(sizes.values())
        if home is None:
            return {one: size / total for one, size in sizes.items()}
        away = PORTED if sizes else 0.0
        return {home: 1.0 - away, **{one: away * size / total for one, size in sizes.items()}}
