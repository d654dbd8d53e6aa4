"""The messages of the demo, each with the end that the script implies; read from the CSV in this package."""

import csv
from collections.abc import Iterable
from importlib.resources import files

import msgspec

from pointsman.message import Channel, HlrLookup, MessageClass, Msisdn, Sms
from pointsman.outcome import State
from pointsman.sandbox import Fate
from pointsman.text import parse_msisdn

REGION = "RU"
_INVALID = "invalid"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One message and what must become of it.

    The expectation is written down beforehand and follows from the faults of its step alone; nothing of it is taken
    from what the router does.
    """

    name: str
    """Step and number, such as `silence/3`; also the message's reference."""
    step: str
    message: Sms | HlrLookup
    to: Msisdn | None
    """The number as the providers see it; every case has its own. None where no number can be read."""
    fate: Fate | None
    """What the networks do with it, where it is not simply delivered."""
    expect: frozenset[State]
    """The states in which it may end; empty for what must be refused before routing."""
    copies: frozenset[int]
    """How many copies the providers may have taken, all together."""
    via: str | None
    """Which provider must have taken it; None where several may."""

    @property
    def channel(self) -> Channel:
        """The channel of the message."""
        return Channel.HLR if isinstance(self.message, HlrLookup) else Channel.SMS


def load_cases() -> tuple[Case, ...]:
    """Return the cases of the bundled CSV, in its order."""
    with (files("pointsman.demo") / "data" / "messages.csv").open(encoding="utf-8") as lines:
        return read_cases(lines)


def read_cases(lines: Iterable[str]) -> tuple[Case, ...]:
    """Read cases from CSV. Raises `ValueError` or `KeyError` for a row that is none."""
    numbers: dict[str, int] = {}
    cases = []
    for row in csv.DictReader(lines):
        step = row["step"]
        numbers[step] = numbers.get(step, 0) + 1
        cases.append(_case(f"{step}/{numbers[step]}", row))
    return tuple(cases)


def _case(name: str, row: dict[str, str]) -> Case:
    return Case(
        name=name,
        step=row["step"],
        message=_message(name, row),
        to=None if row["expect"] == _INVALID else parse_msisdn(row["to"], REGION),
        fate=Fate(row["fate"]) if row["fate"] else None,
        expect=frozenset() if row["expect"] == _INVALID else frozenset(map(State, row["expect"].split("|"))),
        copies=frozenset(map(int, row["copies"].split("|"))),
        via=row["via"] or None,
    )


def _message(name: str, row: dict[str, str]) -> Sms | HlrLookup:
    message_class = MessageClass(row["class"])
    if Channel(row["channel"]) is Channel.HLR:
        return HlrLookup(to=row["to"], message_class=message_class, reference=name)
    return Sms(to=row["to"], text=row["text"], message_class=message_class, reference=name)
