"""Asking one provider for reports: soon after a message was taken, then less and less often."""

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import msgspec

from pointsman.clock import Clock, as_utc
from pointsman.engine.backoff import Backoff
from pointsman.engine.calling import Caller, Plan, Subject, judge_read
from pointsman.engine.soundness import are_reports, is_refusal
from pointsman.events import Operation
from pointsman.message import Channel, Msisdn
from pointsman.outcome import DeliveryState, Fault, LookupResult, LookupState, Refused, Report
from pointsman.plugin import Polling, Polls, Provider, Tracked
from pointsman.routing.failover import RULES, Blame

_log = logging.getLogger("pointsman.polling")

POLLS_IN_FLIGHT = 4
PUT_OFF_TOGETHER = 500
"""Watches that are put off in one go while the provider is left alone; more would hold up the event loop."""
GIVE_UP = Polling().give_up
"""Seconds after which a message is given up where nobody can be asked."""
MOST_POLLS = 1_000
"""Questions after which the pause between two has long been the longest one."""
GIVE_UP_AGAIN = 60.0
"""Seconds until a message is given up again, when that could not be written down."""
AGAINST_ALL = frozenset({Blame.PACE, Blame.CELL, Blame.ACCOUNT})
"""Refusals of a question that another question would meet with as well."""

Taker = Callable[[str, tuple[Report, ...]], Awaitable[frozenset[str]]]
"""Takes a provider's reports in; returns the ids about which there is nothing more to learn."""


class Watch(msgspec.Struct, kw_only=True, eq=False, gc=False):
    """One id of a provider about which there is no final report."""

    provider_id: str
    message_id: str
    to: Msisdn
    channel: Channel
    accepted_at: float
    """Wall time."""
    resend: bool = False
    """The provider was asked for an SMS in place of a Viber message that fails."""
    due: float = 0.0
    """Wall time until which the provider keeps the message; it is not asked before."""
    ask_at: float = float("inf")
    """Wall time at which it is asked about whatever the pace is: much may hang on the answer then."""
    polls: int = 0
    give_up_at: float = 0.0
    """Monotonic time, set when the watch begins: a clock that is set must neither end the asking nor prolong it."""
    turn_at: float = float("inf")
    """`ask_at` as monotonic time, set then as well."""


class Poller:
    """The watches of one provider, by the time when they are due.

    Pace and give-up hang on monotonic time. A refusal that speaks against more than the question makes a pause, in
    which nobody is asked but messages are given up as usual; after it, one question at a time goes out until one is
    answered.

    State: a heap of watches for each channel, the ids that are watched, the questions in flight, and the pause.
    """

    def __init__(
        self,
        name: str,
        provider: object,
        caller: Caller | None,
        polling: Mapping[Channel, Polling],
        take: Taker,
        clock: Clock,
    ) -> None:
        """Without a `caller`, or a provider that can be asked, messages are only given up when they are too old."""
        self.name = name
        self._provider = provider
        self._caller = caller
        self._polling = polling if isinstance(provider, Polls) else {}
        self._take = take
        self._clock = clock
        self._heaps: dict[Channel, list[tuple[float, int, Watch]]] = {channel: [] for channel in Channel}
        self._count = 0
        self._news = asyncio.Event()
        self._watched: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()
        self._backoff = Backoff()
        self._empty = asyncio.Event()

    def __repr__(self) -> str:
        watches = sum(map(len, self._heaps.values()))
        return f"<Poller {self.name} watches={watches} asking={len(self._asking)}>"

    def __len__(self) -> int:
        return len(self._watched)

    def renew(self, provider: Provider, caller: Caller, polling: Mapping[Channel, Polling]) -> None:
        """Ask the same account in another way from now on; what waits is put down anew when its turn comes."""
        self._provider, self._caller = provider, caller
        self._polling = polling if isinstance(provider, Polls) else {}
        self._backoff = Backoff()
        self._news.set()

    async def emptied(self) -> None:
        """Wait until nothing is watched."""
        while self._watched:
            self._empty.clear()
            await self._empty.wait()

    def add(self, watch: Watch) -> None:
        """Watch an id from now on; equal messages may share one, which is asked about once for all of them."""
        if watch.provider_id not in self._watched:
            self._watched.add(watch.provider_id)
            now, monotonic = self._clock.now(), self._clock.monotonic()
            kept = max(watch.due - now, 0.0)
            age = max(now - max(watch.accepted_at, watch.due), 0.0)
            watch.give_up_at = monotonic + kept + self._rule(watch).give_up - age
            watch.turn_at = monotonic + watch.ask_at - now
            watch.polls = _polls_by(self._rule(watch), age)
            self._schedule(watch, since=monotonic + kept)

    async def run(self) -> None:
        """Ask whenever something is due, for ever."""
        try:
            while True:
                await self._until_due()
                while len(self._asking) >= (1 if self._backoff.failures else POLLS_IN_FLIGHT):
                    await asyncio.wait(self._asking, return_when=asyncio.FIRST_COMPLETED)
                now = self._clock.monotonic()
                paused = self._backoff.pauses(now)
                due = self._due(now, most=PUT_OFF_TOGETHER if paused else None)
                if due:
                    task = asyncio.create_task(
                        self._put_off(due) if paused else self._ask(due), name=f"poll {self.name}"
                    )
                    self._asking.add(task)
                    task.add_done_callback(self._asking.discard)
        finally:
            for task in tuple(self._asking):
                task.cancel()

    async def _until_due(self) -> None:
        while True:
            self._news.clear()
            first = self._first()
            wait = first[0][0] - self._clock.monotonic() if first else None
            if wait is not None and wait <= 0:
                return
            waiting: set[asyncio.Future[object]] = {asyncio.ensure_future(self._told())}
            if wait is not None:
                waiting.add(asyncio.ensure_future(self._slept(wait)))
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waiting:
                    one.cancel()

    async def _told(self) -> object:
        return await self._news.wait()

    async def _slept(self, seconds: float) -> object:
        await self._clock.sleep(seconds)
        return None

    def _first(self) -> list[tuple[float, int, Watch]] | None:
        """Return the heap of the channel on which something is due first."""
        return min((heap for heap in self._heaps.values() if heap), key=lambda heap: heap[0], default=None)

    def _due(self, now: float, most: int | None = None) -> list[Watch]:
        """Take the watches of the next question: all due, of one channel, as many as the provider allows or `most`."""
        heap = self._first()
        batch: list[Watch] = []
        while heap and heap[0][0] <= now and len(batch) < (most or self._rule(heap[0][2]).batch):
            batch.append(heapq.heappop(heap)[2])
        return batch

    async def _ask(self, watches: list[Watch]) -> None:
        """Ask about watches, take in what is told, and go on with those about which there is more to learn."""
        done: set[str] = set()
        try:
            if watches[0].channel in self._polling:
                for report in await self._reports(watches):
                    done |= await self._taken(report)
        except Exception as error:  # noqa: BLE001 - whatever it is, the messages must be asked about again
            _log.warning("asking %s for reports failed: %s", self.name, type(error).__name__)
        left = []
        for watch in watches:
            if watch.provider_id in done:
                self._unwatch(watch)
            else:
                watch.polls += 1
                left.append(watch)
        await self._go_on(left)

    async def _put_off(self, watches: list[Watch]) -> None:
        """Leave the provider alone for the present."""
        await self._go_on(watches, not_before=self._backoff.until)

    async def _go_on(self, watches: list[Watch], not_before: float = float("-inf")) -> None:
        """Give up what is too old; put the others down for later."""
        now = self._clock.monotonic()
        for watch in watches:
            if now < watch.give_up_at:
                self._schedule(watch, not_before)
        for watch in watches:
            if now >= watch.give_up_at:
                await self._give_up(watch)

    async def _give_up(self, watch: Watch) -> None:
        try:
            await self._take(self.name, (_given_up(watch, as_utc(self._clock.now())),))
        except Exception as error:  # noqa: BLE001 - somebody may wait for this message: its end must come some time
            _log.error("a message of %s could not be given up: %s", self.name, type(error).__name__)
            watch.give_up_at = self._clock.monotonic() + GIVE_UP_AGAIN
            self._schedule(watch)
        else:
            self._unwatch(watch)

    def _unwatch(self, watch: Watch) -> None:
        self._watched.discard(watch.provider_id)
        if not self._watched:
            self._empty.set()

    async def _taken(self, report: Report) -> frozenset[str]:
        """Have one report taken in; one that cannot be must not be in the way of the others."""
        try:
            return await self._take(self.name, (report,))
        except Exception as error:  # noqa: BLE001 - it is asked for again
            _log.warning("a report of %s could not be taken in: %s", self.name, type(error).__name__)
            return frozenset()

    async def _reports(self, watches: list[Watch]) -> tuple[Report, ...]:
        provider = self._provider
        if not isinstance(provider, Polls) or self._caller is None:
            return ()
        tracked = tuple(
            Tracked(
                ids=(watch.provider_id,),
                to=watch.to,
                channel=watch.channel,
                accepted_at=watch.accepted_at,
                resend=watch.resend,
            )
            for watch in watches
        )
        plan: Plan[tuple[Report, ...] | Refused] = Plan(
            operation=Operation.POLL,
            subject=Subject(
                channel=watches[0].channel,
                message_ids=tuple(watch.message_id for watch in watches),
                to=tuple(watch.to for watch in watches),
            ),
            build=lambda session: provider.poll_request(tracked, session),
            read=lambda response: provider.read_poll(tracked, response),
            sound=_sound,
            judge=judge_read,
        )
        asked_at = self._clock.monotonic()
        result = await self._caller.call(plan)
        self._heed(result, asked_at)
        return result if isinstance(result, tuple) else ()

    def _heed(self, result: object, asked_at: float) -> None:
        """Pause after a refusal that others would meet with as well."""
        match result:
            case Refused(fault=fault, retry_after=wanted) if RULES[fault].blame in AGAINST_ALL:
                self._backoff.failed(asked_at, self._clock.monotonic(), wanted if fault is Fault.THROTTLED else None)
            case _:
                self._backoff.succeeded()

    def _schedule(self, watch: Watch, not_before: float = float("-inf"), since: float = float("-inf")) -> None:
        """Put a watch down for its next question: after its pause, counted from `since` if that is yet to come."""
        now = self._clock.monotonic()
        due = watch.give_up_at
        if watch.channel in self._polling:
            turn = max(now, since) + _pause(self._rule(watch), watch.polls)
            if now < watch.turn_at < turn:
                turn = watch.turn_at
            due = min(due, max(turn, not_before))
        self._count += 1
        entry = (max(due, now), self._count, watch)
        heapq.heappush(self._heaps[watch.channel], entry)
        if self._first() is self._heaps[watch.channel] and self._heaps[watch.channel][0] is entry:
            self._news.set()

    def _rule(self, watch: Watch) -> Polling:
        return self._polling.get(watch.channel) or Polling(give_up=GIVE_UP)


def _pause(rule: Polling, polls: int) -> float:
    """Return the seconds from one question to the next, after so many of them."""
    try:
        return min(rule.first * rule.factor**polls, rule.longest)
    except OverflowError:  # with short pauses a message is asked about thousands of times
        return rule.longest


def _polls_by(rule: Polling, age: float) -> int:
    """Return how often a message of this age would have been asked about: old ones are not asked about as new ones."""
    polls, spent = 0, 0.0
    while rule.first > 0 and (spent := spent + _pause(rule, polls)) <= age and polls < MOST_POLLS:
        polls += 1
    return polls


def _given_up(watch: Watch, at: datetime) -> Report:
    """Return the report that ends a wait in which nothing final came."""
    return no_report(watch.provider_id, watch.channel, at)


def no_report(provider_id: str, channel: Channel, at: datetime) -> Report:
    """Return what we report ourselves when nobody did in time."""
    lookup = LookupResult(state=LookupState.UNKNOWN) if channel is Channel.HLR else None
    return Report(
        provider_id=provider_id,
        state=None if lookup is not None else DeliveryState.UNKNOWN,
        lookup=lookup,
        final=True,
        at=at,
        code="no_report",
        detail="no final report in time",
    )


def _sound(value: object) -> bool:
    return are_reports(value) or is_refusal(value)
