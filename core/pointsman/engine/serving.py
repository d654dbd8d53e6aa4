"""The way of a message from the door to its last word: its attempts, its reports, and the second try of a lookup."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

from pointsman.engine.course import Beginning, Courses
from pointsman.engine.desk import Desk
from pointsman.engine.doubts import Doubts
from pointsman.engine.fallback import Fallbacks
from pointsman.engine.flow import Flow
from pointsman.engine.judging import Again
from pointsman.engine.locating import Locating
from pointsman.engine.parsing import Door, Parsed
from pointsman.engine.tracking import Tracking
from pointsman.engine.watching import last_question
from pointsman.errors import RouterClosed, StoreError
from pointsman.events import Resent
from pointsman.message import Channel, HlrLookup, MessageClass, Viber
from pointsman.outcome import Accepted, Attempt, LookupResult, Report, State
from pointsman.routing.resuming import SECOND_OPINIONS
from pointsman.store import Record
from pointsman.store.change import End, Unwant
from pointsman.store.interface import Taken
from pointsman.store.record import awaits_fallback, is_final, is_told, lookup_result
from pointsman.store.stage import Stage, stage_of

_log = logging.getLogger("pointsman.serving")

_UNSENT = frozenset({Stage.WAITING, Stage.IN_FLIGHT})
"""What the next start goes on with."""


def _nobody_asks() -> None:
    pass


def _nobody_listens(record: Record) -> None:
    del record


def _nobody_counts(lane: MessageClass) -> None:
    del lane


async def _nobody_waits(record: Record) -> None:
    del record


def _tell_failure(task: asyncio.Task[Record]) -> None:
    """Log what broke the way of a message for which nobody waits."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a message could not be seen through: %s", type(error).__name__)


class Serving:
    """The messages on their way. State: one task and one flow for each of them."""

    def __init__(
        self, desk: Desk, tracking: Tracking, doubts: Doubts, door: Door, locating: Locating, most: int
    ) -> None:
        self._desk = desk
        self._tracking = tracking
        self._doubts = doubts
        self._door = door
        self._courses = Courses(desk, door, locating, most)
        self._flows: dict[str, Flow] = {}
        self._tasks: dict[str, asyncio.Task[Record]] = {}
        self._given_up: dict[str, asyncio.Task[None]] = {}
        """Messages that their callers gave up, until that is written down."""
        self.under_way: Counter[MessageClass] = Counter()
        """Messages whose attempts are not over, those that wait in memory for a place included."""
        self.freed: Callable[[], object] = _nobody_asks
        """Called when there is one less of them."""
        self.put_back: Callable[[Record], Awaitable[object]] = _nobody_waits
        """Leaves a message in the store that has to wait for a later time."""
        self.gone: Callable[[MessageClass], object] = _nobody_counts
        """Told of a message that waited in the store in nobody's hands, and does so no longer."""
        self.restore: Callable[[Record], object] = _nobody_listens
        """Told of a message with attempts that somebody else made, before it goes on."""
        self.begun: set[str] | None = None
        """Messages that this process sees through, while it still looks for what another one left."""
        self.fallbacks = Fallbacks(desk, tracking, door, carry=self._carry, withdraw=self._withdraw)
        tracking.last_question = lambda record: last_question(door.routed(record.envelope))
        tracking.heed, tracking.delivered = self._heed, self._delivered
        locating.look_up = self._look_up

    def __len__(self) -> int:
        return len(self._flows)

    async def send(
        self, parsed: Parsed, *, until_final: bool, attempted: Callable[[], object] = _nobody_asks
    ) -> Record:
        """Take a message and see it through: to its outcome, or to its last report.

        `attempted` is called once, when only its time or reports are waited for, if not nothing at all. A caller that
        is cancelled gives the message up: what has not left is not sent any more, such as an SMS that was to take its
        place; what has left is followed to its end.
        """
        message_id = parsed.envelope.id
        task = self._begin(parsed, attempted)
        try:
            record = await asyncio.shield(task)
            if self._desk.leaving and stage_of(record) in _UNSENT:
                raise RouterClosed("the router was closed before the message was sent; it is kept for the next start")
            record = await self.fallbacks.resting(record)
            return await self.until_final(message_id) if until_final else record
        except asyncio.CancelledError:
            self.give_up(message_id)
            raise

    def start(self, parsed: Parsed, record: Record, *, fetched: bool = False) -> "asyncio.Task[Record]":
        """See a message through in the background that is written down already and is ours.

        What cannot be seen through is told in the log.
        """
        task = self._begin(parsed, record=record, fetched=fetched)
        task.add_done_callback(_tell_failure)
        return task

    def carry_on(self, record: Record) -> None:
        """See a message through that was fetched from the store: one that waited there, or that somebody else left."""
        message_id = record.envelope.id
        if message_id not in self._tasks:
            if record.attempts:
                self.restore(record)
            self.start(self._door.routed(record.envelope), record, fetched=True)

    def _begin(
        self,
        parsed: Parsed,
        attempted: Callable[[], object] = _nobody_asks,
        *,
        record: Record | None = None,
        fetched: bool = False,
    ) -> "asyncio.Task[Record]":
        message_id = parsed.envelope.id
        if record is not None and record.attempts:
            flow = Flow.restored(self._desk, record, parsed.route)
        else:
            flow = Flow(self._desk, parsed.envelope, parsed.route)
        if message_id in self._given_up:
            flow.give_up()
        lane = parsed.envelope.message.message_class
        self.under_way[lane] += 1
        is_free = False

        def free() -> None:
            nonlocal is_free
            if not is_free:
                is_free = True
                self.under_way[lane] -= 1
                attempted()
                self.freed()

        beginning = Beginning(attempted=free, record=record, fetched=fetched)
        task = asyncio.create_task(self._see_through(flow, parsed, beginning), name="message")
        self._enter(message_id, flow, task)
        return task

    def give_up(self, message_id: str, taken: "asyncio.Future[Taken] | None" = None) -> None:
        """Stop a message, and the SMS in its place, for a caller who has left; it is written down in the background.

        `taken` is awaited first: the message that is being written down.
        """
        self._forget(message_id)
        task = asyncio.create_task(self._take_back(message_id, taken), name="take back")
        self._given_up[message_id] = task
        task.add_done_callback(lambda _: self._given_up.pop(message_id, None))

    async def _take_back(self, message_id: str, taken: "asyncio.Future[Taken] | None") -> None:
        if taken is not None:
            await asyncio.wait([taken])
        # What is not recorded yet is ended by its own way; a store that is closed is one where nothing is sent.
        with contextlib.suppress(KeyError, StoreError):
            await self._desk.recorder.insist(lambda: self.cancel(message_id))

    async def cancel(self, message_id: str) -> bool:
        """Write down that nobody wants a message, nor the SMS in its place, and stop them; say if one was on its way.

        When this returns it is as durable as the store. Raises `KeyError` for an unknown message, `StoreUnavailable`.
        """
        before, after = await self._desk.recorder.change(message_id, Unwant())
        on_its_way = self._stop(message_id, before, after)
        if after.sms is not None:
            with contextlib.suppress(KeyError):  # it is about to be made, and finds that it is not wanted
                on_its_way |= self._stop(after.sms, *await self._desk.recorder.change(after.sms, Unwant()))
        return on_its_way

    def _stop(self, message_id: str, before: Record, after: Record) -> bool:
        """Stop a message that is written down as unwanted; say whether anything of it was still to be done."""
        waited = stage_of(before) is Stage.WAITING and message_id not in self._tasks
        if waited and stage_of(after) is not Stage.WAITING:
            self.gone(before.envelope.message.message_class)
        under_way = self._forget(message_id)
        self._tracking.woken(after)
        return under_way or (not is_final(before) and (stage_of(before) in _UNSENT or awaits_fallback(before)))

    def _forget(self, message_id: str) -> bool:
        """Keep a message from going on, and an SMS from taking its place; say whether either was in hand."""
        was_under_way = self._withdraw(message_id)
        return self.fallbacks.give_up(message_id) or was_under_way

    def taken(self, message_id: str) -> None:
        """Note that an attempt turned out to be accepted, or a copy delivered, so that no other attempt is made."""
        flow = self._flows.get(message_id)
        if flow is not None:
            flow.took()

    async def close(self) -> None:
        """Wait for the flows, which end by themselves once the lanes are closed; with a durable store they are left."""
        leaving, kept = self._desk.leaving, tuple(self._flows)
        for flow in self._flows.values():
            flow.leave() if leaving else flow.give_up()
        self.fallbacks.stop()
        unsent = await self._courses.schedule.close()
        if unsent and not leaving:
            _log.warning("%d messages that were not due yet are cancelled, because the router was closed", unsent)
        if open_tasks := {*self._tasks.values(), *self._given_up.values()}:
            _, late = await asyncio.wait(open_tasks, timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self.fallbacks.close()
        if leaving:
            with contextlib.suppress(StoreError):  # then the next start finds them all the same
                await self._desk.recorder.give_back(kept)

    async def dismiss(self, message_id: str) -> Record:
        """Write down that a message is not sent any more that nobody has in hand."""
        _, record = await self._desk.recorder.settle(message_id, End(State.CANCELLED, owner=self._desk.recorder.owner))
        self._tracking.woken(record)
        return record

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
        return await self.fallbacks.until_over(message_id)

    def _carry(self, parsed: Parsed, record: Record) -> "asyncio.Task[Record]":
        return self._begin(parsed, record=record)

    def _withdraw(self, message_id: str) -> bool:
        flow = self._flows.get(message_id)
        if flow is not None:
            flow.give_up()
            self._courses.schedule.drop(message_id)
        return flow is not None

    async def _see_through(self, flow: Flow, parsed: Parsed, beginning: Beginning) -> Record:
        try:
            record = await self._courses.take(flow, parsed, beginning)
            parsed = flow.parsed
            if record.waits and beginning.fetched:
                self._leave(parsed.envelope.id)  # whoever fetches it next begins anew
                waiting = record
                await self._desk.recorder.insist(lambda: self.put_back(waiting))
                return record
            await self._follow(record)
            if parsed.envelope.channel is Channel.HLR:
                record = await self._second_opinion(flow, record)
        except asyncio.CancelledError:
            # Only `close` cancels this task; whoever waits for the message gets its record, not a cancellation.
            record = await flow.abandon()
        except Exception:
            with contextlib.suppress(Exception):  # what is raised is the first error, not that this fails as well
                self._tracking.woken(await flow.abandon())
                self.fallbacks.watch(parsed, given_up=flow.is_given_up)
            raise
        for doubt in flow.doubts:
            self._doubts.add(doubt)
        self._tracking.woken(record)
        self.fallbacks.watch(parsed, given_up=flow.is_given_up)
        return record

    async def resending(self, record: Record, attempt: Attempt, report: Report) -> Again | None:
        """Return how a message that a provider lost is sent by another one; None where the failover table says no.

        Lookups have their second opinion, and a Viber message with an SMS in its place has that. That SMS is not sent
        again once the Viber message has arrived after all, and nothing is that its caller gave up.
        """
        message = record.envelope.message
        if isinstance(message, HlrLookup) or (isinstance(message, Viber) and message.fallback is not None):
            return None
        if record.unwanted or record.envelope.id in self._given_up:
            return None
        flow = Flow.resumed(self._desk, record, self._door.routed(record.envelope).route)
        if (
            report.state is None
            or not flow.may_go_on(attempt.provider, report)
            or await self._courses.is_needless(record)
        ):
            return None
        return partial(self._send_again, flow, attempt, report)

    def _send_again(self, flow: Flow, attempt: Attempt, report: Report, record: Record) -> None:
        """Send a message again, of which it is written down that this is done."""
        message_id = record.envelope.id
        assert report.state is not None  # noqa: S101 - `resending` looked
        self._desk.bus.emit(
            Resent(
                at=self._desk.clock.now(),
                message_id=message_id,
                from_provider=attempt.provider,
                state=report.state,
                fault=report.fault,
            )
        )
        task = asyncio.create_task(self._go_on(flow, record, self._tasks.get(message_id)), name="message")
        task.add_done_callback(_tell_failure)
        self._enter(message_id, flow, task)

    async def _go_on(self, flow: Flow, record: Record, before: "asyncio.Task[Record] | None") -> Record:
        """Go on with a message; `before` is its way up to here, if the report was quicker than our own bookkeeping."""
        made = len(record.attempts)
        try:
            if before is not None:
                await asyncio.wait([before])
                now = await self._desk.recorder.known(record.envelope.id)
                if now is None or len(now.attempts) != made:  # it sent something after all, and follows that
                    flow.give_up()
                    made = len(now.attempts) if now is not None else made
            await self._desk.recorder.own(record)
            if await self._courses.is_needless(record):  # while it was written down that it is sent again
                flow.give_up()
            async with self._courses.places:
                record = await flow.run()
            await self._follow(record, since=made)
        except asyncio.CancelledError:
            record = await flow.abandon()
        except Exception:
            with contextlib.suppress(Exception):  # as in `_see_through`
                self._tracking.woken(await flow.abandon())
            raise
        for doubt in flow.doubts:
            self._doubts.add(doubt)
        self._tracking.woken(record)
        return record

    def _heed(self, record: Record) -> None:
        """Note that there is news of a message; somebody else is asked about a lookup that nobody has in hand."""
        self.fallbacks.heed(record)
        orphan = record.envelope.channel is Channel.HLR and record.envelope.id not in self._tasks
        if orphan and not self._desk.closing and stage_of(record) is Stage.WAITING and is_told(record):
            self.start(self._door.routed(record.envelope), record)

    async def _delivered(self, record: Record, provider: str) -> None:
        """Note that a message was delivered: whatever was still to be sent is not sent any more."""
        self.taken(record.envelope.id)
        await self.fallbacks.delivered(record, provider)

    def _enter(self, message_id: str, flow: Flow, task: asyncio.Task[Record]) -> None:
        if self.begun is not None:
            self.begun.add(message_id)
        self._flows[message_id] = flow
        self._tasks[message_id] = task
        task.add_done_callback(lambda task: self._done(message_id, task))

    async def _look_up(self, question: HlrLookup) -> LookupResult | None:
        return lookup_result(await self.send(self._door.parse(question), until_final=False))

    def _done(self, message_id: str, task: asyncio.Task[Record]) -> None:
        if self._tasks.get(message_id) is task:
            self._leave(message_id)

    def _leave(self, message_id: str) -> None:
        self._tasks.pop(message_id, None)
        self._flows.pop(message_id, None)

    async def _follow(self, record: Record, *, since: int = 0) -> None:
        for attempt in record.attempts[since:]:
            await self._tracking.follow(record, attempt)

    async def _second_opinion(self, flow: Flow, record: Record) -> Record:
        """Ask one other provider where the first could not answer a lookup."""
        message_id = record.envelope.id
        record = await self._tracking.until_told(message_id)
        taken = sum(isinstance(attempt.outcome, Accepted) for attempt in record.attempts)
        for _ in range(SECOND_OPINIONS + 1 - taken):
            if is_final(record) or not flow.has_budget:
                break
            made = len(record.attempts)
            record = await flow.again(record.attempts[-1].provider)
            await self._follow(record, since=made)
            record = await self._tracking.until_told(message_id)
        return await flow.settle_for(record)
