"""What was counted for one order, so that it can be taken back."""

from collections.abc import Callable, Sequence

from pointsman.guard.conversion import Conversion
from pointsman.guard.days import Days
from pointsman.guard.reserved import Reserved
from pointsman.guard.velocity import Subject, take_back
from pointsman.message import Channel, Envelope


class Counted:
    """An `Admission`. State: everything that was counted; nothing once it was taken back."""

    def __init__(self, days: Days, reserved: Reserved, conversion: Conversion, at: float) -> None:
        self._days = days
        self._reserved = reserved
        self._conversion = conversion
        self._day = days.day
        self._at = at
        self._messages: list[tuple[str, Envelope]] = []
        self.subjects: list[Sequence[Subject]] = []
        self.codes: list[str] = []
        self.undo_rate: Callable[[], None] | None = None

    def message(self, client: str, envelope: Envelope) -> None:
        """Count a message on its day."""
        self._messages.append((client, envelope))
        self._count(client, envelope, 1)

    def take_back(self) -> None:
        """Count nothing after all. Done again it does nothing."""
        for subjects in self.subjects:
            take_back(subjects, self._at)
        for client, envelope in self._messages:
            self._reserved.release(envelope.id)
            if self._days.day == self._day:
                self._count(client, envelope, -1)
        for message_id in self.codes:
            self._conversion.take_back(message_id)
        if self.undo_rate is not None:
            self.undo_rate()
        self.subjects, self._messages, self.codes, self.undo_rate = [], [], [], None

    def _count(self, client: str, envelope: Envelope, count: int) -> None:
        figures = self._days.figures[client]
        figures.messages += count
        if envelope.channel is Channel.HLR:
            figures.lookups += count
        else:
            self._days.count_country(client, envelope.network.country or "", count)
