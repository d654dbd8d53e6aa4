"""What an answer means: the judgement of creates, and of questions that were not answered, in values only."""

import enum

import msgspec

from pointsman.outcome import Accepted, Fault, Outcome, Refused, Unknown, UnknownReason
from pointsman.plugin import Batch, Each, Oddity, Operation, Reading, Response, Whole, http_verdict
from pointsman.plugin.reading import retry_after
from pointsman_affiliate_hlr.faults import SERVER_ERROR, Meaning, Rule, rule_for
from pointsman_affiliate_hlr.wire import REFERENCE_HANDLE, Answer, Created, created, decode


class Change(enum.Enum):
    """What must be different when a refused batch is sent again."""

    METHOD = enum.auto()
    REFERENCES = enum.auto()
    TARIFF = enum.auto()


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was created; the batch may be taken after this change."""

    change: Change
    reason: Refused


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer to a create came to."""

    value: Each | Whole | Again
    lenient: bool = False
    oddities: tuple[Oddity, ...] = ()


def succeeded(response: Response) -> bool:
    """Say whether the HTTP status is a success, so that a code 0 in the body can be believed."""
    return 200 <= response.status < 300


def http_rule(response: Response, description: str, operation: Operation, *, alone: bool = True) -> Rule | None:
    """Return the line of the table for an HTTP status; None for a success and for what the table does not list."""
    if response.status == 503 and retry_after(response) is not None:
        code = "http_503"
    elif response.status >= 500:
        code = SERVER_ERROR
    else:
        code = f"http_{response.status}"
    return rule_for(code, description, operation, alone=alone)


def judge(batch: Batch, response: Response) -> Verdict:
    """Judge the answer to a create.

    Entries of `result` are matched by reference and judged one by one; totals are not looked at. Without entries the
    answer speaks of the only message, or of the batch as a whole.
    """
    value, lenient = decode(response.body)
    answer = created(value) or Created(top=Answer())
    if answer.items and response.status != 405:
        verdict = _each(batch, answer, trusted=succeeded(response) and answer.top.code in (None, "0"))
    else:
        verdict = _whole(batch, answer.top, response)
    return msgspec.structs.replace(verdict, lenient=lenient)


def _each(batch: Batch, answer: Created, *, trusted: bool) -> Verdict:
    alone = len(batch.items) == 1
    by_reference = {entry.reference: entry for entry in reversed(answer.items)}
    if alone and len(answer.items) == 1 and "" in by_reference:
        by_reference = {batch.items[0].ref: answer.items[0]}
    outcomes: list[Outcome] = []
    oddities: set[Oddity] = set()
    for item in batch.items:
        entry = by_reference.pop(item.ref, None)
        if entry is None:
            outcome: Outcome = Unknown(reason=UnknownReason.UNREADABLE, detail="the answer does not mention it")
            oddity = None
        else:
            outcome, oddity = _one(entry, item.ref, trusted=trusted, alone=alone)
        outcomes.append(outcome)
        oddities |= {oddity} if oddity else set()
    oddities |= {Oddity.FOREIGN_ID} if by_reference else set()
    return Verdict(value=Each(tuple(outcomes)), oddities=tuple(sorted(oddities)))


def _one(entry: Answer, ref: str, *, trusted: bool, alone: bool) -> tuple[Outcome, Oddity | None]:
    """Judge what is said of one message; `trusted` says that nothing around it contradicts a success."""
    if entry.code is None:
        return Unknown(reason=UnknownReason.UNREADABLE, detail=entry.description or "no error code"), None
    rule = rule_for(entry.code, entry.description, Operation.SUBMIT, alone=alone)
    if rule is None:
        return _undocumented(entry), Oddity.UNDOCUMENTED_CODE
    if rule.meaning is Meaning.TAKEN and not trusted:
        unknown = Unknown(reason=UnknownReason.UNREADABLE, code=entry.code, detail="a success inside of a failure")
        return unknown, Oddity.CODE_AND_TEXT_DISAGREE
    if rule.meaning in (Meaning.TAKEN, Meaning.ALREADY_TAKEN):
        duplicate = rule.meaning is Meaning.ALREADY_TAKEN
        accepted = Accepted(
            ids=(entry.id or REFERENCE_HANDLE + ref,),
            duplicate=duplicate,
            price=None if duplicate else entry.price,
        )
        return accepted, None if entry.id else Oddity.IDS_UNMAPPED
    return refusal(rule, entry), None


def _whole(batch: Batch, top: Answer, response: Response) -> Verdict:
    """Judge an answer without entries: first by its code, then by its HTTP status."""
    alone = len(batch.items) == 1
    rule = rule_for(top.code, top.description, Operation.SUBMIT, alone=alone) if top.code else None
    if response.status == 405 or (not succeeded(response) and (rule is None or rule.meaning is Meaning.TAKEN)):
        return _by_status(top, response, alone=alone)
    if top.code is None:
        return _whole_unknown("the answer cannot be read")
    if rule is None:
        return Verdict(value=Whole(outcome=_undocumented(top)), oddities=(Oddity.UNDOCUMENTED_CODE,))
    if rule.meaning in (Meaning.TAKEN, Meaning.ALREADY_TAKEN):
        if not alone:
            return _whole_unknown("the answer names none of the numbers", top.code)
        return _each(batch, Created(top=top, items=(top,)), trusted=True)
    return _refused(rule, top, response, alone=alone)


def _by_status(top: Answer, response: Response, *, alone: bool) -> Verdict:
    if response.status < 500 and top.code == "0":
        return _whole_unknown("a success inside of a failure", top.code)
    rule = http_rule(response, top.description, Operation.SUBMIT, alone=alone)
    if rule is not None:
        return _refused(rule, top, response, alone=alone)
    verdict = http_verdict(response, Operation.SUBMIT)
    return _whole_unknown("the answer cannot be read") if verdict is None else Verdict(value=Whole(outcome=verdict))


def _refused(rule: Rule, top: Answer, response: Response, *, alone: bool) -> Verdict:
    """Turn a line of the table into the verdict on a whole request."""
    if rule.meaning is Meaning.UNCLEAR:
        code = f"http_{response.status}"
        return Verdict(value=Whole(outcome=Unknown(reason=UnknownReason.GATEWAY, code=code, detail=top.description)))
    reason = refusal(rule, top, response)
    match rule.meaning:
        case Meaning.BAD_REFERENCE:
            return Verdict(value=Again(change=Change.REFERENCES, reason=reason))
        case Meaning.BAD_METHOD:
            return Verdict(value=Again(change=Change.METHOD, reason=reason))
        case Meaning.BAD_TARIFF:
            return Verdict(value=Again(change=Change.TARIFF, reason=reason))
        case _:
            divisible = rule.divisible and not alone
            outcome = msgspec.structs.replace(reason, certain=reason.certain and not divisible)
            return Verdict(value=Whole(outcome=outcome, divisible=divisible))


def refusal(rule: Rule, said: Answer, response: Response | None = None) -> Refused:
    """The refusal that a line of the table stands for, in the provider's own code and words."""
    code = rule.row.code
    if code == SERVER_ERROR and response is not None:
        code = f"http_{response.status}"
    return Refused(
        fault=rule.row.fault or Fault.DECLINED,
        code=code,
        detail=said.description,
        certain=rule.certain,
        retry_after=retry_after(response) if response is not None and rule.row.fault is Fault.THROTTLED else None,
    )


def trouble(said: Answer, response: Response, operation: Operation, *, lenient: bool) -> Reading[tuple[()] | Refused]:
    """Judge the answer to a question that holds none; what the provider does not know is nothing, not a refusal."""
    rule = rule_for(said.code, said.description, operation) if said.code not in (None, "0") else None
    oddities = (Oddity.UNDOCUMENTED_CODE,) if rule is None and said.code not in (None, "0") else ()
    if rule is None and not succeeded(response):
        rule = http_rule(response, said.description, operation)
    if rule is not None and rule.meaning is Meaning.NOT_FOUND:
        return Reading((), lenient=lenient)
    if rule is not None:
        return Reading(refusal(rule, said, response), lenient=lenient, oddities=oddities)
    verdict = http_verdict(response, operation)
    if isinstance(verdict, Refused):
        return Reading(verdict, lenient=lenient, oddities=oddities)
    refused = Refused(fault=Fault.DECLINED, code=said.code, detail=said.description)
    return Reading(refused, lenient=lenient, oddities=oddities)


def _undocumented(said: Answer) -> Refused:
    return Refused(fault=Fault.DECLINED, code=said.code, detail=said.description)


def _whole_unknown(detail: str, code: str | None = None) -> Verdict:
    return Verdict(value=Whole(outcome=Unknown(reason=UnknownReason.UNREADABLE, code=code, detail=detail)))
