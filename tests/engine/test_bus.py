"""Observers hear the events that they want, in order."""

from pointsman.engine.bus import Bus
from pointsman.events import Confirmed, Drained, Event, Resumed


def test_an_observer_may_name_the_kinds_that_it_wants():
    """Who names two kinds hears both of them and nothing else."""
    heard: list[Event] = []
    bus = Bus()
    bus.subscribe(heard.append, Drained, Resumed)
    events = (
        Drained(at=0.0, provider="a", reason=""),
        Confirmed(at=0.0, message_id="m"),
        Resumed(at=0.0, provider="a"),
    )
    for event in events:
        bus.emit(event)

    assert heard == [events[0], events[2]]
