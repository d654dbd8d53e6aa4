"""Compares money, requests and what was asked for besides, as the router told it and as the sandboxes saw it."""

from collections import Counter
from decimal import Decimal
from fnmatch import fnmatchcase

from pointsman.events import Called, Operation, Spent
from pointsman.message import Channel
from pointsman.outcome import Accepted, Attempt, Unknown, UnknownReason
from pointsman.routing.merge import is_final
from pointsman.sandbox import Action, SandboxRequest

from .ledgers import TELLERS, Differences, Match, Truth, Try
from .story import segments_taken
from .traffic import PRICES

ENDPOINTS = {
    "devino": {
        "User/SessionId": {Operation.LOGIN},
        "User/Balance": {Operation.BALANCE},
        "Sms/In": {Operation.INBOX},
        "Sms/Statistics": {Operation.STATISTICS},
        "*/State": {Operation.POLL},
        "*/Send*": {Operation.SUBMIT},
    },
    "smstele": {"sendsms": {Operation.SUBMIT}, "status": {Operation.POLL, Operation.RECONCILE}},
    "affiliate": {
        "hlr/create": {Operation.SUBMIT, Operation.RECONCILE},
        "hlr/[rs]*": {Operation.POLL},
        "hlr/prices": {Operation.PRICES},
    },
}
ENDPOINTS["second"] = ENDPOINTS["devino"]

# -- money -------------------------------------------------------------------------------------------------------------


def coins(truth: Truth) -> Differences:
    """What receipts say that a message cost is what its provider charged for it; doubts have no price."""
    for match in truth.matches:
        prices = [one.attempt.price for one in match.taken if one.attempt.price is not None]
        if any(price.currency != truth.story.boxes[match.account].currency for price in prices):
            yield f"{match} costs {prices} in the receipts"
        booked = sum((price.amount for price in prices), Decimal(0))
        if match.taken and booked != _charged(truth, match):
            yield f"{match} costs {_charged(truth, match)}, but {booked} by the receipts ({len(match.taken)} of them)"
    for record in truth.story.records:
        for attempt in record.attempts:
            if not isinstance(attempt.outcome, Accepted) and attempt.price is not None:
                yield f"{Try(record, attempt)} costs {attempt.price}, though it is not accepted"


def _charged(truth: Truth, match: Match) -> Decimal:
    """Return what a message must have cost by what we can know: what was told, else what our list says."""
    if match.account == "affiliate" and any(one.attempt.outcome.price is None for one in match.taken):
        return AFFILIATE_LISTED
    if match.account in TELLERS and not _price_told(match):
        return match.message.price * (1 if truth.story.setup.true_prices else 2)
    return match.message.price


def _price_told(match: Match) -> bool:
    """Say whether Devino told the price of all segments with their final states."""
    payer = next(one for one in match.taken if not one.attempt.shared)
    final = {
        one.provider_id
        for one in payer.record.reports
        if one.number == payer.attempt.number and is_final(one.report) and one.report.price is not None
    }
    return len(final) == match.message.segments


AFFILIATE_LISTED = Decimal("0.0050")


def sums(truth: Truth) -> Differences:
    """An account lost what its receipts and doubts say, to the coin; our own book agrees with it."""
    story = truth.story
    for account, box in story.boxes.items():
        here = [match for match in truth.matches if match.account == account]
        charged = sum((match.message.price for match in here), Decimal(0))
        if charged != box.account.spent:
            yield f"{account} charged {box.account.spent}, but its messages cost {charged}"
        attempts = [one for record in story.records for one in record.attempts if one.provider == account]
        prices = [one.price.amount for one in attempts if one.price is not None]
        spent = [one.price.amount for one in story.events if isinstance(one, Spent) and one.provider == account]
        if sum(prices) != sum(spent):
            yield f"{account}: {sum(spent)} was told as spent, but {sum(prices)} stands in the receipts"
        balance = story.statuses[account].balance
        if account in TELLERS:
            expected = box.account.balance
        else:
            doubts = [one for one in attempts if isinstance(one.outcome, Unknown)]
            expected = story.opening[account] - sum(prices) - sum(_held(truth, one) for one in doubts)
        if balance is None or balance.amount != expected:
            yield f"the router has {balance} on the account of {account}, where {expected} is left"


def _held(truth: Truth, doubt: Attempt) -> Decimal:
    """Return what counts as spent for an attempt in doubt: its price by our list."""
    record = next(one for one in truth.story.records if doubt in one.attempts)
    envelope = record.envelope
    if doubt.shared:
        return Decimal(0)
    if doubt.provider == "affiliate":
        return AFFILIATE_LISTED
    match envelope.channel:
        case Channel.HLR:
            return Decimal("0.30")
        case Channel.VIBER:
            return Decimal("1.50")
        case Channel.SMS:
            return Decimal(PRICES.get(envelope.to[:4], PRICES[""])) * envelope.parts


# -- requests ----------------------------------------------------------------------------------------------------------


def requests(truth: Truth) -> Differences:
    """Every request that a sandbox saw was told in exactly one event, with the status that it was answered with."""
    story = truth.story
    for account, box in story.boxes.items():
        if any(request.endpoint == "" for request in box.ledger.requests):
            yield f"{account} was asked for a path that it does not have"
        calls = [one for one in story.events if isinstance(one, Called) and one.provider == account and one.left]
        known = set()
        for pattern, operations in ENDPOINTS[account].items():
            seen = [one for one in box.ledger.requests if fnmatchcase(one.endpoint, pattern)]
            told = [one for one in calls if one.operation in operations]
            known |= operations
            if len(seen) != len(told):
                yield f"{account} saw {len(seen)} requests at {pattern}, and {len(told)} calls were told"
            statuses = Counter(status for one in seen if (status := _status(one)) is not None)
            missing = statuses - Counter(one.http_status for one in told)
            if missing.total() > _late(seen, told):
                yield f"{account} answered {pattern} with {dict(missing)} more often than was told"
        others = [one.operation for one in calls if one.operation not in known]
        if others:
            yield f"{account} was told to have been called for {others}"
    made = Counter(
        message_id
        for one in story.events
        if isinstance(one, Called) and one.operation is Operation.SUBMIT
        for message_id in one.message_ids
    )
    for record in story.records:
        calls_told = sum(attempt.calls for attempt in record.attempts)
        if made[record.envelope.id] != calls_told:
            travelled = made[record.envelope.id]
            yield f"message {record.envelope.id} travelled {travelled} times, its attempts say {calls_told}"


def _late(seen: list[SandboxRequest], told: list[Called]) -> int:
    """Return how many answers came too late for us although no fault struck: on a busy machine real time runs out."""
    hung = sum(one.fault is not None and one.fault.action is Action.HANG for one in seen)
    return max(sum(one.http_status is None and one.code == UnknownReason.TIMEOUT for one in told) - hung, 0)


def _status(request: SandboxRequest) -> int | None:
    """Return the status with which a request was answered for certain."""
    fault = request.fault
    whole = fault is None or fault.action in {Action.ANSWER, Action.ERROR, Action.QUIRK}
    return request.status if whole else None


# -- what was asked for besides ----------------------------------------------------------------------------------------


def inboxes(truth: Truth) -> Differences:
    """Every letter was read exactly once, with its own words."""
    for account, letters in truth.story.letters.items():
        read = [(one.id, one.sender, one.to, one.text) for one in letters]
        there = [(str(one.id), one.sender, one.to, one.text) for one in truth.story.boxes[account].inbox]
        if sorted(read) != sorted(there):
            yield f"{account} has {len(there)} letters, {len(read)} were read; {set(there) ^ set(read)}"


def figures(truth: Truth) -> Differences:
    """The figures count the segments that the provider had taken, and every quoted price is the one of its tariff."""
    for one in truth.story.asked:
        total = one.figures.sums.total_with_errors
        if total is None or not one.before <= total <= one.after:
            yield f"the figures count {total} segments, where {one.before} to {one.after} had been taken"
    last = truth.story.asked[-1].figures.sums if truth.story.asked else None
    box = truth.story.bench.devino
    if last is not None and last.total_with_errors != segments_taken(box):
        yield f"the last figures count {last.total_with_errors} segments of {segments_taken(box)}"
    dialling = {"RU": "7", "UA": "380", "KZ": "77", "BY": "375", "HK": "852"}
    tariff = truth.story.bench.affiliate.tariffs[truth.story.setup.tariff]
    for quotes in truth.story.quotes:
        told = {one.quote.country: one.quote.price.amount for one in quotes}
        if told != {country: tariff.price(prefix) for country, prefix in dialling.items()}:
            yield f"affiliate's prices were read as {told}"
