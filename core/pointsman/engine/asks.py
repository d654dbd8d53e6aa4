"""The router's questions to providers, as its callers see them."""

import abc
from collections.abc import Iterable
from datetime import datetime, timedelta

from pointsman.engine.answers import Figures
from pointsman.engine.asking import Asking
from pointsman.engine.lookups import Lookups
from pointsman.engine.parsing import Door
from pointsman.engine.questions import StatusQuestion
from pointsman.message import Channel, HlrLookup, Message
from pointsman.outcome import LookupResult, Receipt, Refused, Report
from pointsman.plugin import Incoming
from pointsman.routing.drift import Comparison
from pointsman.routing.inbox import InboxCursor


class AsksProviders(abc.ABC):
    """What a router can ask one of its providers. A refusal is a result here, as everything that a provider says.

    All of them raise `RouterClosed`, `InvalidQuestion` for what cannot be asked, and `NotOffered` where the provider
    does not offer it.
    """

    _asking: Asking
    _door: Door
    _lookups: Lookups

    async def lookup(self, number: str, *, max_age: timedelta | None = None) -> LookupResult | None:
        """Look a number up; None when nobody took the question. Raises `InvalidMessage`, `RouterClosed`.

        With `max_age` a result that is not older is returned without asking anybody; its `at` says how old it is. Who
        asks for a number that is being looked up already waits for that answer.
        """
        self._check_running()
        to = self._door.number(number)
        known = self._lookups.known(to, max_age) if max_age is not None else None
        return known or await self._lookups.together(to, lambda: self._look_up(number))

    def known_lookup(self, number: str) -> LookupResult | None:
        """Return the last result about a number, however old, without asking anybody. Raises `InvalidMessage`."""
        return self._lookups.known(self._door.number(number), timedelta.max)

    async def _look_up(self, number: str) -> LookupResult | None:
        return (await self.send(HlrLookup(to=number))).lookup

    async def inbox(self, provider: str, *, since: datetime, until: datetime) -> tuple[Incoming, ...] | Refused:
        """Return the messages that people sent to us within a span, each once; `until` does not belong to it.

        Both times must say their zone. A long span takes several requests; a refusal of one is the result of all.
        """
        self._check_running()
        return await self._asking.inbox(provider, since, until)

    async def incoming(self, provider: str, cursor: InboxCursor) -> tuple[tuple[Incoming, ...], InboxCursor] | Refused:
        """Return the messages that came since a cursor, and the cursor for the next time.

        Begin with `InboxCursor.starting`. Keep the new cursor once the messages are safe: with the old one they come
        again. After a refusal the old one holds, and nothing is lost.
        """
        self._check_running()
        return await self._asking.incoming(provider, cursor)

    async def statistics(self, provider: str, *, since: datetime, until: datetime) -> Figures | Refused:
        """Return a provider's own figures about a span, for each window that it answers for, and their sums."""
        self._check_running()
        return await self._asking.statistics(provider, since, until)

    async def prices(self, provider: str) -> tuple[Comparison, ...] | Refused:
        """Return the price list that a provider itself tells, each line beside ours."""
        self._check_running()
        return await self._asking.prices(provider)

    async def status(
        self,
        provider: str,
        ids: Iterable[str] = (),
        reference: str | None = None,
        *,
        to: str | None = None,
        channel: Channel = Channel.SMS,
    ) -> tuple[Report, ...] | Refused:
        """Ask a provider about one message now, by its ids or by our reference (`Attempt.ref`); return what it says.

        `to` may be left out for a message of which the store has a record. The answer changes nothing here; what is
        known of a message of our own is its `receipt`. Raises also `InvalidMessage` for a number that is none.
        """
        self._check_running()
        number = self._door.number(to) if to is not None else None
        question = StatusQuestion(ids=tuple(ids), reference=reference, to=number, channel=channel)
        return await self._asking.status(provider, question)

    @abc.abstractmethod
    async def send(self, message: Message, *, until_final: bool = False) -> Receipt:
        """Send one message."""

    @abc.abstractmethod
    def _check_running(self) -> None:
        """Raise `RouterClosed` when nothing can be asked."""
