"""What router.toml says, once it has been checked: every value here is valid."""

import enum
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, assert_never

import msgspec

from pointsman.config.limits import ClientLimits, GuardConfig
from pointsman.config.values import (
    Address,
    ClockTime,
    Duration,
    IpRange,
    KeyHashes,
    Life,
    NewFile,
    PublicUrl,
    StoreUrl,
    Zone,
)
from pointsman.config.webhooks import HostPattern, WebhookSecrets
from pointsman.message import MessageClass
from pointsman.plugin import Polling
from pointsman.routing.failover import OnUnknown
from pointsman.routing.health import Silence
from pointsman.routing.match import FALLBACK_MARGIN, Lookup, Match, Schedule
from pointsman.routing.price import PriceRow
from pointsman.secret import Secret
from pointsman.store.interface import Retention

DEFAULT_POLICY = "default"
"""The policy of routes that name none; it exists even when the file does not mention it."""
DEFAULT_STRATEGY = "balanced"

Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0)]
Moment = Annotated[datetime, msgspec.Meta(tz=True, description="a moment with its zone: 2027-01-31T00:00:00Z")]


class LogFormat(enum.StrEnum):
    """How log lines look; `auto` is `console` on a terminal and `json` elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class RouterConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Table `[router]`: what holds for everything."""

    store: StoreUrl = StoreUrl("memory:")
    """Where messages are kept: `memory:`, or `sqlite:` with the path of a file."""
    region: str = "RU"
    """How a national number is read (ISO 3166-1 alpha-2)."""
    currency: str = "EUR"
    """In which prices are compared (ISO 4217)."""
    number_ranges: Path | None = None
    """The national numbering plan's CSV of number ranges; it tells networks before any lookup."""
    max_in_flight: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000
    """Messages that may be on their way at once; more wait."""
    max_waiting: Annotated[int, msgspec.Meta(ge=0)] = 1_000_000
    """Messages that may wait to be sent when more are taken; 0 sets no limit."""
    lookup_cache: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 100_000
    """Numbers whose last lookup is remembered; 0 remembers none."""
    lookup_age: Duration = Duration(86400)
    """How old a lookup may be to tell the network of a number for prices and routes."""
    log_format: LogFormat = LogFormat.AUTO
    decisions: NewFile | None = None
    """The file to which decisions are appended, for `pointsman replay`; none are kept by default."""


class RetentionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Table `[retention]`: how long things are kept."""

    texts: Duration = Duration(30 * 86400)
    """After the last change of a message that is over: its text and its number. Those of a code go at once."""
    messages: Duration = Duration(400 * 86400)
    """After this a message is forgotten altogether."""
    keys: Duration = Duration(48 * 3600)
    """Idempotency keys."""
    news: Duration = Duration(7 * 86400)
    """News that clients can read again, and webhooks that could not be posted."""
    early: Duration = Duration(48 * 3600)
    """Reports of which nobody knew the message."""

    def __post_init__(self) -> None:
        if self.messages < self.texts:
            raise ValueError("messages is shorter than texts; a message is not forgotten before its text")
        if self.messages < self.keys:
            raise ValueError("messages is shorter than keys; a key brings messages as long as it is kept")

    def terms(self) -> Retention:
        """Return it as a store wants it."""
        return Retention(
            texts=float(self.texts),
            messages=float(self.messages),
            keys=float(self.keys),
            news=float(self.news),
            early=float(self.early),
        )


class DaemonConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Table `[daemon]`: where the server listens, and where providers find it."""

    listen: Address = Address("127.0.0.1", 8080)
    admin: Address = Address("127.0.0.1", 9090)
    public_url: PublicUrl | None = None
    """How the public API is reached from outside, without a slash at the end; an embedded router reads this as well."""
    admin_key_sha256: KeyHashes | None = None
    """Whose key management needs; without any, management is for this machine only."""
    proxies: tuple[IpRange, ...] = ()
    """Proxies whose `X-Forwarded-For` is believed."""
    drain_delay: Duration = Duration(2)
    """From the first sign of the end to the moment when nothing more is let in, for load balancers to notice."""
    drain_patience: Duration = Duration(10)
    """For requests in flight, of clients and to providers, before they are cut off."""
    body_timeout: Duration = Duration(10)
    """For the body of a request to arrive."""
    max_body: Annotated[int, msgspec.Meta(ge=1024, le=67_108_864)] = 1_048_576
    """Bytes of the body of a request."""
    max_requests: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1000
    """Requests that are served at once; more are turned away."""
    max_streams: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 100
    """Streams of events that are open at once; a client may have a tenth of them, and at least one."""


class ClientConfig(ClientLimits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Table `[clients.<name>]`: who may use the server's API."""

    name: str
    key_sha256: KeyHashes
    """SHA-256 of the key, 64 hexadecimal digits; the key itself is nowhere in the configuration."""
    expires: Moment | None = None
    """When its keys end."""
    inbox: tuple[str, ...] = ()
    """Providers whose incoming messages it may read."""
    webhook_secret: WebhookSecrets | None = None
    """What its webhooks are signed with; without one it has none."""
    callback_hosts: tuple[HostPattern, ...] = ()
    """Hosts to which its webhooks may go. Empty: all."""
    allow_plain_callbacks: bool = False
    """Webhooks may go to `http://` too: readable, and changeable, on their way."""
    allow_private_callbacks: bool = False
    """Webhooks may go to this machine and to private networks."""


class PollConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inline table `poll` of a provider: when to ask for reports, where it differs from what the plugin says."""

    first: Duration | None = None
    factor: Annotated[float, msgspec.Meta(ge=1)] | None = None
    longest: Duration | None = None
    give_up: Duration | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.longest is not None and self.first > self.longest:
            raise ValueError("first is longer than longest; exchange them, or raise longest")

    def over(self, polling: Polling) -> Polling:
        """Return the plugin's polling with these changes; what is written wins over the plugin's other limit."""
        first = polling.first if self.first is None else self.first
        longest = polling.longest if self.longest is None else self.longest
        return msgspec.structs.replace(
            polling,
            first=first if self.longest is None else min(first, longest),
            factor=polling.factor if self.factor is None else self.factor,
            longest=longest if self.first is None else max(first, longest),
            give_up=polling.give_up if self.give_up is None else self.give_up,
        )


class ProviderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Table `[providers.<name>]`: one account at one upstream."""

    name: str
    plugin: str
    settings: msgspec.Struct
    """The plugin's own keys, as the Struct that the plugin declares."""
    base_url: str
    """Without a slash at the end."""
    allow_plain_http: bool = False
    senders: tuple[str, ...] = ()
    """Sender IDs that this account may use; the first is the default. Empty: no restriction, no default."""
    currency: str
    """Of the account: of its prices, its balance, `floor` and `opening_balance`."""
    prices: tuple[PriceRow, ...] = ()
    floor: Decimal | None = None
    """Nothing is sent that would take the balance below this. Negative where the provider gives credit."""
    opening_balance: Decimal | None = None
    """What the account holds at the start, where the provider tells no balance: we keep the ledger."""
    balance_every: Duration = Duration(300)
    max_rate: Positive | None = None
    """Segments per second."""
    max_in_flight: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 8
    """Requests at once."""
    batch: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Messages in one request at most, when fewer than the plugin's limit are wanted."""
    connect_timeout: Duration = Duration(5)
    read_timeout: Duration = Duration(30)
    poll: PollConfig = PollConfig()
    silence: Silence | None = None
    """What it means that it reports nothing of a message for long; None leaves it to what the plugin can report."""
    callback_token: Secret | None = None
    """The secret part of the address to which the provider reports."""
    callback_from: tuple[IpRange, ...] = ()
    """Addresses from which it reports; empty: from anywhere."""


class TimeLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inline table `ttl` of a policy: the life of messages that come without one, by class."""

    otp: Life = Life(300)
    transactional: Life = Life(3600)
    marketing: Life = Life(86400)

    def of(self, message_class: MessageClass) -> Life:
        """Return the limit of a class."""
        match message_class:
            case MessageClass.OTP:
                return self.otp
            case MessageClass.TRANSACTIONAL:
                return self.transactional
            case MessageClass.MARKETING:
                return self.marketing
            case _:
                assert_never(message_class)


class Losses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inline table `loss` of a policy: what a message that is not delivered costs, by class, in the router's currency.

    Where none is given, it is so many times the price of the cheapest candidate.
    """

    otp: Decimal | None = None
    transactional: Decimal | None = None
    marketing: Decimal | None = None

    def __post_init__(self) -> None:
        for message_class, amount in self.items():
            if amount < 0:
                raise ValueError(f"{message_class} is below zero; a lost message costs 0 or more")

    def items(self) -> tuple[tuple[MessageClass, Decimal], ...]:
        """Return what is given."""
        given = (
            (MessageClass.OTP, self.otp),
            (MessageClass.TRANSACTIONAL, self.transactional),
            (MessageClass.MARKETING, self.marketing),
        )
        return tuple((message_class, amount) for message_class, amount in given if amount is not None)


class PolicyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Table `[policies.<name>]`: how providers are ordered and how much is tried."""

    name: str
    strategy: str = DEFAULT_STRATEGY
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=20)] = 4
    """Over all providers."""
    weights: Mapping[str, Share] = {}
    """Provider to share of the traffic, for the strategy `weighted`; 1 where none is given."""
    ttl: TimeLimits = TimeLimits()
    loss: Losses = Losses()
    fallback_margin: Duration = Duration(FALLBACK_MARGIN)
    """From the end of a Viber message's life to the SMS in its place, where nobody said what became of it."""
    lookup_patience: Duration | None = None
    """How long a message waits for its lookup at most, and never longer than a tenth of its life; None: by class."""


class QuietConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inline table `quiet` of a route: when messages are not sent, by the recipient's clock."""

    start: ClockTime = msgspec.field(name="from")
    """The first minute that is quiet."""
    end: ClockTime = msgspec.field(name="to")
    """The first one that is not any more; before `from` when midnight is between them."""
    classes: frozenset[MessageClass] = frozenset({MessageClass.MARKETING})
    """Messages that are not sent then."""
    zone: Zone = Zone("Europe/Moscow")
    """Whose clock counts where that of the recipient is not known."""

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("from and to are the same time; leave quiet out, or give it an end")


class RouteConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Table `[[routes]]`: which messages, which providers, which policy. The first route that matches counts."""

    name: str
    match: Match = Match()
    providers: tuple[str, ...]
    """In order of preference."""
    policy: str = DEFAULT_POLICY
    on_unknown: OnUnknown | None = None
    """What to do about an outcome that nobody can clear up; None leaves it to the message's class."""
    schedule: Schedule = Schedule.ROUTER
    """Who keeps a message that is to be sent later."""
    lookup: Lookup = Lookup.NEVER
    """Whether numbers are looked up before messages are sent to them."""
    quiet: QuietConfig | None = None
    """When messages of some classes are not sent."""
    confirms: bool = False
    """Recipients confirm what they get, by entering a code for example, and the caller passes that on."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration."""

    file: str
    """Where it was read from."""
    router: RouterConfig
    retention: RetentionConfig = RetentionConfig()
    rates: Mapping[str, Decimal]
    """What one unit of a currency is worth in `router.currency`, which is always among them."""
    daemon: DaemonConfig
    clients: Mapping[str, ClientConfig]
    providers: Mapping[str, ProviderConfig]
    policies: Mapping[str, PolicyConfig]
    routes: tuple[RouteConfig, ...]
    """Never empty: without routes in the file, one that sends everything to all providers."""
    guard: GuardConfig = GuardConfig()

    def policy_of(self, route: RouteConfig) -> PolicyConfig:
        """Return the policy of one of the routes."""
        return self.policies[route.policy]
