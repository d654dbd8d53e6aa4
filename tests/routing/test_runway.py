"""How long an account lasts: what is available over what was spent of late."""

from decimal import Decimal

import pytest

from pointsman.routing.ledger import Ledger
from pointsman.routing.runway import WINDOW, Spending

D = Decimal


def account(amount: str | None = "100", floor: str = "0") -> Ledger:
    """Return an account that is watched from 0 s on."""
    return Ledger(opening=D(amount) if amount is not None else None, floor=D(floor), since=0.0)


def evenly(a_second: str, seconds: int, start: int = 0) -> Spending:
    """Return a spending of so much a second, charged every five seconds."""
    spending = Spending(float(start))
    for now in range(start + 5, start + seconds + 1, 5):
        spending.add(5 * D(a_second), float(now))
    return spending


@pytest.mark.parametrize("seconds", [120, 900, 3600])
def test_it_is_the_money_over_the_rate(seconds: int) -> None:
    """Whoever spends half a rouble a second has 200 seconds with 100 roubles, after two minutes and after an hour."""
    assert evenly("0.5", seconds).lasts(D(100), float(seconds)) == pytest.approx(200, rel=0.03)


def test_it_follows_a_change_of_pace() -> None:
    """Some three quarters of an hour after the pace was doubled the old pace is almost forgotten."""
    spending = evenly("0.5", 1200)
    end = 1200 + int(3 * WINDOW)
    for now in range(1205, end + 1, 5):
        spending.add(D(5), float(now))

    assert spending.lasts(D(100), float(end)) == pytest.approx(100, rel=0.05)


def test_the_first_charge_is_no_rate() -> None:
    """One charge in the first second is not taken for what every second costs, watched from when it may."""
    for spending in (Spending(0.0), Spending()):
        spending.add(D(6), 1.0)

        assert spending.lasts(D(100), 1.0) == pytest.approx(1000, rel=0.06)


def test_it_is_not_said_without_knowing() -> None:
    """Without a charge, without a known balance, and long after the last charge there is nothing to say."""
    spent, unknown = account(), account(None)
    for ledger in (spent, unknown):
        assert ledger.runway(1.0) is None
        ledger.charge(D(5), 1.0)

    assert unknown.runway(1.0) is None
    assert spent.runway(1.0) is not None
    assert spent.runway(86400.0) is None


def test_what_is_not_available_does_not_last() -> None:
    """Floor, holds and debts are not there to be spent; an account without anything above them lasts no time."""
    ledger = account(floor="20")
    ledger.charge(D(10), 1.0)
    whole = ledger.runway(1.0)
    assert whole is not None
    ledger.hold(D(20))
    ledger.owe(("m", 1), D(15))
    less = ledger.runway(1.0)
    assert less == pytest.approx(whole / 2)
    ledger.charge(D(100), 1.0)

    assert ledger.runway(1.0) == 0


def test_what_is_given_back_was_not_spent() -> None:
    """A charge that turns out not to have happened leaves the rate; a top-up and a reading leave it alone."""
    ledger, other = account(), account()
    ledger.charge(D(10), 1.0)
    ledger.charge(D(30), 2.0)
    ledger.correct(D(-30), 2.0)
    other.charge(D(10), 1.0)

    assert ledger.runway(60.0) == pytest.approx(other.runway(60.0))
    other.top_up(D(90))
    assert other.runway(60.0) == pytest.approx(2 * (ledger.runway(60.0) or 0))
    other.read(D(90), 60.0)
    assert other.runway(60.0) == pytest.approx(ledger.runway(60.0))
