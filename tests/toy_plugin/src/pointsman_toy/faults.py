"""The provider's error codes and what each of them means: one table, and the function that looks it up."""

from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import FaultRow, Operation

EVERYWHERE = tuple(Operation)

FAULTS = (
    FaultRow(code="bad_number", name="no such number anywhere", fault=Fault.RECIPIENT),
    FaultRow(code="no_text", name="the text is empty", fault=Fault.CONTENT),
    FaultRow(code="no_money", name="the account is empty", fault=Fault.CREDITS),
    FaultRow(code="wrong_key", name="the key is wrong", fault=Fault.CREDENTIALS, operations=EVERYWHERE),
    FaultRow(code="busy", name="try later", fault=Fault.UNAVAILABLE, operations=EVERYWHERE),
    FaultRow(code="lost", name="the message may or may not have been sent", fault=None, unknown=True),
    FaultRow(code="no_session", name="the session has ended", fault=None, operations=EVERYWHERE, session=True),
)
_BY_CODE = {row.code: row for row in FAULTS}
_ELSEWHERE = frozenset({"bad_number"})
"""Codes with which every other provider would agree."""


def judge(code: str, text: str = "") -> Refused | Unknown:
    """Say what a code means. One that is not in the table is no proof of anything."""
    row = _BY_CODE.get(code)
    if row is None or row.fault is None:
        return Unknown(reason=UnknownReason.GATEWAY, code=code, detail=text)
    return Refused(fault=row.fault, code=code, detail=text, certain=code in _ELSEWHERE)


def is_expiry(code: str) -> bool:
    """Say whether a code means that the session has ended."""
    row = _BY_CODE.get(code)
    return row is not None and row.session
