"""What handlers work with: the router, the rules of the configuration in force, and the counters of the server."""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from prometheus_client import CollectorRegistry

from pointsman.clock import Clock
from pointsman.config import Config
from pointsman.config.values import is_loopback
from pointsman.daemon.company import Company
from pointsman.daemon.figures import Figures
from pointsman.daemon.keys import Keyring, holders_of
from pointsman.daemon.limits import Gate, Tries
from pointsman.daemon.shown import CheckShown, ReloadShown
from pointsman.daemon.streams import Streams
from pointsman.daemon.webhooks import check_callback_url
from pointsman.engine.orders import Order, Screen, Submitted
from pointsman.engine.status import ProviderStatus
from pointsman.engine.switches import Probed
from pointsman.message import Message
from pointsman.outcome import LookupResult, Receipt, Refused
from pointsman.plugin import Callback, Incoming, Response
from pointsman.routing.candidate import Decision
from pointsman.store import Store
from pointsman.store.interface import Claim

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
MANAGER = "(management)"
"""Stands in the ring of keys for whoever manages; no client can be called so."""


class Gateway(Protocol):
    """What of a router the API needs."""

    @property
    def store(self) -> Store:
        """Where messages are kept."""
        ...

    async def submit_many(
        self, orders: Sequence[Order], *, client: str, claim: Claim | None = None, screen: Screen | None = None
    ) -> Submitted:
        """Take messages, all or none."""
        ...

    async def cancel(self, message_id: str) -> bool:
        """Keep a message from being sent if it has not left yet."""
        ...

    async def receipt(self, message_id: str) -> Receipt | None:
        """Return what is known of a message."""
        ...

    async def referred(self, client: str, reference: str, limit: int = 100) -> tuple[Receipt, ...]:
        """Return a client's messages with this reference, the latest first."""
        ...

    async def confirm(self, message_id: str) -> bool:
        """Note that the recipient of a message got it."""
        ...

    def explain(self, message: Message) -> Decision:
        """Return the decision that would be made for a message now."""
        ...

    def known_lookup(self, number: str) -> LookupResult | None:
        """Return the last result about a number."""
        ...

    async def inbox(self, provider: str, *, since: datetime, until: datetime) -> tuple[Incoming, ...] | Refused:
        """Return the messages that people sent to an account."""
        ...

    async def callback(self, provider: str, callback: Callback, token: str | None = None) -> Response:
        """Take in what a provider reports."""
        ...

    def providers(self) -> tuple[ProviderStatus, ...]:
        """Return how every provider is doing."""
        ...

    async def drain(self, provider: str, reason: str = "") -> None:
        """Take a provider out of use."""
        ...

    async def resume(self, provider: str) -> None:
        """Put it back."""
        ...

    async def probe(self, provider: str) -> Probed:
        """Ask it now whether it lets us in."""
        ...


class Posture:
    """The rules of one configuration. It never changes; a reload puts another one in its place."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.daemon = config.daemon
        self.clients = Keyring(
            holder
            for client in config.clients.values()
            for holder in holders_of(client.name, client.key_sha256, _end(client.expires))
        )
        hashes = config.daemon.admin_key_sha256
        self.managers: Keyring | None = Keyring(holders_of(MANAGER, hashes)) if hashes is not None else None
        self.proxies = tuple(map(ipaddress.ip_network, config.daemon.proxies))
        self.reporters: Mapping[str, tuple[IpNetwork, ...]] = {
            name: tuple(map(ipaddress.ip_network, one.callback_from))
            for name, one in config.providers.items()
            if one.callback_token is not None
        }
        """Providers that may report, with the addresses that they do it from."""

    def may_manage_from(self, host: str) -> bool:
        """Say whether a `Host` header, without its port, names this machine: another one is a trick with DNS."""
        return is_loopback(host.lower()) or host == self.daemon.admin.host

    def check_callback(self, client: str, url: str) -> None:
        """Raise `InvalidMessage` unless a client may have its news posted to an address.

        Who has just been taken out of the configuration is refused by the guard.
        """
        if client in self.config.clients:
            check_callback_url(self.config.clients[client], url)


def _end(expires: datetime | None) -> float:
    return expires.timestamp() if expires is not None else float("inf")


class Reasons(msgspec.Struct, frozen=True):
    """Whether the server is ready, and what that depends on."""

    checks: tuple[CheckShown, ...]

    @property
    def ok(self) -> bool:
        """Nothing keeps it from taking messages."""
        return all(check.ok for check in self.checks)


class House:
    """What handlers work with.

    State: the posture, which is swapped as a whole, and the counters in its parts.
    """

    def __init__(
        self,
        *,
        gateway: Gateway,
        company: Company,
        posture: Posture,
        clock: Clock,
        figures: Figures,
        registry: CollectorRegistry,
        openapi: bytes,
        readiness: Callable[[], Reasons],
        reload: Callable[[], Awaitable[ReloadShown]],
    ) -> None:
        self.gateway = gateway
        self.company = company
        self.posture = posture
        self.clock = clock
        self.figures = figures
        self.registry = registry
        self.openapi = openapi
        """The OpenAPI document."""
        self.readiness = readiness
        self.reload = reload
        self.gate = Gate()
        self.tries = Tries(clock)
        self.streams = Streams(clock)
        self.store_refuses = False
        """The last attempt to write failed, such as on a full disk."""
