"""Sends the rows of a file: so many at once, results as they come, and an orderly stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from pointsman.cli.rows import Row, may_fall_back
from pointsman.errors import RouterClosed
from pointsman.outcome import Receipt, State
from pointsman.router import Router

IN_HAND = 1_000
"""Rows that the router has at once; more would only wait there."""
IN_HAND_WAITING = 10_000
"""The same when rows wait for their last report, or for the SMS in place of a Viber message."""
PATIENCE = 2.0
"""Seconds that rows get to end after the router is closed."""
_ON_ITS_WAY = frozenset({State.ACCEPTED, State.SCHEDULED, State.SENDING, State.SENT})

Taken = tuple[Row, Receipt]


class Job:
    """The rows on their way. What becomes of them is told to `report`, many at once.

    State: the rows still to come, the tasks of those in hand, the receipts that have arrived, and whether to stop.
    """

    def __init__(self, rows: Iterator[Row], report: Callable[[list[Taken]], None], *, wait: bool) -> None:
        self.error: BaseException | None = None
        """What nobody expected; the job stopped because of it."""
        self.stopped = False
        self._rows = rows
        self._report = report
        self._wait = wait
        self._in_hand: set[asyncio.Task[Taken | None]] = set()
        self._arrived: asyncio.Queue[Taken | None] = asyncio.Queue()

    def stop(self) -> None:
        """Begin no more rows; `run` returns soon."""
        self.stopped = True
        self._arrived.put_nowait(None)

    async def run(self, router: Router) -> None:
        """Send until all rows are done or the job is stopped. Close the router then, and call `finish`."""
        self._feed(router)
        while self._in_hand and not self.stopped:
            self._take(await self._arrived.get())
            self._feed(router)

    async def finish(self) -> None:
        """Take in what was on its way. A row that does not end within `PATIENCE` has no result."""
        if self._in_hand:
            _, late = await asyncio.wait(self._in_hand, timeout=PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._take(None)
        if self.error is not None:
            raise self.error

    def _feed(self, router: Router) -> None:
        most = IN_HAND_WAITING if self._wait else IN_HAND
        while not self.stopped and len(self._in_hand) < most:
            row = next(self._rows, None)
            if row is None:
                return
            most = IN_HAND_WAITING if may_fall_back(row.message) else most
            task = asyncio.create_task(self._carry(row, router), name=f"row {row.number}")
            self._in_hand.add(task)
            task.add_done_callback(self._carried)

    def _take(self, first: Taken | None) -> None:
        taken = [first]
        while not self._arrived.empty():
            taken.append(self._arrived.get_nowait())
        self._report([one for one in taken if one is not None])

    def _carried(self, task: asyncio.Task[Taken | None]) -> None:
        """Pass on the result here and not in the task, so that whoever is woken by it finds one row less in hand."""
        self._in_hand.discard(task)
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
        if may_fall_back(row.message) or (self._wait and receipt.state in _ON_ITS_WAY):
            try:
                with contextlib.suppress(RouterClosed):  # then what is known by now has to do
                    receipt = await router.wait(receipt.id)
            except asyncio.CancelledError:
                if not self.stopped:
                    raise
        return row, receipt


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
