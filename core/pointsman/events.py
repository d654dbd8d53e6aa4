"""Everything that happens, as values. The engine emits them; metrics, logs and third parties watch."""

import enum

from pointsman.message import Channel, FallbackTrigger, MessageClass, Money, Msisdn
from pointsman.outcome import Attempt, DeliveryState, Fault, LookupState, State
from pointsman.secret import Discreet


class Operation(enum.StrEnum):
    """What a call to a provider is for."""

    LOGIN = "login"
    SUBMIT = "submit"
    RECONCILE = "reconcile"
    POLL = "poll"
    CALLBACK = "callback"
    BALANCE = "balance"
    INBOX = "inbox"
    STATISTICS = "statistics"
    PRICES = "prices"


class CallOutcome(enum.StrEnum):
    """What one call to a provider came to; a closed set, used as a label."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    MIXED = "mixed"
    """A batch whose messages had different outcomes."""
    ANSWERED = "answered"
    """A read operation got its answer."""
    FAILED = "failed"
    """A read operation got no usable answer."""


class WebhookOutcome(enum.StrEnum):
    """What one post to a client's webhook came to; a closed set, used as a label."""

    TAKEN = "taken"
    """A 2xx."""
    GONE = "gone"
    """A 410: the receiver does not want it, and is not asked again."""
    THROTTLED = "throttled"
    """A 429, or a 503 with `Retry-After`."""
    REDIRECTED = "redirected"
    """A 3xx; it is not followed."""
    REFUSED = "refused"
    """Another 4xx."""
    ERROR = "error"
    """Another 5xx, or an answer that is not HTTP."""
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    """No connection, or it broke before the answer."""
    BLOCKED = "blocked"
    """The address is one to which nothing is posted."""


class GuardRule(enum.StrEnum):
    """Which limit of a client stopped an order; named as the key of the configuration, and used as a label."""

    CLIENT = "client"
    """It is not in the configuration any more."""
    STOPPED = "stopped"
    CHANNELS = "channels"
    COUNTRIES = "countries"
    PREFIXES_DENIED = "prefixes_denied"
    SENDERS = "senders"
    MAX_SEGMENTS = "max_segments"
    MAX_PRICE = "max_price"
    MAX_RATE = "max_rate"
    DAILY_MESSAGES = "daily_messages"
    LOOKUPS_PER_DAY = "lookups_per_day"
    DAILY_SPEND = "daily_spend"
    TOTAL_SPEND = "total_spend"
    """`daily_spend` of all clients together."""
    PER_NUMBER = "per_number"
    PER_RANGE = "per_range"
    PER_COUNTRY = "per_country"
    PER_UNUSUAL_COUNTRY = "per_unusual_country"
    MIN_CONFIRMED = "min_confirmed"


class Event(Discreet, frozen=True, gc=False):
    """Base of all events."""

    at: float
    """Wall time, seconds since the epoch."""


class MessageTaken(Event, frozen=True, kw_only=True, gc=False):
    """We took a message: it is valid and recorded."""

    message_id: str
    channel: Channel
    message_class: MessageClass
    segments: int


class Decided(Event, frozen=True, kw_only=True, gc=False):
    """Providers were ranked for a message. `reason` says why the first of them is first."""

    message_id: str
    decision_id: str
    provider: str | None
    strategy: str
    reason: str


class Called(Event, frozen=True, gc=False):
    """One request went (or tried to go) to a provider. There is exactly one of these for every request."""

    provider: str
    channel: Channel | None
    operation: Operation
    outcome: CallOutcome
    duration: float
    """Seconds, waiting for our own limits excluded."""
    left: bool
    """The request left this machine."""
    fault: Fault | None = None
    code: str | None = None
    detail: str = ""
    http_status: int | None = None
    message_ids: tuple[str, ...] = ()
    to: tuple[Msisdn, ...] = ()
    """Numbers in the request; observers mask them."""
    attempt: int | None = None
    decision_id: str | None = None
    price: Money | None = None
    lenient: bool = False
    """The answer was broken JSON and had to be repaired."""
    oddities: tuple[str, ...] = ()
    """What was strange about the answer, in words of a closed list."""


class Attempted(Event, frozen=True, kw_only=True, gc=False):
    """An attempt ended."""

    message_id: str
    channel: Channel
    message_class: MessageClass
    attempt: Attempt
    segments: int


class FailedOver(Event, frozen=True, kw_only=True, gc=False):
    """A message goes on to another provider."""

    message_id: str
    from_provider: str
    to_provider: str
    fault: Fault | None
    """None when the outcome was unknown."""


class Resent(Event, frozen=True, kw_only=True, gc=False):
    """A provider reported that it lost a message after it had taken it; another one is going to send it."""

    message_id: str
    from_provider: str
    state: DeliveryState
    fault: Fault | None
    """Whose fault the loss is, where the report tells."""


class SteppedIn(Event, frozen=True, kw_only=True, gc=False):
    """An SMS takes the place of a Viber message."""

    message_id: str
    """Of the Viber message."""
    sms_id: str
    trigger: FallbackTrigger


class LateDelivery(Event, frozen=True, kw_only=True, gc=False):
    """A Viber message was delivered although an SMS had left in its place: the recipient may have both."""

    message_id: str
    """Of the Viber message."""
    sms_id: str
    provider: str
    """That of the Viber message."""
    channel: Channel


class Reconciled(Event, frozen=True, kw_only=True, gc=False):
    """An unknown outcome was looked into."""

    message_id: str
    provider: str
    result: str
    """`accepted`, `absent` or `unknown`."""


class Reported(Event, frozen=True, kw_only=True, gc=False):
    """A delivery report or a lookup result changed what is known of a message."""

    message_id: str
    provider: str
    channel: Channel
    state: DeliveryState | LookupState
    final: bool
    age: float
    """Seconds since the provider accepted it."""


class MessageMoved(Event, frozen=True, kw_only=True, gc=False):
    """A message changed its state."""

    message_id: str
    channel: Channel
    message_class: MessageClass
    before: State | None
    after: State


class Spent(Event, frozen=True, kw_only=True, gc=False):
    """A provider charged us, or told a price other than the one that was booked.

    Then `price` is the difference, below zero for a lower one, and `segments` is zero.
    """

    provider: str
    price: Money
    """Less than zero for a correction downward; `segments` is 0 for any correction."""
    segments: int


class Charged(Event, frozen=True, kw_only=True, gc=False):
    """A message of a client cost more than was known before; a correction downward is below zero.

    It is what the store books as the client's usage.
    """

    message_id: str
    client: str
    price: Money


class Confirmed(Event, frozen=True, kw_only=True, gc=False):
    """The recipient of a message got it, by his own account: a code was entered, a link was opened."""

    message_id: str


class GuardStopped(Event, frozen=True, kw_only=True, gc=False):
    """An order of a client was refused; nothing of it was taken."""

    client: str
    rule: GuardRule
    channel: Channel | None = None
    """Of the message that was refused first; None where it was the whole order."""
    country: str | None = None
    """Where that message was to go."""
    retry_after: float | None = None
    """Seconds until it may pass; None where that does not come by itself."""


class BalanceRead(Event, frozen=True, kw_only=True, gc=False):
    """A provider told us its balance (or that it will not)."""

    provider: str
    balance: Money | None


class PriceDrifted(Event, frozen=True, kw_only=True, gc=False):
    """A provider charges something else than our price list says."""

    provider: str
    channel: Channel
    network: str | None
    """MCC/MNC or country of the messages concerned; None when it is not known."""
    ratio: float
    """What it charges, in listed prices."""


class BreakerMoved(Event, frozen=True, kw_only=True, gc=False):
    """A breaker changed its state."""

    provider: str
    channel: Channel
    network: str | None = None
    """MCC and MNC of the network whose cell moved; None for the breaker of the whole channel."""
    before: str
    after: str
    reason: str


class Rested(Event, frozen=True, kw_only=True, gc=False):
    """Something was taken out of service for a while: a provider, one of its channels, senders or operations."""

    provider: str
    scope: str
    """`provider`, `channel`, `sender` or `operation`."""
    subject: str
    fault: Fault
    until: float | None
    """Wall time; None means until the configuration changes."""
    alert: bool


class Drained(Event, frozen=True, kw_only=True, gc=False):
    """The operator lets a provider have nothing new, also after a restart."""

    provider: str
    reason: str


class Resumed(Event, frozen=True, kw_only=True, gc=False):
    """The operator lets a provider have messages again."""

    provider: str


class ConfigReloaded(Event, frozen=True, kw_only=True, gc=False):
    """A new configuration is in force."""

    changes: tuple[str, ...]
    """What it changed, in words; empty where it says the same as the old one."""
    removed: tuple[str, ...]
    """Providers that are gone."""
    providers: tuple[str, ...]
    """All that there are now."""
    plugins: tuple[str, ...]
    """Whose providers these are."""
    currencies: tuple[str, ...]
    """All that have a rate."""
    clients: tuple[str, ...] = ()
    """All that there are now."""


class ConfigRefused(Event, frozen=True, kw_only=True, gc=False):
    """A new configuration could not be used; the old one is in force as before."""

    problems: tuple[str, ...]


class PluginQuarantined(Event, frozen=True, kw_only=True, gc=False):
    """A plugin broke its contract and is out of use."""

    plugin: str
    reason: str


class JournalCommitted(Event, frozen=True, kw_only=True, gc=False):
    """A durable store wrote down what had gathered, in one transaction."""

    duration: float
    """Seconds, the wait for the disk included."""
    writes: int
    """Operations that shared it."""


class ReportIgnored(Event, frozen=True, kw_only=True, gc=False):
    """A report matched nothing that we know, or contradicted what we sent."""

    provider: str
    reason: str


class WebhookPosted(Event, frozen=True, kw_only=True, gc=False):
    """A piece of news was posted to a client's webhook, or it was tried."""

    client: str
    message_id: str
    webhook_id: str
    host: str
    """Without path and query: they may hold what only the receiver should know."""
    outcome: WebhookOutcome
    http_status: int | None = None
    duration: float
    """Seconds, waiting for our own limits excluded."""
    tries: int
    """This one included."""
    delay: float
    """Seconds since what the news are about."""
    detail: str = ""
    """Why there is no answer, in our words."""


class WebhookGivenUp(Event, frozen=True, kw_only=True, gc=False):
    """A piece of news is not posted any more, until somebody says so."""

    client: str
    message_id: str
    reason: str
    """In our words."""
