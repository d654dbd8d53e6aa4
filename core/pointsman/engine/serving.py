"""The way of a message from the door to its last word: its attempts, its reports, and the second try of a lookup."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import msgspec

from pointsman.engine.doubts import Doubts
from pointsman.engine.fallback import Fallbacks
from pointsman.engine.flow import Desk, Flow
from pointsman.engine.locating import NONEXISTENT, Locating
from pointsman.engine.parsing import Door, Parsed
from pointsman.engine.schedule import Schedule
from pointsman.engine.tracking import Tracking
from pointsman.engine.watching import last_question
from pointsman.events import Resent
from pointsman.message import Channel, HlrLookup, Viber
from pointsman.outcome import Attempt, LookupResult, LookupState, Report, State
from pointsman.routing.match import Schedule as KeptBy
from pointsman.routing.resuming import SECOND_OPINIONS
from pointsman.store import Record
from pointsman.store.change import Due, Located, Resume
from pointsman.store.record import is_final, lookup_result

_log = logging.getLogger("pointsman.serving")

GIVEN_UP_KEPT = 100_000
"""Messages of which it is remembered that they are not wanted any more; the oldest are forgotten first."""


def _nobody_asks() -> None:
    pass


def _nobody_listens(record: Record) -> None:
    del record


def _is_kept(parsed: Parsed) -> bool:
    """Say whether we keep a message until it is due. One that no route is for need not wait to be told so."""
    envelope, route = parsed.envelope, parsed.route
    return envelope.due > envelope.accepted_at and route is not None and route.schedule is KeptBy.ROUTER


def _tell_failure(task: asyncio.Task[Record]) -> None:
    """Log what broke the way of a message for which nobody waits."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a message could not be seen through: %s", type(error).__name__)


class _Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """How a message comes in, and who wants to know of it."""

    attempted: Callable[[], object]
    """Called once, when only its time or reports are waited for."""
    taken: Callable[[Record], object]
    """Told the record of a message that is written down now."""
    is_recorded: bool
    """It was written down before."""


class Serving:
    """The messages on their way. State: one task and one flow for each of them."""

    def __init__(
        self, desk: Desk, tracking: Tracking, doubts: Doubts, door: Door, locating: Locating, most: int
    ) -> None:
        self._desk = desk
        self._tracking = tracking
        self._doubts = doubts
        self._door = door
        self._locating = locating
        self._places = asyncio.Semaphore(most)
        self._schedule = Schedule(desk.clock)
        self._flows: dict[str, Flow] = {}
        self._tasks: dict[str, asyncio.Task[Record]] = {}
        self._given_up: dict[str, None] = {}
        """Messages that nobody wants any more, the latest last: what has left of them is not sent once more."""
        self._in_place: dict[str, str] = {}
        """By the id of a Viber message, the SMS in its place that is being sent again."""
        self._fallbacks = Fallbacks(desk, tracking, door, carry=self._carry, withdraw=self._withdraw)
        tracking.last_question = lambda record: last_question(door.routed(record.envelope))
        tracking.heed, tracking.delivered = self._fallbacks.heed, self._delivered
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
            record = await self._fallbacks.resting(record)
            return await self.until_final(message_id) if until_final else record
        except asyncio.CancelledError:
            self.give_up(message_id)
            raise

    async def submit(self, parsed: Parsed) -> Record:
        """Take a message; return when it is written down, and see it through in the background.

        A caller that is cancelled before gives the message up.
        """
        taken: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        task = self._begin(parsed, _nobody_asks, taken.set_result)
        try:
            await asyncio.wait({taken, task}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.give_up(parsed.envelope.id)
            raise
        if not taken.done():
            return await task
        task.add_done_callback(_tell_failure)
        return taken.result()

    def _begin(
        self,
        parsed: Parsed,
        attempted: Callable[[], object] = _nobody_asks,
        taken: Callable[[Record], object] = _nobody_listens,
        *,
        is_recorded: bool = False,
    ) -> asyncio.Task[Record]:
        message_id = parsed.envelope.id
        flow = Flow(self._desk, parsed.envelope, parsed.route)
        beginning = _Beginning(attempted=attempted, taken=taken, is_recorded=is_recorded)
        task = asyncio.create_task(self._see_through(flow, parsed, beginning), name="message")
        self._enter(message_id, flow, task)
        return task

    def give_up(self, message_id: str) -> bool:
        """Keep a message, or the SMS in its place, from being sent if it has not left; say whether it was on its way.

        An SMS that waits for its turn is not sent any more either. What a provider loses later is not sent again.
        """
        self._given_up[message_id] = None
        if len(self._given_up) > GIVEN_UP_KEPT:
            del self._given_up[next(iter(self._given_up))]
        was_under_way = self._withdraw(message_id)
        copy = self._in_place.get(message_id)
        was_under_way |= copy is not None and self._withdraw(copy)
        return self._fallbacks.give_up(message_id) or was_under_way

    def taken(self, message_id: str) -> None:
        """Note that an attempt turned out to be accepted, or a copy delivered, so that no other attempt is made."""
        flow = self._flows.get(message_id)
        if flow is not None:
            flow.took()

    async def close(self) -> None:
        """Wait for the flows, which end by themselves once the lanes are closed."""
        for flow in self._flows.values():
            flow.give_up()
        self._fallbacks.stop()
        if unsent := await self._schedule.close():
            _log.warning("%d messages that were not due yet are cancelled, because the router was closed", unsent)
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

    def _carry(self, parsed: Parsed) -> asyncio.Task[Record]:
        return self._begin(parsed, is_recorded=True)

    def _withdraw(self, message_id: str) -> bool:
        flow = self._flows.get(message_id)
        if flow is not None:
            flow.give_up()
            self._schedule.drop(message_id)
        return flow is not None

    async def _see_through(self, flow: Flow, parsed: Parsed, beginning: _Beginning) -> Record:
        try:
            record = await self._attempt(flow, parsed, beginning)
            parsed = flow.parsed
            await self._follow(record)
            if parsed.envelope.channel is Channel.HLR:
                record = await self._second_opinion(flow, record)
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

    async def send_again(self, record: Record, attempt: Attempt, report: Report) -> Record | None:
        """Have a message that a provider lost sent by another one, if the failover table says so.

        Lookups have their second opinion, and a Viber message with an SMS in its place has that. That SMS is not sent
        again once the Viber message has arrived after all, and nothing is that its caller gave up.
        """
        message = record.envelope.message
        if isinstance(message, HlrLookup) or (isinstance(message, Viber) and message.fallback is not None):
            return None
        message_id = record.envelope.id
        if not self._given_up.keys().isdisjoint({message_id, record.envelope.parent}):
            return None
        flow = Flow.resumed(self._desk, record, self._door.routed(record.envelope).route)
        if report.state is None or not flow.may_go_on(attempt.provider, report) or await self._has_arrived(record):
            return None
        before, record = await self._desk.recorder.change(message_id, Resume())
        if record is before:
            return None
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
        if (parent := record.envelope.parent) is not None:
            self._in_place[parent] = message_id
            task.add_done_callback(lambda _: self._in_place.pop(parent, None))
        return record

    async def _has_arrived(self, record: Record) -> bool:
        """Say whether an SMS is not needed any more: the Viber message whose place it took was delivered."""
        parent = record.envelope.parent
        viber = await self._desk.recorder.get(parent) if parent is not None else None
        return viber is not None and viber.state is State.DELIVERED

    async def _go_on(self, flow: Flow, record: Record, before: "asyncio.Task[Record] | None") -> Record:
        """Go on with a message; `before` is its way up to here, if the report was quicker than our own bookkeeping."""
        made = len(record.attempts)
        try:
            if before is not None:
                await asyncio.wait([before])
                now = await self._desk.recorder.get(record.envelope.id)
                if now is None or len(now.attempts) != made:  # it sent something after all, and follows that
                    flow.give_up()
                    made = len(now.attempts) if now is not None else made
            if await self._has_arrived(record):  # while it was written down that it is sent again
                flow.give_up()
            async with self._places:
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

    async def _delivered(self, record: Record, provider: str) -> None:
        """Note that a message was delivered: whatever was still to be sent is not sent any more."""
        self.taken(record.envelope.id)
        await self._fallbacks.delivered(record, provider)

    def _enter(self, message_id: str, flow: Flow, task: asyncio.Task[Record]) -> None:
        self._flows[message_id] = flow
        self._tasks[message_id] = task
        task.add_done_callback(lambda task: self._done(message_id, task))

    async def _attempt(self, flow: Flow, parsed: Parsed, beginning: _Beginning) -> Record:
        envelope, attempted = parsed.envelope, beginning.attempted
        try:
            if not beginning.is_recorded:
                beginning.taken(await self._desk.recorder.accept(envelope))
            if _is_kept(parsed):
                attempted()
                attempted = _nobody_asks
                if flow.is_given_up or not await self._schedule.until(envelope.id, envelope.due):
                    return await flow.abandon()
                await self._desk.recorder.change(envelope.id, Due())
            # A lookup takes a place of its own, so a message that waits for one must not have taken its place yet.
            if (refused := await self._locate(flow, parsed)) is not None:
                return refused
            async with self._places:
                return await flow.run()
        finally:
            attempted()

    async def _locate(self, flow: Flow, parsed: Parsed) -> Record | None:
        """Find out where a number is, if the route says so; return the record of a message that is refused for it."""
        result = await self._locating.find(parsed, flow.news)
        if result is None or flow.is_given_up or self._desk.closing:
            return None
        _, record = await self._desk.recorder.change(parsed.envelope.id, Located(result))
        if result.state is LookupState.NONEXISTENT:
            return await flow.refuse(NONEXISTENT)
        flow.relocate(record.envelope, self._door.route(record.envelope))
        return None

    async def _look_up(self, question: HlrLookup) -> LookupResult | None:
        return lookup_result(await self.send(self._door.parse(question), until_final=False))

    def _done(self, message_id: str, task: asyncio.Task[Record]) -> None:
        if self._tasks.get(message_id) is task:
            del self._tasks[message_id]
            del self._flows[message_id]

    async def _follow(self, record: Record, *, since: int = 0) -> None:
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
