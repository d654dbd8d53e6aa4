"""Putting right what an unknown outcome left behind: the record, the account, the books."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.engine.debts import Debts
from pointsman.engine.recorder import Recorder
from pointsman.engine.station import Station
from pointsman.errors import StoreUnavailable
from pointsman.events import Spent
from pointsman.message import Envelope, Money
from pointsman.outcome import Accepted, Attempt, Outcome, Report, SettledBy, Unknown
from pointsman.routing.price import ChargedOn
from pointsman.routing.tariff import Price, Rates
from pointsman.store import Record
from pointsman.store.change import Resolve


def _nobody(message_id: str) -> None:
    del message_id


class Resolving:
    """Settles attempts whose outcome turned out later.

    While an outcome was unknown its price counted as spent on the account. Now it is either booked, or kept back
    for the delivery, or given back.
    """

    def __init__(
        self, stations: Mapping[str, Station], recorder: Recorder, debts: Debts, rates: Rates, bus: Bus, clock: Clock
    ) -> None:
        self._stations = stations
        self._debts = debts
        self._recorder = recorder
        self._rates = rates
        self._bus = bus
        self._clock = clock
        self.taken: Callable[[str], None] = _nobody
        """Told of every message that was taken after all."""

    def count(self, envelope: Envelope, attempt: Attempt) -> None:
        """Count an unknown attempt as spent that somebody else made; `resolve` puts that right."""
        station = self._stations[attempt.provider]
        listed = None if attempt.shared else self._listed(station, envelope, attempt)
        total = listed.of(envelope.parts) if listed is not None else None
        station.view.ledger.correct(self._in_account(station, total), self._charged_at(attempt))

    async def resolve(self, envelope: Envelope, attempt: Attempt, outcome: Outcome, settled_by: SettledBy) -> Record:
        """Record what an unknown attempt turned out to be; return the record of its message."""
        station = self._stations.get(attempt.provider)
        listed = None if attempt.shared or station is None else self._listed(station, envelope, attempt)
        total = listed.of(envelope.parts) if listed is not None else None
        counted = self._in_account(station, total)
        price = on_delivery = None
        if isinstance(outcome, Accepted) and not attempt.shared:
            told = self._rates.usable(outcome.price)
            due_later = told is None and listed is not None and listed.charged_on is ChargedOn.DELIVERY
            price, on_delivery = (None, total) if due_later else (told or total, None)
        if on_delivery is not None:  # before it is recorded: the report of its delivery may be there at once
            self._debts.owe(attempt.provider, envelope.id, attempt.number, on_delivery)
        change = Resolve(attempt.number, outcome, settled_by, price, on_delivery)
        try:
            before, after = await self._recorder.change(envelope.id, change)
        except StoreUnavailable:  # it may never be told again
            if on_delivery is not None:
                self._debts.forgive(attempt.provider, envelope.id, attempt.number)
            raise
        if after is before or isinstance(outcome, Unknown):
            self._debts.settle(before, after, attempt.number)  # somebody else was quicker, and may have ended the debt
            return after
        if isinstance(outcome, Accepted):
            self.taken(envelope.id)
        # The account was charged at the end of the attempt; a balance that was read since then needs no correction.
        if station is not None and station.holds(attempt):
            station.view.ledger.correct(self._in_account(station, price) - counted, self._charged_at(attempt))
        if price is not None:
            self._bus.emit(Spent(at=self._clock.now(), provider=attempt.provider, price=price, segments=envelope.parts))
        return after

    def usable(self, report: Report) -> Report:
        """Return a report without a price in a currency that has no rate."""
        if report.price is None or self._rates.usable(report.price) is not None:
            return report
        return msgspec.structs.replace(report, price=None)

    def reprice(self, before: Record, after: Record, number: int) -> None:
        """Put account and books right after a report told another price than the one that was booked."""
        attempt = after.attempts[number - 1]
        booked, told = before.attempts[number - 1].price, attempt.price
        if told is None or told == booked:
            return
        more = Money(told.amount - (booked.amount if booked is not None else 0), told.currency)
        station = self._stations.get(attempt.provider)
        if station is not None:
            station.view.ledger.correct(self._in_account(station, more), self._charged_at(attempt))
        self._bus.emit(Spent(at=self._clock.now(), provider=attempt.provider, price=more, segments=0))

    def _charged_at(self, attempt: Attempt) -> float:
        """Return when an attempt was charged, in monotonic seconds.

        Never later than now: a clock that was put back would keep what is given back beyond the next reading.
        """
        age = self._clock.now() - (attempt.started_at + attempt.duration)
        return self._clock.monotonic() - max(age, 0.0)

    def _listed(self, station: Station, envelope: Envelope, attempt: Attempt) -> Price | None:
        return station.view.tariff.price(envelope.channel, envelope.to, envelope.network, attempt.started_at)

    def _in_account(self, station: Station | None, money: Money | None) -> Decimal:
        return (
            Decimal(0) if money is None or station is None else self._rates.convert(money, station.view.currency).amount
        )
