"""Compares what came of every message with the script, and the router's story with the sandboxes' books."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from pointsman.demo.cases import Case
from pointsman.demo.stage import Copy
from pointsman.events import BreakerMoved
from pointsman.message import Channel, Msisdn
from pointsman.outcome import Accepted, Receipt, State
from pointsman.routing.breaker import BreakerState


class Deviation(msgspec.Struct, frozen=True):
    """Something that is not as the script implies."""

    about: str
    """A message by its name, or what else it is about."""
    problem: str


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """The same figure from everybody who has it."""

    events: int
    """Calls that the router told of."""
    log: int
    """Lines `provider.call`."""
    metric: int
    """The sum of `pointsman_provider_calls_total`."""
    left: int
    """Calls that left this machine, by the log."""
    arrived: int
    """Requests that the sandboxes received."""
    lines_lost: int = 0
    """Log lines that could not be written."""


Copies = Mapping[tuple[Channel, str], Sequence[Copy]]
_SENT_TO_NOBODY = frozenset({State.FAILED, State.CANCELLED})


def by_number(copies: Iterable[Copy]) -> dict[tuple[Channel, str], list[Copy]]:
    """Return what the sandboxes took, by channel and number."""
    found: dict[tuple[Channel, str], list[Copy]] = {}
    for copy in copies:
        found.setdefault((copy.channel, copy.to), []).append(copy)
    return found


def check_messages(
    cases: Sequence[Case], receipts: Mapping[str, Receipt], invalid: Collection[str], copies: Copies
) -> Iterator[Deviation]:
    """Compare states, copies and providers with the script, and the books with each other.

    `invalid` names the cases that were refused before routing.
    """
    ours = set()
    for case in cases:
        receipt = receipts.get(case.name)
        taken = copies.get((case.channel, case.to), ()) if case.to is not None else ()
        ours.add((case.channel, case.to))
        problems = (
            _state(case, receipt, case.name in invalid),
            _amount(case, taken),
            _place(case, taken),
            _contradiction(receipt, taken),
        )
        yield from (Deviation(case.name, problem) for problem in problems if problem is not None)
    for channel, number in copies:
        if (channel, number) not in ours:
            yield Deviation("sandboxes", f"one took a message ({channel}) for a number that is in no message of ours")


def _state(case: Case, receipt: Receipt | None, is_invalid: bool) -> str | None:  # noqa: FBT001
    if receipt is None:
        got = "was refused before routing" if is_invalid else "was not sent"
        as_expected = is_invalid and not case.expect
    else:
        got = f"is {receipt.state}"
        as_expected = receipt.state in case.expect
    wanted = " or ".join(sorted(case.expect)) or "refused before routing"
    return None if as_expected else f"was to be {wanted} and {got}"


def _amount(case: Case, taken: Sequence[Copy]) -> str | None:
    if len(taken) in case.copies:
        return None
    allowed = " or ".join(map(str, sorted(case.copies)))
    return f"the providers took it {len(taken)} times instead of {allowed}"


def _place(case: Case, taken: Sequence[Copy]) -> str | None:
    providers = sorted({copy.provider for copy in taken})
    if case.via is None or providers == [case.via]:
        return None
    return f"was to be taken by {case.via} and was by {', '.join(providers) or 'nobody'}"


def _contradiction(receipt: Receipt | None, taken: Sequence[Copy]) -> str | None:
    """Say where a receipt tells another story than the books of the providers."""
    if receipt is None or receipt.channel is Channel.HLR:
        return None
    fates = {copy.fate for copy in taken}
    if receipt.state in _SENT_TO_NOBODY and taken:
        return f"is {receipt.state}, but {taken[0].provider} took it"
    if receipt.state is State.DELIVERED and "delivered" not in fates:
        return "is delivered, but no provider delivered it"
    if receipt.state in {State.UNDELIVERED, State.EXPIRED, State.REJECTED} and "delivered" in fates:
        return f"is {receipt.state}, but a provider delivered it"
    return None


def check_calls(books: Books) -> Iterator[Deviation]:
    """Every call that left is one request, one line of the log and one count, and nothing else is."""
    if books.lines_lost:
        yield Deviation("log", f"{books.lines_lost} lines were lost")
    if books.arrived != books.left:
        yield Deviation("calls", f"the sandboxes received {books.arrived} requests, the log has {books.left} that left")
    if books.log != books.events:
        yield Deviation("calls", f"the log has {books.log} lines provider.call for {books.events} calls")
    if books.metric != books.events:
        yield Deviation("calls", f"pointsman_provider_calls_total is {books.metric} after {books.events} calls")


def check_money(
    provider: str, spent: Decimal, copies: Iterable[Copy], receipts: Mapping[tuple[Channel, Msisdn], Receipt]
) -> Iterator[Deviation]:
    """What a provider charged is what the router booked, but for messages that it could not know to be taken."""
    known = sum(
        (
            copy.price
            for copy in copies
            if copy.provider == provider and _knows(receipts.get((copy.channel, Msisdn(copy.to))), provider)
        ),
        Decimal(0),
    )
    if known != spent:
        yield Deviation("money", f"{provider} charged {known} for what it is known to have taken, booked are {spent}")


def _knows(receipt: Receipt | None, provider: str) -> bool:
    attempts = receipt.attempts if receipt is not None else ()
    return any(attempt.provider == provider and isinstance(attempt.outcome, Accepted) for attempt in attempts)


def check_balance(provider: str, account: Decimal, believed: Decimal | None) -> Iterator[Deviation]:
    """After the last reading the router believes what is on the account."""
    if believed != account:
        yield Deviation("balance", f"{provider} has {account} on the account, the router believes {believed}")


def check_breakers(moves: Sequence[BreakerMoved], breaking: Collection[str]) -> Iterator[Deviation]:
    """The channels that the script breaks opened and are closed by a probe; the others never moved."""
    for provider in sorted(breaking):
        steps = [(move.before, move.after) for move in moves if move.provider == provider and move.network is None]
        if (BreakerState.CLOSED, BreakerState.OPEN) not in steps:
            yield Deviation("breaker", f"{provider}: it never opened")
        elif steps[-1] != (BreakerState.PROBING, BreakerState.CLOSED):
            yield Deviation("breaker", f"{provider}: it was not closed by a probe in the end")
    for provider in sorted({move.provider for move in moves} - set(breaking)):
        yield Deviation("breaker", f"{provider}: it opened although nothing was wrong for long")
