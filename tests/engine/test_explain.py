"""`explain` over a running router that has learnt something: the numbers, the words, and what it leaves alone."""

from decimal import Decimal

import msgspec
import pytest

from pointsman import why
from pointsman.cli.explaining import explained, show_explanation
from pointsman.cli.opening import Setup
from pointsman.cli.output import Output
from pointsman.message import MessageClass
from pointsman.routing.candidate import Exclusion, Ranked, Reason
from pointsman.sandbox import DeliveryPlan, Fate
from pointsman.testing import FakeClock, ScriptedSandbox

from .rig import Rig, account, price, routing, sms

FATES = {"good": Fate.DELIVERED, "bad": Fate.UNDELIVERED}


async def learnt(rig: Rig, clock: FakeClock, count: int = 40) -> None:
    """Send messages one after another until their last reports, so that something is known of everybody."""
    async with clock.autojump():
        for place in range(count):
            await rig.router.send(sms(place), until_final=True)


def boxes(clock: FakeClock) -> dict[str, ScriptedSandbox]:
    """Return a provider that delivers and one that reports every message as lost."""
    return {
        name: ScriptedSandbox(
            clock=clock,
            delivery=DeliveryPlan(seconds_to_final=4.0, messages={fate: 1.0}),
            price=Decimal("0.048") if name == "good" else None,
        )
        for name, fate in FATES.items()
    }


def accounts(found: dict[str, ScriptedSandbox]):
    """Return accounts at them; the bad one is cheaper, and the good one charges more than its list says."""
    return {
        "bad": account(found["bad"], prices=[price("0.03")], tells_reports=True, opening_balance="2.00"),
        "good": account(found["good"], prices=[price("0.04")], tells_reports=True),
        "poor": account(ScriptedSandbox(), prices=[price("0.01")], opening_balance="0"),
    }


POLICY = {"strategy": "balanced", "loss": {"otp": "0.50", "transactional": "0.20"}}


async def test_the_first_is_first_for_a_reason(clock: FakeClock):
    """After bad reports the dearer provider comes first; the sentence splits its cost and names the runner-up's."""
    async with routing(accounts(boxes(clock)), clock=clock, policy=POLICY) as rig:
        await learnt(rig, clock)
        decision = rig.router.explain(sms(message_class=MessageClass.OTP))

    good, bad = decision.ranking
    assert (good.candidate.provider, bad.candidate.provider, decision.reason) == ("good", "bad", Reason.SCORE)
    assert good.candidate.health > bad.candidate.health + 0.3
    assert (good.candidate.evidence > 5, good.candidate.drift) == (True, pytest.approx(1.2))
    assert good.score is not None
    assert bad.score is not None
    risk = round(good.score, 4) - 0.048
    assert why(decision) == (
        f"good, the least expected cost: expected cost {good.score:.4f} EUR = price 0.0480 + risk {risk:.4f};"
        f" bad would cost {bad.score:.4f}"
    )
    assert decision.conditions is not None
    assert (decision.conditions.loss, decision.conditions.loss_told) == (0.5, True)


async def test_explain_shows_everything(clock: FakeClock, capsys: pytest.CaptureFixture[str]):
    """The table has list price and told price, chance and evidence, share taken, funds, runway, delay and score."""
    async with routing(accounts(boxes(clock)), clock=clock, policy=POLICY) as rig:
        await learnt(rig, clock)
        found = explained(rig.router, sms())
        setup = Setup(config=rig.router.config, plugins=rig.router.plugins, output=Output(json=False), log=None)
    show_explanation(found, setup)

    lines = capsys.readouterr().out.splitlines()
    first = found.decision.ranking[0].candidate
    assert lines[0].startswith("+79161230000 (RU")
    assert lines[1] == f"route all, strategy balanced: {found.why}"
    assert lines[2] == "a lost transactional message costs 0.2 EUR (by the policy)"
    heading, good, bad = lines[4:7]
    names = "provider segment together compared charged funds lasts delivers known by takes delay score"
    assert heading.split() == names.split()
    assert ("0.048" in good, "0.04 EUR" in good, f"{first.health:.1%}" in good) == (True, True, True)
    assert (f"{first.evidence:.0f}" in good.split(), "s" in good.split()) == (True, True)
    assert "unknown" in good
    runway = found.decision.ranking[1].candidate.runway
    assert runway is not None
    assert ("bad" in bad, " EUR" in bad) == (True, True)
    assert any(line.startswith("poor") and "has not enough money" in line for line in lines)


async def test_explain_as_json(clock: FakeClock, capsys: pytest.CaptureFixture[str]):
    """One document has the sentence, the value of a lost message, all inputs, and the reasons of who is left out."""
    async with routing(accounts(boxes(clock)), clock=clock, policy=POLICY) as rig:
        await learnt(rig, clock)
        found = explained(rig.router, sms())
    Output(json=True).record(found)

    told = msgspec.json.decode(capsys.readouterr().out)
    candidate = told["decision"]["ranking"][0]["candidate"]
    assert (told["why"], told["decision"]["conditions"]["loss"]) == (found.why, 0.2)
    assert {"health", "evidence", "taken", "funds", "runway", "delay", "drift", "comparable"} <= set(candidate)
    assert told["left_out"] == [{"provider": "poor", "because": "has not enough money"}]
    assert told["message"]["id"] == told["decision"]["message_id"]


async def test_explaining_explores_nothing_and_says_so_of_the_rest(clock: FakeClock):
    """However often it is asked, the same provider is first: only messages are used to learn."""
    async with routing(accounts(boxes(clock)), clock=clock, policy=POLICY) as rig:
        await learnt(rig, clock)
        decisions = [rig.router.explain(sms()) for _ in range(100)]

    assert {(one.reason, one.ranking[0].candidate.provider) for one in decisions} == {(Reason.SCORE, "good")}


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ("cheapest", "bad, the cheapest: 0.0300 EUR; good would cost 0.0480"),
        ("priority", "bad, the first of the route that can take it; then good"),
        ("weighted", "bad, drawn by weight 3 (the next message may go elsewhere)"),
    ],
)
async def test_other_strategies(clock: FakeClock, strategy: str, words: str):
    """Each strategy's first choice is explained by what that strategy looks at."""
    policy = {"strategy": strategy, "weights": {"bad": 3, "good": 0} if strategy == "weighted" else {}}
    found = boxes(clock)
    async with routing(accounts(found), clock=clock, policy={**policy, "max_attempts": 1}) as rig:
        rig.router.trip("bad")
        await learnt(rig, clock, 5)
        rig.router.reset("bad")
        assert why(rig.router.explain(sms())) == words


async def test_the_quickest(clock: FakeClock):
    """Where delays are known, the sentence has them; of whom nothing is known, it says that."""
    async with routing(accounts(boxes(clock)), clock=clock, policy={"strategy": "fastest"}) as rig:
        rig.router.trip("bad")
        await learnt(rig, clock, 5)
        rig.router.reset("bad")
        decision = rig.router.explain(sms())

    score = decision.ranking[0].score
    assert why(decision) == f"good, the quickest to deliver: {score:.1f} s, repeats included; bad is not known"


async def test_down_and_out(clock: FakeClock):
    """Who is alone, who is out, and a message without a route have their words, too."""
    async with routing(accounts(boxes(clock)), clock=clock, route={"match": {"country": ["RU"]}}) as rig:
        router = rig.router
        router.trip("bad")
        assert why(router.explain(sms())) == "good, the only one that can take it"
        router.trip("good")
        decision = router.explain(sms())
        assert why(decision) == "nobody can take it"
        assert {one.why for one in decision.excluded} == {Exclusion.BREAKER, Exclusion.FUNDS}
        assert why(router.explain(msgspec.structs.replace(sms(), to="+447400123456"))) == "no route is for this message"


async def test_who_may_be_better_than_it_seems(clock: FakeClock):
    """A choice that was made to learn says so, with both costs."""
    async with routing(accounts(boxes(clock)), clock=clock, policy=POLICY) as rig:
        decision = rig.router.explain(sms())
    first, second = decision.ranking
    explored = (Ranked(candidate=second.candidate, score=second.score, explored=True), first)
    turned = msgspec.structs.replace(decision, reason=Reason.EXPLORE, ranking=explored)

    assert why(turned).startswith(
        f"{second.candidate.provider}, which may be better than it seems (a small share of the traffic finds out): "
    )
    assert f"; {first.candidate.provider} would cost {first.score:.4f}" in why(turned)
