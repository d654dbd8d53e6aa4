"""What messages really cost, where reports tell it, compared with the price list."""

from collections.abc import Sequence
from decimal import Decimal

from pointsman.clock import Clock
from pointsman.engine.attempts import drifted
from pointsman.engine.bus import Bus
from pointsman.message import Envelope, FallbackBy, Money, Viber
from pointsman.outcome import Accepted, Attempt, State
from pointsman.routing.stakes import Stakes
from pointsman.routing.tariff import Rates
from pointsman.store import Record
from pointsman.store.record import attempt_state


class Repricing:
    """Compares the prices of reports with the list. Holds no state of its own.

    A price counts when the fate of all parts is known and it is above zero: providers write zero also where they do
    not know, and unknown is never free. What the answer to the submit told has been compared already.
    """

    def __init__(self, stakes: Stakes, rates: Rates, bus: Bus, clock: Clock) -> None:
        self._stakes = stakes
        self._rates = rates
        self._bus = bus
        self._clock = clock

    def compare(self, before: Record, after: Record, number: int) -> None:
        """Compare what the reports about an attempt tell of its price, once the fate of all its parts is known."""
        attempt, earlier = after.attempts[number - 1], before.attempts[number - 1]
        outcome = attempt.outcome
        if not isinstance(outcome, Accepted) or outcome.price is not None or not outcome.ids:
            return
        if attempt_state(after, attempt) is State.SENT or attempt_state(before, earlier) is not State.SENT:
            return
        parts = self._told(after, number, outcome.ids)
        listed = earlier.price if earlier.price is not None else earlier.on_delivery
        if parts:
            self._compare(after.envelope, attempt, parts, listed)

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


def _sum(parts: Sequence[Money]) -> Money:
    return Money(sum((part.amount for part in parts), Decimal(0)), parts[0].currency)
