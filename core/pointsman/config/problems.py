"""Gathers everything that is wrong with a configuration, each with its line."""

import difflib
from collections.abc import Iterable

from pointsman.config.lines import Path, dotted, key_lines
from pointsman.errors import ConfigError, Problem

MAX_LISTED = 12
"""A hint names all that is known when it is no more than this."""


class Problems:
    """The problems of one file (and of the price lists that it names), in the order in which they were found."""

    def __init__(self, file: str, text: str = "") -> None:
        self.file = file
        self._text = text
        self._lines: dict[Path, int] | None = None
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, path: Path, message: str, suggestion: str | None = None) -> None:
        """Note a problem with the value at `path`, or with what is missing there."""
        self._found.append(
            Problem(
                file=self.file, line=self._line(path), key=dotted(path), message=message, suggestion=suggestion or None
            )
        )

    def add_all(self, problems: Iterable[Problem]) -> None:
        """Note problems that have been located already."""
        self._found.extend(problems)

    def error(self) -> ConfigError:
        """Return all problems as one error, in the order of the file; other files come after it."""
        return ConfigError(sorted(self._found, key=self._place))

    def _place(self, problem: Problem) -> tuple[bool, str, int]:
        return problem.file != self.file, problem.file, problem.line or 0

    def _line(self, path: Path) -> int | None:
        """Return the line of the longest part of the path that stands in the file."""
        if self._lines is None:
            self._lines = key_lines(self._text)
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None


def did_you_mean(word: str, known: Iterable[str], *, or_list: bool = True) -> str | None:
    """Return a hint at the known word that is most like this one, else (`or_list`) all of them when they are few."""
    words = sorted(set(known))
    close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    if or_list and 0 < len(words) <= MAX_LISTED:
        return "known: " + ", ".join(words)
    return None
