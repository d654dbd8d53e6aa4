"""Events of every kind and a sink that keeps its lines."""

from decimal import Decimal

import msgspec
import pytest

from pointsman.events import Called, CallOutcome, Operation
from pointsman.message import Channel, Money
from pointsman.outcome import Fault


class KeptLines:
    """A sink that keeps what is written."""

    def __init__(self, *, terminal: bool = False) -> None:
        self.lines: list[bytes] = []
        self._terminal = terminal

    def write(self, line: bytes) -> None:
        """Keep a line."""
        self.lines.append(line)

    def isatty(self) -> bool:
        """Say what it was told to say."""
        return self._terminal

    def decoded(self) -> list[dict[str, object]]:
        """The lines as JSON objects."""
        return [msgspec.json.decode(line) for line in self.lines]


@pytest.fixture
def sink():
    """A sink that is not a terminal."""
    return KeptLines()


@pytest.fixture
def terminal():
    """A sink that says that a person is reading."""
    return KeptLines(terminal=True)


@pytest.fixture
def called():
    """One refused submit of one message."""
    return Called(
        at=1_763_800_000.5,
        provider="devino",
        channel=Channel.SMS,
        operation=Operation.SUBMIT,
        outcome=CallOutcome.REFUSED,
        fault=Fault.CREDITS,
        code="6",
        detail="no money left",
        http_status=500,
        duration=0.123456,
        left=True,
        message_ids=("01jd0000000000000000000000",),
        to=("79161234567",),
        attempt=1,
        decision_id="01jd0000000000000000000001",
        price=Money(Decimal("0.0120"), "EUR"),
    )
