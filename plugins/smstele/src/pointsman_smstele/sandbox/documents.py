"""How answers look: as valid JSON, or as the document prints them, with its damage."""

import enum
import json
from datetime import datetime

import msgspec

from pointsman.message import Channel
from pointsman.sandbox import Fate, Reply, SandboxMessage, Stage
from pointsman_smstele.sandbox.numbers import Operator
from pointsman_smstele.sandbox.order import MOSCOW_TIME

NO_INFORMATION = "-99"
"""Stands in `status`, `error` and `err` of every example, good and bad alike; the table of codes does not have it."""


class Quirk(enum.StrEnum):
    """Ways in which the document is unclear or contradicts itself; for `SmsteleSandbox.standing` or a fault rule."""

    DOCUMENT = "document"
    """Answers are broken exactly as they are in the document."""
    TABLE_NUMBERS = "table_numbers"
    """Codes come from the table and not from the examples."""
    NO_DESCRIPTION = "no_description"
    """Refusals are a bare number."""
    HTTP_ERRORS = "http_errors"
    """Refusals come with HTTP status 400."""
    COUNT_SEGMENTS = "count_segments"
    """The outer `cnt` counts segments, not recipients."""
    ACCEPT_UNKNOWN = "accept_unknown"
    """Numbers that the plan does not list are taken and counted."""
    LATE = "late"
    """A gateway gives `sendsms` up with 504, and the request takes effect `late_by` seconds afterwards."""


class SentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient in the answer to `sendsms`."""

    id: str
    phone: str
    status: str = NO_INFORMATION
    error: str = NO_INFORMATION
    cnt: str
    operator: str
    region: str
    mnc: str


class SentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `sendsms`."""

    id: str
    cnt: str
    messages: tuple[SentRow, ...]


class StatusRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message in the answer to `status`."""

    id: str
    phone: str
    sender: str
    status: str = NO_INFORMATION
    err: str = NO_INFORMATION
    stat: str
    type: str
    send_timestamp: str
    last_timestamp: str
    operator: str
    region: str
    mnc: str


class StatusAnswer(msgspec.Struct, frozen=True):
    """The answer to `status`."""

    results: tuple[StatusRow, ...]


class ErrorAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a refused request."""

    error: str
    description: str = ""


STATS = {
    Fate.DELIVERED: "DELIVRD",
    Fate.UNDELIVERED: "UNDELIV",
    Fate.EXPIRED: "EXPIRED",
    Fate.REJECTED: "REJECTD",
    Fate.DELETED: "DELETED",
    Fate.UNKNOWN: "UNKNOWN",
    Fate.REACHABLE: "DELIVRD",
    Fate.ABSENT: "UNDELIV",
    Fate.NONEXISTENT: "REJECTD",
    Fate.FAILED: "UNKNOWN",
}
"""Final states in the words of SMPP. What a lookup's states look like is not documented; these four are a guess."""

TYPES = {Channel.SMS: "1", Channel.HLR: "2", Channel.VIBER: "3"}
"""Only the 1 is documented."""


def status_row(message: SandboxMessage, operator: Operator, now: float, word: str | None = None) -> StatusRow:
    """Describe a message as it stands; `word` is what `stat` says whatever that is."""
    stage = message.stage(now)
    course = message.course
    moved_at = {Stage.QUEUED: message.accepted_at, Stage.SENT: course.sent_at, Stage.FINAL: course.final_at}[stage]
    return StatusRow(
        id=message.id,
        phone=message.to,
        sender=message.sender,
        stat=word or (STATS[course.fate] if stage is Stage.FINAL else "ENROUTE"),
        type=TYPES[message.channel],
        send_timestamp=_timestamp(message.accepted_at),
        last_timestamp=_timestamp(moved_at),
        operator=operator.name,
        region=operator.region,
        mnc=operator.mnc,
    )


def _timestamp(at: float) -> str:
    """Write a time as the document does: Moscow time, the offset in hours only."""
    return datetime.fromtimestamp(at, MOSCOW_TIME).strftime("%Y-%m-%d %H:%M:%S+03")


def render(answer: SentAnswer | StatusAnswer | ErrorAnswer, *, as_document: bool, status: int = 200) -> Reply:
    """Put an answer into bytes, valid or damaged."""
    if not as_document:
        return Reply.json(answer, status)
    fields = msgspec.to_builtins(answer)
    match answer:
        case ErrorAnswer():
            text = json.dumps(fields, indent=2, ensure_ascii=False).replace("\n", "  \n")
        case SentAnswer():
            text = json.dumps(fields, indent=0, ensure_ascii=False)
            if len(answer.messages) > 1:
                # A page of the document ends inside the first of several recipients and leaves a quote on a line.
                text = text.replace('\n"error"', '\n"\n\n\n\n\n"error"', 1)
        case StatusAnswer():
            text = json.dumps(fields, indent=0, ensure_ascii=False).removesuffix("\n}")
    return Reply(status, text.encode())
