"""Rows of a file become messages, or problems with their row and what to do."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Protocol

import msgspec

from pointsman.cli.fitness import Fitness
from pointsman.cli.sheet import Cells, Columns, Line, RowProblem, Sheet
from pointsman.cli.wishes import COLUMNS, Wishes
from pointsman.config.problems import did_you_mean
from pointsman.config.values import parse_duration
from pointsman.errors import InvalidMessage
from pointsman.message import (
    Channel,
    Envelope,
    Fallback,
    FallbackBy,
    HlrLookup,
    Message,
    MessageClass,
    Sms,
    Viber,
    channel_of,
)
from pointsman.router import Router

_CHANNELS = {channel.value: channel for channel in (Channel.SMS, Channel.VIBER)}
_CLASSES = {message_class.value: message_class for message_class in MessageClass}
_FALLBACKS = {by.value: by for by in FallbackBy}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST_REFERENCE = 200
"""Characters."""
TOLD_AFTER = 500
"""Rows between two movements of the bar."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row as a message. Its `reference` is the number of the row, by which the router's news are matched."""

    number: int
    message: Message
    reference: str
    """The user's own."""


class RowReader(Protocol):
    """Makes messages of rows."""

    @property
    def columns(self) -> Columns:
        """Which columns there may be."""
        ...

    def read(self, line: Line) -> Row:
        """Return a row as a message. Raises `InvalidMessage`; the number and the text are not judged here."""
        ...


class MessageReader(msgspec.Struct, frozen=True, kw_only=True):
    """Reads messages with a text; the options of the command stand in for empty cells."""

    channel: Channel = Channel.SMS
    sender: str | None = None
    message_class: MessageClass = MessageClass.TRANSACTIONAL
    ttl: timedelta | None = None
    fallback: Fallback | None = None
    """Of rows for Viber."""
    wishes: Wishes = Wishes()
    columns: Columns = Columns(
        required=("to", "text"),
        optional=("sender", "class", "ttl", "reference", "channel", "fallback_by", "fallback_text", *COLUMNS),
        verbatim=("text", "fallback_text"),
    )

    def read(self, line: Line) -> Row:
        """Return a row as a message. Raises `InvalidMessage`."""
        cells = line.cells
        channel = _channel(cells["channel"]) if "channel" in cells else self.channel
        message = write_message(
            channel,
            to=cells.get("to", ""),
            text=cells.get("text", ""),
            sender=cells.get("sender", self.sender),
            message_class=_class(cells["class"]) if "class" in cells else self.message_class,
            ttl=read_ttl(cells["ttl"]) if "ttl" in cells else self.ttl,
            reference=str(line.row),
            fallback=_fallback(cells, self.fallback if channel is Channel.VIBER else None),
            wishes=self.wishes.or_of(cells),
        )
        return Row(number=line.row, message=message, reference=_reference(cells))


class LookupReader(msgspec.Struct, frozen=True, kw_only=True):
    """Reads numbers to look up."""

    columns: Columns = Columns(required=("to",), optional=("reference",), others=True, bare="to")

    def read(self, line: Line) -> Row:
        """Return a row as a lookup. Raises `InvalidMessage`."""
        lookup = HlrLookup(to=line.cells.get("to", ""), reference=str(line.row))
        return Row(number=line.row, message=lookup, reference=_reference(line.cells))


def write_message(
    channel: Channel,
    *,
    to: str,
    text: str,
    sender: str | None = None,
    message_class: MessageClass = MessageClass.TRANSACTIONAL,
    ttl: timedelta | None = None,
    reference: str | None = None,
    fallback: Fallback | None = None,
    wishes: Wishes = Wishes(),  # noqa: B008 - a frozen value
) -> Message:
    """Return a message of a channel; it is not judged here. Raises `InvalidMessage` for what its channel cannot do."""
    if fallback is not None and channel is not Channel.VIBER:
        raise InvalidMessage(
            "fallback_by", "only a Viber message has an SMS in its place: choose viber or leave it out"
        )
    if channel is Channel.HLR:
        if wishes != Wishes():
            raise InvalidMessage("channel", "a lookup is made at once and has no text: leave such options out")
        return HlrLookup(to=to, message_class=message_class, ttl=ttl, reference=reference)
    sms = Sms(
        to=to,
        text=text,
        sender=sender,
        message_class=message_class,
        ttl=ttl,
        reference=reference,
        send_at=wishes.send_at,
        send_at_local=wishes.send_at_local,
        flash=wishes.flash,
        transliterate=wishes.transliterate,
    )
    return sms if channel is Channel.SMS else _as_viber(sms, fallback)


def _as_viber(sms: Sms, fallback: Fallback | None) -> Viber:
    """Return the same as a Viber message; what its text is to be written in is about the SMS in its place."""
    if sms.flash:
        raise InvalidMessage("flash", "is for SMS only; leave it out for viber")
    if sms.transliterate:
        if fallback is None:
            raise InvalidMessage("transliterate", "is for SMS only; leave it out for viber, or give it an SMS as well")
        fallback = msgspec.structs.replace(fallback, transliterate=True)
    return Viber(
        to=sms.to,
        text=sms.text,
        sender=sms.sender,
        message_class=sms.message_class,
        ttl=sms.ttl,
        reference=sms.reference,
        send_at=sms.send_at,
        send_at_local=sms.send_at_local,
        fallback=fallback,
    )


def write_fallback(by: FallbackBy | None, text: str | None) -> Fallback | None:
    """Return the SMS in place of a Viber message; None when neither is said. A text alone means that we send it."""
    return None if by is None and text is None else Fallback(text=text, by=by or FallbackBy.ROUTER)


def may_fall_back(message: Message) -> bool:
    """Say whether we ourselves may have to send an SMS in place of a message, so that we must not stop before."""
    fallback = message.fallback if isinstance(message, Viber) else None
    return fallback is not None and fallback.by is FallbackBy.ROUTER


def read_ttl(text: str) -> timedelta:
    """Return a length of time. Raises `InvalidMessage`."""
    try:
        return timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        raise InvalidMessage("ttl", f"{text!r} is no duration; write one such as 30s, 5m, 1h30m or 1d") from None


def rows_of(sheet: Sheet, reader: RowReader) -> Iterator[Row | RowProblem]:
    """Walk through a file."""
    for line in sheet.rows():
        if isinstance(line, RowProblem):
            yield line
            continue
        try:
            yield reader.read(line)
        except InvalidMessage as problem:
            yield RowProblem(line.row, problem.field, problem.problem)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What checking a file found."""

    good: int
    problems: tuple[RowProblem, ...]
    """In the order of the rows; at most one for each."""
    last_due: float | None = None
    """Wall time when the last of the rows is due that are for later; None when all are for now."""


def check_rows(
    sheet: Sheet, reader: RowReader, router: Router, advance: Callable[[int], None], *, allow_duplicates: bool
) -> Checked:
    """Check every row as the router would, and look for rows that say the same; tell `advance` how many are done."""
    good, fitness, last_due = 0, Fitness(router), None
    problems: list[RowProblem] = []
    seen: dict[int, int] = {}
    for count, row in enumerate(rows_of(sheet, reader), start=1):
        if count % TOLD_AFTER == 0:
            advance(TOLD_AFTER)
        found = row if isinstance(row, RowProblem) else _judge(row, fitness, None if allow_duplicates else seen)
        if isinstance(found, RowProblem):
            problems.append(found)
            continue
        good += 1
        if found.due > found.accepted_at:
            last_due = max(found.due, last_due or 0.0)
    return Checked(good=good, problems=tuple(problems), last_due=last_due)


def _judge(row: Row, fitness: Fitness, seen: dict[int, int] | None) -> RowProblem | Envelope:
    try:
        envelope = fitness.check(row.message)
    except InvalidMessage as problem:
        return RowProblem(row.number, problem.field, problem.problem)
    if seen is None:
        return envelope
    message, to = row.message, envelope.to
    content: tuple[object, ...] = ()
    if not isinstance(message, HlrLookup):
        content = (message.text, message.sender, message.send_at, message.send_at_local)
    # 64 bits instead of the text itself: a hundred thousand long texts need not be kept.
    first = seen.setdefault(hash((channel_of(message), to, *content)), row.number)
    if first == row.number:
        return envelope
    return RowProblem(row.number, "to", f"says the same as row {first}; remove it, or give --allow-duplicates")


def _channel(text: str) -> Channel:
    channel = _CHANNELS.get(text.lower())
    if channel is None:
        hint = "numbers are looked up by `pointsman lookup`" if text.lower() == Channel.HLR else None
        raise InvalidMessage("channel", _unknown(text, "channel", _CHANNELS, hint))
    return channel


def _class(text: str) -> MessageClass:
    message_class = _CLASSES.get(text.lower())
    if message_class is None:
        raise InvalidMessage("class", _unknown(text, "class", _CLASSES))
    return message_class


def _fallback(cells: Cells, default: Fallback | None) -> Fallback | None:
    """Return what the cells say about the SMS, else what the options say."""
    text = cells.get("fallback_text", default.text if default is not None else None)
    if "fallback_by" not in cells:
        return write_fallback(default.by if default is not None else None, text)
    by = _FALLBACKS.get(cells["fallback_by"].lower())
    if by is None:
        raise InvalidMessage("fallback_by", _unknown(cells["fallback_by"], "sender of the SMS", _FALLBACKS))
    return write_fallback(by, text)


def _unknown(text: str, what: str, known: Mapping[str, object], hint: str | None = None) -> str:
    return f"there is no {what} {text[:40]!r} ({hint or did_you_mean(text, known)})"


def _reference(cells: Cells) -> str:
    reference = cells.get("reference", "")
    if len(reference) > LONGEST_REFERENCE or _CONTROL.search(reference):
        raise InvalidMessage(
            "reference", f"a reference has at most {LONGEST_REFERENCE} characters and no line breaks; shorten it"
        )
    return reference
