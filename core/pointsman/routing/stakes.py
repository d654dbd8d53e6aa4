"""What an attempt has at stake: money, leases and the place of a probe, from the decision until all of it is settled.

Nothing here waits, and nothing is told to anybody: each step returns what came of it, as a value. So the bookkeeping of
an attempt is the same whether a real request lies between `take` and `settle` or one that is only imagined.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import assert_never

import msgspec

from pointsman.message import Envelope, HlrLookup, Money
from pointsman.outcome import Accepted, Outcome, Refused, Report, Unknown
from pointsman.routing.breaker import Move
from pointsman.routing.candidate import Candidate, Decision
from pointsman.routing.cells import CellLease
from pointsman.routing.choose import View, network_of
from pointsman.routing.failover import RULES, Blame
from pointsman.routing.ledger import Hold
from pointsman.routing.observed import Drift
from pointsman.routing.price import ChargedOn
from pointsman.routing.rests import Rest, Rests
from pointsman.routing.tariff import Rates


class Instant(msgspec.Struct, frozen=True, gc=False):
    """Now, on both clocks."""

    wall: float
    """Seconds since the epoch; rests count in it."""
    monotonic: float
    """Money and breakers count in it."""


class Stake(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an attempt has in its hands until it is settled or handed back."""

    candidate: Candidate
    view: View
    """Of its provider. What a configuration replaced meanwhile is still settled with what it was taken from."""
    hold: Hold
    lease: CellLease
    probe: bool
    """It is let through although something rests there, to see whether it works again."""
    confirms: bool = False
    """Its recipient may confirm that he got it."""


class Taken(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came of taking hold."""

    stake: Stake | None
    """None when the money or a place behind a breaker was gone."""
    moves: tuple[Move, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How an attempt went."""

    outcome: Outcome
    started_at: float
    """Wall time."""
    echo: bool = False
    """Another message of the same request had the same outcome and counts for both."""
    shared: bool = False
    """It had no place of its own in the request: an equal message to the same number did, and pays for both."""
    resent: bool = False
    """Another provider took it before and lost it, so a loss may be the message's own doing."""


class Settled(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came of an attempt."""

    price: Money | None
    """What it cost."""
    on_delivery: Money | None
    """What it is going to cost when it is delivered; kept back on the account until then."""
    moves: tuple[Move, ...]
    rest: Rest | None
    """What it put out of use."""
    drift: Drift | None = None
    """News of a provider that charges something else than our price list says."""


class Stakes:
    """Takes hold for attempts and settles them, on the live objects of the views. Holds no state of its own."""

    def __init__(
        self, views: Mapping[str, View], rests: Rests, rates: Rates, confirming: frozenset[str] = frozenset()
    ) -> None:
        """`confirming` are the routes whose recipients confirm what they get."""
        self._views = views
        self._rests = rests
        self._rates = rates
        self._confirming = confirming

    def renew(self, confirming: frozenset[str]) -> None:
        """Take over which routes' recipients confirm."""
        self._confirming = confirming

    def take(self, envelope: Envelope, decision: Decision, now: Instant) -> Taken:
        """Take hold of what the decision's first candidate needs; what was true when it was made is checked again."""
        candidate = decision.ranking[0].candidate
        view = self._views[candidate.provider]
        hold = view.ledger.hold(self._in_account(view, candidate.total))
        if hold is None:
            return Taken(stake=None)
        breakers = view.breakers[envelope.channel]
        lease, moves = breakers.acquire(now.monotonic, network_of(envelope), force=candidate.forced)
        if lease is None:
            view.ledger.settle(hold, Decimal(0), now.monotonic)
            return Taken(stake=None, moves=moves)
        probe = self._rests.enter(view.name, envelope.channel, candidate.sender, now.wall)
        confirms = decision.route in self._confirming
        stake = Stake(candidate=candidate, view=view, hold=hold, lease=lease, probe=probe, confirms=confirms)
        return Taken(stake=stake, moves=moves)

    def hand_back(self, envelope: Envelope, stake: Stake, now: Instant) -> None:
        """Give everything back: nothing was sent."""
        view = stake.view
        view.ledger.settle(stake.hold, Decimal(0), now.monotonic)
        view.breakers[envelope.channel].release(stake.lease)
        if stake.probe:
            self._rests.leave(view.name, envelope.channel, stake.candidate.sender, now.wall)

    def out_of_use(self, envelope: Envelope, stake: Stake, now: Instant) -> bool:
        """Say whether the provider would not be chosen any more, so that whoever waits for it goes elsewhere."""
        view = stake.view
        if view.quarantined is not None or view.drained is not None or self._views.get(view.name) is not view:
            return True
        breakers = view.breakers[envelope.channel]
        if stake.lease.forced:
            if breakers.is_held(now.monotonic, stake.lease.network):
                return True
        elif not breakers.holds(stake.lease):
            return True
        if stake.probe:
            return False
        return self._rests.blocking(view.name, envelope.channel, stake.candidate.sender, now.wall) is not None

    def settle(self, envelope: Envelope, number: int, stake: Stake, result: Result, now: Instant) -> Settled:
        """Book what an attempt cost or is going to cost, and draw the consequences for health and use.

        `number` is that of the attempt. Each consequence is in the scope of its blame; what is the fault of a request
        counts once, however many messages travelled in it.
        """
        price, on_delivery = self._charge((envelope.id, number), stake, result, now)
        moves = self._judge(envelope, stake, result, now)
        counts = not result.echo or not _blames_operation(result.outcome)
        rest = self._rest(envelope, stake, result, now) if counts else None
        self._learn((envelope.id, number), envelope, stake, result, now)
        drift = self._compare(envelope, stake, result)
        return Settled(price=price, on_delivery=on_delivery, moves=moves, rest=rest, drift=drift)

    def reported(self, provider: str, message_id: str, number: int, report: Report, now: Instant) -> None:
        """Learn from the last report about an attempt that was accepted."""
        if (view := self._views.get(provider)) is not None:
            view.health.reported((message_id, number), report, now.monotonic)

    def told(self, provider: str, envelope: Envelope, told: Money, listed: Money) -> Drift | None:
        """Compare a price that a report tells with the list's, both of one segment; return a drift that is news."""
        view, rates = self._views.get(provider), self._rates
        if view is None:
            return None
        return view.observed.note(envelope.channel, envelope.network, rates.comparable(told), rates.comparable(listed))

    def blamed(self, provider: str, envelope: Envelope, report: Report, now: Instant) -> Rest | None:
        """Draw the consequences of the fault that a report names, as of one that an answer names."""
        view = self._views.get(provider)
        if view is None or report.fault is None or RULES[report.fault].blame not in _BY_REPORT:
            return None
        sender = None if isinstance(envelope.message, HlrLookup) else envelope.message.sender
        sender = sender or view.default_sender
        refused = Refused(fault=report.fault, code=report.code)
        return self._rests.note(provider, envelope.channel, sender, envelope.id, refused, now.wall)

    def confirmed(self, provider: str, message_id: str, number: int, now: Instant) -> None:
        """Learn that the recipient of an attempt that was accepted got the message."""
        if (view := self._views.get(provider)) is not None:
            view.health.confirmed((message_id, number), now.monotonic)

    def _charge(
        self, debt: tuple[str, int], stake: Stake, result: Result, now: Instant
    ) -> tuple[Money | None, Money | None]:
        """Settle the hold; return what the attempt cost, and what is going to be charged on its delivery.

        What may have been sent counts as spent on the account until a reading of the balance says otherwise, but is
        not booked as a cost until it is known.
        """
        view, candidate = stake.view, stake.candidate
        charged, price, due = Decimal(0), None, None
        match result.outcome:
            case Accepted() if result.shared:
                pass
            case Accepted(price=told):
                price = self._rates.usable(told) or _listed(candidate, ChargedOn.SUBMIT)
                due = _listed(candidate, ChargedOn.DELIVERY) if price is None else None
                charged = self._in_account(view, price) or Decimal(0)
            case Unknown():
                charged = Decimal(0) if result.shared else stake.hold.amount
            case Refused():
                pass
            case _:
                assert_never(result.outcome)
        owed = self._in_account(view, due)
        if owed is not None:
            view.ledger.owe(debt, owed)
        view.ledger.settle(stake.hold, charged, now.monotonic)
        return price, due

    def _judge(self, envelope: Envelope, stake: Stake, result: Result, now: Instant) -> tuple[Move, ...]:
        breakers = stake.view.breakers[envelope.channel]
        good = _verdict(result)
        if good is None:
            breakers.release(stake.lease)
            return ()
        return breakers.record(stake.lease, now.monotonic, good=good)

    def _learn(self, key: tuple[str, int], envelope: Envelope, stake: Stake, result: Result, now: Instant) -> None:
        health = stake.view.health
        channel, network = envelope.channel, envelope.network
        match result.outcome:
            case Accepted():
                health.accepted(key, channel, network, now.monotonic, counts=not result.resent, confirms=stake.confirms)
            case _ if _verdict(result) is False:
                in_doubt = isinstance(result.outcome, Unknown)
                health.failed(channel, network, now.monotonic, in_doubt=in_doubt)

    def _compare(self, envelope: Envelope, stake: Stake, result: Result) -> Drift | None:
        """Compare the price that the provider told with the list's."""
        candidate, outcome = stake.candidate, result.outcome
        if not isinstance(outcome, Accepted) or result.shared or candidate.total is None:
            return None
        told = self._rates.usable(outcome.price)
        if told is None:
            return None
        listed = self._rates.comparable(candidate.total)
        observed = stake.view.observed
        return observed.note(envelope.channel, envelope.network, self._rates.comparable(told), listed)

    def _rest(self, envelope: Envelope, stake: Stake, result: Result, now: Instant) -> Rest | None:
        view = self._views.get(stake.candidate.provider)
        if view is None or view.breakers is not stake.view.breakers:
            return None  # it was sent from an account that the provider has no more
        return self._rests.note(
            stake.candidate.provider,
            envelope.channel,
            stake.candidate.sender,
            envelope.id,
            result.outcome,
            now.wall,
            started_at=result.started_at,
        )

    def _in_account(self, view: View, money: Money | None) -> Decimal | None:
        return None if money is None else self._rates.convert(money, view.currency).amount


_BY_REPORT = frozenset({Blame.SENDER, Blame.MESSAGES})
"""What a report may speak against besides the health of its provider."""


def _verdict(result: Result) -> bool | None:
    """Return whether a result speaks for the health of its cell or against it; None when it says nothing about it."""
    if result.echo:
        return None
    match result.outcome:
        case Accepted():
            return True
        case Unknown():
            return False
        case Refused(fault=fault):
            return False if RULES[fault].blame is Blame.CELL else None


def _blames_operation(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and RULES[outcome.fault].blame is Blame.OPERATION


def _listed(candidate: Candidate, charged_on: ChargedOn) -> Money | None:
    """Return what the message costs by the price list, if it is charged then."""
    if candidate.price is None or candidate.price.charged_on is not charged_on:
        return None
    return candidate.total
