"""Compares what receipts say with what the sandboxes' ledgers say: message by message, report by report, coin by coin.

`first_difference` returns the first difference in words, or None. Everything here is written from the providers' side:
a message of a ledger is matched to an attempt, and what is known of it there is what the receipt has to say.
"""

from collections.abc import Callable

from pointsman.events import Called, CallOutcome, Operation
from pointsman.message import Channel, MessageClass
from pointsman.outcome import Accepted, Attempt, LookupState, Receipt, State, Unknown
from pointsman.sandbox import Fate
from pointsman.store import Record

from .accounts import coins, figures, inboxes, requests, sums
from .ledgers import TELLERS, Differences, Match, Truth, Try
from .story import Story

MESSAGES = {
    Fate.DELIVERED: State.DELIVERED,
    Fate.UNDELIVERED: State.UNDELIVERED,
    Fate.EXPIRED: State.EXPIRED,
    Fate.REJECTED: State.REJECTED,
    Fate.DELETED: State.REJECTED,
    Fate.UNKNOWN: State.UNKNOWN,
    Fate.STUCK: State.UNKNOWN,
}
"""How a message ends, in the words of a receipt."""
DEVINO_VIBER = {**MESSAGES, Fate.REJECTED: State.UNDELIVERED, Fate.DELETED: State.UNDELIVERED}
"""Its Viber has no word for a message that was rejected or deleted; both are its "error"."""
LOOKUPS = {
    "devino": {
        Fate.REACHABLE: LookupState.REACHABLE,
        Fate.ABSENT: LookupState.ABSENT,
        Fate.NONEXISTENT: LookupState.NONEXISTENT,
        Fate.FAILED: LookupState.FAILED,
    },
    "smstele": {
        Fate.REACHABLE: LookupState.REACHABLE,
        Fate.ABSENT: LookupState.ABSENT,
        Fate.NONEXISTENT: LookupState.FAILED,
    },
    "affiliate": {
        Fate.REACHABLE: LookupState.REACHABLE,
        Fate.ABSENT: LookupState.ABSENT,
        Fate.FAILED: LookupState.FAILED,
    },
}
"""How a lookup ends at each provider; whatever is missing is unknown."""
LOOKUPS["second"] = LOOKUPS["devino"]
BEST_STATES = (
    State.DELIVERED,
    State.RESOLVED,
    State.UNKNOWN,
    State.UNDELIVERED,
    State.EXPIRED,
    State.REJECTED,
    State.FAILED,
)
"""Of several copies the best counts."""
BEST_LOOKUPS = (
    {LookupState.REACHABLE, LookupState.ABSENT, LookupState.NONEXISTENT},
    {LookupState.FAILED},
    {LookupState.UNKNOWN},
)
NO_REPORT = "no_report"


def all_told(truth: Truth) -> Differences:
    """Every message has a receipt, and an end."""
    story = truth.story
    for receipt in story.receipts.values():
        if receipt.state in {State.ACCEPTED, State.SCHEDULED, State.SENDING, State.SENT}:
            yield f"{receipt.channel} {receipt.id} to {receipt.to} never ended: {receipt.state}"
    if story.refused_at_the_door:
        yield f"{story.refused_at_the_door} good messages were not taken"


def places(truth: Truth) -> Differences:
    """What is accepted is in a ledger, and what is in a ledger is accepted or in doubt."""
    yield from truth.problems
    for match in truth.matches:
        for one in match.taken:
            yield from _contents(truth, one, match)


def _contents(truth: Truth, one: Try, match: Match) -> Differences:
    envelope, outcome, message = one.record.envelope, one.attempt.outcome, match.message
    if message.channel is Channel.SMS:
        if envelope.segments is None or envelope.segments.count != message.segments:
            yield f"{one} has {envelope.segments} and {match} has {message.segments} segments"
        complete = match.account in TELLERS and len(outcome.ids) not in (0, message.segments)
        if complete and not _struck(truth, match, "one-id-less"):
            yield f"{one} knows {len(outcome.ids)} ids of {match}"
    if match.account == "affiliate" and message.reference != one.attempt.ref:
        yield f"{one} went out as {one.attempt.ref}, but {match} has the reference {message.reference}"
    if message.course.sent_at < envelope.due - 1:  # dates go over the wire in whole seconds
        yield f"{match} was sent {envelope.due - message.course.sent_at:.1f} s before it was due"


def _struck(truth: Truth, match: Match, code: str) -> bool:
    """Say whether a quirk struck the request in which a message came."""
    requests = truth.story.boxes[match.account].ledger.requests
    fault = requests[match.message.request_number - 1].fault
    return fault is not None and fault.code == code


LOST = frozenset({State.UNDELIVERED, State.REJECTED, State.EXPIRED})
"""Ends after which a message may be sent again by another provider."""


def _end_of(match: Match, receipt: Receipt) -> State:
    """Return how a copy ends by the ledger, in the words of its provider's reports."""
    table = DEVINO_VIBER if _is_devino_viber(receipt, match.account) else MESSAGES
    return table[match.message.course.fate]


def copies(truth: Truth) -> Differences:
    """A message is out once, unless its class prefers a second copy to a loss; and then the receipt says so.

    A copy that was lost may be followed by one more: that is no second copy of anything that arrives.
    """
    for message_id, receipt in truth.story.receipts.items():
        out = {id(match): match for match in truth.of_message[message_id]}
        if receipt.channel is Channel.HLR:
            continue
        what = f"{receipt.channel} {message_id} to {receipt.to} ({receipt.message_class})"
        most = 2 if policy(truth.story, receipt) == "next" else 1
        in_order = sorted(out.values(), key=lambda match: match.message.course.sent_at)
        lost = any(_end_of(match, receipt) in LOST for match in in_order[:-1])
        in_earnest = len(out) - lost
        if in_earnest > most:
            yield f"{what} is out {len(out)} times: {', '.join(map(str, out.values()))}"
        if in_earnest > 1 and not receipt.possible_duplicate:
            yield f"{what} is out {len(out)} times, and its receipt does not say so"
        doubts = [one for one in receipt.attempts if isinstance(one.outcome, Unknown)]
        if len(out) > sum(isinstance(one.outcome, Accepted) for one in receipt.attempts) + len(doubts):
            yield f"{what} has more copies than attempts"


def policy(story: Story, receipt: Receipt) -> str:
    """Return what an unknown outcome leads to."""
    if story.setup.on_unknown is not None:
        return story.setup.on_unknown
    otp = receipt.message_class is MessageClass.OTP
    return "next" if otp or receipt.channel is Channel.HLR else "reconcile"


def ends(truth: Truth) -> Differences:
    """The state of a message is that of its best copy, if none is in doubt; without a copy it is what attempts say."""
    for record in truth.story.records:
        receipt = truth.story.receipts[record.envelope.id]
        what = f"{receipt.channel} {receipt.id} to {receipt.to}"
        accepted = [one for one in record.attempts if isinstance(one.outcome, Accepted)]
        if not accepted:
            in_doubt = any(isinstance(one.outcome, Unknown) for one in record.attempts)
            fine = {State.UNKNOWN} if in_doubt else {State.FAILED, State.EXPIRED, State.CANCELLED}
            if receipt.state not in fine:
                yield f"{what} is {receipt.state}, though nobody accepted it; in doubt: {in_doubt}"
            continue
        fates = [_fate(truth, record, attempt) for attempt in accepted]
        if receipt.channel is Channel.HLR:
            yield from _lookup_end(what, receipt, fates, [one.provider for one in accepted])
            continue
        tables = [DEVINO_VIBER if _is_devino_viber(receipt, one.provider) else MESSAGES for one in accepted]
        best = min((table[fate] for table, fate in zip(tables, fates, strict=True)), key=BEST_STATES.index)
        if best in LOST and any(isinstance(one.outcome, Unknown) for one in record.attempts):
            best = State.UNKNOWN  # the copy that nobody knows of may have arrived
        if receipt.state is not best:
            yield f"{what} is {receipt.state}, but {best} by the ledger"


def _is_devino_viber(receipt: Receipt, account: str) -> bool:
    return receipt.channel is Channel.VIBER and account in TELLERS


def _fate(truth: Truth, record: Record, attempt: Attempt) -> Fate:
    """Return how an accepted copy ended; unknown, where nobody could be asked or nobody answered in time."""
    match = truth.of_try[record.envelope.id, attempt.number]
    ids = attempt.outcome.ids
    if not ids:
        return Fate.UNKNOWN
    reports = [one.report for one in record.reports if one.number == attempt.number]
    given_up = any(report.code == NO_REPORT for report in reports)
    if given_up and not _was_told(truth, match, record.envelope.id):
        return Fate.UNKNOWN
    return match.message.course.fate


def _was_told(truth: Truth, match: Match, message_id: str) -> bool:
    """Say whether the provider answered a question about a message after its end."""
    odd = {"foreign-row", "other-number"}
    faults = (request.fault for request in truth.story.boxes[match.account].ledger.requests)
    if match.message.channel is Channel.HLR and any(fault is not None and fault.code in odd for fault in faults):
        return False
    return any(
        isinstance(event, Called)
        and event.operation is Operation.POLL
        and event.provider == match.account
        and event.outcome is CallOutcome.ANSWERED
        and message_id in event.message_ids
        and event.at - event.duration > match.message.course.final_at
        for event in truth.story.events
    )


def _lookup_end(what: str, receipt: Receipt, fates: list[Fate], accounts: list[str]) -> Differences:
    found = {LOOKUPS[account].get(fate, LookupState.UNKNOWN) for fate, account in zip(fates, accounts, strict=True)}
    best = next(rank & found for rank in BEST_LOOKUPS if rank & found)
    told = receipt.lookup.state if receipt.lookup is not None else None
    if told not in best:
        yield f"{what} found {told}, but by the ledger {sorted(found)}"
    state = State.RESOLVED if best <= BEST_LOOKUPS[0] else State.FAILED
    if receipt.state is not state:
        yield f"{what} is {receipt.state}, but {state} by the ledger"


COMPARISONS: tuple[Callable[[Truth], Differences], ...] = (
    all_told,
    places,
    copies,
    ends,
    coins,
    sums,
    requests,
    inboxes,
    figures,
)


def first_difference(story: Story) -> str | None:
    """Return the first difference between the two sides of a story, with its seed; None when there is none."""
    truth = Truth(story)
    for compare in COMPARISONS:
        for difference in compare(truth):
            return f"seed {story.seed}: {difference}"
    return None
