"""What `stat` means, for messages and for lookups: one table."""

import math
from collections.abc import Mapping
from typing import assert_never

import msgspec

from pointsman.message import Channel
from pointsman.outcome import DeliveryState, Fault, LookupResult, LookupState, Report
from pointsman.plugin import Oddity, Tracked
from pointsman_smstele.ids import message_id
from pointsman_smstele.networks import network_of
from pointsman_smstele.wire import NO_INFORMATION, Stat, StatusAnswer, StatusRow


class Meaning(msgspec.Struct, frozen=True):
    """One line of the table."""

    message: DeliveryState
    lookup: LookupState
    """Our reading: the document defines no result of a lookup."""
    final: bool
    fault: Fault | None = None


_PENDING = Meaning(DeliveryState.SENT, LookupState.PENDING, final=False)
_NOBODY_KNOWS = Meaning(DeliveryState.UNKNOWN, LookupState.UNKNOWN, final=False)

MEANINGS: Mapping[str, Meaning] = {
    Stat.ENROUTE: _PENDING,
    # Final in SMPP 3.4 ("read on behalf of the subscriber"), but in use as "taken by the centre": ask on.
    Stat.ACCEPTD: _PENDING,
    Stat.DELIVRD: Meaning(DeliveryState.DELIVERED, LookupState.REACHABLE, final=True),
    Stat.UNDELIV: Meaning(DeliveryState.UNDELIVERABLE, LookupState.ABSENT, final=True, fault=Fault.UNAVAILABLE),
    Stat.EXPIRED: Meaning(DeliveryState.EXPIRED, LookupState.FAILED, final=True),
    Stat.REJECTD: Meaning(DeliveryState.REJECTED, LookupState.FAILED, final=True, fault=Fault.DECLINED),
    Stat.DELETED: Meaning(DeliveryState.DELETED, LookupState.FAILED, final=True),
    Stat.UNKNOWN: _NOBODY_KNOWS,
}


def news(one: Tracked, provider_id: str, answer: StatusAnswer) -> tuple[Report | None, tuple[Oddity, ...]]:
    """Return what an answer says of one message or lookup, if anything, and what was odd.

    Rows of other messages are ignored. Among several rows a final state beats one that is not, then the newest counts.
    """
    ours = [row for row in answer.rows if message_id(row.id, row.phone) == provider_id]
    odd: tuple[Oddity, ...] = (Oddity.FOREIGN_ID,) if len(ours) < len(answer.rows) else ()
    telling = [row for row in ours if row.stat]
    if not telling:
        return None, odd
    row = max(telling, key=_weight)
    meaning = MEANINGS.get(row.stat)
    if meaning is None:
        odd = (*odd, Oddity.UNDOCUMENTED_CODE)
    return _report(one, provider_id, row, meaning or _NOBODY_KNOWS), odd


def _weight(row: StatusRow) -> tuple[bool, float]:
    meaning = MEANINGS.get(row.stat, _NOBODY_KNOWS)
    return meaning.final, row.at.timestamp() if row.at else -math.inf


def _report(one: Tracked, provider_id: str, row: StatusRow, meaning: Meaning) -> Report:
    plain = Report(
        provider_id=provider_id,
        reference=None if one.ids else one.ref or None,
        to=one.to,
        final=meaning.final,
        at=row.at,
        code=row.stat[:32],
        detail="" if row.error in {0, NO_INFORMATION} else f"err {row.error}",
    )
    match one.channel:
        case Channel.SMS | Channel.VIBER:
            return msgspec.structs.replace(plain, state=meaning.message, fault=meaning.fault)
        case Channel.HLR:
            network = network_of(one.to, row.mnc)
            result = LookupResult(state=meaning.lookup, network=network, operator=row.operator or None)
            return msgspec.structs.replace(plain, lookup=result)
        case _:
            assert_never(one.channel)
