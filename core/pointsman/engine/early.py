"""Reports that came before we knew their message: kept in the store, and looked at when the message is known."""

from collections import OrderedDict

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.events import ReportIgnored
from pointsman.outcome import Report
from pointsman.store import Store
from pointsman.store.memory import EARLY_KEPT


class Early:
    """Keeps them under the provider's id and under our reference, whichever is told.

    State: what is kept in a store without durability, which forgets the oldest, so that this is told.
    """

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._keys: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Early keys={len(self._keys)}>"

    async def keep(self, provider: str, report: Report) -> None:
        """Keep a report of which the message is not known. Raises `StoreUnavailable`."""
        for key in _keys_of(report):
            await self._store.keep_early(provider, key, report, self._clock.now())
            if not self._store.durable:
                self._keys[provider, key] = None
        while len(self._keys) > EARLY_KEPT:
            (stranger, _), _ = self._keys.popitem(last=False)
            self._bus.emit(ReportIgnored(at=self._clock.now(), provider=stranger, reason="unknown_id"))

    async def of(self, provider: str, key: str) -> tuple[Report, ...]:
        """Return what is kept under a key; it stays there until it is forgotten."""
        return await self._store.early(provider, key)

    async def forget(self, provider: str, key: str) -> None:
        """Forget what is kept under a key: it was taken in."""
        self._keys.pop((provider, key), None)
        await self._store.take_early(provider, key)


def _keys_of(report: Report) -> tuple[str, ...]:
    keys = (report.reference, report.provider_id)
    return tuple(dict.fromkeys(key for key in keys if key))
