"""The store on one machine's disk: SQLite with one thread that writes, and one that reads."""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar

from pointsman.clock import Clock, SystemClock
from pointsman.errors import StoreError
from pointsman.message import Envelope, MessageClass
from pointsman.outcome import Report
from pointsman.store.change import Change
from pointsman.store.interface import Claim, Erased, Fate, Letter, News, Retention, Taken, Usage
from pointsman.store.memory import EARLY_EACH
from pointsman.store.record import Record
from pointsman.store.sqlite import erasing, figures, mail, taking
from pointsman.store.sqlite.books import Books
from pointsman.store.sqlite.faults import told
from pointsman.store.sqlite.opening import Opened, open_journal
from pointsman.store.sqlite.reading import Reading
from pointsman.store.sqlite.recent import Recent
from pointsman.store.sqlite.threads import GATHERING, Answer, Answering, Job, Worker, answer
from pointsman.store.sqlite.writer import Committed, Group, Writer

Result = TypeVar("Result")
EARLY_KEPT = 100_000
"""Reports that are kept of which the message is not known."""


class SqliteStore:
    """Messages that are still there when the process is not.

    State: what is open; the records that were used last, as they are on the disk; and under which keys there may be
    early reports, each with a number that grows.
    `committed` is told of each transaction: the seconds that it took, and how many operations shared it.
    """

    durable = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock | None = None,
        committed: Committed | None = None,
    ) -> None:
        self.committed = committed
        """Is called in the event loop after each transaction; must be quick."""
        self._path = Path(path)
        self._clock = clock or SystemClock()
        self._opened: Opened | None = None
        self._writer: Worker | None = None
        self._reader: Worker | None = None
        self._recent = Recent()
        self._early: dict[tuple[str, str], int] = {}
        self._kept_early = 0

    def __repr__(self) -> str:
        return f"<SqliteStore {self._path} {'open' if self._writer is not None else 'closed'}>"

    @property
    def path(self) -> Path:
        """Where the journal is."""
        return self._path

    @property
    def owner(self) -> str:
        """The name of this process in the journal: another one each time it is opened."""
        return self._opened.rows.owner if self._opened is not None else ""

    async def open(self) -> None:
        """Lock the journal, bring it to the present version and make free what a process that is gone had in hand.

        Raises `StoreError`: in use, damaged, of a later version, not ours to write, in a place that does not do.
        """
        if self._opened is not None:
            raise StoreError(str(self._path), "it is open already")
        self._loop = asyncio.get_running_loop()
        self._answering = Answering(self._loop)
        opening = asyncio.ensure_future(asyncio.to_thread(open_journal, self._path))
        try:
            opened = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_abandoned)
            raise
        name = str(self._path)
        try:
            books = Books(name, opened.writes, opened.rows, self._clock)
            reading = Reading(name, opened.reads, opened.rows)
            early = reading.early_keys()
        except sqlite3.Error as error:
            opened.close()
            raise told(name, error) from None
        self._opened = opened
        self._early = dict.fromkeys(early, 0)
        writer = Writer(books, self._clock, self._publish)
        self._writer = Worker(
            "pointsman-journal", writer.serve, finish=writer.finish, idle=writer.idle, gathering=GATHERING
        )
        self._reader = Worker("pointsman-journal-reads", partial(self._serve_reads, reading), finish=opened.reads.close)

    async def close(self) -> None:
        """Finish all writes and let go."""
        writer, reader, opened = self._writer, self._reader, self._opened
        self._writer = self._reader = self._opened = None
        if reader is not None:
            await reader.close()
        if writer is not None:
            await writer.close()
        if opened is not None:
            opened.lock.let_go()

    async def accept(self, envelopes: Sequence[Envelope], *, claim: Claim | None = None, mine: bool = True) -> Taken:
        """Record new messages, all or none. Raises `KeyReused`, `ValueError` for an id that is taken."""
        return await self._write(partial(taking.accept, tuple(envelopes), claim, mine=mine))

    async def claimed(self, claim: Claim) -> Taken | None:
        """Return what was taken under a claim. Raises `KeyReused`."""
        return await self._write(partial(taking.claimed, claim))

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Apply a change. Raises `KeyError` for an unknown message."""
        return await self._write(partial(taking.apply, message_id, change, now))

    async def get(self, message_id: str) -> Record | None:
        """Return the record of a message, as it is on the disk."""
        known = self._recent.get(message_id)
        return known if known is not None else await self._read(lambda reading: reading.record(message_id))

    async def find(self, provider: str, provider_id: str) -> tuple[tuple[str, int], ...]:
        """Return messages and attempts to which a provider gave this id."""
        return await self._read(lambda reading: reading.find(provider, provider_id))

    async def referred(self, client: str, reference: str, limit: int) -> tuple[Record, ...]:
        """Return a client's messages with this reference, the latest first."""
        return await self._read(lambda reading: reading.referred(client, reference, limit))

    async def keep_early(self, provider: str, key: str, report: Report, now: float) -> None:
        """Keep a report of which the message is not known yet."""
        self._kept_early += 1
        until = self._early[provider, key] = self._kept_early
        keeping = partial(taking.keep_early, provider, key, report, now, EARLY_EACH, EARLY_KEPT)
        self._forget_early(await self._write(keeping), until)

    async def early(self, provider: str, key: str) -> tuple[Report, ...]:
        """Return the reports that were kept under a key."""
        if (provider, key) not in self._early:
            return ()
        return await self._write(partial(taking.early, provider, key))

    async def take_early(self, provider: str, key: str) -> tuple[Report, ...]:
        """Return the reports that were kept under a key and forget them."""
        if (provider, key) not in self._early:
            return ()
        until = self._kept_early
        reports = await self._write(partial(taking.take_early, provider, key))
        self._forget_early(((provider, key),), until)
        return reports

    async def take(self, lane: MessageClass, now: float, limit: int) -> tuple[Record, ...]:
        """Make messages of a class ours that wait for somebody to attempt them, the longest due first."""
        return await self._write(partial(taking.take, lane, now, limit))

    async def next_due(self, now: float) -> float | None:
        """Return when the next message that nobody has is due; None when there is none."""
        del now
        return await self._read(Reading.next_due)

    async def give_back(self, message_ids: Sequence[str], now: float) -> None:
        """Leave messages to whoever takes them."""
        del now
        await self._write(partial(taking.give_back, tuple(message_ids)))

    async def recover(self, now: float, limit: int) -> tuple[Record, ...]:
        """Make messages ours whose attempt was started by a process that is gone."""
        return await self._write(partial(taking.recover, now, limit))

    async def followed(self, after: str, limit: int) -> tuple[Record, ...]:
        """Return messages whose reports are waited for, in the order of their ids."""
        return await self._read(lambda reading: reading.followed(after, limit))

    async def waiting(self) -> Mapping[MessageClass, int]:
        """Return how many messages of each class nobody has taken yet."""
        return await self._read(Reading.waiting)

    async def news(self, client: str, after: int, limit: int) -> tuple[News, ...]:
        """Return a client's news after a place, the oldest first."""
        return await self._read(lambda reading: reading.news(client, after, limit))

    async def last_news(self) -> int:
        """Return the place of the latest news of all clients; 0 when there is none."""
        return await self._write(lambda books: books.batch.last_news)

    async def letters(self, now: float, limit: int) -> tuple[Letter, ...]:
        """Return letters that are due: of each message only the first that is not posted."""
        return await self._read(lambda reading: reading.letters(now, limit))

    async def settle_letter(self, seq: int, fate: Fate) -> None:
        """Write down what became of a letter."""
        await self._write(partial(mail.settle_letter, seq, fate))

    async def next_letter(self) -> float | None:
        """Return when the next letter is to be tried; None when there is none."""
        return await self._read(Reading.next_letter)

    async def dead_letters(self, after: int, limit: int) -> tuple[Letter, ...]:
        """Return letters that are not tried any more, in order."""
        return await self._read(lambda reading: reading.dead_letters(after, limit))

    async def revive(self, seqs: Sequence[int], now: float) -> int:
        """Try dead letters again from now on; return how many there were."""
        return await self._write(partial(mail.revive, tuple(seqs), now))

    async def spent(self) -> Mapping[tuple[str, str], Decimal]:
        """Return what attempts cost, by provider and currency."""
        return await self._read(Reading.spent)

    async def start_account(self, provider: str) -> None:
        """Count what is spent at a provider from nothing again."""
        await self._write(partial(figures.start_account, provider))

    async def usage(self, day: str) -> tuple[Usage, ...]:
        """Return what the clients used on a day."""
        return await self._read(lambda reading: reading.usage(day))

    async def keep(self, kind: str, name: str, value: bytes) -> None:
        """Remember something small."""
        await self._write(partial(figures.keep, kind, name, value))

    async def forget(self, kind: str, name: str) -> None:
        """Forget it."""
        await self._write(partial(figures.forget, kind, name))

    async def kept(self, kind: str) -> Mapping[str, bytes]:
        """Return what is remembered of a kind, by name."""
        return await self._read(lambda reading: reading.kept(kind))

    async def erase(self, retention: Retention, now: float, limit: int) -> Erased:
        """Forget what is older than it is to be kept, at most `limit` of each, in one transaction."""
        until = self._kept_early
        erased, forgotten = await self._write(partial(erasing.erase, retention, now, limit))
        self._forget_early(forgotten, until)
        return erased

    def _forget_early(self, keys: taking.Keys, until: int) -> None:
        """Forget keys under which nothing is kept any more, unless a report came under them after the one `until`."""
        for key in keys:
            if self._early.get(key, until + 1) <= until:
                del self._early[key]

    def _serve_reads(self, reading: Reading, jobs: Sequence[Job]) -> None:
        """Run what is to be read; in the thread that reads."""
        answers = []
        for job in jobs:
            try:
                answers.append(Answer(job, job.run(reading)))
            except sqlite3.Error as error:
                answers.append(Answer(job, error=told(reading.name, error)))
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked for this
                answers.append(Answer(job, error=error))
        self._call(answer, answers)

    def _publish(
        self, answers: Sequence[Answer], changed: Mapping[str, Record], gone: frozenset[str], told_of: Group | None
    ) -> None:
        """Hand over what is durable now; in the thread that writes."""
        self._call(self._deliver, answers, changed, gone, told_of)

    def _deliver(
        self, answers: Sequence[Answer], changed: Mapping[str, Record], gone: frozenset[str], group: Group | None
    ) -> None:
        self._recent.put(changed)
        for message_id in gone:
            self._recent.drop(message_id)
        self._answering.add(answers)
        if group is not None and self.committed is not None:
            self.committed(*group)

    def _call(self, function: Callable[..., object], *values: object) -> None:
        """Call a function in the event loop; where that is gone, nobody waits any more."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *values)

    async def _write(self, run: Callable[[Books], Result]) -> Result:
        if self._writer is None:
            raise StoreError(str(self._path), "it is not open")
        result: Result = await self._writer.put(run)
        return result

    async def _read(self, run: Callable[[Reading], Result]) -> Result:
        if self._reader is None:
            raise StoreError(str(self._path), "it is not open")
        result: Result = await self._reader.put(run)
        return result


def _abandoned(opening: "asyncio.Future[Opened]") -> None:
    """Let go of a journal that nobody waits for any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
