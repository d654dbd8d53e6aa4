"""What is different between two price lists."""

import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from pointsman.config.examine import place_of
from pointsman.routing.price import PriceRow


class Kind(enum.StrEnum):
    """How a row changed."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A row that only one of the lists has, or that says something else in the other."""

    kind: Kind
    what: str
    """Channel, numbers, and since when."""
    old: PriceRow | None = None
    new: PriceRow | None = None

    @property
    def percent(self) -> Decimal | None:
        """By how much of the old price the new one is higher; None where that cannot be said."""
        if self.old is None or self.new is None or not self.old.price or self.old.currency != self.new.currency:
            return None
        return (self.new.price - self.old.price) * 100 / self.old.price


def differences(old: Iterable[PriceRow], new: Iterable[PriceRow]) -> tuple[Difference, ...]:
    """Return what changed, by channel, numbers and beginning. The order of rows does not matter."""
    before, after = _by_key(old), _by_key(new)
    found = []
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        if one == other:
            continue
        kind = Kind.ADDED if one is None else Kind.REMOVED if other is None else Kind.CHANGED
        found.append(Difference(kind=kind, what=" ".join(filter(None, key)), old=one, new=other))
    return tuple(found)


def _by_key(rows: Iterable[PriceRow]) -> Mapping[tuple[str, str, str], PriceRow]:
    return {
        (row.channel.value, place_of(row), f"from {row.valid_from.isoformat()}" if row.valid_from else ""): row
        for row in rows
    }
