"""What a store must do, whether it forgets at the end of the process or survives a power cut."""

from collections.abc import AsyncIterator
from typing import Protocol

from pointsman.message import Envelope
from pointsman.store.record import Change, Record


class Store(Protocol):
    """Keeps records and finds them.

    `accept` and `apply` return when the write is as durable as the store makes it; changes to one message are applied
    in the order of the calls. Nothing is acknowledged, and no byte leaves for a provider, before they return.
    """

    async def open(self) -> None:
        """Get ready. Raises `ConfigError` when the store cannot be used."""
        ...

    async def close(self) -> None:
        """Finish all writes and let go."""
        ...

    async def accept(self, envelope: Envelope) -> Record:
        """Record a new message."""
        ...

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Apply a change; return the record before and after. Raises `KeyError` for an unknown message."""
        ...

    async def get(self, message_id: str) -> Record | None:
        """Return the record of a message."""
        ...

    async def find(self, provider: str, provider_id: str) -> tuple[tuple[str, int], ...]:
        """Return messages and attempts to which a provider gave this id."""
        ...

    def unfinished(self) -> AsyncIterator[Record]:
        """Walk through all messages for which something is still to be done."""
        ...
