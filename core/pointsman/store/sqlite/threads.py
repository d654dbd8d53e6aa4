"""Two threads beside the event loop: one writes in groups, one reads. Only they ever wait for the disk.

Theory of operation. An operation is put into a queue together with a future. The thread takes everything that has
gathered while it was busy, runs it, and answers all of it with a single call into the event loop. While there is much
to do, the one that writes lets more gather first: each of its transactions takes the interpreter from the event loop a
dozen times, however much is in it.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import msgspec

Result = TypeVar("Result")
State = TypeVar("State")

AT_MOST = 2_000
"""Operations in one group: those that come later wait for the next one."""
BUSY = 4
"""Operations in a group after which more are expected to come soon."""
GATHERING = 0.004
"""Seconds for which operations gather then."""
TOLD_AT_ONCE = 20
"""Answers in one turn of the event loop, and then none in the next."""


class Job(msgspec.Struct, frozen=True, gc=False):
    """An operation and who waits for it."""

    run: Callable[[Any], Any]
    future: "asyncio.Future[Any]"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What came of a job; exactly one of the two is told."""

    job: Job
    result: Any = None
    error: Exception | None = None


class Worker:
    """A thread with a queue before it.

    `serve` is called in the thread with a group of jobs, `idle` when nothing came for `patience` seconds, and `finish`
    at the end. After a group of `BUSY` or more it waits `gathering` seconds for the next one to gather. The event loop
    is the one in which the worker was made.
    """

    def __init__(
        self,
        name: str,
        serve: Callable[[Sequence[Job]], None],
        *,
        finish: Callable[[], None],
        idle: Callable[[], None] | None = None,
        patience: float = 1.0,
        gathering: float = 0.0,
    ) -> None:
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._serve = serve
        self._finish = finish
        self._idle = idle
        self._patience = patience
        self._gathering = gathering
        self._loop = asyncio.get_running_loop()
        self._is_closing = False
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, run: Callable[[Any], Any]) -> "asyncio.Future[Any]":
        """Have an operation run; return the future of its result. Never waits."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(Job(run, future))
        return future

    async def close(self) -> None:
        """Finish what is waiting, and end."""
        if not self._is_closing:
            self._is_closing = True
            self._hurry.set()
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            while True:
                jobs, is_last = self._next()
                if jobs:
                    self._serve(jobs)
                    if self._gathering and len(jobs) >= BUSY:
                        self._hurry.wait(self._gathering)
                elif not is_last and self._idle is not None:
                    with contextlib.suppress(sqlite3.Error):
                        self._idle()
                if is_last:
                    break
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._finish()

    def _next(self) -> tuple[list[Job], bool]:
        """Return what has gathered, after waiting for the first, and whether it is the last."""
        jobs: list[Job] = []
        try:
            first = self._queue.get(timeout=self._patience if self._idle is not None else None)
            while first is not None:
                jobs.append(first)
                if len(jobs) >= AT_MOST:
                    return jobs, False
                first = self._queue.get_nowait()
        except Empty:
            return jobs, False
        return jobs, True


def answer(answers: Iterable[Answer]) -> None:
    """Tell those who wait what came of their operations; runs in the event loop."""
    for one in answers:
        future = one.job.future
        if future.done():
            continue
        if one.error is not None:
            future.set_exception(one.error)
        else:
            future.set_result(one.result)


class Answering:
    """Tells those who wait by and by, in order: if all of a large group went on at once, nobody else would for long.

    State: what is still to be told. Belongs to the event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left: deque[Answer] = deque()

    def add(self, answers: Sequence[Answer]) -> None:
        """Tell these after those that were added before."""
        is_at_it = bool(self._left)
        self._left.extend(answers)
        if not is_at_it:
            self._go_on()

    def _go_on(self) -> None:
        left = self._left
        answer([left.popleft() for _ in range(min(len(left), TOLD_AT_ONCE))])
        if left:
            self._loop.call_soon(self._loop.call_soon, self._go_on)  # the next turn belongs to everybody else
