"""Prints the report for people."""

from collections.abc import Collection

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pointsman.demo.report import Doubt, Report, Settlement
from pointsman.message import Channel, MessageClass

_WORDS = {
    Settlement.TAKEN: "asked: it was taken",
    Settlement.NOT_TAKEN: "asked: never arrived, sent by",
    Settlement.REPORTED: "reported: it was taken",
    Settlement.SENT_AGAIN: "sent again by",
    Settlement.LEFT_UNKNOWN: "left unknown",
}


def show(report: Report, console: Console) -> None:
    """Print all parts, the verdict last."""
    _print(console, "Messages by final state", _messages(report))
    _print(console, "Calls and outcomes", _calls(report))
    _print(console, "What providers said, or we of their silence, when they did not take it", _codes(report))
    _print(console, "Failovers by code", _failovers(report))
    _print(console, _money_title(report), _money(report))
    _print(
        console,
        "Balances: other is what was paid in, less what others spent; believed is what the router takes to be there",
        _balances(report),
    )
    _print(console, "Breakers that moved", _breakers(report))
    _print(console, "Unknown outcomes and how each was settled", _unknowns(report))
    _duplicates(report, console)
    seen = f"{report.requests_made} calls, a line for each; {report.requests_seen} of them reached a sandbox"
    console.print(f"Log      {escape(report.log)} ({seen})", soft_wrap=True)
    console.print(f"Metrics  {escape(report.metrics)}\n", soft_wrap=True)
    _verdict(report, console)


def _print(console: Console, title: str, table: Table) -> None:
    console.print(f"[bold]{title}[/]", soft_wrap=True)
    console.print(table)


def _table(*headings: str, numbers: Collection[str] = ()) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        is_number = heading in numbers
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=heading != "settled")
    table.caption = " "
    return table


def _messages(report: Report) -> Table:
    columns = (*(one.value for one in MessageClass), "lookups")
    counts: dict[str, dict[str, int]] = {}
    for row in report.messages:
        column = "lookups" if row.channel is Channel.HLR else row.message_class.value
        line = counts.setdefault(row.state.value if row.state is not None else "refused before routing", {})
        line[column] = line.get(column, 0) + row.count
    table = _table("state", *columns, numbers=columns)
    for state, line in sorted(counts.items()):
        table.add_row(state, *(str(line.get(column, "")) for column in columns))
    return table


def _calls(report: Report) -> Table:
    outcomes = sorted({row.outcome for row in report.calls})
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in report.calls:
        counts.setdefault((row.provider, row.operation), {})[row.outcome] = row.count
    table = _table("provider", "operation", *outcomes, "all", numbers=(*outcomes, "all"))
    for (provider, operation), line in counts.items():
        table.add_row(provider, operation, *(str(line.get(one, "")) for one in outcomes), str(sum(line.values())))
    return table


def _codes(report: Report) -> Table:
    table = _table("provider", "operation", "code", "calls", numbers=["calls"])
    for row in report.codes:
        table.add_row(row.provider, row.operation, escape(row.code), str(row.count))
    return table


def _failovers(report: Report) -> Table:
    table = _table("from", "to", "why", "code", "messages", numbers=["messages"])
    for row in report.failovers:
        why = row.fault or row.cause.replace("_", " ")
        table.add_row(row.from_provider, row.to_provider, why, escape(row.code), str(row.count))
    return table


def _money_title(report: Report) -> str:
    savings = report.savings
    share = 1 - savings.spent / savings.dearest if savings.dearest else 0
    dearest = f"{savings.dearest:.4f} {savings.currency} at the dearest provider for each message"
    return f"Money: {savings.spent:.4f} {savings.currency} booked, {dearest} ({share:.1%} saved)"


def _money(report: Report) -> Table:
    table = _table("provider", "booked", "in doubt", "currency", numbers=["booked", "in doubt"])
    for row in report.spending:
        table.add_row(row.provider, f"{row.booked:.4f}", f"{row.in_doubt:.4f}", row.currency)
    return table


def _balances(report: Report) -> Table:
    figures = ("before", "charged", "other", "after", "believed")
    table = _table("provider", *figures, "currency", numbers=figures)
    for row in report.balances:
        amounts = (row.before, row.charged, row.other, row.after, row.believed)
        shown = ("?" if amount is None else f"{amount:.4f}" for amount in amounts)
        table.add_row(row.provider, *shown, row.currency)
    return table


def _breakers(report: Report) -> Table:
    table = _table("provider", "channel", "from", "to", "reason")
    for row in report.breakers:
        table.add_row(row.provider, row.channel, row.before, row.after, escape(row.reason))
    return table


def _unknowns(report: Report) -> Table:
    table = _table("message", "class", "provider", "why", "settled")
    for doubt in report.unknowns:
        kind = "lookup" if doubt.channel is Channel.HLR else doubt.message_class.value
        why = f"{doubt.reason} {doubt.code}" if doubt.code not in (None, doubt.reason) else doubt.reason
        table.add_row(doubt.message, kind, doubt.provider, escape(why), _settled(doubt))
    return table


def _settled(doubt: Doubt) -> str:
    words = _WORDS[doubt.settlement]
    return f"{words} {doubt.next_provider or 'nobody'}" if words.endswith(" by") else words


def _duplicates(report: Report, console: Console) -> None:
    allowed = sum(one.allowed for one in report.duplicates)
    forbidden = len(report.duplicates) - allowed
    console.print(f"[bold]Duplicates[/]: {forbidden} where the rules forbid them, {allowed} where they allow them")
    for one in report.duplicates:
        why = "sent again after an unknown outcome, which is allowed" if one.allowed else "FORBIDDEN"
        console.print(f"  {one.message}, {one.message_class}, by {' and '.join(one.providers)}: {why}", soft_wrap=True)
    console.print()


def _verdict(report: Report, console: Console) -> None:
    for deviation in report.deviations:
        console.print(f"[red]deviation[/] {escape(deviation.about)}: {escape(deviation.problem)}", soft_wrap=True)
    total = sum(row.count for row in report.messages)
    if report.ok:
        console.print(f"[bold green]All {total} messages ended as the script implies[/] ({report.seconds:.1f} s)")
    else:
        console.print(f"[bold red]{len(report.deviations)} deviations from the script[/] ({report.seconds:.1f} s)")
