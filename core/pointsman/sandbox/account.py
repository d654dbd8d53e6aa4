"""The money of a sandbox: balance, what was charged and what a message costs."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """One movement: positive amounts were spent, negative ones were paid in."""

    at: float
    amount: Decimal
    subject: str
    """The id of the message, or `top-up`."""
    balance: Decimal
    """After the movement."""


class OutOfMoney(Exception):
    """The balance does not cover the amount; nothing was charged."""


class Account:
    """A prepaid account. `history` is empty when `keep_history` is off; the sums are always right."""

    def __init__(self, balance: Decimal, currency: str, *, keep_history: bool = True) -> None:
        self._opening = balance
        self._keep_history = keep_history
        self.currency = currency
        self.balance = balance
        self.spent = Decimal(0)
        self.history: list[Charge] = []

    def covers(self, amount: Decimal) -> bool:
        """Say whether the balance suffices for this amount."""
        return amount <= self.balance

    def spend(self, amount: Decimal, *, at: float = 0.0, subject: str = "") -> None:
        """Charge an amount. Raises `OutOfMoney` when the balance does not cover it."""
        if not self.covers(amount):
            raise OutOfMoney(f"{amount} {self.currency} wanted, {self.balance} {self.currency} left")
        self.balance -= amount
        self.spent += amount
        self._note(amount, at, subject)

    def top_up(self, amount: Decimal, *, at: float = 0.0) -> None:
        """Pay in."""
        self.balance += amount
        self._note(-amount, at, "top-up")

    def reset(self) -> None:
        """Go back to the opening balance and forget the history."""
        self.balance = self._opening
        self.spent = Decimal(0)
        self.history.clear()

    def _note(self, amount: Decimal, at: float, subject: str) -> None:
        if self._keep_history:
            self.history.append(Charge(at=at, amount=amount, subject=subject, balance=self.balance))


class Tariff(msgspec.Struct, frozen=True):
    """What one segment, or one lookup, costs: by the longest prefix of the number that is listed."""

    default: Decimal
    by_prefix: Mapping[str, Decimal] = {}

    def price(self, msisdn: str) -> Decimal:
        """Return the price of one segment to this number (digits without a plus sign)."""
        if not self.by_prefix:
            return self.default
        for length in range(len(msisdn), 0, -1):
            if (price := self.by_prefix.get(msisdn[:length])) is not None:
                return price
        return self.default
