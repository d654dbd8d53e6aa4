"""What clients used of today's quotas, and to which countries they sent in the last days.

A day is one of UTC, by the machine's clock. A clock that is set back does not bring a day back: its figures go on until
the clock is past the day, or 24 hours were really over. So it can neither open a quota again nor close it for long.
"""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from decimal import Decimal

import msgspec

from pointsman.clock import as_utc

DAY = 86400.0
REMEMBERED = 7
"""Days before today of which it is known where a client sent to."""


class Figures(msgspec.Struct):
    """What one client used today."""

    messages: int = 0
    """Lookups included."""
    lookups: int = 0
    spent: Decimal = Decimal(0)
    """In the router's currency, as far as it turned out."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down of these figures, because nobody else knows it after a restart."""

    day: int
    """Days since the epoch."""
    lookups: Mapping[str, int]
    """Today's, by client."""
    sent: Mapping[str, Mapping[str, Sequence[int]]]
    """Messages by client and country, today's first."""


class Days:
    """The figures of the day. State: the day, the figures of each client, and messages by client, country and day."""

    def __init__(self) -> None:
        self.day = -1
        self._began = 0.0
        """In monotonic seconds."""
        self.figures: defaultdict[str, Figures] = defaultdict(Figures)
        self.total = Decimal(0)
        """What all clients spent today."""
        self._sent: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(_countries)

    @property
    def name(self) -> str:
        """The day, such as `2026-11-28`."""
        return as_utc(self.day * DAY).date().isoformat()

    def turn(self, wall: float, monotonic: float) -> None:
        """Begin a new day if it is time."""
        day = int(wall // DAY)
        if day == self.day or (day < self.day and monotonic - self._began < DAY):
            return
        if self.day >= 0:
            self._shift(max(day - self.day, 1))
        self.day = day
        self._began = monotonic
        self.figures.clear()
        self.total = Decimal(0)

    def spend(self, client: str, amount: Decimal) -> None:
        """Book what a message turned out to cost, or a correction of it."""
        self.figures[client].spent += amount
        self.total += amount

    def count_country(self, client: str, country: str, count: int) -> None:
        """Count a message to a country; below zero takes it back."""
        sent = self._sent[client][country]
        sent[0] = max(sent[0] + count, 0)

    def sent_before(self, client: str, country: str) -> int:
        """Return how many messages a client sent to a country in the seven days before today."""
        return sum(self._sent[client][country][1:])

    def memory(self) -> Memory:
        """Return what has to be written down."""
        lookups = {client: one.lookups for client, one in self.figures.items() if one.lookups}
        sent = {client: {country: tuple(days) for country, days in one.items()} for client, one in self._sent.items()}
        return Memory(day=self.day, lookups=lookups, sent=sent)

    def recall(self, memory: Memory) -> None:
        """Take up what was written down, on that day or later."""
        for client, countries in memory.sent.items():
            for country, days in countries.items():
                self._sent[client][country] = [*days, *[0] * REMEMBERED][: REMEMBERED + 1]
        if memory.day == self.day:
            for client, lookups in memory.lookups.items():
                self.figures[client].lookups = max(self.figures[client].lookups, lookups)
        elif memory.day < self.day:
            self._shift(self.day - memory.day)

    def keep_only(self, clients: Container[str]) -> None:
        """Forget where clients sent to that are not there any more."""
        for client in [client for client in self._sent if client not in clients]:
            del self._sent[client]

    def _shift(self, days: int) -> None:
        empty = [0] * min(days, REMEMBERED + 1)
        for countries in self._sent.values():
            for country, sent in list(countries.items()):
                later = [*empty, *sent][: REMEMBERED + 1]
                if any(later):
                    countries[country] = later
                else:
                    del countries[country]


def _countries() -> defaultdict[str, list[int]]:
    return defaultdict(lambda: [0] * (REMEMBERED + 1))
