"""Reading balances: on a timer, and at once when a provider says that the money is gone."""

import asyncio
import logging
from collections.abc import Mapping

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.engine.calling import Plan, Subject, judge_read
from pointsman.engine.pausing import pause
from pointsman.engine.soundness import is_balance, is_refusal
from pointsman.engine.station import Station
from pointsman.events import BalanceRead, Event, Operation, Rested
from pointsman.outcome import Fault, Refused
from pointsman.plugin import Balance, TellsBalance
from pointsman.routing.rests import Rests
from pointsman.routing.tariff import Rates

_log = logging.getLogger("pointsman.balances")

CREDITS_EVERY = 300.0
"""Seconds between two looks at an account that is out of money."""


class Balances:
    """One reader for each provider that tells its balance.

    State: the tasks, and for each provider an event that calls for a reading at once.
    """

    def __init__(self, rests: Rests, rates: Rates, bus: Bus, clock: Clock) -> None:
        self._rests = rests
        self._rates = rates
        self._bus = bus
        self._clock = clock
        self._urgent: dict[str, asyncio.Event] = {}
        self._first: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, stations: Mapping[str, Station]) -> None:
        """Begin to read, and watch for refusals for want of money."""
        for station in stations.values():
            self.begin(station)
        self._bus.subscribe(self._watch, Rested)

    def begin(self, station: Station) -> None:
        """Begin to read a provider's balance, or go on at once with what its station is now."""
        self.end(station.name)
        if isinstance(station.provider, TellsBalance):
            self._urgent[station.name] = asyncio.Event()
            self._first[station.name] = asyncio.Event()
            task = asyncio.create_task(self._keep(station), name=f"balance {station.name}")
            self._tasks[station.name] = task

    def end(self, name: str) -> None:
        """Read a provider's balance no more; one that is not read is ignored."""
        self._urgent.pop(name, None)
        self._first.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop reading."""
        self._bus.unsubscribe(self._watch)
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def known(self, patience: float) -> None:
        """Wait until every balance was asked for once, `patience` seconds at most."""
        if self._first:
            waits = [asyncio.ensure_future(event.wait()) for event in self._first.values()]
            _, late = await asyncio.wait(waits, timeout=patience)
            for one in late:
                one.cancel()

    async def read(self, station: Station) -> Balance | Refused:
        """Ask a provider once and take over what it says."""
        provider = station.provider
        if not isinstance(provider, TellsBalance):
            return Balance(None)
        asked_at, ledger = self._clock.monotonic(), station.view.ledger
        plan: Plan[Balance | Refused] = Plan(
            operation=Operation.BALANCE,
            subject=Subject(),
            build=provider.balance_request,
            read=provider.read_balance,
            sound=lambda value: is_balance(value) or is_refusal(value),
            judge=judge_read,
        )
        result = await station.caller.call(plan)
        if isinstance(result, Balance):
            if (
                station.view.ledger is ledger
            ):  # else it was asked about another account, before the configuration changed
                self._take(station, result, asked_at)
            return result
        if isinstance(result, Refused):
            return result
        return Refused(fault=Fault.UNAVAILABLE, code=result.reason)

    def _take(self, station: Station, balance: Balance, asked_at: float) -> None:
        money = balance.money
        if money is not None and self._rates.knows(money.currency):
            ledger = station.view.ledger
            ledger.read(self._rates.convert(money, station.view.currency).amount, asked_at)
            available = ledger.available
            self._rests.balance_read(station.name, sufficient=available is not None and available > 0)
        self._bus.emit(BalanceRead(at=self._clock.now(), provider=station.name, balance=money))

    async def _keep(self, station: Station) -> None:
        urgent, first = self._urgent[station.name], self._first[station.name]
        while True:
            urgent.clear()
            try:
                await self.read(station)
            except Exception as error:  # noqa: BLE001 - the next reading may do better; without it there is none at all
                _log.warning("the balance of %s was not taken over: %s", station.name, type(error).__name__)
            finally:
                first.set()
            seconds = station.balance_every
            if self._rests.wants_money(station.name):
                seconds = min(seconds, CREDITS_EVERY)
            await pause(self._clock, seconds, urgent)

    def _watch(self, event: Event) -> None:
        if isinstance(event, Rested) and event.fault is Fault.CREDITS and event.provider in self._urgent:
            self._urgent[event.provider].set()
