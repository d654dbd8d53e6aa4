"""Incoming messages: how they get into the inbox, and how three editions of one API word them."""

import json
from collections.abc import Sequence

import msgspec

from pointsman.sandbox import Call, Reply
from pointsman_devino.sandbox.answers import Mode, date, dated, reply
from pointsman_devino.sandbox.quirks import Quirk

FIRST_ID = 539187174
"""That of the document's example."""


class Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of the control call that fills the inbox."""

    sender: str
    to: str
    text: str
    at: float | None = None
    """When it came, in seconds since the epoch; None: now."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One message in the inbox."""

    id: int
    sender: str
    to: str
    text: str
    at: float


class _Incoming(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One row of Sms/In in the document of the account."""

    data: str
    source_address: str
    destination_address: str
    id: str = msgspec.field(name="ID")
    create_date_utc: str


class _LaterIncoming(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The same in a later edition: another name of the date, and the id is a number."""

    data: str
    source_address: str
    destination_address: str
    id: int = msgspec.field(name="ID")
    created_date_utc: str


class _ClientIncoming(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The same as the provider's own C# client expects it: a third name of the date."""

    data: str
    source_address: str
    destination_address: str
    id: str = msgspec.field(name="ID")
    creation_date_utc: str


def wording(mode: Mode, call: Call, letters: Sequence[Received]) -> Reply:
    """Word incoming messages as the mode and the quirk of this call want it."""
    if call.quirk == Quirk.LATER_INBOX:
        return reply(dated([_later(letter) for letter in letters]))
    if call.quirk == Quirk.CLIENT_INBOX:
        return reply(dated([_for_client(letter) for letter in letters]))
    if mode is Mode.WIRE:
        return reply(dated([_row(letter) for letter in letters]))
    return reply(("[" + ",\n".join(map(_printed, letters)) + "]").encode())


def _row(letter: Received) -> _Incoming:
    return _Incoming(
        data=letter.text,
        source_address=letter.sender,
        destination_address=letter.to,
        id=str(letter.id),
        create_date_utc=date(letter.at),
    )


def _later(letter: Received) -> _LaterIncoming:
    return _LaterIncoming(
        data=letter.text,
        source_address=letter.sender,
        destination_address=letter.to,
        id=letter.id,
        created_date_utc=date(letter.at),
    )


def _for_client(letter: Received) -> _ClientIncoming:
    return _ClientIncoming(
        data=letter.text,
        source_address=letter.sender,
        destination_address=letter.to,
        id=str(letter.id),
        creation_date_utc=date(letter.at),
    )


def _printed(letter: Received) -> str:
    """Write a row as the document's example does, which closes its dates with two backslashes."""
    data = json.dumps(letter.text, ensure_ascii=False)
    return (
        f'{{"Data": {data},\n"SourceAddress": "{letter.sender}",\n'
        f'"DestinationAddress": "{letter.to}",\n"ID": "{letter.id}",\n'
        f'"CreateDateUtc": "\\{date(letter.at).strip("/")}\\\\"}}'
    )
