"""Making recorded decisions again: exactly, to see that nothing differs, or otherwise, to see what would.

What is asked is answered for each decision by itself: it is made again by the code that made it, from what it was made
from. What the message would have led to afterwards (other attempts, what is learnt, whose money is spent when) is not
played through, and who was left out stays left out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from pointsman.message import MessageClass, Msisdn
from pointsman.routing.candidate import Candidate, Ranked, Reason
from pointsman.routing.choose import usual_loss
from pointsman.routing.journal import Entry, Place, candidates_of
from pointsman.routing.ranking import rank
from pointsman.routing.strategy import STRATEGIES, Strategy
from pointsman.routing.tariff import Tariff

MOST_DIFFERENCES = 1000
"""Differences that are named; all are counted."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that does not come out as it was recorded."""

    id: str
    what: str
    """In words: the first thing that differs."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of making decisions again from what they were made from."""

    decisions: int
    agreed: int
    differences: tuple[Difference, ...] = ()
    """The first `MOST_DIFFERENCES`."""


class Suppose(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be different."""

    strategy: str | None = None
    """For all decisions, instead of that of their routes."""
    without: frozenset[str] = frozenset()
    """Providers that take nothing."""
    tariffs: Mapping[str, Tariff] = {}
    """By provider, price lists instead of those that were in force; what was learnt of the old ones does not count."""
    losses: Mapping[MessageClass, Decimal] = {}
    """What a lost message costs, in the router's currency, instead of what the policies say."""


class Side(msgspec.Struct, kw_only=True):
    """What decisions came to, had the first candidate of each taken the message."""

    spend: Decimal = Decimal(0)
    """In the router's currency, by listed prices as corrected by told ones. What is charged on delivery only counts as
    far as a delivery is expected."""
    unpriced: int = 0
    """Decisions for a provider whose price is not listed; they are not in `spend`."""
    delivered: float = 0.0
    """Expected deliveries: the sum of the chances."""
    nobody: int = 0
    """Decisions without any candidate."""
    shares: dict[str, int] = msgspec.field(default_factory=dict)
    """Decisions by provider."""


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions as they were, and as they would have been."""

    decisions: int
    changed: int
    """Decisions for another provider."""
    currency: str
    before: Side
    after: Side


class Survey(msgspec.Struct, kw_only=True):
    """Who and what occurs in decisions."""

    accounts: dict[str, str | None] = msgspec.field(default_factory=dict)
    """Providers with the currency of their prices, where one is listed."""
    rates: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """What one unit of a currency was worth in the router's, as of the last price in it."""
    currency: str | None = None
    """The router's."""


def survey(entries: Iterable[Entry]) -> Survey:
    """Look through decisions for what a question about them may need."""
    found = Survey()
    for entry in entries:
        if entry.conditions is not None:
            found.currency = entry.conditions.currency
        for out in entry.out:
            found.accounts.setdefault(out.provider, None)
        for option in entry.options:
            cost = option.price
            found.accounts[option.provider] = cost.currency if cost else found.accounts.get(option.provider)
            if cost is not None and cost.segment:
                found.rates[cost.currency] = cost.compared / cost.segment
    return found


def replay(entries: Iterable[Entry], strategies: Mapping[str, Strategy] = STRATEGIES) -> Replayed:
    """Make decisions again, and compare order, scores and reason to the last bit."""
    decisions, agreed = 0, 0
    differences: list[Difference] = []
    for entry in entries:
        decisions += 1
        what = _difference(entry, strategies)
        if what is None:
            agreed += 1
        elif len(differences) < MOST_DIFFERENCES:
            differences.append(Difference(id=entry.id, what=what))
    return Replayed(decisions=decisions, agreed=agreed, differences=tuple(differences))


def what_if(entries: Iterable[Entry], suppose: Suppose, strategies: Mapping[str, Strategy] = STRATEGIES) -> WhatIf:
    """Make decisions again under another condition; those that no route was for are left out.

    What a message is worth where no policy says so follows the price of the cheapest candidate, as it does in the
    router. Raises `KeyError` for a strategy that is not known, `ValueError` for decisions in several currencies.
    """
    decisions, changed, currencies = 0, 0, set()
    before, after = Side(), Side()
    counts = Counter[str](), Counter[str]()
    for entry in entries:
        if entry.conditions is None:
            continue
        currencies.add(entry.conditions.currency)
        if len(currencies) > 1:
            raise ValueError(f"the decisions are in several currencies: {' and '.join(sorted(currencies))}")
        candidates = {one.provider: one for one in candidates_of(entry)}
        was = candidates[entry.first] if entry.first is not None else None
        would = _changed(entry, suppose, strategies)
        decisions += 1
        changed += (was and was.provider) != (would and would.provider)
        for side, count, first in ((before, counts[0], was), (after, counts[1], would)):
            _count(side, count, first)
    before.shares, after.shares = (dict(sorted(count.items())) for count in counts)
    return WhatIf(decisions=decisions, changed=changed, currency="".join(currencies), before=before, after=after)


def _difference(entry: Entry, strategies: Mapping[str, Strategy]) -> str | None:
    conditions = entry.conditions
    if conditions is None:
        return None if not entry.ranking else "it has an order, but not what that was made from"
    strategy = strategies.get(entry.strategy)
    if strategy is None:
        return f"there is no strategy {entry.strategy} here"
    everybody = candidates_of(entry)
    ranking, reason = rank(
        strategy,
        [one for one in everybody if not one.forced],
        [one for one in everybody if one.forced],
        conditions,
    )
    return _order_differs(entry.ranking, [_place(one) for one in ranking]) or _reason_differs(entry.reason, reason)


def _order_differs(was: Iterable[Place], now: Iterable[Place]) -> str | None:
    before, after = list(was), list(now)
    if len(before) != len(after):
        return f"{len(after)} candidates instead of {len(before)}"
    for number, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        if old.provider != new.provider:
            return f"place {number} goes to {new.provider} instead of {old.provider}"
        if old.score != new.score:
            return f"the score of {new.provider} is {new.score!r} instead of {old.score!r}"
        if old.explored is not new.explored:
            return f"{new.provider} is {'now' if new.explored else 'no longer'} tried in order to learn"
    return None


def _reason_differs(was: Reason, now: Reason) -> str | None:
    return None if was is now else f"the reason is {now} instead of {was}"


def _changed(entry: Entry, suppose: Suppose, strategies: Mapping[str, Strategy]) -> Candidate | None:
    """Return who would have come first."""
    if entry.conditions is None:
        raise AssertionError("without a route there is nothing to change")
    left = [_repriced(one, entry, suppose) for one in candidates_of(entry) if one.provider not in suppose.without]
    candidates, forced = [one for one in left if not one.forced], [one for one in left if one.forced]
    loss = entry.conditions.loss
    told = suppose.losses.get(entry.message_class)
    if told is not None:
        loss = float(told)
    elif not entry.conditions.loss_told:
        loss = usual_loss(entry.message_class, candidates or forced)
    conditions = msgspec.structs.replace(entry.conditions, loss=loss)
    strategy = strategies[suppose.strategy if suppose.strategy is not None else entry.strategy]
    ranking, _ = rank(strategy, candidates, forced, conditions)
    return ranking[0].candidate if ranking else None


def _repriced(candidate: Candidate, entry: Entry, suppose: Suppose) -> Candidate:
    """Return a candidate with the price of another list, by network or as much of the number as was kept."""
    tariff = suppose.tariffs.get(candidate.provider)
    if tariff is None:
        return candidate
    price = tariff.price(entry.channel, Msisdn(entry.prefix), entry.network, entry.at)
    return msgspec.structs.replace(
        candidate,
        price=price,
        total=price.of(entry.parts) if price is not None else None,
        comparable=price.comparable * entry.parts if price is not None else None,
        drift=1.0,
    )


def _count(side: Side, counts: Counter[str], first: Candidate | None) -> None:
    if first is None:
        side.nobody += 1
        return
    counts[first.provider] += 1
    side.delivered += first.health
    if first.comparable is None:
        side.unpriced += 1
        return
    share = first.health if first.pays_on_delivery else 1.0
    side.spend += first.comparable * Decimal(str(first.drift * share))


def _place(ranked: Ranked) -> Place:
    return Place(ranked.candidate.provider, ranked.score, ranked.explored)
