"""Compares what receipts say with what the sandboxes' ledgers say: message by message, report by report, coin by coin.

`first_difference` returns the first difference in words, or None. Everything here is written from the providers' side:
a message of a ledger is matched to an attempt, and what is known of it there is what the receipt has to say.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from fnmatch import fnmatchcase

import msgspec

from pointsman.events import Called, CallOutcome, Operation, Spent
from pointsman.message import Channel, HlrLookup, MessageClass
from pointsman.outcome import Accepted, Attempt, LookupState, Receipt, Refused, State, Unknown
from pointsman.sandbox import Action, Fate, SandboxMessage, SandboxRequest
from pointsman.store import Record

from .story import Story, segments_taken
from .traffic import PRICES

Differences = Iterator[str]

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
TELLERS = ("devino", "second")
"""Accounts that tell their balance."""
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
NO_REPORT = "no_report"


class Try(msgspec.Struct, frozen=True, eq=False):
    """One attempt with the record that it belongs to."""

    record: Record
    attempt: Attempt

    def __str__(self) -> str:
        envelope, attempt = self.record.envelope, self.attempt
        return f"attempt {attempt.number} of {envelope.channel} {envelope.id} to {envelope.to} at {attempt.provider}"

    @property
    def text(self) -> str:
        """Return what was to be sent; lookups have no text."""
        message = self.record.envelope.message
        return "" if isinstance(message, HlrLookup) else message.text

    def is_about(self, message: SandboxMessage) -> bool:
        """Say whether a message of a ledger could be this."""
        envelope = self.record.envelope
        return (message.channel, message.to, message.text) == (envelope.channel, envelope.to, self.text)


class Match(msgspec.Struct, eq=False):
    """One message of a ledger and the attempts that are about it: several where equal messages shared one place."""

    account: str
    message: SandboxMessage
    taken: list[Try] = []
    """Attempts that are accepted."""
    doubtful: list[Try] = []
    """Attempts that stayed unknown."""

    def __str__(self) -> str:
        one = self.message
        return f"{one.channel} {'+'.join(one.ids)} to {one.to} ({one.text[:12]!r}) in the ledger of {self.account}"


class Truth:
    """The ledgers of one story, matched to its attempts. `problems` tells what could not be matched."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.problems: list[str] = []
        self.matches: list[Match] = []
        self.of_message: defaultdict[str, list[Match]] = defaultdict(list)
        self.of_try: dict[tuple[str, int], Match] = {}
        self._tries = [Try(record, attempt) for record in story.records for attempt in record.attempts]
        for account in story.boxes:
            self._match(account)
        for match in self.matches:
            for one in (*match.taken, *match.doubtful):
                self.of_message[one.record.envelope.id].append(match)
                self.of_try[one.record.envelope.id, one.attempt.number] = match

    def _match(self, account: str) -> None:
        here = [one for one in self._tries if one.attempt.provider == account]
        matches = [Match(account, message) for message in self.story.boxes[account].ledger.messages]
        self.matches += matches
        accepted = [one for one in here if isinstance(one.attempt.outcome, Accepted)]
        named = [one for one in accepted if one.attempt.outcome.ids]
        for one in named:
            self._place(one, [match for match in matches if names(account, one.attempt, match.message)], matches)
        for one in accepted:
            if not one.attempt.outcome.ids:
                free = [match for match in matches if not match.taken and one.is_about(match.message)]
                self._place(one, free or _shared(one, matches), matches)
        for one in here:
            if isinstance(one.attempt.outcome, Unknown):
                found = [
                    match
                    for match in matches
                    if not match.taken
                    and one.is_about(match.message)
                    and (not match.doubtful or _shares(one, match.doubtful[0]))
                    and could_be(account, one.attempt, match.message)
                ]
                if found:
                    found[0].doubtful.append(one)
        refused = [one for one in here if isinstance(one.attempt.outcome, Refused)]
        for match in matches:
            if not match.taken and not match.doubtful:
                whose = next((one for one in refused if one.is_about(match.message)), None)
                why = f"{whose} is refused: {whose.attempt.outcome}" if whose else "no attempt is about it"
                self.problems.append(f"{match} belongs to nobody; {why}")

    def _place(self, one: Try, found: list[Match], matches: list[Match]) -> None:
        if not found:
            self.problems.append(f"{one} is accepted as {one.attempt.outcome.ids}, but the ledger has nothing like it")
        elif len(found) > 1 and one.attempt.outcome.ids:
            self.problems.append(f"{one} is accepted with ids of several messages: {', '.join(map(str, found))}")
        elif not one.is_about(found[0].message):
            self.problems.append(f"{one} is accepted as {found[0]}, which is something else ({one.text[:12]!r})")
        elif found[0].taken and not _shares(one, found[0].taken[0]):
            self.problems.append(f"{one} and {found[0].taken[0]} both claim {found[0]}")
        else:
            del matches
            found[0].taken.append(one)


def names(account: str, attempt: Attempt, message: SandboxMessage) -> bool:
    """Say whether an accepted attempt names a message of a ledger."""
    ids = attempt.outcome.ids
    match account:
        case "smstele":
            return ids == (f"{message.ids[0]}/{message.to}",)
        case "affiliate":
            return bool({message.id, f"reference/{message.reference}"}.intersection(ids))
        case _:
            return bool(set(ids).intersection(message.ids))


def could_be(account: str, attempt: Attempt, message: SandboxMessage) -> bool:
    """Say whether an attempt without an answer can be a message of a ledger, by our own reference where it has one."""
    match account:
        case "smstele":
            return message.ids[0] == attempt.call_ref
        case "affiliate":
            return message.reference == attempt.ref
        case _:
            return message.accepted_at >= attempt.started_at - 1e-6


def _shares(one: Try, other: Try) -> bool:
    """Say whether two messages may have taken one place of one request."""
    same_request = one.attempt.call_ref == other.attempt.call_ref
    return same_request and one.record.envelope.to == other.record.envelope.to and one.text == other.text


def _shared(one: Try, matches: list[Match]) -> list[Match]:
    return [match for match in matches if match.taken and _shares(one, match.taken[0])]


# -- the comparisons ---------------------------------------------------------------------------------------------------


def first_difference(story: Story) -> str | None:
    """Return the first difference between the two sides of a story, with its seed; None when there is none."""
    truth = Truth(story)
    for compare in COMPARISONS:
        for difference in compare(truth):
            return f"seed {story.seed}: {difference}"
    return None


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


def copies(truth: Truth) -> Differences:
    """A message is out once, unless its class prefers a second copy to a loss; and then the receipt says so."""
    for message_id, receipt in truth.story.receipts.items():
        out = {id(match): match for match in truth.of_message[message_id]}
        if receipt.channel is Channel.HLR:
            continue
        what = f"{receipt.channel} {message_id} to {receipt.to} ({receipt.message_class})"
        most = 2 if policy(truth.story, receipt) == "next" else 1
        if len(out) > most:
            yield f"{what} is out {len(out)} times: {', '.join(map(str, out.values()))}"
        if len(out) > 1 and not receipt.possible_duplicate:
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
    """The state of a message is that of its best copy; without a copy it is what its attempts say."""
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
    del match
    return False


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
        if sorted(prices) != sorted(spent):
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
            if missing:
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
            yield f"message {record.envelope.id} travelled {made[record.envelope.id]} times, its attempts say {calls_told}"


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
