"""`pointsman journal`: what is in a journal, whether it is sound, a copy of it, and saving what is left of it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.options import ConfigOption, JsonOption, find_config
from pointsman.cli.output import Output, plural
from pointsman.config import load_config
from pointsman.config.stores import SQLITE
from pointsman.loading import load_plugins
from pointsman.store.sqlite.copying import back_up
from pointsman.store.sqlite.looking import examine, overview
from pointsman.store.sqlite.salvage import salvage as save

FileArgument = Annotated[Path | None, Parameter(help="The journal; else the one that the configuration names.")]


def show(file: FileArgument = None, /, *, config: ConfigOption = None, json: JsonOption = False) -> int:
    """Show what is in a journal: its version and size, and how many messages are in which state."""
    output = Output(json=json)
    found = overview(_journal(file, config))
    output.record(found)
    oldest = output.clock_time(found.oldest_due) if found.oldest_due is not None else None
    output.table(
        ("", "~"),
        [
            ("file", found.file),
            ("version", found.version),
            ("size", f"{found.size / 1e6:.1f} MB"),
            ("messages", found.messages),
            *((f"  {stage.replace('_', ' ')}", count) for stage, count in found.stages.items()),
            ("oldest due", oldest),
            *((f"state {state}", count) for state, count in found.states.items()),
            ("news", found.news),
            ("webhooks to post", found.letters),
            ("webhooks given up", found.dead_letters),
        ],
    )
    return output.ended(ExitCode.GOOD)


def check(file: FileArgument = None, /, *, config: ConfigOption = None, json: JsonOption = False) -> int:
    """Check all of a journal and say what can be saved. Exit code 1 when it is damaged.

    It may be in use meanwhile. A large one takes its time.
    """
    output = Output(json=json)
    found = examine(_journal(file, config))
    output.record(found)
    if found.good:
        output.show(f"{found.file}: good, {plural(found.readable, 'message')}")
        return output.ended(ExitCode.GOOD)
    for problem in found.problems:
        output.note(f"{found.file}: {problem}")
    for table in found.unreadable:
        output.note(f"{found.file}: {table} cannot be read to the end")
    for message_id in found.damaged:
        output.note(f"{found.file}: message {message_id} is damaged")
    output.show(
        f"{found.file}: damaged; at least {plural(found.readable, 'message')} can be read."
        f" Restore a backup, or save what can be read: pointsman journal salvage {found.file} NEW"
    )
    return output.ended(ExitCode.FAILED)


def backup(
    target: Annotated[Path, Parameter(help="The file to make; it must not exist.")],
    /,
    *,
    journal: Annotated[Path | None, Parameter(name="--from", help="The journal, if not the configuration's.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Copy a journal as it is at this moment, also while a daemon uses it."""
    output = Output(json=json)
    source = _journal(journal, config)
    size = back_up(source, target)
    output.record({"journal": str(source), "backup": str(target), "size": size})
    output.show(f"{source} to {target}, {size / 1e6:.1f} MB")
    return output.ended(ExitCode.GOOD, "the backup was made")


def salvage(
    broken: Annotated[Path, Parameter(help="The damaged journal, or better a copy of it with its -wal.")],
    new: Annotated[Path, Parameter(help="The journal to make; it must not exist.")],
    /,
    *,
    json: JsonOption = False,
) -> int:
    """Save what can be read of a damaged journal into a new one. Exit code 1 when something is lost."""
    output = Output(json=json)
    saved = save(broken, new)
    for one in saved:
        output.record(one)
    output.table(
        ("table", "saved", "damaged", "gaps", "missing at most"),
        [(one.table, one.saved, one.damaged, one.gaps, one.missing) for one in saved],
    )
    is_lost = any(one.damaged or one.gaps for one in saved)
    return output.ended(ExitCode.FAILED if is_lost else ExitCode.GOOD, "the new journal was made")


def _journal(file: Path | None, config: Path | None) -> Path:
    """Return the journal that is meant. Raises `UsageError` when the configuration names none."""
    if file is not None:
        if config is not None:
            raise UsageError("name the journal or --config, not both")
        return file
    found = load_config(find_config(config), plugins=load_plugins())
    scheme, _, path = found.router.store.partition(":")
    if scheme != SQLITE:
        raise UsageError(f'{found.file}: store = "{found.router.store}" keeps no journal that is a file; name one')
    return Path(path)
