"""What may change about a message before its first attempt: when it is sent, and which network it goes to."""

from typing import TYPE_CHECKING

import msgspec

from pointsman.message import Network, NetworkSource
from pointsman.outcome import LookupResult

if TYPE_CHECKING:
    from pointsman.store.record import Record


def retimed(record: "Record", due: float) -> "Record":
    """Return the record of a message that waits until later; its life counts from then."""
    envelope = record.envelope
    if record.attempts or record.intent is not None or record.ended is not None or due <= envelope.due:
        return record
    later = due - max(envelope.due, envelope.accepted_at)
    envelope = msgspec.structs.replace(envelope, due=due, deadline=envelope.deadline + later)
    return msgspec.structs.replace(record, envelope=envelope, waits=True)


def located(record: "Record", result: LookupResult) -> "Record":
    """Return the record of a message that is priced and routed by what its lookup found."""
    if record.attempts or record.intent is not None or record.ended is not None:
        return record
    replace = msgspec.structs.replace
    envelope, found = record.envelope, result.network
    if found is not None and found.mccmnc is not None:
        country = found.country or envelope.network.country
        envelope = replace(envelope, network=Network(country, found.mccmnc, NetworkSource.HLR))
    return replace(record, envelope=envelope, lookup=result)
