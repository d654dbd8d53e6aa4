"""One file on its way: which of its rows are still to be sent, and where it is noted what became of them."""

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from pointsman.cli.checkpoint import Checkpoint
from pointsman.cli.job import SENDING, Feed, Taken
from pointsman.cli.outage import Outage
from pointsman.cli.output import Output
from pointsman.cli.results import INTERRUPTED, INVALID, Result, ResultsFile
from pointsman.cli.rows import Checked, Row, RowReader, rows_of
from pointsman.cli.sheet import RowProblem, Sheet
from pointsman.message import Money
from pointsman.outcome import Receipt, State
from pointsman.router import Router

GOOD_STATES = frozenset({State.ACCEPTED, State.SCHEDULED, State.SENDING, State.SENT, State.DELIVERED, State.RESOLVED})
_NOT_TAKEN = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})


class Kind(msgspec.Struct, frozen=True):
    """What is done with the rows."""

    name: str
    done: str
    """What was done with a row, such as `sent`."""
    again: str
    """What the command does once more, such as `sends them again`."""
    reader: RowReader
    line: type[Result]
    describe: Callable[[Row, Receipt], Result]
    feed: Feed = SENDING


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of an earlier run are taken once more."""

    unknown: bool
    failed: bool


class Tally:
    """What came of the rows of this run: counts by state and money by currency."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self._money: dict[str, Decimal] = {}

    def add(self, result: Result) -> None:
        """Count a line."""
        self.states[result.state] += 1
        if result.price:
            self._money[result.currency] = self._money.get(result.currency, Decimal(0)) + Decimal(result.price)

    @property
    def money(self) -> list[Money]:
        """What was spent, by currency."""
        return [Money(amount, currency) for currency, amount in sorted(self._money.items())]


class Work:
    """The rows of a file, and what is known of each."""

    def __init__(
        self,
        sheet: Sheet,
        checked: Checked,
        kind: Kind,
        *,
        checkpoint: Checkpoint,
        results: ResultsFile,
        router: Router,
        output: Output,
    ) -> None:
        """`router` only reads the numbers; it need not run."""
        self.tally = Tally()
        self.outage = Outage()
        self.gave_up = False
        """The job was stopped because no provider took anything."""
        self.checkpoint = checkpoint
        self._sheet = sheet
        self._kind = kind
        self._results = results
        self._router = router
        self._output = output
        self._bad = {problem.row: problem for problem in checked.problems}
        self._total = checked.good + len(self._bad)
        self._in_doubt = frozenset(checkpoint.begun - results.states.keys())
        self._unknown = self._in_doubt | (results.states.keys() - results.done)
        self._failed = self._proven_unsent()
        self._done = len(results.done - self._failed)

    @property
    def total(self) -> int:
        """Rows of the file."""
        return self._total

    @property
    def done_before(self) -> int:
        """Rows that an earlier run finished; those that may be repeated as failed are not among them."""
        return self._done

    @property
    def unknown_before(self) -> int:
        """Rows of which no earlier run learnt whether they were sent."""
        return len(self._unknown)

    @property
    def failed(self) -> int:
        """Rows that failed, in this run or an earlier one, and of which nothing was sent."""
        return len(self._proven_unsent())

    @property
    def left(self) -> int:
        """Rows of which nobody knows anything yet."""
        return self._total - len(self._results.states)

    @property
    def is_good(self) -> bool:
        """Every row was taken, by this run or an earlier one."""
        return sum(state in GOOD_STATES for state in self._results.states.values()) == self._total

    def rows(self, again: Again) -> Iterator[Row]:
        """Walk through the rows to send; those that are left out get their line on the way."""
        done = self._results.done - (self._failed if again.failed else frozenset())
        for row in rows_of(self._sheet, self._kind.reader):
            number = row.row if isinstance(row, RowProblem) else row.number
            if number in done:
                continue
            if number in self._bad:
                self._note([self._kind.line(row=number, to="", state=INVALID, code=self._bad[number].field)])
            elif isinstance(row, RowProblem) or (number in self._unknown and not again.unknown):
                if number in self._in_doubt and isinstance(row, Row):
                    self._note([self._interrupted(row)])
            else:
                yield row

    def report(self, taken: list[Taken], *, stopping: bool) -> None:
        """Note what became of rows. One that was cancelled was not sent and will be the next time."""
        if self.checkpoint.failure is not None:
            raise self.checkpoint.failure
        self._report(self.outage.sift(taken, stopping=stopping))
        self.gave_up = self.gave_up or (self.outage.found and not stopping)

    def conclude(self) -> None:
        """Note what was kept back: the last rows of the file failed, and nothing comes after them."""
        self._report(self.outage.end())

    def _report(self, certain: list[Taken]) -> None:
        self._note([self._kind.describe(row, receipt) for row, receipt in certain if receipt.state != State.CANCELLED])

    def _proven_unsent(self) -> frozenset[int]:
        failed = {row for row, state in self._results.states.items() if state in _NOT_TAKEN}
        return frozenset(failed - self.checkpoint.begun)

    def _interrupted(self, row: Row) -> Result:
        to = self._router.check(row.message).to
        return self._kind.line(
            row=row.number, to=to, reference=row.reference, state=State.UNKNOWN.value, code=INTERRUPTED
        )

    def _note(self, results: list[Result]) -> None:
        self._results.add(results)
        for result in results:
            self.tally.add(result)
            self._output.record(result)
