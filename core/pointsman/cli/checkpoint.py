"""Remembers, across a crash, which rows of a file may have been sent.

A row is written down before the request that carries it leaves; a file beside the results holds, line by line, which
rows were begun and which of those are proven not to have been sent. Whatever was begun and has no result may have been
sent. An unfinished last line was never relied upon, so it is cut off.
"""

import asyncio
import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

import msgspec

from pointsman.cli.exits import UsageError
from pointsman.outcome import Refused
from pointsman.store import MemoryStore, Record
from pointsman.store.change import Begin, Change, Resolve, Settle
from pointsman.store.record import is_final

VERSION = 1


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: whose rows these are."""

    input: str
    """SHA-256 of the file that the rows are from."""
    job: str
    version: int = VERSION


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Any other line."""

    begun: tuple[int, ...] = ()
    """These rows are about to leave."""
    unsent: tuple[int, ...] = ()
    """These were refused: nothing was sent."""


class Checkpoint:
    """The rows that were begun. Many rows that begin together share one write to the disk.

    State: `begun` as the file says, the rows that wait to be written, and the task that writes.
    """

    def __init__(self, stream: IO[bytes], begun: set[int]) -> None:
        self.begun = begun
        """Rows that may have been sent."""
        self.failure: OSError | None = None
        """Why nothing more can be written; nothing may be sent after that."""
        self._stream = stream
        self._pending: list[tuple[int, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, path: Path, header: Header) -> Self:
        """Open the file, or begin it. Raises `UsageError` when it is another job's, in use or unreadable."""
        try:
            stream = path.open("a+b")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
        try:
            return cls(stream, _taken_over(stream, path, header))
        except BaseException:
            stream.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    async def begin(self, row: int) -> None:
        """Return when it is on the disk that this row is about to leave. Raises `OSError` when that fails."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((row, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all(), name="checkpoint")
        await done

    def unsent(self, row: int) -> None:
        """Note that a row was refused. Losing this in a crash is harmless, so nobody waits for the disk."""
        self.begun.discard(row)
        if self.failure is None:
            try:
                self._append(Entry(unsent=(row,)))
            except OSError as error:
                self.failure = error

    async def _write_all(self) -> None:
        while self._pending:
            group, self._pending = self._pending, []
            try:
                await asyncio.to_thread(self._commit, [row for row, _ in group])
            except OSError as error:
                self.failure = error
            for row, done in group:
                if done.done():
                    continue
                if self.failure is not None:
                    done.set_exception(OSError(self.failure.errno, self.failure.strerror))
                else:
                    self.begun.add(row)
                    done.set_result(None)
        self._writer = None

    def _commit(self, rows: Sequence[int]) -> None:
        if self.failure is not None:
            raise self.failure
        self._append(Entry(begun=tuple(rows)))
        os.fsync(self._stream.fileno())

    def _append(self, entry: Entry) -> None:
        # One write for the whole line, so that two threads cannot mix theirs: the file is opened for appending.
        line = msgspec.json.encode(entry) + b"\n"
        if os.write(self._stream.fileno(), line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class RowStore(MemoryStore):
    """A memory store that makes a checkpoint of every row before its request leaves.

    The messages in it have the number of their row as their reference.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(keep=20_000)
        self._checkpoint = checkpoint

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Apply a change, the start of an attempt only after it is on the disk."""
        if isinstance(change, Begin):
            record = await self.get(message_id)
            if record is not None:
                await self._checkpoint.begin(_row_of(record))
        before, after = await super().apply(message_id, change, now)
        if isinstance(change, Settle | Resolve) and await self._is_unsent(after):
            self._checkpoint.unsent(_row_of(after))
        return before, after

    async def _is_unsent(self, record: Record) -> bool:
        """Say whether nothing of a row was sent, nor will be: neither a Viber message nor the SMS in its place.

        An SMS that is not over counts as sent: its request may be about to leave.
        """
        parent, sms = record.envelope.parent, record.sms
        viber = await self.get(parent) if parent is not None else record
        other = await self.get(sms) if sms is not None else None
        if viber is None or (sms is not None and (other is None or not is_final(other))):
            return False
        return all(_is_refused(one) for one in (record, viber, other) if one is not None)


def _is_refused(record: Record) -> bool:
    return record.intent is None and all(isinstance(attempt.outcome, Refused) for attempt in record.attempts)


def _row_of(record: Record) -> int:
    return int(record.envelope.message.reference or 0)


def _taken_over(stream: IO[bytes], path: Path, header: Header) -> set[int]:
    """Lock the file, check whose it is, and return the rows that may have been sent."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UsageError(f"{path}: another pointsman is at work on this job; wait for it to end") from None
    stream.seek(0)
    content = stream.read()
    whole = content[: content.rfind(b"\n") + 1]
    stream.truncate(len(whole))
    lines = whole.splitlines()
    if not lines:
        stream.write(msgspec.json.encode(header) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
        return set()
    try:
        found = msgspec.json.decode(lines[0], type=Header)
        entries = [msgspec.json.decode(line, type=Entry) for line in lines[1:]]
    except msgspec.MsgspecError:
        raise UsageError(f"{path}: this is not a record of what was sent; give another --results") from None
    if found != header:
        raise UsageError(
            f"{path}: this is the record of another job, or the input has changed since;"
            " restore the input to go on, or give another --results to begin anew"
        )
    begun: set[int] = set()
    for entry in entries:
        begun.update(entry.begun)
        begun.difference_update(entry.unsent)
    return begun
