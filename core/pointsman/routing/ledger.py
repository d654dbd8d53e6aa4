"""What is left on a provider's account: the last amount we know, less what we spent, owe and have on its way.

A provider's answer to "how much is left" is true for the moment when it looked. Charges that were settled after the
question went out may or may not be in it, so they stay subtracted until a later question: we may believe that we have
less than we do, never more. All times are monotonic seconds.
"""

from collections import deque
from decimal import Decimal
from math import inf

import msgspec

from pointsman.routing.runway import Spending

QUESTION_LIFE = 60.0
"""Seconds for which charges are remembered before the first reading: the answer to its question may be on its way."""
FRESH = 1.0
"""Seconds for which a runway is good enough while the account does not change: it is asked for at every choice."""


class Hold(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Money reserved for an attempt in flight."""

    amount: Decimal


Debt = tuple[str, int]
"""What is owed for: the id of a message and the number of its attempt."""


class Ledger:
    """One provider's money: the base amount, charges since it was read, holds in flight, debts, and the floor.

    All amounts are in the account's currency. Without a known amount nothing is refused.
    """

    def __init__(
        self, *, floor: Decimal = Decimal(0), opening: Decimal | None = None, since: float | None = None
    ) -> None:
        """`opening` is what is there at first where that is known, `since` when the account began to be watched."""
        self._floor = floor
        self._base = opening
        self._told_at: float | None = None
        self._held = Decimal(0)
        self._debts: dict[Debt, Decimal] = {}
        self._owed = Decimal(0)
        self._spending = Spending(since)
        self._spent: deque[tuple[float, Decimal]] = deque()
        self._spent_sum = Decimal(0)
        self.available: Decimal | None = None
        """What a new attempt may use: the balance less holds, debts and floor; None when nobody knows. Read it only."""
        self._runway: float | None = None
        self._runway_at = -inf
        self._count()

    def __repr__(self) -> str:
        promised = self._held + self._owed
        return f"<Ledger base={self._base} spent={self._spent_sum} promised={promised} floor={self._floor}>"

    @property
    def balance(self) -> Decimal | None:
        """The amount that should be on the account when nothing is in flight; None when nobody knows."""
        return None if self._base is None else self._base - self._spent_sum

    def covers(self, amount: Decimal | None) -> bool:
        """Say whether an attempt of this price may start; an unknown price needs something above the floor."""
        available = self.available
        if available is None:
            return True
        return available > 0 if amount is None else available >= amount

    def hold(self, amount: Decimal | None) -> Hold | None:
        """Reserve money, or return None when there is too little."""
        if not self.covers(amount):
            return None
        hold = Hold(amount or Decimal(0))
        self._held += hold.amount
        self._count()
        return hold

    def settle(self, hold: Hold, charged: Decimal, now: float) -> None:
        """End a hold with what was really charged; zero when nothing was."""
        self._held -= hold.amount
        self._book(charged, now)
        self._count()

    def charge(self, amount: Decimal, now: float) -> None:
        """Account for money spent without a hold."""
        self._book(amount, now)
        self._count()

    def owe(self, debt: Debt, amount: Decimal) -> None:
        """Keep money back for a delivery that is going to be charged; the same debt counts once."""
        self._owed += amount - self._debts.get(debt, Decimal(0))
        self._debts[debt] = amount
        self._count()

    def pay(self, debt: Debt, amount: Decimal, now: float) -> None:
        """End a debt with what was really charged; one that is not owed (any more) is charged all the same."""
        self._release(debt)
        self._book(amount, now)
        self._count()

    def forgive(self, debt: Debt) -> None:
        """End a debt for which nothing is going to be charged; does nothing for one that is not owed."""
        self._release(debt)
        self._count()

    def renew(self, floor: Decimal) -> None:
        """Take over another floor."""
        self._floor = floor
        self._count()

    def start_anew(self, opening: Decimal | None) -> None:
        """Take over another opening balance, which is what there is now, unless the provider has told that."""
        if self._told_at is None:
            self._base = opening
        self._count()

    def top_up(self, amount: Decimal) -> None:
        """Add money that was paid in; does nothing while nobody knows what is there."""
        if self._base is not None:
            self._base += amount
        self._count()

    def runway(self, now: float) -> float | None:
        """Return the seconds until nothing is available at the present rate of spending.

        None without spending, or when nobody knows what is there. Zero when nothing is available.
        """
        if not 0.0 <= now - self._runway_at < FRESH:
            self._runway = self._spending.lasts(self.available, now)
            self._runway_at = now
        return self._runway

    def correct(self, amount: Decimal, charged_at: float) -> None:
        """Add to what was charged at `charged_at`; less than zero gives money back.

        A charge that a reading has overtaken is not subtracted any more, so there is nothing to correct.
        """
        if self._told_at is None or charged_at >= self._told_at:
            self.charge(amount, charged_at)

    def read(self, amount: Decimal, asked_at: float) -> None:
        """Take over an amount that the provider told in answer to a question that left at `asked_at`.

        An answer that comes after the answer to a later question is not used.
        """
        if self._told_at is not None and asked_at < self._told_at:
            return
        self._told_at = asked_at
        self._base = amount
        self._spent = deque(charge for charge in self._spent if charge[0] >= asked_at)
        self._spent_sum = sum((charged for _, charged in self._spent), Decimal(0))
        self._count()

    def _release(self, debt: Debt) -> None:
        self._owed -= self._debts.pop(debt, Decimal(0))

    def _book(self, amount: Decimal, now: float) -> None:
        if not amount:
            return
        self._spending.add(amount, now)
        self._spent.append((now, amount))
        if self._told_at is not None:
            self._spent_sum += amount
            return
        if self._base is not None:
            self._base -= amount
        while self._spent[0][0] < now - QUESTION_LIFE:
            self._spent.popleft()

    def _count(self) -> None:
        """Work out what is available: it is looked at more often than it changes."""
        self._runway_at = -inf
        balance = self.balance
        self.available = None if balance is None else balance - self._held - self._owed - self._floor
