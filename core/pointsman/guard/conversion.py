"""Whether codes that are sent to a range of numbers are ever entered: nobody enters those of pumped traffic."""

from collections import OrderedDict

from pointsman.guard.windows import Window

WINDOW = 3600.0
"""Seconds for which the fate of a code counts."""
MOST_AWAITED = 100_000
"""Codes that may yet be confirmed; of more, the oldest count as not confirmed."""


class Conversion:
    """Counts codes by the hash of their range. State: the codes that are waited for, and the counts of the others."""

    def __init__(self) -> None:
        self._awaited: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._confirmed = Window(WINDOW)
        self._missed = Window(WINDOW)

    def sent(self, message_id: str, key: int, now: float) -> None:
        """Begin to wait for a confirmation."""
        self._awaited[message_id] = key, now
        if len(self._awaited) > MOST_AWAITED:
            _, (oldest, _) = self._awaited.popitem(last=False)
            self._missed.add(oldest, now)

    def take_back(self, message_id: str) -> None:
        """Wait no more, and count nothing."""
        self._awaited.pop(message_id, None)

    def confirmed(self, message_id: str, now: float) -> None:
        """Count a code that was entered in time."""
        found = self._awaited.pop(message_id, None)
        if found is not None:
            self._confirmed.add(found[0], now)

    def sweep(self, now: float, within: float) -> None:
        """Count codes as missed that were not entered in time."""
        while self._awaited:
            message_id, (key, at) = next(iter(self._awaited.items()))
            if now - at < within:
                return
            del self._awaited[message_id]
            self._missed.add(key, now)

    def too_few(self, key: int, share: float, least: int, now: float) -> float | None:
        """Return in how many seconds a range may be tried again of which too few codes are entered; None if it may."""
        confirmed, missed = self._confirmed.count(key, now), self._missed.count(key, now)
        if confirmed + missed < least or confirmed >= share * (confirmed + missed):
            return None
        return self._missed.falls(key, max(least - confirmed, 1), now)
