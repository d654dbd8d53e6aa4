"""Writes decisions to a file in a thread of its own, so that no disk can stall a message; and reads them."""

import asyncio
import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from pointsman.config import Config
from pointsman.engine.bus import Bus
from pointsman.errors import ConfigError, Problem
from pointsman.events import Event
from pointsman.routing.candidate import Decision
from pointsman.routing.journal import DecisionMade, Entry, entry_of, read_entry, write_entry

MOST_BYTES = 256 * 1024 * 1024
"""A file that has grown to this is put aside as `NAME.1`, in place of the one that was there, and a new one begins."""
CAPACITY = 10_000
"""Decisions that wait to be written; more are dropped and counted."""
AT_ONCE = 200
_log = logging.getLogger("pointsman.decisions")


def read_decisions(
    path: str | os.PathLike[str], unreadable: Callable[[int, str], object] | None = None
) -> Iterator[Entry]:
    """Yield the decisions in a file, oldest first.

    A line that is none, such as one that was cut short by the end of a process, is told to `unreadable` by its number
    and what is wrong with it; without that it raises `ValueError`. Raises `OSError`.
    """
    with Path(path).open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield read_entry(line)
            except ValueError as error:
                if unreadable is None:
                    raise ValueError(f"line {number} of {path}: {error}") from None
                unreadable(number, str(error))


async def keep_decisions(config: Config, bus: Bus, opened: contextlib.AsyncExitStack) -> None:
    """Write what is decided from now on to the file that the configuration names, if it does, until `opened` closes.

    Raises `ConfigError` when the file cannot be written.
    """
    if config.router.decisions is None:
        return
    log = DecisionLog(Path(config.router.decisions))
    try:
        await asyncio.to_thread(log.open)
    except OSError as error:
        why = f"{config.router.decisions} cannot be written: {error.strerror}"
        problem = Problem(file=config.file, line=None, key="router.decisions", message=why)
        raise ConfigError([problem]) from None
    opened.push_async_callback(asyncio.to_thread, log.close)
    bus.subscribe(log, DecisionMade)


class DecisionLog:
    """An observer that appends one line of JSON for each `DecisionMade` to a file.

    Call `open` before and `close` after; both wait for the disk. State: the queue and its counters, guarded by one
    condition; the file belongs to the thread.
    """

    def __init__(self, path: Path, *, most: int = MOST_BYTES, capacity: int = CAPACITY) -> None:
        self._path = path
        self._most = most
        self._capacity = capacity
        self._waiting: deque[Decision] = deque()
        self._changed = threading.Condition()
        self._is_writing = False
        self._is_closing = False
        self._failure: str | None = None
        self._dropped = 0
        self._file = -1
        self._size = 0
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Decisions that are not in the file: too many waited, or it could not be written."""
        return self._dropped

    def __call__(self, event: Event) -> None:
        """Take a decision; never waits and never raises."""
        if not isinstance(event, DecisionMade):
            return
        with self._changed:
            if self._thread is None or self._is_closing or len(self._waiting) >= self._capacity:
                self._dropped += 1
                return
            self._waiting.append(event.decision)
            if not self._is_writing:
                self._changed.notify()

    def open(self) -> None:
        """Open the file, which is made if it is not there, and begin. Raises `OSError`."""
        self._open()
        self._thread = threading.Thread(target=self._run, name="pointsman-decisions", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Take no more decisions, and wait at most `timeout` seconds for the last ones to be written."""
        if self._thread is None:
            return
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        lost = self._dropped + (len(self._waiting) if self._thread.is_alive() else 0)
        if lost:
            why = f": {self._failure}" if self._failure else ""
            _log.warning("%d decisions are missing from %s%s", lost, self._path.name, why)

    def _run(self) -> None:
        while decisions := self._next():
            try:
                self._write(b"".join(write_entry(entry_of(one)) + b"\n" for one in decisions))
            except OSError as error:
                self._failed(error, len(decisions))
                with contextlib.suppress(OSError):
                    self._shut()  # opened anew for the next ones, it is seen whether a line was cut short
        with contextlib.suppress(OSError):
            self._shut()

    def _next(self) -> list[Decision]:
        """Return what is to be written now, waiting for the first; nothing means the end."""
        with self._changed:
            self._is_writing = False
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            self._is_writing = bool(self._waiting)
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]

    def _write(self, lines: bytes) -> None:
        if self._file < 0:
            self._open()
        if self._size and self._size + len(lines) > self._most:
            self._shut()
            with contextlib.suppress(FileNotFoundError):
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._open()
        view = memoryview(lines)
        while view:
            written = os.write(self._file, view)
            self._size += written
            view = view[written:]

    def _shut(self) -> None:
        """Close the file, once: what is opened next, by anybody in the process, may get its number."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._size = os.fstat(self._file).st_size
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            # What was cut short there by the end of a process must not spoil the next line.
            self._size += os.write(self._file, b"\n")

    def _failed(self, error: OSError, lost: int) -> None:
        with self._changed:
            self._dropped += lost
        if self._failure is None:
            self._failure = error.strerror or type(error).__name__
            _log.warning("decisions cannot be written to %s: %s", self._path.name, self._failure)
