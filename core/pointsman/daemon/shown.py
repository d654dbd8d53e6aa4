"""What clients read, as Structs: receipts, decisions, providers - with the names and the forms of the API."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from pointsman.clock import as_utc
from pointsman.engine.status import OpenCell, ProviderStatus
from pointsman.guard import Used
from pointsman.message import Channel, MessageClass, Money, Network, Segments
from pointsman.outcome import (
    Accepted,
    Attempt,
    Fault,
    LookupResult,
    LookupState,
    Receipt,
    Refused,
    SettledBy,
    State,
    Unknown,
    outcome_label,
)
from pointsman.plugin import Incoming
from pointsman.routing.breaker import BreakerState
from pointsman.routing.candidate import Decision, Exclusion, Reason
from pointsman.routing.words import LEFT_OUT, why
from pointsman.store.interface import Letter


class TakenShown(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was taken."""

    id: str
    state: State


class NetworkShown(msgspec.Struct, frozen=True, kw_only=True):
    """The network of a number, as far as it is known."""

    country: str | None
    mccmnc: str | None


class PriceShown(msgspec.Struct, frozen=True, kw_only=True):
    """An exact amount."""

    amount: Decimal
    """As text, so that nothing is rounded."""
    currency: str


class RefusalShown(msgspec.Struct, frozen=True, kw_only=True):
    """Why nobody took a message."""

    fault: Fault
    code: str | None = None
    detail: str = ""


class AttemptShown(msgspec.Struct, frozen=True, kw_only=True):
    """One submit to one provider."""

    number: int
    provider: str
    outcome: str
    """`accepted`, `refused` or `unknown`."""
    fault: Fault | None = None
    code: str | None = None
    provider_ids: tuple[str, ...] = ()
    settled_by: SettledBy
    started_at: datetime
    duration: float
    """Seconds."""
    price: PriceShown | None = None


class LookupShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a lookup found."""

    state: LookupState
    network: NetworkShown | None = None
    ported: bool | None = None
    roaming: bool | None = None
    operator: str | None = None
    at: datetime | None = None


class KnownLookup(msgspec.Struct, frozen=True, kw_only=True):
    """The last result about a number."""

    to: str
    lookup: LookupShown
    age: float
    """Seconds since it was found out."""


class ReceiptShown(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a message."""

    id: str
    state: State
    channel: Channel
    message_class: MessageClass = msgspec.field(name="class")
    to: str
    network: NetworkShown
    segments: int | None
    reference: str | None
    provider: str | None
    """Who has it, or had it last."""
    attempts: tuple[AttemptShown, ...]
    reason: RefusalShown | None
    lookup: LookupShown | None
    possible_duplicate: bool
    read: bool
    fallback: "ReceiptShown | None"
    accepted_at: datetime
    due: datetime | None
    updated_at: datetime


class ReceiptsShown(msgspec.Struct, frozen=True, kw_only=True):
    """Messages with one reference, the latest first."""

    messages: tuple[ReceiptShown, ...]


class CandidateShown(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that could take the message, in its place."""

    provider: str
    price: PriceShown | None
    health: float
    score: float | None


class ExcludedShown(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that could not, and why."""

    provider: str
    why: Exclusion
    words: str


class DecisionShown(msgspec.Struct, frozen=True, kw_only=True):
    """The decision that would be made for a message now."""

    route: str | None
    strategy: str
    reason: Reason
    why: str
    """In one sentence."""
    to: NetworkShown
    segments: int
    candidates: tuple[CandidateShown, ...]
    excluded: tuple[ExcludedShown, ...]


class IncomingShown(msgspec.Struct, frozen=True, kw_only=True):
    """A message that somebody sent to an account."""

    id: str
    sender: str
    to: str
    text: str
    at: datetime | None


class InboxShown(msgspec.Struct, frozen=True, kw_only=True):
    """Incoming messages, the oldest first."""

    messages: tuple[IncomingShown, ...]


class BreakerShown(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker that keeps messages out."""

    channel: Channel
    network: str | None
    state: BreakerState
    reason: str
    until: datetime | None


class RestShown(msgspec.Struct, frozen=True, kw_only=True):
    """What is out of use at a provider."""

    scope: str
    subject: str
    fault: Fault
    until: datetime | None


class ProviderShown(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider is doing."""

    name: str
    plugin: str
    channels: tuple[Channel, ...]
    balance: PriceShown | None
    available: PriceShown | None
    runway: float | None
    """Seconds until the money is gone at the present rate."""
    health: Mapping[Channel, float]
    breakers: Mapping[Channel, BreakerState]
    open: tuple[BreakerShown, ...]
    rests: tuple[RestShown, ...]
    quarantined: str | None
    drained: str | None
    """Why the operator took it out of use; null when it is in use."""
    waiting: int
    in_flight: int


class ProvidersShown(msgspec.Struct, frozen=True, kw_only=True):
    """All providers."""

    providers: tuple[ProviderShown, ...]


class ProbeShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider said when it was asked."""

    ok: bool | None
    """Whether it let us in; null where it cannot be asked without sending: the next message for it tries it."""
    detail: str


class CheckShown(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that readiness depends on."""

    name: str
    ok: bool
    reason: str = ""


class HealthShown(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the server lives, or is ready, and why not."""

    ok: bool
    checks: tuple[CheckShown, ...] = ()


class ReloadShown(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration that is in force now."""

    changes: tuple[str, ...]
    """What it changed, in words; empty where it says the same as the old one."""


class UsedShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a client used today (UTC), and what it may use; null is no limit. Amounts are in the router's currency."""

    client: str
    day: str
    messages: int
    daily_messages: int | None
    lookups: int
    lookups_per_day: int | None
    spent: Decimal
    reserved: Decimal
    daily_spend: Decimal | None
    stopped: bool


class ClientsShown(msgspec.Struct, frozen=True, kw_only=True):
    """All clients."""

    clients: tuple[UsedShown, ...]


class LetterShown(msgspec.Struct, frozen=True, kw_only=True):
    """News that are not posted any more."""

    seq: int
    client: str
    message_id: str
    state: State
    at: datetime
    tries: int
    error: str


class LettersShown(msgspec.Struct, frozen=True, kw_only=True):
    """News that are not posted any more, in order."""

    letters: tuple[LetterShown, ...]


class RevivedShown(msgspec.Struct, frozen=True, kw_only=True):
    """How much is posted again."""

    revived: int


def used_shown(used: Used) -> UsedShown:
    """Return what a client used as operators read it."""
    return UsedShown(**{name: getattr(used, name) for name in UsedShown.__struct_fields__})


def letter_shown(letter: Letter) -> LetterShown:
    """Return news that could not be posted as operators read it; the address may hold a secret, and stays out."""
    news = letter.news
    return LetterShown(
        seq=news.seq,
        client=news.client,
        message_id=news.message_id,
        state=news.state,
        at=as_utc(news.at),
        tries=letter.tries,
        error=letter.error,
    )


def receipt_shown(receipt: Receipt) -> ReceiptShown:
    """Return a receipt as clients read it."""
    return ReceiptShown(
        id=receipt.id,
        state=receipt.state,
        channel=receipt.channel,
        message_class=receipt.message_class,
        to=receipt.to,
        network=_network(receipt.network),
        segments=receipt.segments.count if isinstance(receipt.segments, Segments) else None,
        reference=receipt.reference,
        provider=receipt.provider,
        attempts=tuple(map(_attempt, receipt.attempts)),
        reason=_refusal(receipt.reason),
        lookup=lookup_shown(receipt.lookup) if receipt.lookup is not None else None,
        possible_duplicate=receipt.possible_duplicate,
        read=receipt.read,
        fallback=receipt_shown(receipt.fallback) if receipt.fallback is not None else None,
        accepted_at=as_utc(receipt.accepted_at),
        due=moment(receipt.due),
        updated_at=as_utc(receipt.updated_at),
    )


def lookup_shown(result: LookupResult) -> LookupShown:
    """Return what a lookup found as clients read it."""
    return LookupShown(
        state=result.state,
        network=_network(result.network) if result.network is not None else None,
        ported=result.ported,
        roaming=result.roaming,
        operator=result.operator,
        at=result.at,
    )


def decision_shown(decision: Decision) -> DecisionShown:
    """Return a decision as clients read it: without the accounts of the operator."""
    return DecisionShown(
        route=decision.route,
        strategy=decision.strategy,
        reason=decision.reason,
        why=why(decision),
        to=_network(decision.subject.network),
        segments=decision.subject.parts,
        candidates=tuple(
            CandidateShown(
                provider=one.candidate.provider,
                price=_price(one.candidate.total),
                health=one.candidate.health,
                score=one.score,
            )
            for one in decision.ranking
        ),
        excluded=tuple(
            ExcludedShown(provider=one.provider, why=one.why, words=LEFT_OUT[one.why]) for one in decision.excluded
        ),
    )


def inbox_shown(messages: Iterable[Incoming]) -> InboxShown:
    """Return incoming messages as clients read them."""
    return InboxShown(
        messages=tuple(
            IncomingShown(id=one.id, sender=one.sender_msisdn or one.sender, to=one.to, text=one.text, at=one.at)
            for one in messages
        )
    )


def provider_shown(status: ProviderStatus) -> ProviderShown:
    """Return how a provider is doing as operators read it."""
    return ProviderShown(
        name=status.name,
        plugin=status.plugin,
        channels=status.channels,
        balance=_price(status.balance),
        available=_price(status.available),
        runway=status.runway,
        health=status.health,
        breakers=status.breakers,
        open=tuple(map(_breaker, status.open_cells)),
        rests=tuple(
            RestShown(scope=one.scope, subject=one.subject, fault=one.fault, until=moment(one.until))
            for one in status.rests
        ),
        quarantined=status.quarantined,
        drained=status.drained,
        waiting=status.waiting,
        in_flight=status.in_flight,
    )


def moment(seconds: float | None) -> datetime | None:
    """Return epoch seconds as a moment; None for none and for what has no end."""
    return as_utc(seconds) if seconds is not None and seconds != float("inf") else None


def _attempt(attempt: Attempt) -> AttemptShown:
    outcome = attempt.outcome
    return AttemptShown(
        number=attempt.number,
        provider=attempt.provider,
        outcome=outcome_label(outcome),
        fault=outcome.fault if isinstance(outcome, Refused) else None,
        code=outcome.code if isinstance(outcome, Refused | Unknown) else None,
        provider_ids=outcome.ids if isinstance(outcome, Accepted) else (),
        settled_by=attempt.settled_by,
        started_at=as_utc(attempt.started_at),
        duration=round(attempt.duration, 6),
        price=_price(attempt.price),
    )


def _breaker(cell: OpenCell) -> BreakerShown:
    return BreakerShown(
        channel=cell.channel, network=cell.network, state=cell.state, reason=cell.reason, until=moment(cell.until)
    )


def _refusal(reason: Refused | None) -> RefusalShown | None:
    """Return a refusal in our words only: providers like to repeat what they refuse, passwords included."""
    if reason is None:
        return None
    detail = reason.detail if reason.fault is Fault.NO_ROUTE else ""
    return RefusalShown(fault=reason.fault, code=reason.code, detail=detail)


def _network(network: Network) -> NetworkShown:
    return NetworkShown(country=network.country, mccmnc=network.mccmnc)


def _price(money: Money | None) -> PriceShown | None:
    return None if money is None else PriceShown(amount=money.amount, currency=money.currency)
