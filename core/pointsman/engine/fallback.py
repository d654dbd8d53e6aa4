"""The SMS in place of a Viber message that did not get through: started once at most, and only while it is wanted.

Theory of operation. A Viber message whose attempts are over has a *watch* until `routing.fallback.decide` says that the
SMS starts or never will. First it is written down in the record of the Viber message that this SMS steps in, then the
SMS gets a record of its own, and only then is it sent: whoever finds the first without the second, after a crash or a
full disk, makes the second under the same id. A report of delivery withdraws the SMS as long as it has not left.
"""

import asyncio
import logging
from collections.abc import Callable

from pointsman.engine.alarm import Alarm
from pointsman.engine.desk import Desk
from pointsman.engine.parsing import Door, Parsed
from pointsman.engine.tracking import Tracking
from pointsman.engine.watching import Watch, fallback_of
from pointsman.events import LateDelivery, SteppedIn
from pointsman.message import Channel, FallbackTrigger
from pointsman.routing.fallback import Never, Start, Wait, decide
from pointsman.store import Record
from pointsman.store.change import FellBack, Forgo
from pointsman.store.whole import has_left, is_over

_log = logging.getLogger("pointsman.fallback")

AGAIN = 60.0
"""Seconds until a step is tried again that could not be written down."""

Carry = Callable[[Parsed, Record], "asyncio.Task[Record]"]
"""Sends a message that is recorded already; the task ends with its outcome."""
Withdraw = Callable[[str], bool]
"""Keeps a message from being sent if it has not left yet."""


class Fallbacks:
    """The watches of all Viber messages that an SMS may follow. State: these, by the id of the Viber message."""

    def __init__(self, desk: Desk, tracking: Tracking, door: Door, *, carry: Carry, withdraw: Withdraw) -> None:
        self._desk = desk
        self._tracking = tracking
        self._door = door
        self._carry = carry
        self._withdraw = withdraw
        self._watches: dict[str, Watch] = {}
        self._alarm = Alarm(desk.clock)

    def __repr__(self) -> str:
        return f"<Fallbacks watches={len(self._watches)}>"

    def watch(self, parsed: Parsed, *, given_up: bool) -> None:
        """See to the SMS of a message whose attempts are over, if it has one."""
        fallback = fallback_of(parsed)
        if fallback is None or self._desk.closing:
            return
        watch = self._watches[parsed.envelope.id] = Watch(parsed=parsed, fallback=fallback, given_up=given_up)
        watch.task = asyncio.create_task(self._see_to(watch), name="fallback")

    def watches(self, message_id: str) -> bool:
        """Say whether a message is seen to: what has to be done for it is done, and must not be done twice."""
        return message_id in self._watches

    def give_up(self, message_id: str) -> bool:
        """Send no SMS in place of a message, unless it has left; say whether that was still open."""
        watch = self._watches.get(message_id)
        if watch is None:
            return False
        watch.given_up = True
        watch.news.set()
        if watch.sms_id is not None:
            self._withdraw(watch.sms_id)
        return True

    def heed(self, record: Record) -> None:
        """Note that there is news of a message."""
        watch = self._watches.get(record.envelope.id)
        if watch is not None:
            watch.news.set()

    async def delivered(self, record: Record, provider: str) -> None:
        """Note that a message was delivered: withdraw the SMS, or tell that it has left."""
        watch = self._watches.get(record.envelope.id)
        if watch is not None:
            watch.delivered_by = provider
            if watch.sms_id is not None:
                self._withdraw(watch.sms_id)
            return
        sms = await self._desk.recorder.sms_of(record)
        if sms is not None:
            self._withdraw(sms.envelope.id)  # a provider may have lost it, and another one be about to send it again
        if sms is not None and has_left(sms):
            self._tell_late(record.envelope.id, sms, provider)

    async def resting(self, record: Record) -> Record:
        """Wait until what can be done at once for a message is done; return its record then."""
        watch = self._watches.get(record.envelope.id)
        if watch is None:
            return record
        await watch.resting.wait()
        return await self._desk.recorder.get(record.envelope.id) or record

    async def until_over(self, message_id: str) -> Record:
        """Wait until nothing more is going to be done for a message and the SMS in its place.

        Raises `KeyError` for an unknown one, `RouterClosed` when that is not going to happen any more.
        """
        watch = self._watches.get(message_id)
        if watch is not None:
            await watch.decided.wait()
        while True:
            record = await self._desk.recorder.get(message_id)
            sms = await self._desk.recorder.sms_of(record) if record is not None else None
            if record is None or sms is None:
                return await self._tracking.until_final(message_id)
            if is_over(record, sms):
                return record
            await self._news_of(record, sms)

    def stop(self) -> None:
        """Start no SMS any more, once the desk says that the router closes. What is open stays so in its record."""
        for watch in self._watches.values():
            watch.news.set()

    async def close(self) -> None:
        """Wait for the watches; the SMS that were on their way are over."""
        await self._alarm.close()
        tasks = {watch.task for watch in self._watches.values() if watch.task is not None}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _see_to(self, watch: Watch) -> None:
        try:
            while not self._desk.closing:
                try:
                    if await self._is_done(watch):
                        return
                except Exception as error:  # noqa: BLE001 - whatever it is, the SMS must be neither lost nor sent twice
                    _log.error("the fallback of %s could not be written down: %s", watch.message_id, _name(error))
                    watch.resting.set()
                    self._alarm.set(self._desk.clock.now() + AGAIN, watch.news)
                    await watch.news.wait()
        finally:
            self._watches.pop(watch.message_id, None)
            self._alarm.forget(watch.news)
            watch.resting.set()
            watch.decided.set()

    async def _is_done(self, watch: Watch) -> bool:
        """Take the next step; say whether it was the last one."""
        watch.news.clear()
        record = await self._desk.recorder.get(watch.message_id)
        if record is None or self._desk.closing:
            return True
        if record.sms is not None:
            if watch.recording or await self._desk.recorder.sms_of(record) is None:
                await self._send(watch, self._door.in_place_of(watch.parsed, record.sms))
            return True
        now = self._desk.clock.now()
        envelope, route = watch.parsed.envelope, watch.parsed.route
        watch.parsed = Parsed(envelope, self._desk.in_force(envelope, route))
        step = Never() if watch.given_up or record.unwanted else decide(watch.standing(record, now))
        match step:
            case Start(trigger):
                return await self._start(watch, trigger)
            case Never():
                _, after = await self._desk.recorder.change(watch.message_id, Forgo())
                self._tracking.woken(after)
                return True
            case Wait(until):
                watch.resting.set()
                if until is not None:
                    self._alarm.set(until, watch.news)
                await watch.news.wait()
                return False

    async def _start(self, watch: Watch, trigger: FallbackTrigger) -> bool:
        sms = self._door.in_place_of(watch.parsed)
        await self._desk.recorder.expect(watch.message_id, sms.envelope.id)
        _, after = await self._desk.recorder.change(watch.message_id, FellBack(sms.envelope.id))
        if after.sms != sms.envelope.id:  # it was delivered just now, or nobody wants it any more
            await self._desk.recorder.arrived(watch.message_id)
            return False
        self._desk.bus.emit(
            SteppedIn(at=self._desk.clock.now(), message_id=watch.message_id, sms_id=sms.envelope.id, trigger=trigger)
        )
        await self._send(watch, sms)
        return True

    async def _send(self, watch: Watch, sms: Parsed) -> None:
        """Send the SMS. Before it is on its way an error is raised and all can be repeated, later nothing is."""
        message_id = sms.envelope.id
        watch.recording = True
        known = await self._desk.recorder.get(message_id) or await self._desk.recorder.accept(sms.envelope)
        await self._desk.recorder.arrived(watch.message_id)
        task = self._carry(sms, known)
        watch.sms_id = message_id
        if watch.given_up or watch.delivered_by is not None:
            self._withdraw(message_id)
        watch.decided.set()
        try:
            await asyncio.shield(task)
            record = await self._desk.recorder.get(message_id)
        except Exception as error:  # noqa: BLE001 - it is told, and must not be taken for an SMS that never started
            _log.error("the SMS in place of %s could not be seen through: %s", watch.message_id, _name(error))
            return
        if record is not None and watch.delivered_by is not None and has_left(record):
            self._tell_late(watch.message_id, record, watch.delivered_by)

    async def _news_of(self, *records: Record) -> None:
        """Wait until one of the records is not as it was."""

        async def changed(before: Record) -> object:
            return await self._tracking.until(before.envelope.id, lambda record: record != before)

        await _first_of({asyncio.create_task(changed(record)) for record in records})

    def _tell_late(self, message_id: str, sms: Record, provider: str) -> None:
        self._desk.bus.emit(
            LateDelivery(
                at=self._desk.clock.now(),
                message_id=message_id,
                sms_id=sms.envelope.id,
                provider=provider,
                channel=Channel.VIBER,
            )
        )


async def _first_of(waiting: set[asyncio.Task[object]]) -> None:
    """Wait for the first of several tasks and end the others; raises what it raised."""
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
    for one in done:
        one.result()


def _name(error: Exception) -> str:
    return type(error).__name__
