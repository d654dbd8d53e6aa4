"""A breaker for hard failures of one cell.

Theory of operation. A closed breaker counts what its attempts came to; enough failures in a row, or too large a share
of the recent ones, open it. An open one admits nobody until its rest is over; then it is probing and admits a bounded
number of attempts. A probe that succeeds closes it, one that fails opens it again for twice as long. Each period
between two moves is an *era*: a result that belongs to an earlier era says nothing about this one and is dropped.

Admission and result are apart: `acquire` gives a lease before the request, `record` brings the result, `release` gives
the lease back when there was no verdict (the attempt was cancelled, or ended for reasons that are not the provider's).
Only `MOVES` says which state follows which. All times are monotonic seconds.
"""

import enum
from collections import deque
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

import msgspec

MAX_DOUBLINGS = 63
"""No rest is doubled more often: a provider may be down for longer than a float can count."""


class BreakerState(enum.StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


class Signal(enum.Enum):
    """What moves a breaker."""

    TRIPPED = enum.auto()
    RESTED = enum.auto()
    SUCCEEDED = enum.auto()
    FAILED = enum.auto()
    RESET = enum.auto()


MOVES: Mapping[tuple[BreakerState, Signal], BreakerState] = MappingProxyType(
    {
        (BreakerState.CLOSED, Signal.TRIPPED): BreakerState.OPEN,
        (BreakerState.OPEN, Signal.RESTED): BreakerState.PROBING,
        (BreakerState.OPEN, Signal.SUCCEEDED): BreakerState.CLOSED,
        (BreakerState.OPEN, Signal.RESET): BreakerState.CLOSED,
        (BreakerState.PROBING, Signal.SUCCEEDED): BreakerState.CLOSED,
        (BreakerState.PROBING, Signal.FAILED): BreakerState.OPEN,
        (BreakerState.PROBING, Signal.TRIPPED): BreakerState.OPEN,
        (BreakerState.PROBING, Signal.RESET): BreakerState.CLOSED,
    }
)


class BreakerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When a breaker opens and for how long. Times in seconds."""

    in_a_row: int = 5
    window: int = 20
    """How many recent results the share of failures is taken of; it needs them all."""
    share: float = 0.5
    """Opens when more than this share of the window failed."""
    rest: float = 30.0
    longest_rest: float = 600.0
    probes: int = 1
    jitter: float = 0.1
    """A rest is longer by up to this share, so that several processes do not probe together."""


class Lease(msgspec.Struct, frozen=True, gc=False):
    """Permission for one attempt."""

    era: int
    probe: bool
    forced: bool = False
    """Admitted although the breaker was open, because every provider was down."""


class Move(msgspec.Struct, frozen=True, gc=False):
    """A change of state and its reason."""

    before: BreakerState
    after: BreakerState
    reason: str
    network: str | None = None
    """The network whose breaker moved, by MCC and MNC; None for that of a whole channel."""


def _never(results: int, now: float) -> bool:
    del results, now
    return False


class Breaker:
    """The state of one cell: the era, its counters, the probes that are out and when the rest ends."""

    def __init__(
        self,
        settings: BreakerSettings,
        random: Random,
        explained: Callable[[int, float], bool] = _never,
        network: str | None = None,
    ) -> None:
        """`explained` is asked, with their number and now, before it opens for failures among its last results.

        If something narrower explains them, they count but do not open it. `network` is told with its moves.
        """
        self._settings = settings
        self._random = random
        self._explained = explained
        self._network = network
        self._state = BreakerState.CLOSED
        self._era = 0
        self._failures_in_a_row = 0
        self._recent: deque[bool] = deque(maxlen=settings.window)
        self._probes_out = 0
        self._rests = 0
        self._open_until = 0.0
        self.health = 1.0
        """The share of recent results that were good, with two good ones assumed. Read it only."""
        self.last_move: Move | None = None
        """The last change of state with its reason. Read it only."""

    def __repr__(self) -> str:
        return f"<Breaker {self._state} era={self._era} failures={self._failures_in_a_row} probes={self._probes_out}>"

    def state(self, now: float) -> BreakerState:
        """Return the state as it is now, the end of a rest included."""
        if self._state is BreakerState.OPEN and now >= self._open_until:
            return BreakerState.PROBING
        return self._state

    def admits(self, now: float) -> bool:
        """Say whether `acquire` would give a lease; changes nothing."""
        if self._state is BreakerState.CLOSED:
            return True
        return self.state(now) is BreakerState.PROBING and self._probes_out < self._settings.probes

    @property
    def open_until(self) -> float:
        """When the present rest ends, in monotonic seconds; meaningful while open."""
        return self._open_until

    def acquire(self, now: float, *, force: bool = False) -> tuple[Lease | None, Move | None]:
        """Take a lease if one is to be had; the end of a rest shows as a move."""
        move = None
        if self._state is BreakerState.OPEN and now >= self._open_until:
            move = self._move(Signal.RESTED, "rest is over")
        if self._state is BreakerState.CLOSED:
            return Lease(self._era, probe=False), move
        if self._state is BreakerState.PROBING and self._probes_out < self._settings.probes:
            self._probes_out += 1
            return Lease(self._era, probe=True), move
        return (Lease(self._era, probe=False, forced=True) if force else None), move

    def holds(self, lease: Lease) -> bool:
        """Say whether a lease is of the present era: nothing moved since it was taken."""
        return lease.era == self._era

    def release(self, lease: Lease) -> None:
        """Give a lease back without a verdict."""
        if lease.probe and lease.era == self._era:
            self._probes_out -= 1

    def record(self, lease: Lease, now: float, *, good: bool) -> Move | None:
        """Bring the result of an attempt; return the move that it caused, if any."""
        if lease.era != self._era:
            return None
        if lease.probe:
            self._probes_out -= 1
            return self._probed(now, good=good)
        if lease.forced:
            return self._succeeded("it works again") if good else None
        return self._counted(now, good=good)

    def trip(self, now: float, reason: str, rest: float | None = None) -> Move | None:
        """Open by hand or by outside evidence; an open one rests at least that long from now on."""
        if self._state is BreakerState.OPEN:
            self._open_until = max(self._open_until, now + (self._settings.rest if rest is None else rest))
            return None
        return self._open(Signal.TRIPPED, now, reason, rest)

    def reset(self, reason: str) -> Move | None:
        """Close by hand and forget what went wrong."""
        self._rests = 0
        if self._state is BreakerState.CLOSED:
            self._forget()
            return None
        return self._move(Signal.RESET, reason)

    def _counted(self, now: float, *, good: bool) -> Move | None:
        self._recent.append(good)
        self.health = (sum(self._recent) + 2) / (len(self._recent) + 2)
        if good:
            self._failures_in_a_row = 0
            return None
        self._failures_in_a_row += 1
        row, results = self._failures_in_a_row, len(self._recent)
        if row >= self._settings.in_a_row and not self._explained(row, now):
            return self._open(Signal.TRIPPED, now, f"{row} failures in a row")
        failed = results - sum(self._recent)
        too_many = results == self._settings.window and failed > self._settings.share * results
        if too_many and not self._explained(results, now):
            return self._open(Signal.TRIPPED, now, f"{failed} of the last {results} failed")
        return None

    def _probed(self, now: float, *, good: bool) -> Move:
        if good:
            return self._succeeded("probe succeeded")
        return self._open(Signal.FAILED, now, "probe failed")

    def _succeeded(self, reason: str) -> Move:
        self._rests = 0
        return self._move(Signal.SUCCEEDED, reason)

    def _open(self, signal: Signal, now: float, reason: str, rest: float | None = None) -> Move:
        if rest is None:
            rest = min(self._settings.rest * 2.0**self._rests, self._settings.longest_rest)
            rest *= 1 + self._settings.jitter * self._random.random()
            self._rests = min(self._rests + 1, MAX_DOUBLINGS)
        self._open_until = now + rest
        return self._move(signal, reason)

    def _move(self, signal: Signal, reason: str) -> Move:
        before = self._state
        self._state = MOVES[before, signal]
        self._era += 1
        self._probes_out = 0
        self._forget()
        self.last_move = Move(before, self._state, reason, self._network)
        return self.last_move

    def _forget(self) -> None:
        self._failures_in_a_row = 0
        self._recent.clear()
        self.health = 1.0
