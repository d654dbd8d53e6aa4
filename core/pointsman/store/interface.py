"""What a store must do, whether it forgets at the end of the process or survives a power cut.

Theory of operation. A store keeps *records*, and changes them only by `advance`, which is pure: all stores run the same
life cycle. Its writes are the five durable ones: a message is accepted, an attempt starts, it settles, a repeat of it
starts, a report comes. What a change causes besides - a piece of news for the client, a letter to its webhook, money
that an account spent - is written in the same transaction as the change, or not at all.

A store may be shared by several processes. Each has a name of its own there, its *owner*; a message is attempted only
by the process whose name its record bears, and `Begin` checks that in the same transaction in which the attempt is
written down. A process that lives renews its leases; others take over what is left of one whose leases have ended.

What waits need not be in anybody's memory: `take` hands out as much of it as its caller can carry.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol, runtime_checkable

import msgspec

from pointsman.message import Envelope, MessageClass
from pointsman.outcome import Report, State
from pointsman.store.change import Change
from pointsman.store.record import Record


class Claim(msgspec.Struct, frozen=True, gc=False):
    """An idempotency key: the same key of the same client brings the same messages, however often it comes."""

    client: str
    key: str
    digest: bytes
    """Of the request; the same key with another request is a mistake of the client."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What became of a request to take messages."""

    records: tuple[Record, ...]
    repeated: bool = False
    """They had been taken before under the same key."""


class News(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A message of a client came into another state; what streams and webhooks tell."""

    seq: int
    """Grows with every piece of news of the store; the place to resume from."""
    client: str
    message_id: str
    state: State
    at: float
    """Wall time, seconds since the epoch."""
    body: bytes
    """JSON for the client. Neither text nor number is in it."""


class Letter(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A piece of news that is to be posted to a client's webhook."""

    news: News
    url: str
    tries: int = 0
    next_at: float = 0.0
    """Not before this (wall time)."""
    error: str = ""
    """Why the last try failed, in our words."""
    dead: bool = False
    """It is not tried any more, until somebody says so."""


class Posted(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The webhook took a letter; it is forgotten."""


class Again(msgspec.Struct, frozen=True, tag=True, gc=False):
    """It did not, and the letter is tried again."""

    at: float
    error: str


class Later(msgspec.Struct, frozen=True, tag=True, gc=False):
    """It was not tried, because its receiver rests or is busy; only the time changes."""

    at: float


class Dead(msgspec.Struct, frozen=True, tag=True, gc=False):
    """It is not tried any more."""

    error: str


Fate = Posted | Again | Later | Dead


class Usage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a client used of its quotas on one day (UTC)."""

    client: str
    day: str
    """Such as `2026-11-28`."""
    messages: int
    spent: Mapping[str, Decimal]
    """By currency, what its messages turned out to cost on this day."""


class Messages(Protocol):
    """Records: taking them in, changing them, finding them.

    `accept` and `apply` return when the write is as durable as the store makes it; changes to one message are applied
    in the order of the calls. Nothing is acknowledged, and no byte leaves for a provider, before they return. All
    writes raise `StoreUnavailable` when nothing was written and something outside must be mended, such as a full disk.
    """

    @property
    def owner(self) -> str:
        """The name of this process in the store; empty where no other could be meant."""
        ...

    @property
    def durable(self) -> bool:
        """Whether messages are still there when the process is not."""
        ...

    async def accept(self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True) -> Taken:
        """Record new messages, all or none. What is not `mine` is left for whoever takes it.

        With a claim that was made before, nothing is recorded and what was taken then is returned. Raises `KeyReused`
        when that was another request.
        """
        ...

    async def claimed(self, claim: Claim) -> Taken | None:
        """Return what was taken under a claim; None when it was never made, or is forgotten.

        Raises `KeyReused` when that was another request.
        """
        ...

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Apply a change; return the record before and after. Raises `KeyError` for an unknown message."""
        ...

    async def get(self, message_id: str) -> Record | None:
        """Return the record of a message."""
        ...

    async def find(self, provider: str, provider_id: str) -> tuple[tuple[str, int], ...]:
        """Return messages and attempts to which a provider gave this id."""
        ...

    async def referred(self, client: str, reference: str, limit: int) -> tuple[Record, ...]:
        """Return a client's messages with this reference, the latest first."""
        ...

    async def keep_early(self, provider: str, key: str, report: Report, now: float) -> None:
        """Keep a report of which the message is not known yet, by the provider's id or our reference."""
        ...

    async def early(self, provider: str, key: str) -> tuple[Report, ...]:
        """Return the reports that were kept under a key, without forgetting them: they are not taken in yet."""
        ...

    async def take_early(self, provider: str, key: str) -> tuple[Report, ...]:
        """Return the reports that were kept under a key and forget them."""
        ...


class Work(Protocol):
    """What is to be done, found again by those who can do it."""

    async def take(self, lane: MessageClass, now: float, limit: int) -> tuple[Record, ...]:
        """Make messages of a class ours that wait for somebody to attempt them, the longest due first."""
        ...

    async def next_due(self, now: float) -> float | None:
        """Return when the next message that nobody has is due; None when there is none. In the past: there is one."""
        ...

    async def give_back(self, message_ids: Sequence[str], now: float) -> None:
        """Leave messages to others, or to the next start, that wait for their first or next attempt."""
        ...

    async def recover(self, now: float, limit: int) -> tuple[Record, ...]:
        """Make messages ours whose attempt was started by somebody who is gone; the outcomes are unknown from now on.

        To be repeated until it returns nothing.
        """
        ...

    async def followed(self, after: str, limit: int) -> tuple[Record, ...]:
        """Return messages whose reports, or SMS in their place, are waited for, in the order of their ids."""
        ...

    async def waiting(self) -> Mapping[MessageClass, int]:
        """Return how many messages of each class nobody has taken yet, those that are not due included."""
        ...


class Mail(Protocol):
    """News for clients, and what of it is to be posted."""

    async def news(self, client: str, after: int, limit: int) -> tuple[News, ...]:
        """Return a client's news after a place, the oldest first."""
        ...

    async def last_news(self) -> int:
        """Return the place of the latest news of all clients; 0 when there is none."""
        ...

    async def letters(self, now: float, limit: int) -> tuple[Letter, ...]:
        """Return letters that are due, the oldest first: of each message only the first that is not posted."""
        ...

    async def settle_letter(self, seq: int, fate: Fate) -> None:
        """Write down what became of a letter."""
        ...

    async def next_letter(self) -> float | None:
        """Return when the next letter is to be tried; None when there is none."""
        ...

    async def dead_letters(self, after: int, limit: int) -> tuple[Letter, ...]:
        """Return letters that are not tried any more, in order."""
        ...

    async def revive(self, seqs: Sequence[int], now: float) -> int:
        """Try dead letters again from now on; return how many there were."""
        ...


class Figures(Protocol):
    """What has to be known after a restart besides messages."""

    async def spent(self) -> Mapping[tuple[str, str], Decimal]:
        """Return what attempts cost, by provider and currency, since the account was last started anew."""
        ...

    async def start_account(self, provider: str) -> None:
        """Count what is spent at a provider from nothing again."""
        ...

    async def usage(self, day: str) -> tuple[Usage, ...]:
        """Return what the clients used on a day."""
        ...

    async def keep(self, kind: str, name: str, value: bytes) -> None:
        """Remember something small, such as that a provider was taken out of use."""
        ...

    async def forget(self, kind: str, name: str) -> None:
        """Forget it."""
        ...

    async def kept(self, kind: str) -> Mapping[str, bytes]:
        """Return what is remembered of a kind, by name."""
        ...


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long things are kept (seconds)."""

    texts: float = 30 * 86400.0
    """After the last change of a message that is over: its text, its number and what quotes them."""
    messages: float = 400 * 86400.0
    """After this a message is forgotten altogether."""
    keys: float = 48 * 3600.0
    """Idempotency keys."""
    news: float = 7 * 86400.0
    """News that can be read again from a place; dead letters too."""
    early: float = 48 * 3600.0
    """Reports of which nobody knew the message."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """How much was forgotten in one go."""

    texts: int
    messages: int
    others: int


@runtime_checkable
class TellsCommits(Protocol):
    """A store that tells of its transactions."""

    committed: Callable[[float, int], None] | None
    """Is called in the event loop after each: the seconds that it took, and how many operations shared it."""


class Store(Messages, Work, Mail, Figures, Protocol):
    """All of it, and its beginning and end."""

    async def open(self) -> None:
        """Get ready. Raises `StoreError` when it cannot be used: in use, damaged, of a later version, not writable."""
        ...

    async def close(self) -> None:
        """Finish all writes and let go."""
        ...

    async def erase(self, retention: Retention, now: float, limit: int) -> Erased:
        """Forget what is older than it is to be kept, at most `limit` of each; otp texts as soon as they are over."""
        ...
