"""Another configuration for a router that runs: made ready completely, put in force in one step, cleaned up after.

Theory of operation. Whatever can fail or takes its time happens first and touches nothing that is in use: plugins build
their providers, price lists and number ranges are read, connections and accounts are opened. Then everything is
exchanged without waiting in between, so that each decision is made by the old configuration or by the new one, never by
parts of both. What has lost its place gives back what waits there, and is closed when all that it took is settled.
"""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from pointsman.config import Config, ProviderConfig, Reloaded, check_reloadable, compare
from pointsman.config.compare import Aspect, aspects_of
from pointsman.engine.asking import Asking
from pointsman.engine.assembly import (
    Workshop,
    build_rules,
    callback_url,
    confirming_of,
    floor_of,
    load_ranges,
    pace_of,
    silence_of,
)
from pointsman.engine.balances import Balances
from pointsman.engine.lane import Lane
from pointsman.engine.locating import Locating
from pointsman.engine.lookups import Lookups
from pointsman.engine.parsing import Door, Rules
from pointsman.engine.replacing import Replacement, built_anew, replacement_of
from pointsman.engine.station import Station
from pointsman.engine.switches import Switches
from pointsman.engine.tracking import Tracking
from pointsman.engine.winding import Winding
from pointsman.errors import ConfigError, PluginError, PointsmanError
from pointsman.events import ConfigRefused, ConfigReloaded
from pointsman.loading import PluginSet
from pointsman.plugin import TellsBalance
from pointsman.routing.choose import View
from pointsman.routing.rests import Rests
from pointsman.routing.stakes import Stakes
from pointsman.routing.strategy import STRATEGIES
from pointsman.routing.tariff import Rates, Tariff
from pointsman.store import Store

BALANCE_PATIENCE = 2.0
"""Seconds for which a new account's first reading is waited for, before it is in use."""
PROBLEMS_TOLD = 20
"""Problems of a refused configuration that its event names."""


class Living(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a running router is made of, as far as it depends on the configuration."""

    stations: dict[str, Station]
    """All that there are, also those that are gone and of which something may be open."""
    current: dict[str, Station]
    """Those of the configuration."""
    views: dict[str, View]
    """What choosing sees: those of the configuration."""
    shop: Workshop
    plugins: PluginSet
    store: Store
    rests: Rests
    stakes: Stakes
    door: Door
    lookups: Lookups
    locating: Locating
    asking: Asking
    balances: Balances
    tracking: Tracking
    switches: Switches
    winding: Winding


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A new configuration, made ready: nothing of it can fail any more."""

    config: Config
    changes: Reloaded
    rules: Rules
    stations: Mapping[str, Station]
    """New ones: of providers that were added, or whose connections are to be others."""
    tariffs: Mapping[str, Tariff]
    """Price lists of the providers whose stations stay."""


class Reloading:
    """Puts configurations in force, one at a time. State: the one in force."""

    def __init__(self, config: Config, living: Living, check_running: Callable[[], None]) -> None:
        """`check_running` raises `RouterClosed` when the router does not run (any more)."""
        self.config = config
        self._living = living
        self._check_running = check_running
        self._lock = asyncio.Lock()

    async def reload(self, config: Config) -> Reloaded:
        """Put a configuration in force and return what it changed; after any error nothing has changed.

        Raises `ConfigError`, `PluginError`, `StoreUnavailable`, `RouterClosed`.
        """
        async with self._lock:
            try:
                ready = await self._make_ready(config)
            except PointsmanError as error:
                self.refused(error)
                raise
            self._put_in_force(ready)
            return ready.changes

    def refused(self, error: PointsmanError) -> None:
        """Tell that a new configuration could not be used."""
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        told = tuple(str(problem) for problem in problems[:PROBLEMS_TOLD])
        self._living.shop.bus.emit(ConfigRefused(at=self._living.shop.clock.now(), problems=told))

    async def close(self) -> None:
        """Close all connections that there are now. What is in flight should be over."""
        await self._living.winding.close()
        for station in tuple(self._living.stations.values()):
            await station.close()

    def lanes(self) -> tuple[Lane, ...]:
        """Return every lane on which something may be on its way."""
        stations = (*self._living.stations.values(), *self._living.winding.stations())
        return tuple({id(station.lane): station.lane for station in stations}.values())

    async def _make_ready(self, config: Config) -> Ready:
        """Do everything that can fail or takes its time, without touching what is in use."""
        self._check_running()
        check_reloadable(self.config, config)
        _check_strategies(config, self._living.plugins)
        changes = compare(self.config, config)
        old, living = self.config, self._living
        shop = msgspec.structs.replace(
            living.shop, rates=Rates(config.router.currency, config.rates), public_url=config.daemon.public_url
        )
        ranges = await asyncio.to_thread(load_ranges, config)
        stations: dict[str, Station] = {}
        tariffs: dict[str, Tariff] = {}
        for name, provider in config.providers.items():
            before = old.providers.get(name)
            how = replacement_of(before, provider)
            if how is not Replacement.NONE:
                build = built_anew(how, before, provider, living.current.get(name), living.plugins, shop)
                stations[name] = await asyncio.to_thread(build)
            elif changes.rates or Aspect.PRICES in aspects_of(old.providers[name], provider):
                tariffs[name] = await asyncio.to_thread(Tariff, provider.prices, shop.rates)
        views = {name: (stations.get(name) or living.current[name]).view for name in config.providers}
        rules = build_rules(config, ranges, views)
        await self._open(config, stations)
        return Ready(config=config, changes=changes, rules=rules, stations=stations, tariffs=tariffs)

    async def _open(self, config: Config, stations: Mapping[str, Station]) -> None:
        """Open the connections of new stations; if the router does not run then, close them again."""
        try:
            for station in stations.values():
                await station.transport.open()
            await self._read_balances(stations)
            self._check_running()
            for name in self._started_anew(config, stations):
                await self._living.store.start_account(name)
            self._check_running()
        except BaseException:
            for station in stations.values():
                await station.close()
            raise

    def _started_anew(self, config: Config, stations: Mapping[str, Station]) -> list[str]:
        """Return the providers whose account has another opening balance, or is another one."""
        anew = []
        for name, living in self._living.current.items():
            before, after, new = self.config.providers[name], config.providers.get(name), stations.get(name)
            is_other = new is not None and new.view.ledger is not living.view.ledger
            if after is not None and (is_other or after.opening_balance != before.opening_balance):
                anew.append(name)
        return anew

    async def _read_balances(self, stations: Mapping[str, Station]) -> None:
        """Ask about new accounts before anything is sent there, but not for long; they are asked again then anyway."""
        strangers = [
            station
            for name, station in stations.items()
            if isinstance(station.provider, TellsBalance) and station.view.ledger.balance is None
        ]
        readings = [asyncio.create_task(self._living.balances.read(one), name="first balance") for one in strangers]
        if readings:
            _, late = await asyncio.wait(readings, timeout=BALANCE_PATIENCE)
            for reading in late:
                reading.cancel()
            await asyncio.gather(*readings, return_exceptions=True)

    def _put_in_force(self, ready: Ready) -> None:
        """Exchange everything at once: nothing here waits, and nothing fails."""
        living, old, config = self._living, self.config, ready.config
        ledgers = {name: station.view.ledger for name, station in living.current.items()}
        living.shop.rates.renew(config.rates)
        for name in ready.changes.removed:
            self._remove(name)
        for name, station in ready.stations.items():
            before = old.providers.get(name)
            how = replacement_of(before, config.providers[name])
            if before is None:
                self._add(station)
            elif how is Replacement.CONNECTIONS:
                self._reconnect(living.current[name], station)
            else:
                self._exchange(living.current[name], station)
        for name, tariff in ready.tariffs.items():
            living.current[name].view.tariff = tariff
        for name, provider in config.providers.items():
            station = living.current[name]
            if name in old.providers and old.providers[name] != provider:
                self._renew(station, old.providers[name], provider)
                if station.view.ledger is ledgers[name]:
                    station.view.ledger.renew(floor_of(provider))
                    if provider.opening_balance != old.providers[name].opening_balance:
                        station.view.ledger.start_anew(provider.opening_balance)
            self._tell_address(station, provider, config.daemon.public_url)
        living.door.renew(ready.rules)
        living.stakes.renew(confirming_of(config))
        living.lookups.renew(size=config.router.lookup_cache, age=float(config.router.lookup_age))
        living.locating.renew()
        living.asking.renew({name: one.prices for name, one in config.providers.items()})
        self._in_order(config)
        self.config = config
        self._tell(ready)

    def _add(self, station: Station) -> None:
        living = self._living
        self._take_in(station)
        living.tracking.begin(station)
        living.balances.begin(station)

    def _take_in(self, station: Station) -> None:
        living = self._living
        living.stations[station.name] = living.current[station.name] = station
        living.views[station.name] = station.view
        living.switches.apply(station)

    def _remove(self, name: str) -> None:
        """Take a provider out of everything but what follows the messages that it took."""
        living = self._living
        station = living.current.pop(name)
        del living.views[name]
        station.gone = True
        station.view.health.retire()
        living.rests.clear(name)
        living.balances.end(name)
        station.lane.hand_back()
        living.winding.follow(station, living.tracking.poller(name))

    def _reconnect(self, station: Station, new: Station) -> None:
        """Give the same account other connections; the station stays the one that others have in their hands."""
        living = self._living
        former = msgspec.structs.replace(station)
        station.adopt(new)
        living.views[station.name] = station.view
        living.switches.apply(station)
        living.tracking.poller(station.name).renew(station.provider, station.caller, station.polling)
        living.balances.begin(station)
        former.lane.hand_back()
        living.winding.finish(former)

    def _exchange(self, old: Station, new: Station) -> None:
        """Put another account in a provider's place.

        What the old one took is asked about with the new settings if these are for the same account, as after a change
        of the password; else by the old station.
        """
        living = self._living
        if old.view.health is not new.view.health:
            old.view.health.retire()
        self._take_in(new)
        living.rests.clear(new.name)
        poller = None
        if old.account == new.account:
            living.tracking.poller(new.name).renew(new.provider, new.caller, new.polling)
        else:
            poller = living.tracking.poller(new.name)
            living.tracking.begin(new)
        living.balances.begin(new)
        old.lane.hand_back()
        living.winding.follow(old, poller)

    def _renew(self, station: Station, before: ProviderConfig, after: ProviderConfig) -> None:
        """Apply to a living station what can be changed in place."""
        view, living = station.view, self._living
        view.senders = frozenset(after.senders)
        view.default_sender = after.senders[0] if after.senders else None
        view.limiter.renew(pace_of(after))
        view.health.renew(silence_of(after, station.provider))
        station.lane.renew(after.batch)
        station.balance_every = float(after.balance_every)
        if before.balance_every != after.balance_every:
            living.balances.begin(station)
        if before.poll != after.poll:
            rules = station.provider.profile.polling
            station.polling = {channel: after.poll.over(rule) for channel, rule in rules.items()}
            living.tracking.poller(station.name).renew(station.provider, station.caller, station.polling)
        living.rests.lift(station.name)
        station.caller.retry()

    def _tell_address(self, station: Station, config: ProviderConfig, public_url: str | None) -> None:
        station.callback_token = config.callback_token
        station.callback_url = callback_url(config, station.provider, public_url)

    def _in_order(self, config: Config) -> None:
        """Keep the providers in the order of the file, in which they are shown."""
        current = self._living.current
        for name in config.providers:
            current[name] = current.pop(name)

    def _tell(self, ready: Ready) -> None:
        config, shop = ready.config, self._living.shop
        shop.bus.emit(
            ConfigReloaded(
                at=shop.clock.now(),
                changes=ready.changes.words(),
                removed=ready.changes.removed,
                providers=tuple(config.providers),
                plugins=tuple(sorted({provider.plugin for provider in config.providers.values()})),
                currencies=tuple(sorted(config.rates)),
                clients=tuple(config.clients),
            )
        )


def _check_strategies(config: Config, plugins: PluginSet) -> None:
    """Raise `PluginError` for a strategy that nobody offers: the configuration was read with other plugins."""
    for policy in config.policies.values():
        if policy.strategy not in STRATEGIES and policy.strategy not in plugins.strategies:
            raise PluginError(policy.strategy, f"it is not loaded, but the policy {policy.name} needs it")
