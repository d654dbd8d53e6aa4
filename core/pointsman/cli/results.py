"""What became of each row, as lines of a CSV file that is written while the job runs."""

import csv
import io
import os
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import IO, Self

import msgspec

from pointsman.cli.exits import UsageError
from pointsman.cli.rows import Row
from pointsman.message import Money
from pointsman.outcome import Accepted, Attempt, Receipt, Refused, State, Unknown

INVALID = "invalid"
"""The state of a row that was left out because something is wrong with it."""
INTERRUPTED = "interrupted"
"""The code of a row that was begun by a run that did not live to see its outcome."""

STATES = {state.value: state for state in State}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One line; the fields are the columns."""

    row: int
    to: str
    reference: str = ""
    state: str
    provider: str = ""
    id: str = ""
    """The provider's ids, divided by blanks."""
    code: str = ""
    """The provider's own, else the fault or the reason in our words."""
    price: str = ""
    currency: str = ""


class LookupLine(Result, frozen=True, kw_only=True):
    """One line about a number that was looked up."""

    result: str = ""
    mccmnc: str = ""
    country: str = ""
    operator: str = ""
    ported: str = ""
    roaming: str = ""


def describe(row: Row, receipt: Receipt) -> Result:
    """Return the line of a message; its attempts go on with those of the SMS in its place."""
    attempts = attempts_of(receipt)
    last = attempts[-1] if attempts else None
    taken = next((one for one in reversed(attempts) if isinstance(one.outcome, Accepted)), None)
    ids = taken.outcome.ids if taken is not None and isinstance(taken.outcome, Accepted) else ()
    price = _together([one.price for one in attempts if one.price is not None])
    return Result(
        row=row.number,
        to=receipt.to,
        reference=row.reference,
        state=receipt.state.value,
        provider=named.provider if (named := taken or last) is not None else "",
        id=_flat(" ".join(ids)),
        code=_flat(code_of(last, receipt.reason)),
        price=str(price.amount) if price is not None else "",
        currency=price.currency if price is not None else "",
    )


def _together(prices: list[Money]) -> Money | None:
    """Return what all attempts cost, as far as that can be said in the currency of the last price."""
    if not prices:
        return None
    currency = prices[-1].currency
    return Money(sum((one.amount for one in prices if one.currency == currency), Decimal(0)), currency)


def attempts_of(receipt: Receipt) -> tuple[Attempt, ...]:
    """Return the attempts of a message, and after them those of the SMS in its place."""
    return receipt.attempts + (receipt.fallback.attempts if receipt.fallback is not None else ())


def describe_lookup(row: Row, receipt: Receipt) -> LookupLine:
    """Return the line of a lookup."""
    common = msgspec.structs.asdict(describe(row, receipt))
    found = receipt.lookup
    if found is None:
        return LookupLine(**common)
    network = found.network
    return LookupLine(
        **common,
        result=found.state.value,
        mccmnc=(network.mccmnc if network is not None else None) or "",
        country=(network.country if network is not None else None) or receipt.network.country or "",
        operator=_flat(found.operator or ""),
        ported=yes_no(found.ported),
        roaming=yes_no(found.roaming),
    )


def code_of(attempt: Attempt | None, reason: Refused | None = None) -> str:
    """Return the provider's code of an attempt, else our word for what was wrong; empty when all went well."""
    match attempt.outcome if attempt is not None else reason:
        case Refused() as refused:
            return refused.code or refused.fault.value
        case Unknown() as unknown:
            return unknown.code or unknown.reason.value
        case Accepted() | None:
            return ""


def yes_no(value: bool | None) -> str:
    """Return what a cell says of a yes or no that may be unknown."""
    return "" if value is None else "yes" if value else "no"


def _flat(text: str) -> str:
    """Return a text that cannot break a line of the file."""
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)


class ResultsFile:
    """The file of results. Lines of an earlier run are kept; what is known of their rows is in `states`."""

    def __init__(self, stream: IO[str], kind: type[Result], states: dict[int, State | None]) -> None:
        self.states = states
        """Of each row that has a line: its state in the last one; None when that is not a state of a message."""
        self._stream = stream
        self._kind = kind
        self._writer = csv.writer(stream, lineterminator="\n")
        if stream.tell() == 0:
            self._writer.writerow(kind.__struct_fields__)
            stream.flush()

    @classmethod
    def open(cls, path: Path, kind: type[Result]) -> Self:
        """Open the file, or begin it. Raises `UsageError` when it cannot be written or is not such a file."""
        try:
            stream = path.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
        try:
            states = _states_in(stream, path, kind)
            return cls(stream, kind, states)
        except BaseException:
            stream.close()
            raise

    @property
    def done(self) -> frozenset[int]:
        """Rows of which the outcome is known."""
        return frozenset(row for row, state in self.states.items() if state is not State.UNKNOWN)

    def add(self, results: Iterable[Result]) -> None:
        """Write lines and hand them to the operating system."""
        for result in results:
            self._writer.writerow(msgspec.structs.astuple(result))
            self.states[result.row] = STATES.get(result.state)
        self._stream.flush()

    def close(self) -> None:
        """See that everything is on the disk, and let go of the file."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()


def _states_in(stream: IO[str], path: Path, kind: type[Result]) -> dict[int, State | None]:
    """Read the lines that are there; an unfinished last one is cut off."""
    with path.open("rb") as file:
        content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    stream.seek(0, os.SEEK_END)
    if not whole:
        return {}
    lines = csv.reader(io.StringIO(whole.decode("utf-8", "replace"), newline=""))
    if tuple(next(lines)) != kind.__struct_fields__:
        raise UsageError(f"{path}: its columns are not those of this job; give another --results")
    place = kind.__struct_fields__.index("state")
    return {int(cells[0]): STATES.get(cells[place]) for cells in lines if cells and cells[0].isdecimal()}
