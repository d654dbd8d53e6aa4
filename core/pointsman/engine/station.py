"""One configured provider with everything that belongs to it while the router runs."""

from collections.abc import Mapping

import msgspec

from pointsman.engine.calling import Caller
from pointsman.engine.guard import Guard
from pointsman.engine.lane import Lane
from pointsman.message import Channel
from pointsman.outcome import Attempt
from pointsman.plugin import Polling, Provider, Reconciling
from pointsman.routing.choose import View
from pointsman.secret import Secret
from pointsman.transport import Transport


class Station(msgspec.Struct, kw_only=True, eq=False):
    """A provider's plugin, its connections, its queue, and what choosing sees of it."""

    name: str
    plugin: str
    provider: Provider
    transport: Transport
    guard: Guard
    caller: Caller
    lane: Lane
    view: View
    polling: Mapping[Channel, Polling]
    balance_every: float
    """Seconds between two looks at the balance."""
    account: str = ""
    """Stands for the account: another one at the same address, or at another, has another text. It tells no secret."""
    callback_token: Secret | None = None
    """What a caller must show who reports in the provider's name; None lets everybody."""
    callback_url: Secret | None = None
    """Where the provider may report to; the token is part of it."""

    gone: bool = False
    """It is not in the configuration any more; what it took is still followed."""
    closed: bool = False
    """Nothing that it took is open any more."""

    def adopt(self, other: "Station") -> None:
        """Become like a station for the same account: with its connections, queue and settings."""
        for field in self.__struct_fields__:
            setattr(self, field, getattr(other, field))

    async def close(self) -> None:
        """Close the connections that it has now; what is in flight fails as disconnected. May come twice."""
        await self.caller.close()
        await self.transport.close()

    def holds(self, attempt: Attempt) -> bool:
        """Say whether an attempt was made at this account, as far as that is known: others know nothing of it."""
        return not attempt.account or attempt.account == self.account

    def reconciling(self, channel: Channel) -> Reconciling | None:
        """Return how unknown outcomes on a channel can be cleared up, or None when they cannot."""
        return self.provider.profile.reconciling.get(channel)
