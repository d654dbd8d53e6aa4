"""How reports add up: the same set of reports gives the same state, in whatever order and however often they come.

Each kind of state has a rank, and what is known of a part is the greatest report by (rank, time, tie-break). The
greatest of a set does not depend on order or repetition, which is all that monotone merging needs.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pointsman.outcome import DeliveryState, LookupState, Report, State

_DELIVERY_RANK: Mapping[DeliveryState, int] = MappingProxyType(
    {
        DeliveryState.QUEUED: 0,
        DeliveryState.UNKNOWN: 0,
        DeliveryState.SENT: 1,
        DeliveryState.DELETED: 3,
        DeliveryState.REJECTED: 3,
        DeliveryState.EXPIRED: 3,
        DeliveryState.UNDELIVERABLE: 3,
        DeliveryState.DELIVERED: 4,
    }
)
_FINAL_UNKNOWN_RANK = 2
_READ_RANK = 5
"""Of a delivered message that was also read."""
_LOOKUP_RANK: Mapping[LookupState, int] = MappingProxyType(
    {
        LookupState.PENDING: 0,
        LookupState.UNKNOWN: 1,
        LookupState.FAILED: 2,
        LookupState.ABSENT: 3,
        LookupState.REACHABLE: 3,
        LookupState.NONEXISTENT: 3,
    }
)
_ORDER = {state: place for place, state in enumerate(DeliveryState)}
_LOOKUP_ORDER = {state: place for place, state in enumerate(LookupState)}

Weight = tuple[int, float, int, bool]


def weight(report: Report) -> Weight:
    """Return what a report counts against another one about the same part."""
    at = report.at.timestamp() if report.at is not None else float("-inf")
    if report.lookup is not None:
        state = report.lookup.state
        return _LOOKUP_RANK[state], at, _LOOKUP_ORDER[state], report.final
    if report.state is None:
        return -1, at, 0, False
    rank = _DELIVERY_RANK[report.state]
    if report.state is DeliveryState.UNKNOWN and report.final:
        rank = _FINAL_UNKNOWN_RANK
    elif report.state is DeliveryState.DELIVERED and report.read:
        rank = _READ_RANK
    return rank, at, _ORDER[report.state], report.final


def better(known: Report | None, news: Report) -> Report:
    """Return which of two reports about one part is to be believed."""
    if known is None or weight(news) > weight(known):
        return news
    return known


def is_final(report: Report) -> bool:
    """Say whether a report ends the wait; a state that cannot change any more does so whatever the provider claims."""
    rank = weight(report)[0]
    return report.final or (report.lookup is None and rank > _FINAL_UNKNOWN_RANK)


_STATE_OF: Mapping[DeliveryState, State] = MappingProxyType(
    {
        DeliveryState.QUEUED: State.SENT,
        DeliveryState.SENT: State.SENT,
        DeliveryState.DELIVERED: State.DELIVERED,
        DeliveryState.UNDELIVERABLE: State.UNDELIVERED,
        DeliveryState.EXPIRED: State.EXPIRED,
        DeliveryState.REJECTED: State.REJECTED,
        DeliveryState.DELETED: State.REJECTED,
        DeliveryState.UNKNOWN: State.UNKNOWN,
    }
)
_WORST_FIRST = (State.REJECTED, State.UNDELIVERED, State.EXPIRED, State.UNKNOWN, State.SENT, State.DELIVERED)


def state_of_parts(parts: Iterable[Report | None]) -> State:
    """Return the state of an accepted message whose parts are known so: the worst, once all are final."""
    states: set[State] = set()
    for part in parts:
        if part is None or not is_final(part):
            return State.SENT
        if part.lookup is not None:
            bad = part.lookup.state in {LookupState.FAILED, LookupState.UNKNOWN, LookupState.PENDING}
            return State.FAILED if bad else State.RESOLVED
        if part.state is not None:
            states.add(_STATE_OF[part.state])
    for state in _WORST_FIRST:
        if state in states:
            return state
    return State.SENT


_ATTEMPT_RANK: Mapping[State, int] = MappingProxyType(
    {
        state: rank
        for rank, state in enumerate(
            (
                State.FAILED,
                State.REJECTED,
                State.EXPIRED,
                State.UNDELIVERED,
                State.UNKNOWN,
                State.SENT,
                State.RESOLVED,
                State.DELIVERED,
            )
        )
    }
)


def best_attempt(states: Iterable[State]) -> State:
    """Return the state of a message of which several copies may be out: as good as the best of them."""
    return max(states, key=lambda state: _ATTEMPT_RANK[state])
