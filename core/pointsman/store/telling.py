"""What a client is told of a message, and what the books are told: consequences of a change, as pure functions.

A store writes them in the same transaction as the change that caused them.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from pointsman.message import Channel, Money
from pointsman.outcome import Accepted, Refused, State
from pointsman.store.record import Record

TOLD = frozenset(State) - {State.ACCEPTED, State.SCHEDULED, State.SENDING}
"""States that a client is told of when a message comes into them; the others are ours alone."""


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of news as a client reads it. Neither text nor number is in it, so that it may be kept."""

    id: str
    channel: Channel
    state: State
    at: float
    """Wall time, seconds since the epoch."""
    reference: str | None = None
    provider: str | None = None
    """Who has the message, or had it last."""
    price: Money | None = None
    """What that attempt cost."""
    reason: str | None = None
    """The fault for which nobody took it."""
    code: str | None = None
    """That of the provider."""
    fallback_of: str | None = None
    """The Viber message in whose place this SMS is sent."""


_encode = msgspec.json.Encoder().encode


def news_of(before: Record | None, after: Record) -> bytes | None:
    """Return what the client is told of a change, as JSON; None for what is not news to a client."""
    if after.envelope.origin is None or after.state not in TOLD:
        return None
    if before is not None and before.state is after.state:
        return None
    last = next((one for one in reversed(after.attempts) if isinstance(one.outcome, Accepted)), None)
    last = last or (after.attempts[-1] if after.attempts else None)
    refused = after.reason or (last.outcome if last is not None and isinstance(last.outcome, Refused) else None)
    failed = after.state is State.FAILED
    return _encode(
        Body(
            id=after.envelope.id,
            channel=after.envelope.channel,
            state=after.state,
            at=after.updated_at,
            reference=after.envelope.message.reference,
            provider=last.provider if last is not None else None,
            price=last.price if last is not None else None,
            reason=refused.fault if failed and refused is not None else None,
            code=refused.code if failed and refused is not None else None,
            fallback_of=after.envelope.parent,
        )
    )


def spent_by(before: Record | None, after: Record) -> Mapping[tuple[str, str], Decimal]:
    """Return how much more the attempts of a message cost after a change, by provider and currency."""
    if before is not None and before.attempts is after.attempts and before.reports is after.reports:
        return {}
    spent: dict[tuple[str, str], Decimal] = {}
    for record, sign in ((before, -1), (after, 1)):
        for key, amount in _costs(record).items() if record is not None else ():
            spent[key] = spent.get(key, Decimal(0)) + sign * amount
    return {key: amount for key, amount in spent.items() if amount}


def _costs(record: Record) -> dict[tuple[str, str], Decimal]:
    costs: dict[tuple[str, str], Decimal] = {}
    delivered = record.state is State.DELIVERED
    for attempt in record.attempts:
        for price in (attempt.price, attempt.on_delivery if delivered else None):
            if price is not None:
                key = attempt.provider, price.currency
                costs[key] = costs.get(key, Decimal(0)) + price.amount
    return costs
