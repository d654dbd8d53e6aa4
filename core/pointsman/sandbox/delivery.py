"""What becomes of an accepted message, and when; computed from the time of acceptance, without background work."""

import enum
from collections.abc import Mapping
from random import Random

import msgspec


class Fate(enum.StrEnum):
    """How a message or a lookup ends, in words of no provider; each sandbox puts them into its own codes."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DELETED = "deleted"
    UNKNOWN = "unknown"
    STUCK = "stuck"
    """Sent, and never anything final."""
    REACHABLE = "reachable"
    """This one and the next three are for lookups."""
    ABSENT = "absent"
    NONEXISTENT = "nonexistent"
    FAILED = "failed"


class Stage(enum.Enum):
    """Where a message is on its way."""

    QUEUED = enum.auto()
    SENT = enum.auto()
    FINAL = enum.auto()


class DeliveryPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How long delivery takes and how it ends. Times are seconds after acceptance, or after the date asked for."""

    seconds_to_sent: float = 1.0
    seconds_to_final: float = 3.0
    spread: float = 0.0
    """Both times vary by up to this share in both directions, such as 0.5 for ± 50 %."""
    messages: Mapping[Fate, float] = msgspec.field(default_factory=lambda: {Fate.DELIVERED: 1.0})
    """Weights of the ends of SMS and Viber messages."""
    lookups: Mapping[Fate, float] = msgspec.field(default_factory=lambda: {Fate.REACHABLE: 1.0})
    """Weights of the ends of lookups."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What will become of one message. Wall times in seconds since the epoch."""

    fate: Fate
    sent_at: float
    final_at: float

    def stage(self, now: float) -> Stage:
        """Say how far the message has come."""
        if now < self.sent_at:
            return Stage.QUEUED
        if now < self.final_at or self.fate is Fate.STUCK:
            return Stage.SENT
        return Stage.FINAL


class Outcomes(dict[str, Fate]):
    """Scripted ends by number (digits). Words are accepted as well; an unknown word raises `ValueError`."""

    def __setitem__(self, msisdn: str, fate: Fate | str) -> None:
        super().__setitem__(msisdn, Fate(fate))


def draw_course(
    plan: DeliveryPlan,
    fate: Fate | None,
    *,
    due_at: float,
    expires_at: float | None = None,
    lookup: bool,
    random: Random,
) -> Course:
    """Decide the course of a message that goes out at `due_at`; `fate` is what the script says, if anything.

    What would end after `expires_at` expires then; a lookup has no such end.
    """
    if fate is None:
        weights = plan.lookups if lookup else plan.messages
        fate = next(iter(weights)) if len(weights) == 1 else random.choices(list(weights), list(weights.values()))[0]
    pace = 1.0 if plan.spread == 0 else 1.0 + plan.spread * random.uniform(-1, 1)
    final_at = due_at + plan.seconds_to_final * pace
    if expires_at is not None and final_at > expires_at and fate is not Fate.STUCK and not lookup:
        fate, final_at = Fate.EXPIRED, expires_at
    return Course(fate=fate, sent_at=due_at + plan.seconds_to_sent * pace, final_at=final_at)
