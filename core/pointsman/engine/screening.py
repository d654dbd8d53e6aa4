"""What a screen of orders needs of a router: what a message may cost, and somebody who is told of a stop."""

import abc
from decimal import Decimal

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.engine.desk import Desk
from pointsman.engine.parsing import Door
from pointsman.events import Event
from pointsman.message import Envelope


class ServesScreens(abc.ABC):
    """The side of a router that screens know."""

    _bus: Bus
    _clock: Clock
    _desk: Desk
    _door: Door

    def expected_price(self, envelope: Envelope) -> Decimal | None:
        """Return what a message costs at most by the price lists of its route, in the router's currency.

        None when no provider's price is known. It is quick, so that every message can be held against a budget.
        """
        return self._desk.chooser.dearest(envelope, self._door.route(envelope), self._clock.now())

    def tell(self, event: Event) -> None:
        """Tell all observers of something that happened beside the router, such as a stop of the spend guard."""
        self._bus.emit(event)
