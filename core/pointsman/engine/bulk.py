"""Sending several messages for one caller who waits for all of them."""

import asyncio
import contextlib
from collections.abc import Iterable

from pointsman.clock import Clock
from pointsman.engine.intake import PARSED_AT_ONCE
from pointsman.engine.parsing import Door, Parsed
from pointsman.engine.recorder import Recorder
from pointsman.engine.serving import Serving
from pointsman.errors import InvalidMessage, InvalidMessages, RouterClosed, SomeFailed
from pointsman.message import Message
from pointsman.outcome import Receipt

SENDING_AT_ONCE = 1000
"""Messages of one call that are on their way together."""


class Bulk:
    """Sends several messages. Has no state of its own."""

    def __init__(self, door: Door, recorder: Recorder, serving: Serving, clock: Clock) -> None:
        self._door = door
        self._recorder = recorder
        self._serving = serving
        self._clock = clock

    async def send(self, messages: Iterable[Message], *, until_final: bool) -> list[Receipt]:
        """Send messages; return their receipts in the same order. Raises as `Router.send_many` does."""
        parsed = await self._parsed(messages)
        places = asyncio.Semaphore(SENDING_AT_ONCE)
        results = await asyncio.gather(
            *(self._one(valid, places, until_final=until_final) for valid in parsed), return_exceptions=True
        )
        receipts = [result for result in results if isinstance(result, Receipt)]
        if len(receipts) < len(results):
            raise SomeFailed(results) from next(one for one in results if isinstance(one, BaseException))
        return receipts

    async def _parsed(self, messages: Iterable[Message]) -> list[Parsed]:
        parsed = []
        problems = []
        for place, message in enumerate(messages):
            if place % PARSED_AT_ONCE == 0:
                await self._clock.sleep(0)
            try:
                parsed.append(self._door.parse(message))
            except InvalidMessage as problem:
                problems.append((place, problem))
        if problems:
            raise InvalidMessages(problems)
        return parsed

    async def _one(self, valid: Parsed, places: asyncio.Semaphore, *, until_final: bool) -> Receipt:
        await places.acquire()
        message_id = valid.envelope.id
        try:
            record = await self._serving.send(valid, until_final=False, attempted=places.release)
            with contextlib.suppress(RouterClosed):  # then what is known by now has to do
                if until_final:
                    record = await self._serving.until_final(message_id)
        except RouterClosed:  # it is kept for the next start
            known = await self._recorder.get(message_id)
            if known is None:
                raise
            record = known
        return await self._recorder.receipt(record)
