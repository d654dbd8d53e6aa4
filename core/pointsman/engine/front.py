"""What messages come through, put together: taken in, kept until there is room, seen through."""

import msgspec

from pointsman.engine.bulk import Bulk
from pointsman.engine.debts import Debts
from pointsman.engine.desk import Desk
from pointsman.engine.dispatch import Dispatcher
from pointsman.engine.doubts import Doubts
from pointsman.engine.intake import Intake
from pointsman.engine.locating import Locating
from pointsman.engine.parsing import Door
from pointsman.engine.recovery import Recovery
from pointsman.engine.serving import Serving
from pointsman.engine.tracking import Tracking


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """What messages come through, and what finds those again that came through before."""

    serving: Serving
    dispatcher: Dispatcher
    intake: Intake
    bulk: Bulk
    recovery: Recovery


def build_front(
    desk: Desk,
    tracking: Tracking,
    doubts: Doubts,
    door: Door,
    locating: Locating,
    debts: Debts,
    *,
    most: int,
    most_waiting: int,
) -> Front:
    """Return the way in; `most` messages may be on their way at once, and `most_waiting` wait for that."""
    serving = Serving(desk, tracking, doubts, door, locating, most)
    dispatcher = Dispatcher(desk.recorder.store, desk.clock, most, serving.under_way)
    dispatcher.carry_on = serving.carry_on
    serving.freed, serving.put_back, serving.gone = dispatcher.freed, dispatcher.put_back, dispatcher.gone
    intake = Intake(door, desk.recorder, dispatcher, serving, desk.clock, most_waiting)
    recovery = Recovery(desk, serving, tracking, doubts, debts, door)
    serving.restore = recovery.restore
    return Front(
        serving=serving,
        dispatcher=dispatcher,
        intake=intake,
        bulk=Bulk(door, desk.recorder, serving, desk.clock),
        recovery=recovery,
    )
