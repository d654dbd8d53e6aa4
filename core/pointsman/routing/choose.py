"""Choosing: which providers could take a message now, in which order, and why the others could not.

`View` is everything that choosing knows of one provider; nothing here waits or changes anything. The caller acts on
the decision in the same step of the event loop, so what was true when it was made is still true when it is used.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from random import Random
from types import MappingProxyType

import msgspec

from pointsman.message import Channel, Envelope, HlrLookup, MessageClass
from pointsman.plugin.interface import ChannelLimits
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.candidate import (
    Candidate,
    Conditions,
    Decision,
    Excluded,
    Exclusion,
    Ranked,
    Reason,
    Subject,
)
from pointsman.routing.fitting import NOTHING, Wants, bad_sender, not_offered, too_long, wants_of
from pointsman.routing.health import Health
from pointsman.routing.ledger import Ledger
from pointsman.routing.limiter import Limiter
from pointsman.routing.match import Route
from pointsman.routing.observed import ObservedPrices
from pointsman.routing.ranking import rank
from pointsman.routing.rests import Rests
from pointsman.routing.strategy import Strategy
from pointsman.routing.tariff import Rates, Tariff


def _nothing(message_class: MessageClass) -> int:
    del message_class
    return 0


class View(msgspec.Struct, kw_only=True):
    """What choosing sees of one provider; the objects are the live ones and are only read here."""

    name: str
    limits: Mapping[Channel, ChannelLimits]
    senders: frozenset[str]
    """Allowed senders; empty means that any is."""
    default_sender: str | None
    tariff: Tariff
    ledger: Ledger
    currency: str
    """Of the ledger."""
    limiter: Limiter
    breakers: Mapping[Channel, CellBreakers]
    health: Health = msgspec.field(default_factory=Health)
    observed: ObservedPrices = msgspec.field(default_factory=ObservedPrices)
    queued: Callable[[MessageClass], int] = _nothing
    """Segments that wait there already and go before a newcomer of the class."""
    quarantined: str | None = None
    """Why its plugin is out of use."""
    drained: str | None = None
    """Why the operator lets it have nothing new; None when it may."""


def network_of(envelope: Envelope) -> str | None:
    """Return the network by which a message's cell is told, as MCC and MNC; None for an unknown one."""
    return envelope.network.mccmnc


class Moment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """When and with what chance a choice is made."""

    wall: float
    monotonic: float
    random: Random
    allowance: float = 0.0
    """How much more than the best a choice may cost for the sake of learning, in the router's currency."""


class _Need(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a message asks of every provider alike, worked out once for all of them."""

    envelope: Envelope
    characters: int | None
    """Of its text; None for what has no text and no sender."""
    parts: int
    sender: str | None
    """The message's own."""
    wants: Wants
    keeps: bool
    """The provider is to keep it until it is due."""
    network: str | None
    """Which cell of a provider it is for."""
    tried: frozenset[str]
    moment: Moment


class Chooser:
    """Makes decisions from views, rests and rates. Holds no state of its own."""

    def __init__(
        self,
        views: Mapping[str, View],
        rests: Rests,
        rates: Rates,
        strategies: Mapping[str, Strategy],
        well_formed: Callable[[str], bool],
    ) -> None:
        self._views = views
        self._rests = rests
        self._rates = rates
        self._strategies = strategies
        self._well_formed = lru_cache(maxsize=1024)(well_formed)

    def choose(
        self, envelope: Envelope, route: Route | None, moment: Moment, *, tried: Iterable[str] = (), decision_id: str
    ) -> Decision:
        """Rank the providers of a route for a message."""
        need = _need(envelope, route, moment, tried)
        candidates: list[Candidate] = []
        down: list[Candidate] = []
        excluded: list[Excluded] = []
        for position, name in enumerate(route.providers if route is not None else ()):
            view = self._views[name]
            found = self._consider(view, position, need)
            if not isinstance(found, Candidate):
                excluded.append(found)
            elif view.breakers[envelope.channel].admits(moment.monotonic, need.network):
                candidates.append(found)
            else:
                down.append(found)
        forced = self._forced(down, need) if down else []
        ranking, reason, conditions = self._rank(route, candidates, forced, need)
        let_in = {one.candidate.provider for one in ranking} if down else set()
        excluded += [self._open(one, need) for one in down if one.provider not in let_in]
        return Decision(
            id=decision_id,
            message_id=envelope.id,
            at=moment.wall,
            route=route.name if route is not None else None,
            strategy=route.strategy if route is not None else "",
            reason=reason,
            ranking=tuple(ranking),
            excluded=tuple(excluded),
            subject=_subject(envelope),
            conditions=conditions,
            held_back=tuple(one for one in forced if one.provider not in let_in) if forced else (),
        )

    def dearest(self, envelope: Envelope, route: Route | None, wall: float) -> Decimal | None:
        """Return what a message costs at the dearest provider of its route, in the router's currency.

        Those whose price is not known are left out; None when that is all of them.
        """
        dearest: Decimal | None = None
        for name in route.providers if route is not None else ():
            price = self._views[name].tariff.price(envelope.channel, envelope.to, envelope.network, wall)
            if price is not None and (dearest is None or price.comparable > dearest):
                dearest = price.comparable
        return None if dearest is None else dearest * envelope.parts

    def _forced(self, down: list[Candidate], need: _Need) -> list[Candidate]:
        """Return those behind breakers that may be forced: where the operator closed a door it stays closed."""
        channel, now = need.envelope.channel, need.moment.monotonic
        return [
            msgspec.structs.replace(one, forced=True)
            for one in down
            if not self._views[one.provider].breakers[channel].is_held(now, need.network)
        ]

    def _served(self, route: Route, need: _Need) -> int:
        """Count the providers that work and had their turn."""
        channel, now = need.envelope.channel, need.moment.monotonic
        tried = (self._views[name].breakers for name in route.providers if name in need.tried)
        return sum(channel in breakers and breakers[channel].admits(now, need.network) for breakers in tried)

    def _rank(
        self, route: Route | None, candidates: list[Candidate], forced: list[Candidate], need: _Need
    ) -> tuple[Sequence[Ranked], Reason, Conditions | None]:
        """Order the candidates by the route's strategy; return what that was made from, too."""
        if route is None:
            return (), Reason.NONE, None
        message_class = need.envelope.message.message_class
        told = _told_loss(route, message_class)
        conditions = Conditions(
            # One number stands for all the chance of a decision, so that it can be made again exactly.
            seed=need.moment.random.getrandbits(64),
            currency=self._rates.currency,
            loss=usual_loss(message_class, candidates or forced) if told is None else told,
            loss_told=told is not None,
            allowance=need.moment.allowance,
            weights=route.weights,
            served=self._served(route, need) if forced else 0,
        )
        ranking, reason = rank(self._strategies[route.strategy], candidates, forced, conditions)
        return ranking, reason, conditions

    def _consider(self, view: View, position: int, need: _Need) -> Candidate | Excluded:
        if view.name in need.tried:
            return Excluded(provider=view.name, why=Exclusion.TRIED)
        if view.quarantined is not None:
            return Excluded(provider=view.name, why=Exclusion.QUARANTINED, detail=view.quarantined)
        if view.drained is not None:
            return Excluded(provider=view.name, why=Exclusion.DRAINED, detail=view.drained)
        channel = need.envelope.channel
        limits = view.limits.get(channel)
        if limits is None:
            return Excluded(provider=view.name, why=Exclusion.CHANNEL, detail=f"no {channel} here")
        if need.characters is None:
            return self._able(view, position, need, None)
        sender = need.sender or view.default_sender
        unfit = None if need.wants is NOTHING else not_offered(view.name, limits, need.wants)
        if limits.max_characters is not None or limits.max_segments is not None:
            unfit = unfit or too_long(view.name, limits, need.characters, need.parts)
        unfit = unfit or bad_sender(view.name, view.senders, limits, sender, self._well_formed)
        return unfit or self._able(view, position, need, sender)

    def _able(self, view: View, position: int, need: _Need, sender: str | None) -> Candidate | Excluded:
        envelope, moment = need.envelope, need.moment
        rest = self._rests.blocking(view.name, envelope.channel, sender, moment.wall)
        if rest is not None:
            until = min(rest.until, rest.probe_at)
            return Excluded(
                provider=view.name,
                why=Exclusion.RESTING,
                detail=f"{rest.scope} {rest.subject}: {rest.fault}",
                until=until if until != float("inf") else None,
            )
        ahead = view.queued(envelope.message.message_class)
        pause = view.limiter.wait(moment.monotonic)
        if ahead:
            pause += view.limiter.work_off(ahead)
        if moment.wall + pause >= envelope.deadline:
            return Excluded(provider=view.name, why=Exclusion.PAUSED, until=moment.wall + pause)
        price = view.tariff.price(envelope.channel, envelope.to, envelope.network, moment.wall)
        parts = need.parts
        total = needed = comparable = None
        if price is not None:
            total = price.of(parts)
            comparable = price.comparable * parts if parts > 1 else price.comparable
            same = total.currency == view.currency
            needed = total.amount if same else self._rates.convert(total, view.currency).amount
        if not view.ledger.covers(needed):
            return Excluded(
                provider=view.name,
                why=Exclusion.FUNDS,
                detail=f"{view.ledger.available} {view.currency} left, {'some' if needed is None else needed} needed",
            )
        expected = view.health.estimate(envelope.channel, envelope.network, moment.monotonic)
        # In the order of the fields: by keyword, making candidates is a fifth of the whole choice.
        return Candidate(
            view.name,
            position,
            price,
            total,
            comparable,
            view.ledger.available,
            sender,
            expected.chance,
            expected.weight,
            expected.taken,
            expected.owned_up,
            expected.delay,
            view.observed.ratio(envelope.channel, envelope.network),
            pause / (envelope.deadline - moment.wall) if pause > 0 else 0.0,
            view.ledger.runway(moment.monotonic),
            need.keeps,
        )

    def _open(self, candidate: Candidate, need: _Need) -> Excluded:
        moment = need.moment
        shut = self._views[candidate.provider].breakers[need.envelope.channel].shut(moment.monotonic, need.network)
        if shut is None:
            raise AssertionError("whoever is behind a breaker is not admitted by it")
        return Excluded(
            provider=candidate.provider,
            why=Exclusion.BREAKER,
            detail=str(shut.state) if shut.network is None else f"{shut.state} for network {shut.network}",
            until=moment.wall + shut.until - moment.monotonic if shut.until is not None else None,
        )


def _need(envelope: Envelope, route: Route | None, moment: Moment, tried: Iterable[str]) -> _Need:
    message = envelope.message
    characters, sender = (None, None) if isinstance(message, HlrLookup) else (len(message.text), message.sender)
    wants = wants_of(envelope, route, moment.wall)
    return _Need(
        envelope=envelope,
        characters=characters,
        parts=envelope.parts,
        sender=sender,
        wants=wants,
        keeps=wants.schedule or wants.schedule_local,
        network=network_of(envelope),
        tried=frozenset(tried),
        moment=moment,
    )


LOSS_IN_PRICES: Mapping[MessageClass, float] = MappingProxyType(
    {MessageClass.OTP: 20.0, MessageClass.TRANSACTIONAL: 8.0, MessageClass.MARKETING: 2.0}
)
"""What a lost message costs where the policy does not say, in prices of the cheapest candidate."""


def loss_of(envelope: Envelope, route: Route, candidates: Sequence[Candidate]) -> float:
    """Return what it costs that a message is not delivered, in the router's currency."""
    message_class = envelope.message.message_class
    told = _told_loss(route, message_class)
    return usual_loss(message_class, candidates) if told is None else told


def _told_loss(route: Route, message_class: MessageClass) -> float | None:
    told = dict(route.losses).get(message_class)
    return None if told is None else float(told)


def usual_loss(message_class: MessageClass, candidates: Sequence[Candidate]) -> float:
    """Return what it costs that a message is not delivered, where the policy does not say; in the router's currency."""
    cheapest = min([one.comparable for one in candidates if one.comparable is not None], default=Decimal(0))
    return LOSS_IN_PRICES[message_class] * float(cheapest)


SHOWN_DIGITS = 7
"""Of a number, in a decision: as many as price lists and number ranges tell operators apart by."""
HIDDEN_DIGITS = 4


def _subject(envelope: Envelope) -> Subject:
    return Subject(
        channel=envelope.channel,
        message_class=envelope.message.message_class,
        network=envelope.network,
        parts=envelope.parts,
        prefix=envelope.to[: min(SHOWN_DIGITS, len(envelope.to) - HIDDEN_DIGITS)],
    )
