"""What a command writes: results to standard output, as tables or JSON; everything else to standard error."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from pointsman.cli.exits import ExitCode
from pointsman.clock import as_utc
from pointsman.message import Money
from pointsman.secret import Secret
from pointsman.telemetry import Redactor
from pointsman.text.tables import lay_out

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Output:
    """Where the results of one command go.

    Secrets are looked for in all of it, because providers like to repeat a password that they refuse. A standard output
    that takes nothing does not stop a command: what it does is more than what it says. `ended` tells of it.
    """

    def __init__(self, *, json: bool, secrets: Iterable[Secret] = ()) -> None:
        self.json = json
        self._failure: str | None = None
        self._gone = False
        self._redactor = Redactor(secrets)
        # It only finds words for the terminal; what it makes is written by `_write`, which knows what a full disk is.
        terminal = sys.stdout is not None and sys.stdout.isatty()
        self._console = Console(file=io.StringIO(), force_terminal=terminal, highlight=False, markup=False, emoji=False)
        self._width = self._console.width if self._console.is_terminal else None

    def record(self, value: object) -> None:
        """Write one line of JSON, if JSON is wanted."""
        if self.json:
            builtins = msgspec.to_builtins(value, enc_hook=str)
            self._write(msgspec.json.encode(self._hide(builtins)).decode() + "\n")

    def show(self, text: str, *, style: str = "") -> None:
        """Write a line for people, unless JSON is wanted."""
        if not self.json:
            with self._console.capture() as captured:
                self._console.print(Text(text, style=style), soft_wrap=True)
            self._write(captured.get())

    def note(self, text: str) -> None:
        """Write a line to standard error."""
        # Without one, `print` would take standard output instead.
        if sys.stderr is not None:
            with contextlib.suppress(OSError):
                print(self.clean(text), file=sys.stderr, flush=True)

    def clean(self, text: str) -> str:
        """Return a text without secrets and without what would command a terminal."""
        hidden = str(self._hide(text))
        return _UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], hidden)

    def table(self, columns: Iterable[str], rows: Iterable[Iterable[object]], *, as_records: bool = False) -> None:
        """Write a table for people, as `lay_out` does."""
        cells: list[Sequence[object]] = [
            [cell if cell is None or isinstance(cell, Money) else self.clean(str(cell)) for cell in row] for row in rows
        ]
        laid = lay_out(columns, cells, self._width, as_records=as_records)
        if laid.heading is not None:
            self.show(laid.heading, style="bold")
        for line in laid.lines:
            self.show(line)

    def ended(self, code: ExitCode, done: str = "") -> ExitCode:
        """Return the exit code; say so if the results could not be written, and what was `done` nevertheless."""
        if self._failure is None:
            return code
        self.note(f"pointsman: cannot write the results: {self._failure}" + (f"; {done}" if done else ""))
        return ExitCode.FAILED if code is ExitCode.GOOD else code

    @property
    def is_lost(self) -> bool:
        """What is written reaches nobody any more: the reader has gone, or standard output takes nothing."""
        return self._gone or self._failure is not None

    @staticmethod
    def clock_time(seconds: float) -> str:
        """Return epoch seconds as a time of the day where the user is, with the date unless it is today."""
        moment, now = as_utc(seconds).astimezone(), datetime.now(tz=UTC).astimezone()
        return moment.strftime("%H:%M:%S" if moment.date() == now.date() else "%Y-%m-%d %H:%M")

    def _write(self, text: str) -> None:
        if self._gone or self._failure is not None:
            return
        if sys.stdout is None:
            self._failure = "standard output is closed"
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read the results has gone, which is no failure: the files and the exit code tell what was done.
            self._gone = True
            forget_standard_output()
        except OSError as error:
            self._failure = error.strerror or type(error).__name__
            forget_standard_output()

    def _hide(self, value: Any) -> Any:
        match value:
            case str():
                return self._redactor(None, "", {"text": value})["text"]
            case dict():
                return {name: self._hide(item) for name, item in value.items()}
            case list() | tuple():
                return [self._hide(item) for item in value]
            case _:
                return value


def forget_standard_output() -> None:
    """Let what is still buffered go nowhere, so that it does not fail again when the interpreter flushes it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: 1 row, 2 rows."""
    return f"{count} {one if count == 1 else many or one + 's'}"
