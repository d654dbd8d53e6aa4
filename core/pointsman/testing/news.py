"""Reports in the words of the scripted provider's protocol: made by its sandbox, read by its plugin."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from pointsman.message import Channel, Money, Network, NetworkSource
from pointsman.outcome import DeliveryState, LookupResult, LookupState, Report
from pointsman.sandbox import Fate, SandboxMessage, Stage
from pointsman.testing.wire import News

_STATES: Mapping[Fate, DeliveryState | LookupState] = MappingProxyType(
    {
        Fate.DELIVERED: DeliveryState.DELIVERED,
        Fate.UNDELIVERED: DeliveryState.UNDELIVERABLE,
        Fate.EXPIRED: DeliveryState.EXPIRED,
        Fate.REJECTED: DeliveryState.REJECTED,
        Fate.DELETED: DeliveryState.DELETED,
        Fate.UNKNOWN: DeliveryState.UNKNOWN,
        Fate.STUCK: DeliveryState.SENT,
        Fate.REACHABLE: LookupState.REACHABLE,
        Fate.ABSENT: LookupState.ABSENT,
        Fate.NONEXISTENT: LookupState.NONEXISTENT,
        Fate.FAILED: LookupState.FAILED,
    }
)


def news_of(message: SandboxMessage, now: float, mccmnc: str | None = None) -> News:
    """Return how far a message has come at this wall time; a lookup that is over also tells the network."""
    match message.stage(now):
        case Stage.QUEUED:
            state: DeliveryState | LookupState = DeliveryState.QUEUED
        case Stage.SENT:
            state = DeliveryState.SENT
        case Stage.FINAL:
            state = _STATES[message.course.fate]
    final = message.stage(now) is Stage.FINAL
    if message.channel is Channel.HLR:
        untold = LookupState.UNKNOWN if final else LookupState.PENDING
        lookup = state if isinstance(state, LookupState) else untold
        network = mccmnc if final else None
        return News(id=message.id, lookup=lookup, final=final, ref=message.reference, mccmnc=network)
    return News(
        id=message.id,
        state=state if isinstance(state, DeliveryState) else DeliveryState.UNKNOWN,
        final=final,
        ref=message.reference,
    )


def is_sound(news: News) -> bool:
    """Say whether news that anybody may have written make a report: of a message or a lookup, with an amount."""
    if (news.state is None) == (news.lookup is None):
        return False
    try:
        return news.price is None or Decimal(news.price).is_finite()
    except InvalidOperation:
        return False


def report_of(news: News) -> Report:
    """Return what the sandbox told as a report."""
    network = Network(mccmnc=news.mccmnc, source=NetworkSource.HLR) if news.mccmnc is not None else None
    lookup = LookupResult(state=news.lookup, network=network) if news.lookup is not None else None
    return Report(
        provider_id=news.id,
        state=news.state,
        lookup=lookup,
        final=news.final,
        price=Money(Decimal(news.price), "EUR") if news.price is not None else None,
        fault=news.fault,
        read=news.read,
        reference=news.ref,
    )
