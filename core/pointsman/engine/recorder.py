"""Writing down what happens to messages, and telling when it moved one."""

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.events import Charged, MessageMoved, MessageTaken
from pointsman.message import Envelope, Money
from pointsman.outcome import Receipt, State
from pointsman.store import Record, Store, receipt
from pointsman.store.change import Change
from pointsman.store.telling import spent_by


class Recorder:
    """The store with the events that its changes cause. Every change goes through here."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock

    async def accept(self, envelope: Envelope) -> Record:
        """Record a new message; when this returns, it is ours."""
        (record,) = (await self._store.accept((envelope,))).records
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
        return record

    async def change(self, message_id: str, change: Change) -> tuple[Record, Record]:
        """Apply a change; return the record before and after."""
        before, after = await self._store.apply(message_id, change, self._clock.now())
        origin = after.envelope.origin
        if origin is not None and after is not before:
            self._charged(origin.client, before, after)
        if after.state is not before.state:
            self._moved(after, before.state)
        return before, after

    async def get(self, message_id: str) -> Record | None:
        """Return a record."""
        return await self._store.get(message_id)

    async def sms_of(self, record: Record) -> Record | None:
        """Return the record of the SMS that takes the place of a Viber message; None while there is none."""
        return await self._store.get(record.sms) if record.sms is not None else None

    async def receipt(self, record: Record) -> Receipt:
        """Return what the caller is told of a message and the SMS in its place."""
        return receipt(record, await self.sms_of(record))

    async def find(self, provider: str, provider_id: str) -> tuple[tuple[str, int], ...]:
        """Return messages and attempts to which a provider gave this id."""
        return await self._store.find(provider, provider_id)

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
