"""Orders of clients: messages that somebody else than the program brings in, and who says whether he may."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from pointsman.message import Envelope, Message
from pointsman.outcome import Receipt


class Order(msgspec.Struct, frozen=True, gc=False):
    """A message that a client wants sent."""

    message: Message
    callback_url: str | None = None
    """Where the client is told what becomes of it."""


class Submitted(msgspec.Struct, frozen=True, gc=False):
    """What became of an order of one or several messages; they are written down."""

    receipts: tuple[Receipt, ...]
    """In the order of the messages."""
    repeated: bool = False
    """The same idempotency key had brought them before; nothing was done."""


class Admission(Protocol):
    """What was counted for an order that may be taken."""

    def take_back(self) -> None:
        """Count nothing after all: it had been taken before, or could not be written down."""
        ...


class Screen(Protocol):
    """Says whether a client may have messages sent. Called after they were parsed and before they are written down."""

    def admit(self, client: str, envelopes: Sequence[Envelope]) -> Admission:
        """Let an order in, all of it or nothing. Raises `Denied`. Must not wait for anything."""
        ...
