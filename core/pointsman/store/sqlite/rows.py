"""A record as a row and back.

What is looked for has a column of its own; the rest is in two blobs: `envelope` is what was taken, `life` what became
of it. Each begins with a checksum, because SQLite notices damage to its own pages only, not to what stands in them.
"""

import zlib
from typing import Any, Final

import msgspec

from pointsman.errors import StoreError
from pointsman.message import Envelope, MessageClass
from pointsman.outcome import Attempt, LookupResult, Refused, Report, State
from pointsman.store.change import Intent
from pointsman.store.record import Known, Record, is_final
from pointsman.store.stage import Stage, run_at, stage_of

FREE: Final = 0
"""Owner of messages that anybody may take; every opening of a journal is an owner of its own, from 1."""
DAMAGED: Final = -1
"""Owner of messages that cannot be read, so that they are not met again and again."""
LANES: Final = {MessageClass.OTP: 0, MessageClass.TRANSACTIONAL: 1, MessageClass.MARKETING: 2}
"""Classes as they are stored: never change a number."""
READ: Final = "owner, stage, state, updated_at, erased, envelope, life"
"""The columns that make a record."""
CHANGING: Final = ("stage", "owner", "run_at", "state", "updated_at", "over_at", "erased", "partner")
"""The columns besides the blobs that a change of a record may change."""
_CHECKSUM = 4


class Life(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a record holds besides its envelope and what has a column of its own."""

    attempts: tuple[Attempt, ...] = ()
    intent: Intent | None = None
    waits: bool = False
    reports: tuple[Known, ...] = ()
    ended: State | None = None
    resuming: bool = False
    reason: Refused | None = None
    possible_duplicate: bool = False
    sms: str | None = None
    forgone: bool = False
    unwanted: bool = False
    lookup: LookupResult | None = None


_encoder = msgspec.msgpack.Encoder()
_read_envelope = msgspec.msgpack.Decoder(Envelope).decode
_read_life = msgspec.msgpack.Decoder(Life).decode
_read_report = msgspec.msgpack.Decoder(Report).decode


class Unreadable(Exception):
    """A row is damaged; where it is known, `message_id` says whose."""


def pack(value: Envelope | Life | Report) -> bytes:
    """Return a value as a blob."""
    body = _encoder.encode(value)
    return zlib.crc32(body).to_bytes(_CHECKSUM, "big") + body


def _body(blob: bytes) -> bytes:
    body = blob[_CHECKSUM:]
    if zlib.crc32(body).to_bytes(_CHECKSUM, "big") != blob[:_CHECKSUM]:
        raise Unreadable("its checksum is wrong")
    return body


def read_report(blob: bytes) -> Report:
    """Return a report that was packed. Raises `Unreadable`."""
    try:
        return _read_report(_body(blob))
    except (msgspec.MsgspecError, TypeError) as error:
        raise Unreadable(str(error)) from None


def life_of(record: Record) -> Life:
    """Return what is written of a record at each change."""
    return Life(
        attempts=record.attempts,
        intent=record.intent,
        waits=record.waits,
        reports=record.reports,
        ended=record.ended,
        resuming=record.resuming,
        reason=record.reason,
        possible_duplicate=record.possible_duplicate,
        sms=record.sms,
        forgone=record.forgone,
        unwanted=record.unwanted,
        lookup=record.lookup,
    )


class Rows:
    """Makes rows and records for one opening of a journal, which is the owner number `opening`."""

    def __init__(self, opening: int) -> None:
        self.opening = opening
        self.owner = name_of(opening)

    def record(self, row: tuple[Any, ...]) -> Record:
        """Return the record of a row of `READ`. Raises `Unreadable`."""
        owner, stage, state, updated_at, erased, envelope, life = row
        try:
            rest = _read_life(_body(life))
            whose, until = self._owner(owner, stage)
            return Record(
                envelope=_read_envelope(_body(envelope)),
                state=State(state),
                attempts=rest.attempts,
                intent=rest.intent,
                waits=rest.waits,
                reports=rest.reports,
                ended=rest.ended,
                resuming=rest.resuming,
                reason=rest.reason,
                possible_duplicate=rest.possible_duplicate,
                sms=rest.sms,
                forgone=rest.forgone,
                unwanted=rest.unwanted,
                lookup=rest.lookup,
                owner=whose,
                lease_until=until,
                erased=bool(erased),
                updated_at=updated_at,
            )
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise Unreadable(str(error)) from None

    def _owner(self, owner: int, stage: int) -> tuple[str, float]:
        """Return whose a message is, and until when.

        Whoever opened the journal before is gone. What he left in flight is to be found as his, and everything else
        that he had is ours: nobody but us can have the journal open.
        """
        if owner == FREE:
            return "", 0.0
        if owner != self.opening and stage == Stage.IN_FLIGHT:
            return name_of(owner), 0.0
        return self.owner, float("inf")

    def number(self, record: Record) -> int:
        """Return the owner of a record as it is stored."""
        if record.owner == self.owner:
            return self.opening
        return int(record.owner.rpartition("-")[2]) if record.owner else FREE

    def new(self, record: Record) -> tuple[Any, ...]:
        """Return the whole row of a message, in the order of the columns."""
        envelope = record.envelope
        return (
            envelope.id,
            envelope.origin.client if envelope.origin is not None else None,
            envelope.message.reference,
            LANES[envelope.message.message_class],
            *self._changing(record),
            pack(envelope),
            pack(life_of(record)),
        )

    def changed(self, record: Record) -> tuple[Any, ...]:
        """Return what of a row may have changed, and the id."""
        return (*self._changing(record), pack(life_of(record)), record.envelope.id)

    def renewed(self, record: Record) -> tuple[Any, ...]:
        """Return the same together with an envelope that has changed too."""
        return (*self._changing(record), pack(record.envelope), pack(life_of(record)), record.envelope.id)

    def _changing(self, record: Record) -> tuple[Any, ...]:
        stage = stage_of(record)
        is_over = stage is Stage.OVER or (stage is Stage.FOLLOWED and is_final(record))
        return (
            int(stage),
            self.number(record),
            run_at(record),
            record.state.value,
            record.updated_at,
            record.updated_at if is_over else None,
            int(record.erased),
            record.sms or record.envelope.parent,
        )


def name_of(opening: int) -> str:
    """Return the owner that an opening of a journal is."""
    return f"opening-{opening}"


def damaged(name: str, message_id: str) -> StoreError:
    """Return the error for a message that cannot be read."""
    return StoreError(
        name, f"message {message_id} is damaged: `pointsman journal check` says what else is, and what can be saved"
    )
