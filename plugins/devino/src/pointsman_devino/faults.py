"""Judges an answer that is no success: by the tables of codes, else by its HTTP status."""

import msgspec

from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import FaultRow, Oddity, Operation, Response, SessionExpired, http_verdict
from pointsman_devino import viber_rules
from pointsman_devino.rules import REST_RULES, Failure, Rule
from pointsman_devino.viber_rules import VIBER_RULES
from pointsman_devino.wire import Body, Error

RULES: tuple[Rule, ...] = (*REST_RULES, *VIBER_RULES)
"""In order: the first row that holds is the one. The words of Viber count only in answers about Viber."""

FAULTS: tuple[FaultRow, ...] = tuple(rule.row for rule in RULES)


def rule_for(failure: Failure) -> Rule | None:
    """Return the row for a failure; None when the code is not documented."""
    return _first(RULES, failure)


def _first(rules: tuple[Rule, ...], failure: Failure) -> Rule | None:
    return next((rule for rule in rules if rule.holds(failure)), None)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer that is no success came to."""

    outcome: Refused | Unknown | SessionExpired
    divisible: bool = False
    """It may be the fault of one message among several, or of their number."""
    oddities: tuple[Oddity, ...] = ()


NOT_AN_ERROR = 0
"""The table leaves the code of "Operation complete" blank; a zero says the same and refuses nothing."""

_STATUS_SAYS_MORE = frozenset({401, 404, 405, 413, 414, 429, 431})
"""With a code that nobody documented, these say what is wrong; 400 and 403 come with any refusal."""


def judge(
    body: Body, response: Response, operation: Operation, *, session: bool, viber: bool = False
) -> Verdict | None:
    """Judge an answer by the error in its body, else by its HTTP status; None when neither speaks of an error.

    `session` says whether the call carried a session: the same code then means that it expired, not that the password
    is wrong. `viber` says that it was about Viber, where the description is the code, if it is one of theirs.
    """
    if viber and body.error is not None:
        word = body.error.detail.strip().lower()
        if word == viber_rules.NOT_AN_ERROR:
            return None
        failure = Failure(code=word, detail=body.error.detail, operation=operation, session=session)
        spoken = _first(VIBER_RULES, failure)
        if spoken is not None:
            return _by_rule(spoken, word, body.error.detail)
    error = body.error if body.error is not None and body.error.code != NOT_AN_ERROR else None
    if error is not None:
        code = str(error.code)
        rule = _first(REST_RULES, Failure(code=code, detail=error.detail, operation=operation, session=session))
        return _undocumented(error, response, operation) if rule is None else _by_rule(rule, code, error.detail)
    outcome = http_verdict(response, operation)
    if outcome is None:
        return None
    rule = _first(REST_RULES, Failure(code=f"http_{response.status}", detail="", operation=operation, session=session))
    if rule is not None:
        return _by_rule(rule, rule.row.code, "")
    return Verdict(outcome=outcome, divisible=isinstance(outcome, Refused) and outcome.fault is Fault.LIMIT)


def _by_rule(rule: Rule, code: str, detail: str) -> Verdict:
    row = rule.row
    if row.session:
        return Verdict(outcome=SessionExpired(code=code, detail=detail))
    if row.fault is None:
        return Verdict(outcome=Unknown(reason=UnknownReason.GATEWAY, code=code, detail=detail))
    refused = Refused(fault=row.fault, code=code, detail=detail, certain=rule.certain)
    return Verdict(outcome=refused, divisible=rule.divisible)


def _undocumented(error: Error, response: Response, operation: Operation) -> Verdict:
    """Read an unknown code as a refusal of this message, unless the HTTP status makes even that doubtful."""
    by_status = http_verdict(response, operation)
    doubtful = response.status in _STATUS_SAYS_MORE or response.status >= 500
    outcome = (
        msgspec.structs.replace(by_status, code=str(error.code), detail=error.detail)
        if by_status is not None and doubtful
        else Refused(fault=Fault.DECLINED, code=str(error.code), detail=error.detail)
    )
    return Verdict(outcome=outcome, oddities=(Oddity.UNDOCUMENTED_CODE,))


UNREADABLE = Refused(fault=Fault.UNAVAILABLE, detail="the answer could not be read")
"""For a call that only reads: nothing was lost, it may be asked again."""


def refusal(verdict: Verdict) -> Refused | SessionExpired:
    """Return the verdict on a call that only reads: where a submit would be in doubt, it merely failed."""
    match verdict.outcome:
        case Unknown(code=code, detail=detail):
            return Refused(fault=Fault.UNAVAILABLE, code=code, detail=detail)
        case outcome:
            return outcome
