"""Decisions as lines of a file: everything that their order was made from, and nothing that tells who was written to.

A line is one JSON object. What it says is kept apart from the values in memory, so that those can change while old
files stay readable; numbers are written so that they are read back to the last bit. Left out are the text, all but the
first digits of the number, senders, and the words with which a provider is left out.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from pointsman.events import Event
from pointsman.message import Channel, MessageClass, Money, Network, NetworkSource
from pointsman.routing.candidate import Candidate, Conditions, Decision, Exclusion, Reason
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.routing.tariff import Price


class DecisionMade(Event, frozen=True, kw_only=True, gc=False):
    """A decision was made that is acted on; it comes besides `Decided` and holds all of it."""

    decision: Decision


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A listed price."""

    segment: Decimal
    total: Decimal
    currency: str
    compared: Decimal
    """That of a segment in the router's currency."""
    charged_on: ChargedOn = ChargedOn.SUBMIT


class Option(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A candidate; what is not explained here means what it means in `Candidate`."""

    provider: str
    position: int
    price: Cost | None = None
    """None when the price list does not say."""
    compared: Decimal | None = None
    """That of the whole message in the router's currency."""
    drift: float = 1.0
    funds: Decimal | None = None
    health: float
    evidence: float = 0.0
    taken: float = 1.0
    owned_up: float = 0.0
    delay: float | None = None
    wait: float = 0.0
    runway: float | None = None
    keeps: bool = False
    forced: bool = False


class Place(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who came in a place, and by what."""

    provider: str
    score: float | None = None
    explored: bool = False


class Out(msgspec.Struct, frozen=True, gc=False):
    """Who was left out, and why."""

    provider: str
    why: Exclusion


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One decision as it is kept."""

    v: Literal[1]
    """The version of the format."""
    id: str
    message: str
    at: float
    route: str | None = None
    strategy: str = ""
    reason: Reason
    channel: Channel
    message_class: MessageClass = msgspec.field(name="class")
    country: str | None = None
    mccmnc: str | None = None
    source: NetworkSource = NetworkSource.COUNTRY
    prefix: str = ""
    parts: int = 1
    conditions: Conditions | None = None
    options: tuple[Option, ...] = ()
    """All that were ranked, or might have been, in the route's order."""
    ranking: tuple[Place, ...] = ()
    out: tuple[Out, ...] = ()

    @property
    def network(self) -> Network:
        """Where the message went."""
        return Network(self.country, self.mccmnc, self.source)

    @property
    def first(self) -> str | None:
        """Who came first; None when nobody could take the message."""
        return self.ranking[0].provider if self.ranking else None


def entry_of(decision: Decision) -> Entry:
    """Return what is kept of a decision."""
    subject = decision.subject
    ranked = [one.candidate for one in decision.ranking]
    return Entry(
        v=1,
        id=decision.id,
        message=decision.message_id,
        at=decision.at,
        route=decision.route,
        strategy=decision.strategy,
        reason=decision.reason,
        channel=subject.channel,
        message_class=subject.message_class,
        country=subject.network.country,
        mccmnc=subject.network.mccmnc,
        source=subject.network.source,
        prefix=subject.prefix,
        parts=subject.parts,
        conditions=decision.conditions,
        options=tuple(sorted(map(_option, (*ranked, *decision.held_back)), key=_position)),
        ranking=tuple(Place(one.candidate.provider, one.score, one.explored) for one in decision.ranking),
        out=tuple(Out(one.provider, one.why) for one in decision.excluded),
    )


def candidates_of(entry: Entry) -> tuple[Candidate, ...]:
    """Return the candidates as the decision saw them, in the route's order; their senders are not kept."""
    return tuple(_candidate(option, entry) for option in entry.options)


def write_entry(entry: Entry) -> bytes:
    """Return a line without its end."""
    return _encoder.encode(entry)


def read_entry(line: bytes) -> Entry:
    """Return what a line says. Raises `ValueError` for anything that is no decision of a version that is known."""
    try:
        return _decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None


def _option(candidate: Candidate) -> Option:
    price, total = candidate.price, candidate.total
    return Option(
        provider=candidate.provider,
        position=candidate.position,
        price=Cost(
            segment=price.per_segment.amount,
            total=total.amount,
            currency=total.currency,
            compared=price.comparable,
            charged_on=price.charged_on,
        )
        if price is not None and total is not None
        else None,
        compared=candidate.comparable,
        drift=candidate.drift,
        funds=candidate.funds,
        health=candidate.health,
        evidence=candidate.evidence,
        taken=candidate.taken,
        owned_up=candidate.owned_up,
        delay=candidate.delay,
        wait=candidate.wait,
        runway=candidate.runway,
        keeps=candidate.keeps,
        forced=candidate.forced,
    )


def _candidate(option: Option, entry: Entry) -> Candidate:
    cost = option.price
    return Candidate(
        provider=option.provider,
        position=option.position,
        price=_price(cost, entry) if cost is not None else None,
        total=Money(cost.total, cost.currency) if cost is not None else None,
        comparable=option.compared,
        drift=option.drift,
        funds=option.funds,
        health=option.health,
        evidence=option.evidence,
        taken=option.taken,
        owned_up=option.owned_up,
        delay=option.delay,
        wait=option.wait,
        sender=None,
        keeps=option.keeps,
        runway=option.runway,
        forced=option.forced,
    )


def _price(cost: Cost, entry: Entry) -> Price:
    """Return a price as of a list that knows this network only; which line it was from is not kept."""
    row = PriceRow(
        channel=entry.channel,
        price=cost.segment,
        currency=cost.currency,
        mccmnc=entry.mccmnc,
        country=None if entry.mccmnc is not None else entry.country,
        charged_on=cost.charged_on,
    )
    return Price(Money(cost.segment, cost.currency), cost.compared, cost.charged_on, row)


def _position(option: Option) -> int:
    return option.position


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)
