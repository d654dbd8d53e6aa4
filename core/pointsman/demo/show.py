"""Prints the report for people."""

import msgspec
from rich.console import Console
from rich.text import Text

from pointsman.demo.report import Doubt, Report, Settlement
from pointsman.message import Channel, MessageClass, Money
from pointsman.text.tables import amounts, folded, lay_out

_WORDS = {
    Settlement.TAKEN: "asked: it was taken",
    Settlement.NOT_TAKEN: "asked: never arrived, sent by",
    Settlement.REPORTED: "reported: it was taken",
    Settlement.SENT_AGAIN: "sent again by",
    Settlement.LEFT_UNKNOWN: "left unknown",
}


class Table(msgspec.Struct):
    """A table on its way to paper."""

    columns: tuple[str, ...]
    """As `lay_out` reads them."""
    rows: list[tuple[object, ...]] = msgspec.field(default_factory=list)


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
    _print(console, _duplicates_title(report), _duplicates(report))
    seen = f"{report.requests_made} calls, a line for each; {report.requests_seen} of them reached a sandbox"
    _say(console, f"Log      {report.log}")
    _say(console, f"         {seen}")
    _say(console, f"Metrics  {report.metrics}")
    _say(console, "")
    _verdict(report, console)


def _print(console: Console, title: str, table: Table) -> None:
    width = console.width if console.is_terminal else None
    for line in folded(title, width):
        _say(console, line, style="bold")
    laid = lay_out(table.columns, table.rows, width)
    for line in filter(None, (laid.heading, *laid.lines)):
        _say(console, line)
    _say(console, "")


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(line, style=style), soft_wrap=True)


def _messages(report: Report) -> Table:
    columns = (*(one.value for one in MessageClass), "lookups")
    counts: dict[str, dict[str, int]] = {}
    for row in report.messages:
        column = "lookups" if row.channel is Channel.HLR else row.message_class.value
        line = counts.setdefault(row.state.value if row.state is not None else "refused before routing", {})
        line[column] = line.get(column, 0) + row.count
    table = Table(("state", *(f">{column}" for column in columns)))
    for state, line in sorted(counts.items()):
        table.rows.append((state, *(line.get(column) for column in columns)))
    return table


def _calls(report: Report) -> Table:
    outcomes = sorted({row.outcome for row in report.calls})
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in report.calls:
        counts.setdefault((row.provider, row.operation), {})[row.outcome] = row.count
    table = Table(("provider", "operation", *(f">{outcome}" for outcome in outcomes), ">all"))
    for (provider, operation), line in counts.items():
        table.rows.append((provider, operation, *(line.get(one) for one in outcomes), sum(line.values())))
    return table


def _codes(report: Report) -> Table:
    rows: list[tuple[object, ...]] = [(row.provider, row.operation, row.code, row.count) for row in report.codes]
    return Table(("provider", "operation", "code", ">calls"), rows)


def _failovers(report: Report) -> Table:
    table = Table(("from", "to", "why", "code", ">messages"))
    for row in report.failovers:
        why = row.fault or row.cause.replace("_", " ")
        table.rows.append((row.from_provider, row.to_provider, why, row.code, row.count))
    return table


def _money_title(report: Report) -> str:
    savings = report.savings
    share = 1 - savings.spent / savings.dearest if savings.dearest else 0
    dearest = f"{savings.dearest:.4f} {savings.currency} at the dearest provider for each message"
    return f"Money: {savings.spent:.4f} {savings.currency} booked, {dearest} ({share:.1%} saved)"


def _money(report: Report) -> Table:
    table = Table(("provider", ">booked", ">in doubt"))
    for row in report.spending:
        table.rows.append((row.provider, Money(row.booked, row.currency), Money(row.in_doubt, row.currency)))
    return table


def _balances(report: Report) -> Table:
    table = Table(("provider", ">before", ">charged", ">other", ">after", ">believed", "currency"))
    for row in report.balances:
        figures = (row.before, row.charged, row.other, row.after, row.believed)
        shown = amounts([Money(one, row.currency) if one is not None else None for one in figures])
        bare = (one.removesuffix(f" {row.currency}") or "?" for one in shown)
        table.rows.append((row.provider, *bare, row.currency))
    return table


def _breakers(report: Report) -> Table:
    table = Table(("provider", "channel", "network", "from", "to", "~reason"))
    for row in report.breakers:
        table.rows.append((row.provider, row.channel, row.network or "all", row.before, row.after, row.reason))
    return table


def _unknowns(report: Report) -> Table:
    table = Table(("message", "class", "provider", "why", "~settled"))
    for doubt in report.unknowns:
        kind = "lookup" if doubt.channel is Channel.HLR else doubt.message_class.value
        why = f"{doubt.reason} {doubt.code}" if doubt.code not in (None, doubt.reason) else doubt.reason
        table.rows.append((doubt.message, kind, doubt.provider, why, _settled(doubt)))
    return table


def _settled(doubt: Doubt) -> str:
    words = _WORDS[doubt.settlement]
    return f"{words} {doubt.next_provider or 'nobody'}" if words.endswith(" by") else words


def _duplicates_title(report: Report) -> str:
    allowed = sum(one.allowed for one in report.duplicates)
    forbidden = len(report.duplicates) - allowed
    return f"Duplicates: {forbidden} where the rules forbid them, {allowed} where they allow them"


def _duplicates(report: Report) -> Table:
    table = Table(("message", "class", "taken by", "~verdict"))
    for one in report.duplicates:
        verdict = "sent again, which is allowed" if one.allowed else "FORBIDDEN"
        table.rows.append((one.message, one.message_class, " and ".join(one.providers), verdict))
    return table


def _verdict(report: Report, console: Console) -> None:
    for deviation in report.deviations:
        _say(console, f"deviation {deviation.about}: {deviation.problem}", style="red")
    total = sum(row.count for row in report.messages)
    if report.ok:
        _say(console, f"All {total} messages ended as the script implies ({report.seconds:.1f} s)", style="bold green")
    else:
        count = len(report.deviations)
        _say(
            console,
            f"{count} deviation{'s' if count > 1 else ''} from the script ({report.seconds:.1f} s)",
            style="bold red",
        )
