"""What goes on when limits, floors and rates are exchanged in the midst of traffic."""

from decimal import Decimal
from random import Random

import pytest

from pointsman.message import Channel, Money, Network, NetworkSource
from pointsman.outcome import Fault, Refused
from pointsman.routing.health import Commons, Health
from pointsman.routing.ledger import Ledger
from pointsman.routing.limiter import Limiter, Pace
from pointsman.routing.rests import Rests
from pointsman.routing.tariff import Rates


def test_a_floor_is_kept_from_now_on() -> None:
    """Another floor changes what is available, and nothing else."""
    ledger = Ledger(opening=Decimal(10))
    ledger.charge(Decimal(3), 0.0)
    ledger.renew(Decimal(5))
    assert (ledger.balance, ledger.available) == (7, 2)


@pytest.mark.parametrize("opening", [Decimal(20), Decimal(5), None])
def test_another_opening_balance_is_what_there_is(opening: Decimal | None) -> None:
    """What was spent before is in it; what is in flight is not."""
    ledger = Ledger(opening=Decimal(10))
    ledger.charge(Decimal(3), 0.0)
    hold = ledger.hold(Decimal(2))
    ledger.start_anew(opening)
    assert ledger.balance == opening
    assert hold is not None
    ledger.settle(hold, Decimal(2), 1.0)
    assert ledger.available == (None if opening is None else opening - 2)


def test_what_the_provider_told_is_believed() -> None:
    """Where the balance was read, an opening balance says nothing."""
    ledger = Ledger(opening=Decimal(10))
    ledger.read(Decimal(50), 1.0)
    ledger.start_anew(Decimal(20))
    assert ledger.balance == 50


def test_a_pace_goes_on_with_what_is_owed() -> None:
    """A request that was sent at the old pace is paid for before the next one starts; a pause goes on."""
    limiter = Limiter(Pace(rate=1.0))
    limiter.take(0.0, 10)
    limiter.renew(Pace(rate=100.0))
    assert limiter.wait(0.0) == pytest.approx(10.0)
    limiter.renew(None)
    assert limiter.wait(0.0) == 0.0
    limiter.slow_down(0.0, 20.0)
    limiter.renew(Pace(rate=5.0, burst=5.0))
    assert limiter.wait(0.0) == pytest.approx(20.0)


def test_a_currency_without_a_rate_is_unknown_but_not_lost() -> None:
    """What is on its way in a currency that is listed no more can still be settled; new prices in it say nothing."""
    rates = Rates("EUR", {"RUB": Decimal("0.01"), "USD": Decimal("0.9")})
    rates.renew({"RUB": Decimal("0.02")})
    assert rates.comparable(Money(Decimal(100), "RUB")) == 2
    assert rates.convert(Money(Decimal(10), "USD"), "EUR").amount == 9
    assert (rates.knows("USD"), rates.knows("RUB"), rates.knows("EUR")) == (False, True, True)


def test_rests_that_wait_for_somebody_end_when_somebody_acts() -> None:
    """A blocked account is tried again, and so is a channel that was not offered; what ends by itself goes on."""
    rests = Rests()
    for fault, sender in ((Fault.FORBIDDEN, None), (Fault.UNSUPPORTED, None), (Fault.SENDER, "SHOP")):
        rests.note("a", Channel.SMS, sender, "m", Refused(fault=fault), 0.0)
    rests.lift("a")
    assert [rest.fault for rest in rests] == [Fault.SENDER]
    rests.note("b", Channel.SMS, None, "m", Refused(fault=Fault.CREDITS), 0.0)
    rests.lift("b")
    assert rests.wants_money("b")


def test_one_message_may_try_at_once() -> None:
    """What may be tried now and then may be tried now, once; what has no tries rests on."""
    rests = Rests()
    rests.note("a", Channel.SMS, None, "m", Refused(fault=Fault.FORBIDDEN), 0.0)
    rests.note("a", Channel.VIBER, None, "m", Refused(fault=Fault.UNSUPPORTED), 0.0)
    rests.try_now("a", 10.0)
    assert rests.blocking("a", Channel.SMS, None, 10.0) is None
    assert rests.enter("a", Channel.SMS, None, 10.0)
    assert rests.blocking("a", Channel.SMS, None, 10.0) is not None
    assert rests.blocking("a", Channel.VIBER, None, 10.0) is not None


def test_a_provider_that_is_gone_is_no_measure_for_others() -> None:
    """Its confirmations are not compared with any more; what is learnt of it later is kept apart."""
    commons, network = Commons(), Network(mccmnc="25001", country="RU", source=NetworkSource.RANGE)
    random, gone, left = Random(1), Health(commons), Health(commons)
    for place in range(60):
        for one, share in ((gone, 0.9), (left, 0.3)):
            one.accepted((place, 1), Channel.SMS, network, 0.0, confirms=True)
            if random.random() < share:
                one.confirmed((place, 1), 1.0)
    beside = left.glance(Channel.SMS, 5000.0).chance
    gone.retire()
    assert left.glance(Channel.SMS, 5000.0).chance > beside
    gone.accepted((99, 1), Channel.SMS, network, 5000.0)
