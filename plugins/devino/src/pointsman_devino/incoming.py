"""What `Sms/In` says: messages that people sent to us. Its fields vary between the editions of the document."""

import hashlib

from pointsman.errors import InvalidMessage
from pointsman.message import Msisdn
from pointsman.plugin import Incoming, Json
from pointsman.text import parse_msisdn
from pointsman_devino.wire import Body, fields_of, message_id, moment, plain, rows_of

_DATES = ("createdateutc", "createddateutc", "creationdateutc")
"""The account's document, a later edition of it, the provider's own C# client."""
_SHORTEST_CERTAIN = 11
"""Digits of a number in Russia or Kazakhstan with its country code. Fewer may be a number that lost some: the printed
example has `7926000000`, ten digits of which nobody can say which one is missing."""


def read_incoming(body: Body) -> tuple[Incoming, ...] | None:
    """Return the messages in the provider's order; None when the body is no list of them.

    A row that names neither a sender nor a text is no message and is left out.
    """
    if not isinstance(body.json, list):
        return None
    read = tuple(message for message in map(_message, rows_of(body.json)) if message is not None)
    return read if read or not body.json else None


def _message(row: Json) -> Incoming | None:
    fields = fields_of(row)
    sender, text = plain(fields.get("sourceaddress")), plain(fields.get("data"))
    if not sender and not text:
        return None
    to, dates = plain(fields.get("destinationaddress")), [fields.get(name) for name in _DATES]
    return Incoming(
        id=message_id(fields.get("id")) or _made_up(sender, to, text, *map(plain, dates)),
        sender=sender,
        sender_msisdn=certain_number(sender),
        to=to,
        text=text,
        at=next((at for at in map(moment, dates) if at is not None), None),
    )


def _made_up(*said: str) -> str:
    """Return an id for a message that came without one: the same each time, so that it is still told only once."""
    return hashlib.sha256("\0".join(said).encode("utf-8", "replace")).hexdigest()[:32]


def certain_number(said: str) -> Msisdn | None:
    """Return a sender as a valid number; None for a name, and for digits that may be incomplete or ambiguous."""
    if sum(character.isdecimal() for character in said) < _SHORTEST_CERTAIN:
        return None
    try:
        return parse_msisdn(said, "RU")
    except InvalidMessage:
        return None
