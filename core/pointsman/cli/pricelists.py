"""`pointsman prices check`, `import` and `diff`: price lists as files; nobody is contacted."""

import os
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.options import ConfigOption, JsonOption, find_config
from pointsman.cli.output import Output, plural
from pointsman.config import Config, load_config
from pointsman.config.changes import Difference, differences
from pointsman.config.examine import Finding, Placed, examine
from pointsman.config.foreign import SOURCES, Plan, read_foreign, written
from pointsman.config.prices import read_numbered_rows
from pointsman.config.problems import did_you_mean
from pointsman.config.rows import RowReader
from pointsman.errors import ConfigError, Problem
from pointsman.loading import load_plugins
from pointsman.message import Channel
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.text import bundled_networks

NO_CURRENCY = "XXX"
"""ISO 4217 for no currency: that of rows in a file that names none, when nobody says whose list it is."""


class AnyCurrency:
    """Contains every currency: without a configuration nobody knows which have a rate."""

    def __contains__(self, name: object) -> bool:
        """Say yes."""
        return True


def check(
    *files: Annotated[Path, Parameter(help="Price lists; else all that the configuration names.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Look for mistakes in price lists: what cannot be read, and what can be read and is strange.

    Exit code 2 when something cannot be read, 1 when something is strange.
    """
    output = Output(json=json)
    if files:
        if config is not None:
            raise UsageError("name files or --config, not both")
        lists = [(str(file), _placed(file, str(file), output)) for file in files]
    else:
        lists = list(_configured(find_config(config), output))
    bad = any(rows is None for _, rows in lists)
    found: list[Finding] = []
    for name, rows in lists:
        found += examine(name, rows or (), bundled_networks(), datetime.now(UTC))
    for finding in found:
        output.record(finding)
        output.show(str(finding))
    rows_read = sum(len(rows or ()) for _, rows in lists)
    output.note(f"{plural(len(lists), 'list')}, {plural(rows_read, 'row')}, {plural(len(found), 'remark')}")
    return output.ended(ExitCode.USAGE if bad else ExitCode.FAILED if found else ExitCode.GOOD)


def diff(
    old: Annotated[Path, Parameter(help="The list as it was.")],
    new: Annotated[Path, Parameter(help="The list as it is to be.")],
    /,
    *,
    check: Annotated[
        bool, Parameter(negative="", show_default=False, help="Exit code 1 when anything is different.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Show what is different between two price lists: added, removed and changed rows, with percent."""
    output = Output(json=json)
    lists = [_placed(file, str(file), output) for file in (old, new)]
    if lists[0] is None or lists[1] is None:
        return output.ended(ExitCode.USAGE)
    found = differences(*([one.row for one in rows] for rows in lists if rows is not None))
    for one in found:
        output.record({**_as_dict(one), "percent": one.percent})
    output.table(("", "for", ">old", ">new", ">difference", "~other changes"), map(_cells, found))
    counts = {kind: sum(one.kind == kind for one in found) for kind in ("added", "removed", "changed")}
    output.note(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return output.ended(ExitCode.FAILED if check and found else ExitCode.GOOD)


def import_(
    file: Annotated[Path, Parameter(help="The provider's table: CSV in UTF-8, UTF-16 or Windows-1251.")],
    /,
    *,
    provider: Annotated[
        str | None, Parameter(help="Whose list it is, by its name in the configuration: for the currency.")
    ] = None,
    column: Annotated[
        list[str] | None,
        Parameter(help="OURS=THEIRS, once for each column that is called something else.", negative=""),
    ] = None,
    delimiter: Annotated[str | None, Parameter(help="What divides the cells; else the first row tells.")] = None,
    channel: Annotated[Channel | None, Parameter(help="Of rows that name none.")] = None,
    currency: Annotated[str | None, Parameter(help="Of rows that name none.")] = None,
    charged_on: Annotated[ChargedOn | None, Parameter(help="Of rows that do not say.")] = None,
    out: Annotated[Path | None, Parameter(help="The file to write; else standard output.")] = None,
    replace: Annotated[bool, Parameter(negative="", show_default=False, help="Overwrite --out.")] = False,
    skip_bad: Annotated[
        bool, Parameter(negative="", show_default=False, help="Leave out rows that cannot be read.")
    ] = False,
    config: ConfigOption = None,
) -> int:
    """Turn a provider's own price table into a price list of ours.

    Each row that cannot be read is told with its line; then nothing is written, unless --skip-bad is given.
    """
    if out is not None and out.exists() and not replace:
        raise UsageError(f"{out} is there already; give another --out, or --replace")
    if delimiter is not None and len(delimiter) != 1:
        raise UsageError("--delimiter is one character")
    defaults = {"channel": channel, "currency": currency, "charged_on": charged_on}
    plan = Plan(
        names=_names(column or ()),
        delimiter=delimiter,
        defaults={name: str(value) for name, value in defaults.items() if value is not None},
    )
    output = Output(json=False)
    rows, problems = read_foreign(_content(file), str(file), plan, _reader(provider, config))
    for problem in problems:
        output.note(str(problem))
    bad_lines = len({problem.line for problem in problems})
    if problems and (not skip_bad or not rows):
        output.note(f"{plural(bad_lines, 'line')} could not be read; nothing was written")
        return output.ended(ExitCode.USAGE)
    if not rows:
        raise UsageError(f"{file}: there is no row below the names of the columns")
    _write(written([row for _, row in rows]), out, output)
    left = f", {plural(bad_lines, 'line')} left out" if problems else ""
    output.note(f"{plural(len(rows), 'row')}{f' to {out}' if out is not None else ''}{left}")
    return output.ended(ExitCode.FAILED if problems else ExitCode.GOOD)


def _placed(file: Path, shown: str, output: Output, reader: RowReader | None = None) -> Sequence[Placed] | None:
    """Return the rows of a file with their places, or None after telling what cannot be read."""
    rows, problems = read_numbered_rows(file, shown, reader or RowReader(None, AnyCurrency(), NO_CURRENCY))
    for problem in problems:
        _tell(problem, output)
    return None if problems else [Placed(f"{shown}:{line}", row) for line, row in rows]


def _tell(problem: Problem, output: Output) -> None:
    output.record(problem)
    output.note(str(problem))


def _configured(file: Path, output: Output) -> Iterator[tuple[str, Sequence[Placed] | None]]:
    """Yield the lists of a configuration that can be read, files and tables alike."""
    try:
        config = load_config(file, plugins=load_plugins())
    except ConfigError as error:
        for problem in error.problems:
            _tell(problem, output)
        yield str(file), None
        return
    tables: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))["providers"]
    for name, provider in config.providers.items():
        prices = tables[name].get("prices")
        if isinstance(prices, str):
            path = file.parent / prices
            yield str(path), _placed(path, str(path), output, RowReader(provider.currency, AnyCurrency()))
        elif prices:
            where = f"{file}: providers.{name}.prices"
            yield where, [Placed(f"{where}[{place}]", row) for place, row in enumerate(provider.prices)]


def _reader(provider: str | None, config: Path | None) -> RowReader:
    """Return what reads the rows: for a provider in the currency of its account."""
    if provider is None:
        return RowReader(None, AnyCurrency())
    loaded: Config = load_config(find_config(config), plugins=load_plugins())
    if provider not in loaded.providers:
        raise UsageError(f"there is no provider {provider!r}; there are {', '.join(loaded.providers)}")
    return RowReader(loaded.providers[provider].currency, AnyCurrency())


def _names(pairs: Sequence[str]) -> Mapping[str, str]:
    names = {}
    for pair in pairs:
        mine, found, theirs = pair.partition("=")
        if not found or not theirs:
            raise UsageError(f"--column {pair!r}: write OURS=THEIRS, such as price=Цена")
        if mine not in SOURCES:
            hint = did_you_mean(mine, SOURCES)
            raise UsageError(f"--column {pair!r}: we have no column {mine!r}" + (f" ({hint})" if hint else ""))
        names[mine] = theirs
    return names


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None


def _write(text: str, out: Path | None, output: Output) -> None:
    """Write a list whole or not at all: into a file beside it, which takes its place when it is on the disk."""
    if out is None:
        for line in text.splitlines():
            output.show(line)
        return
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    except OSError as error:
        raise UsageError(f"--out: {out} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        Path(name).chmod(0o644)
        Path(name).replace(out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _as_dict(one: Difference) -> dict[str, object]:
    return {"kind": one.kind, "what": one.what, "old": one.old, "new": one.new}


def _cells(one: Difference) -> tuple[object, ...]:
    percent = one.percent
    return (
        one.kind,
        one.what,
        _price(one.old),
        _price(one.new),
        f"{percent:+.1f} %" if percent else None,
        ", ".join(_others(one)) or None,
    )


def _price(row: PriceRow | None) -> str | None:
    if row is None:
        return None
    return format(row.price, "f") if row.currency == NO_CURRENCY else f"{row.price:f} {row.currency}"


def _others(one: Difference) -> Iterator[str]:
    if one.old is not None and one.new is not None:
        if one.old.charged_on is not one.new.charged_on:
            yield f"charged on {one.new.charged_on}"
        if one.old.valid_to != one.new.valid_to:
            yield f"until {one.new.valid_to.isoformat() if one.new.valid_to is not None else 'further notice'}"
