"""Messages waiting for one provider, and which of them travel together."""

import enum
from asyncio import Future
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import timedelta
from itertools import chain
from types import MappingProxyType

import msgspec

from pointsman.engine.calling import Calls
from pointsman.engine.turns import Turns
from pointsman.message import Channel, MessageClass, Money, channel_of
from pointsman.outcome import Outcome
from pointsman.plugin import Batch, ChannelLimits, Submission

URGENCY: Mapping[MessageClass, int] = MappingProxyType(
    {
        MessageClass.OTP: 0,
        MessageClass.TRANSACTIONAL: 1,
        MessageClass.MARKETING: 2,
    }
)
"""Lower goes first."""


class Withdrawn(enum.Enum):
    """The message was taken out of the queue before anything was sent; it is not an attempt."""

    BREAKER = enum.auto()
    """The provider went out of use while it waited: its breaker opened, it rests, or its plugin is quarantined."""
    DUE = enum.auto()
    """The provider was to keep it until later, but its time came while it waited."""
    LATE = enum.auto()
    """Its life ended while it waited."""
    CANCELLED = enum.auto()
    FOREIGN = enum.auto()
    """Somebody else who shares the store with us sends it."""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt went."""

    outcome: Outcome
    calls: int
    started_at: float
    """Wall time."""
    duration: float
    call_ref: str
    """The reference of the last request in which it travelled."""
    submission: Submission
    """As it was sent: a plugin may have had to change the reference."""
    echo: bool = False
    """Another message of the same request had the same outcome and counts for both."""
    shared: bool = False
    """It had no place of its own in the request: an equal message to the same number did."""


class Ticket(msgspec.Struct, kw_only=True, eq=False):
    """One message in the queue of one provider."""

    submission: Submission
    message_id: str
    provider: str
    account: str
    number: int
    decision_id: str
    urgency: int
    """Lower goes first."""
    parts: int
    price: Money | None
    """What it costs by the price list."""
    limits: ChannelLimits
    deadline: float
    """Wall time."""
    due: float = 0.0
    """Wall time from which its life counts."""
    still_wanted: Callable[[], Withdrawn | None]
    """Asked at the last moment."""
    passage: "Future[Passage | Withdrawn]"
    taken: bool = False


def dismissed(ticket: Ticket) -> bool:
    """Answer a ticket that is not to be sent any more, and say whether it was one."""
    if ticket.passage.done():
        return True
    withdrawn = ticket.still_wanted()
    if withdrawn is not None:
        ticket.passage.set_result(withdrawn)
    return withdrawn is not None


class Load(msgspec.Struct, frozen=True):
    """What travels in one request: one place per distinct message, with all the tickets that share the place."""

    places: tuple[tuple[Ticket, ...], ...]

    @property
    def channel(self) -> Channel:
        """The channel that all of them share."""
        return channel_of(self.places[0][0].submission.message)

    @property
    def items(self) -> tuple[Submission, ...]:
        """What the provider sees."""
        return tuple([place[0].submission for place in self.places])

    @property
    def parts(self) -> int:
        """Segments that the request causes."""
        return sum(place[0].parts for place in self.places)

    def aged(self, batch: Batch, now: float) -> Batch:
        """Return the batch of this load with the lives that are left by now: some of them waited."""
        if all(item.ttl is None for item in batch.items):
            return batch
        items = zip(self.places, batch.items, strict=True)
        return msgspec.structs.replace(batch, items=tuple([_aged(place[0], item, now) for place, item in items]))

    def tickets(self) -> Iterator[Ticket]:
        """All tickets, place by place."""
        for place in self.places:
            yield from place

    def sifted(self) -> "Load | None":
        """Answer those who are not to be sent any more; return the load of the others, or None if there are none."""
        kept = [tuple([ticket for ticket in place if not dismissed(ticket)]) for place in self.places]
        places = tuple([place for place in kept if place])
        return Load(places) if places else None


def _aged(ticket: Ticket, item: Submission, now: float) -> Submission:
    if item.ttl is None:
        return item
    return msgspec.structs.replace(item, ttl=timedelta(seconds=max(ticket.deadline - max(now, ticket.due), 0.0)))


class Queue:
    """Tickets in order of urgency and arrival, with those of one batch key findable together.

    The less urgent have some places too, so that they do not starve.
    """

    def __init__(self) -> None:
        self._lines: dict[int, deque[tuple[Hashable | None, Ticket]]] = {}
        """By urgency, in order of arrival; those that travelled with others stay here for a while."""
        self._by_key: dict[Hashable, deque[Ticket]] = {}
        self._waiting: Counter[int] = Counter()
        """Tickets that wait, by urgency."""
        self._parts: Counter[int] = Counter()
        """Segments of those that wait, by urgency."""
        self._turns = Turns()

    def __len__(self) -> int:
        return sum(self._waiting.values())

    def parts_before(self, urgency: int) -> int:
        """Return the segments that go before a newcomer of this urgency."""
        return sum(parts for one, parts in self._parts.items() if one <= urgency)

    def put(self, ticket: Ticket, key: Hashable | None) -> None:
        """Add a ticket; `key` None travels alone."""
        self._waiting[ticket.urgency] += 1
        self._parts[ticket.urgency] += ticket.parts
        self._lines.setdefault(ticket.urgency, deque()).append((key, ticket))
        if key is not None:
            self._by_key.setdefault(key, deque()).append(ticket)

    def take(self, most: int | None, parts: float) -> Load | None:
        """Remove and return the load of the next request; None when nobody waits.

        It has at most `most` places, and more than one only as long as they have `parts` segments at most. Tickets that
        are not wanted any more are answered on the way.
        """
        while waiting := [urgency for urgency, count in self._waiting.items() if count]:
            urgency = waiting[0] if len(waiting) == 1 else self._turns.next(waiting)
            found = self._first(self._lines[urgency])
            if found is None:
                continue
            key, ticket = found
            self._take(ticket)
            limit = ticket.limits.batch if most is None else min(most, ticket.limits.batch)
            if key is None:
                return Load(((ticket,),))
            return self._gather(ticket, key, limit, parts)
        for line in self._lines.values():
            self._first(line)
        return None

    def _first(self, line: deque[tuple[Hashable | None, Ticket]]) -> tuple[Hashable | None, Ticket] | None:
        """Remove and return the first of a line that still wants to go; nobody if all are gone."""
        while line:
            key, ticket = line.popleft()
            if not ticket.taken and not self._dismissed(ticket):
                return key, ticket
            self._tidy(key)
        return None

    def paused(self, until: float) -> None:
        """Answer those who would not outlive a pause, so that they can go elsewhere at once; wall time."""
        for _, ticket in chain.from_iterable(self._lines.values()):
            if not ticket.taken and not self._dismissed(ticket) and ticket.deadline <= until:
                self._take(ticket)
                ticket.passage.set_result(Withdrawn.BREAKER)

    def drain(self) -> Iterator[Ticket]:
        """Remove and return everybody."""
        for urgency in sorted(self._lines):
            line = self._lines[urgency]
            while line:
                _, ticket = line.popleft()
                if not ticket.taken:
                    self._take(ticket)
                    yield ticket
        self._by_key.clear()

    def _gather(self, first: Ticket, key: Hashable, limit: int, parts: float) -> Load:
        places: list[list[Ticket]] = [[first]]
        by_recipient = {first.submission.to: places[0]}
        room = parts - first.parts
        waiting = self._by_key[key]
        while waiting:
            ticket = waiting[0]
            if not ticket.taken and not self._dismissed(ticket):
                shared = by_recipient.get(ticket.submission.to) if ticket.limits.one_per_recipient else None
                if shared is None and (len(places) >= limit or room < ticket.parts):
                    break
                self._take(ticket)
                if shared is None:
                    room -= ticket.parts
                    shared = []
                    places.append(shared)
                    by_recipient.setdefault(ticket.submission.to, shared)
                shared.append(ticket)
            waiting.popleft()
        if not waiting:
            del self._by_key[key]
        return Load(tuple(tuple(place) for place in places))

    def _tidy(self, key: Hashable | None) -> None:
        """Forget those at the head of a key's line who are gone; most keys are used by one message and never again."""
        waiting = self._by_key.get(key)
        while waiting and waiting[0].taken:
            waiting.popleft()
        if waiting is not None and not waiting:
            del self._by_key[key]

    def _dismissed(self, ticket: Ticket) -> bool:
        """Take a ticket out that is not to be sent any more, and say whether it was one."""
        gone = dismissed(ticket)
        if gone:
            self._take(ticket)
        return gone

    def _take(self, ticket: Ticket) -> None:
        ticket.taken = True
        self._waiting[ticket.urgency] -= 1
        self._parts[ticket.urgency] -= ticket.parts


def withdraw(ticket: Ticket, why: Withdrawn) -> None:
    """Tell the one who waits for a ticket that nothing was sent; the first answer counts."""
    if not ticket.passage.done():
        ticket.passage.set_result(why)


def fail(ticket: Ticket, error: Exception) -> None:
    """Raise an error at the one who waits for a ticket, of which nothing has left; the first answer counts."""
    if not ticket.passage.done():
        ticket.passage.set_exception(error)


def answer(
    ticket: Ticket,
    outcome: Outcome,
    item: Submission,
    call_ref: str,
    calls: Calls,
    started_at: float,
    *,
    shared: bool,
    echo: bool = False,
) -> None:
    """Tell the one who waits for a ticket how it went; the first answer counts."""
    if not ticket.passage.done():
        passage = Passage(
            outcome=outcome,
            calls=calls.count,
            started_at=started_at,
            duration=calls.duration,
            call_ref=call_ref,
            submission=item,
            shared=shared,
            echo=echo,
        )
        ticket.passage.set_result(passage)
