"""What an operator can do with a running router besides sending: other configurations, and switches for providers."""

import abc
import asyncio
from decimal import Decimal

from pointsman.config import Config, Reloaded
from pointsman.engine.accounts import Accounts
from pointsman.engine.balances import Balances
from pointsman.engine.control import Control
from pointsman.engine.reloading import Reloading
from pointsman.engine.station import Station
from pointsman.engine.switches import BY_HAND, Probed, Switches
from pointsman.errors import PointsmanError
from pointsman.message import Channel


class IsOperated(abc.ABC):
    """A router's configuration, its accounts, and who may be used."""

    _reloading: Reloading
    _switches: Switches
    _accounts: Accounts
    _control: Control
    _balances: Balances
    _current: dict[str, Station]

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._reloading.config

    async def reload(self, config: Config) -> Reloaded:
        """Put another configuration in force while messages are on their way, all of it at once; say what it changed.

        After any error the old one is in force as before. Raises `ConfigError` for what only a restart can change,
        `PluginError` for a plugin that is missing or breaks, `RouterClosed` unless the router runs. Two reloads at
        once are done one after the other.
        """
        self._check_running()
        return await self._reloading.reload(config)

    def reload_refused(self, error: PointsmanError) -> None:
        """Tell those who watch that a new configuration could not be read, so that it never came to `reload`."""
        self._reloading.refused(error)

    async def drain(self, provider: str, reason: str = BY_HAND) -> None:
        """Let a provider have nothing new until `resume`, also after a restart with the same store.

        What waits there goes elsewhere, what is in flight is settled, reports are followed. Raises `KeyError` for a
        provider that there is not, `RouterClosed`, and `StoreUnavailable` when it cannot be remembered; it is drained
        all the same, until the process ends.
        """
        self._check_running()
        await self._switches.drain(provider, reason)

    async def resume(self, provider: str) -> None:
        """Let a provider have messages again: no drain, no trip, no rest that waits for the operator.

        An account without money goes on resting until money is there. Raises as `drain` does.
        """
        self._check_running()
        await self._switches.resume(provider)

    async def probe(self, provider: str) -> Probed:
        """Ask a provider now whether it lets us in, by its balance or a login.

        If it does, it is not locked out any more. Where it cannot be asked without sending, the next message for it
        tries what rests there. A drain goes on. Raises `KeyError`, `RouterClosed`.
        """
        self._check_running()
        return await self._switches.probe(provider)

    async def read_balances(self) -> None:
        """Ask every provider for its balance now."""
        await asyncio.gather(*(self._balances.read(station) for station in self._current.values()))

    def trip(
        self,
        provider: str,
        channel: Channel | None = None,
        seconds: float | None = None,
        *,
        reason: str = "taken out of use by hand",
        network: str | None = None,
    ) -> None:
        """Take a provider out of use: all of it, one channel, or one network (MCC and MNC as digits).

        It gets nothing new for so many seconds, or until `reset`; what waits there goes elsewhere, what is in flight is
        followed to its end. After the time a message is let through to try. Tripped again, it rests until the later of
        the two ends. Raises `KeyError` for a provider or channel that there is not, `ValueError` for a time that is not
        above 0.
        """
        self._control.trip(provider, channel, seconds, reason, network)

    def reset(
        self,
        provider: str,
        channel: Channel | None = None,
        *,
        reason: str = "put back by hand",
        network: str | None = None,
    ) -> None:
        """Close the breakers of a provider, of one channel or of one network, whoever or whatever opened them.

        Raises `KeyError` as `trip` does. Rests for other reasons, such as an empty account, go on.
        """
        self._control.reset(provider, channel, reason, network)

    def topped_up(self, provider: str, amount: Decimal) -> None:
        """Tell that money was paid in, in the account's currency, where the provider does not tell its balance.

        Raises `KeyError` for a provider that there is not, `ValueError` for an amount that is not above 0, for a
        provider that tells its balance itself, and for an account without an `opening_balance`.
        """
        self._control.topped_up(provider, amount)
        self._accounts.paid_in(provider, amount)

    @abc.abstractmethod
    def _check_running(self) -> None:
        """Raise `RouterClosed` when the router does not run."""
