"""Taking messages in: read, let in, written down all together, and started or left in the store until there is room."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

import msgspec

from pointsman.clock import Clock
from pointsman.engine.course import is_kept
from pointsman.engine.dispatch import Dispatcher
from pointsman.engine.orders import Admission, Order, Screen, Submitted
from pointsman.engine.parsing import Door, Parsed
from pointsman.engine.recorder import Recorder
from pointsman.engine.serving import Serving
from pointsman.errors import Busy, Denied, InvalidMessage, InvalidMessages
from pointsman.message import Message, MessageClass, Origin, channel_of
from pointsman.outcome import Receipt
from pointsman.store import Record, receipt
from pointsman.store.interface import Claim, Taken

_log = logging.getLogger("pointsman.intake")

PARSED_AT_ONCE = 200
"""Messages of one order that are checked without letting anybody else run."""
STARTED_AT_ONCE = 50
"""Messages that are begun without letting anybody else run."""
BUSY_FOR = 5.0
"""Seconds after which somebody is told to try again when too much waits."""


class Intake:
    """Takes orders. State: the orders that are being written down, so that a caller who leaves does not stop them."""

    def __init__(
        self, door: Door, recorder: Recorder, dispatcher: Dispatcher, serving: Serving, clock: Clock, most: int
    ) -> None:
        """`most` messages may wait to be sent; 0 sets no limit."""
        self._door = door
        self._recorder = recorder
        self._dispatcher = dispatcher
        self._serving = serving
        self._clock = clock
        self._most = most
        self._writing: set[asyncio.Task[Taken] | asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Intake writing={len(self._writing)}>"

    async def close(self) -> None:
        """Wait until what is being written down is written; cancel what waits in a store that ends with us."""
        while self._writing:
            await asyncio.wait(tuple(self._writing))
        await self._dispatcher.close()
        unsent = 0
        while not self._recorder.durable and (records := await self._dispatcher.drain()):
            unsent += len(records)
            for record in records:
                await self._serving.dismiss(record.envelope.id)
        if unsent:
            _log.warning("%d messages that waited to be sent are cancelled, because the router was closed", unsent)

    async def submit(self, message: Message) -> Receipt:
        """Take one message of the program itself. A caller that is cancelled gives the message up."""
        self._check_room(1)
        parsed = self._door.parse(message)
        writing = self._write((parsed,), None)
        try:
            taken = await asyncio.shield(writing)
        except asyncio.CancelledError:
            self._serving.give_up(parsed.envelope.id, writing)
            raise
        return receipt(taken.records[0])

    async def submit_many(
        self, orders: Sequence[Order], client: str, claim: Claim | None, screen: Screen | None
    ) -> Submitted:
        """Take messages of a client, all or none; what is being written down when the caller leaves is taken."""
        try:
            self._check_room(len(orders))
            parsed = await self._parsed(orders, client)
            admission = screen.admit(client, [one.envelope for one in parsed]) if screen is not None else None
        except (Busy, Denied, InvalidMessages):
            # It may be the repeat of a request that was taken: what holds now does not undo that.
            known = await self._recorder.store.claimed(claim) if claim is not None else None
            if known is None:
                raise
            return await self._again(known)
        writing = self._write(parsed, claim, admission)
        taken = await asyncio.shield(writing)
        return await self._again(taken) if taken.repeated else Submitted(tuple([receipt(one) for one in taken.records]))

    async def _again(self, taken: Taken) -> Submitted:
        """Return what became of an order that had been taken before."""
        return Submitted(tuple([await self._recorder.receipt(one) for one in taken.records]), repeated=True)

    async def cancel(self, message_id: str) -> bool:
        """Keep a message from being sent if it has not left, wherever it waits; say whether it was on its way.

        Raises `StoreUnavailable` when that cannot be written down.
        """
        try:
            return await self._serving.cancel(message_id)
        except KeyError:
            return False

    def _check_room(self, more: int) -> None:
        waiting = self._dispatcher.backlog().total() + self._serving.under_way.total()
        if self._most and waiting + more > self._most:
            raise Busy(
                f"{waiting} messages wait to be sent already, and router.max_waiting allows {self._most}", BUSY_FOR
            )

    async def _parsed(self, orders: Sequence[Order], client: str) -> list[Parsed]:
        parsed: list[Parsed] = []
        problems: list[tuple[int, InvalidMessage]] = []
        for place, order in enumerate(orders):
            if place and place % PARSED_AT_ONCE == 0:
                await self._clock.sleep(0)
            try:
                self._door.check_offered(channel_of(order.message))
                one = self._door.parse(order.message)
            except InvalidMessage as problem:
                problems.append((place, problem))
                continue
            origin = Origin(client, order.callback_url)
            parsed.append(Parsed(msgspec.structs.replace(one.envelope, origin=origin), one.route))
        if problems:
            raise InvalidMessages(problems)
        return parsed

    def _write(
        self, parsed: Sequence[Parsed], claim: Claim | None, admission: Admission | None = None
    ) -> "asyncio.Task[Taken]":
        task = asyncio.create_task(self._take(parsed, claim, admission), name="take")
        self._writing.add(task)
        task.add_done_callback(self._written)
        return task

    def _written(self, task: "asyncio.Task[Taken] | asyncio.Task[None]") -> None:
        self._writing.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits is told; where nobody waits any more there is nobody to tell

    async def _take(self, parsed: Sequence[Parsed], claim: Claim | None, admission: Admission | None) -> Taken:
        """Write messages down, all in one go, and start them if there is room."""
        envelopes = [one.envelope for one in parsed]
        lanes = Counter(one.message.message_class for one in envelopes)
        mine = self._may_start(parsed, lanes)
        if mine:
            self._dispatcher.expect(lanes)
        try:
            taken = await self._recorder.accept_all(envelopes, claim=claim, mine=mine)
        except BaseException:
            if mine:
                self._dispatcher.arrived(lanes)
            if admission is not None:
                admission.take_back()
            raise
        if taken.repeated and admission is not None:
            admission.take_back()
        if not mine:
            self._dispatcher.left(() if taken.repeated else taken.records)
            return taken
        records = () if taken.repeated else taken.records
        if len(parsed) == 1:  # nothing to divide, so no task of its own
            await self._start(parsed, records, lanes)
            return taken
        starting = asyncio.create_task(self._start(parsed, records, lanes))
        self._writing.add(starting)
        starting.add_done_callback(self._written)
        return taken

    async def _start(self, parsed: Sequence[Parsed], records: Sequence[Record], lanes: Counter[MessageClass]) -> None:
        """Start messages, a few at a time. They are written down, so whoever brought them hears of no failure."""
        try:
            for place, (one, record) in enumerate(zip(parsed, records, strict=bool(records))):
                if place and place % STARTED_AT_ONCE == 0:
                    await self._clock.sleep(0)
                try:
                    self._serving.start(one, record)
                except Exception as error:  # noqa: BLE001 - one message must not keep the others from being started
                    _log.error("message %s could not be started: %s", record.envelope.id, type(error).__name__)
        finally:
            self._dispatcher.arrived(lanes)

    def _may_start(self, parsed: Sequence[Parsed], lanes: Counter[MessageClass]) -> bool:
        """Say whether messages are seen through from now on, instead of waiting in the store.

        What a provider keeps until it is due leaves at once. What we keep waits in the store, if that outlives us.
        """
        later = [is_kept(one) for one in parsed if one.envelope.due > one.envelope.accepted_at]
        if not all(later):
            return True
        if later:
            return not self._recorder.durable
        return self._dispatcher.may_start(lanes)
