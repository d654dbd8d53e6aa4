"""The operator's hand: taking a provider out of use, putting it back, and telling what was paid in."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import isfinite

from pointsman.clock import Clock
from pointsman.engine.attempts import moved
from pointsman.engine.bus import Bus
from pointsman.engine.station import Station
from pointsman.message import Channel
from pointsman.plugin import TellsBalance
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.rests import Rests


class Control:
    """Acts on breakers and accounts as the operator says, and tells of the moves that it causes."""

    def __init__(self, stations: Mapping[str, Station], rests: Rests, bus: Bus, clock: Clock) -> None:
        self._stations = stations
        self._rests = rests
        self._bus = bus
        self._clock = clock

    def trip(
        self, provider: str, channel: Channel | None, seconds: float | None, reason: str, network: str | None
    ) -> None:
        """Open breakers by hand. Raises `KeyError` for a stranger or a channel not offered, `ValueError` for a time."""
        if seconds is not None and not (isfinite(seconds) and seconds > 0):
            raise ValueError(f"seconds: {seconds} is no time to rest: give more than 0, or None until it is reset")
        for one, breakers in self._cells(provider, channel):
            for move in breakers.trip(self._clock.monotonic(), reason, seconds, network=network):
                self._bus.emit(moved(provider, one, move, self._clock.now()))

    def reset(self, provider: str, channel: Channel | None, reason: str, network: str | None) -> None:
        """Close breakers by hand. Raises `KeyError` for a stranger or a channel not offered."""
        for one, breakers in self._cells(provider, channel):
            for move in breakers.reset(reason, network=network):
                self._bus.emit(moved(provider, one, move, self._clock.now()))

    def topped_up(self, provider: str, amount: Decimal) -> None:
        """Add to an account that we keep. Raises `KeyError` for a stranger, `ValueError` for what cannot be added."""
        station = self._stations[provider]
        ledger, currency = station.view.ledger, station.view.currency
        if not (amount.is_finite() and amount > 0):
            raise ValueError(f"amount: {amount} cannot be paid in: give more than 0, in {currency}")
        if isinstance(station.provider, TellsBalance):
            raise ValueError(  # noqa: TRY004 - the wrong provider is named; its type is nobody's mistake
                f"{provider} tells its balance itself: nothing is to be added, call read_balances()"
            )
        if ledger.balance is None:
            raise ValueError(f"{provider}: nobody knows what its account has: set opening_balance in its table")
        ledger.top_up(amount)
        available = ledger.available
        self._rests.balance_read(provider, sufficient=available is not None and available > 0)

    def _cells(self, provider: str, channel: Channel | None) -> Iterator[tuple[Channel, CellBreakers]]:
        breakers = self._stations[provider].view.breakers
        if channel is not None:
            yield channel, breakers[channel]
        else:
            yield from breakers.items()
