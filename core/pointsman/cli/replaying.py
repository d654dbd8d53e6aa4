"""`pointsman replay`: makes recorded decisions again, exactly or under another condition."""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.options import JsonOption
from pointsman.cli.output import Output, plural
from pointsman.clock import SystemClock
from pointsman.config.prices import read_price_file
from pointsman.config.problems import did_you_mean
from pointsman.config.rows import RowReader
from pointsman.engine.journal import read_decisions
from pointsman.engine.strategies import strategies_of
from pointsman.loading import load_plugins
from pointsman.message import MessageClass, Money
from pointsman.routing.journal import Entry
from pointsman.routing.replay import Replayed, Side, Suppose, Survey, WhatIf, replay, survey, what_if
from pointsman.routing.strategy import Strategy
from pointsman.routing.tariff import Rates, Tariff

SHOWN = 20
"""Differences and unreadable lines that are shown."""
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is no decision."""

    line: int
    problem: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What `replay` found."""

    replayed: Replayed
    unreadable: int = 0
    """Lines that are no decisions."""
    lines: tuple[Unreadable, ...] = ()
    """The first of them."""
    what_if: WhatIf | None = None


class _File:
    """A file of decisions, read from its beginning each time that it is gone through."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.unreadable = 0
        self.lines: list[Unreadable] = []

    def __iter__(self) -> Iterator[Entry]:
        self.unreadable, self.lines = 0, []
        return read_decisions(self._path, self._note)

    def _note(self, line: int, problem: str) -> None:
        self.unreadable += 1
        if len(self.lines) < SHOWN:
            self.lines.append(Unreadable(line=line, problem=problem))


def _repeated(text: str) -> Parameter:
    return Parameter(negative="", show_default=False, help=f"{text}; may be given again.")


def again(
    file: Annotated[Path, Parameter(help="What `decisions` of the configuration named.")],
    /,
    *,
    strategy: Annotated[str | None, Parameter(help="What if this strategy had chosen.")] = None,
    without: Annotated[tuple[str, ...], _repeated("What if this provider had taken nothing")] = (),
    prices: Annotated[tuple[str, ...], _repeated("What if PROVIDER=FILE.csv had been its price list")] = (),
    loss: Annotated[tuple[str, ...], _repeated("What if a lost message cost CLASS=AMOUNT")] = (),
    json: JsonOption = False,
) -> int:
    """Make the decisions in a file again from what they were made from, and compare to the last bit.

    Nobody is contacted, and no configuration is needed. With one of the questions it also says what would have been
    chosen otherwise. Exit code 1 when a decision comes out differently or a line cannot be read.
    """
    output, entries = Output(json=json), _File(file)
    strategies = _strategies()
    try:
        replayed = replay(entries, strategies)
        asked = bool(strategy or without or prices or loss)
        change = _supposed(survey(entries), strategies, strategy, without, prices, loss) if asked else None
        answer = what_if(entries, change, strategies) if change is not None else None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from None
    found = Answer(replayed=replayed, unreadable=entries.unreadable, lines=tuple(entries.lines), what_if=answer)
    output.record(found)
    _show(found, file, output)
    good = replayed.agreed == replayed.decisions and not entries.unreadable
    return output.ended(ExitCode.GOOD if good else ExitCode.FAILED)


def _strategies() -> Mapping[str, Strategy]:
    """Return the strategies that there are, those of installed plugins included."""
    return strategies_of(load_plugins().strategies, SystemClock(), _tell_nobody)


def _tell_nobody(name: str, reason: str) -> None:
    del name, reason  # a strategy that breaks here shows as decisions that come out differently


def _supposed(
    seen: Survey,
    strategies: Mapping[str, Strategy],
    strategy: str | None,
    without: Iterable[str],
    prices: Iterable[str],
    loss: Iterable[str],
) -> Suppose:
    if strategy is not None and strategy not in strategies:
        raise UsageError(f"--strategy: {_unknown(strategy, strategies)}; there are {', '.join(strategies)}")
    for name in without:
        _check_provider("--without", name, seen)
    return Suppose(
        strategy=strategy,
        without=frozenset(without),
        tariffs=dict(_tariff(text, seen) for text in prices),
        losses=dict(map(_loss, loss)),
    )


def _tariff(text: str, seen: Survey) -> tuple[str, Tariff]:
    name, divider, path = text.partition("=")
    if not divider or not path:
        raise UsageError(f"--prices: {text}: expected PROVIDER=FILE.csv")
    _check_provider("--prices", name, seen)
    currency = seen.currency or ""
    rates = Rates(currency, {**seen.rates, currency: Decimal(1)})
    reader = RowReader(None, {**seen.rates, currency: Decimal(1)}, guess=seen.accounts[name] or currency)
    rows, problems = read_price_file(Path(path), path, reader)
    if problems:
        raise UsageError(*map(str, problems))
    return name, Tariff(rows, rates)


def _loss(text: str) -> tuple[MessageClass, Decimal]:
    name, _, amount = text.partition("=")
    if name not in set(MessageClass) or not _AMOUNT.fullmatch(amount):
        raise UsageError(f"--loss: {text}: expected CLASS=AMOUNT, such as otp=0.50; classes: {', '.join(MessageClass)}")
    return MessageClass(name), Decimal(amount)


def _check_provider(option: str, name: str, seen: Survey) -> None:
    if name not in seen.accounts:
        raise UsageError(f"{option}: {_unknown(name, seen.accounts)}: no decision knows this provider")


def _unknown(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, tuple(known), or_list=False)
    return f"{name} ({hint})" if hint else name


def _show(answer: Answer, file: Path, output: Output) -> None:
    replayed = answer.replayed
    output.show(f"{plural(replayed.decisions, 'decision')} in {file}: {replayed.agreed} come out as they were made")
    for difference in replayed.differences[:SHOWN]:
        output.show(f"  {difference.id}: {difference.what}")
    _more(replayed.decisions - replayed.agreed, "decision that differs", "decisions that differ", output)
    for one in answer.lines:
        output.show(f"  line {one.line} cannot be read: {one.problem}")
    _more(answer.unreadable, "line that cannot be read", "lines that cannot be read", output)
    if answer.what_if is not None:
        output.show("")
        _show_what_if(answer.what_if, output)


def _more(count: int, one: str, many: str, output: Output) -> None:
    if count > SHOWN:
        output.show(f"  and {plural(count - SHOWN, 'more ' + one, 'more ' + many)}")


def _show_what_if(found: WhatIf, output: Output) -> None:
    before, after = found.before, found.after
    output.table(
        ("", ">as it was", ">what if", ">difference"),
        [
            ("decisions for another provider", None, found.changed, None),
            ("spend", *_spend(before.spend, after.spend, found.currency)),
            ("expected deliveries", *_deliveries(before, after)),
            ("with unknown price", *_counts(before.unpriced, after.unpriced)),
            ("nobody could take it", *_counts(before.nobody, after.nobody)),
            *(
                (name, *_shares(before.shares.get(name, 0), after.shares.get(name, 0), found.decisions))
                for name in sorted({*before.shares, *after.shares})
            ),
        ],
    )


def _spend(before: Decimal, after: Decimal, currency: str) -> tuple[Money, Money, Money]:
    was, would = round(before, 4), round(after, 4)
    return Money(was, currency), Money(would, currency), Money(would - was, currency)


def _deliveries(before: Side, after: Side) -> tuple[str, str, str]:
    return f"{before.delivered:.1f}", f"{after.delivered:.1f}", f"{after.delivered - before.delivered:+.1f}"


def _counts(before: int, after: int) -> tuple[int, int, str]:
    return before, after, f"{after - before:+d}"


def _shares(before: int, after: int, whole: int) -> tuple[str, str, str]:
    return f"{before / whole:.1%}", f"{after / whole:.1%}", f"{(after - before) / whole:+.1%}"
