"""After a start: what the last process left is found in the store and gone on with.

Theory of operation. First come attempts that were started and not settled: their outcome is unknown, and it is looked
into before anything else happens to these messages. What waits is fetched by the dispatcher, by and by. Then, while
messages are sent already, those are found again of which reports are waited for: they are asked about as often as their
age demands, what they are going to cost is kept back, and the SMS in place of Viber messages are seen to.
"""

import asyncio
import logging
from functools import partial

from pointsman.engine.debts import Debts, is_due
from pointsman.engine.desk import Desk
from pointsman.engine.doubts import Doubt, Doubts
from pointsman.engine.parsing import Door
from pointsman.engine.restoring import submission_again
from pointsman.engine.serving import Serving
from pointsman.engine.tracking import Tracking
from pointsman.outcome import Attempt, Unknown
from pointsman.routing.reconcile import GIVE_UP
from pointsman.store import Record
from pointsman.store.record import awaits_fallback
from pointsman.store.stage import Stage, stage_of

_log = logging.getLogger("pointsman.recovery")

PAGE = 500
"""Messages that are looked at in one go; more would hold up the event loop."""


class Recovery:
    """Finds messages again. State: the task that looks for those whose reports are waited for."""

    def __init__(
        self, desk: Desk, serving: Serving, tracking: Tracking, doubts: Doubts, debts: Debts, door: Door
    ) -> None:
        self._desk = desk
        self._serving = serving
        self._tracking = tracking
        self._doubts = doubts
        self._debts = debts
        self._door = door
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Recovery {'at work' if self._task is not None and not self._task.done() else 'done'}>"

    async def start(self) -> None:
        """Go on with the attempts that nobody settled; look for the rest in the background. Raises `StoreError`."""
        recorder = self._desk.recorder
        if not recorder.durable:
            return
        self._serving.begun = set()
        found = 0
        while records := await recorder.store.recover(self._desk.clock.now(), PAGE):
            found += len(records)
            for record in records:
                self._serving.carry_on(record)
        if found:
            _log.warning("%d attempts had been started and not settled; what became of them is looked into", found)
        self._task = asyncio.create_task(self._follow(), name="recovery")

    async def close(self) -> None:
        """Look for nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        recorder = self._desk.recorder
        after = ""

        async def page() -> tuple[Record, ...]:
            return await recorder.store.followed(after, PAGE)

        while records := await recorder.insist(page):
            for record in records:
                await self._follow_one(record)
            after = records[-1].envelope.id
            await self._desk.clock.sleep(0)
        self._serving.begun = None
        await self._step_in()

    async def _follow_one(self, record: Record) -> None:
        """Follow a message again, unless this process has had it in hand already."""
        begun = self._serving.begun
        message_id = record.envelope.id
        if begun is None or message_id in begun:
            return
        begun.add(message_id)
        try:
            self.restore(record)
            for attempt in record.attempts:
                await self._tracking.follow(record, attempt)
            if awaits_fallback(record):
                self._serving.fallbacks.watch(self._door.routed(record.envelope), given_up=False)
        except Exception as error:  # noqa: BLE001 - one message must not keep the others from being followed
            _log.error("message %s could not be followed again: %s", message_id, type(error).__name__)

    def restore(self, record: Record) -> None:
        """Restore what is kept in memory about attempts that somebody else made: money, and questions about doubts.

        Of a message that goes on the last attempt is looked into by whoever goes on with it.
        """
        try:
            self._restore_money(record)
        except Exception as error:  # noqa: BLE001 - such as a currency without a rate: the message goes on all the same
            _log.error("the money of %s could not be restored: %s", record.envelope.id, type(error).__name__)
        goes_on = stage_of(record) is Stage.WAITING
        for attempt in record.attempts[:-1] if goes_on else record.attempts:
            if isinstance(attempt.outcome, Unknown):
                self._doubt(record, attempt)

    def _restore_money(self, record: Record) -> None:
        """Keep back what deliveries are going to cost, and count as spent what is in doubt."""
        for attempt in record.attempts:
            station = self._desk.stations.get(attempt.provider)
            if station is None or not station.holds(attempt):
                continue
            due = attempt.on_delivery
            if due is not None and is_due(record, attempt):
                self._debts.owe(attempt.provider, record.envelope.id, attempt.number, due)
            if isinstance(attempt.outcome, Unknown):
                self._desk.resolving.count(record.envelope, attempt)

    def _doubt(self, record: Record, attempt: Attempt) -> None:
        """Ask about an attempt in doubt now and then, as long as an answer can still come."""
        station = self._desk.stations.get(attempt.provider)
        is_late = self._desk.clock.now() - attempt.started_at >= GIVE_UP
        if station is None or not station.holds(attempt) or is_late:
            return
        sent = submission_again(station, record.envelope, attempt)
        self._doubts.add(Doubt(station=station, envelope=record.envelope, attempt=attempt, sent=sent))

    async def _step_in(self) -> None:
        """Make the SMS in place of Viber messages whose records say that they step in, but which do not exist."""
        recorder = self._desk.recorder
        for message_id, sms_id in (await recorder.insist(recorder.expected)).items():
            if self._serving.fallbacks.watches(message_id):
                continue  # this process makes it just now
            record = await recorder.get(message_id)
            if record is not None and record.sms == sms_id and await recorder.get(sms_id) is None:
                self._serving.fallbacks.watch(self._door.routed(record.envelope), given_up=False)
            else:
                await recorder.insist(partial(recorder.arrived, message_id))
