"""What a message really cost, where reports tell it: the books are put right, and the price list is compared."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pointsman.clock import Clock
from pointsman.engine.attempts import drifted
from pointsman.engine.bus import Bus
from pointsman.engine.recorder import Recorder
from pointsman.engine.station import Station
from pointsman.events import Spent
from pointsman.message import Envelope, FallbackBy, Money, Viber
from pointsman.outcome import Accepted, Attempt, State
from pointsman.routing.stakes import Stakes
from pointsman.routing.tariff import Rates
from pointsman.store import Record
from pointsman.store.record import Reprice, attempt_state


class Repricing:
    """Takes in the prices of reports. Holds no state of its own.

    A price counts when the fate of all parts is known and every part has one above zero: providers write zero also
    where they do not know, and unknown is never free. What the answer to the submit told is not doubted.
    """

    def __init__(
        self, stations: Mapping[str, Station], stakes: Stakes, recorder: Recorder, rates: Rates, bus: Bus, clock: Clock
    ) -> None:
        self._stations = stations
        self._stakes = stakes
        self._recorder = recorder
        self._rates = rates
        self._bus = bus
        self._clock = clock

    async def take(self, before: Record, after: Record, number: int) -> Record:
        """Take in what the reports about an attempt tell of its price; return the record as it is then."""
        attempt = after.attempts[number - 1]
        outcome = attempt.outcome
        if not isinstance(outcome, Accepted) or outcome.price is not None or not outcome.ids:
            return after
        state = attempt_state(after, attempt)
        if state is State.SENT:
            return after
        parts = self._told(after, number, outcome.ids)
        was_known = _was_known(before, number)
        if not parts or (was_known and parts == self._told(before, number, outcome.ids)):
            return after
        listed = attempt.price if attempt.price is not None else attempt.on_delivery
        if not was_known:
            self._compare(after.envelope, attempt, parts, listed)
        charged = attempt.on_delivery is None or state is State.DELIVERED
        if len(parts) < len(outcome.ids) or not charged or listed is None:
            return after
        return await self._correct(after, attempt, _sum(parts), listed)

    def _told(self, record: Record, number: int, ids: Sequence[str]) -> list[Money]:
        """Return the prices of parts, as many as are known in a currency that we know, in the first one's currency."""
        known = {one.provider_id: one.report.price for one in record.reports if one.number == number}
        usable = [self._rates.usable(known.get(one)) for one in ids]
        told = [price for price in usable if price is not None and price.amount > 0]
        return [self._rates.convert(price, told[0].currency) for price in told]

    def _compare(self, envelope: Envelope, attempt: Attempt, parts: Sequence[Money], listed: Money | None) -> None:
        """Compare the price of one part with the list's."""
        outcome, message = attempt.outcome, envelope.message
        if listed is None or not isinstance(outcome, Accepted):
            return
        if isinstance(message, Viber) and message.fallback is not None and message.fallback.by is FallbackBy.PROVIDER:
            return  # what it tells may be for an SMS as well
        share = Money(listed.amount / len(outcome.ids), listed.currency)
        average = Money(_sum(parts).amount / len(parts), parts[0].currency)
        drift = self._stakes.told(attempt.provider, envelope, average, share)
        if drift is not None:
            self._bus.emit(drifted(attempt.provider, drift, self._clock.now()))

    async def _correct(self, record: Record, attempt: Attempt, told: Money, booked: Money) -> Record:
        """Put the receipt, the account and the books right by what was told beside what was booked."""
        difference = told.amount - self._rates.convert(booked, told.currency).amount
        if not difference:
            return record
        before, after = await self._recorder.change(record.envelope.id, Reprice(attempt.number, told))
        if after is before:
            return after
        now = self._clock.monotonic()
        # A balance that was read since the message was charged has it in already.
        age = self._clock.now() - (attempt.started_at + attempt.duration) if attempt.on_delivery is None else 0.0
        station = self._stations[attempt.provider]
        amount = self._rates.convert(Money(difference, told.currency), station.view.currency).amount
        station.view.ledger.correct(amount, now - age)
        self._bus.emit(
            Spent(
                at=self._clock.now(),
                provider=attempt.provider,
                price=Money(difference, told.currency),
                segments=0,
            )
        )
        return after


def _was_known(before: Record, number: int) -> bool:
    """Say whether the fate of all parts of an attempt was known already."""
    return attempt_state(before, before.attempts[number - 1]) is not State.SENT


def _sum(parts: Sequence[Money]) -> Money:
    return Money(sum((part.amount for part in parts), Decimal(0)), parts[0].currency)
