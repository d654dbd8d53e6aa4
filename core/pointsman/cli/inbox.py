"""`pointsman inbox`: the messages that people sent to us, once or again and again."""

import asyncio
import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from pointsman.cli.asking import ProviderName, ask, refusal, refused
from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.job import stopped_by_signals
from pointsman.cli.moments import HOW, read_moment, read_start, shown
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.config.values import parse_duration
from pointsman.errors import PointsmanError
from pointsman.outcome import Refused
from pointsman.plugin import Incoming
from pointsman.router import Router
from pointsman.routing.inbox import InboxCursor

LAST = "24h"
"""How far back a first look goes."""
COLUMNS = ("time", "from", "to", "id", "~text")

SinceOption = Annotated[str | None, Parameter(help=f"The beginning, else {LAST} ago: {HOW}.")]
UntilOption = Annotated[str | None, Parameter(help="The end, which does not belong to it; else now. Written likewise.")]
FollowOption = Annotated[
    bool, Parameter(negative="", show_default=False, help="Go on and show what comes, until Ctrl-C.")
]
CursorOption = Annotated[
    Path | None, Parameter(help="A file that remembers what was shown; a repeated run shows only what is new.")
]
EveryOption = Annotated[str, Parameter(help="The pause between two looks with --follow.")]


class CursorFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file of --cursor holds."""

    provider: str
    cursor: InboxCursor
    version: Literal[1] = 1


def inbox(
    provider: ProviderName,
    /,
    *,
    since: SinceOption = None,
    until: UntilOption = None,
    follow: FollowOption = False,
    cursor: CursorOption = None,
    every: EveryOption = "30s",
    common: Common | None = None,
) -> int:
    """Show the messages that people sent to an account, each once.

    With --cursor a message counts as shown when it has been written. Exit code 1 when the provider does not tell.
    """
    now = datetime.now(UTC)
    if until is not None and (follow or cursor is not None):
        raise UsageError("--until goes neither with --follow nor with --cursor, which both end now")
    end = read_moment("--until", until, now) if until is not None else now
    start = read_start(since or LAST, until, now)
    pause = _pause(every)
    begun = _read(cursor, provider, since) if cursor is not None else None
    setup = set_up(common or Common())
    if not follow and cursor is None:
        told = asyncio.run(ask(setup, lambda router: router.inbox(provider, since=start, until=end)))
        if isinstance(told, Refused):
            return refused(setup.output, provider, told)
        _show(setup, told)
        return setup.output.ended(ExitCode.GOOD)
    reading = _Reading(provider, begun or InboxCursor.starting(start), cursor, setup)
    return setup.output.ended(asyncio.run(reading.follow(pause) if follow else reading.once()))


class _Reading:
    """Looks into an inbox, each time for what is new. State: how far it has been read."""

    def __init__(self, provider: str, cursor: InboxCursor, file: Path | None, setup: Setup) -> None:
        self._provider = provider
        self._cursor = cursor
        self._file = file
        self._setup = setup

    async def once(self) -> ExitCode:
        """Look once; return how the command ends."""
        async with opened(self._setup) as router:
            return await self._look(router)

    async def follow(self, pause: float) -> ExitCode:
        """Look again and again until a signal comes or nobody reads any more. A refusal is said, and asked again."""
        stop = asyncio.Event()
        code = ExitCode.GOOD
        with stopped_by_signals(stop.set):
            async with opened(self._setup) as router:
                while not (stop.is_set() or self._setup.output.is_lost):
                    code = await self._look(router)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), pause)
        return code

    async def _look(self, router: Router) -> ExitCode:
        told = await router.incoming(self._provider, self._cursor)
        if isinstance(told, Refused):
            self._setup.output.note(f"pointsman: {refusal(self._provider, told)}")
            return ExitCode.FAILED
        messages, cursor = told
        _show(self._setup, messages)
        if not self._setup.output.is_lost:
            self._cursor = cursor
            if self._file is not None:
                _write(self._file, CursorFile(provider=self._provider, cursor=cursor))
        return ExitCode.GOOD


def _show(setup: Setup, messages: tuple[Incoming, ...]) -> None:
    for message in messages:
        setup.output.record(message)
    setup.output.table(
        COLUMNS, [(shown(one.at), one.sender, one.to, one.id, one.text) for one in messages], as_records=False
    )


def _pause(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--every: {error}") from None


def _read(path: Path, provider: str, since: str | None) -> InboxCursor | None:
    """Return how far an earlier run came; None when there was none. Raises `UsageError`."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise UsageError(f"--cursor: there is no folder {path.parent}") from None
        return None
    except OSError as error:
        raise UsageError(f"--cursor: {path} cannot be read: {error.strerror}") from None
    try:
        kept = msgspec.json.decode(content, type=CursorFile)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UsageError(f"--cursor: {path} is not a file of this command; name another one") from None
    if kept.provider != provider:
        raise UsageError(f"--cursor: {path} is about {kept.provider}; give each provider a file of its own")
    if since is not None:
        raise UsageError(f"--since: {path} says already where to go on; leave --since out, or name another --cursor")
    return kept.cursor


def _write(path: Path, content: CursorFile) -> None:
    """Replace the file as a whole, so that a crash leaves the old one or the new one. Raises `PointsmanError`."""
    target = path.resolve()  # a link stays a link
    beside = target.with_name(f"{target.name}.new")
    try:
        with beside.open("wb") as stream:
            stream.write(msgspec.json.encode(content) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        problem = f"{path}: cannot be written: {error.strerror}; what was just shown will be shown again"
        raise PointsmanError(problem) from None
