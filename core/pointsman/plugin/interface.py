"""What a provider is: values in, values out.

A provider never opens a socket, sleeps, logs, counts or keeps time. For each operation it builds a `Request` and reads
a `Response`; sessions, batches, limits, time-outs, repeats, breakers, metrics and logs are the engine's. `Provider` is
what everybody must offer; the classes after it are abilities, each added by inheriting from it.
"""

import abc
from collections.abc import Callable, Hashable, Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar

import msgspec

from pointsman.events import Operation
from pointsman.message import Channel
from pointsman.outcome import Fault
from pointsman.plugin.wire import (
    BalanceReading,
    Batch,
    Callback,
    CallbackReading,
    InboxReading,
    LoginReading,
    PollReading,
    PricesReading,
    ReconcileReading,
    Request,
    Response,
    Session,
    StatisticsReading,
    Submission,
    SubmitReading,
    Tracked,
    Window,
)
from pointsman.secret import Secret


class ChannelLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can take on one channel; a message beyond it is not offered to the provider."""

    max_characters: int | None = None
    max_segments: int | None = None
    batch: int = 1
    """Messages in one request, at most."""
    senders: Callable[[str], bool] | None = None
    """Says whether a sender is well formed for this provider; None when the general rule holds."""
    sender_required: bool = False
    one_per_recipient: bool = False
    """A batch may name a number only once: messages that are equal in everything share one place in it."""
    repeat_safe: bool = False
    """A repeat under the same `Submission.ref` is recognised and does nothing: repeating cannot duplicate."""
    price_reported: bool = False
    """The answer to a submit tells the price."""
    flash: bool = False
    """It can show an SMS at once without keeping it (`Sms.flash`)."""
    schedules: bool = False
    """It can keep a message until `Submission.send_at`."""
    schedules_local: bool = False
    """It can keep a message until `Submission.send_at_local` on the recipient's clock."""
    resends: bool = False
    """It can itself send an SMS in place of a Viber message that does not get through (`Submission.resend`)."""


class Polling(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider wants to be asked for reports on one channel. All times in seconds."""

    batch: int = 1
    """Messages in one request, at most. With 1 every id is asked about on its own: `Tracked.ids` then holds one id."""
    first: float = 5.0
    factor: float = 2.0
    longest: float = 900.0
    give_up: float = 48 * 3600.0
    """After this a message without a final report is `unknown` for good."""
    by_reference: bool = False
    """It can be asked by our own reference as well (`Tracked.ref`), with `Tracked.ids` empty."""


class Reconciling(msgspec.Struct, frozen=True, kw_only=True):
    """How the fate of a request without an answer can be found out. All times in seconds."""

    repeats: bool
    """True: by repeating the submit under the same reference (`ChannelLimits.repeat_safe`). False: by asking."""
    settle: float = 10.0
    """An `Absent` counts only this long after the last request that may have left, and only the second time."""


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """How large a span of time a provider answers for at once."""

    longest: timedelta
    """A longer span is asked for in several questions."""
    oldest: timedelta | None = None
    """How far back it can be asked; None when that is not limited."""


class FaultRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a provider's table of codes: what its documentation says and how we read it."""

    code: str
    name: str
    """The documentation's own words or constant."""
    fault: Fault | None
    """None for a success, for what is unknown, and for what the engine solves itself (an expired session)."""
    operations: tuple[Operation, ...] = (Operation.SUBMIT,)
    http: int | None = None
    when: str = ""
    """The condition under which this line holds, when a code has several."""
    unknown: bool = False
    """On a submit this says nothing about whether the message went out."""
    session: bool = False
    """It means that the session has expired."""
    source: str = ""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider declares about itself; constant for the life of the object."""

    channels: Mapping[Channel, ChannelLimits]
    faults: tuple[FaultRow, ...]
    polling: Mapping[Channel, Polling] = {}
    reconciling: Mapping[Channel, Reconciling] = {}
    currency: str | None = None
    """Of prices and balance, where the provider's protocol does not name it."""
    account: Secret | None = None
    """The name of the account, such as a login; never a password, nor a key that may be exchanged.

    With the address it tells accounts apart: what was sent from one is asked about there only, also after a restart.
    """
    inbox: Windows | None = None
    """Set by a provider that `ReadsInbox`."""
    statistics: Windows | None = None
    """Set by a provider that `TellsStatistics`."""


class Provider(abc.ABC):
    """One account at one upstream. All methods are pure, quick and never raise for anything that a server may say."""

    profile: Profile

    def batch_key(self, submission: Submission) -> Hashable | None:
        """Return what messages must share to travel together; None when this one travels alone."""
        del submission
        return None

    @abc.abstractmethod
    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Build the request that sends a batch."""

    @abc.abstractmethod
    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Read the answer to `submit_request`. What cannot be read is `Unknown`, never refused."""


class LogsIn(abc.ABC):
    """Ability: calls need a session."""

    def needs_session(self, operation: Operation, channel: Channel | None) -> bool:
        """Say whether this operation needs the session."""
        del operation, channel
        return True

    @abc.abstractmethod
    def login_request(self) -> Request:
        """Build the request that opens a session."""

    @abc.abstractmethod
    def read_login(self, response: Response) -> LoginReading:
        """Read the session."""


class Polls(abc.ABC):
    """Ability: the provider can be asked for reports. `Profile.polling` says how."""

    @abc.abstractmethod
    def poll_request(self, tracked: tuple[Tracked, ...], session: Session | None) -> Request:
        """Build the question about messages of one channel."""

    @abc.abstractmethod
    def read_poll(self, tracked: tuple[Tracked, ...], response: Response) -> PollReading:
        """Read the reports; what the provider does not mention is simply missing."""


class Reconciles(abc.ABC):
    """Ability: the provider can tell whether a request without an answer took effect."""

    @abc.abstractmethod
    def reconcile_request(self, sent: Batch, session: Session | None) -> Request:
        """Build the question; `sent` holds one message as it was sent, under the reference of its request."""

    @abc.abstractmethod
    def read_reconcile(self, sent: Batch, response: Response) -> ReconcileReading:
        """Read the finding about the message, as a tuple of one."""


class ReceivesCallbacks(abc.ABC):
    """Ability: the provider calls us with reports."""

    @abc.abstractmethod
    def read_callback(self, callback: Callback) -> CallbackReading:
        """Read the reports of a callback; nothing recognisable gives none."""

    def callback_reply(self) -> Response:
        """Return what the provider wants to hear."""
        return Response(status=200, body=b"OK")


class TellsBalance(abc.ABC):
    """Ability: the provider tells the balance of the account."""

    @abc.abstractmethod
    def balance_request(self, session: Session | None) -> Request:
        """Build the question."""

    @abc.abstractmethod
    def read_balance(self, response: Response) -> BalanceReading:
        """Read the amount; an answer without one is `Balance(None)`, never zero."""


class ReadsInbox(abc.ABC):
    """Ability: the provider keeps messages that people sent to us. `Profile.inbox` says how it can be asked."""

    @abc.abstractmethod
    def inbox_request(self, window: Window, session: Session | None) -> Request:
        """Build the question for everything that came within a window."""

    @abc.abstractmethod
    def read_inbox(self, window: Window, response: Response) -> InboxReading:
        """Read the messages, in the provider's order. What lies outside of the window is sorted out by the engine."""


class TellsStatistics(abc.ABC):
    """Ability: the provider tells figures about what it sent. `Profile.statistics` says how it can be asked."""

    @abc.abstractmethod
    def statistics_request(self, window: Window, session: Session | None) -> Request:
        """Build the question for the figures of a window."""

    @abc.abstractmethod
    def read_statistics(self, window: Window, response: Response) -> StatisticsReading:
        """Read the figures."""


class TellsPrices(abc.ABC):
    """Ability: the provider tells its own price list."""

    @abc.abstractmethod
    def prices_request(self, session: Session | None) -> Request:
        """Build the question for the price list that holds for this account."""

    @abc.abstractmethod
    def read_prices(self, response: Response) -> PricesReading:
        """Read the lines of the list."""


S = TypeVar("S", bound=msgspec.Struct)


class ProviderPlugin(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """What a plugin registers: the name used in `router.toml`, its settings and how to make a provider of them."""

    name: str
    settings: type[S]
    """A frozen Struct with `forbid_unknown_fields`; the keys that `router.toml` may set besides the common ones.

    Credentials are fields of type `Secret`.
    """
    build: Callable[[S], Provider]
    """Raises `ValueError` with a plain sentence when settings contradict each other."""
    base_url: str | None = None
    """The provider's production address, when it has only one."""
    sandbox: str | None = None
    """`module:Class` of a `pointsman.sandbox.Sandbox`, imported only when asked for."""


AnyProviderPlugin = ProviderPlugin[Any]
