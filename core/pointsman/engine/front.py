"""What messages come through, put together: taken in, kept until there is room, seen through."""

import msgspec

from pointsman.engine.bulk import Bulk
from pointsman.engine.desk import Desk
from pointsman.engine.dispatch import Dispatcher
from pointsman.engine.doubts import Doubts
from pointsman.engine.intake import Intake
from pointsman.engine.locating import Locating
from pointsman.engine.parsing import Door
from pointsman.engine.serving import Serving
from pointsman.engine.tracking import Tracking
from pointsman.store import Store


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """What messages come through."""

    serving: Serving
    dispatcher: Dispatcher
    intake: Intake
    bulk: Bulk


def build_front(
    desk: Desk,
    store: Store,
    tracking: Tracking,
    doubts: Doubts,
    door: Door,
    locating: Locating,
    *,
    most: int,
    most_waiting: int,
) -> Front:
    """Return the way in; `most` messages may be on their way at once, and `most_waiting` wait for that."""
    serving = Serving(desk, tracking, doubts, door, locating, most)
    dispatcher = Dispatcher(store, desk.clock, most, lambda: serving.under_way)
    dispatcher.carry_on = serving.carry_on
    serving.freed, serving.put_back = dispatcher.freed, dispatcher.put_back
    intake = Intake(door, desk.recorder, dispatcher, serving, desk.clock, most_waiting)
    return Front(
        serving=serving,
        dispatcher=dispatcher,
        intake=intake,
        bulk=Bulk(door, desk.recorder, serving, desk.clock),
    )
