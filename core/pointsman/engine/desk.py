"""What every flow needs; one for a router."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random

import msgspec

from pointsman.clock import Clock
from pointsman.engine.attempts import Attempts
from pointsman.engine.bus import Bus
from pointsman.engine.ids import Ids
from pointsman.engine.looking import Looking
from pointsman.engine.recorder import Recorder
from pointsman.engine.resolving import Resolving
from pointsman.engine.station import Station
from pointsman.message import Envelope
from pointsman.outcome import Attempt
from pointsman.routing.choose import Chooser, Moment
from pointsman.routing.exploring import Purse
from pointsman.routing.match import Route


class Desk(msgspec.Struct, kw_only=True, eq=False):
    """What every flow needs; one for a router."""

    stations: Mapping[str, Station]
    chooser: Chooser
    attempts: Attempts
    looking: Looking
    resolving: Resolving
    recorder: Recorder
    bus: Bus
    clock: Clock
    ids: Ids
    random: Random
    replay: Callable[[Attempt], Awaitable[None]]
    """Hands over the reports that came under an attempt's reference before its outcome was known."""
    in_force: Callable[[Envelope, Route | None], Route | None]
    """Returns a message's route, or the one that is for it now where a new configuration has other ones."""
    purse: Purse = msgspec.field(default_factory=Purse)
    closing: bool = False

    @property
    def leaving(self) -> bool:
        """Whether the router closes and its messages stay as they are: the next start goes on with them."""
        return self.closing and self.recorder.durable

    def moment(self, allowance: float = 0.0) -> Moment:
        """Return now, for a choice; one that is not going to be acted on has nothing to explore with."""
        return Moment(wall=self.clock.now(), monotonic=self.clock.monotonic(), random=self.random, allowance=allowance)
