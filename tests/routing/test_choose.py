"""Choosing: why each provider is out, who comes first, and that nothing but the inputs decides."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import msgspec
import pytest

from pointsman.message import Channel, Envelope, Fallback, FallbackBy, HlrLookup, Money, Sms, Viber
from pointsman.outcome import Fault, Refused
from pointsman.plugin import ChannelLimits
from pointsman.routing.breaker import BreakerSettings
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.candidate import Decision, Excluded, Exclusion, Reason
from pointsman.routing.choose import Chooser, Moment, View
from pointsman.routing.evidence import Learning
from pointsman.routing.ledger import Ledger
from pointsman.routing.limiter import Limiter, Pace
from pointsman.routing.match import Match, Route, Schedule
from pointsman.routing.price import PriceRow
from pointsman.routing.rests import Rests
from pointsman.routing.strategy import STRATEGIES
from pointsman.routing.tariff import Rates, Tariff
from pointsman.text import valid_sender

MakeEnvelope = Callable[..., Envelope]
D = Decimal
RATES = Rates("EUR", {"RUB": D("0.01")})
WALL, MONOTONIC = 500.0, 7.0
LIMITS = ChannelLimits(max_characters=100, max_segments=3)


def tariff(price: str | None, currency: str = "RUB") -> Tariff:
    """Return a price list for Russia, or an empty one."""
    rows = [
        PriceRow(channel=channel, price=D(price), currency=currency, country="RU")
        for channel in Channel
        if price is not None
    ]
    return Tariff(rows, RATES)


def view(name: str, **changes: object) -> View:
    """Return a provider that can take everything for two roubles a segment."""
    limits = changes.pop("limits", {Channel.SMS: LIMITS, Channel.HLR: ChannelLimits()})
    assert isinstance(limits, Mapping)
    defaults: dict[str, object] = {
        "limits": limits,
        "senders": frozenset(),
        "default_sender": None,
        "tariff": tariff("2"),
        "ledger": Ledger(),
        "currency": "RUB",
        "limiter": Limiter(None),
        "breakers": {channel: closed() for channel in limits},
    }
    return View(name=name, **{**defaults, **changes})  # type: ignore[arg-type]


def decide(
    envelope: Envelope,
    *views: View,
    strategy: str = "priority",
    weights: Mapping[str, float] | None = None,
    rests: Rests | None = None,
    tried: tuple[str, ...] = (),
    seed: int = 1,
    schedule: Schedule = Schedule.ROUTER,
) -> Decision:
    """Choose among these providers, in this order."""
    route = Route(
        name="all",
        match=Match(),
        providers=tuple(one.name for one in views),
        strategy=strategy,
        weights=tuple((weights or {}).items()),
        schedule=schedule,
    )
    chooser = Chooser({one.name: one for one in views}, rests or Rests(), RATES, STRATEGIES, valid_sender)
    moment = Moment(wall=WALL, monotonic=MONOTONIC, random=Random(seed))
    return chooser.choose(envelope, route, moment, tried=tried, decision_id="d1")


def scheduled(envelope: Envelope) -> Envelope:
    """Return the envelope as parsing leaves it for a message that is to be sent later."""
    message = envelope.message
    if isinstance(message, HlrLookup) or (message.send_at is None and message.send_at_local is None):
        return envelope
    return msgspec.structs.replace(envelope, due=DUE, local=message.send_at_local)


def order(decision: Decision) -> list[str]:
    """Return the names of the candidates in their order."""
    return [one.candidate.provider for one in decision.ranking]


def ledger(balance: str, floor: str = "0") -> Ledger:
    """Return the ledger of a known balance."""
    return Ledger(opening=D(balance), floor=D(floor))


def closed() -> CellBreakers:
    """Return the breakers of a channel on which nothing has happened yet, without jitter."""
    return CellBreakers(BreakerSettings(jitter=0.0), Random(1))


def opened(ago: float = 1.0, network: str | None = None) -> Mapping[Channel, CellBreakers]:
    """Return breakers of which one opened so many seconds ago after five failures, and rests for thirty.

    It is that of the channel, or that of a network while another one works.
    """
    breakers, then = closed(), MONOTONIC - ago
    for one, good in [("25099" if network else None, True), *[(network, False)] * 5]:
        lease, _ = breakers.acquire(then, one)
        assert lease is not None
        breakers.record(lease, then, good=good)
    return {Channel.SMS: breakers}


def by_hand() -> Mapping[Channel, CellBreakers]:
    """Return breakers that the operator opened until they are reset."""
    breakers = closed()
    breakers.trip(MONOTONIC, "test")
    return {Channel.SMS: breakers}


def paused(seconds: float) -> Limiter:
    """Return the limiter of a provider that asked for a pause."""
    limiter = Limiter(None)
    limiter.slow_down(MONOTONIC, seconds)
    return limiter


def resting(fault: Fault, *, at: float = WALL) -> Rests:
    """Return rests after one refusal of provider `a`."""
    rests = Rests()
    rests.note("a", Channel.SMS, "SHOP", "m0", Refused(fault=fault), at)
    return rests


def excluded(why: Exclusion, detail: str = "", until: float | None = None) -> Excluded:
    """Return why `a` is out."""
    return Excluded(provider="a", why=why, detail=detail, until=until)


LONG = Sms(to="79161234567", text="x" * 101, sender="SHOP")
NAMELESS = Sms(to="79161234567", text="x")
NEEDS_SENDER = {Channel.SMS: ChannelLimits(sender_required=True)}
DUE = 900.0
"""When a message is due that is to be sent later."""
LATER = Sms(to="79161234567", text="x", sender="SHOP", send_at=datetime.fromtimestamp(DUE, UTC))
LOCALLY = Sms(to="79161234567", text="x", sender="SHOP", send_at_local=datetime.fromisoformat("1970-01-01T03:15"))
FLASH = Sms(to="79161234567", text="x", sender="SHOP", flash=True)
IN_ITS_PLACE = Viber(to="79161234567", text="x", sender="SHOP", fallback=Fallback(by=FallbackBy.PROVIDER))
DIGITS_ONLY = {Channel.SMS: ChannelLimits(senders=str.isdecimal)}

EXCLUSIONS = [
    pytest.param(
        view("a", limits={Channel.HLR: LIMITS}), None, excluded(Exclusion.CHANNEL, "no sms here"), id="channel"
    ),
    pytest.param(view("a"), LONG, excluded(Exclusion.TOO_LONG, "101 characters, at most 100"), id="characters"),
    pytest.param(view("a"), FLASH, excluded(Exclusion.FLASH), id="flash"),
    pytest.param(view("a"), LATER, excluded(Exclusion.SCHEDULE), id="later"),
    pytest.param(view("a"), LOCALLY, excluded(Exclusion.SCHEDULE), id="later on the recipient's clock"),
    pytest.param(
        view("a", limits={Channel.SMS: ChannelLimits(schedules_local=True)}),
        LATER,
        excluded(Exclusion.SCHEDULE),
        id="later, but only the recipient's clock is known there",
    ),
    pytest.param(
        view("a", limits={Channel.VIBER: ChannelLimits()}), IN_ITS_PLACE, excluded(Exclusion.RESEND), id="resend"
    ),
    pytest.param(view("a"), 4, excluded(Exclusion.TOO_LONG, "4 segments, at most 3"), id="segments"),
    pytest.param(view("a", limits=NEEDS_SENDER), NAMELESS, excluded(Exclusion.SENDER_MISSING), id="no sender"),
    pytest.param(view("a", limits=DIGITS_ONLY), None, excluded(Exclusion.SENDER_FORM, "SHOP"), id="sender's form"),
    pytest.param(
        view("a", default_sender="TOO LONG A NAME"),
        NAMELESS,
        excluded(Exclusion.SENDER_FORM, "TOO LONG A NAME"),
        id="general form of senders",
    ),
    pytest.param(
        view("a", senders=frozenset({"BANK"})),
        None,
        excluded(Exclusion.SENDER_NOT_ALLOWED, "SHOP"),
        id="sender not listed",
    ),
    pytest.param(
        view("a", ledger=ledger("11.99", "10")), None, excluded(Exclusion.FUNDS, "1.99 RUB left, 2 needed"), id="funds"
    ),
    pytest.param(
        view("a", ledger=ledger("10", "10"), tariff=tariff(None)),
        None,
        excluded(Exclusion.FUNDS, "0 RUB left, some needed"),
        id="funds for an unknown price",
    ),
    pytest.param(
        view("a", ledger=ledger("3.99", "0"), tariff=tariff("0.04", "EUR")),
        None,
        excluded(Exclusion.FUNDS, "3.99 RUB left, 4 needed"),
        id="funds in another currency",
    ),
    pytest.param(view("a", breakers=opened()), None, excluded(Exclusion.BREAKER, "open", WALL + 29), id="breaker"),
    pytest.param(view("a", limiter=paused(500.0)), None, excluded(Exclusion.PAUSED, until=1000.0), id="paused"),
    pytest.param(
        view("a", limiter=Limiter(Pace(rate=2.0)), queued=lambda _: 1000),
        None,
        excluded(Exclusion.PAUSED, until=1000.0),
        id="a long queue",
    ),
    pytest.param(view("a", quarantined="it raised"), None, excluded(Exclusion.QUARANTINED, "it raised"), id="plugin"),
    pytest.param(view("a", drained="maintenance"), None, excluded(Exclusion.DRAINED, "maintenance"), id="drained"),
]


@pytest.mark.parametrize(("one", "message", "expected"), EXCLUSIONS)
def test_why_a_provider_is_out(
    make_envelope: MakeEnvelope, one: View, message: Sms | Viber | int | None, expected: Excluded
) -> None:
    """Each reason is named with its details and its end, and the message goes to somebody else."""
    parts = message if isinstance(message, int) else 1
    whole = message if isinstance(message, Sms | Viber) else Sms(to="79161234567", text="x", sender="SHOP")
    able = ChannelLimits(flash=True, schedules=True, resends=True)
    other = view("b", limits={Channel.SMS: able, Channel.VIBER: able})
    decision = decide(scheduled(make_envelope(whole, parts=parts)), one, other, schedule=Schedule.PROVIDER)

    assert decision.excluded == (expected,)
    assert order(decision) == ["b"]
    assert decision.reason is Reason.ONLY


RESTS = [
    (Fault.CREDENTIALS, "provider a: credentials", WALL + 1800),
    (Fault.CREDITS, "provider a: credits", WALL + 900),
    (Fault.SENDER, "sender SHOP: sender", WALL + 86400),
    (Fault.UNSUPPORTED, "channel sms: unsupported", None),
]


@pytest.mark.parametrize(("fault", "detail", "until"), RESTS)
def test_a_rest_is_a_reason(make_envelope: MakeEnvelope, fault: Fault, detail: str, until: float | None) -> None:
    """Who rests is out, with the scope of the rest and the moment when it may end."""
    decision = decide(make_envelope(sender="SHOP"), view("a"), view("b"), rests=resting(fault))

    assert decision.excluded == (excluded(Exclusion.RESTING, detail, until),)


def test_who_had_its_turn_is_out(make_envelope: MakeEnvelope) -> None:
    """A provider that was tried with this message is not tried again, even when it is the only one."""
    envelope = make_envelope()

    assert decide(envelope, view("a"), view("b"), tried=("a",)).excluded == (excluded(Exclusion.TRIED),)
    assert decide(envelope, view("a"), tried=("a",)).chosen is None


def test_every_reason_is_tested() -> None:
    """No reason for an exclusion is missing from these tests."""
    tested = {case.values[2].why for case in EXCLUSIONS}  # type: ignore[union-attr]

    assert tested | {Exclusion.RESTING, Exclusion.TRIED} == set(Exclusion)


@pytest.mark.parametrize("message", [LATER, LOCALLY], ids=["by the world's clock", "by the recipient's"])
@pytest.mark.parametrize("schedule", Schedule)
def test_who_keeps_a_message(make_envelope: MakeEnvelope, message: Sms, schedule: Schedule) -> None:
    """A provider is to keep a message only where the route says so; else everybody may send it, when it is due."""
    envelope = scheduled(make_envelope(message))
    able = {Channel.SMS: ChannelLimits(schedules=True)}
    decision = decide(envelope, view("a"), view("b", limits=able), schedule=schedule)

    keeping = schedule is Schedule.PROVIDER
    assert [(one.candidate.provider, one.candidate.keeps) for one in decision.ranking] == (
        [("b", True)] if keeping else [("a", False), ("b", False)]
    )


def test_the_recipients_clock_is_enough_for_its_own_times(make_envelope: MakeEnvelope) -> None:
    """A provider that keeps messages by the recipient's clock alone can keep one that is due by it."""
    local_only = {Channel.SMS: ChannelLimits(schedules_local=True)}
    decision = decide(scheduled(make_envelope(LOCALLY)), view("a", limits=local_only), schedule=Schedule.PROVIDER)

    assert [one.candidate.keeps for one in decision.ranking] == [True]


def test_what_is_due_is_kept_by_nobody(make_envelope: MakeEnvelope) -> None:
    """Once a message is due its route's schedule does not matter: everybody may send it."""
    envelope = msgspec.structs.replace(make_envelope(LATER), due=WALL)

    assert order(decide(envelope, view("a"), schedule=Schedule.PROVIDER)) == ["a"]


LIMIT_CASES = [
    pytest.param(view("a"), Sms(to="79161234567", text="x" * 100), 3, id="as long as allowed"),
    pytest.param(view("a", ledger=ledger("12", "10")), None, 1, id="just enough money"),
    pytest.param(view("a", ledger=ledger("0.01"), tariff=tariff(None)), None, 1, id="unknown price, some money"),
    pytest.param(view("a", ledger=ledger("0"), tariff=tariff("0")), None, 1, id="free"),
    pytest.param(view("a", limiter=paused(499.9)), None, 1, id="a pause within the message's life"),
    pytest.param(
        view("a", limiter=Limiter(Pace(rate=2.0)), queued=lambda _: 999), None, 1, id="a queue worked off in time"
    ),
    pytest.param(view("a", queued=lambda _: 10**9), None, 1, id="a queue without a pace"),
    pytest.param(view("a", senders=frozenset({"SHOP"})), None, 1, id="a listed sender"),
    pytest.param(view("a", limits=DIGITS_ONLY, default_sender="2222"), NAMELESS, 1, id="a form of its own"),
    pytest.param(view("a"), NAMELESS, 1, id="no sender, none needed"),
]


@pytest.mark.parametrize(("one", "message", "parts"), LIMIT_CASES)
def test_what_just_fits_is_taken(make_envelope: MakeEnvelope, one: View, message: Sms | None, parts: int) -> None:
    """At the limit itself a provider is still a candidate."""
    sms = message or Sms(to="79161234567", text="x", sender="SHOP")

    assert order(decide(make_envelope(sms, parts=parts), one)) == ["a"]


def test_rules_for_texts_are_not_for_lookups(make_envelope: MakeEnvelope) -> None:
    """A look-up has neither length nor sender, and no rest of a sender concerns it."""
    limits = {Channel.HLR: ChannelLimits(max_segments=0, sender_required=True)}
    one = view("a", limits=limits, default_sender="SHOP")
    envelope = make_envelope(HlrLookup(to="79161234567"))

    decision = decide(envelope, one, rests=resting(Fault.SENDER))
    assert order(decision) == ["a"]
    assert decision.ranking[0].candidate.sender is None


@pytest.mark.parametrize(("own", "expected"), [("BANK", "BANK"), (None, "SHOP")])
def test_the_sender_is_the_message_s_own(make_envelope: MakeEnvelope, own: str | None, expected: str) -> None:
    """The message's sender is shown, and the provider's first where the message has none."""
    decision = decide(make_envelope(sender=own), view("a", default_sender="SHOP"))

    assert decision.chosen is not None
    assert decision.chosen.sender == expected


def test_a_candidate_tells_what_it_was_judged_by(make_envelope: MakeEnvelope) -> None:
    """Price of the whole message in both currencies, funds above the floor, health and place are in the decision."""
    one = view("a", ledger=ledger("20", "5"))
    decision = decide(make_envelope(parts=3), view("q", quarantined="x"), one)

    chosen = decision.chosen
    assert chosen is not None
    assert (chosen.provider, chosen.position, chosen.health) == ("a", 1, Learning().prior)
    assert (chosen.total, chosen.comparable, chosen.funds) == (Money(D(6), "RUB"), D("0.06"), D(15))
    assert (decision.id, decision.message_id, decision.at) == ("d1", "m1", WALL)
    assert (decision.route, decision.strategy) == ("all", "priority")


def test_an_unknown_price_is_never_free(make_envelope: MakeEnvelope) -> None:
    """A provider whose price nobody knows is taken only after the dearest that is known."""
    unknown, dear = view("unknown", tariff=tariff(None)), view("dear", tariff=tariff("1000000"))
    decision = decide(make_envelope(), unknown, dear, strategy="cheapest")

    assert order(decision) == ["dear", "unknown"]
    assert (decision.ranking[1].candidate.total, decision.ranking[1].candidate.comparable) == (None, None)


def test_prices_are_compared_across_currencies(make_envelope: MakeEnvelope) -> None:
    """The cheapest is the cheapest in the router's currency, whatever the numbers look like."""
    euro, rouble = view("euro", tariff=tariff("0.05", "EUR")), view("rouble", tariff=tariff("4"))

    assert order(decide(make_envelope(), euro, rouble, strategy="cheapest")) == ["rouble", "euro"]


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [("cheapest", Reason.CHEAPEST), ("priority", Reason.PRIORITY), ("weighted", Reason.WEIGHT)],
)
def test_the_reason_is_the_strategy_s(make_envelope: MakeEnvelope, strategy: str, reason: Reason) -> None:
    """With a choice the strategy's reason is given, without one that it was the only one."""
    assert decide(make_envelope(), view("a"), view("b"), strategy=strategy).reason is reason
    assert decide(make_envelope(), view("a"), strategy=strategy).reason is Reason.ONLY


def test_when_all_are_down_the_best_is_tried(make_envelope: MakeEnvelope) -> None:
    """With every breaker open the strategy orders those behind them; whoever is out for another reason stays out."""
    dear = view("dear", breakers=opened(), tariff=tariff("9"))
    cheap = view("cheap", breakers=opened(), tariff=tariff("1"))
    broke = view("a", ledger=ledger("0"), breakers=opened())
    decision = decide(make_envelope(), dear, cheap, broke, strategy="cheapest")

    assert (order(decision), decision.reason) == (["cheap", "dear"], Reason.ALL_DOWN)
    assert [one.why for one in decision.excluded] == [Exclusion.FUNDS]


@pytest.mark.parametrize(
    ("breakers", "taken"),
    [pytest.param(opened(), ["b"], id="it is down as well"), pytest.param(None, [], id="it works")],
)
def test_nobody_is_forced_while_one_works(
    make_envelope: MakeEnvelope, breakers: Mapping[Channel, CellBreakers] | None, taken: list[str]
) -> None:
    """When a provider that works had its turn, an open breaker stays shut: not everybody is down."""
    tried = view("a", breakers=breakers) if breakers is not None else view("a")
    decision = decide(make_envelope(), tried, view("b", breakers=opened()), tried=("a",))

    assert order(decision) == taken
    assert [one.why for one in decision.excluded] == [Exclusion.TRIED, Exclusion.BREAKER][: 2 - len(taken)]


@pytest.mark.parametrize(
    ("healthy", "down", "ranked", "left_out"),
    [
        pytest.param(1, 1, "a", "w", id="one of two"),
        pytest.param(1, 2, "aw", "x", id="two of three"),
        pytest.param(2, 2, "ab", "wx", id="two of four"),
        pytest.param(1, 3, "aw", "xy", id="three of four"),
        pytest.param(1, 4, "awx", "yz", id="four of five"),
        pytest.param(2, 3, "abw", "xy", id="three of five"),
    ],
)
def test_at_most_half_are_held_back(
    make_envelope: MakeEnvelope, healthy: int, down: int, ranked: str, left_out: str
) -> None:
    """When breakers hold back more than half, the best of those come in again, behind the healthy ones and marked."""
    views = [view(name, breakers=opened()) for name in "wxyz"[:down]] + [view(name) for name in "ab"[:healthy]]
    decision = decide(make_envelope(), *views)

    assert order(decision) == list(ranked)
    assert [one.candidate.forced for one in decision.ranking] == [name in "wxyz" for name in ranked]
    assert [(one.provider, one.why) for one in decision.excluded] == [(name, Exclusion.BREAKER) for name in left_out]
    assert decision.reason is (Reason.ONLY if healthy == 1 else Reason.PRIORITY)


def test_the_strategy_says_who_is_let_in_again(make_envelope: MakeEnvelope) -> None:
    """Of those held back the best by the strategy comes in again, and still behind a dearer one that works."""
    dear = view("dear", breakers=opened(), tariff=tariff("9"))
    cheap = view("cheap", breakers=opened(), tariff=tariff("1"))
    decision = decide(make_envelope(), dear, cheap, view("works", tariff=tariff("5")), strategy="cheapest")

    assert order(decision) == ["works", "cheap"]


def test_one_is_let_in_when_those_that_work_had_their_turn(make_envelope: MakeEnvelope) -> None:
    """A provider that works counts after its turn, too: a message goes on to one of two that rest, and then ends."""
    views = [view("a"), view("w", breakers=opened()), view("x", breakers=opened())]
    decision = decide(make_envelope(), *views, tried=("a",))

    assert (order(decision), decision.reason) == (["w"], Reason.HALF_DOWN)
    decision = decide(make_envelope(), *views, tried=("a", "w"))
    assert (order(decision), decision.reason) == ([], Reason.NONE)


def test_whom_the_operator_took_out_stays_out(make_envelope: MakeEnvelope) -> None:
    """A breaker that was opened by hand is never forced: not as one of too many, and not when all are down."""
    held = [view("w", breakers=by_hand()), view("a", breakers=by_hand())]

    assert order(decide(make_envelope(), *held, view("b"))) == ["b"]
    decision = decide(make_envelope(), *held, view("b", breakers=opened()))
    assert (order(decision), decision.reason) == (["b"], Reason.ALL_DOWN)
    assert decision.excluded[1] == excluded(Exclusion.BREAKER, "open")
    assert decide(make_envelope(), *held).chosen is None


def test_a_network_s_breaker_is_for_its_own_messages(make_envelope: MakeEnvelope) -> None:
    """A provider whose breaker is open for the message's network is out, says for which; others do not notice."""
    envelope = make_envelope()
    mine = envelope.network.mccmnc
    assert mine is not None
    decision = decide(envelope, view("a", breakers=opened(network=mine)), view("b"))

    assert order(decision) == ["b"]
    assert decision.excluded == (excluded(Exclusion.BREAKER, f"open for network {mine}", WALL + 29),)
    assert order(decide(envelope, view("a", breakers=opened(network="25098")), view("b"))) == ["a", "b"]


def test_a_candidate_tells_how_long_its_money_lasts(make_envelope: MakeEnvelope) -> None:
    """A candidate has the runway of its account at this moment, and none where nothing was spent."""
    spending = ledger("100")
    spending.charge(D(10), MONOTONIC)
    decision = decide(make_envelope(), view("a", ledger=spending), view("b", ledger=ledger("100")))
    first, second = (one.candidate for one in decision.ranking)

    assert first.runway == spending.runway(MONOTONIC)
    assert first.runway is not None
    assert second.runway is None


def test_a_breaker_whose_rest_is_over_is_no_reason(make_envelope: MakeEnvelope) -> None:
    """When a probe is due the provider is a candidate; while the probe is out it is not, and no end is known."""
    breakers = opened(ago=30.0)
    one, other = view("a", breakers=breakers), view("b")
    assert order(decide(make_envelope(), one, other)) == ["a", "b"]
    breakers[Channel.SMS].acquire(MONOTONIC)

    assert decide(make_envelope(), one, other).excluded == (excluded(Exclusion.BREAKER, "probing"),)


def test_without_a_route_there_is_nobody(make_envelope: MakeEnvelope) -> None:
    """A message that no route is for has an empty decision with no reason."""
    chooser = Chooser({}, Rests(), RATES, STRATEGIES, valid_sender)
    moment = Moment(wall=WALL, monotonic=MONOTONIC, random=Random(1))
    decision = chooser.choose(make_envelope(), None, moment, decision_id="d1")

    assert (decision.chosen, decision.reason, decision.route) == (None, Reason.NONE, None)
    assert (decision.ranking, decision.excluded) == ((), ())


def test_nobody_left_says_why(make_envelope: MakeEnvelope) -> None:
    """When everybody is out, each has its reason and the decision has none."""
    decision = decide(make_envelope(), view("a", quarantined="x"), view("b", ledger=ledger("0")))

    assert (decision.chosen, decision.reason) == (None, Reason.NONE)
    assert [(one.provider, one.why) for one in decision.excluded] == [
        ("a", Exclusion.QUARANTINED),
        ("b", Exclusion.FUNDS),
    ]


def test_the_same_inputs_give_the_same_decision(make_envelope: MakeEnvelope) -> None:
    """Chance comes from the seed alone: equal seeds give equal decisions, and others differ somewhere."""
    views = [view(name) for name in "abcde"]
    orders = [order(decide(make_envelope(), *views, strategy="weighted", seed=seed)) for seed in range(20)]

    assert orders == [order(decide(make_envelope(), *views, strategy="weighted", seed=seed)) for seed in range(20)]
    assert len({tuple(one) for one in orders}) > 1


def test_choosing_changes_nothing(make_envelope: MakeEnvelope) -> None:
    """A choice may be made as often as one likes: money, pace, breakers and rests stay as they were."""
    rests = resting(Fault.CREDITS)
    one = view("a", ledger=ledger("20"), limiter=Limiter(Pace(rate=1.0)), breakers=opened())
    before = (repr(one.ledger), repr(one.limiter), repr(one.breakers), list(rests))
    for _ in range(3):
        decide(make_envelope(), one, view("b"), rests=rests)

    assert before == (repr(one.ledger), repr(one.limiter), repr(one.breakers), list(rests))


@pytest.mark.parametrize(
    ("to", "prefix"), [("79161234567", "7916123"), ("4791234567", "479123"), ("2901234", "290"), ("7" * 15, "7" * 7)]
)
def test_no_decision_knows_the_number(make_envelope: MakeEnvelope, to: str, prefix: str) -> None:
    """A decision has seven digits of the number at most, and at least four are left out."""
    decision = decide(make_envelope(to=to), view("a"))

    assert decision.subject.prefix == prefix
    assert to not in repr(decision)


def test_what_a_decision_was_made_from_is_in_it(make_envelope: MakeEnvelope) -> None:
    """The value of a lost message, the allowance and who was held back are kept, also of who was not let in."""
    resting = {name: view(name, breakers=opened()) for name in "cd"}
    decision = decide(make_envelope(), view("a"), view("b"), *resting.values(), strategy="cheapest")

    assert [one.provider for one in decision.held_back] == ["c", "d"]
    assert decision.conditions is not None
    assert (decision.conditions.loss, decision.conditions.loss_told) == (pytest.approx(20 * 0.02), False)
    assert (decision.conditions.served, decision.conditions.currency) == (0, "EUR")
    assert decide(make_envelope(), seed=1).conditions != decide(make_envelope(), seed=2).conditions
