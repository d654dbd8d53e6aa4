"""The world of the exhaustive check, as values: the record, the copies that are out, the processes, and the time.

Everything is a small tuple, so that a state is its own key. Times are whole seconds. The record is the real one; its
key leaves out what nothing depends on.
"""

import enum
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from pointsman.message import Channel, Envelope, Msisdn, Network, Sms
from pointsman.outcome import Attempt, Outcome, State, Unknown
from pointsman.plugin import Reconciling
from pointsman.routing.failover import OnUnknown, Past
from pointsman.routing.reconcile import Inquiry
from pointsman.store.record import Record

LEASE = 8.0
"""Seconds for which a message belongs to a process that does not renew its lease."""
SETTLE = 10.0
"""Seconds after which "not there" counts."""
LATENESS = 9.0
"""Seconds within which a provider processes a request at the latest: less than `SETTLE`, which is what that means."""
DEADLINE = 1e6
"""So far away that only a step of its own reaches it, and with it the end of every message's life."""
MAX_ATTEMPTS = 2


class Kind(enum.StrEnum):
    """What a provider can tell about a request without an answer."""

    REPEAT = "repeat"
    """A repeat under the same reference does nothing twice and is answered "duplicate"."""
    STATUS = "status"
    """It can be asked by our own reference."""
    BLIND = "blind"
    """Nothing."""

    @property
    def rule(self) -> Reconciling | None:
        """How it is asked."""
        match self:
            case Kind.REPEAT:
                return Reconciling(repeats=True, settle=SETTLE)
            case Kind.STATUS:
                return Reconciling(repeats=False, settle=SETTLE)
            case Kind.BLIND:
                return None


class Scope(NamedTuple):
    """What is explored."""

    kinds: tuple[Kind, ...]
    """The providers in order of preference; they are named by their place."""
    policy: OnUnknown
    crashes: int = 1
    processes: int = 2
    prompt: bool = True
    """The assumption: between the last look at the lease and the write to the socket no process pauses for longer than
    the lease."""
    cancels: bool = True
    fates: tuple[str, ...] = ("delivered", "undelivered")
    """What providers report."""

    def __str__(self) -> str:
        return f"{self.policy.value}: {' then '.join(self.kinds)}"


class Copy(NamedTuple):
    """A request that a provider took, or is going to take."""

    provider: int
    ref: str
    call_ref: str
    until: float
    """It is processed before this at the latest; 0 when it was processed."""
    fate: str = ""
    """What its provider reported: `delivered` or `undelivered`."""


class Early(NamedTuple):
    """A report of which the message was not known when it came."""

    provider: int
    ref: str
    fate: str


class Pc(enum.IntEnum):
    """Where a process is. Each is named after what the engine does next there."""

    CHOOSE = 0
    BEGIN = 1
    POST = 2
    WRITE = 3
    SETTLE = 4
    REPLAY = 5
    LOOK = 6
    RESOLVE = 7
    END = 8
    DOUBT = 9
    CLEAR = 10
    IDLE = 11
    """It sees reports through, and takes over what others left."""


class Process(NamedTuple):
    """One process on its way through `engine.flow`, and what it has in memory."""

    pc: Pc
    lease: float
    """Until when it believes the message to be its own."""
    past: tuple[Past, ...] = ()
    tried: frozenset[int] = frozenset()
    only: int = -1
    refs: tuple[tuple[int, str], ...] = ()
    """By provider, the reference under which a repeat cannot duplicate anything."""
    provider: int = -1
    number: int = 0
    ref: str = ""
    call_ref: str = ""
    started_at: float = 0.0
    outcome: Outcome | None = None
    """What it was told and has not written down yet."""
    state: State | None = None
    """The end that it is about to write down."""
    inquiry: Inquiry | None = None
    due: float = 0.0
    """It waits until then."""
    taken: bool = False
    """A report told that the message was taken after all."""


class World(NamedTuple):
    """A state."""

    now: float
    record: Record
    copies: tuple[Copy, ...]
    early: tuple[Early, ...]
    processes: tuple[Process | None, ...]
    crashes: int
    """How many more there may be."""
    requests: int
    """How many were started; names the next one."""
    unwanted: str | None = None
    """Since it is written down that nobody wants it, the request that was in flight then, or nothing; None before."""

    def with_process(self, who: int, process: Process | None) -> "World":
        """Return the world with another process in a place."""
        processes = self.processes
        return self._replace(processes=(*processes[:who], process, *processes[who + 1 :]))

    def alive(self) -> Iterator[tuple[int, Process]]:
        """Yield the processes that run."""
        for who, process in enumerate(self.processes):
            if process is not None:
                yield who, process


def owner(who: int) -> str:
    """Return the name of a process in the store."""
    return "ab"[who]


def key_of(world: World, *, precise: bool = False) -> Hashable:
    """Return what a state is known by: everything that what follows can depend on.

    Times are relative to now and end where they stop to matter, so that runs of any length have finitely many states.
    When an attempt started does not matter to the real rules; `precise` keeps it for those that look at it.
    """
    now, record = world.now, world.record
    intent = record.intent
    return (
        now >= DEADLINE,
        record.owner,
        max(record.lease_until - now, 0.0),
        record.ended,
        record.possible_duplicate,
        record.unwanted,
        (intent.number, intent.provider, intent.call_ref) if intent is not None else None,
        max(intent.started_at - now, -SETTLE) if precise and intent is not None else 0.0,
        tuple([_attempt_key(one, now, precise=precise) for one in record.attempts]),
        tuple([(one.number, one.report.state) for one in record.reports]),
        tuple([(one.provider, one.ref, one.call_ref, one.until and one.until - now, one.fate) for one in world.copies]),
        world.early,
        tuple([one and _process_key(one, now, precise=precise) for one in world.processes]),
        world.crashes,
        world.unwanted,
    )


def _attempt_key(attempt: Attempt, now: float, *, precise: bool) -> Hashable:
    outcome = attempt.outcome
    if not isinstance(outcome, Unknown):
        return attempt.provider, attempt.call_ref, outcome
    over = max(attempt.started_at + attempt.duration - now, -SETTLE)
    started = max(attempt.started_at - now, -SETTLE) if precise else 0.0
    return attempt.provider, attempt.call_ref, over, started


def _process_key(process: Process, now: float, *, precise: bool) -> Hashable:
    inquiry = process.inquiry
    return (
        process.pc,
        max(process.lease - now, 0.0),
        process.past,
        process.tried,
        process.only,
        process.refs,
        process.provider,
        process.number,
        process.call_ref,
        max(process.started_at - now, -SETTLE) if precise else 0.0,
        process.outcome,
        process.state,
        inquiry and (max(inquiry.counts_from - now, 0.0), inquiry.patience - inquiry.spent, inquiry.absences),
        max(process.due - now, 0.0),
        process.taken,
    )


ENVELOPE = Envelope(
    id="m",
    message=Sms("79161234567", "hello"),
    channel=Channel.SMS,
    to=Msisdn("79161234567"),
    network=Network(country="RU"),
    segments=None,
    accepted_at=0.0,
    deadline=DEADLINE,
)
