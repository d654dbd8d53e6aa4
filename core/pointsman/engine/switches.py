"""The operator's switches: who gets nothing new until further notice, remembered beyond a restart."""

import asyncio
from collections.abc import Mapping

import msgspec

from pointsman.clock import Clock
from pointsman.engine.balances import Balances
from pointsman.engine.bus import Bus
from pointsman.engine.control import Control
from pointsman.engine.station import Station
from pointsman.events import Drained, Resumed
from pointsman.outcome import Refused
from pointsman.plugin import TellsBalance
from pointsman.routing.rests import Rests
from pointsman.store import Store

KIND = "drained"
"""Under which the store keeps what is remembered here, by provider."""
BY_HAND = "drained by hand"
"""The reason where the operator gives none."""
UNREADABLE = "drained before; what was written down about it cannot be read"


class Drain(msgspec.Struct, frozen=True):
    """That a provider gets nothing new."""

    reason: str
    at: float
    """Wall time."""


class Probed(msgspec.Struct, frozen=True):
    """What a provider that was asked at the operator's wish had to say."""

    ok: bool | None
    """Whether it let us in. None where it cannot be asked: the next message that is for it tries it."""
    detail: str


class Switches:
    """Drains providers, lets them have messages again, and asks how they are.

    State: who is drained, also providers that the configuration does not have at present; and one lock, so that what
    is in force and what is remembered agree in the end.
    """

    def __init__(
        self,
        stations: Mapping[str, Station],
        store: Store,
        rests: Rests,
        control: Control,
        balances: Balances,
        bus: Bus,
        clock: Clock,
    ) -> None:
        """`stations` are those of the configuration in force."""
        self._stations = stations
        self._store = store
        self._rests = rests
        self._control = control
        self._balances = balances
        self._bus = bus
        self._clock = clock
        self._drained: dict[str, Drain] = {}
        self._lock = asyncio.Lock()

    async def restore(self) -> None:
        """Put in force what was remembered. To be called before anything is sent."""
        for name, value in (await self._store.kept(KIND)).items():
            self._drained[name] = _read(value)
        for station in self._stations.values():
            self.apply(station)

    def apply(self, station: Station) -> None:
        """Put in force what holds for a provider whose station is new."""
        drain = self._drained.get(station.name)
        station.view.drained = drain.reason if drain is not None else None

    async def drain(self, provider: str, reason: str) -> None:
        """Let a provider have nothing new. Raises `KeyError` for a stranger.

        Raises `StoreUnavailable` when it cannot be remembered; it is in force all the same.
        """
        station = self._stations[provider]
        async with self._lock:
            drain = self._drained[provider] = Drain(reason, self._clock.now())
            self.apply(station)
            station.lane.hand_back()
            self._bus.emit(Drained(at=drain.at, provider=provider, reason=reason))
            await self._store.keep(KIND, provider, msgspec.json.encode(drain))

    async def resume(self, provider: str) -> None:
        """Let a provider have messages again: end its drain, what was tripped, and what rests until somebody acts.

        Raises `KeyError` for a stranger, `StoreUnavailable` when it cannot be remembered; it is in force all the same.
        """
        station = self._stations[provider]
        async with self._lock:
            was_drained = self._drained.pop(provider, None) is not None
            self.apply(station)
            self._control.reset(provider, None, "put back by hand", None)
            self._rests.lift(provider)
            station.caller.retry()
            if was_drained:
                self._bus.emit(Resumed(at=self._clock.now(), provider=provider))
            await self._store.forget(KIND, provider)

    async def probe(self, provider: str) -> Probed:
        """Ask a provider whether it lets us in, by its balance or a login. Raises `KeyError` for a stranger.

        Where it does, it is not locked out any more. Where nothing can be asked, one message may try it.
        """
        station = self._stations[provider]
        station.caller.retry()
        if isinstance(station.provider, TellsBalance):
            answer: object = await self._balances.read(station)
            detail = "it told its balance"
        else:
            session = await station.caller.log_in()
            if session is None:
                self._rests.try_now(provider, self._clock.now())
                return Probed(
                    None, "it cannot be asked without sending: the next message for it tries what rests there"
                )
            answer, detail = session, "it let us log in"
        if isinstance(answer, Refused):
            return Probed(ok=False, detail=_told(answer))
        self._rests.let_in(provider)
        return Probed(ok=True, detail=detail)


def _told(refused: Refused) -> str:
    """Return fault and code; the provider's own words may hold anything."""
    return " ".join(dict.fromkeys(filter(None, (refused.fault.value, refused.code))))


def _read(value: bytes) -> Drain:
    """Return what was remembered. What cannot be read keeps the provider out all the same: somebody wanted it so."""
    try:
        return msgspec.json.decode(value, type=Drain)
    except msgspec.MsgspecError:
        return Drain(UNREADABLE, 0.0)
