"""What a command writes: results to standard output, as tables or JSON; everything else to standard error."""

import os
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pointsman.clock import as_utc
from pointsman.secret import Secret
from pointsman.telemetry import Redactor

WIDTH_OF_A_FILE = 200
"""Columns where nobody knows how wide the paper is."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Output:
    """Where the results of one command go.

    Secrets are looked for in all of it, because providers like to repeat a password that they refuse.
    """

    def __init__(self, *, json: bool, secrets: Iterable[Secret] = ()) -> None:
        self.json = json
        self._redactor = Redactor(secrets)
        self._console = Console(
            width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE, highlight=False, markup=False, emoji=False
        )

    def record(self, value: object) -> None:
        """Write one line of JSON, if JSON is wanted."""
        if self.json:
            builtins = msgspec.to_builtins(value, enc_hook=str)
            line = msgspec.json.encode(self._hide(builtins)).decode() + "\n"
            try:
                sys.stdout.write(line)
                sys.stdout.flush()
            except BrokenPipeError:
                # Whoever read the results has gone; the job itself goes on, and its files tell what it did.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def show(self, renderable: RenderableType) -> None:
        """Write a table or a line for people, unless JSON is wanted."""
        if not self.json:
            self._console.print(renderable, soft_wrap=isinstance(renderable, str))

    def note(self, text: str) -> None:
        """Write a line to standard error."""
        print(self.clean(text), file=sys.stderr, flush=True)

    def clean(self, text: str) -> str:
        """Return a text without secrets and without what would command a terminal."""
        hidden = str(self._hide(text))
        return _UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], hidden)

    def table(self, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """Write a table for people; None is an empty cell, and `>` before a column's name aligns it to the right.

        Without any names there is no line of names.
        """
        columns = tuple(columns)
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
        for column in columns:
            table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
        for row in rows:
            table.add_row(*(Text(self.clean("" if cell is None else str(cell))) for cell in row))
        self.show(table)

    @staticmethod
    def clock_time(seconds: float) -> str:
        """Return epoch seconds as a time of the day where the user is, with the date unless it is today."""
        moment, now = as_utc(seconds).astimezone(), datetime.now(tz=UTC).astimezone()
        return moment.strftime("%H:%M:%S" if moment.date() == now.date() else "%Y-%m-%d %H:%M")

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
