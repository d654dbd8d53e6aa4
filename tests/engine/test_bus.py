"""Observers hear the events that they want, in order."""

from collections.abc import Callable

from pointsman.engine.bus import FAILURES_TOLERATED, Bus
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


class Picky:
    """An observer that has something to do with one kind of event only."""

    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[type[Event]] = []
        self.heard: list[Event] = []
        self._fails = fails

    def __call__(self, event: Event) -> None:
        """Must not be called."""
        raise AssertionError("it said what is to be called")

    def observer_of(self, kind: type[Event]) -> Callable[[Event], None] | None:
        """Return what hears of a provider that is back."""
        self.asked.append(kind)
        return self._hear if kind is Resumed else None

    def _hear(self, event: Event) -> None:
        self.heard.append(event)
        if self._fails:
            raise RuntimeError("no")


def test_a_choosy_observer_is_asked_once_and_called_for_what_it_wants():
    """Who says what is to be called for a kind is asked once for each kind, and not called for the others."""
    picky, bus = Picky(), Bus()
    bus.subscribe(picky)
    back = Resumed(at=0.0, provider="a")
    for event in (back, Confirmed(at=0.0, message_id="m"), Confirmed(at=1.0, message_id="n"), back):
        bus.emit(event)

    assert picky.heard == [back, back]
    assert picky.asked == [Resumed, Confirmed]


def test_a_choosy_observer_that_fails_is_left_out_as_any_other():
    """What its handler raises counts against the observer, which is not called any more after a few failures."""
    picky, bus = Picky(fails=True), Bus()
    bus.subscribe(picky)
    for _ in range(FAILURES_TOLERATED + 2):
        bus.emit(Resumed(at=0.0, provider="a"))

    assert len(picky.heard) == FAILURES_TOLERATED
