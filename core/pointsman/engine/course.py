"""The first part of a message's way: written down, kept until it is due, looked up, and then attempted."""

import asyncio
from collections.abc import Callable

import msgspec

from pointsman.engine.desk import Desk
from pointsman.engine.flow import Flow
from pointsman.engine.locating import NONEXISTENT, Locating
from pointsman.engine.parsing import Door, Parsed
from pointsman.engine.schedule import Schedule
from pointsman.outcome import LookupState, State
from pointsman.routing.match import Schedule as KeptBy
from pointsman.store import Record
from pointsman.store.change import Due, Located, Retime


def is_kept(parsed: Parsed) -> bool:
    """Say whether we keep a message until it is due. One that no route is for need not wait to be told so."""
    envelope, route = parsed.envelope, parsed.route
    return envelope.due > envelope.accepted_at and route is not None and route.schedule is KeptBy.ROUTER


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """How a message comes in, and who wants to know of it."""

    attempted: Callable[[], object]
    """Called once, when only its time or reports are waited for."""
    record: Record | None = None
    """What is known of it already; None for a message that is not written down yet."""
    fetched: bool = False
    """It waited in the store for its turn, and can do so again."""


class Courses:
    """Takes messages to the end of their attempts. State: who waits in memory for his time, and the places."""

    def __init__(self, desk: Desk, door: Door, locating: Locating, most: int) -> None:
        self._desk = desk
        self._door = door
        self._locating = locating
        self.places = asyncio.Semaphore(most)
        self.schedule = Schedule(desk.clock)

    async def take(self, flow: Flow, parsed: Parsed, beginning: Beginning) -> Record:
        """Return the record of a message when it was attempted, or waits in the store for a later time."""
        try:
            record = beginning.record or await self._desk.recorder.accept(parsed.envelope)
            if record.unwanted or await self.is_needless(record):
                flow.give_up()
            if record.attempts:
                record = await self._desk.recorder.own(record)
                async with self.places:
                    return await flow.resume(record)
            if beginning.fetched and not flow.is_given_up and self._desk.clock.now() >= parsed.envelope.deadline:
                return await flow.expire()
            if is_kept(parsed) and record.waits:
                if not beginning.fetched:
                    beginning.attempted()
                if (unsent := await self._until_due(flow, parsed)) is not None:
                    return unsent
            if (kept := await self._quiet(flow, parsed, fetched=beginning.fetched)) is not None:
                return kept
            # A lookup takes a place of its own, so a message that waits for one must not have taken its place yet.
            if (refused := await self._locate(flow, flow.parsed, record)) is not None:
                return refused
            async with self.places:
                return await flow.run()
        finally:
            beginning.attempted()

    async def is_needless(self, record: Record) -> bool:
        """Say whether an SMS is not needed any more: the Viber message was delivered, or nobody wants either."""
        parent = record.envelope.parent
        viber = await self._desk.recorder.known(parent) if parent is not None else None
        return viber is not None and (viber.unwanted or viber.state is State.DELIVERED)

    async def _until_due(self, flow: Flow, parsed: Parsed) -> Record | None:
        """Wait until a message is due; return the record of one that is not going to be sent."""
        envelope = parsed.envelope
        if flow.is_given_up or not await self.schedule.until(envelope.id, envelope.due):
            return await flow.abandon()
        await self._desk.recorder.settle(envelope.id, Due())
        return None

    async def _quiet(self, flow: Flow, parsed: Parsed, *, fetched: bool) -> Record | None:
        """Keep a message that may not be sent at this hour; return the record of one that does not go on here."""
        while (due := self._door.awake_at(parsed, at := max(self._desk.clock.now(), parsed.envelope.due))) > at:
            if flow.is_given_up or self._desk.closing:
                return await flow.abandon()
            before, record = await self._desk.recorder.settle(parsed.envelope.id, Retime(due))
            if record is before:
                return None  # its caller gave it up just now, or somebody else sends it
            if fetched:
                return record
            parsed = self._door.routed(record.envelope)
            flow.relocate(parsed.envelope, parsed.route)
            if (unsent := await self._until_due(flow, parsed)) is not None:
                return unsent
        return None

    async def _locate(self, flow: Flow, parsed: Parsed, record: Record) -> Record | None:
        """Find out where a number is, if the route says so; return the record of a message that is refused for it."""
        known = record.lookup
        result = known or await self._locating.find(parsed, flow.news)
        if result is None or flow.is_given_up or self._desk.closing:
            return None
        if known is None:
            _, record = await self._desk.recorder.settle(parsed.envelope.id, Located(result))
        if result.state is LookupState.NONEXISTENT:
            return await flow.refuse(NONEXISTENT)
        flow.relocate(record.envelope, self._door.route(record.envelope))
        return None
