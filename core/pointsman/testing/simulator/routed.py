"""The router's own code in virtual time: chooser, ledgers, breakers, rests, health and failover, nothing re-written."""

from decimal import Decimal
from random import Random

from pointsman.message import Alphabet, Channel, Envelope, Msisdn, Network, NetworkSource, Segments, Sms
from pointsman.outcome import Accepted, DeliveryState, Fault, Outcome, Refused, Report, Unknown
from pointsman.plugin import ChannelLimits
from pointsman.routing.breaker import Breaker, BreakerSettings, Lease
from pointsman.routing.candidate import Candidate, Decision, Reason
from pointsman.routing.choose import Chooser, Moment, View
from pointsman.routing.failover import (
    RULES,
    Blame,
    Finish,
    GoOn,
    LookInto,
    Past,
    Repeat,
    Situation,
    decide,
    default_on_unknown,
)
from pointsman.routing.health import Commons, Health
from pointsman.routing.ledger import Hold, Ledger
from pointsman.routing.limiter import Limiter
from pointsman.routing.match import Match, Route
from pointsman.routing.observed import ObservedPrices
from pointsman.routing.price import PriceRow
from pointsman.routing.rests import Rests
from pointsman.routing.strategy import STRATEGIES
from pointsman.routing.tariff import Rates, Tariff
from pointsman.testing.simulator.run import Action, Journey, Scene, Stop, Try, Wait
from pointsman.testing.simulator.world import Letter, Upstream

MOST_ATTEMPTS = 4
RESENDS = 1
BALANCE_EVERY = 300.0
"""Seconds between two looks at a balance."""
_TEXT = Segments(alphabet=Alphabet.GSM7, units=20, count=1)


class Routed:
    """A policy made of the router's own parts."""

    def __init__(self, scene: Scene, strategy: str = "balanced") -> None:
        self.name = strategy
        self._scene = scene
        self.world = scene.world
        self._random = Random(scene.seed)
        self.rates = Rates("EUR", {})
        self.rests = Rests()
        commons = Commons()
        self.views = {one.name: _view(one, self.rates, self._random, commons) for one in scene.world.upstreams}
        self._chooser = Chooser(self.views, self.rests, self.rates, STRATEGIES, lambda _: True)
        self._read_at: dict[str, float] = {}
        self._purse = 0.0
        self.route = Route(
            name="all",
            match=Match(),
            providers=tuple(self.views),
            strategy=strategy,
            losses=tuple(scene.world.losses.items()),
            max_attempts=MOST_ATTEMPTS,
        )

    def journey(self, letter: Letter, now: float) -> Journey:
        """Return the way of a new message."""
        return _Way(self, letter, now)

    def moment(self, now: float) -> Moment:
        """Return now, for a choice, with the balances as they are known by then."""
        self._read_balances(now)
        return Moment(wall=now, monotonic=now, random=self._random, allowance=self._purse)

    def choose(self, envelope: Envelope, now: float, tried: set[str]) -> Decision:
        """Make a decision that is going to be acted on."""
        decision = self._chooser.choose(envelope, self.route, self.moment(now), tried=tried, decision_id="")
        self._purse = _purse_after(self._purse, decision)
        return decision

    def another(self, envelope: Envelope, now: float, tried: set[str]) -> bool:
        """Say whether anybody else would take a message."""
        return (
            self._chooser.choose(envelope, self.route, self.moment(now), tried=tried, decision_id="").chosen is not None
        )

    def read_balance(self, provider: str, now: float) -> None:
        """Look at a balance at once."""
        told = self._scene.balances[provider]
        if told is not None:
            self._read_at[provider] = now
            ledger = self.views[provider].ledger
            ledger.read(told, now)
            self.rests.balance_read(provider, sufficient=ledger.available is not None and ledger.available > 0)

    def _read_balances(self, now: float) -> None:
        for provider in self.views:
            if now - self._read_at.get(provider, -BALANCE_EVERY) >= BALANCE_EVERY:
                self.read_balance(provider, now)


class _Way:
    """One message. State: what was tried, and what the attempt in flight holds."""

    def __init__(self, routed: Routed, letter: Letter, now: float) -> None:
        self._routed = routed
        network = Network("RU", letter.by_range, NetworkSource.RANGE)
        self._envelope = Envelope(
            id=f"{letter.index:028x}",
            message=Sms(to="79160000000", text="x", message_class=letter.message_class),
            channel=Channel.SMS,
            to=Msisdn("79160000000"),
            network=network,
            segments=_TEXT,
            accepted_at=now,
            deadline=now + routed.world.life,
        )
        self._past: list[Past] = []
        self._tried: set[str] = set()
        self._only: str | None = None
        self._stake: tuple[Candidate, Hold, Lease, bool] | None = None
        self._stopped = False
        self._resends = 0

    def act(self, now: float) -> Action:
        """Do what the failover table says, by whom the chooser says."""
        if self._stopped or now >= self._envelope.deadline:
            return Stop()
        routed = self._routed
        tried = self._tried
        if self._only is not None:
            tried = {name for name in routed.views if name != self._only}
            self._only = None
        decision = routed.choose(self._envelope, now, tried)
        if decision.chosen is None:
            return Stop()
        candidate = decision.chosen
        view = routed.views[candidate.provider]
        wait = view.limiter.wait(now)
        if wait > 0:
            return Wait(wait)
        view.limiter.take(now, 1)
        hold = view.ledger.hold(candidate.total.amount if candidate.total is not None else None)
        lease, _ = view.breakers[Channel.SMS].acquire(now, force=decision.reason is Reason.ALL_DOWN)
        if hold is None or lease is None:
            return Stop()
        probe = routed.rests.enter(candidate.provider, Channel.SMS, candidate.sender, now)
        self._stake = candidate, hold, lease, probe
        return Try(candidate.provider)

    def outcome(self, provider: str, outcome: Outcome, started: float, now: float) -> None:
        """Settle the attempt and look up the next step."""
        if self._stake is None:
            raise AssertionError("an outcome without an attempt")
        candidate, hold, lease, _ = self._stake
        self._settle(candidate, hold, lease, outcome, started, now)
        self._past.append(Past(provider, outcome, looked_into=True))
        if isinstance(outcome, Accepted):
            self._stopped = True
            return
        step = decide(
            Situation(
                past=self._past,
                max_attempts=MOST_ATTEMPTS,
                now=now,
                deadline=self._envelope.deadline,
                another=self._routed.another(self._envelope, now, {*self._tried, provider}),
                can_reconcile=False,
                on_unknown=default_on_unknown(self._envelope.message.message_class, Channel.SMS),
            )
        )
        match step:
            case Finish() | LookInto():
                self._stopped = True
            case GoOn():
                self._tried.add(provider)
            case Repeat(wait):
                self._only = provider
                self._pause = wait

    def reported(self, provider: str, accepted_at: float, *, delivered: bool, now: float) -> bool:
        """Learn from a report, and send again what a provider lost."""
        state = DeliveryState.DELIVERED if delivered else DeliveryState.UNDELIVERABLE
        report = Report(provider_id="", state=state, final=True)
        view = self._routed.views[provider]
        if not self._resends:
            view.health.reported(Channel.SMS, self._envelope.network, accepted_at, report, now)
        if delivered or self._resends >= RESENDS or now >= self._envelope.deadline:
            return False
        self._resends += 1
        self._tried.add(provider)
        self._stopped = False
        return True

    def confirmed(self, provider: str, accepted_at: float, now: float) -> None:
        """Learn that a delivery was real."""
        self._routed.views[provider].health.confirmed(Channel.SMS, accepted_at, now)

    def _settle(
        self, candidate: Candidate, hold: Hold, lease: Lease, outcome: Outcome, started: float, now: float
    ) -> None:
        routed, view = self._routed, self._routed.views[candidate.provider]
        breaker, health, network = view.breakers[Channel.SMS], view.health, self._envelope.network
        match outcome:
            case Accepted(price=told):
                price = told or candidate.total
                view.ledger.settle(hold, price.amount if price is not None else Decimal(0), now)
                breaker.record(lease, now, good=True)
                if told is not None and candidate.total is not None:
                    view.observed.note(Channel.SMS, network, told.amount, candidate.total.amount)
                if not self._resends:
                    health.accepted(Channel.SMS, network, now, confirms=routed.world.confirmed > 0)
            case Unknown():
                view.ledger.settle(hold, hold.amount, now)
                breaker.record(lease, now, good=False)
                health.failed(Channel.SMS, network, now, in_doubt=True)
            case Refused(fault=fault):
                view.ledger.settle(hold, Decimal(0), now)
                if RULES[fault].blame is Blame.CELL:
                    breaker.record(lease, now, good=False)
                    health.failed(Channel.SMS, network, now, in_doubt=False)
                else:
                    breaker.release(lease)
                if fault is Fault.THROTTLED:
                    view.limiter.slow_down(now, 1.0)
        routed.rests.note(
            candidate.provider, Channel.SMS, candidate.sender, self._envelope.id, outcome, now, started_at=started
        )
        if isinstance(outcome, Refused) and outcome.fault is Fault.CREDITS:
            routed.read_balance(candidate.provider, now)


def _view(upstream: Upstream, rates: Rates, random: Random, commons: Commons) -> View:
    rows = [
        PriceRow(channel=Channel.SMS, price=price, currency="EUR", mccmnc=network, charged_on=upstream.charged_on)
        for network, price in upstream.prices.items()
    ]
    return View(
        name=upstream.name,
        limits={Channel.SMS: ChannelLimits()},
        senders=frozenset(),
        default_sender="SHOP",
        tariff=Tariff(rows, rates),
        ledger=Ledger(),
        currency="EUR",
        limiter=Limiter(None),
        breakers={Channel.SMS: Breaker(BreakerSettings(), random)},
        health=Health(commons, silence=upstream.silence),
        observed=ObservedPrices(),
    )


CURIOSITY_BUDGET = 0.01
"""What learning may cost, as a share of what is spent anyway."""


def _purse_after(purse: float, decision: Decision) -> float:
    if not decision.ranking:
        return purse
    scores = [one.score for one in decision.ranking if one.score is not None]
    best = min(scores, default=0.0)
    purse = min(purse + CURIOSITY_BUDGET * best, 20.0 * best)
    first = decision.ranking[0]
    if first.explored and first.score is not None:
        purse -= first.score - best
    return purse
