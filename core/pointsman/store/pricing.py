"""What reports tell of the price of an attempt."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from pointsman.message import Money
from pointsman.outcome import Accepted, Attempt, Report
from pointsman.routing.merge import is_final


def told_price(attempt: Attempt, reports: Sequence[Report], parts: int) -> Money | None:
    """Return the price that the final reports about an attempt tell, each of its own part of the message.

    None when they do not tell all of it, or something that beats them did.
    """
    if not isinstance(attempt.outcome, Accepted):
        return None
    if attempt.shared or attempt.outcome.price is not None:
        return None
    if attempt.on_delivery is not None and len(attempt.outcome.ids) > 1:
        return None
    known = {report.provider_id: report.price for report in reports if is_final(report)}
    prices = [known.get(one) for one in attempt.outcome.ids]
    told = [price for price in prices if price is not None and price.amount > 0]  # zero is what nobody knows
    booked = [price for price in (attempt.price, attempt.on_delivery) if price is not None]
    if (
        not told
        or len(told) < parts
        or len(told) < len(prices)
        or len({price.currency for price in (*told, *booked)}) > 1
    ):
        return None
    return Money(sum((price.amount for price in told), Decimal(0)), told[0].currency)


def repriced(attempt: Attempt, told: Money) -> Attempt:
    """Return an attempt with the price that reports tell, whether it is charged at once or on delivery."""
    replace = msgspec.structs.replace
    return replace(attempt, price=told) if attempt.on_delivery is None else replace(attempt, on_delivery=told)
