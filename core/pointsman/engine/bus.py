"""Where events go: to observers that can neither break nor delay what they watch."""

import logging
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from pointsman.events import Event

Observer = Callable[[Event], None]


@runtime_checkable
class Choosy(Protocol):
    """An observer that does something with some kinds of event only, and says so, that it is not called in vain."""

    def __call__(self, event: Event) -> None:
        """Take an event."""
        ...

    def observer_of(self, kind: type[Event]) -> Observer | None:
        """Return what is to be called with events of a kind from now on; None for nothing."""
        ...


_log = logging.getLogger("pointsman.observers")

FAILURES_TOLERATED = 3
"""An observer that raised so often is not called any more."""


class Bus:
    """The observers of one router, in order of subscription."""

    def __init__(self) -> None:
        self._observers: tuple[tuple[Observer, tuple[type[Event], ...]], ...] = ()
        self._by_kind: dict[type[Event], tuple[tuple[Observer, Observer], ...]] = {}
        """Who hears of a kind, and what is called for it."""
        self._failures: dict[int, int] = {}

    def subscribe(self, observer: Observer, *kinds: type[Event]) -> None:
        """Call `observer` with every event of these kinds from now on; with all where none is named."""
        self._observers = (*self._observers, (observer, kinds or (Event,)))
        self._by_kind.clear()

    def unsubscribe(self, observer: Observer) -> None:
        """Stop calling `observer`; unknown ones are ignored."""
        self._observers = tuple(entry for entry in self._observers if entry[0] != observer)
        self._by_kind.clear()

    def emit(self, event: Event) -> None:
        """Tell every observer; what one of them raises is logged and kept from everybody else."""
        kind = type(event)
        listening = self._by_kind.get(kind)
        if listening is None:
            listening = self._by_kind[kind] = tuple(self._listening(kind))
        for observer, handle in listening:
            try:
                handle(event)
            except Exception as error:  # noqa: BLE001 - observers are other people's code
                self._failed(observer, error)

    def _listening(self, kind: type[Event]) -> Iterator[tuple[Observer, Observer]]:
        for observer, wanted in self._observers:
            if issubclass(kind, wanted):
                handle = observer.observer_of(kind) if isinstance(observer, Choosy) else observer
                if handle is not None:
                    yield observer, handle

    def _failed(self, observer: Observer, error: Exception) -> None:
        count = self._failures[id(observer)] = self._failures.get(id(observer), 0) + 1
        _log.warning("an observer raised %s (%d of %d)", type(error).__name__, count, FAILURES_TOLERATED)
        if count >= FAILURES_TOLERATED:
            self.unsubscribe(observer)
