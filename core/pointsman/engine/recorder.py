"""Writing down what happens to messages, and telling when it moved one."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.errors import StoreUnavailable
from pointsman.events import Charged, JournalCommitted, MessageMoved, MessageTaken
from pointsman.message import Envelope, Money
from pointsman.outcome import Receipt, State
from pointsman.store import Record, Store, receipt
from pointsman.store.change import Change, Own
from pointsman.store.interface import Claim, Taken, TellsCommits
from pointsman.store.telling import spent_by

_log = logging.getLogger("pointsman.recorder")

T = TypeVar("T")
FIRST_PAUSE = 0.5
"""Seconds until a write is tried again that the store could not do; then twice as long each time."""
LONGEST_PAUSE = 15.0


def pause_after(failures: int) -> float:
    """Return the seconds from one try of a write to the next after so many that failed, 1 at least."""
    return float(min(FIRST_PAUSE * 2.0 ** min(failures - 1, 30), LONGEST_PAUSE))


class Recorder:
    """The store with the events that its changes cause. Every change goes through here."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self.store = store
        self._bus = bus
        self._clock = clock
        self.durable = store.durable
        """Whether messages are still there when the process is not."""
        if isinstance(store, TellsCommits) and store.committed is None:
            store.committed = self._committed

    @property
    def owner(self) -> str:
        """The name of this process in the store."""
        return self.store.owner

    async def accept(self, envelope: Envelope) -> Record:
        """Record a new message; when this returns, it is ours."""
        return (await self.accept_all((envelope,))).records[0]

    async def accept_all(
        self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True
    ) -> Taken:
        """Record new messages, all or none; what is not `mine` is left in the store. Raises as the store does."""
        taken = await self.store.accept(envelopes, claim=claim, mine=mine)
        for record in () if taken.repeated else taken.records:
            envelope = record.envelope
            self._bus.emit(
                MessageTaken(
                    at=envelope.accepted_at,
                    message_id=envelope.id,
                    channel=envelope.channel,
                    message_class=envelope.message.message_class,
                    segments=envelope.parts,
                )
            )
            if record.state is not State.ACCEPTED:
                self._moved(record, State.ACCEPTED)
        return taken

    async def change(self, message_id: str, change: Change) -> tuple[Record, Record]:
        """Apply a change; return the record before and after."""
        before, after = await self.store.apply(message_id, change, self._clock.now())
        origin = after.envelope.origin
        if origin is not None and after is not before:
            self._charged(origin.client, before, after)
        if after.state is not before.state:
            self._moved(after, before.state)
        return before, after

    async def settle(self, message_id: str, change: Change) -> tuple[Record, Record]:
        """Apply a change that must not be lost: while the store cannot write, it is tried again and again."""
        return await self.insist(lambda: self.change(message_id, change))

    async def insist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write until the store can; what has happened cannot be taken back. Ends early only by being cancelled."""
        failures = 0
        while True:
            try:
                return await write()
            except StoreUnavailable as error:
                failures += 1
                if failures == 1:
                    _log.warning("%s; it is tried again until it is written down", error)
                await self._clock.sleep(pause_after(failures))

    async def own(self, record: Record) -> Record:
        """Make a message ours, so that we may attempt it; one of somebody who lives stays his."""
        if record.owner == self.owner:
            return record
        return (await self.settle(record.envelope.id, Own(self.owner, FOREVER)))[1]

    async def give_back(self, message_ids: Sequence[str]) -> None:
        """Leave messages in the store that wait for their first or next attempt."""
        if message_ids:
            await self.store.give_back(message_ids, self._clock.now())

    async def get(self, message_id: str) -> Record | None:
        """Return a record."""
        return await self.store.get(message_id)

    async def known(self, message_id: str) -> Record | None:
        """Return a record for a decision about its message, which waits for as long as the store cannot be read."""
        return await self.insist(lambda: self.get(message_id))

    async def sms_of(self, record: Record) -> Record | None:
        """Return the record of the SMS that takes the place of a Viber message; None while there is none."""
        return await self.store.get(record.sms) if record.sms is not None else None

    async def receipt(self, record: Record) -> Receipt:
        """Return what the caller is told of a message and the SMS in its place."""
        return receipt(record, await self.sms_of(record))

    async def find(self, provider: str, provider_id: str) -> tuple[tuple[str, int], ...]:
        """Return messages and attempts to which a provider gave this id."""
        return await self.store.find(provider, provider_id)

    async def expect(self, message_id: str, sms_id: str) -> None:
        """Remember that an SMS is about to step in: who dies before it is recorded finds it at the next start."""
        if self.durable:
            await self.store.keep(EXPECTED, message_id, sms_id.encode())

    async def expected(self) -> dict[str, str]:
        """Return the SMS that may not have been recorded, by the Viber message whose place they take."""
        return {name: value.decode() for name, value in (await self.store.kept(EXPECTED)).items()}

    async def arrived(self, message_id: str) -> None:
        """Forget that an SMS was about to step in: it is recorded, or it is not wanted."""
        if self.durable:
            await self.store.forget(EXPECTED, message_id)

    def _committed(self, duration: float, writes: int) -> None:
        self._bus.emit(JournalCommitted(at=self._clock.now(), duration=duration, writes=writes))

    def _charged(self, client: str, before: Record, after: Record) -> None:
        for (_, currency), amount in spent_by(before, after).items():
            price = Money(amount, currency)
            self._bus.emit(Charged(at=after.updated_at, message_id=after.envelope.id, client=client, price=price))

    def _moved(self, after: Record, before: State) -> None:
        envelope = after.envelope
        self._bus.emit(
            MessageMoved(
                at=after.updated_at,
                message_id=envelope.id,
                channel=envelope.channel,
                message_class=envelope.message.message_class,
                before=before,
                after=after.state,
            )
        )


FOREVER = float("inf")
EXPECTED = "fallback"
"""The kind under which a store remembers SMS that step in."""
