"""Money that is expected to be spent on messages which were let in, until it turns out what they cost."""

from collections import defaultdict
from decimal import Decimal

MOST_OPEN = 1_000_000
"""Messages whose cost is waited for; of more, the oldest count as if they had cost what was expected."""
NOTHING = Decimal(0)


class Reserved:
    """What is reserved, in the router's currency. State: the amount of every message that is open, and their sums."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        self._most = most
        self._open: dict[str, tuple[str, Decimal]] = {}
        self._sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.total = NOTHING

    def of(self, client: str) -> Decimal:
        """Return what is reserved for the messages of a client."""
        return self._sums.get(client, NOTHING)

    def hold(self, message_id: str, client: str, amount: Decimal) -> tuple[str, Decimal] | None:
        """Reserve money; return the client and the amount of an older message that had to make room."""
        gone = self.release(next(iter(self._open))) if len(self._open) >= self._most else None
        self._open[message_id] = client, amount
        self._sums[client] += amount
        self.total += amount
        return gone

    def release(self, message_id: str) -> tuple[str, Decimal] | None:
        """End a reservation; return whose it was and how much, or None when there is none."""
        found = self._open.pop(message_id, None)
        if found is not None:
            client, amount = found
            self._sums[client] -= amount
            self.total -= amount
        return found
