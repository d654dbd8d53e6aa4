"""What a report tells of a price puts right the receipt, the account and the books, and the list is compared."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from pointsman.events import PriceDrifted, Rested, Spent
from pointsman.message import Channel, Money
from pointsman.outcome import Fault, Receipt, State
from pointsman.plugin import Callback
from pointsman.routing.rests import Scope
from pointsman.sandbox import DeliveryPlan
from pointsman.testing import FakeClock, ScriptedSandbox
from pointsman.testing.wire import Answer, News
from pointsman_devino.sandbox import DevinoSandbox

from .rig import Rig, accepted, account, devino, price, routing, sms

D = Decimal


async def report(rig: Rig, *news: News) -> None:
    """Let provider `a` call back."""
    await rig.router.callback("a", Callback(method="POST", body=msgspec.json.encode(Answer(reports=news))))


def news(receipt: Receipt, told: str | None, *, part: int = 0, state: str = "delivered", **more: Any) -> News:
    """Return the last report about a part, with its price."""
    return News(id=accepted(receipt).ids[part], state=state, final=True, price=told, **more)


def listed(box: ScriptedSandbox, amount: str = "2", **keys: Any) -> dict[str, Any]:
    """Return one account with ten euros and a price for a segment."""
    charged_on = keys.pop("charged_on", "submit")
    return {"a": account(box, opening_balance="100", prices=[price(amount, charged_on=charged_on)], **keys)}


def cost(receipt: Receipt | None) -> Money | None:
    """Return what the receipt says that the message cost or is to cost."""
    assert receipt is not None
    attempt = receipt.attempts[-1]
    return attempt.price if attempt.on_delivery is None else attempt.on_delivery


@pytest.mark.parametrize("charged_on", ["submit", "delivery"])
@pytest.mark.parametrize("told", ["3", "1.5", "2", "2.00"])
async def test_a_told_price_is_what_is_booked_in_the_end(
    clock: FakeClock, box: ScriptedSandbox, charged_on: str, told: str
):
    """Receipt, account and books hold the told price, dearer or cheaper than the list, however often it is told."""
    async with routing(listed(box, charged_on=charged_on), clock=clock) as rig:
        receipt = await rig.router.send(sms())
        for _ in range(3):
            await report(rig, news(receipt, told))
        after = await rig.router.receipt(receipt.id)

    assert after is not None
    assert after.state is State.DELIVERED
    assert cost(after) == Money(D(told), "EUR")
    assert rig.spent("a") == D(told)
    assert rig.available("a") == 100 - D(told)
    corrected = charged_on == "submit" and D(told) != 2
    assert len(rig.told(Spent)) == (2 if corrected else 1)


@pytest.mark.parametrize("charged_on", ["submit", "delivery"])
@pytest.mark.parametrize("told", ["3", "1.5"])
async def test_a_price_that_is_told_after_the_delivery_is_booked_too(
    clock: FakeClock, box: ScriptedSandbox, charged_on: str, told: str
):
    """A later report tells the price of a delivery that was booked by the list: receipt, account and books agree."""
    async with routing(listed(box, charged_on=charged_on), clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await report(rig, news(receipt, None))
        await clock.advance(5)
        for _ in range(2):
            await report(rig, news(receipt, told, read=True))

        assert cost(await rig.router.receipt(receipt.id)) == Money(D(told), "EUR")
        assert rig.spent("a") == D(told)
        assert rig.available("a") == 100 - D(told)


@pytest.mark.parametrize("told", [None, "0"])
async def test_what_is_not_told_is_not_free(clock: FakeClock, box: ScriptedSandbox, told: str | None):
    """A report without a price, or with zero, leaves what was booked by the list."""
    async with routing(listed(box), clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await report(rig, news(receipt, told))

        assert cost(await rig.router.receipt(receipt.id)) == Money(D(2), "EUR")
        assert (rig.available("a"), rig.told(PriceDrifted)) == (98, [])


async def test_an_answer_that_tells_zero_is_not_free(clock: FakeClock):
    """Where the answer to a submit says zero, the list's price is booked, and no drift towards nothing is learnt."""
    box = ScriptedSandbox(clock=clock, price=D(0))
    async with routing(listed(box), clock=clock) as rig:
        for place in range(6):
            receipt = await rig.router.send(sms(place))
        decision = rig.router.explain(sms(7))

    assert cost(receipt) == Money(D(2), "EUR")
    assert (rig.available("a"), rig.told(PriceDrifted)) == (88, [])
    assert decision.chosen is not None
    assert decision.chosen.drift == 1.0


async def test_the_answer_is_not_doubted(clock: FakeClock):
    """Where the answer told the price, a report that tells another one changes nothing."""
    box = ScriptedSandbox(clock=clock, price=D("2.5"))
    async with routing(listed(box), clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await report(rig, news(receipt, "9"))

        assert cost(await rig.router.receipt(receipt.id)) == Money(D("2.5"), "EUR")
        assert rig.spent("a") == D("2.5")


async def test_nothing_is_charged_for_what_was_not_delivered(clock: FakeClock, box: ScriptedSandbox):
    """Where deliveries are charged, the price in a report about a lost message is not booked."""
    async with routing(listed(box, charged_on="delivery"), clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await report(rig, news(receipt, "3", state="undeliverable"))

    assert (rig.told(Spent), rig.available("a")) == ([], 100)


async def test_a_list_that_is_wrong_is_found_out(clock: FakeClock, box: ScriptedSandbox):
    """After some told prices the drift is news once, is shown with the provider, and corrects the next choice."""
    async with routing(listed(box), clock=clock) as rig:
        for place in range(6):
            receipt = await rig.router.send(sms(place))
            await report(rig, news(receipt, "3"))
        decision = rig.router.explain(sms(7))
        status = rig.status("a")

    [drift] = rig.told(PriceDrifted)
    assert (drift.provider, drift.channel, drift.network) == ("a", Channel.SMS, "RU")
    assert drift.ratio == pytest.approx(1.5)
    assert [(one.network, one.ratio) for one in status.drifts] == [("RU", pytest.approx(1.5))]
    assert status.price_ratios == {Channel.SMS: pytest.approx(1.5)}
    assert decision.chosen is not None
    assert decision.chosen.expected_price == pytest.approx(3.0)


async def test_a_correct_list_is_no_news(clock: FakeClock, box: ScriptedSandbox):
    """Prices that agree are compared and found equal."""
    async with routing(listed(box), clock=clock) as rig:
        for place in range(6):
            await report(rig, news(await rig.router.send(sms(place)), "2"))
        status = rig.status("a")

    assert (rig.told(PriceDrifted), status.drifts, status.price_ratios) == ([], (), {Channel.SMS: 1.0})


async def test_a_report_that_blames_the_sender_blocks_it(clock: FakeClock, box: ScriptedSandbox):
    """A last report with the fault `sender` puts the sender out of use at this provider, with an alert."""
    accounts = {"a": account(box, senders=["SHOP"]), "b": account(ScriptedSandbox(clock=clock))}
    async with routing(accounts, clock=clock) as rig:
        receipt = await rig.router.send(sms(sender="SHOP"))
        await report(rig, news(receipt, None, state="rejected", fault=Fault.SENDER))
        decision = rig.router.explain(sms(1, sender="SHOP"))

    [rest] = rig.told(Rested)
    assert (rest.provider, rest.scope, rest.subject, rest.alert) == ("a", Scope.SENDER, "SHOP", True)
    assert [one.provider for one in decision.excluded] == ["a"]
    assert decision.chosen is not None
    assert decision.chosen.provider == "b"


@pytest.mark.parametrize(("amount", "drifts"), [("1.00", 1), ("1.5", 0)])
async def test_prices_of_devino_come_with_its_reports(clock: FakeClock, amount: str, drifts: int):
    """A message of two segments costs what its two reports tell together; the list is compared by the segment."""
    box = DevinoSandbox(clock=clock, delivery=DeliveryPlan(seconds_to_sent=1, seconds_to_final=2))
    accounts = {"a": devino(box, prices=[price(amount)])}
    async with routing(accounts, clock=clock) as rig, clock.autojump():
        for place in range(4):
            receipt = await rig.router.send(sms(place, "x" * 200), until_final=True)
        status = rig.status("a")

    assert len(accepted(receipt).ids) == 2
    assert cost(receipt) == Money(D(3), "RUB")
    assert rig.spent("a") == 12
    assert status.balance is not None
    assert status.balance.amount == box.account.balance
    assert len(rig.told(PriceDrifted)) == drifts
    assert [one.ratio for one in status.drifts] == [pytest.approx(1.5)] * drifts
