"""The store of an embedded router without durability: everything lives in this process and dies with it."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from pointsman.errors import KeyReused
from pointsman.message import Envelope, MessageClass
from pointsman.outcome import Accepted, Report
from pointsman.store.change import Change, Erase, Resolve, Settle
from pointsman.store.erasing import is_to_be_silenced
from pointsman.store.interface import Claim, Erased, Retention, Taken
from pointsman.store.mailroom import MemoryFigures, MemoryMail
from pointsman.store.pool import Pool
from pointsman.store.record import Record, advance, begin, is_final
from pointsman.store.stage import Stage, stage_of
from pointsman.store.telling import news_of, spent_by

EARLY_KEPT = 10_000
"""Ids and references unknown to us whose reports are kept: a callback may be quicker than our own bookkeeping."""
EARLY_EACH = 20
"""Reports kept for each of them."""
KEYS_KEPT = 100_000
"""Idempotency keys that are remembered."""


class MemoryStore(MemoryMail, MemoryFigures):
    """Records in a dictionary. Of finished messages the latest `keep` are remembered, so that memory is bounded.

    A Viber message and the SMS in its place count as one, and are forgotten together once both are finished. The
    message that finished last is always remembered: what follows from its last report may still be applied to it.
    """

    owner = ""
    durable = False

    def __init__(self, *, keep: int = 100_000) -> None:
        super().__init__()
        self._records: dict[str, Record] = {}
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._by_provider_id: dict[tuple[str, str], tuple[tuple[str, int], ...]] = {}
        self._by_reference: dict[tuple[str, str], tuple[str, ...]] = {}
        self._claims: OrderedDict[tuple[str, str], tuple[bytes, tuple[str, ...], float]] = OrderedDict()
        self._early: OrderedDict[tuple[str, str], list[tuple[Report, float]]] = OrderedDict()
        self._pool = Pool()
        self._keep = max(keep, 1)

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self._records)} messages, {len(self._finished)} finished>"

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def accept(self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True) -> Taken:
        """Record new messages, all or none. Raises `KeyReused`, `ValueError` for an id that is taken."""
        if claim is not None and (known := await self.claimed(claim)) is not None:
            return known
        for envelope in envelopes:
            if envelope.id in self._records:
                raise ValueError(f"message {envelope.id} was taken before")
        records = tuple([self._enter(envelope) for envelope in envelopes])
        if not mine:
            for record in records:
                self._pool.put(record)
        if claim is not None:
            at = max((one.accepted_at for one in envelopes), default=0.0)
            self._claims[claim.client, claim.key] = claim.digest, tuple(one.id for one in envelopes), at
            while len(self._claims) > KEYS_KEPT:
                self._claims.popitem(last=False)
        return Taken(records)

    async def claimed(self, claim: Claim) -> Taken | None:
        """Return what was taken under a claim. Raises `KeyReused`."""
        known = self._claims.get((claim.client, claim.key))
        if known is None:
            return None
        digest, ids, _ = known
        if digest != claim.digest:
            raise KeyReused(claim.key)
        return Taken(tuple([self._records[one] for one in ids if one in self._records]), repeated=True)

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Apply a change at once."""
        before = self._records[message_id]
        after = advance(before, change, now)
        if after is before:
            return before, after
        self._records[message_id] = after
        if message_id in self._pool:
            self._pool.put(after)
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
        waiting = self._early.setdefault((provider, key), [])
        if len(waiting) < EARLY_EACH:
            waiting.append((report, now))
        while len(self._early) > EARLY_KEPT:
            self._early.popitem(last=False)

    async def early(self, provider: str, key: str) -> tuple[Report, ...]:
        """Return the reports that were kept under a key."""
        return tuple(report for report, _ in self._early.get((provider, key), ()))

    async def take_early(self, provider: str, key: str) -> tuple[Report, ...]:
        """Return the reports that were kept under a key and forget them."""
        return tuple(report for report, _ in self._early.pop((provider, key), ()))

    async def take(self, lane: MessageClass, now: float, limit: int) -> tuple[Record, ...]:
        """Return messages of a class that wait, the longest due first; they are the caller's from now on."""
        return tuple([self._records[one] for one in self._pool.take(lane, now, limit)])

    async def next_due(self, now: float) -> float | None:
        """Return when the next message that nobody has is due."""
        del now
        return self._pool.next_due()

    async def give_back(self, message_ids: Sequence[str], now: float) -> None:
        """Leave messages to whoever takes them."""
        del now
        for message_id in message_ids:
            record = self._records.get(message_id)
            if record is not None:
                self._pool.put(record)

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
        return self._pool.counts()

    async def erase(self, retention: Retention, now: float, limit: int) -> Erased:
        """Forget what is older than it is to be kept."""
        return Erased(
            messages=self._erase_messages(now - retention.messages, limit),
            texts=self._erase_texts(retention, now, limit),
            others=self._erase_others(retention, now, limit),
        )

    def _erase_messages(self, before: float, limit: int) -> int:
        old = [one for one in self._finished if max(self._changed(one)) <= before][:limit]
        for message_id in old:
            del self._finished[message_id]
            self._forget(message_id)
        return len(old)

    def _changed(self, message_id: str) -> list[float]:
        """Return when a message and the SMS in its place changed last."""
        record = self._records[message_id]
        sms = self._records.get(record.sms) if record.sms is not None else None
        return [one.updated_at for one in (record, sms) if one is not None]

    def _erase_texts(self, retention: Retention, now: float, limit: int) -> int:
        loud = [one for one in self._records.values() if is_final(one) and not one.erased]
        old = [one for one in loud if is_to_be_silenced(one, self._is_paired(one), retention.texts, now)][:limit]
        for record in old:
            self._records[record.envelope.id] = advance(record, Erase(), record.updated_at)
        return len(old)

    def _is_paired(self, record: Record) -> bool:
        """Say whether the other one of a Viber message and the SMS in its place is not over."""
        other = record.sms or record.envelope.parent
        if other is None:
            return False
        partner = self._records.get(other)
        return partner is None or stage_of(partner) is not Stage.OVER

    def _erase_others(self, retention: Retention, now: float, limit: int) -> int:
        keys = [key for key, (_, _, at) in self._claims.items() if at < now - retention.keys][:limit]
        for key in keys:
            del self._claims[key]
        early = [key for key, kept in self._early.items() if kept[-1][1] < now - retention.early][:limit]
        for key in early:
            del self._early[key]
        return len(keys) + len(early) + self.forget_news(now - retention.news, limit)

    def _enter(self, envelope: Envelope) -> Record:
        record = self._records[envelope.id] = begin(envelope)
        origin, reference = envelope.origin, envelope.message.reference
        if origin is not None:
            self.count_taken(origin.client, envelope.accepted_at)
            if reference is not None:
                key = origin.client, reference
                self._by_reference[key] = (*self._by_reference.get(key, ()), envelope.id)
        return record

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
        record = self._records.pop(message_id, None)
        if record is None:
            return
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
