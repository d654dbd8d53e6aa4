"""The breakers of one provider on one channel: one for the whole channel, and one for each network that it serves.

Theory of operation. Every result counts twice, for its network and for the channel, and an attempt needs both to admit
it. A network that fails alone opens its own breaker; the channel's opens, by the same thresholds, for failures that no
single network explains. The network with the most failures explains them when of the other results no more than the
usual share failed or, where there are no others, when another network worked of late. A result of an unknown network
cannot be put down to one, so it always speaks of the channel. When the channel opens, the breakers of its networks are
forgotten: from then on its own answers for all of them, and when it closes again they all begin anew.

A trip by hand is the operator's word: nothing but its end or a reset lifts it, no late success and no force.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from math import inf
from random import Random

from pointsman.routing.breaker import Breaker, BreakerSettings, BreakerState, Lease, Move
from pointsman.routing.cells import Cell, CellLease, Result, Shut, Trip, culprit, others_fail

IN_USE = 600.0
"""Seconds for which a good result shows that a network works."""
IDLE = 3600.0
"""Seconds without a message after which a network's breaker is forgotten."""
MOST_NETWORKS = 256
"""Networks that have a breaker of their own; messages to more than that are judged by the channel's alone."""


class CellBreakers:
    """State: the channel's breaker with the results it counted, the networks' breakers, and the trips by hand.

    Times are monotonic seconds, networks are MCC and MNC as digits or None for an unknown one.
    """

    def __init__(self, settings: BreakerSettings, random: Random, most: int = MOST_NETWORKS) -> None:
        self._settings = settings
        self._random = random
        self._most = most
        self._whole = Breaker(settings, random, self._explained)
        self._evidence: deque[Result] = deque(maxlen=max(settings.window, settings.in_a_row))
        """What the channel's breaker counted in its present era, with the networks."""
        self._cells: OrderedDict[str, Cell] = OrderedDict()
        """The one that was used last comes last."""
        self._born = 0
        self._by_hand: dict[str | None, Trip] = {}

    def __repr__(self) -> str:
        return f"<CellBreakers {self._whole!r} {dict(self._cells)!r}>"

    @property
    def health(self) -> float:
        """The share of the channel's recent results that were good, with two good ones assumed."""
        return self._whole.health

    @property
    def last_move(self) -> Move | None:
        """The channel's last change of state, with its reason."""
        return self._whole.last_move

    def state(self, now: float, network: str | None = None) -> BreakerState:
        """Return the state of the channel's breaker, or of a network's."""
        breaker = self._breaker(network)
        return BreakerState.CLOSED if breaker is None else breaker.state(now)

    def admits(self, now: float, network: str | None = None) -> bool:
        """Say whether `acquire` would give a lease without force; changes nothing."""
        if not self._whole.admits(now):
            return False
        cell = self._cells.get(network) if self._cells and network is not None else None
        return cell is None or cell.breaker.admits(now)

    def is_held(self, now: float, network: str | None = None) -> bool:
        """Say whether a trip by hand keeps a message out, so that force does not help either."""
        return bool(self._by_hand) and (self._hand(None, now) or self._hand(network, now)) is not None

    def shut(self, now: float, network: str | None = None) -> Shut | None:
        """Return what keeps a message from being admitted; None when nothing does."""
        if self.admits(now, network):
            return None
        return self._shut(None if not self._whole.admits(now) else network, now)

    def shut_cells(self, now: float) -> tuple[Shut, ...]:
        """Return every breaker that is not closed, the channel's first."""
        keys = (None, *self._cells)
        return tuple(self._shut(key, now) for key in keys if self.state(now, key) is not BreakerState.CLOSED)

    def acquire(
        self, now: float, network: str | None = None, *, force: bool = False
    ) -> tuple[CellLease | None, tuple[Move, ...]]:
        """Take a lease of both breakers if it is to be had; the end of a rest shows as a move."""
        if not self.admits(now, network) and (not force or self.is_held(now, network)):
            return None, ()
        cell = self._cell(network, now)
        whole, moved = _taken(self._whole, now)
        if cell is None:
            return CellLease(whole, network, None, 0), () if moved is None else (moved,)
        lease, cell_moved = _taken(cell.breaker, now)
        cell.out += 1
        moves = tuple(move for move in (moved, cell_moved) if move is not None)
        return CellLease(whole, network, lease, cell.born), moves

    def holds(self, lease: CellLease) -> bool:
        """Say whether neither breaker moved since a lease was taken."""
        if not self._whole.holds(lease.whole):
            return False
        if lease.cell is None:
            return True
        cell = self._lender(lease)
        return cell is not None and cell.breaker.holds(lease.cell)

    def release(self, lease: CellLease) -> None:
        """Give a lease back without a verdict."""
        self._whole.release(lease.whole)
        cell = self._lender(lease)
        if cell is not None and lease.cell is not None:
            cell.out -= 1
            cell.breaker.release(lease.cell)

    def record(self, lease: CellLease, now: float, *, good: bool) -> tuple[Move, ...]:
        """Bring the result of an attempt; return the moves that it caused."""
        if self._whole.holds(lease.whole) and not lease.whole.probe and not lease.whole.forced:
            self._evidence.append((lease.network if lease.cell is not None else None, good))
        moves = self._brought(None, self._whole, lease.whole, now, good=good)
        moves += self._after(moves, now)
        cell = self._lender(lease)
        if cell is None or lease.cell is None:
            return moves
        cell.out -= 1
        if good:
            cell.worked_at = now
        return moves + self._brought(lease.network, cell.breaker, lease.cell, now, good=good)

    def trip(
        self, now: float, reason: str, seconds: float | None = None, *, network: str | None = None
    ) -> tuple[Move, ...]:
        """Open the channel or a network by hand, for so many seconds or until it is reset.

        One that is open by hand already rests until the later of the two ends. After it, probes decide as usual.
        """
        breaker = self._whole if network is None else self._opened(network, now).breaker
        move = breaker.trip(now, reason, inf if seconds is None else seconds)
        self._by_hand[network] = Trip(breaker.open_until, reason)
        moves = () if move is None else (move,)
        return moves + self._after(moves, now) if network is None else moves

    def reset(self, reason: str, *, network: str | None = None) -> tuple[Move, ...]:
        """Close a network by hand, or the channel with all its networks, and forget what went wrong."""
        if network is not None:
            self._by_hand.pop(network, None)
            cell = self._cells.pop(network, None)
            move = cell.breaker.reset(reason) if cell is not None else None
            return () if move is None else (move,)
        self._by_hand.clear()
        moves = (self._whole.reset(reason), *(cell.breaker.reset(reason) for cell in self._cells.values()))
        self._evidence.clear()
        self._cells.clear()
        return tuple(move for move in moves if move is not None)

    def _explained(self, results: int, now: float) -> bool:
        """Say whether one network explains the failures among the channel's last results."""
        evidence = tuple(self._evidence)[-results:]
        worst = culprit(evidence)
        if worst is None:
            return False
        beyond = others_fail(evidence, worst, self._settings.share)
        if beyond is not None:
            return not beyond
        return any(now - cell.worked_at < IN_USE for network, cell in self._cells.items() if network != worst)

    def _brought(self, key: str | None, breaker: Breaker, lease: Lease, now: float, *, good: bool) -> tuple[Move, ...]:
        """Bring a result to one breaker, except a success that came through by force before it was tripped by hand."""
        if lease.forced and self._hand(key, now) is not None:
            breaker.release(lease)
            return ()
        move = breaker.record(lease, now, good=good)
        return () if move is None else (move,)

    def _after(self, moves: tuple[Move, ...], now: float) -> tuple[Move, ...]:
        """Draw the consequences of a move of the channel; return those of its networks."""
        if moves:
            self._evidence.clear()
        if not any(move.after is BreakerState.OPEN for move in moves):
            return ()
        taken_over = [key for key in self._cells if self._hand(key, now) is None]
        closed = [self._cells.pop(key).breaker.reset("the whole channel opened") for key in taken_over]
        return tuple(move for move in closed if move is not None)

    def _cell(self, network: str | None, now: float) -> Cell | None:
        """Return a network's breaker, made on demand; None when there are too many already."""
        if network is None:
            return None
        if network not in self._cells:
            self._tidy(now)
            if len(self._cells) >= self._most:
                return None
        return self._opened(network, now)

    def _opened(self, network: str, now: float) -> Cell:
        cell = self._cells.get(network)
        if cell is None:
            self._born += 1
            cell = Cell(Breaker(self._settings, self._random, network=network), self._born, now)
            self._cells[network] = cell
        self._cells.move_to_end(network)
        cell.used_at = now
        return cell

    def _tidy(self, now: float) -> None:
        """Make room: forget what is idle, and when all places are taken the one that was closed for longest."""
        for network in [*self._forgettable(now)]:
            idle = now - self._cells[network].used_at >= IDLE
            closed = self.state(now, network) is BreakerState.CLOSED
            if idle or (closed and len(self._cells) >= self._most):
                del self._cells[network]

    def _forgettable(self, now: float) -> Iterator[str]:
        for network, cell in self._cells.items():
            if not cell.out and self._hand(network, now) is None:
                yield network

    def _lender(self, lease: CellLease) -> Cell | None:
        """Return the network's breaker that gave a lease; None when it was forgotten since."""
        cell = self._cells.get(lease.network) if lease.network is not None else None
        return cell if cell is not None and cell.born == lease.born else None

    def _breaker(self, network: str | None) -> Breaker | None:
        if network is None:
            return self._whole
        cell = self._cells.get(network)
        return None if cell is None else cell.breaker

    def _hand(self, key: str | None, now: float) -> Trip | None:
        """Return the trip by hand that is in force for a breaker."""
        trip = self._by_hand.get(key)
        return trip if trip is not None and now < trip.until else None

    def _shut(self, key: str | None, now: float) -> Shut:
        breaker = self._breaker(key) or self._whole
        state = breaker.state(now)
        cause = self._hand(key, now) or breaker.last_move
        rests = state is BreakerState.OPEN and breaker.open_until < inf
        return Shut(
            network=key,
            state=state,
            reason=cause.reason if cause is not None else "",
            until=breaker.open_until if rests else None,
        )


def _taken(breaker: Breaker, now: float) -> tuple[Lease, Move | None]:
    lease, move = breaker.acquire(now, force=True)
    if lease is None:
        raise AssertionError("by force a lease is always to be had")
    return lease, move
