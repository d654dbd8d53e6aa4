"""Accounts that we keep ourselves: what was spent and paid in is known after a restart as well."""

import asyncio
import logging
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from pointsman.engine.recorder import Recorder
from pointsman.engine.station import Station
from pointsman.message import Money
from pointsman.plugin import TellsBalance
from pointsman.routing.tariff import Rates

_log = logging.getLogger("pointsman.accounts")

OPENING = "opening"
"""The kind under which a store remembers what an account had when it was last started anew."""
TOPPED_UP = "topped_up"
"""The kind under which it remembers what was paid in since then."""


class Accounts:
    """Brings the ledgers of providers that tell no balance up to date. State: what was paid in, and writes of it."""

    def __init__(self, recorder: Recorder, rates: Rates) -> None:
        self._recorder = recorder
        self._rates = rates
        self._paid_in: dict[str, Decimal] = {}
        self._writes: set[asyncio.Task[None]] = set()
        self._in_order = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Accounts kept={len(self._paid_in)}>"

    async def restore(self, stations: Mapping[str, Station]) -> None:
        """Take what was spent from the opening balances, and add what was paid in.

        An opening balance that is not the one of last time starts its account anew. Raises `StoreError`.
        """
        kept = {name: one for name, one in stations.items() if not isinstance(one.provider, TellsBalance)}
        kept = {name: one for name, one in kept.items() if one.view.ledger.balance is not None}
        if not kept:
            return
        store = self._recorder.store
        openings, paid_in = await store.kept(OPENING), await store.kept(TOPPED_UP)
        for name, station in kept.items():
            opening = f"{station.view.ledger.balance} {station.view.currency}".encode()
            if openings.get(name) != opening:
                await store.start_account(name)
                await store.forget(TOPPED_UP, name)
                await store.keep(OPENING, name, opening)
            else:
                self._paid_in[name] = _amount(paid_in.get(name))
        spent = await store.spent()
        for name, station in kept.items():
            ledger = station.view.ledger
            gone = sum(
                (
                    self._rates.convert(Money(amount, currency), station.view.currency).amount
                    for (provider, currency), amount in spent.items()
                    if provider == name and self._rates.knows(currency)
                ),
                Decimal(0),
            )
            ledger.top_up(self._paid_in.get(name, Decimal(0)) - gone)

    def paid_in(self, provider: str, amount: Decimal) -> None:
        """Remember that money was paid in; it is written down in the background."""
        self._paid_in[provider] = self._paid_in.get(provider, Decimal(0)) + amount
        task = asyncio.create_task(self._remember(provider), name="paid in")
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Wait until everything is remembered."""
        if self._writes:
            _, late = await asyncio.wait(self._writes, timeout=1.0)
            for task in late:
                task.cancel()

    async def _remember(self, provider: str) -> None:
        async with self._in_order:
            value = str(self._paid_in[provider]).encode()
            await self._recorder.insist(lambda: self._recorder.store.keep(TOPPED_UP, provider, value))


def _amount(value: bytes | None) -> Decimal:
    try:
        return Decimal(value.decode()) if value is not None else Decimal(0)
    except InvalidOperation:
        _log.warning("what was paid in cannot be read; it counts as nothing")
        return Decimal(0)
