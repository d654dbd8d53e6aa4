"""The router's own code in virtual time: chooser, stakes, breakers, rests, health and failover, nothing re-written."""

from collections import Counter
from random import Random

import msgspec

from pointsman.message import Alphabet, Channel, Envelope, Msisdn, Network, NetworkSource, Segments, Sms
from pointsman.outcome import Accepted, DeliveryState, Fault, LookupResult, LookupState, Outcome, Refused, Report
from pointsman.plugin import ChannelLimits
from pointsman.routing.breaker import BreakerSettings
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.candidate import Decision
from pointsman.routing.choose import Chooser, Moment, View, loss_of
from pointsman.routing.exploring import Purse
from pointsman.routing.failover import (
    Finish,
    GoOn,
    LookInto,
    Past,
    Repeat,
    Situation,
    after_bad_report,
    decide,
    default_on_unknown,
)
from pointsman.routing.health import Commons, Health
from pointsman.routing.ledger import Ledger
from pointsman.routing.limiter import Limiter, Pace
from pointsman.routing.match import Lookup, Match, Route
from pointsman.routing.observed import ObservedPrices
from pointsman.routing.paying import SameLuck, advise, out_of_curiosity
from pointsman.routing.ported import Porting
from pointsman.routing.price import PriceRow
from pointsman.routing.rests import Rests
from pointsman.routing.stakes import Instant, Result, Stake, Stakes
from pointsman.routing.strategy import STRATEGIES
from pointsman.routing.tariff import Rates, Tariff
from pointsman.testing.simulator.run import Action, Journey, Look, Scene, Stop, Try, Wait
from pointsman.testing.simulator.world import Letter, Upstream

MOST_ATTEMPTS = 4
BALANCE_EVERY = 300.0
"""Seconds between two looks at a balance."""
BUSY = 0.5
"""Seconds until a message tries again for which there was no place behind a breaker."""
QUEUE_STEP = 0.2
"""Seconds by which a queue is looked at again."""
_TEXT = Segments(alphabet=Alphabet.GSM7, units=20, count=1)
_ROUTE = "all"


class Routed:
    """A policy made of the router's own parts."""

    def __init__(self, scene: Scene, strategy: str = "balanced", lookup: Lookup = Lookup.NEVER) -> None:
        self.name = strategy if lookup is Lookup.NEVER else f"{strategy}, lookups: {lookup}"
        self.world = scene.world
        self.purse = Purse()
        self._scene = scene
        self._random = Random(scene.seed)
        self._rates = Rates("EUR", {})
        self._rests = Rests()
        commons = Commons()
        self.views = {one.name: _view(one, self._rates, self._random, commons) for one in scene.world.upstreams}
        self.waiting: Counter[str] = Counter()
        for name, view in self.views.items():
            view.queued = lambda _, name=name: self.waiting[name]  # type: ignore[misc]
        self._chooser = Chooser(self.views, self._rests, self._rates, STRATEGIES, lambda _: True)
        confirming = frozenset({_ROUTE} if scene.world.confirmed else ())
        self.stakes = Stakes(self.views, self._rests, self._rates, confirming)
        self._read_at: dict[str, float] = {}
        self._route = Route(
            name=_ROUTE,
            match=Match(),
            providers=tuple(self.views),
            strategy=strategy,
            losses=tuple(scene.world.losses.items()),
            max_attempts=MOST_ATTEMPTS,
            lookup=lookup,
        )
        self.porting = Porting()

    def journey(self, letter: Letter, now: float) -> Journey:
        """Return the way of a new message."""
        return _Way(self, letter, now)

    def choose(self, envelope: Envelope, now: float, tried: set[str]) -> Decision:
        """Make a decision."""
        self._read_balances(now)
        allowance = self.purse.allowance(envelope.channel)
        moment = Moment(wall=now, monotonic=now, random=self._random, allowance=allowance)
        return self._chooser.choose(envelope, self._route, moment, tried=tried, decision_id="")

    def wants_lookup(self, envelope: Envelope, now: float) -> bool:
        """Say whether a number is looked up before its message is sent."""
        price, mode = self.world.lookup_price, self._route.lookup
        if price is None or mode is not Lookup.AUTO:
            return price is not None and mode is Lookup.ALWAYS
        odds = self.porting.odds(envelope.network, frozenset(self.world.networks))
        moment = Moment(wall=now, monotonic=now, random=SameLuck())

        def choose(network: Network) -> Decision:
            there = msgspec.structs.replace(envelope, network=network)
            return self._chooser.choose(there, self._route, moment, decision_id="")

        verdict = advise(
            envelope.network, odds, choose, lambda able: loss_of(envelope, self._route, able), float(price)
        )
        return out_of_curiosity(verdict, odds.evidence, self._random.random()).look

    def read_balance(self, provider: str, now: float) -> None:
        """Look at a balance at once."""
        told = self._scene.balances[provider]
        if told is not None:
            self._read_at[provider] = now
            ledger = self.views[provider].ledger
            ledger.read(told, now)
            self._rests.balance_read(provider, sufficient=ledger.available is not None and ledger.available > 0)

    def _read_balances(self, now: float) -> None:
        for provider in self.views:
            if now - self._read_at.get(provider, -BALANCE_EVERY) >= BALANCE_EVERY:
                self.read_balance(provider, now)


class _Way:
    """One message. State: what was tried, and what the attempt in flight has at stake."""

    def __init__(self, routed: Routed, letter: Letter, now: float) -> None:
        self._routed = routed
        self._envelope = Envelope(
            id=f"{letter.index:028x}",
            message=Sms(to="79160000000", text="x", message_class=letter.message_class),
            channel=Channel.SMS,
            to=Msisdn("79160000000"),
            network=Network("RU", letter.by_range, NetworkSource.RANGE),
            segments=_TEXT,
            accepted_at=now,
            deadline=now + routed.world.life,
        )
        self._past: list[Past] = []
        self._tried: set[str] = set()
        self._only: str | None = None
        self._pause = 0.0
        self._stake: Stake | None = None
        self._stopped = False
        self._resends = 0
        self._queued: str | None = None
        self._looked = False

    def act(self, now: float) -> Action:
        """Do what the failover table says, by whom the chooser says."""
        if self._stopped or now >= self._envelope.deadline:
            self._queue_at(None)
            return Stop()
        if self._pause:
            pause, self._pause = self._pause, 0.0
            return Wait(pause)
        routed = self._routed
        if not self._looked:
            self._looked = True
            if routed.wants_lookup(self._envelope, now):
                return Look(self._found)
        only, self._only = self._only, None
        tried = self._tried if only is None else {name for name in routed.views if name != only}
        decision = routed.choose(self._envelope, now, tried)
        if decision.chosen is None:
            if only is None:
                return Stop()
            self._tried.add(only)
            return self.act(now)
        provider = decision.chosen.provider
        limiter = routed.views[provider].limiter
        wait = limiter.wait(now)
        if wait > 0:
            self._queue_at(provider)
            return Wait(wait + QUEUE_STEP)
        self._queue_at(None)
        taken = routed.stakes.take(self._envelope, decision, _instant(now))
        if taken.stake is None:
            return Wait(BUSY)
        routed.purse.note(self._envelope.channel, decision)
        limiter.take(now, 1)
        self._stake = taken.stake
        return Try(decision.chosen.provider)

    def _found(self, mccmnc: str | None) -> None:
        """Learn from a lookup, and send nothing to a number that does not exist."""
        state = LookupState.REACHABLE if mccmnc is not None else LookupState.NONEXISTENT
        network = Network("RU", mccmnc, NetworkSource.HLR)
        self._routed.porting.asked(told=True)
        self._routed.porting.note(self._envelope.network, LookupResult(state=state, network=network))
        if mccmnc is None:
            self._stopped = True
        else:
            self._envelope = msgspec.structs.replace(self._envelope, network=network)

    def _queue_at(self, provider: str | None) -> None:
        """Count where the message waits, so that the chooser sees how long the queue is."""
        for name, step in ((self._queued, -1), (provider, 1)):
            if name is not None:
                self._routed.waiting[name] += step
        self._queued = provider

    def outcome(self, provider: str, outcome: Outcome, started: float, now: float) -> None:
        """Settle the attempt and look up the next step."""
        routed, stake = self._routed, self._stake
        if stake is None:
            raise AssertionError("an outcome without an attempt")
        result = Result(outcome=outcome, started_at=started, resent=bool(self._resends))
        routed.stakes.settle(self._envelope, len(self._past) + 1, stake, result, _instant(now))
        self._past.append(Past(provider, outcome, looked_into=True))
        if isinstance(outcome, Refused):
            if outcome.fault is Fault.THROTTLED:
                routed.views[provider].limiter.slow_down(now, 1.0)
            if outcome.fault is Fault.CREDITS:
                routed.read_balance(provider, now)
        match decide(self._situation(provider, now)):
            case Finish() | LookInto():
                self._stopped = True
            case GoOn():
                self._tried.add(provider)
            case Repeat(wait):
                self._only, self._pause = provider, wait

    def reported(self, provider: str, accepted_at: float, *, delivered: bool, now: float) -> bool:
        """Learn from a report, and send again what a provider lost, as the failover table says."""
        del accepted_at
        state = DeliveryState.DELIVERED if delivered else DeliveryState.UNDELIVERABLE
        report = Report(provider_id="", state=state, final=True)
        number = self._number_of(provider)
        self._routed.stakes.reported(provider, self._envelope.id, number, report, _instant(now))
        if delivered or not after_bad_report(report, self._situation(provider, now)):
            return False
        self._resends += 1
        self._tried.add(provider)
        self._stopped = False
        return True

    def confirmed(self, provider: str, accepted_at: float, now: float) -> None:
        """Learn that a delivery was real."""
        del accepted_at
        self._routed.stakes.confirmed(provider, self._envelope.id, self._number_of(provider), _instant(now))

    def _number_of(self, provider: str) -> int:
        """Return the number of the attempt that a provider took."""
        taken = [
            number
            for number, past in enumerate(self._past, start=1)
            if past.provider == provider and isinstance(past.outcome, Accepted)
        ]
        return taken[-1] if taken else 0

    def _situation(self, provider: str, now: float) -> Situation:
        another = self._routed.choose(self._envelope, now, {*self._tried, provider}).chosen is not None
        return Situation(
            past=self._past,
            max_attempts=MOST_ATTEMPTS,
            now=now,
            deadline=self._envelope.deadline,
            another=another,
            can_reconcile=False,
            on_unknown=default_on_unknown(self._envelope.message.message_class, Channel.SMS),
        )


def _instant(now: float) -> Instant:
    return Instant(wall=now, monotonic=now)


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
        limiter=Limiter(Pace(rate=upstream.rate, burst=max(upstream.rate, 1.0)) if upstream.rate else None),
        breakers={Channel.SMS: CellBreakers(BreakerSettings(), random)},
        health=Health(commons, silence=upstream.silence),
        observed=ObservedPrices(),
    )
