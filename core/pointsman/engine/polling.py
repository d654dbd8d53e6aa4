"""Asking one provider for reports: soon after a message was taken, then less and less often."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import msgspec

from pointsman.clock import Clock
from pointsman.engine.calling import Caller, Plan, Subject, judge_read
from pointsman.engine.soundness import are_reports, is_refusal
from pointsman.events import Operation
from pointsman.message import Channel, Msisdn
from pointsman.outcome import DeliveryState, LookupResult, LookupState, Refused, Report
from pointsman.plugin import Polling, Polls, Provider, Tracked

POLLS_IN_FLIGHT = 4
GIVE_UP = Polling().give_up
"""Seconds after which a message is given up where nobody can be asked."""

Taker = Callable[[str, tuple[Report, ...]], Awaitable[frozenset[str]]]
"""Takes a provider's reports in; returns the ids about which there is nothing more to learn."""


class Watch(msgspec.Struct, kw_only=True, eq=False):
    """One id of a provider about which there is no final report."""

    provider_id: str
    message_id: str
    to: Msisdn
    channel: Channel
    accepted_at: float
    """Wall time."""
    polls: int = 0


class Poller:
    """The watches of one provider, by the time when they are due.

    State: the heap of watches, the ids that are watched, and the questions in flight.
    """

    def __init__(
        self,
        name: str,
        provider: Provider,
        caller: Caller,
        polling: Mapping[Channel, Polling],
        take: Taker,
        clock: Clock,
    ) -> None:
        self._name = name
        self._provider = provider
        self._caller = caller
        self._polling = polling if isinstance(provider, Polls) else {}
        self._take = take
        self._clock = clock
        self._heap: list[tuple[float, int, Watch]] = []
        self._count = 0
        self._news = asyncio.Event()
        self._watched: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Poller {self._name} watches={len(self._heap)} asking={len(self._asking)}>"

    def add(self, watch: Watch) -> None:
        """Watch an id from now on; equal messages may share one, which is asked about once for all of them."""
        if watch.provider_id not in self._watched:
            self._watched.add(watch.provider_id)
            self._schedule(watch)
            self._news.set()

    async def run(self) -> None:
        """Ask whenever something is due, for ever."""
        try:
            while True:
                await self._until_due()
                while len(self._asking) >= POLLS_IN_FLIGHT:
                    await asyncio.wait(self._asking, return_when=asyncio.FIRST_COMPLETED)
                due = self._due()
                if due:
                    task = asyncio.create_task(self._ask(due), name=f"poll {self._name}")
                    self._asking.add(task)
                    task.add_done_callback(self._asking.discard)
        finally:
            for task in tuple(self._asking):
                task.cancel()

    async def _until_due(self) -> None:
        while True:
            self._news.clear()
            wait = self._heap[0][0] - self._clock.now() if self._heap else None
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

    def _due(self) -> list[Watch]:
        """Take the watches of the next question: all due, of one channel, as many as the provider allows."""
        now = self._clock.now()
        batch: list[Watch] = []
        others: list[tuple[float, int, Watch]] = []
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            watch = entry[2]
            limit = self._polling[watch.channel].batch if watch.channel in self._polling else 1
            if not batch or (watch.channel is batch[0].channel and len(batch) < limit):
                batch.append(watch)
            else:
                others.append(entry)
                if len(batch) >= limit:
                    break
        for entry in others:
            heapq.heappush(self._heap, entry)
        return batch

    async def _ask(self, watches: list[Watch]) -> None:
        done: frozenset[str] = frozenset()
        try:
            if watches[0].channel in self._polling:
                reports = await self._reports(watches)
                done = await self._take(self._name, reports)
        finally:
            left = [watch for watch in watches if watch.provider_id not in done]
            over = [watch for watch in left if self._age(watch) >= self._rule(watch).give_up]
            for watch in watches:
                if watch in left and watch not in over:
                    watch.polls += 1
                    self._schedule(watch)
                else:
                    self._watched.discard(watch.provider_id)
            self._news.set()
        if over:
            at = datetime.fromtimestamp(self._clock.now(), tz=UTC)
            await self._take(self._name, tuple(_given_up(watch, at) for watch in over))

    async def _reports(self, watches: list[Watch]) -> tuple[Report, ...]:
        provider = self._provider
        if not isinstance(provider, Polls):
            return ()
        tracked = tuple(
            Tracked(ids=(watch.provider_id,), to=watch.to, channel=watch.channel, accepted_at=watch.accepted_at)
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
        result = await self._caller.call(plan)
        return result if isinstance(result, tuple) else ()

    def _schedule(self, watch: Watch) -> None:
        rule = self._rule(watch)
        pause = _pause(rule, watch.polls)
        give_up = watch.accepted_at + rule.give_up
        due = self._clock.now() + pause if watch.channel in self._polling else give_up
        self._count += 1
        heapq.heappush(self._heap, (min(due, max(give_up, self._clock.now())), self._count, watch))

    def _rule(self, watch: Watch) -> Polling:
        return self._polling.get(watch.channel) or Polling(give_up=GIVE_UP)

    def _age(self, watch: Watch) -> float:
        return self._clock.now() - watch.accepted_at


def _pause(rule: Polling, polls: int) -> float:
    """Return the seconds from one question to the next, after so many of them."""
    try:
        return min(rule.first * rule.factor**polls, rule.longest)
    except OverflowError:  # with short pauses a message is asked about thousands of times
        return rule.longest


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
