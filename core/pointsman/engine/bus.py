"""Where events go: to observers that can neither break nor delay what they watch."""

import logging
from collections.abc import Callable

from pointsman.events import Event

Observer = Callable[[Event], None]
_log = logging.getLogger("pointsman.observers")

FAILURES_TOLERATED = 3
"""An observer that raised so often is not called any more."""


class Bus:
    """The observers of one router, in order of subscription."""

    def __init__(self) -> None:
        self._observers: tuple[tuple[Observer, tuple[type[Event], ...]], ...] = ()
        self._by_kind: dict[type[Event], tuple[Observer, ...]] = {}
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
        observers = self._by_kind.get(kind)
        if observers is None:
            observers = self._by_kind[kind] = tuple(one for one, wanted in self._observers if issubclass(kind, wanted))
        for observer in observers:
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001 - observers are other people's code
                self._failed(observer, error)

    def _failed(self, observer: Observer, error: Exception) -> None:
        count = self._failures[id(observer)] = self._failures.get(id(observer), 0) + 1
        _log.warning("an observer raised %s (%d of %d)", type(error).__name__, count, FAILURES_TOLERATED)
        if count >= FAILURES_TOLERATED:
            self.unsubscribe(observer)
