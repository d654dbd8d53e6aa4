"""Choosing: which providers could take a message now, in which order, and why the others could not.

`View` is everything that choosing knows of one provider; nothing here waits or changes anything. The caller acts on
the decision in the same step of the event loop, so what was true when it was made is still true when it is used.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from random import Random

import msgspec

from pointsman.message import Channel, Envelope, HlrLookup, MessageClass
from pointsman.plugin.interface import ChannelLimits
from pointsman.routing.breaker import Breaker
from pointsman.routing.candidate import Candidate, Decision, Excluded, Exclusion, Ranked, Reason
from pointsman.routing.fitting import Wants, bad_sender, not_offered, too_long, wants_of
from pointsman.routing.ledger import Ledger
from pointsman.routing.limiter import Limiter
from pointsman.routing.match import Route
from pointsman.routing.rests import Rests
from pointsman.routing.strategy import Strategy
from pointsman.routing.tariff import Price, Rates, Tariff


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
    breakers: Mapping[Channel, Breaker]
    queued: Callable[[MessageClass], int] = _nothing
    """Segments that wait there already and go before a newcomer of the class."""
    quarantined: str | None = None
    """Why its plugin is out of use."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """When and with what chance a choice is made."""

    wall: float
    monotonic: float
    random: Random


class _Need(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a message asks of every provider alike, worked out once for all of them."""

    envelope: Envelope
    characters: int | None
    """Of its text; None for what has no text and no sender."""
    parts: int
    sender: str | None
    """The message's own."""
    wants: Wants
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
            elif view.breakers[envelope.channel].admits(moment.monotonic):
                candidates.append(found)
            else:
                down.append(found)
        forced = down if not self._served(excluded, envelope.channel, moment) else []
        ranking, reason = self._rank(route, candidates, forced, moment)
        if candidates or not forced:
            excluded += [_open(self._views[one.provider].breakers[envelope.channel], one, moment) for one in down]
        return Decision(
            id=decision_id,
            message_id=envelope.id,
            at=moment.wall,
            route=route.name if route is not None else None,
            strategy=route.strategy if route is not None else "",
            reason=reason,
            ranking=tuple(ranking),
            excluded=tuple(excluded),
        )

    def _served(self, excluded: list[Excluded], channel: Channel, moment: Moment) -> bool:
        """Say whether a provider that works had its turn: then not all are down, and nobody has to be forced."""
        return any(
            one.why is Exclusion.TRIED and self._views[one.provider].breakers[channel].admits(moment.monotonic)
            for one in excluded
            if channel in self._views[one.provider].breakers
        )

    def _rank(
        self, route: Route | None, candidates: list[Candidate], down: list[Candidate], moment: Moment
    ) -> tuple[Sequence[Ranked], Reason]:
        """Order the candidates; when every breaker is open, order those behind them and try the best anyway."""
        able = candidates or down
        if route is None or not able:
            return (), Reason.NONE
        strategy = self._strategies[route.strategy]
        ranking = strategy.rank(able, dict(route.weights), moment.random)
        if not candidates:
            return ranking, Reason.ALL_DOWN
        return ranking, Reason.ONLY if len(able) == 1 else strategy.reason

    def _consider(self, view: View, position: int, need: _Need) -> Candidate | Excluded:
        if view.name in need.tried:
            return Excluded(provider=view.name, why=Exclusion.TRIED)
        if view.quarantined is not None:
            return Excluded(provider=view.name, why=Exclusion.QUARANTINED, detail=view.quarantined)
        channel = need.envelope.channel
        limits = view.limits.get(channel)
        if limits is None:
            return Excluded(provider=view.name, why=Exclusion.CHANNEL, detail=f"no {channel} here")
        if need.characters is None:
            return self._able(view, position, need, None)
        sender = need.sender or view.default_sender
        unfit = not_offered(view.name, limits, need.wants) or too_long(view.name, limits, need.characters, need.parts)
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
        pause = view.limiter.wait(moment.monotonic) + view.limiter.work_off(ahead)
        if moment.wall + pause >= envelope.deadline:
            return Excluded(provider=view.name, why=Exclusion.PAUSED, until=moment.wall + pause)
        price = view.tariff.price(envelope.channel, envelope.to, envelope.network, moment.wall)
        parts = need.parts
        total = price.of(parts) if price is not None else None
        needed = self._rates.convert(total, view.currency).amount if total is not None else None
        if not view.ledger.covers(needed):
            return Excluded(
                provider=view.name,
                why=Exclusion.FUNDS,
                detail=f"{view.ledger.available} {view.currency} left, {'some' if needed is None else needed} needed",
            )
        return Candidate(
            provider=view.name,
            position=position,
            price=price,
            total=total,
            comparable=_comparable(price, parts),
            funds=view.ledger.available,
            health=view.breakers[envelope.channel].health,
            sender=sender,
            keeps=need.wants.schedule or need.wants.schedule_local,
        )


def _need(envelope: Envelope, route: Route | None, moment: Moment, tried: Iterable[str]) -> _Need:
    message = envelope.message
    characters, sender = (None, None) if isinstance(message, HlrLookup) else (len(message.text), message.sender)
    return _Need(
        envelope=envelope,
        characters=characters,
        parts=envelope.parts,
        sender=sender,
        wants=wants_of(envelope, route, moment.wall),
        tried=frozenset(tried),
        moment=moment,
    )


def _comparable(price: Price | None, parts: int) -> Decimal | None:
    return None if price is None else price.comparable * parts if parts > 1 else price.comparable


def _open(breaker: Breaker, candidate: Candidate, moment: Moment) -> Excluded:
    left = breaker.open_until - moment.monotonic
    return Excluded(
        provider=candidate.provider,
        why=Exclusion.BREAKER,
        detail=str(breaker.state(moment.monotonic)),
        until=moment.wall + left if left > 0 else None,
    )
