"""Sends the rows of a file: so many at once, results as they come, and an orderly stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

import msgspec

from pointsman.cli.rows import Row, may_fall_back
from pointsman.errors import RouterClosed
from pointsman.message import HlrLookup
from pointsman.outcome import Receipt, State
from pointsman.router import Router

WAITING_FOR_THEIR_TIME = 100_000
"""Rows for later that are in hand besides; the file is read on while they wait."""
FED_AT_ONCE = 2_000
"""Rows that are begun without letting anybody else run."""
PATIENCE = 2.0
"""Seconds that rows get to end after the router is closed."""
_ON_ITS_WAY = frozenset({State.ACCEPTED, State.SCHEDULED, State.SENDING, State.SENT})

Taken = tuple[Row, Receipt]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of a file go out."""

    most: int
    """Rows that the router has at once; more would only wait there."""
    together: int = 1
    """Rows that begin at once, and fewer only at the end of the file."""
    wait: bool = False
    """Every row waits for its last report."""


SENDING = Feed(most=1_000)
WAITING = Feed(most=10_000, wait=True)
LOOKING = Feed(most=2_000, together=1_000)
"""A lookup waits for its result. So many begin at once that they fill the requests of a provider that takes several in
one, although results come one by one; and no more are in hand than may have to be asked for again after a crash."""


class Job:
    """The rows on their way. What becomes of them is told to `report`, many at once.

    State: the rows still to come, the tasks of those in hand and of those that wait for their time, the receipts that
    have arrived, and whether to stop.
    """

    def __init__(self, rows: Iterator[Row], report: Callable[[list[Taken]], None], feed: Feed) -> None:
        self.error: BaseException | None = None
        """What nobody expected; the job stopped because of it."""
        self.stopped = False
        self._rows = rows
        self._report = report
        self._rule = feed
        self._most = feed.most
        self._in_hand: set[asyncio.Task[Taken | None]] = set()
        self._later: set[asyncio.Task[Taken | None]] = set()
        self._arrived: asyncio.Queue[Taken | None] = asyncio.Queue()

    def stop(self) -> None:
        """Begin no more rows; `run` returns soon."""
        self.stopped = True
        self._arrived.put_nowait(None)

    async def run(self, router: Router) -> None:
        """Send until all rows are done or the job is stopped. Close the router then, and call `finish`."""
        self._feed(router)
        while (self._in_hand or self._later) and not self.stopped:
            self._take(await self._arrived.get())
            self._feed(router)

    async def finish(self) -> None:
        """Take in what was on its way. A row that does not end within `PATIENCE` has no result."""
        if self._in_hand or self._later:
            _, late = await asyncio.wait(self._in_hand | self._later, timeout=PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._take(None)
        if self.error is not None:
            raise self.error

    def _feed(self, router: Router) -> None:
        if len(self._in_hand) > self._most - self._rule.together:
            return
        for _ in range(FED_AT_ONCE):
            full = len(self._in_hand) >= self._most or len(self._later) >= WAITING_FOR_THEIR_TIME
            if self.stopped or full:
                return
            row = next(self._rows, None)
            if row is None:
                return
            if may_fall_back(row.message):
                self._most = max(self._most, WAITING.most)
            task = asyncio.create_task(self._carry(row, router), name=f"row {row.number}")
            (self._later if _is_for_later(row) else self._in_hand).add(task)
            task.add_done_callback(self._carried)
        self._arrived.put_nowait(None)  # there may be more to begin

    def _take(self, first: Taken | None) -> None:
        taken = [first]
        while not self._arrived.empty():
            taken.append(self._arrived.get_nowait())
        self._report([one for one in taken if one is not None])

    def _carried(self, task: asyncio.Task[Taken | None]) -> None:
        """Pass on the result here and not in the task, so that whoever is woken by it finds one row less in hand."""
        self._in_hand.discard(task)
        self._later.discard(task)
        if task.cancelled():
            self._arrived.put_nowait(None)
        elif (error := task.exception()) is not None:
            self.error = self.error or error
            self.stop()
        else:
            self._arrived.put_nowait(task.result())

    async def _carry(self, row: Row, router: Router) -> Taken | None:
        try:
            receipt = await router.send(row.message)
        except RouterClosed:
            return None
        if may_fall_back(row.message) or (self._rule.wait and receipt.state in _ON_ITS_WAY):
            try:
                with contextlib.suppress(RouterClosed):  # then what is known by now has to do
                    receipt = await router.wait(receipt.id)
            except asyncio.CancelledError:
                if not self.stopped:
                    raise
        return row, receipt


def _is_for_later(row: Row) -> bool:
    message = row.message
    return not isinstance(message, HlrLookup) and (message.send_at is not None or message.send_at_local is not None)


@contextlib.contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first Ctrl-C or SIGTERM; the second one ends the process as usual."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def once() -> None:
        forget()
        stop()

    def forget() -> None:
        for number in signals:
            with contextlib.suppress(ValueError, RuntimeError):
                loop.remove_signal_handler(number)

    for number in signals:
        # Signals belong to the main thread; elsewhere whoever started the thread sees to its end.
        with contextlib.suppress(ValueError, RuntimeError):
            loop.add_signal_handler(number, once)
    try:
        yield
    finally:
        forget()
