"""What a provider really charges, learnt from the prices that it tells, beside what our list says.

The list is corrected by a ratio for each channel and network: told prices over listed ones, the latest counting most.
A ratio is right both when a provider has changed its prices and when some numbers of a network are served by another
one and cost something else; the former shows as one ratio for all messages, the latter as an average.
"""

from decimal import Decimal

import msgspec

from pointsman.message import Channel, Network
from pointsman.routing.cells import cell_of

FADE = 0.95
"""What a told price counts beside the next one."""
DRIFT = 0.01
"""The share of the listed price by which told ones must differ before it is a drift."""
SURE = 3.0
"""Told prices needed before the list is corrected."""
MOST = 2000
"""Networks for which prices are remembered; the one that was told longest ago is forgotten first."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """A provider charges something else than the list says."""

    channel: Channel
    network: str
    """MCC/MNC, country, or empty."""
    ratio: float
    """Told over listed."""


class _Told(msgspec.Struct, gc=False):
    ratio: float
    weight: float
    reported: float = 1.0
    """The ratio about which an event was made last."""


class ObservedPrices:
    """The told prices of one provider."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[tuple[Channel, str], _Told] = {}

    def note(self, channel: Channel, network: Network, told: Decimal, listed: Decimal) -> Drift | None:
        """Take in a told price (both of one segment, in one currency); return a drift that is news."""
        if listed <= 0 or told < 0:
            return None
        key = channel, cell_of(network)
        ratio = float(told / listed)
        known = self._told.pop(key, None)
        if known is None:
            if len(self._told) >= MOST:
                del self._told[next(iter(self._told))]
            known = _Told(ratio, 1.0)
        else:
            weight = known.weight * FADE
            known.ratio = (known.ratio * weight + ratio) / (weight + 1.0)
            known.weight = weight + 1.0
        self._told[key] = known  # at the end: it was told last
        if known.weight < SURE or abs(known.ratio - known.reported) <= DRIFT * max(known.reported, DRIFT):
            return None
        known.reported = known.ratio
        return Drift(channel=channel, network=key[1], ratio=known.ratio)

    def ratio(self, channel: Channel, network: Network) -> float:
        """Return what told prices are of listed ones; 1 when they agree or too few were told."""
        if not self._told:
            return 1.0
        known = self._told.get((channel, cell_of(network)))
        if known is None or known.weight < SURE or abs(known.ratio - 1.0) <= DRIFT:
            return 1.0
        return known.ratio

    def ratios(self) -> dict[Channel, float]:
        """Return what told prices are of listed ones on each channel, on the average of what was told lately."""
        sums: dict[Channel, tuple[float, float]] = {}
        for (channel, _), told in self._told.items():
            weighted, weight = sums.get(channel, (0.0, 0.0))
            sums[channel] = weighted + told.ratio * told.weight, weight + told.weight
        return {channel: weighted / weight for channel, (weighted, weight) in sums.items() if weight >= SURE}

    def drifts(self) -> tuple[Drift, ...]:
        """Return where the provider charges something else than the list says."""
        return tuple(
            Drift(channel=channel, network=network, ratio=told.ratio)
            for (channel, network), told in self._told.items()
            if told.weight >= SURE and abs(told.ratio - 1.0) > DRIFT
        )
