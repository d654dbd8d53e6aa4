"""Makes the report out of the facts: receipts, events, and the sandboxes' books."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from pointsman.demo.cases import Case
from pointsman.demo.report import (
    BalanceRow,
    BreakerRow,
    Calls,
    Codes,
    Doubt,
    Duplicate,
    Ended,
    Failover,
    FailoverCause,
    Report,
    Savings,
    Settlement,
    Spending,
)
from pointsman.demo.stage import Copy
from pointsman.demo.tally import Tally
from pointsman.demo.verdict import (
    Books,
    Deviation,
    by_number,
    check_balance,
    check_breakers,
    check_calls,
    check_messages,
    check_money,
)
from pointsman.message import Channel, MessageClass, Money
from pointsman.outcome import Accepted, Attempt, Fault, Receipt, Refused, SettledBy, State, Unknown
from pointsman.routing.tariff import Rates
from pointsman.telemetry import Masker


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What the performance left behind."""

    receipts: Mapping[str, Receipt]
    """By the name of the case."""
    invalid: frozenset[str]
    """The cases that were refused before routing."""
    dearest: Mapping[str, Decimal]
    """By the name of the case: the highest price among its candidates, in the router's currency."""
    copies: Sequence[Copy]
    rates: Rates
    currencies: Mapping[str, str]
    """Of the accounts, by provider."""
    before: Mapping[str, Decimal]
    after: Mapping[str, Decimal]
    believed: Mapping[str, Money | None]
    """What the router takes the accounts to hold in the end."""
    seconds: float
    unfinished: str | None
    """Why the script was broken off."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known when the curtain falls."""

    config: str
    seed: int
    cases: Sequence[Case]
    breaking: frozenset[str]
    """Providers whose breaker the script opens."""
    played: Played
    books: Books
    log: str
    metrics: str


def tell(facts: Facts, tally: Tally) -> Report:
    """Return the report, deviations included."""
    deviations = tuple(_deviations(facts, tally))
    return Report(
        ok=not deviations,
        config=facts.config,
        seed=facts.seed,
        seconds=round(facts.played.seconds, 2),
        messages=tuple(_ended(facts)),
        calls=tuple(Calls(provider=p, operation=o, outcome=w, count=n) for (p, o, w), n in sorted(tally.calls.items())),
        codes=tuple(Codes(provider=p, operation=o, code=c, count=n) for (p, o, c), n in sorted(tally.codes.items())),
        failovers=tuple(_failovers(facts)),
        spending=tuple(_spending(facts, tally)),
        savings=_savings(facts, tally),
        balances=tuple(_balances(facts)),
        breakers=tuple(
            BreakerRow(
                provider=move.provider,
                channel=move.channel,
                network=move.network,
                before=move.before,
                after=move.after,
                reason=move.reason,
            )
            for move in tally.breakers
        ),
        unknowns=tuple(_doubts(facts)),
        duplicates=tuple(_duplicates(facts)),
        requests_made=facts.books.events,
        requests_seen=facts.books.arrived,
        log=facts.log,
        metrics=facts.metrics,
        deviations=deviations,
    )


def _deviations(facts: Facts, tally: Tally) -> Iterator[Deviation]:
    if facts.played.unfinished is not None:
        yield Deviation("script", facts.played.unfinished)
    yield from check_messages(facts.cases, facts.played.receipts, facts.played.invalid, by_number(facts.played.copies))
    yield from check_calls(facts.books)
    receipts = {
        (case.channel, case.to): facts.played.receipts[case.name]
        for case in facts.cases
        if case.to is not None and case.name in facts.played.receipts
    }
    for provider, account in facts.played.after.items():
        yield from check_money(provider, tally.spent_by(provider), facts.played.copies, receipts)
        believed = facts.played.believed.get(provider)
        yield from check_balance(provider, account, believed.amount if believed is not None else None)
    yield from check_breakers(tally.breakers, facts.breaking)


def _ended(facts: Facts) -> Iterator[Ended]:
    counts: Counter[tuple[Channel, MessageClass, State | None]] = Counter()
    for case in facts.cases:
        receipt = facts.played.receipts.get(case.name)
        counts[case.channel, case.message.message_class, receipt.state if receipt is not None else None] += 1
    for (channel, message_class, state), count in sorted(counts.items(), key=lambda item: str(item[0])):
        yield Ended(channel=channel, message_class=message_class, state=state, count=count)


def _failovers(facts: Facts) -> Iterator[Failover]:
    counts: Counter[Failover] = Counter()
    for receipt in facts.played.receipts.values():
        for earlier, later in zip(receipt.attempts, receipt.attempts[1:], strict=False):
            if earlier.provider != later.provider:
                counts[_failover(earlier, later)] += 1
    for kind, count in sorted(counts.items(), key=lambda item: (item[0].from_provider, item[0].code)):
        yield msgspec.structs.replace(kind, count=count)


def _failover(earlier: Attempt, later: Attempt) -> Failover:
    fault: Fault | None = None
    match earlier.outcome:
        case Refused():
            cause, fault, code = FailoverCause.REFUSED, earlier.outcome.fault, earlier.outcome.code
        case Unknown():
            cause, code = FailoverCause.UNKNOWN, earlier.outcome.code
        case Accepted():
            cause, code = FailoverCause.NO_RESULT, None
    return Failover(
        from_provider=earlier.provider, to_provider=later.provider, cause=cause, fault=fault, code=code or "", count=1
    )


def _spending(facts: Facts, tally: Tally) -> Iterator[Spending]:
    for provider, currency in facts.played.currencies.items():
        booked = tally.spent_by(provider)
        in_doubt = _charged(facts, provider) - booked
        yield Spending(provider=provider, currency=currency, booked=booked, in_doubt=in_doubt)


def _charged(facts: Facts, provider: str) -> Decimal:
    return sum((copy.price for copy in facts.played.copies if copy.provider == provider), Decimal(0))


def _savings(facts: Facts, tally: Tally) -> Savings:
    prices = [price for charged in tally.spent.values() for price in charged]
    taken = [name for name, receipt in facts.played.receipts.items() if receipt.provider is not None]
    return Savings(
        currency=facts.played.rates.currency,
        spent=sum((facts.played.rates.comparable(price) for price in prices), Decimal(0)),
        dearest=sum((facts.played.dearest[name] for name in taken if name in facts.played.dearest), Decimal(0)),
    )


def _balances(facts: Facts) -> Iterator[BalanceRow]:
    for provider, currency in facts.played.currencies.items():
        before, after = facts.played.before[provider], facts.played.after[provider]
        charged = _charged(facts, provider)
        believed = facts.played.believed.get(provider)
        yield BalanceRow(
            provider=provider,
            currency=currency,
            before=before,
            charged=charged,
            other=after - before + charged,
            after=after,
            believed=believed.amount if believed is not None else None,
        )


def _doubts(facts: Facts) -> Iterator[Doubt]:
    masker = Masker()
    copies = by_number(facts.played.copies)
    for case in facts.cases:
        receipt = facts.played.receipts.get(case.name)
        if receipt is None:
            continue
        for attempt, later in zip(receipt.attempts, (*receipt.attempts[1:], None), strict=True):
            unknown = attempt.first_unknown or attempt.outcome
            if not isinstance(unknown, Unknown):
                continue
            yield Doubt(
                message=case.name,
                channel=case.channel,
                message_class=case.message.message_class,
                to=masker.mask(receipt.to),
                provider=attempt.provider,
                reason=unknown.reason,
                code=unknown.code,
                taken=any(copy.provider == attempt.provider for copy in copies.get((case.channel, receipt.to), ())),
                settlement=_settlement(attempt, later),
                next_provider=later.provider if later is not None else None,
            )


def _settlement(attempt: Attempt, later: Attempt | None) -> Settlement:
    match attempt.outcome:
        case Accepted():
            return Settlement.REPORTED if attempt.settled_by is SettledBy.REPORT else Settlement.TAKEN
        case Refused():
            return Settlement.NOT_TAKEN
        case Unknown():
            return Settlement.SENT_AGAIN if later is not None else Settlement.LEFT_UNKNOWN


def _duplicates(facts: Facts) -> Iterator[Duplicate]:
    masker = Masker()
    copies = by_number(facts.played.copies)
    for case in facts.cases:
        if case.to is None or case.channel is Channel.HLR:
            continue
        taken = [copy.provider for copy in copies.get((case.channel, case.to), ())]
        if len(taken) > 1:
            yield Duplicate(
                message=case.name,
                message_class=case.message.message_class,
                to=masker.mask(case.to),
                providers=tuple(taken),
                allowed=len(taken) in case.copies,
            )
