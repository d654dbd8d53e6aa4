"""The operator's hand: a provider is taken out of use, put back, and its account is paid into."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from pointsman import Channel
from pointsman.events import BreakerMoved, Operation, Rested
from pointsman.outcome import Fault, State
from pointsman.routing.breaker import BreakerState
from pointsman.sandbox import delay
from pointsman.testing import FakeClock, ScriptedSandbox, hang_up, refuse

from .rig import Rig, account, finish, price, routing, sending, sms

SUBMIT = Operation.SUBMIT
MTS = "25001"
CLOSED, OPEN, PROBING = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.PROBING


@pytest.fixture
def accounts(clock: FakeClock, box: ScriptedSandbox) -> dict:
    """Two providers; the route prefers `a`."""
    return {"a": account(box), "b": account(ScriptedSandbox(clock=clock))}


@pytest.fixture
def ranges(tmp_path: Path) -> Path:
    """Number ranges by which the numbers of the tests belong to MTS, and those with 903 to Beeline."""
    path = tmp_path / "ranges.csv"
    path.write_text(
        "АВС/ DEF;От;До;Емкость;Оператор;Регион\n"
        '903;0000000;9999999;10000000;ПАО "Вымпел-Коммуникации";г. Москва\n'
        '916;0000000;9999999;10000000;ПАО "Мобильные ТелеСистемы";г. Москва\n',
        encoding="utf-8",
    )
    return path


async def takers(rig: Rig, *places: int) -> list[str | None]:
    """Send to these places one after the other; return who took each."""
    return [(await rig.router.send(sms(place))).provider for place in places]


def moves(rig: Rig) -> list[tuple[str, str | None, str, str]]:
    """Return what moved: channel, network, new state and reason."""
    return [(one.channel, one.network, one.after, one.reason) for one in rig.told(BreakerMoved)]


async def test_a_tripped_provider_gets_nothing_until_its_time_is_over(clock: FakeClock, accounts: dict):
    """For the time given messages go elsewhere, with the reason shown; after it one goes there to try."""
    async with routing(accounts, clock=clock) as rig:
        rig.router.trip("a", Channel.SMS, 60, reason="maintenance")
        (cell,) = rig.status("a").open_cells
        assert (cell.channel, cell.network, cell.state, cell.reason) == (Channel.SMS, None, OPEN, "maintenance")
        assert cell.until == clock.now() + 60
        assert await takers(rig, 1, 2) == ["b", "b"]
        await clock.advance(60)
        assert await takers(rig, 3) == ["a"]
        assert rig.status("a").open_cells == ()
        assert moves(rig) == [
            ("sms", None, "open", "maintenance"),
            ("sms", None, "probing", "rest is over"),
            ("sms", None, "closed", "probe succeeded"),
        ]


async def test_a_trip_is_for_all_channels_unless_one_is_named(clock: FakeClock, accounts: dict):
    """Without a channel all of a provider is out, without a time until it is reset, and then all of it is back."""
    async with routing(accounts, clock=clock) as rig:
        rig.router.trip("a")
        assert {cell.channel for cell in rig.status("a").open_cells} == set(rig.status("a").channels)
        assert {cell.until for cell in rig.status("a").open_cells} == {None}
        await clock.advance(1e6)
        assert await takers(rig, 1) == ["b"]
        rig.router.reset("a", Channel.SMS)
        assert await takers(rig, 2) == ["a"]
        assert Channel.HLR in {cell.channel for cell in rig.status("a").open_cells}
        rig.router.reset("a")
        assert rig.status("a").open_cells == ()


async def test_one_network_is_taken_out_alone(clock: FakeClock, accounts: dict, ranges: Path):
    """Messages to that network go elsewhere, those to others stay."""
    async with routing(accounts, clock=clock, ranges=ranges) as rig:
        rig.router.trip("a", network=MTS)
        assert {cell.network for cell in rig.status("a").open_cells} == {MTS}
        assert await takers(rig, 1) == ["b"]
        rig.router.reset("a", network=MTS)
        rig.router.trip("a", network="25098")
        assert await takers(rig, 2) == ["a"]


async def test_nobody_is_sent_to_who_was_taken_out(clock: FakeClock, accounts: dict):
    """When everybody is taken out, a message is refused instead of being forced upon one of them."""
    async with routing(accounts, clock=clock) as rig:
        for name in accounts:
            rig.router.trip(name, Channel.SMS)
        receipt = await rig.router.send(sms())
        assert (receipt.state, receipt.attempts) == (State.FAILED, ())
        assert receipt.reason is not None
        assert receipt.reason.fault is Fault.NO_ROUTE


async def test_what_waits_goes_elsewhere(clock: FakeClock, box: ScriptedSandbox):
    """Messages in the queue of a provider that is taken out go to the next one; the one in flight is followed."""
    box.script(delay(5.0, endpoint=SUBMIT))
    accounts = {"a": account(box, max_in_flight=1), "b": account(ScriptedSandbox(clock=clock))}
    async with routing(accounts, clock=clock) as rig:
        tasks = sending(rig, *map(sms, range(3)))
        await clock.settle()
        rig.router.trip("a", Channel.SMS)
        assert [one.provider for one in await finish(clock, tasks)] == ["a", "b", "b"]
        assert rig.status("a").breakers[Channel.SMS] is OPEN


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(lambda router: router.trip("x"), KeyError, id="trip a stranger"),
        pytest.param(lambda router: router.reset("x"), KeyError, id="reset a stranger"),
        pytest.param(lambda router: router.trip("a", None, 0), ValueError, id="for no time"),
        pytest.param(lambda router: router.trip("a", None, float("nan")), ValueError, id="for what is no time"),
        pytest.param(lambda router: router.topped_up("x", Decimal(1)), KeyError, id="pay a stranger"),
        pytest.param(lambda router: router.topped_up("a", Decimal(0)), ValueError, id="pay nothing"),
        pytest.param(lambda router: router.topped_up("a", Decimal("NaN")), ValueError, id="pay what is no amount"),
        pytest.param(lambda router: router.topped_up("a", Decimal(1)), ValueError, id="to an unknown balance"),
        pytest.param(lambda router: router.topped_up("b", Decimal(1)), ValueError, id="to one that tells it itself"),
    ],
)
async def test_what_cannot_be_done_is_said(clock: FakeClock, box: ScriptedSandbox, act: Callable, error: type):
    """A stranger, a time or an amount of nothing, and an account of which we do not keep the books are refused."""
    told = account(ScriptedSandbox(clock=clock, balance=Decimal(5)), tells_balance=True)
    accounts = {"a": account(box), "b": told}
    async with routing(accounts, clock=clock) as rig:
        with pytest.raises(error):
            act(rig.router)
        assert rig.told(BreakerMoved) == []


async def test_money_that_was_paid_in_is_spent(clock: FakeClock, box: ScriptedSandbox):
    """After a top-up an account that we keep can be used again at once, also after a refusal for want of money."""
    keys = {"opening_balance": "2", "prices": [price("1")]}
    accounts = {"a": account(box, **keys), "b": account(ScriptedSandbox(clock=clock))}
    async with routing(accounts, clock=clock) as rig:
        assert await takers(rig, 1, 2, 3) == ["a", "a", "b"]
        rig.router.topped_up("a", Decimal(3))
        assert rig.available("a") == 3
        box.script(refuse(Fault.CREDITS))
        assert await takers(rig, 4, 5) == ["b", "b"]
        assert [rest.fault for rest in rig.told(Rested)] == [Fault.CREDITS]
        rig.router.topped_up("a", Decimal(1))
        assert rig.status("a").rests == ()
        assert await takers(rig, 6) == ["a"]


async def test_the_runway_is_shown(clock: FakeClock, box: ScriptedSandbox):
    """What is left over what was spent of late: one euro a second leaves forty seconds with forty euros."""
    keys = {"opening_balance": "100", "prices": [price("10")]}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        assert rig.status("a").runway is None
        for place in range(6):
            await clock.advance(10)
            await rig.router.send(sms(place))
        runway = rig.status("a").runway
        assert runway == pytest.approx(40, rel=0.05)
        assert rig.router.explain(sms()).ranking[0].candidate.runway == pytest.approx(runway)


async def test_one_network_s_outage_leaves_the_others(
    clock: FakeClock, box: ScriptedSandbox, accounts: dict, ranges: Path
):
    """A provider that fails for one network loses the messages to it, says so, and keeps those to other networks."""
    async with routing(accounts, clock=clock, ranges=ranges) as rig:
        another = msgspec.structs.replace(sms(), to="79031234567")
        assert (await rig.router.send(another)).provider == "a"
        box.script(*[hang_up(taken=False)] * 5)
        for place in range(5):
            await rig.router.send(sms(place))
        assert await takers(rig, 6) == ["b"]
        assert (await rig.router.send(another)).provider == "a"
        assert [cell.network for cell in rig.status("a").open_cells] == [MTS]
        assert moves(rig) == [("sms", MTS, "open", "5 failures in a row")]
        assert rig.status("a").breakers[Channel.SMS] is CLOSED
