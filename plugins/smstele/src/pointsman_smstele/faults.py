"""What SMStele's codes mean: one table, and the rule for reading it.

The document's examples contradict its table of codes: they call a missing `phones` −24 and an empty one −25, the table
−25 and −26, while −22 and −35 agree. No constant shift explains that. So the description decides, because it names the
parameter; the number decides only where the description names none.
"""

import enum
import re

import msgspec

from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import FaultRow, Oddity, Operation
from pointsman_smstele.wire import NO_INFORMATION, ErrorAnswer


class Complaint(enum.Enum):
    """What a description finds wrong with a parameter."""

    MISSING = "missing"
    INVALID = "invalid"


class Remedy(enum.Enum):
    """What may turn the same batch into one that is taken. Safe, because a refusal means that nothing was sent."""

    NONE = "none"
    NEW_ID = "new id"
    WITHOUT_VALIDITY = "without validity"
    DIVIDE = "divide"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: the published row and what the plugin needs beyond it."""

    row: FaultRow
    says: tuple[tuple[Complaint, str], ...] = ()
    """Complaints and parameters in a description for which this line holds, whatever the number is."""
    remedy: Remedy = Remedy.NONE


def _rule(
    code: str,
    name: str,
    fault: Fault | None,
    *says: tuple[Complaint, str],
    remedy: Remedy = Remedy.NONE,
    unknown: bool = False,
    when: str = "",
) -> Rule:
    words = " or ".join(f"{complaint.value} '{parameter}'" for complaint, parameter in says)
    row = FaultRow(
        code=code,
        name=name,
        fault=fault,
        operations=(Operation.SUBMIT, Operation.RECONCILE, Operation.POLL),
        when=when or (f"or the description says {words}" if words else ""),
        unknown=unknown,
        source="SMStele HTTP API, table of error codes",
    )
    return Rule(row=row, says=says, remedy=remedy)


_MISSING, _INVALID = Complaint.MISSING, Complaint.INVALID

_ANOTHER_PARAMETER = _rule("*", "REXSMSCE (any)", Fault.REQUEST, when="the description names any other attribute")
_UNDOCUMENTED = _rule("other", "undocumented", Fault.DECLINED, when="a negative code that the table does not list")
WRONG_PATH = FaultRow(
    code="http_404",
    name="Not Found",
    fault=Fault.REQUEST,
    operations=(Operation.SUBMIT, Operation.RECONCILE, Operation.POLL),
    http=404,
    when="no readable body: the path of base_url may be wrong",
    source="SMStele HTTP API spells the path both cgi-bin and cgibin",
)

RULES: tuple[Rule, ...] = (
    _rule("0", "REXSMSCE_NOERROR", None, unknown=True, when="without messages"),
    _rule(str(NO_INFORMATION), "not in the table", None, unknown=True, when="as the error of a whole request"),
    _rule("-1", "REXSMSCE_SYSERR", Fault.UNAVAILABLE),
    _rule("-2", "REXSMSCE_NOMEMORY", Fault.UNAVAILABLE),
    _rule("-6", "REXSMSCE_NYI", Fault.UNSUPPORTED),
    _rule("-21", "REXSMSCE_MISSING_LOGIN", Fault.CREDENTIALS, (_MISSING, "login")),
    _rule("-22", "REXSMSCE_MISSING_PASSWORD", Fault.CREDENTIALS, (_MISSING, "psw")),
    _rule("-23", "REXSMSCE_INVALID_LOGIN_OR_PASS", Fault.CREDENTIALS, (_INVALID, "login"), (_INVALID, "psw")),
    _rule("-24", "REXSMSCE_IP_NOT_ALLOWED", Fault.FORBIDDEN),
    _rule("-25", "REXSMSCE_MISSING_DESTINATION_ADDRESS", Fault.REQUEST, (_MISSING, "phones")),
    _rule(
        "-26",
        "REXSMSCE_INVALID_DESTINATION_ADDRESS",
        Fault.RECIPIENT,
        (_INVALID, "phones"),
        remedy=Remedy.DIVIDE,
    ),
    _rule("-27", "REXSMSCE_MISSING_TEXT", Fault.CONTENT, (_MISSING, "mes"), (_INVALID, "mes")),
    _rule(
        "-28",
        "REXSMSCE_INVALID_VALIDITY",
        Fault.REQUEST,
        (_MISSING, "validity"),
        (_INVALID, "validity"),
        remedy=Remedy.WITHOUT_VALIDITY,
    ),
    _rule("-29", "REXSMSCE_INVALID_DEFERRED", Fault.REQUEST, (_INVALID, "deferred")),
    _rule("-30", "REXSMSCE_INVALID_PRIORITY", Fault.REQUEST, (_INVALID, "priority")),
    _rule("-31", "REXSMSCE_INVALID_SENDER", Fault.SENDER, (_MISSING, "sender"), (_INVALID, "sender")),
    _rule("-32", "REXSMSCE_SENDER_NOT_ALLOWED", Fault.SENDER),
    _rule("-33", "REXSMSCE_INVALID_CHARSET", Fault.REQUEST, (_INVALID, "charset")),
    _rule("-34", "REXSMSCE_MISSING_MESSAGE_ID", Fault.REQUEST, (_MISSING, "id"), remedy=Remedy.NEW_ID),
    _rule("-35", "REXSMSCE_INVALID_MESSAGE_ID", Fault.REQUEST, (_INVALID, "id"), remedy=Remedy.NEW_ID),
    _rule("-41", "REXSMSCE_TOO_LONG_TEXT", Fault.LIMIT),
    _rule("-42", "REXSMSCE_TOO_MANY_SEGMENTS", Fault.LIMIT),
    _rule("-43", "REXSMSCE_NOT_ENOUGH_CREDITS", Fault.CREDITS),
    _ANOTHER_PARAMETER,
    _UNDOCUMENTED,
)

FAULTS: tuple[FaultRow, ...] = (*(rule.row for rule in RULES), WRONG_PATH)

_BY_CODE = {rule.row.code: rule for rule in RULES}
_BY_COMPLAINT = {complaint: rule for rule in RULES for complaint in rule.says}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an error comes to."""

    outcome: Refused | Unknown
    remedy: Remedy = Remedy.NONE
    oddities: tuple[Oddity, ...] = ()


def judge(error: ErrorAnswer) -> Verdict:
    """Judge the error of a whole request. The table is headed "request rejected": what it lists was not sent."""
    by_code = _by_code(error.code)
    rule = (by_code and _by_description(error.description)) or by_code
    fault = rule.row.fault if rule else None
    if by_code is None or by_code.row.fault is None or rule is None or fault is None:
        return Verdict(outcome=_says_nothing(error.code, error.description))
    oddities: tuple[Oddity, ...] = ()
    if by_code is _UNDOCUMENTED:
        oddities = (Oddity.UNDOCUMENTED_CODE,)
    elif fault is not by_code.row.fault:
        oddities = (Oddity.CODE_AND_TEXT_DISAGREE,)
    refused = Refused(fault=fault, code=error.code, detail=told(error.description))
    return Verdict(outcome=refused, remedy=rule.remedy, oddities=oddities)


def judge_row(code: int) -> Refused | Unknown:
    """Judge the error of one message in an answer that is otherwise a success.

    The document does not say that this occurs. A documented code is believed; any other leaves it to the status call,
    because the rest of the answer says that the request was taken.
    """
    rule = _BY_CODE.get(str(code))
    if rule is None or rule.row.fault is None:
        return _says_nothing(str(code), "")
    return Refused(fault=rule.row.fault, code=str(code))


def told(description: str) -> str:
    """Return a description without the values that it quotes: they may be numbers, texts or passwords."""
    without_value = re.sub(r"=.*", "=…'", description, count=1, flags=re.DOTALL)
    return re.sub(r"[0-9]{5,}", "…", without_value)[:200]


def _says_nothing(code: str, description: str) -> Unknown:
    return Unknown(reason=UnknownReason.UNREADABLE, code=code, detail=told(description))


def _by_code(code: str) -> Rule | None:
    """Return the line of a code; None for what is not a code at all."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    return _UNDOCUMENTED if re.fullmatch(r"-[0-9]+", code) else None


_ATTRIBUTE = re.compile(r"(missing|invalid)\s+attribute\W*([a-z_]+)", re.IGNORECASE)
_NO_WORD = re.compile(r"\s*no\s+([a-z_]+)\W*", re.IGNORECASE)
_UNMISTAKABLE = re.compile(r"\b(psw|phones|mes|validity|viber_validity|deferred|charset)\b", re.IGNORECASE)
_ALIASES = {"password": "psw", "phone": "phones", "text": "mes", "message": "mes", "viber_validity": "validity"}


def _by_description(description: str) -> Rule | None:
    """Return the line that a description points to; None when it names no parameter."""
    if found := _ATTRIBUTE.match(description.lstrip()):
        complaint, name = Complaint(found[1].lower()), found[2]
        return _BY_COMPLAINT.get((complaint, _parameter(name)), _ANOTHER_PARAMETER)
    if found := _NO_WORD.fullmatch(description):
        return _BY_COMPLAINT.get((_MISSING, _parameter(found[1])))
    if found := _UNMISTAKABLE.search(description):
        return _BY_COMPLAINT.get((_INVALID, _parameter(found[1])))
    return None


def _parameter(word: str) -> str:
    return _ALIASES.get(word.lower(), word.lower())
