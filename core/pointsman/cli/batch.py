"""A whole file through the router: checked before anything is sent, shown while it runs, and continued after a stop."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pointsman.cli.checkpoint import Checkpoint, Header, RowStore
from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.job import Job, Taken, stopped_by_signals
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.cli.output import Output, plural
from pointsman.cli.progress import shown
from pointsman.cli.results import ResultsFile
from pointsman.cli.rows import Checked, check_rows
from pointsman.cli.sheet import Sheet
from pointsman.cli.work import Again, Kind, Work
from pointsman.errors import PointsmanError
from pointsman.router import Router

MOST_SHOWN = 20
"""Problems that are listed; a file of another kind would fill the screen."""
FILE_ONLY = "--results, --skip-bad, --allow-duplicates, --repeat-unknown and --repeat-failed"
"""The options of `FileOptions`, for an error."""


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
    repeat_failed: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Send again what failed and is proven not to have been sent; nothing can be sent twice by this.",
        ),
    ] = False

    @property
    def again(self) -> Again:
        """Which rows of an earlier run are taken once more."""
        return Again(unknown=self.repeat_unknown, failed=self.repeat_failed)


def run_file(path: Path, kind: Kind, options: FileOptions, common: Common) -> ExitCode:
    """Check a file, send its rows, and say what became of them.

    Raises `UsageError` and `ConfigError` before anything is sent.
    """
    where = _results_of(path, options)
    setup = set_up(common)
    sheet = Sheet.read(path, kind.reader.columns)
    checker = Router(setup.config, plugins=setup.plugins)
    with shown("check", sheet.lines) as advance:
        checked = check_rows(sheet, kind.reader, checker, advance, allow_duplicates=options.allow_duplicates)
    if checked.problems:
        _list_problems(sheet, checked, setup.output, kind, skip=options.skip_bad)
        if not options.skip_bad:
            return setup.output.ended(ExitCode.USAGE)
    if not checked.good:
        raise UsageError(f"{sheet.name}: holds no row that can be {kind.done}")
    if checked.last_due is not None:
        last = setup.output.clock_time(checked.last_due)
        setup.output.note(f"the last row is due {last}; rows for later wait in this command, so leave it running")
    with _files(where, Header(input=sheet.digest, job=kind.name), kind) as (checkpoint, results):
        work = Work(sheet, checked, kind, checkpoint=checkpoint, results=results, router=checker, output=setup.output)
        try:
            stopped = asyncio.run(_send(work, setup, kind, options.again))
        except OSError as error:
            problem = f"{where}: cannot be written: {error.strerror}; the same command goes on where this one stopped"
            raise PointsmanError(problem) from None
        code = _finish(work, where, setup.output, kind, stopped=stopped)
        return setup.output.ended(code, f"they are in {where}")


def _results_of(path: Path, options: FileOptions) -> Path:
    if options.results is not None:
        return options.results
    if str(path) == "-" or (path.exists() and not path.is_file()):
        raise UsageError(f"{path}: this input has no place of its own for the results; give --results FILE")
    return path.with_name(f"{path.stem}.results.csv")


async def _send(work: Work, setup: Setup, kind: Kind, again: Again) -> bool:
    """Send the rows; say whether that was stopped."""
    total = plural(work.total, "row")
    if work.done_before:
        setup.output.note(f"done before and not {kind.done} again: {work.done_before} of {total}")
    if work.unknown_before and not again.unknown:
        setup.output.note(
            f"unknown, not repeated: {work.unknown_before} of {total}; they may have been {kind.done}"
            f" (--repeat-unknown {kind.again})"
        )
    with shown(kind.name, work.total) as advance:
        advance(work.done_before)

        def report(taken: list[Taken]) -> None:
            work.report(taken, stopping=job.stopped)
            advance(len(taken))
            if work.gave_up:
                job.stop()

        job = Job(work.rows(again), report, kind.feed)
        async with opened(setup, store=RowStore(work.checkpoint)) as router:
            with stopped_by_signals(job.stop):
                await job.run(router)
        await job.finish()
    if not (job.stopped or work.gave_up):
        work.conclude()
    return job.stopped


@contextlib.contextmanager
def _files(where: Path, header: Header, kind: Kind) -> Iterator[tuple[Checkpoint, ResultsFile]]:
    """Open the results and the record of what was begun, which lies beside them."""
    if where.exists() and not where.is_file():
        raise UsageError(f"{where}: is not a file; give another --results")
    if not where.parent.is_dir():
        raise UsageError(f"{where}: cannot be written: there is no folder {where.parent}")
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


def _list_problems(sheet: Sheet, checked: Checked, output: Output, kind: Kind, *, skip: bool) -> None:
    for problem in checked.problems:
        output.record(problem)
    for problem in checked.problems[:MOST_SHOWN]:
        output.note(f"{sheet.name}: {problem}")
    more = len(checked.problems) - MOST_SHOWN
    if more > 0:
        output.note(f"{sheet.name}: … and {more} more")
    count = len(checked.problems)
    each = "it" if count == 1 else "them"
    left_out = "it is left out" if count == 1 else "they are left out"
    then = left_out if skip else f"nothing was {kind.done}; mend {each}, or give --skip-bad"
    output.note(f"{sheet.name}: {count} of {plural(checked.good + count, 'row')} cannot be {kind.done}; {then}")


def _finish(work: Work, where: Path, output: Output, kind: Kind, *, stopped: bool) -> ExitCode:
    """Say what became of the rows; return how the command ends."""
    rows = [*work.tally.states.most_common()]
    output.table(("state", ">rows"), rows)
    for money in work.tally.money:
        output.show(f"spent: {money}")
    if not rows and not stopped:
        output.note(f"no row was left; to have all of them {kind.done} again, give another --results")
    output.note(f"results: {where}")
    if work.failed:
        output.note(f"failed, nothing was {kind.done}: {plural(work.failed, 'row')} (--repeat-failed {kind.again})")
    if work.gave_up:
        output.note(
            f"{work.outage.words}; {plural(work.left, 'row')} not {kind.done}: run the same command again later"
        )
        return ExitCode.FAILED
    if stopped:
        output.note("stopped; the same command goes on where this one stopped")
        return ExitCode.INTERRUPTED
    return ExitCode.GOOD if work.is_good else ExitCode.FAILED
