"""Every code that the provider's documents name, and how it is read: one table.

The provider does not publish its whole list of codes. Three lists are known: the few codes of its own HLR pages, an
older list of BSG, whose service it resells and which agrees with those pages, and a newer list of BSG that uses 9 to 12
for other things. The description is therefore looked at before the number; lines of one code are tried from the top.
"""

import enum
import re
from typing import Final

import msgspec

from pointsman.outcome import Fault
from pointsman.plugin import FaultRow, Operation

_OWN: Final = "affiliate-sms.com, HLR pages"
_OLD: Final = "BSG, older list of codes"
_NEW: Final = "BSG, newer list of codes"
_HTTP: Final = "BSG, OpenAPI description"
_RULE: Final = "general rule for proxies"

SERVER_ERROR: Final = "http_5xx"
"""Stands for every HTTP status from 500 that has no line of its own."""

_SUBMIT: Final = (Operation.SUBMIT, Operation.RECONCILE)
_POLL: Final = (Operation.POLL,)
_READ: Final = (Operation.POLL, Operation.PRICES)
_ALL: Final = (*_SUBMIT, *_READ)


class Meaning(enum.Enum):
    """What a line of the table comes to."""

    TAKEN = enum.auto()
    ALREADY_TAKEN = enum.auto()
    """The reference is known: an earlier request of ours got through."""
    REFUSED = enum.auto()
    BAD_REFERENCE = enum.auto()
    """Refused, but worth one more try under a new reference."""
    BAD_METHOD = enum.auto()
    """Refused, but worth one more try with the other HTTP method."""
    BAD_TARIFF = enum.auto()
    """Refused, but worth one more try with the tariff that every account has."""
    NOT_FOUND = enum.auto()
    UNCLEAR = enum.auto()
    """Nobody can tell whether anything was created."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the table with what the engine need not know of it."""

    row: FaultRow
    meaning: Meaning = Meaning.REFUSED
    words: re.Pattern[str] | None = None
    """Must occur in the description for the line to hold."""
    alone: bool = False
    """Holds only for a request about one number."""
    divisible: bool = False
    """For a request about several numbers: one of them may be the culprit without being named."""
    certain: bool = False
    """A bad number that every provider would call bad."""

    def holds(self, code: str, description: str, operation: Operation, *, alone: bool) -> bool:
        """Say whether this is the line for what the provider said."""
        return (
            self.row.code == code
            and operation in self.row.operations
            and (alone or not self.alone)
            and (self.words is None or self.words.search(description) is not None)
        )


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_BLOCK: Final = _words("block")
_PARAMS: Final = _words("param")
_TOO_MANY: Final = _words("limit|exceed|simultaneous")
_TIME: Final = _words(r"\btime\b")
_GRID: Final = _words("grid|tariff|inactive")
_SIZE: Final = _words("batch|size|too many")
_NUMBER: Final = _words("msisdn")
_MONEY: Final = _words("money|credit|balance|funds")
_NO_HLR: Final = _words("hlr.*not found")


def _row(
    code: str,
    name: str,
    fault: Fault | None,
    source: str,
    *,
    operations: tuple[Operation, ...] = _ALL,
    when: str = "",
    unknown: bool = False,
) -> FaultRow:
    http = int(code.removeprefix("http_")) if re.fullmatch("http_[0-9]{3}", code) else None
    return FaultRow(
        code=code,
        name=name,
        fault=fault,
        operations=operations,
        http=http,
        when=when,
        unknown=unknown,
        source=source,
    )


_BODY_RULES: Final = (
    Rule(row=_row("0", "OK", None, _OWN), meaning=Meaning.TAKEN),
    Rule(row=_row("1", "Invalid API key", Fault.CREDENTIALS, _OLD)),
    Rule(row=_row("2", "Account blocked", Fault.FORBIDDEN, _OLD, when="says block"), words=_BLOCK),
    Rule(row=_row("2", "Not enough parameters", Fault.REQUEST, _NEW, when="says param"), words=_PARAMS),
    Rule(row=_row("2", "Account blocked", Fault.FORBIDDEN, _OLD, when="says neither")),
    Rule(row=_row("3", "Account blocked", Fault.FORBIDDEN, _NEW, when="says block"), words=_BLOCK),
    Rule(row=_row("3", "Not enough parameters", Fault.REQUEST, _OLD, when="otherwise")),
    Rule(row=_row("4", "Invalid method", Fault.REQUEST, _OLD)),
    Rule(row=_row("5", "Unknown error", Fault.UNAVAILABLE, _OLD)),
    Rule(row=_row("6", "Invalid tariff code", Fault.REQUEST, _OWN), meaning=Meaning.BAD_TARIFF),
    Rule(row=_row("7", "Invalid parameters", Fault.REQUEST, _OLD)),
    Rule(row=_row("8", "Not enough money", Fault.CREDITS, _OLD)),
    Rule(row=_row("9", "Inactive price grid", Fault.REQUEST, _NEW, when="says grid, tariff"), words=_GRID),
    Rule(row=_row("9", "HLR not found", None, _OLD, operations=_POLL, when="otherwise"), meaning=Meaning.NOT_FOUND),
    Rule(row=_row("9", "HLR not found", Fault.DECLINED, _OLD, operations=_SUBMIT, when="otherwise")),
    Rule(row=_row("10", "Unsuitable time", Fault.DECLINED, _NEW, operations=_POLL, when="says time"), words=_TIME),
    Rule(row=_row("10", "HLR not found", None, _OWN, operations=_POLL, when="otherwise"), meaning=Meaning.NOT_FOUND),
    Rule(row=_row("10", "Unsuitable time", Fault.DECLINED, _NEW, operations=_SUBMIT)),
    Rule(
        row=_row(
            "11",
            "Exceeded limit of simultaneous requests",
            Fault.THROTTLED,
            _NEW,
            when="says limit, exceeded, simultaneous",
        ),
        words=_TOO_MANY,
    ),
    Rule(
        row=_row("11", "Incorrect msisdn", Fault.RECIPIENT, _OWN, operations=_SUBMIT, when="otherwise"),
        divisible=True,
        certain=True,
    ),
    Rule(
        row=_row("12", "Batch too large", Fault.LIMIT, _NEW, operations=_SUBMIT, when="says batch, size"),
        words=_SIZE,
        divisible=True,
    ),
    Rule(
        row=_row("12", "No external id", Fault.REQUEST, _OLD, operations=_SUBMIT, when="otherwise"),
        meaning=Meaning.BAD_REFERENCE,
    ),
    Rule(row=_row("13", "HLR already exists", None, _OWN, operations=_SUBMIT), meaning=Meaning.ALREADY_TAKEN),
    Rule(
        row=_row(
            "14",
            "Incorrect payload",
            Fault.RECIPIENT,
            _OWN,
            operations=_SUBMIT,
            when="about one number, says msisdn",
        ),
        words=_NUMBER,
        alone=True,
    ),
    Rule(
        row=_row("14", "Incorrect payload", Fault.REQUEST, _OWN, operations=_SUBMIT, when="otherwise"), divisible=True
    ),
    Rule(row=_row("15", "Invalid external id", Fault.REQUEST, _OLD, operations=_SUBMIT), meaning=Meaning.BAD_REFERENCE),
    Rule(row=_row("60", "HLR not found", None, _NEW, operations=_POLL), meaning=Meaning.NOT_FOUND),
    Rule(
        row=_row("61", "Incorrect msisdn", Fault.RECIPIENT, _NEW, operations=_SUBMIT),
        divisible=True,
        certain=True,
    ),
    Rule(row=_row("62", "No reference", Fault.REQUEST, _NEW, operations=_SUBMIT), meaning=Meaning.BAD_REFERENCE),
    Rule(row=_row("63", "HLR already exists", None, _NEW, operations=_SUBMIT), meaning=Meaning.ALREADY_TAKEN),
    Rule(row=_row("64", "Incorrect payload", Fault.REQUEST, _NEW, operations=_SUBMIT), divisible=True),
    Rule(row=_row("65", "Invalid reference", Fault.REQUEST, _NEW, operations=_SUBMIT), meaning=Meaning.BAD_REFERENCE),
    Rule(row=_row("66", "Duplicate msisdn", Fault.LIMIT, _NEW, operations=_SUBMIT), divisible=True),
)

_HTTP_RULES: Final = (
    Rule(row=_row("http_400", "Bad request", Fault.REQUEST, _HTTP), divisible=True),
    Rule(row=_row("http_401", "Unauthorized", Fault.CREDENTIALS, _HTTP)),
    Rule(row=_row("http_403", "Forbidden", Fault.FORBIDDEN, _HTTP)),
    Rule(
        row=_row("http_404", "Not found", None, _HTTP, operations=_POLL, when="says HLR not found"),
        words=_NO_HLR,
        meaning=Meaning.NOT_FOUND,
    ),
    Rule(row=_row("http_404", "Not found", Fault.REQUEST, _HTTP, when="otherwise")),
    Rule(
        row=_row("http_405", "Method not allowed", Fault.REQUEST, _RULE, operations=_SUBMIT),
        meaning=Meaning.BAD_METHOD,
    ),
    Rule(row=_row("http_413", "Content too large", Fault.LIMIT, _RULE, operations=_SUBMIT), divisible=True),
    Rule(row=_row("http_422", "Unprocessable", Fault.CREDITS, _HTTP, when="says money, balance"), words=_MONEY),
    Rule(row=_row("http_422", "Unprocessable", Fault.REQUEST, _HTTP, when="otherwise"), divisible=True),
    Rule(row=_row("http_429", "Too many requests", Fault.THROTTLED, _HTTP)),
    Rule(row=_row("http_503", "Service unavailable", Fault.THROTTLED, _RULE, when="with Retry-After")),
    Rule(
        row=_row(SERVER_ERROR, "Server or gateway error", None, _HTTP, operations=_SUBMIT, unknown=True),
        meaning=Meaning.UNCLEAR,
    ),
    Rule(row=_row(SERVER_ERROR, "Server or gateway error", Fault.UNAVAILABLE, _HTTP, operations=_READ)),
)

RULES: Final = (*_BODY_RULES, *_HTTP_RULES)

FAULTS: Final = tuple(rule.row for rule in RULES)
"""The table as the engine and the documentation show it."""


def rule_for(code: str, description: str, operation: Operation, *, alone: bool = True) -> Rule | None:
    """Return the line for a code of the provider, or for `http_<status>`; None when no document names it.

    `alone` says that the request was about one number only.
    """
    return next((rule for rule in RULES if rule.holds(code, description, operation, alone=alone)), None)
