"""What waits in the memory store for somebody to take it, the longest due first."""

import heapq
from collections.abc import Mapping, Sequence

from pointsman.message import MessageClass
from pointsman.store.record import Record
from pointsman.store.stage import Stage, run_at, stage_of


class Pool:
    """Messages that nobody has. What leaves it stays in the heap until it comes to the top."""

    def __init__(self) -> None:
        self._free: dict[MessageClass, dict[str, float]] = {lane: {} for lane in MessageClass}
        self._order: dict[MessageClass, list[tuple[float, str]]] = {lane: [] for lane in MessageClass}

    def __contains__(self, message_id: str) -> bool:
        return any(message_id in free for free in self._free.values())

    def put(self, record: Record) -> None:
        """Put a message in, or in its place anew after a change; one that does not wait is taken out."""
        lane, message_id = record.envelope.message.message_class, record.envelope.id
        if stage_of(record) is not Stage.WAITING:
            self._free[lane].pop(message_id, None)
            return
        at = run_at(record)
        if self._free[lane].get(message_id) != at:
            self._free[lane][message_id] = at
            heapq.heappush(self._order[lane], (at, message_id))

    def take(self, lane: MessageClass, now: float, limit: int) -> Sequence[str]:
        """Take out messages that are due."""
        free = self._free[lane]
        taken: list[str] = []
        while len(taken) < limit and (first := self._first(lane)) is not None and first[0] <= now:
            del free[first[1]]
            taken.append(first[1])
        return taken

    def next_due(self) -> float | None:
        """Return when the first of all is due."""
        firsts = (self._first(lane) for lane in MessageClass)
        return min((first[0] for first in firsts if first is not None), default=None)

    def counts(self) -> Mapping[MessageClass, int]:
        """Return how many there are of each class."""
        return {lane: len(free) for lane, free in self._free.items()}

    def _first(self, lane: MessageClass) -> tuple[float, str] | None:
        order, free = self._order[lane], self._free[lane]
        while order and free.get(order[0][1]) != order[0][0]:
            heapq.heappop(order)
        return order[0] if order else None
