"""A submit as a call: its request, what its answer may be, and how it counts."""

from collections.abc import Callable, Sequence
from types import UnionType

from pointsman.engine.calling import Plan, Subject, Verdict
from pointsman.engine.queue import Load
from pointsman.engine.soundness import is_outcome, is_refusal
from pointsman.events import CallOutcome, Operation
from pointsman.message import Money
from pointsman.outcome import Accepted, Fault, Outcome, Refused, Unknown
from pointsman.plugin import Batch, Each, Provider, Request, Resubmit, Session, Whole

Submitted = Each | Whole | Resubmit


def submit_plan(
    provider: Provider, load: Load, batch: Callable[[], Batch], request: Request | None = None
) -> Plan[Submitted]:
    """Return the call that submits a batch, with a request of the plugin's own where it has one.

    `batch` is asked anew for each request, because lives go by while somebody logs in.
    """

    def build(session: Session | None) -> Request:
        return request if request is not None else provider.submit_request(batch(), session)

    return Plan(
        operation=Operation.SUBMIT,
        subject=_subject(load, batch()),
        build=build,
        read=lambda response: provider.read_submit(batch(), response),
        sound=lambda value: _sound(value, len(load.places)),
        judge=lambda value: _judge(value, load),
    )


def divisible(result: Each | Whole) -> bool:
    """Say whether halves of the batch may fare better than the whole did: nothing was sent, and nobody was named."""
    if not isinstance(result, Whole) or not isinstance(result.outcome, Refused):
        return False
    return result.divisible or result.outcome.fault is Fault.LIMIT


def _subject(load: Load, batch: Batch) -> Subject:
    if len(load.places) == 1 and len(load.places[0]) == 1:
        (alone,) = load.places[0]
        return Subject(batch.channel, (alone.message_id,), (batch.items[0].to,), alone.number, alone.decision_id)
    return Subject(
        channel=batch.channel,
        message_ids=tuple([ticket.message_id for ticket in load.tickets()]),
        to=tuple([item.to for item in batch.items]),
    )


def _sound(value: object, size: int) -> bool:
    match value:
        case Each(outcomes):
            return _is(outcomes, tuple) and len(outcomes) == size and all(is_outcome(one) for one in outcomes)
        case Whole(outcome=outcome, divisible=divisible):
            return _is(divisible, bool) and _is(outcome, Refused | Unknown) and is_outcome(outcome)
        case Resubmit(request=request, batch=batch, reason=reason):
            return _is(request, Request) and _is(batch, Batch) and len(batch.items) == size and is_refusal(reason)
        case _:
            return False


def _is(value: object, kind: type | UnionType) -> bool:
    """A Struct's constructor does not check types, so a plugin may have put anything there."""
    return isinstance(value, kind)


def _judge(value: Submitted, load: Load) -> Verdict:
    match value:
        case Each(outcomes):
            return _together(outcomes, load)
        case Whole(outcome=outcome):
            return _one(outcome)
        case Resubmit(reason=reason):
            return _one(reason)


def _together(outcomes: tuple[Outcome, ...], load: Load) -> Verdict:
    """Judge a batch by its messages: alike, or mixed."""
    price = _sum(
        [
            outcome.price or place[0].price
            for outcome, place in zip(outcomes, load.places, strict=True)
            if isinstance(outcome, Accepted)
        ]
    )
    if len(outcomes) == 1:
        return _one(outcomes[0], price)
    verdicts = {_one(outcome, price) for outcome in outcomes}
    kinds = {verdict.outcome for verdict in verdicts}
    if len(kinds) > 1:
        return Verdict(outcome=CallOutcome.MIXED, price=price)
    return verdicts.pop() if len(verdicts) == 1 else Verdict(outcome=kinds.pop(), price=price)


def _one(outcome: Outcome, price: Money | None = None) -> Verdict:
    match outcome:
        case Accepted():
            return Verdict(CallOutcome.ACCEPTED, price=price)
        case Refused():
            return Verdict(CallOutcome.REFUSED, outcome.fault, outcome.code, outcome.detail, price)
        case Unknown():
            return Verdict(CallOutcome.UNKNOWN, None, outcome.code or outcome.reason, outcome.detail, price)


def _sum(prices: Sequence[Money | None]) -> Money | None:
    """Add up what is known, if it is all of one currency."""
    known = [price for price in prices if price is not None]
    if len(known) < 2:
        return known[0] if known else None
    if len({price.currency for price in known}) > 1:
        return None
    return Money(sum((price.amount for price in known[1:]), known[0].amount), known[0].currency)
