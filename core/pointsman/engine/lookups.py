"""What lookups told about numbers: remembered for prices, routes and later questions, and asked for once at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec

from pointsman.clock import Clock, as_utc
from pointsman.message import Msisdn, Network, NetworkSource
from pointsman.outcome import LookupResult, LookupState

TELLING = frozenset({LookupState.REACHABLE, LookupState.ABSENT, LookupState.NONEXISTENT})
"""Results that say something about the number; all others say that somebody could not tell."""


class Lookups:
    """The last results by number, and the questions in flight.

    State: at most `size` results, of which those that were not used for longest are forgotten first, and for each
    number that `together` asks about a task with the number of those who wait for it.
    """

    def __init__(self, clock: Clock, *, size: int, age: float) -> None:
        """`age`: for how many seconds a result tells the network of its number."""
        self._clock = clock
        self._size = size
        self._age = timedelta(seconds=age)
        self._results: OrderedDict[Msisdn, LookupResult] = OrderedDict()
        self._asking: dict[Msisdn, _Question] = {}

    def __len__(self) -> int:
        return len(self._results)

    def renew(self, *, size: int, age: float) -> None:
        """Remember another number of results, and believe them for another time."""
        self._size = size
        self._age = timedelta(seconds=age)
        while len(self._results) > size:
            self._results.popitem(last=False)

    def learn(self, to: Msisdn, result: LookupResult) -> None:
        """Remember a result if it tells something and is not older than what is known."""
        if result.state not in TELLING or self._size == 0:
            return
        # A provider's clock may be ahead of ours; nothing was found out later than now.
        now = as_utc(self._clock.now())
        at = min(result.at, now) if result.at is not None else now
        known = self._results.get(to)
        if known is not None and at < _at(known) <= now:
            return
        network = result.network
        if network is not None and network.source is not NetworkSource.HLR:
            network = msgspec.structs.replace(network, source=NetworkSource.HLR)
        self._results[to] = msgspec.structs.replace(result, at=at, network=network)
        self._results.move_to_end(to)
        while len(self._results) > self._size:
            self._results.popitem(last=False)

    def known(self, to: Msisdn, most: timedelta) -> LookupResult | None:
        """Return the last result about a number if it is not older than `most`."""
        result = self._results.get(to)
        # What was found out later than now was found while the clock was ahead, nobody knows how long ago.
        if result is None or not timedelta() <= as_utc(self._clock.now()) - _at(result) <= most:
            return None
        self._results.move_to_end(to)
        return result

    def fresh(self, to: Msisdn) -> LookupResult | None:
        """Return the last result about a number if it is fresh enough to price and route by."""
        return self.known(to, self._age)

    def network(self, to: Msisdn) -> Network | None:
        """Return the network that serves a number by a fresh result; None when that names none."""
        result = self.fresh(to)
        network = result.network if result is not None else None
        return network if network is not None and network.mccmnc is not None else None

    async def together(self, to: Msisdn, ask: Callable[[], Awaitable[LookupResult | None]]) -> LookupResult | None:
        """Ask about a number, or wait for the answer with those who asked already.

        Who is cancelled leaves the others alone; when nobody waits any more, the question is given up.
        """
        question = self._asking.get(to) or self._begin(to, ask)
        question.waiting += 1
        try:
            return await asyncio.shield(question.task)
        finally:
            question.waiting -= 1
            if question.waiting == 0 and not question.task.done():
                self._forget(to, question)
                question.task.cancel()

    def _begin(self, to: Msisdn, ask: Callable[[], Awaitable[LookupResult | None]]) -> "_Question":
        question = self._asking[to] = _Question(asyncio.ensure_future(ask()))
        question.task.add_done_callback(lambda _: self._forget(to, question))
        return question

    def _forget(self, to: Msisdn, question: "_Question") -> None:
        """Let the next one ask anew; another question about the number may be in flight already."""
        if self._asking.get(to) is question:
            del self._asking[to]


class _Question:
    """A question in flight, and how many wait for its answer."""

    __slots__ = ("task", "waiting")

    def __init__(self, task: asyncio.Future[LookupResult | None]) -> None:
        self.task = task
        self.waiting = 0


def _at(result: LookupResult) -> datetime:
    return result.at or datetime.min.replace(tzinfo=UTC)
