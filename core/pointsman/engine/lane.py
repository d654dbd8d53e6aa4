"""The way to one provider: messages wait here, travel together where they can, and come back with their outcomes.

A request starts as soon as a slot is free and the pace allows it, so an idle provider adds no delay; what gathered in
the meantime travels together. A refusal of a whole batch that names no culprit is divided: it is a definite no, so
sending the halves cannot duplicate anything.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from pointsman.clock import Clock
from pointsman.engine.calling import Caller, Calls
from pointsman.engine.guard import Broke, Guard
from pointsman.engine.ids import Ids
from pointsman.engine.queue import URGENCY, Load, Queue, Ticket, Withdrawn, answer, fail
from pointsman.engine.submitting import divisible, submit_plan
from pointsman.message import MessageClass
from pointsman.outcome import Fault, Outcome, Refused, Unknown, UnknownReason
from pointsman.plugin import Batch, Each, Provider, Resubmit, Whole
from pointsman.routing.limiter import Limiter

_log = logging.getLogger("pointsman.lane")

Starter = Callable[[Load, Batch, float], Awaitable[None]]
"""Called before a request leaves, to write down which attempts are about to start, under which references."""

THROTTLE_PAUSE = 1.0
"""Seconds without new requests after "too fast" when the provider names no time."""


_CUT_OFF = Unknown(reason=UnknownReason.CANCELLED, detail="the router stopped waiting")
_NOT_SENT = Refused(fault=Fault.UNAVAILABLE, code="not_sent", detail="the router stopped before it left")


class _Thinner(Exception):
    """Not everybody in a load wants to go any more, and nothing has left yet; `load` is what remains, if anything."""

    def __init__(self, load: Load | None) -> None:
        super().__init__()
        self.load = load


class _Way:
    """What travels in the latest request: a plugin may have had to change the references of the first."""

    __slots__ = ("batch",)

    def __init__(self, batch: Batch) -> None:
        self.batch = batch


class Lane:
    """One provider's queue, its pace, and the requests in flight.

    State: the queue, the number of loads on their way, and whether a wake-up is due.
    """

    def __init__(
        self,
        provider: Provider,
        caller: Caller,
        guard: Guard,
        limiter: Limiter,
        clock: Clock,
        ids: Ids,
        start: Starter,
        *,
        slots: int,
        batch: int | None,
    ) -> None:
        self._provider = provider
        self._caller = caller
        self._guard = guard
        self._limiter = limiter
        self._clock = clock
        self._ids = ids
        self._start = start
        self._slots = slots
        self._most = batch
        self._queue = Queue()
        self._loads: set[asyncio.Task[None]] = set()
        self._pump_due = False
        self._alarm: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Lane waiting={len(self._queue)} in_flight={len(self._loads)}>"

    def put(self, ticket: Ticket) -> None:
        """Queue a message; its passage is answered when the attempt is over or it was withdrawn."""
        try:
            key = self._guard.call("batch_key", lambda: self._provider.batch_key(ticket.submission), _is_key)
        except Broke:
            key = None
        self._queue.put(ticket, None if key is None else (ticket.submission.message.__class__, key))
        self._pump_soon()

    @property
    def waiting(self) -> int:
        """Messages in the queue."""
        return len(self._queue)

    def parts_before(self, message_class: MessageClass) -> int:
        """Return the segments in the queue that go before a newcomer of this class."""
        return self._queue.parts_before(URGENCY[message_class])

    @property
    def in_flight(self) -> int:
        """Requests on their way."""
        return len(self._loads)

    async def close(self, patience: float) -> None:
        """Withdraw what waits, give what is on its way `patience` seconds, then cut it off (it becomes unknown)."""
        for ticket in self._queue.drain():
            if not ticket.passage.done():
                ticket.passage.set_result(Withdrawn.CANCELLED)
        if self._alarm is not None:
            self._alarm.cancel()
        if self._loads:
            await asyncio.wait(self._loads, timeout=patience)
        for load in self._loads:
            load.cancel()
        await asyncio.gather(*self._loads, return_exceptions=True)

    def _pump_soon(self) -> None:
        """Start requests at the end of this step of the loop, so that messages sent in it can travel together."""
        if not self._pump_due:
            self._pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pump_due = False
        while len(self._queue) and len(self._loads) < self._slots:
            wait = self._limiter.wait(self._clock.monotonic())
            if wait > 0:
                self._wake_in(wait)
                return
            load = self._queue.take(self._most, self._limiter.burst)
            if load is None:
                return
            self._limiter.take(self._clock.monotonic(), load.parts)
            task = asyncio.create_task(self._carry(load), name="load")
            self._loads.add(task)
            task.add_done_callback(self._carried)

    def _carried(self, task: asyncio.Task[None]) -> None:
        self._loads.discard(task)
        if len(self._queue):
            self._pump_soon()

    def _wake_in(self, seconds: float) -> None:
        if self._alarm is None or self._alarm.done():
            self._alarm = asyncio.create_task(self._wake(seconds), name="lane alarm")

    async def _wake(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._pump_soon()

    async def _carry(self, load: Load) -> None:
        """Take a load to the provider; whatever happens, every ticket is answered."""
        calls = Calls()
        started_at = self._clock.now()
        try:
            await self._travel(load, calls, started_at)
        except Exception as error:  # noqa: BLE001 - told to those who wait; the next load must travel all the same
            _log.error("a request to %s came to nothing: %s", load.places[0][0].provider, type(error).__name__)
        finally:
            for ticket in load.tickets():
                answer(ticket, _NOT_SENT, ticket.submission, "", calls, started_at, shared=False)

    async def _travel(self, load: Load, calls: Calls, started_at: float) -> None:
        way = _Way(Batch(ref=self._ids.new(), channel=load.channel, items=load.items))
        before = calls.count
        try:
            result = await self._submit(load, way, calls, started_at)
        except _Thinner as thinner:
            if thinner.load is not None:
                await self._travel(thinner.load, calls, started_at)
            return
        except BaseException as error:
            left = calls.count > before and calls.progress.left
            lost = _CUT_OFF if left else _NOT_SENT
            for place, item in zip(load.places, way.batch.items, strict=True):
                for ticket in place:
                    if not left and isinstance(error, Exception):
                        fail(ticket, error)
                    answer(ticket, lost, item, way.batch.ref, calls, started_at, shared=False)
            raise
        if len(load.places) > 1 and divisible(result):
            middle = len(load.places) // 2
            await self._travel(Load(load.places[:middle]), calls.copy(), started_at)
            await self._travel(Load(load.places[middle:]), calls.copy(), started_at)
            return
        outcomes = result.outcomes if isinstance(result, Each) else (result.outcome,) * len(load.places)
        self._give_way(outcomes)
        seen: set[object] = set()
        for place, item, outcome in zip(load.places, way.batch.items, outcomes, strict=True):
            for position, ticket in enumerate(place):
                echo = (kind := _kind(outcome)) in seen
                seen.add(kind)
                answer(ticket, outcome, item, way.batch.ref, calls, started_at, shared=position > 0, echo=echo)

    async def _submit(self, load: Load, way: _Way, calls: Calls, started_at: float) -> Each | Whole:
        """Submit once, and once more in another form where the plugin knows one."""

        async def leaving() -> None:
            if calls.count == 0 and (rest := load.sifted()) != load:
                raise _Thinner(rest)  # the login may have taken longer than some of them live, or want to wait
            way.batch = load.aged(way.batch, self._clock.now())
            await self._start(load, way.batch, started_at)

        result = await self._caller.call(submit_plan(self._provider, load, lambda: way.batch), calls, leaving)
        if isinstance(result, Resubmit):
            way.batch = result.batch
            plan = submit_plan(self._provider, load, lambda: way.batch, result.request)
            result = await self._caller.call(plan, calls, leaving)
        if isinstance(result, Resubmit):
            result = result.reason
        if isinstance(result, Refused | Unknown):
            return Whole(outcome=result)
        return result

    def _give_way(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Refused) and outcome.fault is Fault.THROTTLED:
                pause = outcome.retry_after if outcome.retry_after is not None else THROTTLE_PAUSE
                self._limiter.slow_down(self._clock.monotonic(), pause)
                self._queue.paused(self._clock.now() + self._limiter.wait(self._clock.monotonic()))
                return


def _kind(outcome: Outcome) -> object:
    """Return what two outcomes of one request have in common when they are one fact about the provider."""
    return outcome.fault if isinstance(outcome, Refused) else type(outcome)


def _is_key(value: object) -> bool:
    hash(value)  # only now do tuples tell whether all that is in them can be hashed
    return True
