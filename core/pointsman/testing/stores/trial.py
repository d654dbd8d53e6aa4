"""A store on trial: opened anew for each check, with messages and changes as a router makes them."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal

from pointsman.clock import Clock
from pointsman.message import (
    Alphabet,
    Channel,
    Envelope,
    Fallback,
    MessageClass,
    Money,
    Msisdn,
    Network,
    Origin,
    Segments,
    Sms,
    Viber,
)
from pointsman.outcome import Accepted, Attempt, DeliveryState, Outcome, Report, UnknownReason
from pointsman.outcome import Unknown as UnknownOutcome
from pointsman.store.change import Begin, Change, Intent, Note, Settle
from pointsman.store.interface import Store
from pointsman.store.record import Record
from pointsman.testing.clock import FakeClock

MakeStore = Callable[[Clock, str], Store]
"""Makes a store that is not open yet. The same name means the same place: a durable store finds there what it left."""
CLIENT = "shop"
PROVIDER = "scripted"
DOUBT = UnknownOutcome(reason=UnknownReason.TIMEOUT)
"""An outcome that nobody knows."""


class Broken(AssertionError):
    """A store does not do what its interface says."""


def expect(actual: object, wanted: object, what: str) -> None:
    """Raise `Broken` unless what a store did is what was wanted."""
    if actual != wanted:
        raise Broken(f"{what}: expected {wanted!r}, got {actual!r}")


def must(condition: bool, what: str) -> None:  # noqa: FBT001 - like `assert`
    """Raise `Broken` unless a condition holds."""
    if not condition:
        raise Broken(f"not so: {what}")


class Trial:
    """One store with what a check needs to drive it."""

    def __init__(self, make: MakeStore, place: str) -> None:
        self.clock = FakeClock()
        self._make = make
        self._place = place
        self._last = 0
        self.store = make(self.clock, place)

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, make: MakeStore, place: str) -> AsyncIterator["Trial"]:
        """Open a store for one check and close it at the end."""
        trial = cls(make, place)
        await trial.store.open()
        try:
            yield trial
        finally:
            await trial.store.close()

    async def again(self) -> None:
        """Close the store and open it as another process would: with another owner, and what is in it."""
        await self.store.close()
        self.store = self._make(self.clock, self._place)
        await self.store.open()

    def envelope(
        self,
        message_class: MessageClass = MessageClass.TRANSACTIONAL,
        *,
        text: str = "Your parcel is here",
        reference: str | None = None,
        client: str | None = CLIENT,
        callback_url: str | None = None,
        due: float = 0.0,
        viber: bool = False,
        parent: str | None = None,
    ) -> Envelope:
        """Return a new message; ids are in order."""
        self._last += 1
        to = Msisdn("79161234567")
        now = self.clock.now()
        fallback = Fallback(text="By SMS")
        return Envelope(
            id=f"{int(now * 1000) << 64 | self._last:028x}",
            message=Viber(to, text, message_class=message_class, reference=reference, fallback=fallback)
            if viber
            else Sms(to, text, message_class=message_class, reference=reference, ttl=timedelta(minutes=10)),
            channel=Channel.VIBER if viber else Channel.SMS,
            to=to,
            network=Network("RU", "25001"),
            segments=Segments(Alphabet.GSM7, len(text), 1),
            accepted_at=now,
            deadline=max(now, due) + 600.0,
            due=due,
            parent=parent,
            origin=Origin(client, callback_url) if client is not None else None,
        )

    async def taken(self, envelope: Envelope | None = None, *, mine: bool = True) -> str:
        """Have a message taken in; return its id."""
        (record,) = (await self.store.accept((envelope or self.envelope(),), mine=mine)).records
        return record.envelope.id

    async def apply(self, message_id: str, change: Change) -> Record:
        """Apply a change now; return the record after it."""
        _, after = await self.store.apply(message_id, change, self.clock.now())
        return after

    async def get(self, message_id: str) -> Record:
        """Return a record that has to be there."""
        record = await self.store.get(message_id)
        if record is None:
            raise Broken(f"message {message_id} is not there")
        return record

    async def begin(self, message_id: str, number: int = 1, owner: str | None = None) -> Record:
        """Start an attempt."""
        intent = Intent(
            number=number,
            provider=PROVIDER,
            ref=f"{message_id}{number:02d}",
            call_ref=message_id,
            decision_id="decision",
            started_at=self.clock.now(),
            owner=self.store.owner if owner is None else owner,
        )
        return await self.apply(message_id, Begin(intent))

    async def settle(
        self, message_id: str, outcome: Outcome, number: int = 1, price: str | None = None, currency: str = "EUR"
    ) -> Record:
        """End an attempt."""
        attempt = Attempt(
            number=number,
            provider=PROVIDER,
            ref=f"{message_id}{number:02d}",
            calls=1,
            outcome=outcome,
            started_at=self.clock.now(),
            duration=0.5,
            price=Money(Decimal(price), currency) if price is not None else None,
            decision_id="decision",
        )
        return await self.apply(message_id, Settle(attempt, self.store.owner))

    async def sent(self, envelope: Envelope | None = None, provider_id: str = "p1", price: str = "0.05") -> str:
        """Have a message taken in and accepted by a provider; return its id."""
        message_id = await self.taken(envelope)
        await self.begin(message_id)
        await self.settle(message_id, Accepted(ids=(provider_id,)), price=price)
        return message_id

    async def delivered(self, envelope: Envelope | None = None, provider_id: str = "p1") -> str:
        """Have a message taken in, sent and delivered; return its id."""
        message_id = await self.sent(envelope, provider_id)
        await self.apply(message_id, Note(1, report(provider_id)))
        return message_id


def report(provider_id: str, state: DeliveryState = DeliveryState.DELIVERED) -> Report:
    """Return a final report."""
    return Report(provider_id=provider_id, state=state, final=True)
