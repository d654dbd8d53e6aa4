"""The guard and the books agree: what the store says that a client spent is what the guard counted, and the reverse."""

from decimal import Decimal

import pytest

from pointsman import Router, Sms
from pointsman.engine.bus import Bus
from pointsman.engine.recorder import Recorder
from pointsman.guard import restore, save
from pointsman.guard.keeping import KIND, NAME
from pointsman.message import Money
from pointsman.outcome import Accepted, Attempt, DeliveryState, Report
from pointsman.store import MemoryStore
from pointsman.store.change import Begin, Intent, Note, Settle

from .conftest import NUMBER, PLUGINS, Rig, config_of

LIMITS = 'daily_spend = "1.00"'


class Books:
    """A recorder whose events a guard observes."""

    def __init__(self, rig):
        self.rig, self.store, self.bus = rig, MemoryStore(), Bus()
        self.bus.subscribe(lambda event: rig.guard(event))
        self.recorder = Recorder(self.store, self.bus, rig.clock)

    async def send(self, price, on_delivery=None):
        """Let a message in, and let a provider take it."""
        envelope = self.rig.envelope()
        self.rig.admit(envelope)
        await self.recorder.accept(envelope)
        now = self.rig.clock.now()
        intent = Intent(number=1, provider="one", ref="r", call_ref="c", started_at=now, decision_id="d")
        await self.recorder.change(envelope.id, Begin(intent))
        attempt = Attempt(
            number=1,
            provider="one",
            ref="r",
            call_ref="c",
            calls=1,
            outcome=Accepted(ids=("7",)),
            started_at=now,
            duration=0.1,
            decision_id="d",
            price=price,
            on_delivery=on_delivery,
        )
        await self.recorder.change(envelope.id, Settle(attempt))
        return envelope

    async def report(self, envelope, price=None):
        """Let the provider report the delivery."""
        report = Report(provider_id="7", state=DeliveryState.DELIVERED, final=True, price=price)
        await self.recorder.change(envelope.id, Note(1, report))


def rub(amount):
    """Return an amount in roubles, of which one is 0.01 of the router's currency."""
    return Money(Decimal(amount), "RUB")


async def test_what_is_booked_is_what_is_counted():
    """Charges on submit and on delivery, and corrections by reports, are the same for the guard as for the store."""
    rig = Rig(LIMITS, "per_number = []")
    rig.prices["RU"] = Decimal("0.05")
    books = Books(rig)

    await books.send(rub("4"))
    corrected = await books.send(rub("4"))
    await books.report(corrected, price=rub("3"))
    delivered = await books.send(None, on_delivery=rub("6"))
    assert rig.guard.usage()[1].reserved == Decimal("0.05")
    await books.report(delivered)
    await books.send(None, on_delivery=rub("6"))

    (usage,) = await books.store.usage(rig.guard.day)
    used = rig.guard.usage()[1]
    assert usage.spent == {"RUB": Decimal(13)}
    assert (used.spent, used.reserved) == (Decimal("0.13"), Decimal("0.05"))
    assert used.messages == usage.messages == 4


async def test_figures_survive_a_restart():
    """Another guard that reads the store knows the money and the messages of the day."""
    rig = Rig(LIMITS, "per_number = []")
    books = Books(rig)
    for _ in range(2):
        await books.send(rub("45"))
    await save(rig.guard, books.store)

    rig.guard = rig.another(config_of('daily_spend = "1.00"\ndaily_messages = 3', "per_number = []"))
    await restore(rig.guard, books.store)
    rig.prices["RU"] = Decimal("0.11")

    assert rig.guard.usage()[1].spent == Decimal("0.90")
    assert rig.rule(rig.envelope()) == "daily_spend"
    rig.prices["RU"] = Decimal("0.10")
    assert rig.rule(rig.envelope()) is None
    rig.prices["RU"] = Decimal(0)
    assert rig.rule(rig.envelope()) == "daily_messages"


async def test_notes_that_cannot_be_read_are_left_out():
    """A note of another version does not keep the guard from starting."""
    rig = Rig()
    store = MemoryStore()
    await store.keep(KIND, NAME, b"{broken")

    await restore(rig.guard, store)

    assert rig.rule(rig.envelope()) is None


def router(more):
    """Return a router that is not started."""
    return Router(config_of(more=more), plugins=PLUGINS)


PRICES = """currency = "RUB"
prices = [{ country = "RU", channel = "sms", price = "2" }]
[providers.two]
plugin = "smstele"
login = { env = "LOGIN" }
password = { env = "PASSWORD" }
currency = "EUR"
prices = [{ country = "RU", channel = "sms", price = "0.03" }]
[providers.three]
plugin = "smstele"
login = { env = "LOGIN" }
password = { env = "PASSWORD" }
[[routes]]
name = "cheap"
match = { tag = ["cheap"] }
providers = ["one", "three"]
[[routes]]
name = "all"
providers = ["one", "two", "three"]
"""


@pytest.mark.parametrize(
    ("text", "to", "tags", "price"),
    [
        ("x", NUMBER, (), "0.03"),
        ("x", NUMBER, ("cheap",), "0.02"),
        ("x" * 161, NUMBER, (), "0.06"),
        ("x", "447400123456", (), None),
    ],
)
def test_expected_price(text, to, tags, price):
    """It is that of the dearest provider of the route whose price is known, for all segments, in one currency."""
    one = router(PRICES)

    expected = one.expected_price(one.check(Sms(to=to, text=text, tags=tags)))

    assert expected == (None if price is None else Decimal(price))
