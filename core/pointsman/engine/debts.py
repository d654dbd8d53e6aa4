"""Money that is charged on delivery: kept back while a message is on its way, and then booked or given free."""

from collections.abc import Mapping
from decimal import Decimal

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.engine.station import Station
from pointsman.events import Spent
from pointsman.message import Money
from pointsman.outcome import Accepted, Attempt, DeliveryState
from pointsman.routing.merge import is_final
from pointsman.routing.tariff import Rates
from pointsman.store import Record
from pointsman.store.record import UNMAPPED


class Debts:
    """Keeps each provider's debts in step with what is known of its messages. Holds no state of its own.

    A debt of an attempt begins when the provider takes the message and ends when a part of it is delivered, which is
    charged, or when there is nothing more to be learnt about any part. Every step may come twice.
    """

    def __init__(self, stations: Mapping[str, Station], rates: Rates, bus: Bus, clock: Clock) -> None:
        self._stations = stations
        self._rates = rates
        self._bus = bus
        self._clock = clock

    def owe(self, provider: str, message_id: str, number: int, due: Money) -> None:
        """Keep money back. To be called before it is recorded what the attempt turned out to be."""
        if (station := self._stations.get(provider)) is not None:
            station.view.ledger.owe((message_id, number), self._in_account(station, due))

    def forgive(self, provider: str, message_id: str, number: int) -> None:
        """Give money free of which it could not be recorded that it is owed."""
        if (station := self._stations.get(provider)) is not None:
            station.view.ledger.forgive((message_id, number))

    def settle(self, before: Record, after: Record, number: int) -> None:
        """Book the delivery that a change brought, or give money free when none will come any more."""
        attempt = after.attempts[number - 1]
        station = self._stations.get(attempt.provider)
        if station is None:  # nobody has its books any more
            return
        ledger = station.view.ledger
        debt = (after.envelope.id, number)
        due = attempt.on_delivery
        if due is not None and _delivered(after, number) and not _delivered(before, number):
            ledger.pay(debt, self._in_account(station, due), self._clock.monotonic())
            parts = after.envelope.parts
            self._bus.emit(Spent(at=self._clock.now(), provider=attempt.provider, price=due, segments=parts))
        elif due is None or not is_due(after, attempt):
            ledger.forgive(debt)
            self._correct(station, before, after, number)

    def _correct(self, station: Station, before: Record, after: Record, number: int) -> None:
        """Put account and books right after another price was told of a delivery that was booked already."""
        attempt, booked = after.attempts[number - 1], before.attempts[number - 1].on_delivery
        due = attempt.on_delivery
        if booked is None or due is None or due == booked or not _delivered(before, number):
            return
        more = Money(due.amount - booked.amount, due.currency)
        # It was booked when the record changed last, or before that; what was read since then needs no correction.
        age = max(self._clock.now() - before.updated_at, 0.0)
        station.view.ledger.correct(self._in_account(station, more), self._clock.monotonic() - age)
        self._bus.emit(Spent(at=self._clock.now(), provider=attempt.provider, price=more, segments=0))

    def _in_account(self, station: Station, money: Money) -> Decimal:
        return self._rates.convert(money, station.view.currency).amount


def is_due(record: Record, attempt: Attempt) -> bool:
    """Say whether a delivery may still have to be paid for: none is known, and of some part there may be news."""
    outcome = attempt.outcome
    if attempt.on_delivery is None or not isinstance(outcome, Accepted) or _delivered(record, attempt.number):
        return False
    ended = {one.provider_id for one in record.reports if one.number == attempt.number and is_final(one.report)}
    return not ended.issuperset(outcome.ids or (UNMAPPED,))


def _delivered(record: Record, number: int) -> bool:
    """Say whether a part of an attempt is known to have been delivered."""
    return any(one.number == number and one.report.state is DeliveryState.DELIVERED for one in record.reports)
