"""`pointsman lookup`: what the home location register says of numbers."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pointsman.cli.batch import FILE_ONLY, FileOptions, run_file
from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.fitness import check_fitness
from pointsman.cli.job import LOOKING
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.cli.results import LookupLine, describe_lookup
from pointsman.cli.rows import LookupReader, Row
from pointsman.cli.work import Kind
from pointsman.errors import InvalidMessage
from pointsman.message import HlrLookup, Money
from pointsman.outcome import State

COLUMNS = ("number", "result", "network", "operator", "ported", "roaming", "provider", ">price", "code")

FILE_HELP = "A file of numbers: one in each line, or a CSV file with the column to; - reads standard input."

Numbers = Annotated[str, Parameter(help="Numbers, such as +79161234567.")]
File = Annotated[Path | None, Parameter(help=FILE_HELP, allow_leading_hyphen=True)]


def lookup(
    *numbers: Numbers,
    file: File = None,
    options: FileOptions | None = None,
    common: Common | None = None,
) -> int:
    """Ask for the state and the network of numbers, given here or in a file (--file).

    All numbers are checked before the first is asked for. A run over a file that was stopped or killed is continued by
    the same command. Exit code 1 when not every number got an answer.
    """
    common = common or Common()
    if file is not None:
        if numbers:
            raise UsageError("--file brings its own numbers; leave the others out")
        kind = Kind("lookup", "looked up", "asks for them again", LookupReader(), LookupLine, describe_lookup, LOOKING)
        return run_file(file, kind, options or FileOptions(), common)
    if options not in (None, FileOptions()):
        raise UsageError(f"{FILE_ONLY} go with --file")
    if not numbers:
        raise UsageError("give numbers, or --file for many")
    setup = set_up(common)
    lines = asyncio.run(_look_up(numbers, setup))
    for line in lines:
        setup.output.record(line)
    setup.output.table(COLUMNS, [_cells(line) for line in lines], as_records=len(lines) == 1)
    good = all(line.state == State.RESOLVED for line in lines)
    return setup.output.ended(ExitCode.GOOD if good else ExitCode.FAILED, f"looked up: {len(lines)}")


async def _look_up(numbers: tuple[str, ...], setup: Setup) -> list[LookupLine]:
    rows = [
        Row(number=place, message=HlrLookup(to=number), reference="") for place, number in enumerate(numbers, start=1)
    ]
    async with opened(setup) as router:
        for row in rows:
            try:
                check_fitness(router, row.message)
            except InvalidMessage as problem:
                raise UsageError(f"number {row.number}: {problem.problem}; nothing was looked up") from None
        receipts = await router.send_many([row.message for row in rows])
    return [describe_lookup(row, receipt) for row, receipt in zip(rows, receipts, strict=True)]


def _cells(line: LookupLine) -> tuple[object, ...]:
    price = Money(Decimal(line.price), line.currency) if line.price else None
    network = " ".join(filter(None, (line.mccmnc, line.country)))
    known = (line.operator, line.ported, line.roaming, line.provider, price, line.code)
    return (f"+{line.to}", line.result or line.state, network, *known)
