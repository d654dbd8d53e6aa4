"""Oddities of single answers that the document shows or leaves open, to be scripted one by one."""

import enum

import msgspec

from pointsman.sandbox import Call
from pointsman_devino.sandbox.answers import HlrState

FOREIGN_ID = "703112828852109314"
FOREIGN_NUMBER = "+79007654321"


class Quirk(enum.StrEnum):
    """Oddities of single answers, scripted with `pointsman.sandbox.quirk`."""

    DOCUMENT = "document"
    """Word this answer as the document does, mistakes included."""
    ONE_ID_LESS = "one-id-less"
    """Accept everything, but leave out the last id."""
    FOREIGN_ROW = "foreign-row"
    """Answer Hlr/State with the result of somebody else's lookup only."""
    OTHER_NUMBER = "other-number"
    """Let the first row of Hlr/State name a number that was not asked about."""
    EMPTY_BODY = "empty-body"
    """Answer User/Balance with nothing, as the document's example does."""
    LATER_INBOX = "later-inbox"
    """Word Sms/In as a later edition of the document does: `CreatedDateUtc`, and the id a number."""
    CLIENT_INBOX = "client-inbox"
    """Word Sms/In as the provider's C# client expects it: `CreationDateUtc`."""


def given_ids(call: Call, ids: list[str]) -> list[str]:
    """Return the ids that the client is told."""
    return ids[:-1] if call.quirk == Quirk.ONE_ID_LESS else ids


def given_rows(call: Call, rows: list[HlrState]) -> list[HlrState]:
    """Return the lookup results that the client is told."""
    if call.quirk == Quirk.FOREIGN_ROW:
        return [msgspec.structs.replace(row, message_id=FOREIGN_ID) for row in rows[:1]]
    if call.quirk == Quirk.OTHER_NUMBER and rows:
        return [msgspec.structs.replace(rows[0], destination_address=FOREIGN_NUMBER), *rows[1:]]
    return rows
