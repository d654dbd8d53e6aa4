"""The simulator adds up what really happened, is the same each time, and shows what the choice is worth."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random

import msgspec
import pytest

from pointsman.bench.routing import BASELINE_BUDGET, POLICIES, WORST_BUDGET, measure_routing
from pointsman.message import MessageClass
from pointsman.outcome import Accepted, Outcome, Refused, Unknown
from pointsman.routing.price import ChargedOn
from pointsman.testing.simulator import (
    BASELINES,
    SCENARIOS,
    Action,
    Journey,
    Letter,
    Oracle,
    Phase,
    Quality,
    Routed,
    Scene,
    Stop,
    Try,
    Upstream,
    World,
    play,
)
from pointsman.testing.simulator.world import fate_of, letters, toss

PRICES: Mapping[str, Decimal] = dict.fromkeys(("25001", "25002", "25020", "25099"), Decimal(1))
PERFECT = Quality(taken=1.0, doubt=0.0, delivery=1.0, reported=1.0)


def upstream(name: str = "a", quality: Quality = PERFECT, **more: object) -> Upstream:
    """Return a provider that does everything right, unless told otherwise."""
    return Upstream(name=name, prices=PRICES, phases=(Phase(quality=quality),), **more)  # type: ignore[arg-type]


def world(*upstreams: Upstream, **more: object) -> World:
    """Return a small scenario."""
    return World(name="small", about="", upstreams=upstreams, **{"messages": 300, "dead": 0.0, **more})  # type: ignore[arg-type]


class Always:
    """A policy that sends everything by one provider, once."""

    name = "always"

    def __init__(self, scene: Scene) -> None:
        self.outcomes: list[Outcome] = []
        self._provider = scene.world.upstreams[0].name

    def journey(self, letter: Letter, now: float) -> Journey:
        """Return the way of a message."""
        del letter, now
        return _Once(self, self._provider)


class _Once:
    def __init__(self, policy: Always, provider: str) -> None:
        self._policy = policy
        self._provider = provider
        self._sent = False

    def act(self, now: float) -> Action:
        """Send, once."""
        del now
        sent, self._sent = self._sent, True
        return Stop() if sent else Try(self._provider)

    def outcome(self, provider: str, outcome: Outcome, started: float, now: float) -> None:
        """Remember it."""
        del provider, started, now
        self._policy.outcomes.append(outcome)

    def reported(self, provider: str, accepted_at: float, *, delivered: bool, now: float) -> bool:
        """Do nothing."""
        del provider, accepted_at, delivered, now
        return False

    def confirmed(self, provider: str, accepted_at: float, now: float) -> None:
        """Do nothing."""


def test_a_perfect_provider_costs_its_price():
    """Everything is delivered once, paid once, and nothing is lost."""
    result = play(world(upstream()), 1, Always)

    assert (result.delivered, result.messages, result.copies) == (300, 300, 0)
    assert (result.money, result.lost, result.total) == (Decimal(300), Decimal(0), Decimal(300))
    assert result.shares == {"a": 300}


def test_what_is_lost_costs_its_value():
    """A provider that delivers nothing costs its price and the value of every message."""
    result = play(world(upstream(quality=Quality(taken=1.0, doubt=0.0, delivery=0.0))), 1, Always)

    assert (result.delivered, result.money, result.lost) == (0, Decimal(300), Decimal(300 * 8))


def test_who_charges_on_delivery_is_paid_for_what_arrives_or_is_said_to():
    """Lost messages cost nothing there, but those that are reported as delivered do."""
    honest = Quality(taken=1.0, doubt=0.0, delivery=0.5, owned_up=1.0)
    liar = msgspec.structs.replace(honest, faked=1.0)
    paid = {
        name: play(world(upstream(quality=quality, charged_on=ChargedOn.DELIVERY)), 1, Always)
        for name, quality in (("honest", honest), ("liar", liar))
    }

    assert paid["honest"].money == paid["honest"].delivered
    assert paid["liar"].money == 300
    assert paid["honest"].delivered == paid["liar"].delivered


def test_a_dead_number_is_nobodys_loss():
    """What nobody can deliver is paid for and counts as lost for no policy."""
    result = play(world(upstream(), dead=1.0), 1, Always)

    assert (result.messages, result.delivered, result.lost, result.money) == (0, 0, Decimal(0), Decimal(300))


def test_money_ends_and_comes_back():
    """An account takes as many messages as it has money for, and more when it is filled."""
    empty = play(world(upstream(balance=Decimal(100))), 1, Always)
    filled = play(world(upstream(balance=Decimal(100), top_ups=((200.0, Decimal(1000)),))), 1, Always)

    assert empty.shares == {"a": 100}
    assert 150 < filled.shares["a"] < 220


@pytest.mark.parametrize(
    ("quality", "kinds"),
    [
        (Quality(taken=0.0, doubt=0.0), {Refused}),
        (Quality(taken=0.0, doubt=1.0), {Unknown}),
        (PERFECT, {Accepted}),
        (Quality(taken=0.5, doubt=0.25), {Accepted, Unknown, Refused}),
    ],
)
def test_requests_come_to_what_the_provider_is_like(quality: Quality, kinds: set[type]):
    """Shares of taken and doubtful requests are those of the quality."""
    made: list[Always] = []

    def make(scene: Scene) -> Always:
        made.append(Always(scene))
        return made[0]

    play(world(upstream(quality=quality)), 1, make)

    assert {type(outcome) for outcome in made[0].outcomes} == kinds


def test_half_of_what_times_out_was_taken():
    """A request without an answer may have got through all the same: then it arrives, and is paid for."""
    result = play(world(upstream(quality=Quality(taken=0.0, doubt=1.0, delivery=1.0)), messages=2000), 1, Always)

    assert 900 < result.delivered < 1100
    assert result.money == result.delivered


def test_chance_is_a_function_of_its_arguments():
    """The same toss gives the same number; different ones are spread evenly and not related."""
    tosses = [toss(1, message, 2, 3) for message in range(20_000)]
    others = [toss(1, message, 2, 4) for message in range(20_000)]

    assert tosses == [toss(1, message, 2, 3) for message in range(20_000)]
    assert abs(sum(tosses) / 20_000 - 0.5) < 0.01
    assert abs(sum((one - 0.5) * (other - 0.5) for one, other in zip(tosses, others, strict=True)) / 20_000) < 0.003


def test_letters_are_those_of_the_scenario():
    """Shares of networks, classes, dead and ported numbers are as asked for, and time goes forward."""
    mail = letters(
        world(
            upstream(),
            messages=20_000,
            dead=0.1,
            ported=0.2,
            classes={MessageClass.OTP: 3.0, MessageClass.MARKETING: 1.0},
        ),
        7,
    )

    assert [letter.at for letter in mail] == sorted(letter.at for letter in mail)
    assert abs(sum(letter.dead for letter in mail) / 20_000 - 0.1) < 0.01
    assert abs(sum(letter.message_class is MessageClass.OTP for letter in mail) / 20_000 - 0.75) < 0.01
    assert abs(sum(letter.network == "25001" for letter in mail) / 20_000 - 0.35) < 0.01
    moved = sum(letter.network != letter.by_range for letter in mail) / 20_000
    assert 0.1 < moved < 0.2, "one in five is ported, and some of them back to where they came from"


def test_a_fate_is_the_same_for_every_policy():
    """What becomes of a message at a provider does not depend on who sends it there, when, or after what."""
    letter = letters(world(upstream()), 3)[0]

    assert fate_of(3, letter, 0, PERFECT, 0.5) == fate_of(3, letter, 0, PERFECT, 0.5)
    assert fate_of(3, letter, 0, PERFECT, 0.5) != fate_of(4, letter, 0, PERFECT, 0.5)


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_plays_the_same_twice(name: str):
    """A scenario under a policy with a seed has one result."""
    small = msgspec.structs.replace(SCENARIOS[5], messages=400)

    assert play(small, 9, POLICIES[name]) == play(small, 9, POLICIES[name])


def test_the_scenarios_are_what_was_asked_for():
    """There are more than twenty, each with a name of its own and a sentence."""
    assert len(SCENARIOS) >= 20
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS)
    assert all(one.about.endswith(".") for one in SCENARIOS)


def test_nobody_beats_the_clairvoyant_where_nothing_is_left_to_chance():
    """With certain outcomes the clairvoyant finds the least cost that there is."""
    random = Random(4)
    for _ in range(20):
        costs = [Decimal(random.randrange(50, 200)) / 100 for _ in range(3)]
        perfect = [
            Upstream(name=f"p{place}", prices=dict.fromkeys(PRICES, price), phases=(Phase(quality=PERFECT),))
            for place, price in enumerate(costs)
        ]
        assert play(world(*perfect, messages=50), 1, Oracle).total == min(costs) * 50


@pytest.mark.parametrize("scenario", ["cheapest delivers 60 %", "silent loss", "price jump", "balance runs dry"])
def test_the_choice_is_near_the_clairvoyants_and_ahead_of_the_peers(scenario: str):
    """In scenarios of one trouble each, at a seed of their own, the budgets are kept."""
    figures = measure_routing((4242,), (scenario,), processes=1)
    (comparison,) = figures.comparisons

    assert comparison.ratio("balanced") <= WORST_BUDGET
    assert comparison.against_best <= BASELINE_BUDGET
    assert comparison.best_baseline.policy in {kind.name for kind in BASELINES}


def test_a_silent_provider_loses_its_traffic():
    """One that takes everything, delivers nothing and says nothing has hardly any messages after a while."""
    lost = play(next(one for one in SCENARIOS if one.name == "silent loss"), 4242, Routed)
    steady = play(next(one for one in SCENARIOS if one.name == "steady"), 4242, Routed)

    # It goes wrong after 1500 of 4000 seconds; until then it has most of the messages.
    assert steady.shares["cheap"] > 2000
    assert lost.shares["cheap"] < 1700
    assert lost.share > 0.97
