"""A clock that runs by itself and can be pushed ahead, so that two hours pass at once."""

from typing import Protocol, runtime_checkable

from pointsman.clock import SystemClock


class ShiftedClock(SystemClock):
    """The machine's clock plus an offset. A sleep in progress is not shortened by a push."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Wall time, offset included."""
        return super().now() + self._offset

    def monotonic(self) -> float:
        """Monotonic time, offset included."""
        return super().monotonic() + self._offset

    def advance(self, seconds: float) -> None:
        """Push the clock ahead."""
        self._offset += seconds


@runtime_checkable
class Advancing(Protocol):
    """A clock that can be moved by hand."""

    def advance(self, seconds: float) -> object:
        """Move ahead; may return an awaitable."""
        ...
