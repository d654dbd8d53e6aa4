"""From the store to the flows: messages that wait are fetched when there is room for them, the urgent ones first.

Theory of operation. What is taken while there is room starts at once. The rest stays in the store and costs no memory;
it is fetched by class, in the order of time, when messages on their way are done or their time has come. A class that
is less urgent may not fill all places, so that a code finds one free however many campaigns are on their way; and each
class that waits has a place out of ten. Times are looked at by the wall clock at least once a minute.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import inf
from types import MappingProxyType

from pointsman.clock import Clock
from pointsman.engine.queue import URGENCY
from pointsman.engine.schedule import LONGEST_SLEEP
from pointsman.engine.turns import Turns
from pointsman.message import MessageClass
from pointsman.store import Record, Store
from pointsman.store.stage import run_at

_log = logging.getLogger("pointsman.dispatch")

FETCHED_AT_ONCE = 50
"""Messages that are fetched, and then begun, in one go; more would hold up the event loop."""
DRAINED_AT_ONCE = 500
"""Messages that are cancelled in one go at the end."""
AGAIN = 5.0
"""Seconds until the store is asked again that could not answer, or had nothing of what it said was due."""
SHARE: Mapping[MessageClass, float] = MappingProxyType(
    {MessageClass.OTP: 1.0, MessageClass.TRANSACTIONAL: 0.95, MessageClass.MARKETING: 0.9}
)
"""How much of all places messages of a class and of less urgent ones may have together; there is always one."""
REFILL = 0.05
"""The share of all places that must be free before the store is asked again; it is not asked for each of them."""

_NOBODY: Counter[MessageClass] = Counter()
_LANES = {urgency: lane for lane, urgency in URGENCY.items()}


class Dispatcher:
    """Fetches what waits in the store.

    State: how many messages of each class wait there, of which classes some may be due, the turns, and the task.
    """

    def __init__(self, store: Store, clock: Clock, most: int, under_way: Counter[MessageClass]) -> None:
        """`most` messages may be on their way, `under_way` counts those that are."""
        self._store = store
        self._clock = clock
        self._most = most
        self._under_way = under_way
        self._arriving: Counter[MessageClass] = Counter()
        self._backlog: Counter[MessageClass] = Counter()
        self._due: dict[MessageClass, int] = {}
        """Classes of which messages may be due in the store, and how often some were left there."""
        self._left = 0
        self._turns = Turns()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.carry_on: Callable[[Record], object] = _nobody
        """Sees a message through that was fetched."""

    def __repr__(self) -> str:
        return f"<Dispatcher waiting={self._backlog.total()}>"

    async def start(self) -> None:
        """Begin to fetch what was left in the store."""
        self._backlog = Counter(await self._store.waiting())
        for lane in MessageClass:
            self._note_due(lane)
        self._task = asyncio.create_task(self._run(), name="dispatch")

    async def close(self) -> None:
        """Fetch nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def backlog(self) -> Counter[MessageClass]:
        """Return how many messages of each class wait in the store."""
        return +self._backlog

    def room_for(self, lane: MessageClass, others: Counter[MessageClass]) -> int:
        """Return how many messages of a class may start now; `others` are about to as well."""
        room, share = self._most, max(int(self._most * SHARE[lane]), 1)
        for counted in (self._under_way, self._arriving, others):
            for one, count in counted.items():
                room -= count
                if URGENCY[one] >= URGENCY[lane]:
                    share -= count
        return min(room, share)

    def may_start(self, lanes: Counter[MessageClass]) -> bool:
        """Say whether new messages may start at once: there is room, and none of their class waits before them."""
        others: Counter[MessageClass] = Counter()
        for lane, count in lanes.items():
            if lane in self._due or count > self.room_for(lane, others):
                return False
            others[lane] = count
        return True

    def expect(self, lanes: Counter[MessageClass]) -> None:
        """Keep places for messages that are about to start."""
        self._arriving.update(lanes)

    def arrived(self, lanes: Counter[MessageClass]) -> None:
        """Give such places back: the messages have started, or are not going to."""
        self._arriving.subtract(lanes)

    def left(self, records: Iterable[Record]) -> None:
        """Note that messages were left in the store."""
        now = self._clock.now()
        for record in records:
            lane = record.envelope.message.message_class
            self._backlog[lane] += 1
            if run_at(record) <= now:
                self._note_due(lane)
        self._news.set()

    async def put_back(self, record: Record) -> None:
        """Leave a message in the store that has to wait for a later time."""
        await self._store.give_back((record.envelope.id,), self._clock.now())
        self.left((record,))

    def gone(self, lane: MessageClass) -> None:
        """Note that a message that waited in the store was cancelled."""
        self._backlog[lane] = max(self._backlog[lane] - 1, 0)

    def freed(self) -> None:
        """Note that a message is done, so that there may be room for another one."""
        if self._due and not self._news.is_set() and self._has_room():
            self._news.set()

    async def drain(self) -> tuple[Record, ...]:
        """Take some of what is left in the store, whenever it is due; nothing when there is nothing left."""
        for lane in MessageClass:
            if records := await self._store.take(lane, inf, DRAINED_AT_ONCE):
                return records
        return ()

    def _note_due(self, lane: MessageClass) -> None:
        self._left += 1
        self._due[lane] = self._left

    def _has_room(self) -> bool:
        """Say whether it is worth while to ask the store: a code does not wait until more is free."""
        if MessageClass.OTP in self._due and self.room_for(MessageClass.OTP, _NOBODY) > 0:
            return True
        step = max(int(self._most * REFILL), 1)
        return any(self.room_for(lane, _NOBODY) >= step for lane in self._due)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                pause = await self._look()
            except Exception as error:  # noqa: BLE001 - whatever it is, what waits must be fetched some time
                _log.warning("what waits could not be fetched: %s", type(error).__name__)
                pause = AGAIN
            await self._sleep(pause)

    async def _look(self) -> float | None:
        """Fetch what is due; return the seconds until the next look, None when only news lead to one."""
        now = self._clock.now()
        due = await self._store.next_due(now)
        if due is not None and due <= now:
            for lane in MessageClass:
                if lane not in self._due:
                    self._note_due(lane)
        before = self._backlog.total()
        await self._fetch()
        if due is None or self._due:  # whoever is done with a message says so
            return LONGEST_SLEEP if self._store.durable else None
        if due > now:
            return min(due - now, LONGEST_SLEEP)
        return 0.0 if self._backlog.total() < before else AGAIN

    async def _fetch(self) -> None:
        """Fetch as much as there is room for."""
        while wanted := self._wanted():
            for lane in sorted(wanted, key=URGENCY.__getitem__):
                await self._take(lane, wanted[lane])
            await self._clock.sleep(0)

    def _wanted(self) -> Counter[MessageClass]:
        """Return how many messages of each class are fetched next."""
        wanted: Counter[MessageClass] = Counter()
        for _ in range(FETCHED_AT_ONCE):
            lanes = [URGENCY[lane] for lane in self._due if self.room_for(lane, wanted) > 0]
            if not lanes:
                break
            wanted[_LANES[self._turns.next(lanes)]] += 1
        return wanted

    async def _take(self, lane: MessageClass, limit: int) -> None:
        left = self._due.get(lane)
        records = await self._store.take(lane, self._clock.now(), limit)
        if len(records) < limit and self._due.get(lane) == left:
            self._due.pop(lane, None)
        self._backlog[lane] = max(self._backlog[lane] - len(records), 0)
        for record in records:
            self.carry_on(record)

    async def _sleep(self, seconds: float | None) -> None:
        """Wait for news or until it is time to look at the store again."""
        waiting = {asyncio.ensure_future(_told(self._news))}
        if seconds is not None:
            waiting.add(asyncio.ensure_future(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()


def _nobody(record: Record) -> None:
    del record


async def _told(event: asyncio.Event) -> None:
    await event.wait()
