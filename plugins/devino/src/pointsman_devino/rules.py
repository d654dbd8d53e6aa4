"""Devino's REST error codes: one table from their code to our fault, in a form that can be tested.

An error code is not the state of a message: `states` has those, under other numbers.
"""

import re

import msgspec

from pointsman.outcome import Fault
from pointsman.plugin import FaultRow, Operation

_SUBMIT = (Operation.SUBMIT,)
_POLL = (Operation.POLL,)
_ASKED = (Operation.BALANCE, Operation.INBOX, Operation.STATISTICS)
_READS = (Operation.LOGIN, Operation.POLL, *_ASKED)
_ALL = (Operation.LOGIN, Operation.SUBMIT, Operation.POLL, *_ASKED)
_ACCOUNT = (Operation.LOGIN, *_ASKED)
_IN_SESSION = (Operation.SUBMIT, Operation.POLL, *_ASKED)
_WITH_PASSWORD = (Operation.LOGIN, Operation.SUBMIT, Operation.POLL)

_DOC = "HTTP API, table 11"
_EXAMPLE = "HTTP API, example"
_CLIENT = "official C# client"
_OURS = "inference"


def _words(*stems: str) -> re.Pattern[str]:
    return re.compile("|".join(stems), re.IGNORECASE)


_SENDER = _words(r"source\s*address", "отправител")
_RECIPIENT = _words("destination", "address", "recipient", "номер", "адрес", "получател")
_DATE = _words(
    r"\b(?:send|min|max|start|end)?date(?:time|utc)*s?\b", "validity", r"\bдат(?:а|ы|е|у|ой|ам|ами|ах)?\b", "срок"
)
_LENGTH = _words(r"\blength\b", r"too long", "длин")
_TEXT = _words(r"\bdata\b", r"\btext\b", "текст")
_BINDING = _words("parameters dictionary contains a null entry")


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as the table is asked about it."""

    code: str
    """Their number as text, their word where they speak of Viber, or `http_401` for an answer without either."""
    detail: str
    operation: Operation
    session: bool
    """The call carried a session, not login and password."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table with its condition in a form that can be tested."""

    row: FaultRow
    words: re.Pattern[str] | None = None
    """The description must hold one of these; None when any will do."""
    session: bool | None = None
    """The call must (not) carry a session; None when it does not matter."""
    divisible: bool = False
    """It may be the fault of one recipient among several."""
    certain: bool = False
    """Every provider would say the same."""

    def holds(self, failure: Failure) -> bool:
        """Say whether this is the row for a failure, given that no earlier one is."""
        return (
            self.row.code == failure.code
            and failure.operation in self.row.operations
            and self.session in (None, failure.session)
            and (self.words is None or self.words.search(failure.detail) is not None)
        )


def _row(
    code: str,
    http: int,
    name: str,
    fault: Fault | None,
    operations: tuple[Operation, ...],
    *,
    when: str = "",
    unknown: bool = False,
    session: bool = False,
    source: str = _DOC,
) -> FaultRow:
    return FaultRow(
        code=code,
        http=http,
        name=name,
        fault=fault,
        operations=operations,
        when=when,
        unknown=unknown,
        session=session,
        source=source,
    )


_NULL = "Argument cannot be null or empty"
_ARGUMENT = "Invalid argument"
_SESSION_ID = "Invalid session id"
_ACCESS = "Unauthorized access"
_OPERATION = "Invalid operation"
_INTERNAL = "Internal server error"
_ON_SESSION = "the call carries a session"
_ON_PASSWORD = "the call carries login and password"  # noqa: S105 - a condition in words

REST_RULES: tuple[Rule, ...] = (
    Rule(row=_row("1", 400, _NULL, Fault.REQUEST, _ALL)),
    # What all recipients of a bulk share (sender, date, text) cannot be the fault of one, so dividing would not help.
    Rule(
        row=_row("2", 400, _ARGUMENT, Fault.SENDER, _SUBMIT, when="the description names the sender", source=_OURS),
        words=_SENDER,
    ),
    Rule(
        row=_row(
            "2", 400, _ARGUMENT, Fault.RECIPIENT, _SUBMIT, when="the description names number or address", source=_OURS
        ),
        words=_RECIPIENT,
        divisible=True,
    ),
    Rule(
        row=_row("2", 400, _ARGUMENT, Fault.REQUEST, _ALL, when="the description names a date", source=_EXAMPLE),
        words=_DATE,
    ),
    Rule(
        row=_row("2", 400, _ARGUMENT, Fault.LIMIT, _SUBMIT, when="the description names a length", source=_OURS),
        words=_LENGTH,
    ),
    Rule(
        row=_row("2", 400, _ARGUMENT, Fault.CONTENT, _SUBMIT, when="the description names the text", source=_OURS),
        words=_TEXT,
    ),
    Rule(row=_row("2", 400, _ARGUMENT, Fault.DECLINED, _ALL, when="otherwise"), divisible=True),
    Rule(row=_row("3", 400, _SESSION_ID, None, _IN_SESSION, when=_ON_SESSION, session=True), session=True),
    Rule(row=_row("3", 400, _SESSION_ID, Fault.CREDENTIALS, _WITH_PASSWORD, when=_ON_PASSWORD), session=False),
    Rule(row=_row("4", 401, _ACCESS, None, _IN_SESSION, when=_ON_SESSION, session=True), session=True),
    Rule(row=_row("4", 401, _ACCESS, Fault.CREDENTIALS, _WITH_PASSWORD, when=_ON_PASSWORD), session=False),
    Rule(row=_row("5", 403, "Not enough credits", Fault.CREDITS, _ALL)),
    Rule(
        row=_row("6", 400, _OPERATION, Fault.SENDER, _SUBMIT, when="the description names the sender", source=_EXAMPLE),
        words=_SENDER,
    ),
    Rule(row=_row("6", 400, _OPERATION, Fault.DECLINED, _ALL, when="otherwise"), divisible=True),
    Rule(row=_row("7", 403, "Forbidden", Fault.FORBIDDEN, _ACCOUNT)),
    Rule(row=_row("7", 403, "Forbidden", Fault.DECLINED, _SUBMIT + _POLL, when="anti-spam", source=_CLIENT)),
    Rule(row=_row("8", 500, "Gateway error", None, _SUBMIT, unknown=True)),
    Rule(row=_row("8", 500, "Gateway error", Fault.UNAVAILABLE, _READS)),
    Rule(
        row=_row("9", 500, _INTERNAL, Fault.REQUEST, _ALL, when="a parameter is said to be missing", source=_EXAMPLE),
        words=_BINDING,
    ),
    Rule(row=_row("9", 500, _INTERNAL, None, _SUBMIT, when="otherwise", unknown=True)),
    Rule(row=_row("9", 500, _INTERNAL, Fault.UNAVAILABLE, _READS, when="otherwise")),
    Rule(
        row=_row("http_401", 401, "no error body", None, _IN_SESSION, when=_ON_SESSION, session=True, source=_OURS),
        session=True,
    ),
    Rule(
        row=_row("http_401", 401, "no error body", Fault.CREDENTIALS, _WITH_PASSWORD, when=_ON_PASSWORD, source=_OURS),
        session=False,
    ),
)
"""In order: the first row that holds is the one."""
