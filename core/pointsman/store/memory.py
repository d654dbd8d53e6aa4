"""The store of an embedded router without durability: everything lives in this process and dies with it."""

from collections import OrderedDict
from collections.abc import AsyncIterator

from pointsman.message import Envelope
from pointsman.outcome import Accepted
from pointsman.store.record import Change, Record, Resolve, Settle, advance, begin, is_final


class MemoryStore:
    """Records in a dictionary. Of finished messages the latest `keep` are remembered, so that memory is bounded.

    A Viber message and the SMS in its place count as one, and are forgotten together once both are finished.
    """

    def __init__(self, *, keep: int = 100_000) -> None:
        self._records: dict[str, Record] = {}
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._by_provider_id: dict[tuple[str, str], tuple[tuple[str, int], ...]] = {}
        self._keep = keep

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self._records)} messages, {len(self._finished)} finished>"

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def accept(self, envelope: Envelope) -> Record:
        """Record a new message."""
        record = self._records[envelope.id] = begin(envelope)
        return record

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Apply a change at once."""
        before = self._records[message_id]
        after = advance(before, change, now)
        self._records[message_id] = after
        if isinstance(change, Settle | Resolve):
            self._index(after, change.attempt.number if isinstance(change, Settle) else change.number)
        self._keep_or_finish(after)
        return before, after

    async def get(self, message_id: str) -> Record | None:
        """Return the record of a message."""
        return self._records.get(message_id)

    async def find(self, provider: str, provider_id: str) -> tuple[tuple[str, int], ...]:
        """Return messages and attempts to which a provider gave this id."""
        return self._by_provider_id.get((provider, provider_id), ())

    async def unfinished(self) -> AsyncIterator[Record]:
        """Walk through all messages for which something is still to be done."""
        for record in list(self._records.values()):
            if not is_final(record):
                yield record

    def _index(self, record: Record, number: int) -> None:
        attempt = record.attempts[number - 1]
        if isinstance(attempt.outcome, Accepted):
            for provider_id in attempt.outcome.ids:
                key = (attempt.provider, provider_id)
                place = (record.envelope.id, number)
                known = self._by_provider_id.get(key, ())
                if place not in known:
                    self._by_provider_id[key] = (*known, place)

    def _keep_or_finish(self, changed: Record) -> None:
        """Put a message among the finished if it is; a Viber message and the SMS in its place finish together."""
        parent = changed.envelope.parent
        record = self._records.get(parent, changed) if parent is not None else changed
        message_id = record.envelope.id
        sms = self._records.get(record.sms) if record.sms is not None else None
        if is_final(record) and (record.sms is None or (sms is not None and is_final(sms))):
            self._finished[message_id] = None
            self._finished.move_to_end(message_id)
            while len(self._finished) > self._keep:
                self._forget(self._finished.popitem(last=False)[0])
        else:
            self._finished.pop(message_id, None)

    def _forget(self, message_id: str) -> None:
        record = self._records.pop(message_id)
        if record.sms is not None:
            self._forget(record.sms)
        for attempt in record.attempts:
            if isinstance(attempt.outcome, Accepted):
                for provider_id in attempt.outcome.ids:
                    key = (attempt.provider, provider_id)
                    left = tuple(place for place in self._by_provider_id.get(key, ()) if place[0] != message_id)
                    if left:
                        self._by_provider_id[key] = left
                    else:
                        self._by_provider_id.pop(key, None)
