"""A whole file through the router: checked before anything is sent, shown while it runs, and continued after a stop."""

import asyncio
import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from pointsman.cli.checkpoint import Checkpoint, Header, RowStore
from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.job import Job, Taken, stopped_by_signals
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.cli.output import Output
from pointsman.cli.progress import shown
from pointsman.cli.results import INTERRUPTED, INVALID, Result, ResultsFile
from pointsman.cli.rows import Checked, Row, RowReader, check_rows, rows_of
from pointsman.cli.sheet import RowProblem, Sheet
from pointsman.errors import PointsmanError
from pointsman.outcome import Receipt, State
from pointsman.router import Router

MOST_SHOWN = 20
"""Problems that are listed; a file of another kind would fill the screen."""
GOOD_STATES = frozenset({State.ACCEPTED, State.SCHEDULED, State.SENDING, State.SENT, State.DELIVERED, State.RESOLVED})


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Options about a file of many rows."""

    results: Annotated[
        Path | None,
        Parameter(help="Where the results go, a CSV file; else beside the input, named NAME.results.csv."),
    ] = None
    skip_bad: Annotated[
        bool, Parameter(negative="", show_default=False, help="Send the good rows although others are bad.")
    ] = False
    allow_duplicates: Annotated[
        bool, Parameter(negative="", show_default=False, help="Allow several rows with the same recipient and text.")
    ] = False
    repeat_unknown: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Send again what may have been sent by a run that was cut off, or is unknown.",
        ),
    ] = False


class Kind(msgspec.Struct, frozen=True):
    """What is done with the rows."""

    name: str
    reader: RowReader
    line: type[Result]
    describe: Callable[[Row, Receipt], Result]
    wait: bool = False


class Tally:
    """What came of the rows of this run: counts by state and money by currency."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.money: dict[str, Decimal] = {}

    def add(self, result: Result) -> None:
        """Count a line."""
        self.states[result.state] += 1
        if result.price:
            self.money[result.currency] = self.money.get(result.currency, Decimal(0)) + Decimal(result.price)


class Work:
    """One file on its way: which rows are still to be sent, and where it is noted what became of them."""

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

    @property
    def done_before(self) -> int:
        """Rows that an earlier run finished."""
        return len(self._results.done)

    @property
    def total(self) -> int:
        """Rows of the file."""
        return self._total

    @property
    def unknown_before(self) -> int:
        """Rows of which no earlier run learnt whether they were sent."""
        return len(self._unknown)

    @property
    def is_good(self) -> bool:
        """Every row was taken, by this run or an earlier one."""
        return sum(state in GOOD_STATES for state in self._results.states.values()) == self._total

    def rows(self, *, repeat_unknown: bool) -> Iterator[Row]:
        """Walk through the rows to send; those that are left out get their line on the way."""
        done = self._results.done
        for row in rows_of(self._sheet, self._kind.reader):
            number = row.row if isinstance(row, RowProblem) else row.number
            if number in done:
                continue
            if number in self._bad:
                self._note([self._kind.line(row=number, to="", state=INVALID, code=self._bad[number].field)])
            elif isinstance(row, RowProblem) or (number in self._unknown and not repeat_unknown):
                if number in self._in_doubt and isinstance(row, Row):
                    self._note([self._interrupted(row)])
            else:
                yield row

    def report(self, taken: list[Taken]) -> None:
        """Note what became of rows. One that was cancelled was not sent and will be the next time."""
        if self.checkpoint.failure is not None:
            raise self.checkpoint.failure
        self._note([self._kind.describe(row, receipt) for row, receipt in taken if receipt.state != State.CANCELLED])

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


def run_file(path: Path, kind: Kind, options: FileOptions, common: Common) -> ExitCode:
    """Check a file, send its rows, and say what became of them.

    Raises `UsageError` and `ConfigError` before anything is sent.
    """
    setup = set_up(common)
    sheet = Sheet.read(path, kind.reader.columns)
    checker = Router(setup.config, plugins=setup.plugins)
    with shown("check", sheet.lines) as advance:
        checked = check_rows(sheet, kind.reader, checker, advance, allow_duplicates=options.allow_duplicates)
    if checked.problems:
        _list_problems(sheet, checked, setup.output, skip=options.skip_bad)
        if not options.skip_bad:
            return ExitCode.USAGE
    if not checked.good:
        raise UsageError(f"{path}: holds no row that can be sent")
    where = options.results or path.with_name(f"{path.stem}.results.csv")
    with _files(where, Header(input=sheet.digest, job=kind.name), kind) as (checkpoint, results):
        work = Work(sheet, checked, kind, checkpoint=checkpoint, results=results, router=checker, output=setup.output)
        try:
            stopped = asyncio.run(_send(work, setup, kind, options))
        except OSError as error:
            problem = f"{where}: cannot be written: {error.strerror}; the same command goes on where this one stopped"
            raise PointsmanError(problem) from None
        return _finish(work, where, setup.output, stopped=stopped)


async def _send(work: Work, setup: Setup, kind: Kind, options: FileOptions) -> bool:
    """Send the rows; say whether that was stopped."""
    if work.done_before:
        setup.output.note(f"done before and not sent again: {work.done_before} of {work.total} rows")
    if work.unknown_before and not options.repeat_unknown:
        setup.output.note(
            f"unknown, not repeated: {work.unknown_before} of {work.total} rows; they may have been sent"
            " (--repeat-unknown sends them again)"
        )
    with shown(kind.name, work.total) as advance:
        advance(work.done_before)

        def report(taken: list[Taken]) -> None:
            work.report(taken)
            advance(len(taken))

        job = Job(work.rows(repeat_unknown=options.repeat_unknown), report, wait=kind.wait)
        async with opened(setup, store=RowStore(work.checkpoint)) as router:
            with stopped_by_signals(job.stop):
                await job.run(router)
        await job.finish()
    return job.stopped


@contextlib.contextmanager
def _files(where: Path, header: Header, kind: Kind) -> Iterator[tuple[Checkpoint, ResultsFile]]:
    """Open the results and the record of what was begun, which lies beside them."""
    if where.exists() and not where.is_file():
        raise UsageError(f"{where}: is not a file; give another --results")
    beside = where.with_name(where.name + ".state")
    if where.exists() and not beside.exists() and where.stat().st_size:
        raise UsageError(
            f"{where}: exists already, and {beside.name}, which would tell of its job, does not; give another --results"
        )
    with (
        contextlib.closing(Checkpoint.open(beside, header)) as checkpoint,
        contextlib.closing(ResultsFile.open(where, kind.line)) as results,
    ):
        yield checkpoint, results


def _list_problems(sheet: Sheet, checked: Checked, output: Output, *, skip: bool) -> None:
    for problem in checked.problems:
        output.record(problem)
    for problem in checked.problems[:MOST_SHOWN]:
        output.note(f"{sheet.name}: {problem}")
    more = len(checked.problems) - MOST_SHOWN
    if more > 0:
        output.note(f"{sheet.name}: … and {more} more")
    then = "they are left out" if skip else "nothing was sent; mend them, or give --skip-bad"
    count = len(checked.problems)
    output.note(f"{sheet.name}: {count} of {checked.good + count} rows cannot be sent; {then}")


def _finish(work: Work, where: Path, output: Output, *, stopped: bool) -> ExitCode:
    """Say what became of the rows; return how the command ends."""
    rows = [*work.tally.states.most_common()]
    if rows:
        output.table(("state", ">rows"), rows)
    for currency, amount in sorted(work.tally.money.items()):
        output.show(f"spent: {amount} {currency}")
    if not rows:
        output.note("no row was left to send; to send all of them again, give another --results")
    output.note(f"results: {where}")
    if stopped:
        output.note("stopped; the same command goes on where this one stopped")
        return ExitCode.INTERRUPTED
    return ExitCode.GOOD if work.is_good else ExitCode.FAILED
