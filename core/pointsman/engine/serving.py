"""The way of a message from the door to its last word: its attempts, its reports, and the second try of a lookup."""

import asyncio
import contextlib
from collections.abc import Callable

from pointsman.engine.doubts import Doubts
from pointsman.engine.flow import Desk, Flow
from pointsman.engine.parsing import Parsed
from pointsman.engine.tracking import Tracking
from pointsman.message import Channel
from pointsman.store import Record
from pointsman.store.record import is_final

SECOND_OPINIONS = 1
"""How many other providers are asked when one could not answer a lookup."""


def _nobody_asks() -> None:
    pass


class Serving:
    """The messages on their way. State: one task and one flow for each of them."""

    def __init__(self, desk: Desk, tracking: Tracking, doubts: Doubts, most: int) -> None:
        self._desk = desk
        self._tracking = tracking
        self._doubts = doubts
        self._places = asyncio.Semaphore(most)
        self._flows: dict[str, Flow] = {}
        self._tasks: dict[str, asyncio.Task[Record]] = {}

    def __len__(self) -> int:
        return len(self._flows)

    async def send(
        self, parsed: Parsed, *, until_final: bool, attempted: Callable[[], object] = _nobody_asks
    ) -> Record:
        """Take a message and see it through: to its outcome, or to its last report.

        `attempted` is called once, when only reports are waited for, if not nothing at all. A caller that is cancelled
        gives the message up: what has not left is not sent any more, what has left is followed to its end.
        """
        message_id = parsed.envelope.id
        flow = Flow(self._desk, parsed.envelope, parsed.route)
        task = asyncio.create_task(self._see_through(flow, parsed, attempted), name="message")
        self._flows[message_id] = flow
        self._tasks[message_id] = task
        task.add_done_callback(lambda _: self._done(message_id))
        try:
            record = await asyncio.shield(task)
        except asyncio.CancelledError:
            flow.give_up()
            raise
        return await self._tracking.until_final(record.envelope.id) if until_final else record

    def give_up(self, message_id: str) -> bool:
        """Keep a message from being sent, if it has not left yet; say whether it was on its way."""
        flow = self._flows.get(message_id)
        if flow is not None:
            flow.give_up()
        return flow is not None

    def taken(self, message_id: str) -> None:
        """Note that an attempt in doubt turned out to be accepted, so that no other is made."""
        flow = self._flows.get(message_id)
        if flow is not None:
            flow.took()

    async def close(self) -> None:
        """Wait for the flows, which end by themselves once the lanes are closed."""
        for flow in self._flows.values():
            flow.give_up()
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks.values()), timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def until_final(self, message_id: str) -> Record:
        """Wait until nothing more is going to be done for a message. Raises `KeyError` for an unknown one.

        Raises what broke the way of the message if its end could not be written down.
        """
        task = self._tasks.get(message_id)
        if task is not None:
            await asyncio.wait([task])
            record = await self._desk.recorder.get(message_id)
            if (error := task.exception()) is not None and (record is None or not is_final(record)):
                raise error
        return await self._tracking.until_final(message_id)

    async def _see_through(self, flow: Flow, parsed: Parsed, attempted: Callable[[], object]) -> Record:
        try:
            record = await self._attempt(flow, parsed, attempted)
            await self._follow(record, since=0)
            if parsed.envelope.channel is Channel.HLR:
                record = await self._second_opinion(flow, record)
        except asyncio.CancelledError:
            # Only `close` cancels this task; whoever waits for the message gets its record, not a cancellation.
            record = await flow.abandon()
        except Exception:
            with contextlib.suppress(Exception):  # what is raised is the first error, not that this fails as well
                self._tracking.woken(await flow.abandon())
            raise
        for doubt in flow.doubts:
            self._doubts.add(doubt)
        self._tracking.woken(record)
        return record

    async def _attempt(self, flow: Flow, parsed: Parsed, attempted: Callable[[], object]) -> Record:
        try:
            await self._desk.recorder.accept(parsed.envelope)
            async with self._places:
                return await flow.run()
        finally:
            attempted()

    def _done(self, message_id: str) -> None:
        self._tasks.pop(message_id, None)
        self._flows.pop(message_id, None)

    async def _follow(self, record: Record, *, since: int) -> None:
        for attempt in record.attempts[since:]:
            await self._tracking.follow(record, attempt)

    async def _second_opinion(self, flow: Flow, record: Record) -> Record:
        """Ask one other provider where the first could not answer a lookup."""
        message_id = record.envelope.id
        record = await self._tracking.until_told(message_id)
        for _ in range(SECOND_OPINIONS):
            if is_final(record) or not flow.has_budget:
                break
            made = len(record.attempts)
            record = await flow.again(record.attempts[-1].provider)
            await self._follow(record, since=made)
            record = await self._tracking.until_told(message_id)
        return await flow.settle_for(record)
