"""Their lookup results as reports, from a status query or from a callback."""

from typing import Final
from urllib.parse import parse_qsl

import msgspec

from pointsman.message import Msisdn, Network, NetworkSource
from pointsman.outcome import Fault, LookupResult, LookupState, Refused, Report
from pointsman.plugin import (
    Callback,
    CallbackReading,
    Oddity,
    Operation,
    PollReading,
    Reading,
    Response,
    Tracked,
)
from pointsman_affiliate_hlr.requests import token_in
from pointsman_affiliate_hlr.verdicts import succeeded, trouble
from pointsman_affiliate_hlr.wire import REFERENCE_HANDLE, Answer, Lookup, answer, decode, fold, lookup, lookups

STATES: Final = {
    "sent": LookupState.PENDING,
    "active": LookupState.REACHABLE,
    "absent": LookupState.ABSENT,
    "unknown": LookupState.UNKNOWN,
    "failed": LookupState.FAILED,
}
"""Their status words; only `sent` is not final."""


def handle_of(tracked: Tracked) -> str:
    """Return what stands after `hlr/` in the question: the id, or the way to ask by our reference."""
    return tracked.ids[0] if tracked.ids else REFERENCE_HANDLE + tracked.ref


def poll_reading(tracked: tuple[Tracked, ...], response: Response) -> PollReading:
    """Read the answer to a status query. A lookup that the provider does not know gives no report."""
    value, lenient = decode(response.body)
    said = answer(fold(value)) if isinstance(value, dict) else Answer()
    if not succeeded(response) or said.code not in (None, "0"):
        return trouble(said, response, Operation.POLL, lenient=lenient)
    found = lookups(value)
    if not found:
        refused = Refused(fault=Fault.UNAVAILABLE, code=said.code, detail="the answer holds no status")
        return Reading(refused, lenient=lenient)
    reports: list[Report] = []
    oddities: set[Oddity] = set()
    for one in found:
        owner = _owner(tracked, one)
        if isinstance(owner, Oddity):
            oddities.add(owner)
            continue
        reports.append(report(one, handle_of(owner)))
        oddities |= _strangeness(one)
    return Reading(tuple(reports), lenient=lenient, oddities=tuple(sorted(oddities)))


def _owner(tracked: tuple[Tracked, ...], one: Lookup) -> Tracked | Oddity:
    """Find what was asked about; an answer that names another lookup or another number is not used."""
    for item in tracked:
        if _speaks_of(one, handle_of(item), alone=len(tracked) == 1):
            return Oddity.WRONG_NUMBER if one.msisdn and one.msisdn != item.to else item
    return Oddity.FOREIGN_ID


def _speaks_of(one: Lookup, handle: str, *, alone: bool) -> bool:
    if handle.startswith(REFERENCE_HANDLE):
        named, asked = one.reference, handle.removeprefix(REFERENCE_HANDLE)
    else:
        named, asked = one.id or "", handle
    return named == asked or (alone and not named)


def callback_reading(callback: Callback) -> CallbackReading:
    """Read a callback in any of the shapes that related providers use; what cannot be recognised gives no report.

    The body comes before the query: the address that we gave may carry a query of its own. The token in that address
    names the lookup where the provider does not; a result that names another one is not used.
    """
    lenient = False
    if callback.body.lstrip()[:1] in (b"{", b"["):
        value, lenient = decode(callback.body)
        found = lookups(value)
    else:
        found = _from_pairs(_form(callback))
    found = found or _from_pairs(callback.query)
    token = token_in(fold(dict(callback.query))) if len(found) == 1 else ""
    reports: list[Report] = []
    oddities: set[Oddity] = set()
    for one in found:
        named = msgspec.structs.replace(one, reference=one.reference or token)
        if token and named.reference != token:
            oddities.add(Oddity.FOREIGN_ID)
            continue
        handle = named.id or (REFERENCE_HANDLE + named.reference if named.reference else None)
        if handle is None:
            continue
        reports.append(report(named, handle))
        oddities |= _strangeness(named)
    return Reading(tuple(reports), lenient=lenient, oddities=tuple(sorted(oddities)))


def _form(callback: Callback) -> tuple[tuple[str, str], ...]:
    if "multipart" in callback.content_type.lower():
        return ()
    return tuple(parse_qsl(callback.body.decode("utf-8", "replace")))


def _from_pairs(pairs: tuple[tuple[str, str], ...]) -> tuple[Lookup, ...]:
    one = lookup(fold(dict(pairs)))
    return (one,) if one.status else ()


def _strangeness(one: Lookup) -> set[Oddity]:
    return set() if one.status in STATES else {Oddity.UNDOCUMENTED_CODE}


def report(one: Lookup, provider_id: str) -> Report:
    """The report under the id that we gave out. A status that no document names settles nothing."""
    state = STATES.get(one.status, LookupState.PENDING)
    network = Network(mccmnc=one.mccmnc, source=NetworkSource.HLR) if one.mccmnc else None
    plausible = 7 <= len(one.msisdn) <= 15 and not one.msisdn.startswith("0")
    return Report(
        provider_id=provider_id,
        lookup=LookupResult(
            state=state,
            network=network,
            ported=one.ported,
            roaming=one.roaming,
            operator=one.operator,
        ),
        final=state is not LookupState.PENDING,
        at=one.at,
        code=one.status[:32],
        fault=Fault.UNAVAILABLE if state is LookupState.FAILED else None,
        to=Msisdn(one.msisdn) if plausible else None,
        reference=one.reference or None,
    )
