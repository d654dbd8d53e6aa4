"""A store that outlives its router without any file, and that fails or dies when it is told to: for tests."""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from typing import Self, TypeVar

import msgspec

from pointsman.errors import StoreUnavailable
from pointsman.message import Envelope, MessageClass
from pointsman.outcome import Report
from pointsman.store.change import Change, Own, Recover
from pointsman.store.interface import Claim, Taken
from pointsman.store.memory import MemoryStore
from pointsman.store.pool import Pool
from pointsman.store.record import Record, advance
from pointsman.store.stage import Stage, stage_of

T = TypeVar("T")
_FOREVER = float("inf")


class KeptStore(MemoryStore):
    """A process's hold of a store that is durable as far as a test can tell.

    `crash` ends the process: whatever it still writes or asks never returns. `after_crash` is the hold of the next one.
    """

    durable = True

    def __init__(self) -> None:
        super().__init__(keep=10_000_000)
        self.owner = "process-1"
        self.writes = 0
        """Writes that this process began."""
        self.dies_before: int | None = None
        """The number of the write before which the process dies; counted from 1."""
        self.dies_after: int | None = None
        """The number of the write that is durable, but of which the process never hears."""
        self.full = False
        """Nothing can be written at present."""
        self.dead = asyncio.Event()

    def __repr__(self) -> str:
        return f"<KeptStore {self.owner} {len(self._records)} messages{', dead' if self.dead.is_set() else ''}>"

    @property
    def records(self) -> tuple[Record, ...]:
        """Everything that is kept."""
        return tuple(self._records.values())

    def crash(self) -> None:
        """Let nothing happen any more."""
        self.dead.set()

    def after_crash(self) -> Self:
        """Return the hold of the next process: nobody has in hand what the last one had."""
        following = copy.copy(self)
        following.owner = f"process-{int(self.owner.rpartition('-')[2]) + 1}"
        following.dead = asyncio.Event()
        following.writes = 0
        following.dies_before = following.dies_after = None
        following.full = False
        following.let_go()
        return following

    def let_go(self) -> None:
        """Take everything out of the hands of whoever had it."""
        self._pool = Pool()
        for record in self.records:
            self._pool.put(self._owned(record, "", 0.0))

    async def accept(self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True) -> Taken:
        """Record new messages."""

        async def write() -> Taken:
            taken = await MemoryStore.accept(self, envelopes, claim=claim, mine=mine)
            if taken.repeated:
                return taken
            owner, until = (self.owner, _FOREVER) if mine else ("", 0.0)
            return Taken(tuple([self._owned(record, owner, until) for record in taken.records]))

        return await self._write(write)

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Apply a change."""
        return await self._write(lambda: MemoryStore.apply(self, message_id, change, now))

    async def keep_early(self, provider: str, key: str, report: Report, now: float) -> None:
        """Keep a report."""
        await self._write(lambda: MemoryStore.keep_early(self, provider, key, report, now))

    async def take_early(self, provider: str, key: str) -> tuple[Report, ...]:
        """Forget reports."""
        if (provider, key) not in self._early:
            return ()
        return await self._write(lambda: MemoryStore.take_early(self, provider, key))

    async def keep(self, kind: str, name: str, value: bytes) -> None:
        """Remember something."""
        await self._write(lambda: MemoryStore.keep(self, kind, name, value))

    async def forget(self, kind: str, name: str) -> None:
        """Forget it."""
        await self._write(lambda: MemoryStore.forget(self, kind, name))

    async def take(self, lane: MessageClass, now: float, limit: int) -> tuple[Record, ...]:
        """Make messages ours that wait."""

        async def write() -> tuple[Record, ...]:
            taken = await MemoryStore.take(self, lane, now, limit)
            return tuple([self._owned(record, self.owner, _FOREVER) for record in taken])

        return await self._write(write)

    async def give_back(self, message_ids: Sequence[str], now: float) -> None:
        """Leave messages to whoever takes them."""

        async def write() -> None:
            for message_id in message_ids:
                record = self._records.get(message_id)
                if record is not None and record.owner == self.owner and stage_of(record) is Stage.WAITING:
                    self._pool.put(self._owned(record, "", 0.0))

        del now
        await self._write(write)

    async def recover(self, now: float, limit: int) -> tuple[Record, ...]:
        """Make messages ours whose attempt somebody started who is gone."""

        async def write() -> tuple[Record, ...]:
            found = [one for one in self.records if stage_of(one) is Stage.IN_FLIGHT and one.owner != self.owner]
            recovered = []
            for record in found[:limit]:
                ours = advance(record, Own(self.owner, _FOREVER), now)
                self._records[record.envelope.id] = advance(ours, Recover(self.owner), now)
                recovered.append(self._records[record.envelope.id])
            return tuple(recovered)

        return await self._write(write)

    async def get(self, message_id: str) -> Record | None:
        """Return a record."""
        if self.dead.is_set():
            await _never()
        return await super().get(message_id)

    async def find(self, provider: str, provider_id: str) -> tuple[tuple[str, int], ...]:
        """Return messages by the id of a provider."""
        if self.dead.is_set():
            await _never()
        return await super().find(provider, provider_id)

    def _owned(self, record: Record, owner: str, until: float) -> Record:
        owned = msgspec.structs.replace(record, owner=owner, lease_until=until)
        self._records[record.envelope.id] = owned
        return owned

    async def _write(self, write: Callable[[], Awaitable[T]]) -> T:
        self.writes += 1
        number = self.writes
        await asyncio.sleep(0)  # others run meanwhile, as they do while a disk is busy
        if number == self.dies_before:
            self.crash()
        if self.dead.is_set():
            await _never()
        if self.full:
            raise StoreUnavailable("the kept store", "the disk is full")
        result = await write()
        if number == self.dies_after:
            self.crash()
            await _never()
        return result


async def _never() -> None:
    await asyncio.get_running_loop().create_future()
