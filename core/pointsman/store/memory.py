"""The store of an embedded router without durability: everything lives in this process and dies with it."""

import heapq
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from pointsman.errors import KeyReused
from pointsman.message import Envelope, MessageClass
from pointsman.outcome import Accepted, Report
from pointsman.store.change import Change, Erase, Resolve, Settle
from pointsman.store.interface import Claim, Erased, Retention, Taken
from pointsman.store.mailroom import MemoryFigures, MemoryMail
from pointsman.store.record import Record, advance, begin, is_final
from pointsman.store.stage import Stage, run_at, stage_of
from pointsman.store.telling import news_of, spent_by

EARLY_KEPT = 10_000
"""Ids and references unknown to us whose reports are kept: a callback may be quicker than our own bookkeeping."""
EARLY_EACH = 20
"""Reports kept for each of them."""
KEYS_KEPT = 100_000
"""Idempotency keys that are remembered."""


class MemoryStore(MemoryMail, MemoryFigures):
    """Records in a dictionary. Of finished messages the latest `keep` are remembered, so that memory is bounded.

    A Viber message and the SMS in its place count as one, and are forgotten together once both are finished.
    """

    owner = ""
    durable = False

    def __init__(self, *, keep: int = 100_000) -> None:
        super().__init__()
        self._records: dict[str, Record] = {}
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._by_provider_id: dict[tuple[str, str], tuple[tuple[str, int], ...]] = {}
        self._by_reference: dict[tuple[str, str], tuple[str, ...]] = {}
        self._claims: OrderedDict[tuple[str, str], tuple[bytes, tuple[str, ...]]] = OrderedDict()
        self._early: OrderedDict[tuple[str, str], list[Report]] = OrderedDict()
        self._free: dict[MessageClass, list[tuple[float, str]]] = {lane: [] for lane in MessageClass}
        self._keep = keep

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self._records)} messages, {len(self._finished)} finished>"

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def accept(self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True) -> Taken:
        """Record new messages. Raises `KeyReused`."""
        if claim is not None and (known := self._claims.get((claim.client, claim.key))) is not None:
            digest, ids = known
            if digest != claim.digest:
                raise KeyReused(claim.key)
            return Taken(tuple(self._records[one] for one in ids if one in self._records), repeated=True)
        records = tuple([self._enter(envelope) for envelope in envelopes])
        if not mine:
            for record in records:
                self._leave(record)
        if claim is not None:
            self._claims[claim.client, claim.key] = claim.digest, tuple(one.id for one in envelopes)
            while len(self._claims) > KEYS_KEPT:
                self._claims.popitem(last=False)
        return Taken(records)

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Apply a change at once."""
        before = self._records[message_id]
        after = advance(before, change, now)
        if after is before:
            return before, after
        self._records[message_id] = after
        if isinstance(change, Settle | Resolve):
            self._index(after, change.attempt.number if isinstance(change, Settle) else change.number)
        self._consequences(before, after)
        self._keep_or_finish(after)
        return before, after

    async def get(self, message_id: str) -> Record | None:
        """Return the record of a message."""
        return self._records.get(message_id)

    async def find(self, provider: str, provider_id: str) -> tuple[tuple[str, int], ...]:
        """Return messages and attempts to which a provider gave this id."""
        return self._by_provider_id.get((provider, provider_id), ())

    async def referred(self, client: str, reference: str, limit: int) -> tuple[Record, ...]:
        """Return a client's messages with this reference, the latest first."""
        ids = self._by_reference.get((client, reference), ())
        return tuple([self._records[one] for one in reversed(ids)][:limit])

    async def keep_early(self, provider: str, key: str, report: Report, now: float) -> None:
        """Keep a report of which the message is not known yet."""
        del now
        waiting = self._early.setdefault((provider, key), [])
        if len(waiting) < EARLY_EACH:
            waiting.append(report)
        while len(self._early) > EARLY_KEPT:
            self._early.popitem(last=False)

    async def early(self, provider: str, key: str) -> tuple[Report, ...]:
        """Return the reports that were kept under a key."""
        return tuple(self._early.get((provider, key), ()))

    async def take_early(self, provider: str, key: str) -> tuple[Report, ...]:
        """Return the reports that were kept under a key and forget them."""
        return tuple(self._early.pop((provider, key), ()))

    async def take(self, lane: MessageClass, now: float, limit: int) -> tuple[Record, ...]:
        """Return messages of a class that wait, the longest due first; they are the caller's from now on."""
        free = self._free[lane]
        taken: list[Record] = []
        while free and free[0][0] <= now and len(taken) < limit:
            record = self._records.get(heapq.heappop(free)[1])
            if record is not None and stage_of(record) is Stage.WAITING:
                taken.append(record)
        return tuple(taken)

    async def next_due(self, now: float) -> float | None:
        """Return when the next message that nobody has is due."""
        del now
        firsts = [free[0][0] for free in self._free.values() if free]
        return min(firsts, default=None)

    async def give_back(self, message_ids: Sequence[str], now: float) -> None:
        """Leave messages to whoever takes them."""
        del now
        for message_id in message_ids:
            record = self._records.get(message_id)
            if record is not None and stage_of(record) is Stage.WAITING:
                self._leave(record)

    async def recover(self, now: float, limit: int) -> tuple[Record, ...]:
        """Nothing to recover: who started an attempt is gone only together with this store."""
        del now, limit
        return ()

    async def followed(self, after: str, limit: int) -> tuple[Record, ...]:
        """Return messages whose reports are waited for, in the order of their ids."""
        ids = sorted(one for one in self._records if one > after)
        found = (self._records[one] for one in ids)
        return tuple([record for record in found if stage_of(record) is Stage.FOLLOWED][:limit])

    async def waiting(self) -> Mapping[MessageClass, int]:
        """Return how many messages of each class nobody has taken yet."""
        return {lane: len(free) for lane, free in self._free.items()}

    async def erase(self, retention: Retention, now: float, limit: int) -> Erased:
        """Forget what is older than it is to be kept."""
        texts = messages = 0
        for message_id in list(self._finished)[:limit]:
            record = self._records[message_id]
            age = now - record.updated_at
            if age >= retention.messages:
                del self._finished[message_id]
                self._forget(message_id)
                messages += 1
            elif not record.erased and (age >= retention.texts or _is_code(record)):
                self._records[message_id] = advance(record, Erase(), record.updated_at)
                texts += 1
        return Erased(texts=texts, messages=messages, others=self.forget_news(now - retention.news))

    def _enter(self, envelope: Envelope) -> Record:
        record = self._records[envelope.id] = begin(envelope)
        origin, reference = envelope.origin, envelope.message.reference
        if origin is not None:
            self.count_taken(origin.client, envelope.accepted_at)
            if reference is not None:
                key = origin.client, reference
                self._by_reference[key] = (*self._by_reference.get(key, ()), envelope.id)
        return record

    def _leave(self, record: Record) -> None:
        heapq.heappush(self._free[record.envelope.message.message_class], (run_at(record), record.envelope.id))

    def _consequences(self, before: Record, after: Record) -> None:
        if (body := news_of(before, after)) is not None:
            self.tell(after, body)
        if spent := spent_by(before, after):
            self.book(after, spent)

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
        self._forget_reference(record)
        for attempt in record.attempts:
            if isinstance(attempt.outcome, Accepted):
                for provider_id in attempt.outcome.ids:
                    key = (attempt.provider, provider_id)
                    left = tuple(place for place in self._by_provider_id.get(key, ()) if place[0] != message_id)
                    if left:
                        self._by_provider_id[key] = left
                    else:
                        self._by_provider_id.pop(key, None)

    def _forget_reference(self, record: Record) -> None:
        origin, reference = record.envelope.origin, record.envelope.message.reference
        if origin is None or reference is None:
            return
        key = origin.client, reference
        left = tuple(one for one in self._by_reference.get(key, ()) if one != record.envelope.id)
        if left:
            self._by_reference[key] = left
        else:
            self._by_reference.pop(key, None)


def _is_code(record: Record) -> bool:
    return record.envelope.message.message_class is MessageClass.OTP
