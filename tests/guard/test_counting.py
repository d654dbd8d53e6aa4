"""Limits that pass by themselves: exactly the cap passes, one more does not, and after its time it does again."""

from decimal import Decimal

import pytest

from pointsman.events import Charged, MessageMoved
from pointsman.guard import restore, save
from pointsman.message import Channel, MessageClass, Money
from pointsman.outcome import State
from pointsman.store import MemoryStore

from .conftest import NUMBER, Rig, config_of, numbers

DAY = 86400
MIDNIGHT = 1_700_006_400.0
"""The midnight (UTC) after the start of the clock."""


async def until_midnight(rig):
    """Let time pass until the next day has just begun."""
    await rig.pass_time(MIDNIGHT - rig.clock.now())


SAME = [NUMBER] * 50
NEIGHBOURS = [str(79161230000 + number) for number in range(50)]
SPREAD = numbers(50)
ABROAD = numbers(50, 447400000000)
CAPS = [
    ("per_number", 'per_number = ["3 in 10m"]', SAME, 3, 600),
    ("per_number", 'per_number = ["30 in 10m", "10 in 1d"]', SAME, 10, DAY),
    ("per_range", 'per_number = []\nper_range = ["7 in 10m"]', NEIGHBOURS, 7, 600),
    ("per_country", 'per_country = ["20 in 1h"]', SPREAD, 20, 3600),
    ("per_unusual_country", 'per_unusual_country = ["6 in 1h"]', ABROAD, 6, 3600),
]


@pytest.mark.parametrize(("rule", "guard", "to", "cap", "seconds"), CAPS, ids=[f"{c[0]} {c[3]}" for c in CAPS])
async def test_velocity(rule, guard, to, cap, seconds):
    """The cap passes, one more does not; what the refusal promises is when it passes again, a fifth late at most."""
    rig = Rig('countries = ["*"]', guard)
    for number in to[:cap]:
        assert rig.rule(rig.envelope(number)) is None

    denied = rig.denied(rig.envelope(to[cap]))
    assert denied.rule == rule
    assert f"{cap} in " in denied.problem
    assert seconds <= denied.retry_after <= seconds * 1.2

    await rig.pass_time(denied.retry_after - 0.01)
    assert rig.rule(rig.envelope(to[cap])) == rule
    await rig.pass_time(0.02)
    assert rig.rule(rig.envelope(to[cap])) is None


@pytest.mark.parametrize(("rule", "guard", "to", "cap", "seconds"), CAPS, ids=[f"{c[0]} {c[3]}" for c in CAPS])
async def test_velocity_is_that_of_one_client(rule, guard, to, cap, seconds):
    """What one client sends keeps no other from sending, nor tells it anything."""
    rig = Rig('countries = ["*"]', guard)
    rig.guard.renew(config_of('countries = ["*"]', guard, bank='countries = ["*"]'))
    for number in to[:cap]:
        rig.admit(rig.envelope(number))

    assert rig.rule(rig.envelope(to[cap])) == rule
    assert rig.rule(rig.envelope(to[cap]), client="bank") is None


def test_overrides():
    """A client's own caps replace those of all, and only those that it names."""
    rig = Rig('guard = { per_number = ["2 in 10m"] }', 'per_number = ["1 in 10m"]\nper_country = ["3 in 1d"]')

    assert [rig.rule(rig.envelope()) for _ in range(3)] == [None, None, "per_number"]
    assert [rig.rule(rig.envelope(number)) for number in SPREAD[:2]] == [None, "per_country"]
    assert [rig.rule(rig.envelope(), client="bank") for _ in range(2)] == [None, "per_number"]


def test_what_velocity_leaves_alone():
    """Marketing counts for its country but not for its number or range; lookups count for neither."""
    rig = Rig("", 'per_number = ["1 in 10m"]\nper_range = ["1 in 10m"]\nper_country = ["4 in 1h"]')
    marketing = [rig.envelope(message_class=MessageClass.MARKETING) for _ in range(5)]

    assert [rig.rule(one) for one in marketing] == [None] * 4 + ["per_country"]
    assert [rig.rule(rig.lookup()) for _ in range(5)] == [None] * 5


def test_refused_messages_do_not_count():
    """Trying again and again does not prolong the wait."""
    rig = Rig("", 'per_number = ["1 in 10m"]')
    rig.admit(rig.envelope())

    waits = [rig.denied(rig.envelope()).retry_after for _ in range(20)]

    assert set(waits) == {waits[0]}


def test_orders_are_taken_whole_or_not_at_all():
    """An order whose last message is one too many counts nothing, under no rule."""
    rig = Rig('daily_messages = 9\ndaily_spend = "9"', 'per_number = ["3 in 10m"]\nper_country = ["9 in 1h"]')
    rig.prices["RU"] = Decimal(1)
    order = [rig.envelope() for _ in range(4)]

    assert "message 3: " in rig.denied(*order).problem
    assert rig.rule(*order[:3]) is None
    assert rig.guard.usage()[1].messages == 3
    assert rig.guard.usage()[1].reserved == 3
    assert rig.rule(*[rig.envelope(number) for number in SPREAD[:6]]) is None


def test_take_back():
    """What is taken back counts nowhere, and taking it back twice is taking it back once."""
    rig = Rig(
        'daily_messages = 2\ndaily_spend = "2"\nlookups_per_day = 1\nmax_rate = 1\nburst = 2',
        'per_number = ["1 in 10m"]\nper_range = ["1 in 10m"]\nper_country = ["1 in 1h"]',
    )
    rig.prices["RU"] = Decimal(1)
    for _ in range(5):
        counted = rig.admit(rig.envelope(), rig.lookup())
        counted.take_back()
        counted.take_back()

    used = rig.guard.usage()[1]
    assert (used.messages, used.lookups, used.reserved) == (0, 0, 0)
    rig.admit(rig.envelope(), rig.lookup())
    assert rig.rule(rig.envelope()) is not None


async def test_rate():
    """As many messages as the burst come at once, then one for each second that passes."""
    rig = Rig("max_rate = 2\nburst = 3", "per_number = []")

    assert [rig.rule(rig.envelope()) for _ in range(4)] == [None, None, None, "max_rate"]
    assert rig.denied(rig.envelope()).retry_after == pytest.approx(0.5)
    await rig.pass_time(0.5)
    assert [rig.rule(rig.envelope()) for _ in range(2)] == [None, "max_rate"]


async def test_reload_keeps_the_rate():
    """A reload gives no new burst, unless it changes the rate."""
    rig = Rig("max_rate = 1", "per_number = []")
    rig.admit(rig.envelope())

    rig.guard.renew(config_of("max_rate = 1", "per_number = []"))
    assert rig.rule(rig.envelope()) == "max_rate"
    rig.guard.renew(config_of("max_rate = 2", "per_number = []"))
    assert rig.rule(rig.envelope()) is None


def test_reload_keeps_counts():
    """What was counted under a cap or a quota holds after a reload, for a new limit too."""
    rig = Rig("daily_messages = 5", 'per_number = ["5 in 10m"]')
    for _ in range(2):
        rig.admit(rig.envelope())

    rig.guard.renew(config_of("daily_messages = 5", 'per_number = ["2 in 10m"]'))
    assert rig.rule(rig.envelope()) == "per_number"
    rig.guard.renew(config_of("daily_messages = 2", 'per_number = ["5 in 10m"]'))
    assert rig.rule(rig.envelope()) == "daily_messages"


async def test_daily_messages():
    """The quota of a day ends at midnight in UTC, and the refusal says in how many seconds that is."""
    rig = Rig("daily_messages = 2", "per_number = []")

    assert [rig.rule(rig.envelope()) for _ in range(3)] == [None, None, "daily_messages"]
    assert rig.denied(rig.envelope()).retry_after == pytest.approx(MIDNIGHT - rig.clock.now())
    assert rig.denied(*[rig.envelope() for _ in range(3)]).retry_after is None
    await rig.pass_time(MIDNIGHT - rig.clock.now() - 0.5)
    assert rig.rule(rig.envelope()) == "daily_messages"
    await rig.pass_time(0.5)
    assert [rig.rule(rig.envelope()) for _ in range(3)] == [None, None, "daily_messages"]


async def test_lookups_have_their_own_quota():
    """Lookups that are used up keep no message from being sent, and come back at midnight."""
    rig = Rig("lookups_per_day = 2")

    assert [rig.rule(rig.lookup()) for _ in range(3)] == [None, None, "lookups_per_day"]
    assert rig.rule(rig.envelope()) is None
    await until_midnight(rig)
    assert rig.rule(rig.lookup()) is None


async def test_taken_back_after_midnight():
    """What was counted yesterday is not taken off today's figures."""
    rig = Rig("daily_messages = 2")
    counted = rig.admit(rig.envelope())
    await until_midnight(rig)
    rig.admit(rig.envelope(SPREAD[0]))

    counted.take_back()

    assert rig.guard.usage()[1].messages == 1


def charge(rig, envelope, amount, currency="EUR", client="shop"):
    """Let a message turn out to cost something."""
    rig.guard(
        Charged(at=rig.clock.now(), message_id=envelope.id, client=client, price=Money(Decimal(amount), currency))
    )


async def test_daily_spend():
    """What is expected counts until it turns out; then the real cost takes its place, and corrections come on top."""
    rig = Rig('daily_spend = "1.00"', "per_number = []")
    rig.prices["RU"] = Decimal("0.25")
    sent = [rig.envelope() for _ in range(4)]
    for one in sent:
        rig.admit(one)
    denied = rig.denied(rig.envelope())
    assert denied.rule == "daily_spend"
    assert denied.retry_after == pytest.approx(MIDNIGHT - rig.clock.now())

    charge(rig, sent[0], "5", "RUB")
    assert (rig.guard.usage()[1].spent, rig.guard.usage()[1].reserved) == (Decimal("0.05"), Decimal("0.75"))
    assert rig.rule(rig.envelope()) == "daily_spend"
    charge(rig, sent[0], "-5", "RUB")
    assert [rig.rule(rig.envelope()) for _ in range(2)] == [None, "daily_spend"]


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
def test_what_ends_without_a_charge_costs_nothing(state):
    """The money that a message was expected to cost is free again when nothing more will happen to it."""
    rig = Rig('daily_spend = "1"', "per_number = []")
    rig.prices["RU"] = Decimal(1)
    envelope = rig.envelope()
    rig.admit(envelope)
    assert rig.rule(rig.envelope()) == "daily_spend"

    for after in (State.SENDING, state):
        moved = MessageMoved(
            at=0.0,
            message_id=envelope.id,
            channel=Channel.SMS,
            message_class=MessageClass.OTP,
            before=None,
            after=after,
        )
        rig.guard(moved)

    assert rig.rule(rig.envelope()) is None


async def test_money_at_midnight():
    """Yesterday's charges are over at midnight; what has not turned out yet still counts."""
    rig = Rig('daily_spend = "2"', "per_number = []")
    rig.prices["RU"] = Decimal(1)
    sent = [rig.envelope() for _ in range(2)]
    rig.admit(*sent)
    charge(rig, sent[0], "1")
    assert rig.rule(rig.envelope()) == "daily_spend"

    await until_midnight(rig)

    assert [rig.rule(rig.envelope()) for _ in range(2)] == [None, "daily_spend"]


def test_unknown_prices_count_when_they_turn_out():
    """Where no price is known nothing is reserved, but what is charged uses the quota up."""
    rig = Rig('daily_spend = "1"')
    envelope = rig.envelope()
    rig.admit(envelope)
    charge(rig, envelope, "1")

    assert rig.rule(rig.envelope()) == "daily_spend"


def test_spend_of_all_clients():
    """What all clients spend together has a cap of its own, and no client learns of the others' figures."""
    rig = Rig("", 'daily_spend = "2"')
    rig.prices["RU"] = Decimal(1)
    rig.admit(rig.envelope())
    rig.admit(rig.envelope(), client="bank")

    denied = rig.denied(rig.envelope())

    assert denied.rule == "total_spend"
    assert "2" not in denied.problem


async def test_clock_that_is_set_back():
    """It brings no quota back, and closes none for longer than 24 hours."""
    rig = Rig("daily_messages = 1", "per_number = []")
    await until_midnight(rig)
    rig.admit(rig.envelope())

    rig.clock.set_wall(MIDNIGHT - 3600)
    assert rig.rule(rig.envelope()) == "daily_messages"
    await rig.pass_time(3700)
    assert rig.rule(rig.envelope()) == "daily_messages"

    rig.clock.set_wall(MIDNIGHT - 300 * DAY)
    denied = rig.denied(rig.envelope())
    assert 0 < denied.retry_after <= DAY
    await rig.pass_time(DAY)
    assert rig.rule(rig.envelope()) is None


async def test_clock_that_jumps_leaves_velocity_alone():
    """Caps go by the time that really passed."""
    rig = Rig("", 'per_number = ["1 in 10m"]')
    rig.admit(rig.envelope())
    for wall in (MIDNIGHT + 400 * DAY, MIDNIGHT - 400 * DAY):
        rig.clock.set_wall(wall)
        assert rig.rule(rig.envelope()) == "per_number"

    await rig.pass_time(720)
    assert rig.rule(rig.envelope()) is None


async def test_unusual_country_becomes_usual():
    """A country is unusual until as many messages went there in the days before today; today's do not count."""
    rig = Rig('countries = ["*"]', 'per_unusual_country = ["3 in 1h"]\nunusual_below = 3')
    assert [rig.rule(rig.envelope(number)) for number in ABROAD[:4]] == [None] * 3 + ["per_unusual_country"]
    assert [rig.rule(rig.envelope(number)) for number in SPREAD] == [None] * 50

    await rig.pass_time(DAY)
    assert [rig.rule(rig.envelope(number)) for number in ABROAD[:10]] == [None] * 10

    await rig.pass_time(9 * DAY)
    assert [rig.rule(rig.envelope(number)) for number in ABROAD[:4]] == [None] * 3 + ["per_unusual_country"]


async def test_restart():
    """Messages and money of the day are read from the store; lookups and countries from what the guard wrote there."""
    rig = Rig('countries = ["*"]', 'per_unusual_country = ["3 in 1h"]\nunusual_below = 3')
    store = MemoryStore()
    for number in ABROAD[:3]:
        rig.admit(rig.envelope(number))
    await until_midnight(rig)
    sent = [rig.envelope(number) for number in SPREAD[:4]]
    for one in sent:
        rig.admit(one)
        await store.accept((one,))
    rig.admit(rig.lookup())
    await save(rig.guard, store)

    limits = 'countries = ["*"]\ndaily_messages = 5\nlookups_per_day = 1\ndaily_spend = "1"'
    rig.guard = rig.another(config_of(limits, 'per_unusual_country = ["3 in 1h"]\nunusual_below = 3'))
    await restore(rig.guard, store)

    assert rig.rule(rig.lookup()) == "lookups_per_day"
    assert rig.rule(rig.envelope(ABROAD[5])) is None
    assert rig.rule(rig.envelope(ABROAD[6])) == "daily_messages"
