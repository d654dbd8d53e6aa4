"""`pointsman statistics`, `prices` and `status`: what a provider itself says, asked for now."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from cyclopts import Parameter

from pointsman.cli.exits import ExitCode
from pointsman.cli.moments import HOW, read_moment, read_start, shown
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.cli.output import Output
from pointsman.engine.answers import COUNTS, Figures
from pointsman.message import Channel
from pointsman.outcome import Refused, Report
from pointsman.plugin import PriceQuote, Statistics
from pointsman.router import Router
from pointsman.routing.drift import Comparison
from pointsman.text import bundled_networks

T = TypeVar("T")
ProviderName = Annotated[str, Parameter(help="Its name in the configuration.")]
Since = Annotated[str, Parameter(help=f"The beginning: {HOW}.")]
Until = Annotated[str | None, Parameter(help="The end, which does not belong to it; else now. Written likewise.")]


def statistics(provider: ProviderName, /, *, since: Since, until: Until = None, common: Common | None = None) -> int:
    """Show a provider's own figures about a span of time: what it says that it sent and delivered.

    They are in its own counting and decide nothing. Exit code 1 when it does not tell.
    """
    now = datetime.now(UTC)
    start = read_start(since, until, now)
    end = read_moment("--until", until, now) if until is not None else now
    setup = set_up(common or Common())
    told = asyncio.run(ask(setup, lambda router: router.statistics(provider, since=start, until=end)))
    if isinstance(told, Refused):
        return refused(setup.output, provider, told)
    setup.output.record(told)
    setup.output.table(("from", "until", *(f">{name}" for name in (*COUNTS, "ratio"))), _figure_rows(told))
    return setup.output.ended(ExitCode.GOOD)


def prices(
    provider: ProviderName,
    /,
    *,
    check: Annotated[
        bool, Parameter(negative="", show_default=False, help="Exit code 1 when one of our prices is not theirs.")
    ] = False,
    common: Common | None = None,
) -> int:
    """Show the price list that a provider itself tells, each line beside ours.

    Exit code 1 when it does not tell, and with --check when the lists differ.
    """
    setup = set_up(common or Common())
    told = asyncio.run(ask(setup, lambda router: router.prices(provider)))
    if isinstance(told, Refused):
        return refused(setup.output, provider, told)
    for line in told:
        setup.output.record(line)
    setup.output.table(("for", ">theirs", ">ours", ">difference", "standing"), map(_price_cells, told))
    if not told:
        setup.output.note(f"{provider} lists no prices")
    drifted = sum(line.drift for line in told)
    if drifted:
        setup.output.note(f"our price differs in {drifted} of {len(told)} lines; correct prices of {provider}")
    return setup.output.ended(ExitCode.FAILED if check and drifted else ExitCode.GOOD)


def status(
    provider: ProviderName,
    /,
    *,
    id: Annotated[  # noqa: A002 - the option is called so
        list[str] | None,
        Parameter(
            help="The provider's id of the message; once for each where there are several.",
            negative="",
            allow_leading_hyphen=True,
        ),
    ] = None,
    reference: Annotated[str | None, Parameter(help="Our reference of the attempt, instead of an id.")] = None,
    to: Annotated[str | None, Parameter(help="The number that it was sent to.")] = None,
    channel: Annotated[Channel, Parameter(help="The service that carried it.")] = Channel.SMS,
    common: Common | None = None,
) -> int:
    """Ask a provider what became of one message. Exit code 1 when it says nothing about it."""
    setup = set_up(common or Common())
    ids = tuple(id or ())
    told = asyncio.run(
        ask(setup, lambda router: router.status(provider, ids, reference, to=to, channel=channel)),
    )
    if isinstance(told, Refused):
        return refused(setup.output, provider, told)
    for report in told:
        setup.output.record(report)
    columns = ("id", "state", "final", "time", "network", "operator", ">price", "code", "~detail")
    setup.output.table(columns, map(_report_cells, told), as_records=len(told) == 1)
    if not told:
        setup.output.note(f"{provider} says nothing about this message")
    return setup.output.ended(ExitCode.GOOD if told else ExitCode.FAILED)


async def ask(setup: Setup, question: Callable[[Router], Awaitable[T]]) -> T:
    """Ask over a router that runs only for that."""
    async with opened(setup) as router:
        return await question(router)


def refused(output: Output, provider: str, why: Refused) -> ExitCode:
    """Say that a provider did not answer, and why; return how the command ends."""
    output.note(f"pointsman: {refusal(provider, why)}")
    return output.ended(ExitCode.FAILED)


def refusal(provider: str, why: Refused) -> str:
    """Return a refusal in words; `Output` takes the secrets out."""
    code = f" ({why.code})" if why.code not in (None, why.fault) else ""
    return f"{provider} did not answer: {why.fault}{code}" + (f": {why.detail}" if why.detail else "")


def _figure_rows(told: Figures) -> list[tuple[object, ...]]:
    rows = [(shown(one.window.start), shown(one.window.end), *_figure_cells(one.figures)) for one in told.windows]
    return rows if len(rows) == 1 else [*rows, ("together", "", *_figure_cells(told.sums))]


def _figure_cells(figures: Statistics) -> tuple[object, ...]:
    return (*(getattr(figures, name) for name in COUNTS), figures.delivery_ratio)


def _price_cells(line: Comparison) -> tuple[object, ...]:
    return (_what(line), line.quote.price, line.ours or "not listed", _percent(line.difference), line.standing)


def _what(line: Comparison) -> str:
    """Return what a line is for: the provider's place, and ours where that is another one."""
    words = [line.quote.channel, *_place(line.quote)]
    row = line.row
    if row is not None and row.mccmnc is not None and row.mccmnc != line.quote.mccmnc:
        words += ["→", row.mccmnc, bundled_networks().name(row.mccmnc) or ""]
    return " ".join(filter(None, words))


def _place(quote: PriceQuote) -> tuple[str, ...]:
    code = quote.mccmnc or quote.mcc or ""
    return quote.country or "", code, quote.name or bundled_networks().name(code) or ""


def _percent(difference: Decimal | None) -> str:
    return "" if difference is None else "0 %" if not difference else f"{difference:+.1f} %"


def _report_cells(report: Report) -> tuple[object, ...]:
    lookup = report.lookup
    network = lookup.network if lookup is not None else None
    return (
        report.provider_id,
        lookup.state if lookup is not None else report.state,
        "yes" if report.final else "no",
        shown(report.at),
        " ".join(filter(None, (network.mccmnc, network.country))) if network is not None else "",
        lookup.operator if lookup is not None else None,
        report.price,
        report.code,
        report.detail or None,
    )
