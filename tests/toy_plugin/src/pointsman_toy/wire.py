"""The provider's JSON as Structs; its words are turned into ours elsewhere."""

from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from pointsman.plugin import Response, Unreadable, read_json

T = TypeVar("T", bound=msgspec.Struct)


class Item(msgspec.Struct, frozen=True):
    """What became of one message of a request, in its place."""

    id: str | None = None
    error: str | None = None
    price: Decimal | None = None


class Sent(msgspec.Struct, frozen=True):
    """The answer to `POST /messages`."""

    items: tuple[Item, ...]


class News(msgspec.Struct, frozen=True):
    """The state of one message."""

    id: str
    state: str
    ref: str | None = None
    to: str | None = None


class States(msgspec.Struct, frozen=True):
    """The answer to `GET /states` and to `GET /refs`, and what a callback holds."""

    states: tuple[News, ...]


class Opened(msgspec.Struct, frozen=True):
    """The answer to `POST /session`."""

    token: str
    seconds: int


class Money(msgspec.Struct, frozen=True):
    """The answer to `GET /balance`."""

    amount: Decimal | None = None


class Letter(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """A message that somebody sent to us."""

    id: str
    sender: str
    to: str
    text: str
    at: datetime


class Letters(msgspec.Struct, frozen=True):
    """The answer to `GET /inbox`."""

    letters: tuple[Letter, ...]


class Figures(msgspec.Struct, frozen=True):
    """The answer to `GET /figures`."""

    sent: int
    delivered: int


class Line(msgspec.Struct, frozen=True):
    """A line of the price list: one price for a country."""

    country: str
    price: Decimal


class PriceList(msgspec.Struct, frozen=True):
    """The answer to `GET /prices`."""

    prices: tuple[Line, ...]


class Error(msgspec.Struct, frozen=True):
    """A refusal of the whole request, whatever was asked."""

    error: str
    text: str = ""


def read(kind: type[T], response: Response) -> tuple[T | Error | None, bool]:
    """Read an answer as an error, else as one of its kind, else as nothing; also say whether it had to be repaired."""
    try:
        answer, lenient = read_json(response.body)
    except Unreadable:
        return None, False
    try:
        return msgspec.convert(answer, Error), lenient
    except msgspec.ValidationError:
        pass
    try:
        return msgspec.convert(answer, kind), lenient
    except msgspec.ValidationError:
        return None, lenient
