"""The way of a message from the door to its last word: its attempts, its reports, and the second try of a lookup."""

import asyncio
import contextlib
from collections.abc import Callable

from pointsman.engine.doubts import Doubts
from pointsman.engine.fallback import Fallbacks
from pointsman.engine.flow import Desk, Flow
from pointsman.engine.parsing import Door, Parsed
from pointsman.engine.tracking import Tracking
from pointsman.engine.watching import last_question
from pointsman.message import Channel
from pointsman.store import Record
from pointsman.store.record import is_final

SECOND_OPINIONS = 1
"""How many other providers are asked when one could not answer a lookup."""


def _nobody_asks() -> None:
    pass


class Serving:
    """The messages on their way. State: one task and one flow for each of them."""

    def __init__(self, desk: Desk, tracking: Tracking, doubts: Doubts, door: Door, most: int) -> None:
        self._desk = desk
        self._tracking = tracking
        self._doubts = doubts
        self._places = asyncio.Semaphore(most)
        self._flows: dict[str, Flow] = {}
        self._tasks: dict[str, asyncio.Task[Record]] = {}
        self._fallbacks = Fallbacks(desk, tracking, door, carry=self._carry, withdraw=self._withdraw)
        tracking.heed, tracking.delivered = self._fallbacks.heed, self._fallbacks.delivered

    def __len__(self) -> int:
        return len(self._flows)

    async def send(
        self, parsed: Parsed, *, until_final: bool, attempted: Callable[[], object] = _nobody_asks
    ) -> Record:
        """Take a message and see it through: to its outcome, or to its last report.

        `attempted` is called once, when only reports are waited for, if not nothing at all. A caller that is cancelled
        gives the message up: what has not left is not sent any more, such as an SMS that was to take its place; what
        has left is followed to its end.
        """
        message_id = parsed.envelope.id
        task = self._begin(parsed, attempted)
        try:
            record = await asyncio.shield(task)
            record = await self._fallbacks.resting(record)
            return await self.until_final(message_id) if until_final else record
        except asyncio.CancelledError:
            self.give_up(message_id)
            raise

    def give_up(self, message_id: str) -> bool:
        """Keep a message, or the SMS in its place, from being sent if it has not left; say whether it was on its way.

        An SMS that waits for its turn is not sent any more either.
        """
        was_under_way = self._withdraw(message_id)
        return self._fallbacks.give_up(message_id) or was_under_way

    def taken(self, message_id: str) -> None:
        """Note that an attempt in doubt turned out to be accepted, so that no other is made."""
        flow = self._flows.get(message_id)
        if flow is not None:
            flow.took()

    async def close(self) -> None:
        """Wait for the flows, which end by themselves once the lanes are closed."""
        for flow in self._flows.values():
            flow.give_up()
        self._fallbacks.stop()
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks.values()), timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._fallbacks.close()

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
        return await self._fallbacks.until_over(message_id)

    def _begin(
        self, parsed: Parsed, attempted: Callable[[], object] = _nobody_asks, *, is_recorded: bool = False
    ) -> asyncio.Task[Record]:
        message_id = parsed.envelope.id
        flow = Flow(self._desk, parsed.envelope, parsed.route)
        way = self._see_through(flow, parsed, attempted, is_recorded=is_recorded)
        task = asyncio.create_task(way, name="message")
        self._flows[message_id] = flow
        self._tasks[message_id] = task
        task.add_done_callback(lambda _: self._done(message_id))
        return task

    def _carry(self, parsed: Parsed) -> asyncio.Task[Record]:
        return self._begin(parsed, is_recorded=True)

    def _withdraw(self, message_id: str) -> bool:
        flow = self._flows.get(message_id)
        if flow is not None:
            flow.give_up()
        return flow is not None

    async def _see_through(
        self, flow: Flow, parsed: Parsed, attempted: Callable[[], object], *, is_recorded: bool
    ) -> Record:
        try:
            record = await self._attempt(flow, parsed, attempted, is_recorded=is_recorded)
            await self._follow(record, parsed)
            if parsed.envelope.channel is Channel.HLR:
                record = await self._second_opinion(flow, record, parsed)
        except asyncio.CancelledError:
            # Only `close` cancels this task; whoever waits for the message gets its record, not a cancellation.
            record = await flow.abandon()
        except Exception:
            with contextlib.suppress(Exception):  # what is raised is the first error, not that this fails as well
                self._tracking.woken(await flow.abandon())
                self._fallbacks.watch(parsed, given_up=flow.is_given_up)
            raise
        for doubt in flow.doubts:
            self._doubts.add(doubt)
        self._tracking.woken(record)
        self._fallbacks.watch(parsed, given_up=flow.is_given_up)
        return record

    async def _attempt(
        self, flow: Flow, parsed: Parsed, attempted: Callable[[], object], *, is_recorded: bool
    ) -> Record:
        try:
            if not is_recorded:
                await self._desk.recorder.accept(parsed.envelope)
            async with self._places:
                return await flow.run()
        finally:
            attempted()

    def _done(self, message_id: str) -> None:
        self._tasks.pop(message_id, None)
        self._flows.pop(message_id, None)

    async def _follow(self, record: Record, parsed: Parsed, *, since: int = 0) -> None:
        for attempt in record.attempts[since:]:
            await self._tracking.follow(record, attempt, ask_at=last_question(parsed))

    async def _second_opinion(self, flow: Flow, record: Record, parsed: Parsed) -> Record:
        """Ask one other provider where the first could not answer a lookup."""
        message_id = record.envelope.id
        record = await self._tracking.until_told(message_id)
        for _ in range(SECOND_OPINIONS):
            if is_final(record) or not flow.has_budget:
                break
            made = len(record.attempts)
            record = await flow.again(record.attempts[-1].provider)
            await self._follow(record, parsed, since=made)
            record = await self._tracking.until_told(message_id)
        return await flow.settle_for(record)
