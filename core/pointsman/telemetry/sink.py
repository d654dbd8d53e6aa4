"""Writes lines in a thread of its own, so that nobody who fails to read them can stall the event loop."""

import contextlib
import os
import select
import threading
from collections import deque
from typing import IO, Any, Protocol

DEFAULT_CAPACITY = 10_000
_LINES_AT_ONCE = 200
GATHER = 0.005
"""Seconds in which more lines may come before the first is written: waking up for each costs more than writing it."""


class Sink(Protocol):
    """Where finished lines go."""

    def write(self, line: bytes) -> None:
        """Take one line without its end; never blocks and never raises."""
        ...

    def isatty(self) -> bool:
        """Say whether a person is reading."""
        ...


class ThreadSink:
    """Passes lines to a stream, in order and whole, through a bounded queue. Call `close` at the end.

    When the queue is full because nobody reads the stream, new lines are dropped and counted in `dropped`. The thread
    is a daemon: a reader that never comes back cannot keep the process from ending either.

    State: the queue and its counters, guarded by one condition.
    """

    def __init__(self, stream: IO[Any], capacity: int = DEFAULT_CAPACITY) -> None:
        self._stream = stream
        self._capacity = capacity
        self._enough = min(_LINES_AT_ONCE, (capacity + 1) // 2)
        self._lines: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._is_writing = False
        self._is_closing = False
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="pointsman-log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost so far: the queue was full, or the stream is broken."""
        return self._dropped

    def write(self, line: bytes) -> None:
        """Queue one line; without a place in the queue it is dropped."""
        with self._changed:
            if self._is_closing or len(self._lines) >= self._capacity:
                self._dropped += 1
                return
            self._lines.append(line)
            if not self._is_writing or len(self._lines) == self._enough:
                self._changed.notify()

    def isatty(self) -> bool:
        """Say whether the stream is a terminal."""
        return self._stream.isatty()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything is written; say whether that was so within `timeout` seconds. Blocks."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lines and not self._is_writing, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Take no more lines, and wait at most `timeout` seconds for the last ones. Blocks; the stream stays open."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(timeout)

    def _run(self) -> None:
        while lines := self._next():
            try:
                _write_whole(self._stream, b"".join(line + b"\n" for line in lines))
            except (OSError, ValueError):
                # The reader is gone or the stream was closed. There is nobody left to tell but the counter.
                with self._changed:
                    self._dropped += len(lines)

    def _next(self) -> list[bytes]:
        """Return the lines to write now, waiting for the first; none means the end."""
        with self._changed:
            self._is_writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._lines or self._is_closing)
            self._is_writing = bool(self._lines)
            if not self._is_closing and len(self._lines) < self._enough:
                self._changed.wait(GATHER)
            return [self._lines.popleft() for _ in range(min(len(self._lines), _LINES_AT_ONCE))]


def _write_whole(stream: IO[Any], data: bytes) -> None:
    try:
        descriptor = stream.fileno()
    except (OSError, AttributeError):
        getattr(stream, "buffer", stream).write(data)
        stream.flush()
        return
    # Not through the stream's buffer: its lock, held by a daemon thread, would abort the interpreter at exit.
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            with contextlib.suppress(InterruptedError):
                select.select([], [descriptor], [])
