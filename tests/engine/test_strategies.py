"""The strategy of a plugin orders the candidates, and whatever it does wrong, messages are sent and it is named."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec
import pytest

from pointsman.engine.guard import STRIKES, TOO_LONG
from pointsman.events import Decided, PluginQuarantined
from pointsman.loading import load_plugins
from pointsman.message import Sms
from pointsman.outcome import State
from pointsman.plugin import Choice, Offer, StrategyPlugin
from pointsman.routing.candidate import Reason
from pointsman.testing import SCRIPTED, FakeClock, ScriptedSandbox, strategy_problems

from .rig import Rig, account, price, routing, sms

Offers = Sequence[Offer]


def last_first(offers: Offers, choice: Choice) -> list[Offer]:
    """Order by place, the last of the route first."""
    del choice
    return sorted(offers, key=lambda one: -one.position)


def routed(rank: Callable[..., Any], clock: FakeClock | None = None) -> Any:
    """Start a router with a cheap and a dear provider, whose policy is the strategy `own`."""
    found = load_plugins([SCRIPTED, StrategyPlugin(name="own", rank=rank)])
    accounts = {
        "cheap": account(ScriptedSandbox(), prices=[price("0.01")]),
        "dear": account(ScriptedSandbox(), prices=[price("0.09")]),
    }
    return routing(accounts, found=found, policy={"strategy": "own"}, clock=clock)


async def test_a_plugin_s_strategy_decides() -> None:
    """The order is the plugin's, the decision says whose it is, and nothing is put aside."""
    async with routed(last_first) as rig:
        receipt = await rig.router.send(sms())
        decision = rig.router.explain(sms(1))

    assert receipt.provider == "dear"
    assert [one.candidate.provider for one in decision.ranking] == ["dear", "cheap"]
    assert (decision.strategy, decision.reason) == ("own", Reason.PLUGIN)
    assert (rig.told(Decided)[0].strategy, rig.told(Decided)[0].reason) == ("own", "plugin")
    assert rig.router.plugins.quarantined == ()


@dataclass
class Broken:
    """Does something wrong, and counts how often it was asked."""

    answer: Callable[[Offers], object]
    asked: int = 0

    def __call__(self, offers: Offers, choice: Choice) -> Any:
        """Answer."""
        self.asked += 1
        return self.answer(offers)


NONSENSE: dict[str, Callable[[Offers], object]] = {
    "raises": lambda _: 1 / 0,
    "nothing": lambda _: None,
    "empty": lambda _: [],
    "names": lambda given: [one.provider for one in given],
    "one lost": lambda given: given[1:],
    "one twice": lambda given: [*given[1:], *given[1:]],
    "one changed": lambda given: [msgspec.structs.replace(one, chance=1.0) for one in given],
    "a generator": lambda given: (one for one in given),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
async def test_what_is_no_order_is_replaced_by_the_balanced_one(answer: Callable[[Offers], object]) -> None:
    """Each message goes out all the same, and after some failures the plugin is named and not asked again."""
    strategy = Broken(answer)
    async with routed(strategy) as rig:
        states = [(await rig.router.send(sms(place))).state for place in range(STRIKES + 2)]

    assert states == [State.SENT] * (STRIKES + 2)
    assert strategy.asked == STRIKES
    assert {one.reason for one in rig.told(Decided)} <= {Reason.SCORE, Reason.EXPLORE}
    [told] = rig.told(PluginQuarantined)
    [put] = rig.router.plugins.quarantined
    assert (told.plugin, told.reason) == (put.name, put.reason) == ("own", put.reason)
    assert put.reason.startswith('its strategy "own" is out of use: rank r')


async def test_a_strategy_that_keeps_the_loop_is_put_aside() -> None:
    """Time that a strategy takes from everybody counts as a failure, though its order is used."""
    now = time.process_time

    def slow(offers: Offers, choice: Choice) -> list[Offer]:
        until = now() + TOO_LONG * 1.1
        while now() < until:
            pass
        return last_first(offers, choice)

    async with routed(slow) as rig:
        providers = [(await rig.router.send(sms(place))).provider for place in range(STRIKES)]

    assert providers == ["dear"] * STRIKES
    assert [event.plugin for event in rig.told(PluginQuarantined)] == ["own"]


async def test_one_failure_concerns_one_choice() -> None:
    """A strategy that fails once orders the next message again."""
    strategy = Broken(lambda given: 1 / 0 if strategy.asked == 1 else last_first(given, None))  # type: ignore[arg-type]
    async with routed(strategy) as rig:
        await rig.router.send(Sms(to="+79161234567", text="first"))
        second = await rig.router.send(Sms(to="+79161234568", text="second"))

    assert second.provider == "dear"
    assert [one.reason for one in rig.told(Decided)][1] is Reason.PLUGIN
    assert isinstance(rig, Rig)
    assert rig.told(PluginQuarantined) == []


def test_the_check_finds_what_a_router_would_find() -> None:
    """A fit strategy passes the check for authors; nonsense, and chance from elsewhere, is said."""
    restless = iter(range(10_000))

    def moody(offers: Offers, choice: Choice) -> list[Offer]:
        return last_first(offers, choice)[:: 1 if next(restless) % 2 else -1]

    def drawn(offers: Offers, choice: Choice) -> list[Offer]:
        return choice.random.sample(list(offers), len(offers))

    assert strategy_problems(last_first, Random(1)) == strategy_problems(drawn, Random(1)) == ()
    for name, answer in NONSENSE.items():
        assert strategy_problems(Broken(answer), Random(1)) != (), name
    assert "another order" in strategy_problems(moody, Random(1))[0]
