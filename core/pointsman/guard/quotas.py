"""Quotas of a day in messages, lookups and money, and the ceiling for the price of one message."""

from collections.abc import Callable
from decimal import Decimal

from pointsman.events import GuardRule
from pointsman.guard.days import Days
from pointsman.guard.reserved import Reserved
from pointsman.guard.rules import Limits, Refusal
from pointsman.message import Channel, Envelope


class Quotas:
    """Holds orders against the figures of the day, which are only read here.

    `total` is what all clients together may spend on a day.
    """

    def __init__(self, days: Days, reserved: Reserved, total: Decimal | None) -> None:
        self._days = days
        self._reserved = reserved
        self._total = total

    def messages(self, limits: Limits, count: int, tomorrow: float) -> Refusal | None:
        """Return why so many more messages are too many for today; `tomorrow` is in how many seconds."""
        cap = limits.client.daily_messages
        used = self._days.figures[limits.client.name].messages
        if cap is None or used + count <= cap:
            return None
        problem = f"{cap} messages a day are allowed, {used} were taken today (UTC) and {count} more are too many"
        # More at once than a whole day allows does not become less tomorrow.
        retry_after = tomorrow if count <= cap else None
        return Refusal(rule=GuardRule.DAILY_MESSAGES, problem=problem, retry_after=retry_after)

    def lookups(self, limits: Limits, tomorrow: Callable[[], float]) -> Refusal | None:
        """Return why one more lookup is too many for today."""
        cap = limits.client.lookups_per_day
        if cap is None or self._days.figures[limits.client.name].lookups < cap:
            return None
        problem = f"{cap} lookups a day (UTC) are allowed, and they are used up"
        return Refusal(rule=GuardRule.LOOKUPS_PER_DAY, problem=problem, retry_after=tomorrow(), channel=Channel.HLR)

    def money(
        self, limits: Limits, envelope: Envelope, price: Decimal | None, tomorrow: Callable[[], float]
    ) -> Refusal | None:
        """Return why a message is too dear, or the money of the day is used up."""
        client, country = limits.client, envelope.network.country
        where = f" to {country}" if country else ""
        ceiling = client.max_price
        if ceiling is not None and (price is None or price > ceiling):
            cost = "has no known price" if price is None else f"may cost {price}"
            problem = f"a message{where} {cost}, and {client.name} may pay {ceiling} at most (max_price)"
            return Refusal(rule=GuardRule.MAX_PRICE, problem=problem, channel=envelope.channel, country=country)
        own = self._days.figures[client.name].spent + self._reserved.of(client.name)
        for rule, cap, used in (
            (GuardRule.DAILY_SPEND, client.daily_spend, own),
            (GuardRule.TOTAL_SPEND, self._total, self._days.total + self._reserved.total),
        ):
            if cap is not None and _is_spent(cap, used, price):
                problem = f"the money of the day (UTC) is used up: {_words(rule, cap, used, price)}"
                return Refusal(
                    rule=rule, problem=problem, retry_after=tomorrow(), channel=envelope.channel, country=country
                )
        return None


def _is_spent(cap: Decimal, used: Decimal, price: Decimal | None) -> bool:
    return used >= cap if price is None else used + price > cap


def _words(rule: GuardRule, cap: Decimal, used: Decimal, price: Decimal | None) -> str:
    if rule is GuardRule.TOTAL_SPEND:
        return "all clients together may spend no more (daily_spend in [guard]); the operator raises it"
    more = "" if price is None else f", and this one may cost {price}"
    return f"{cap} are allowed (daily_spend), {used} are spent or reserved{more}"
