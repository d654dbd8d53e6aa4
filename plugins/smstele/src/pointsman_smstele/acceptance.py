"""Which messages of a batch were taken: the answer of `sendsms` does not say it in so many words.

SMStele's example with two bad numbers among four lists all four as if they were good. Bad ones differ only in that
their operator is empty, and in that the outer `cnt` is 2. Whether that `cnt` counts recipients or parts of messages is
not documented, so both readings are tried:

* none of those without an operator are counted: they were not taken;
* all of them are counted: all were taken, also foreign numbers, for which no operator is known.

Where the readings disagree, fit neither, or count only some of them, a message without an operator is unknown, and the
status call tells: bad numbers and foreign ones may have travelled together.
"""

import enum
from collections.abc import Iterable

from pointsman.outcome import Accepted, Fault, Outcome, Refused, Unknown, UnknownReason
from pointsman.plugin import Absent, Batch, Oddity, Submission
from pointsman_smstele.faults import judge_row
from pointsman_smstele.ids import message_id
from pointsman_smstele.networks import network_of
from pointsman_smstele.wire import NO_INFORMATION, SendAnswer, SentRow, StatusAnswer

Finding = Accepted | Absent | Unknown

MOST_PARTS = 255
"""The concatenation header of an SMS counts its parts in one octet."""


def outcomes(batch: Batch, answer: SendAnswer) -> tuple[tuple[Outcome, ...], tuple[Oddity, ...]]:
    """Return one outcome per message of the batch, and what was odd."""
    rows, oddities = _ours(batch, answer)
    clean = [row for row in rows.values() if not _says_error(row)]
    without_operator = _without_operator(answer.count, clean)
    found: list[Outcome] = []
    for item in batch.items:
        row = rows.get(item.to)
        if row is None:
            found.append(_unknown("the answer does not list the number"))
        elif _says_error(row):
            found.append(judge_row(row.error))
        elif row.operator or without_operator is None:
            found.append(_accepted(batch, item, row))
        else:
            found.append(without_operator)
    return tuple(found), oddities


def findings(sent: Batch, answer: StatusAnswer) -> tuple[tuple[Finding, ...], tuple[Oddity, ...]]:
    """Return what the status call says of each message of a request that had no answer, and what was odd."""
    rows = {row.phone: row for row in answer.rows if row.id == sent.ref}
    found = tuple(
        Accepted(ids=(message_id(sent.ref, item.to),), network=network_of(item.to, rows[item.to].mnc))
        if item.to in rows
        else _missing(item, answer)
        for item in sent.items
    )
    asked = {item.to for item in sent.items}
    foreign = any(row.id != sent.ref or row.phone not in asked for row in answer.rows)
    return found, (Oddity.FOREIGN_ID,) if foreign else ()


def _missing(item: Submission, answer: StatusAnswer) -> Absent | Unknown:
    """Return what it means that a message is not listed. Whether those are that SMStele keeps is not documented."""
    if not answer.complete:
        return _unknown("the list of messages is damaged")
    return Absent() if item.send_at is None else _unknown("a message that is kept may not be listed yet")


def _ours(batch: Batch, answer: SendAnswer) -> tuple[dict[str, SentRow], tuple[Oddity, ...]]:
    """Return the rows about this batch by number. Where a number has several, the one that says most counts."""
    asked = {item.to for item in batch.items}
    rows: dict[str, SentRow] = {}
    odd: dict[Oddity, None] = {}
    for row in answer.rows:
        if row.id not in {"", batch.ref}:
            odd[Oddity.FOREIGN_ID] = None
        elif row.phone not in asked:
            odd[Oddity.WRONG_NUMBER] = None
        elif row.phone not in rows or not rows[row.phone].operator:
            rows[row.phone] = row
    return rows, tuple(odd)


def _without_operator(count: int | None, rows: Iterable[SentRow]) -> Refused | Unknown | None:
    """Say what became of messages without an operator; None means that they were taken."""
    everything = tuple(rows)
    known = tuple(row for row in everything if row.operator)
    others = tuple(row for row in everything if not row.operator)
    shares = _shares(count, [1] * len(known), [1] * len(others))
    if all(row.parts is not None for row in everything):
        shares |= _shares(count, [row.parts or 0 for row in known], [row.parts or 0 for row in others])
    if shares == {_Share.ALL}:
        return None
    if shares == {_Share.NONE}:
        return Refused(fault=Fault.RECIPIENT, detail="not in the provider's number plan")
    return _unknown("cnt does not tell whether the number was taken")


class _Share(enum.Enum):
    """How many of the messages without an operator a count includes."""

    NONE = enum.auto()
    SOME = enum.auto()
    ALL = enum.auto()


def _shares(count: int | None, known: list[int], others: list[int]) -> set[_Share]:
    """Return what a count can mean when messages count so much each; nothing when it cannot be such a count."""
    rest = -1 if count is None else count - sum(known)
    if not 0 <= rest <= sum(others):
        return set()
    if rest in (0, sum(others)):
        return {_Share.NONE} if rest == 0 else {_Share.ALL}
    return {_Share.SOME} if any(rest % one == 0 for one in others if one) else set()


def _unknown(detail: str) -> Unknown:
    return Unknown(reason=UnknownReason.UNREADABLE, detail=detail)


def _says_error(row: SentRow) -> bool:
    return row.error not in {0, NO_INFORMATION}


def _accepted(batch: Batch, item: Submission, row: SentRow) -> Accepted:
    plausible = item.segments is not None and row.parts is not None and 1 <= row.parts <= MOST_PARTS
    return Accepted(
        ids=(message_id(batch.ref, item.to),),
        segments=row.parts if plausible else None,
        network=network_of(item.to, row.mnc),
    )
